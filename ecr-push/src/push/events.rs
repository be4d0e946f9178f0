//! What happens during a push, as it happens.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::mpsc;

use crate::error::Error;
use crate::image::layer::Layer;
use crate::names::digest::Digest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::push::pushed::Pushed;
use crate::push::tags::TagChange;

/// One step of a push.
///
/// Enough to draw a bar for each layer and one for all of them: [`Planned`](Self::Planned) has the
/// total of a repository, [`LayerProgress`](Self::LayerProgress) the bytes of a layer that have
/// arrived. Whatever was lost on the way and is made good can be seen, too.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The file given as [`checkpoint`](crate::Push::checkpoint) is none, or can't be read or
    /// written: it is left as it is, and the push goes on without.
    #[non_exhaustive]
    CheckpointIgnored {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A layer is complete in a repository.
    #[non_exhaustive]
    LayerFinished {
        /// Which repository.
        repository: Repository,
        /// Which layer.
        layer: Layer,
    },
    /// The repository has the layer now, from [another one](crate::Push::mount_from): nothing is
    /// sent.
    #[non_exhaustive]
    LayerMounted {
        /// Which repository.
        repository: Repository,
        /// Which layer.
        layer: Layer,
    },
    /// A repository has more of a layer, or, where it has lost some, less.
    #[non_exhaustive]
    LayerProgress {
        /// Which repository.
        repository: Repository,
        /// Which layer.
        layer: Layer,
        /// How many of its bytes have arrived so far; by [`Transport::Registry`][registry], how many
        /// are on their way, too.
        ///
        /// [registry]: crate::Transport::Registry
        sent: u64,
    },
    /// The upload of a layer was lost, or refused for something that went wrong on the way, and
    /// begins anew.
    #[non_exhaustive]
    LayerRestarted {
        /// Which repository.
        repository: Repository,
        /// Which layer.
        layer: Layer,
        /// Why.
        reason: String,
    },
    /// The upload of a layer that an earlier push began goes on.
    #[non_exhaustive]
    LayerResumed {
        /// Which repository.
        repository: Repository,
        /// Which layer.
        layer: Layer,
        /// How many of its bytes have arrived by then.
        sent: u64,
    },
    /// The repository has the layer already: nothing is sent.
    #[non_exhaustive]
    LayerSkipped {
        /// Which repository.
        repository: Repository,
        /// Which layer.
        layer: Layer,
    },
    /// A layer's upload begins.
    #[non_exhaustive]
    LayerStarted {
        /// Which repository.
        repository: Repository,
        /// Which layer.
        layer: Layer,
    },
    /// A manifest is in the repository now, by its digest.
    #[non_exhaustive]
    ManifestPut {
        /// Which repository.
        repository: Repository,
        /// The manifest's digest.
        digest: Digest,
    },
    /// What has to be sent to a repository is known. Comes again where layers have vanished from
    /// it before the image was complete, and are sent once more.
    #[non_exhaustive]
    Planned {
        /// Which repository.
        repository: Repository,
        /// How many layers and configs the image has.
        layers: usize,
        /// How many of them the repository lacks.
        missing: usize,
        /// The bytes of those.
        bytes: u64,
    },
    /// A repository that was missing has been created.
    #[non_exhaustive]
    RepositoryCreated {
        /// Which one.
        repository: Repository,
    },
    /// A request failed in a way that may pass, and the SDK sends it again.
    #[non_exhaustive]
    RequestRetried {
        /// The operation, such as `UploadLayerPart`.
        operation: &'static str,
        /// Which repository.
        repository: Repository,
        /// The number of the attempt that is made now: 2 or more.
        attempt: u32,
        /// What became of the one before it.
        reason: String,
    },
    /// A tag is on the image.
    #[non_exhaustive]
    Tagged {
        /// Which repository.
        repository: Repository,
        /// The tag.
        tag: Tag,
        /// The image's digest.
        digest: Digest,
        /// What this has changed.
        change: TagChange,
    },
}

/// A push that tells what it does, from [`Push::events`](crate::Push::events).
///
/// The push goes from one step to the next only while [`next`](Self::next) or
/// [`finish`](Self::finish) is awaited; the layers that are on their way go on meanwhile, as tasks
/// of the runtime.
///
/// # Cancellation
/// Dropping it cancels the push, layers on their way included; see [`Push`](crate::Push) for what
/// is left behind. The future of `next` can be dropped, as in `tokio::select!`, and `next` called
/// again: nothing is lost. Dropping the future of `finish` cancels the push.
pub struct Events {
    state: State,
    receiver: mpsc::UnboundedReceiver<Event>,
    /// Events that came while the push ended.
    last: VecDeque<Event>,
}

enum State {
    Running(Pin<Box<dyn Future<Output = Result<Pushed, Error>> + Send>>),
    Ended(Result<Pushed, Error>),
}

impl Events {
    pub(crate) fn new(
        push: impl Future<Output = Result<Pushed, Error>> + Send + 'static,
        receiver: mpsc::UnboundedReceiver<Event>,
    ) -> Self {
        Self { state: State::Running(Box::pin(push)), receiver, last: VecDeque::new() }
    }

    /// The next event; `None` when the push has ended, and [`finish`](Self::finish) has its
    /// outcome.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// The outcome; waits for it where the push is still going, without further events.
    ///
    /// # Errors
    /// As awaiting the [`Push`](crate::Push) itself.
    pub async fn finish(self) -> Result<Pushed, Error> {
        match self.state {
            State::Running(push) => push.await,
            State::Ended(outcome) => outcome,
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if let State::Running(push) = &mut self.state
            && let Poll::Ready(outcome) = push.as_mut().poll(context)
        {
            self.state = State::Ended(outcome);
            while let Ok(event) = self.receiver.try_recv() {
                self.last.push_back(event);
            }
        }
        match &self.state {
            // The push keeps the sender, so that the channel can't close before it has ended.
            State::Running(_) => self.receiver.poll_recv(context),
            State::Ended(_) => Poll::Ready(self.last.pop_front()),
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Running(_) => "running",
            State::Ended(Ok(_)) => "succeeded",
            State::Ended(Err(_)) => "failed",
        };
        f.debug_struct("Events").field("push", &state).finish_non_exhaustive()
    }
}

/// Where a push reports to; nowhere, where nobody asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reporter(Option<mpsc::UnboundedSender<Event>>);

impl Reporter {
    pub(crate) fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(Some(sender)), receiver)
    }

    pub(crate) fn report(&self, event: Event) {
        if let Some(sender) = &self.0 {
            // A closed channel means that the caller wants the outcome only.
            let _ = sender.send(event);
        }
    }
}
