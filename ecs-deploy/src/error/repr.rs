//! What an error says, in one clause.

use std::fmt;
use std::time::Duration;

use super::Error;
use super::answer::{ApiFailure, api_failed};
use super::task::TaskRepr;
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
    /// The resource is what the operation takes leave for, where AWS doesn't say.
    #[error("{}", api_failed(operation, subject, resource, source))]
    Api { operation: &'static str, subject: String, resource: String, source: ApiFailure },

    #[error("`{}` is no ECS service: {problem}", text.escape_debug())]
    InvalidService { text: String, problem: String },

    #[error(
        "the deployment {} of {} to {} goes on, but its outcome is unknown",
        rollout.deployment, rollout.revision, rollout.service
    )]
    Lost { rollout: Rollout, source: Error },

    #[error("there is no cluster `{cluster}` in {region}")]
    NoCluster { cluster: String, region: String, source: ApiFailure },

    #[error("the cluster `{}` in {region} has no service `{}`", service.cluster(), service.name())]
    NoService { service: Service, region: String },

    #[error("{}", not_begun(service, operation, after.as_secs()))]
    NotBegun { service: Service, operation: &'static str, after: Duration },

    #[error("no revision of {family} was deregistered, because it isn't known which are in use")]
    NotPruned { family: String, source: Error },

    #[error("{service} runs {running} by now, and {revision} is based on {base}")]
    Outdated { service: Service, revision: String, base: String, running: String },

    #[error(
        "{failed} couldn't be deregistered, after {} of {planned} revisions were", deregistered.len()
    )]
    PartlyPruned { failed: String, planned: usize, deregistered: Vec<String>, source: Error },

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

    #[error(transparent)]
    Task(TaskRepr),

    #[error(
        "the rollout of {} to {} wasn't complete after {} s: {last}{}{}",
        rollout.revision, rollout.service, after.as_secs(), because(rollout), rollout.remedy
    )]
    TimedOut { rollout: Rollout, after: Duration, last: Progress },

    #[error("there was no answer to {operation} on {subject} within {} s, again and again", within.as_secs())]
    Unanswered { operation: &'static str, subject: String, within: Duration },

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
    let join = |names: &[String], before: &str| {
        let quote = |name: &String| format!("{before}`{}`", name.escape_debug());
        let quoted: Vec<String> = names.iter().map(quote).collect();
        quoted.join(" and ")
    };
    format!("{revision} has {}, only {}", join(unknown, "no container "), join(known, ""))
}
