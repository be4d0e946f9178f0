//! What an error says, in one clause.

use std::io;
use std::time::Duration;

use crate::error::Error;
use crate::error::answer::{ApiFailure, api_failed};
use crate::error::outcome::{Outcome, fleet_failed};
use crate::error::rollout::{RolloutReport, back_to, by_itself, going_back};
use crate::error::task::TaskRepr;
use crate::model::finding::Finding;
use crate::model::pause::{Pause, RollbackCause};
use crate::names::invalid::InvalidName;
use crate::names::nearest::nearest;
use crate::names::service::Service;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Repr {
    /// The resource is what the operation takes leave for, where AWS doesn't say.
    #[error("{}", api_failed(operation, subject, resource, source))]
    Api { operation: &'static str, subject: String, resource: String, source: ApiFailure },

    #[error("{reference} isn't in {region}, the region of the configuration")]
    DefinitionRegion { reference: String, region: String },

    #[error("`{path}` couldn't be {action}")]
    File { path: String, action: &'static str, source: io::Error },

    #[error("{}", fleet_failed(outcomes))]
    Fleet { outcomes: Vec<(Service, Outcome)> },

    /// `source` is why nothing more will be seen of it.
    #[error(
        "the deployment {} of {} to {} has no end any more",
        rollout.handle.deployment(), rollout.revision(), rollout.service()
    )]
    Gone { rollout: RolloutReport, source: Error },

    /// With no source: it is the whole message.
    #[error("{0}")]
    InvalidName(InvalidName),

    #[error("{what} is no task definition: {problem}")]
    InvalidTaskDefinition { what: String, problem: String },

    #[error(
        "the deployment {} of {} to {} goes on, but its outcome is unknown",
        rollout.handle.deployment(), rollout.revision(), rollout.service()
    )]
    Lost { rollout: RolloutReport, source: Error },

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

    #[error("{}", not_begun(what, service, operation, after.as_secs()))]
    NotBegun { what: &'static str, service: Service, operation: &'static str, after: Duration },

    #[error("no revision of {family} was deregistered, because it isn't known which are in use")]
    NotPruned { family: String, source: Error },

    #[error("nothing was deployed to {service}: {}", joined(findings))]
    NotReady { service: Service, findings: Vec<Finding> },

    #[error("the SDK's types don't take {place} of {revision}: {problem}")]
    NotTyped { revision: String, place: String, problem: String },

    #[error("{service} can't be rolled back: {problem}")]
    NothingToRollBackTo { service: Service, problem: String },

    #[error("{service} runs {running} by now, and {revision} is based on {base}")]
    Outdated { service: Service, revision: String, base: String, running: String },

    #[error(
        "{failed} couldn't be deregistered, after {} of {planned} revisions were", deregistered.len()
    )]
    PartlyPruned { failed: String, planned: usize, deregistered: Vec<String>, source: Error },

    #[error(
        "the rollout of {} to {} is {pause}, and waits for a decision{}",
        rollout.revision(), rollout.service(), by_itself(pause)
    )]
    Paused { rollout: RolloutReport, pause: Pause },

    #[error("the response to {operation} can't be used: {problem}")]
    Protocol { operation: &'static str, problem: String },

    #[error("{service} isn't in {region}, the region of the configuration")]
    Region { service: Service, region: String },

    #[error(
        "{} rolled {} back{}{}",
        rollout.service(), rollout.revision(), back_to(to.as_deref()), rollout.cause()
    )]
    RolledBack { rollout: RolloutReport, to: Option<String>, cause: RollbackCause },

    #[error(
        "the rollout of {} to {} failed{}{}",
        rollout.revision(), rollout.service(), rollout.cause(), rollout.remedy
    )]
    RolloutFailed { rollout: RolloutReport },

    #[error("the service {service} is {status}, so that nothing can be deployed to it")]
    ServiceInactive { service: Service, status: String },

    #[error(
        "the rollout of {} to {} was stopped on request{}{}{}",
        rollout.revision(), rollout.service(), rollout.cause(), going_back(to.as_deref()), rollout.remedy
    )]
    Stopped { rollout: RolloutReport, to: Option<String> },

    #[error(
        "{by} with {by_revision} took {} over before the rollout of {} was complete",
        rollout.service(), rollout.revision()
    )]
    Superseded { rollout: RolloutReport, by: String, by_revision: String },

    #[error(transparent)]
    Task(TaskRepr),

    #[error(
        "the rollout of {} to {} wasn't complete after {} s: {}{}{}",
        rollout.revision(), rollout.service(), after.as_secs(),
        rollout.last.unwrap_or_default(), rollout.cause(), rollout.remedy
    )]
    TimedOut { rollout: RolloutReport, after: Duration },

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

impl Repr {
    /// The error of the call that is behind this one.
    pub(crate) fn inner(&self) -> Option<&Error> {
        match self {
            Repr::Gone { source, .. }
            | Repr::Lost { source, .. }
            | Repr::NotPruned { source, .. }
            | Repr::PartlyPruned { source, .. } => Some(source),
            Repr::Task(task) => task.call(),
            _ => None,
        }
    }

    /// The rollout that it is about, where one has begun.
    pub(crate) fn rollout(&self) -> Option<&RolloutReport> {
        match self {
            Repr::Gone { rollout, .. }
            | Repr::Lost { rollout, .. }
            | Repr::Paused { rollout, .. }
            | Repr::RolledBack { rollout, .. }
            | Repr::RolloutFailed { rollout }
            | Repr::Stopped { rollout, .. }
            | Repr::Superseded { rollout, .. }
            | Repr::TimedOut { rollout, .. } => Some(rollout),
            _ => None,
        }
    }
}

fn not_begun(what: &str, service: &Service, operation: &str, seconds: u64) -> String {
    let doubt = match operation {
        "RunTask" => ", so that the task may run",
        "UpdateService" => ", so that the rollout may go on",
        _ => "",
    };
    format!("{operation} for {what} {service} wasn't done after {seconds} s{doubt}")
}

fn joined(findings: &[Finding]) -> String {
    let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
    texts.join("; and ")
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
