//! Work on other threads, awaited where it was ordered.

use tokio::task::{JoinError, spawn_blocking};

/// Runs file reading and hashing off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    joined(spawn_blocking(work).await).await
}

/// What a task returned; its panic goes on here.
pub(crate) async fn joined<T>(ended: Result<T, JoinError>) -> T {
    match ended {
        Ok(done) => done,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only a runtime that shuts down cancels it, and then nobody polls this any more.
            Err(_) => std::future::pending().await,
        },
    }
}
