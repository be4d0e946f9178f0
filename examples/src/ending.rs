//! How a program ends: 0 when it is really done, 1 on failure. Bad usage is 2, by clap.

use std::error::Error;
use std::io::{Write as _, stderr};
use std::process::ExitCode;

/// Any failure of a program.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Does a program's work, and returns its exit code. A failure is printed on stderr, with every
/// cause behind it. Ctrl-C is a failure, and what the work had set up is taken down.
pub async fn run(work: impl Future<Output = Result<(), BoxError>>) -> ExitCode {
    let outcome = tokio::select! {
        outcome = work => outcome,
        Ok(()) = tokio::signal::ctrl_c() => {
            Err("interrupted; what AWS has been told to do, it does nevertheless".into())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print(&*error);
            ExitCode::FAILURE
        }
    }
}

/// Where stderr is closed, the exit code has to do.
fn print(error: &dyn Error) {
    let mut stderr = stderr().lock();
    let _ = writeln!(stderr, "error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = writeln!(stderr, "  caused by: {error}");
        cause = error.source();
    }
}
