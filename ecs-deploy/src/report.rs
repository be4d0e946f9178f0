//! [`Event`]s: the story of a rollout, and [`Events`], which tells it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::error::{Error, ErrorKind};
use crate::model::handle::Handle;
use crate::rollout::preflight::Finding;
use crate::rollout::roll_out::Deployed;
use crate::watch::diagnosis::TaskFailure;
use crate::watch::staged::Pause;

/// Something that happened in a rollout. `Display` is one line for people.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// It ended without success. The last event: [`Events::finish`] has the error.
    Failed(ErrorKind),
    /// A message of the service itself, once each, in the order in which ECS wrote them.
    Message(String),
    /// It stands still at a lifecycle hook until somebody decides.
    Paused(Pause),
    /// The number of the deployment's tasks changed.
    Progress(Progress),
    /// The new revision has been registered; this is its ARN.
    Registered(String),
    /// ECS goes back to this `FAMILY:REVISION`, by itself or because it was told to.
    RollingBack(String),
    /// A deployment by stages has come to this one: its name, and the new revision's share of the
    /// traffic.
    Stage(String),
    /// The deployment has begun. Whoever has the handle can follow it, from another process too.
    Started(Handle),
    /// It is complete: the revision of this ARN runs. The last event.
    Succeeded(String),
    /// A task of this deployment failed, or somebody stopped it.
    TaskFailed(TaskFailure),
    /// The service already runs this revision: nothing is registered, nothing is deployed. This is
    /// its ARN.
    Unchanged(String),
    /// What a look before the rollout found, and doesn't keep it from beginning.
    Warning(Finding),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Failed(kind) => write!(f, "failed: {kind:?}"),
            Event::Message(text) => f.write_str(text),
            Event::Paused(pause) => pause.fmt(f),
            Event::Progress(progress) => progress.fmt(f),
            Event::Registered(arn) => write!(f, "registered {arn}"),
            Event::RollingBack(to) if to.is_empty() => f.write_str("rolling back"),
            Event::RollingBack(to) => write!(f, "rolling back to {to}"),
            Event::Stage(stage) => write!(f, "at {stage}"),
            Event::Started(handle) => write!(f, "started {}", handle.deployment()),
            Event::Succeeded(revision) => write!(f, "{revision} runs"),
            Event::TaskFailed(failure) => failure.fmt(f),
            Event::Unchanged(arn) => write!(f, "unchanged {arn}"),
            Event::Warning(finding) => write!(f, "warning: {finding}"),
        }
    }
}

/// How many tasks of a deployment there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub(crate) desired: u32,
    pub(crate) running: u32,
    pub(crate) pending: u32,
    pub(crate) failed: u32,
}

impl Progress {
    /// How many the service wants.
    pub fn desired(&self) -> u32 {
        self.desired
    }

    /// How many run.
    pub fn running(&self) -> u32 {
        self.running
    }

    /// How many are on their way.
    pub fn pending(&self) -> u32 {
        self.pending
    }

    /// How many failed in a row, as ECS counts: a healthy task sets it back.
    pub fn failed(&self) -> u32 {
        self.failed
    }
}

/// `1 of 2 running, 1 pending, 3 failed`
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { desired, running, pending, failed } = self;
        write!(f, "{running} of {desired} running")?;
        for (count, what) in [(pending, "pending"), (failed, "failed")] {
            if *count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

/// The events of a rollout as they happen. The rollout goes on only while
/// [`next`](Self::next) or [`finish`](Self::finish) is awaited: nothing runs in the background.
///
/// # Cancellation
/// `next` can be dropped and called again, as in `tokio::select!`: nothing is lost. Dropping the
/// `Events` stops watching; what ECS has been told to do, it does nevertheless. Before
/// [`Event::Started`] that may be nothing, or a registered revision that nobody uses.
#[must_use = "the rollout goes on only while its events are awaited"]
pub struct Events {
    told: Told<Event, Deployed>,
}

impl Events {
    pub(crate) fn new<F>(run: impl FnOnce(Story) -> F) -> Self
    where
        F: Future<Output = Result<Deployed, Error>> + Send + 'static,
    {
        let told = Told::new(|sender| {
            let story = Story { sender: Some(sender) };
            let future = run(story.clone());
            async move {
                let outcome = future.await;
                story.tell(match &outcome {
                    Ok(deployed) => Event::Succeeded(deployed.revision().to_owned()),
                    Err(error) => Event::Failed(error.kind()),
                });
                outcome
            }
        });
        Self { told }
    }

    /// The next event; `None` once the rollout has ended, well or not:
    /// [`finish`](Self::finish) has the outcome.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.poll_next(context)).await
    }

    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.told.poll_next(context)
    }

    /// Waits for the end, and returns the outcome. Events that nobody has asked for are dropped.
    ///
    /// # Errors
    /// Those of [`RollOut`](crate::RollOut).
    pub async fn finish(self) -> Result<Deployed, Error> {
        self.told.finish().await
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("outcome", &self.told.outcome).finish_non_exhaustive()
    }
}

/// A future that tells of itself while it is awaited.
pub(crate) struct Told<E, T> {
    future: Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>,
    receiver: UnboundedReceiver<E>,
    pub(crate) outcome: Option<Result<T, Error>>,
}

impl<E, T> Told<E, T> {
    pub(crate) fn new<F>(run: impl FnOnce(UnboundedSender<E>) -> F) -> Self
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let (sender, receiver) = unbounded_channel();
        Self { future: Box::pin(run(sender)), receiver, outcome: None }
    }

    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<E>> {
        let Self { future, receiver, outcome } = self;
        if let Ok(event) = receiver.try_recv() {
            return Poll::Ready(Some(event));
        }
        if outcome.is_none() {
            match future.as_mut().poll(context) {
                Poll::Ready(result) => *outcome = Some(result),
                Poll::Pending => {
                    return match receiver.try_recv() {
                        Ok(event) => Poll::Ready(Some(event)),
                        Err(_) => Poll::Pending,
                    };
                }
            }
        }
        Poll::Ready(receiver.try_recv().ok())
    }

    pub(crate) async fn finish(self) -> Result<T, Error> {
        let Self { future, receiver, outcome } = self;
        // Nobody will ask for what is told from now on.
        drop(receiver);
        match outcome {
            Some(outcome) => outcome,
            None => future.await,
        }
    }
}

/// What ends with a deployment that is complete: its outcome when it is awaited, and its story.
macro_rules! awaited {
    ($awaited:ident) => {
        impl $awaited {
            /// The same as a story. Nothing happens until its [`next`](crate::Events::next) or
            /// [`finish`](crate::Events::finish) is awaited.
            pub fn events(self) -> crate::Events {
                crate::Events::new(|story| self.run(story))
            }
        }

        /// As a future, it is the outcome without its story.
        impl IntoFuture for $awaited {
            type Output = Result<crate::Deployed, crate::Error>;
            type IntoFuture = std::pin::Pin<Box<dyn Future<Output = Self::Output> + Send>>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(self.events().finish())
            }
        }
    };
}
pub(crate) use awaited;

/// Where a rollout tells its events.
#[derive(Debug, Clone, Default)]
pub(crate) struct Story {
    /// `None` where nobody is told.
    sender: Option<UnboundedSender<Event>>,
}

impl Story {
    pub(crate) fn tell(&self, event: Event) {
        tracing::debug!(%event);
        if let Some(sender) = &self.sender {
            // Nobody may be listening: the outcome comes without the story, too.
            let _ = sender.send(event);
        }
    }
}
