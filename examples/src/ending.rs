//! The exit codes of the programs: 0 on success, 1 on failure. Clap exits with 2 on bad usage.

use std::error::Error;
use std::io::{Write as _, stderr};
use std::process::ExitCode;

/// Any failure of a program.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Runs a program's work and returns its exit code. Prints a failure on stderr with all its causes.
/// Ctrl-C counts as a failure: the work is dropped, which stops an emulator and removes temporary
/// files.
pub async fn run(work: impl Future<Output = Result<(), BoxError>>) -> ExitCode {
    let outcome = tokio::select! {
        outcome = work => outcome,
        Ok(()) = tokio::signal::ctrl_c() => {
            Err("interrupted: operations that AWS has accepted continue".into())
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

/// Ignores a closed stderr: the exit code still reports the failure.
fn print(error: &dyn Error) {
    let mut stderr = stderr().lock();
    let _ = writeln!(stderr, "error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = writeln!(stderr, "  caused by: {error}");
        cause = error.source();
    }
}
