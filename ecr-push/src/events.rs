//! What happens during a push, as it happens.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::mpsc;

use crate::error::Error;
use crate::image::Layer;
use crate::names::{Digest, Tag};
use crate::push::Pushed;

/// One step of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A layer is complete in the repository.
    #[non_exhaustive]
    LayerFinished {
        /// Which one.
        layer: Layer,
    },
    /// More of a layer has arrived.
    #[non_exhaustive]
    LayerProgress {
        /// Which one.
        layer: Layer,
        /// How many of its bytes have arrived so far.
        sent: u64,
    },
    /// The repository has the layer already: nothing is sent.
    #[non_exhaustive]
    LayerSkipped {
        /// Which one.
        layer: Layer,
    },
    /// A layer's upload begins.
    #[non_exhaustive]
    LayerStarted {
        /// Which one.
        layer: Layer,
    },
    /// A manifest is in the repository, by its digest.
    #[non_exhaustive]
    ManifestPut {
        /// The manifest's digest.
        digest: Digest,
    },
    /// What has to be sent is known.
    #[non_exhaustive]
    Planned {
        /// How many layers and configs the image has.
        layers: usize,
        /// How many of them the repository lacks.
        missing: usize,
        /// The bytes of those.
        bytes: u64,
    },
    /// A tag is on the image.
    #[non_exhaustive]
    Tagged {
        /// The tag.
        tag: Tag,
        /// The image's digest.
        digest: Digest,
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
