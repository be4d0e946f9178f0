//! Work on other threads that an async caller awaits.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, spawn_blocking};

/// Runs file reading and hashing off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    joined(spawn_blocking(work).await).await
}

/// Does the same as [`blocking`] for work that may take long. Sets `Stop` when the caller drops the
/// future.
pub(crate) async fn stoppable<T: Send + 'static>(
    work: impl FnOnce(&Stop) -> T + Send + 'static,
) -> T {
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
pub(crate) async fn joined<T>(ended: Result<T, JoinError>) -> T {
    match returned(ended) {
        Some(done) => done,
        None => std::future::pending().await,
    }
}

/// Does the same as [`joined`] for a caller that polls. Returns `None` if the task was cancelled;
/// only the shutdown of the runtime cancels a task, and after that nothing polls again.
pub(crate) fn returned<T>(ended: Result<T, JoinError>) -> Option<T> {
    match ended {
        Ok(done) => Some(done),
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => None,
        },
    }
}
