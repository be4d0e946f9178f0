//! How a program ends: 0 when it is really done, 1 on failure. Bad usage is 2, by clap.

use std::error::Error;
use std::process::ExitCode;

/// Any failure of a program.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The exit code of `outcome`; a failure is printed on stderr, with every cause behind it.
pub fn end(outcome: Result<(), BoxError>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  caused by: {error}");
        cause = error.source();
    }
    ExitCode::FAILURE
}
