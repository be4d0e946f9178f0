//! Work on other threads, awaited where it was ordered.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;
use tokio::task::{JoinError, spawn_blocking};

/// Runs file reading and hashing off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    joined(spawn_blocking(work).await).await
}

/// As [`blocking`], for work that may take long: it is told to stop when nobody waits for it any
/// more.
pub(crate) async fn stoppable<T: Send + 'static>(
    work: impl FnOnce(&Stop) -> T + Send + 'static,
) -> T {
    let (_wanted, stop) = Wanted::new();
    blocking(move || work(&stop)).await
}

/// Whether work is still wanted.
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

/// What stops work when it is dropped.
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

/// What keeps its [`AllDone`] waiting, until the last clone is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Working(
    #[expect(dead_code, reason = "held for its end")] mpsc::Sender<Infallible>,
);

/// The other end of all clones of a [`Working`].
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
        // Nothing is ever sent: it ends when nobody can any more.
        self.0.recv().await;
    }
}

/// What a task returned; its panic goes on here.
pub(crate) async fn joined<T>(ended: Result<T, JoinError>) -> T {
    match returned(ended) {
        Some(done) => done,
        None => std::future::pending().await,
    }
}

/// As [`joined`], for whoever polls; `None` where there is nothing to come any more: only a runtime
/// that shuts down cancels a task, and then nobody polls again.
pub(crate) fn returned<T>(ended: Result<T, JoinError>) -> Option<T> {
    match ended {
        Ok(done) => Some(done),
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => None,
        },
    }
}
