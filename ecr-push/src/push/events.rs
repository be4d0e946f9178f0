//! [`Events`]: a push that reports its events while it runs.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::mpsc;

use crate::error::Error;
use crate::push::pushed::Pushed;
use crate::report::Event;

/// A push that reports its events, from [`Push::events`](crate::Push::events).
///
/// The push moves from one step to the next only while [`next`](Self::next) or
/// [`finish`](Self::finish) is awaited. Between polls, uploads that have started continue as tasks
/// of the runtime.
///
/// # Cancellation
/// Dropping `Events` cancels the push, including the uploads in flight; see [`Push`](crate::Push)
/// for what remains. The future of `next` is cancel safe: you can drop it, as in `tokio::select!`,
/// and call `next` again without losing an event. Dropping the future of `finish` cancels the push.
#[must_use = "a push makes no step unless its events or its outcome are awaited"]
pub struct Events {
    state: PushState,
    receiver: mpsc::UnboundedReceiver<Event>,
    /// The events that were queued when the push ended.
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

    /// Returns the next event. Returns `None` when the push has ended; then
    /// [`finish`](Self::finish) returns its outcome.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// Returns the outcome. If the push is still running, waits for it and drops further events.
    ///
    /// # Errors
    /// Returns the same errors as awaiting the [`Push`](crate::Push) itself.
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
            // The push holds the sender, so the channel can't close before the push has ended.
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
