//! What an error says, in one clause.

use std::fmt;
use std::io;
use std::time::Duration;

use super::Error;
use super::answer::{ApiFailure, api_failed};
use crate::diagnose::TaskFailure;
use crate::events::Progress;
use crate::service::Service;

/// Which rollout an error is about, and what became of its tasks.
#[derive(Debug)]
pub(crate) struct Rollout {
    pub(crate) service: Service,
    /// `FAMILY:REVISION`
    pub(crate) revision: String,
    pub(crate) deployment: String,
    /// ECS's own words; may be empty.
    pub(crate) reason: String,
    pub(crate) failures: Vec<TaskFailure>,
    /// What was done about it.
    pub(crate) remedy: Remedy,
}

/// What became of [`OnFailure::RollBack`](crate::OnFailure::RollBack).
#[derive(Debug)]
pub(crate) enum Remedy {
    /// It wasn't asked for.
    NotAsked,
    /// ECS was told to go back to this `FAMILY:REVISION`.
    RollingBack(String),
    /// The same, but it didn't answer.
    Unanswered(String),
    /// There is nothing to go back to, it isn't known whether to, or ECS refused.
    Unavailable(String),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Repr {
    #[error("{}", api_failed(operation, subject, source))]
    Api { operation: &'static str, subject: String, source: ApiFailure },

    #[error("{reference} isn't in {region}, the region of the configuration")]
    DefinitionRegion { reference: String, region: String },

    #[error("`{path}` couldn't be {action}")]
    File { path: String, action: &'static str, source: io::Error },

    #[error("`{}` names no task definition: {problem}", text.escape_debug())]
    InvalidReference { text: String, problem: String },

    #[error("`{}` is no ECS service: {problem}", text.escape_debug())]
    InvalidService { text: String, problem: String },

    #[error("{what} is no task definition: {problem}")]
    InvalidTaskDefinition { what: String, problem: String },

    #[error(
        "the deployment {} of {} to {} goes on, but its outcome is unknown",
        rollout.deployment, rollout.revision, rollout.service
    )]
    Lost { rollout: Rollout, source: Error },

    #[error("there is no cluster `{cluster}` in {region}")]
    NoCluster { cluster: String, region: String, source: ApiFailure },

    #[error("there is no task definition `{reference}` in {region}, or no active revision of it")]
    NoDefinition { reference: String, region: String, source: ApiFailure },

    #[error(
        "the container `{}` of {revision} has no log driver for the option `{}`",
        container.escape_debug(), option.escape_debug()
    )]
    NoLogDriver { revision: String, container: String, option: String },

    #[error("the cluster `{}` in {region} has no service `{}`", service.cluster(), service.name())]
    NoService { service: Service, region: String },

    #[error("the SDK's types don't take {place} of {revision}: {problem}")]
    NotTyped { revision: String, place: String, problem: String },

    #[error("{}", not_begun(service, operation, after.as_secs()))]
    NotBegun { service: Service, operation: &'static str, after: Duration },

    #[error("{service} runs {running} by now, and {revision} is based on {base}")]
    Outdated { service: Service, revision: String, base: String, running: String },

    #[error("the response to {operation} can't be used: {problem}")]
    Protocol { operation: &'static str, problem: String },

    #[error("{service} isn't in {region}, the region of the configuration")]
    Region { service: Service, region: String },

    #[error(
        "{} rolled {} back to {to}{}", rollout.service, rollout.revision, because(rollout)
    )]
    RolledBack { rollout: Rollout, to: String },

    #[error(
        "the rollout of {} to {} failed{}{}",
        rollout.revision, rollout.service, because(rollout), rollout.remedy
    )]
    RolloutFailed { rollout: Rollout },

    #[error("the service {service} is {status}, so that nothing can be deployed to it")]
    ServiceInactive { service: Service, status: String },

    #[error(
        "{by} with {by_revision} took {} over before the rollout of {} was complete",
        rollout.service, rollout.revision
    )]
    Superseded { rollout: Rollout, by: String, by_revision: String },

    #[error(
        "the rollout of {} to {} wasn't complete after {} s: {last}{}{}",
        rollout.revision, rollout.service, after.as_secs(), because(rollout), rollout.remedy
    )]
    TimedOut { rollout: Rollout, after: Duration, last: Progress },

    #[error("{}", unknown_containers(revision, unknown, known))]
    UnknownContainer { revision: String, unknown: Vec<String>, known: Vec<String> },

    #[error(
        "the deployments of {service} are controlled by {controller}, and only those of ECS itself \
         can be made here"
    )]
    UnsupportedController { service: Service, controller: String },
}
impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remedy::NotAsked => Ok(()),
            Remedy::RollingBack(to) => write!(f, "; it is being rolled back to {to}"),
            Remedy::Unanswered(to) => {
                write!(f, "; it was to be rolled back to {to}, but ECS didn't answer")
            }
            Remedy::Unavailable(why) => write!(f, "; it couldn't be rolled back: {why}"),
        }
    }
}
fn not_begun(service: &Service, operation: &str, seconds: u64) -> String {
    let doubt = match operation {
        "UpdateService" => ", so that the rollout may go on",
        _ => "",
    };
    format!("{operation} for the rollout to {service} wasn't done after {seconds} s{doubt}")
}

fn because(rollout: &Rollout) -> String {
    match rollout.failures.as_slice() {
        [] if rollout.reason.is_empty() => String::new(),
        [] => format!(": {}", rollout.reason.trim_end_matches('.')),
        [only] => format!(": {}", only.cause()),
        [first, others @ ..] => format!(": {} ({} more stopped too)", first.cause(), others.len()),
    }
}

fn unknown_containers(revision: &str, unknown: &[String], known: &[String]) -> String {
    let unknown = unknown.iter().map(|name| {
        let hint = nearest(name, known).map(|near| format!(" (did you mean {}?)", quoted(near)));
        format!("no container {}{}", quoted(name), hint.unwrap_or_default())
    });
    let unknown = unknown.collect::<Vec<_>>().join(" and ");
    let known = known.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(" and ");
    format!("{revision} has {unknown}, only {known}")
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.escape_debug())
}

/// The name that is so near that it is likely meant: a slip for every three characters.
fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    // No container's name is longer, and what comes from outside may be of any length.
    let name: Vec<char> = (name.len() <= 255).then(|| name.chars().collect())?;
    let limit = (name.len() / 3).max(1);
    let distances = known.iter().map(|known| (distance(&name, known), known));
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= limit).then_some(nearest)
}

/// How many characters have to be added, removed, replaced or swapped with their neighbor.
fn distance(from: &[char], to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut rows = [vec![0; to.len() + 1], (0..=to.len()).collect(), vec![0; to.len() + 1]];
    for (row, &a) in from.iter().enumerate() {
        let [before, last, next] = &mut rows;
        next[0] = row + 1;
        for (column, &b) in to.iter().enumerate() {
            let replaced = last[column] + usize::from(a != b);
            next[column + 1] = replaced.min(last[column + 1] + 1).min(next[column] + 1);
            if row > 0 && column > 0 && a == to[column - 1] && b == from[row - 1] {
                next[column + 1] = next[column + 1].min(before[column - 1] + 1);
            }
        }
        rows.rotate_left(1);
    }
    rows[1][to.len()]
}
