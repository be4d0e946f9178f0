//! [`Events`]: the events of a rollout, one by one.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::error::Error;
use crate::model::deployed::Deployed;
use crate::report::{Event, Story};

/// The events of a rollout as they happen. The rollout makes progress only while
/// [`next`](Self::next) or [`finish`](Self::finish) is awaited: nothing runs in the background.
///
/// # Cancellation
/// The future of `next` can be dropped and `next` called again, as in `tokio::select!`, without
/// losing an event. Dropping the `Events` stops the watch, but ECS continues what it was asked to
/// do. Before [`Event::Started`], at most an unused registered revision remains.
#[must_use = "the rollout makes progress only while its events are awaited"]
pub struct Events {
    inner: EventFuture<Event, Deployed>,
}

impl Events {
    pub(crate) fn new<F>(run: impl FnOnce(Story) -> F) -> Self
    where
        F: Future<Output = Result<Deployed, Error>> + Send + 'static,
    {
        let inner = EventFuture::new(|sender| {
            let story = Story::new(sender);
            let future = run(story.clone());
            async move {
                let outcome = future.await;
                story.tell(match &outcome {
                    Ok(deployed) => Event::Succeeded { revision: deployed.revision().to_owned() },
                    Err(error) => Event::Failed { kind: error.kind() },
                });
                outcome
            }
        });
        Self { inner }
    }

    /// Returns the next event; `None` once the rollout has succeeded or failed.
    /// [`finish`](Self::finish) has the outcome.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.poll_next(context)).await
    }

    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.inner.poll_next(context)
    }

    /// Waits for the end, and returns the outcome. Unread events are dropped.
    ///
    /// # Errors
    /// Returns the errors of [`RollOut`](crate::RollOut).
    pub async fn finish(self) -> Result<Deployed, Error> {
        self.inner.finish().await
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("outcome", &self.inner.outcome).finish_non_exhaustive()
    }
}

/// A future that sends events while it is polled.
pub(crate) struct EventFuture<E, T> {
    future: Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>,
    receiver: UnboundedReceiver<E>,
    pub(crate) outcome: Option<Result<T, Error>>,
}

impl<E, T> EventFuture<E, T> {
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
        // Events from now on have no reader.
        drop(receiver);
        match outcome {
            Some(outcome) => outcome,
            None => future.await,
        }
    }
}

/// Implements `events` and `IntoFuture` for a builder that ends with a complete deployment.
macro_rules! outcome_and_events {
    ($builder:ident) => {
        impl $builder {
            /// Returns the events as they happen. Nothing happens until their
            /// [`next`](crate::events::Events::next) or [`finish`](crate::events::Events::finish)
            /// is awaited.
            pub fn events(self) -> crate::rollout::events::Events {
                crate::rollout::events::Events::new(|story| self.run(story))
            }
        }

        /// Awaiting it returns the outcome without the events.
        impl IntoFuture for $builder {
            type Output = Result<crate::model::deployed::Deployed, crate::error::Error>;
            type IntoFuture = std::pin::Pin<Box<dyn Future<Output = Self::Output> + Send>>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(self.events().finish())
            }
        }
    };
}
pub(crate) use outcome_and_events;
