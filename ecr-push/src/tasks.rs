//! Work on other threads that an async caller awaits.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, spawn_blocking};

use crate::error::Error;

/// Runs file reading and hashing off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    joined(spawn_blocking(work).await)
}

/// Does the same as [`blocking`] for work that may take long. Sets `Stop` when the caller drops the
/// future.
pub(crate) async fn stoppable<T: Send + 'static>(
    work: impl FnOnce(&Stop) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let (_wanted, stop) = Wanted::new();
    blocking(move || work(&stop)).await
}

/// Does the same as [`stoppable`] on a thread of its own, for work that may wait for another program
/// for any time: the runtime's shutdown doesn't wait for this thread.
///
/// # Errors
/// Returns an error if the thread can't be started.
pub(crate) async fn detached<T: Send + 'static>(
    work: impl FnOnce(&Stop) -> T + Send + 'static,
) -> io::Result<T> {
    let (_wanted, stop) = Wanted::new();
    let (sender, receiver) = oneshot::channel();
    // If the caller is gone, the result is discarded.
    let run = move || drop(sender.send(work(&stop)));
    let thread = thread::Builder::new().name("ecr-push stream".to_owned()).spawn(run)?;
    match receiver.await {
        Ok(done) => Ok(done),
        Err(_) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => Err(io::ErrorKind::Other.into()),
        },
    }
}

/// A flag that is set when the result is no longer wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A guard that stops the work when it is dropped.
#[derive(Debug)]
pub(crate) struct Wanted(Stop);

impl Wanted {
    pub(crate) fn new() -> (Self, Stop) {
        let stop = Stop::default();
        (Self(stop.clone()), stop)
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// A guard that keeps its [`AllDone`] waiting until the last clone is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Working(
    #[expect(dead_code, reason = "dropping it is the signal")] mpsc::Sender<Infallible>,
);

/// A receiver that waits for all clones of a [`Working`].
#[derive(Debug)]
pub(crate) struct AllDone(mpsc::Receiver<Infallible>);

impl Working {
    pub(crate) fn new() -> (Self, AllDone) {
        let (working, done) = mpsc::channel(1);
        (Self(working), AllDone(done))
    }
}

impl AllDone {
    pub(crate) async fn wait(mut self) {
        // The channel carries no messages; `recv` returns when the last sender is dropped.
        self.0.recv().await;
    }
}

/// Returns the result of a task. Propagates its panic.
///
/// A task is cancelled when its runtime is shut down. Futures are still polled then: by another
/// runtime that shares them, by a thread that blocks on them, and by the runtime's own threads until
/// they notice the shutdown. So a cancelled task is an error and must not be polled again.
pub(crate) fn joined<T>(ended: Result<Result<T, Error>, JoinError>) -> Result<T, Error> {
    match ended {
        Ok(done) => done,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::shut_down()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::error::kind::ErrorKind;

    #[test]
    fn work_after_the_end_of_its_runtime_fails() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let handle = runtime.handle().clone();
        drop(runtime);
        let _entered = handle.enter();
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(ended) = pin!(blocking(|| Ok(()))).poll(&mut context) else {
            panic!("it waits for a runtime that has ended");
        };
        let error = ended.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert!(!error.is_retryable());
        assert_eq!(
            error.to_string(),
            "the tokio runtime was shut down before the work ended: keep the runtime until then"
        );
    }
}
