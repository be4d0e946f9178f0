//! The exit codes of the programs: 0 on success, 1 on failure. Clap exits with 2 on bad usage.

use std::error::Error;
use std::io::{Write as _, stderr};
use std::process::{ExitCode, exit};
use std::time::Duration;

use ecs_deploy::{ErrorKind, Handle};

use crate::streams::lost_output;

/// Any failure of a program.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// How long the work may take to end after Ctrl-C.
const GRACE: Duration = Duration::from_secs(5);

/// Runs a program's work and returns its exit code. Prints a failure on stderr with all its causes,
/// and for a deployment that may continue the command to follow it. Ctrl-C counts as a failure: the
/// work is dropped, which stops an emulator and removes temporary files.
///
/// Work that blocks, as in a read from a terminal, is ended five seconds after Ctrl-C. Output that
/// could not be written counts as a failure too.
pub async fn run(work: impl Future<Output = Result<(), BoxError>>) -> ExitCode {
    tokio::spawn(async {
        if tokio::signal::ctrl_c().await.is_ok() {
            tokio::time::sleep(GRACE).await;
            exit(1);
        }
    });
    let outcome = tokio::select! {
        // Polled first: work that blocks from its first poll on is ended by Ctrl-C as usual.
        biased;
        outcome = work => outcome,
        Ok(()) = tokio::signal::ctrl_c() => {
            Err("interrupted: operations that AWS has accepted continue".into())
        }
    };
    let outcome =
        outcome.and_then(|()| lost_output().map_or(Ok(()), |problem| Err(problem.into())));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print(&*error);
            ExitCode::FAILURE
        }
    }
}

/// Ignores a closed stderr: the exit code still reports the failure.
fn print(error: &(dyn Error + Send + Sync + 'static)) {
    let mut stderr = stderr().lock();
    let _ = writeln!(stderr, "error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = writeln!(stderr, "  caused by: {error}");
        cause = error.source();
    }
    let deployment = error.downcast_ref::<ecs_deploy::Error>();
    for line in deployment.map(follow_lines).unwrap_or_default() {
        let _ = writeln!(stderr, "{line}");
    }
}

/// Returns a line for each deployment that may continue: how to follow it.
fn follow_lines(error: &ecs_deploy::Error) -> Vec<String> {
    let outcomes = error.outcomes().iter();
    let of_services = outcomes.filter_map(|(_, outcome)| outcome.error());
    let open = std::iter::once(error).chain(of_services).filter(|it| may_continue(it.kind()));
    open.filter_map(ecs_deploy::Error::handle).map(follow_line).collect()
}

/// Returns whether the deployment of an error of this kind may continue.
fn may_continue(kind: ErrorKind) -> bool {
    !matches!(
        kind,
        ErrorKind::FailedAfterCompletion
            | ErrorKind::RolledBack
            | ErrorKind::RolloutFailed
            | ErrorKind::ServiceInactive
            | ErrorKind::ServiceNotFound
            | ErrorKind::Stopped
            | ErrorKind::Superseded
    )
}

fn follow_line(handle: &Handle) -> String {
    let service = handle.service();
    // The region is the fourth part of the revision's ARN.
    let region = handle.revision().split(':').nth(3).unwrap_or_default();
    let query = format!("services[0].deployments[?id=='{}']", handle.deployment());
    let command = format!(
        "aws ecs describe-services --region {} --cluster {} --services {} --query {}",
        quoted(region),
        quoted(service.cluster()),
        quoted(service.name()),
        quoted(&query)
    );
    format!("to follow the deployment: {command}")
}

/// Quotes an argument for a shell, unless it is a plain word. Control characters are left out.
fn quoted(argument: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_./:".contains(it);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return argument.to_owned();
    }
    let printable: String = argument.chars().filter(|it| (' '..='~').contains(it)).collect();
    format!("\"{}\"", printable.replace(['"', '`', '$', '\\'], ""))
}
