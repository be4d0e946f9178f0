//! [`Events`]: a push that is watched while it works.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::mpsc;

use crate::error::Error;
use crate::push::pushed::Pushed;
use crate::report::Event;

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
#[must_use = "a push makes no step unless its events or its outcome are awaited"]
pub struct Events {
    state: PushState,
    receiver: mpsc::UnboundedReceiver<Event>,
    /// Events that came while the push ended.
    last: VecDeque<Event>,
}

enum PushState {
    Ended(Result<Pushed, Error>),
    Running(Pin<Box<dyn Future<Output = Result<Pushed, Error>> + Send>>),
}

impl Events {
    pub(crate) fn new(
        push: impl Future<Output = Result<Pushed, Error>> + Send + 'static,
        receiver: mpsc::UnboundedReceiver<Event>,
    ) -> Self {
        Self { state: PushState::Running(Box::pin(push)), receiver, last: VecDeque::new() }
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
            PushState::Running(push) => push.await,
            PushState::Ended(outcome) => outcome,
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if let PushState::Running(push) = &mut self.state
            && let Poll::Ready(outcome) = push.as_mut().poll(context)
        {
            self.state = PushState::Ended(outcome);
            while let Ok(event) = self.receiver.try_recv() {
                self.last.push_back(event);
            }
        }
        match &self.state {
            // The push keeps the sender, so that the channel can't close before it has ended.
            PushState::Running(_) => self.receiver.poll_recv(context),
            PushState::Ended(_) => Poll::Ready(self.last.pop_front()),
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            PushState::Running(_) => "running",
            PushState::Ended(Ok(_)) => "succeeded",
            PushState::Ended(Err(_)) => "failed",
        };
        f.debug_struct("Events").field("push", &state).finish_non_exhaustive()
    }
}
