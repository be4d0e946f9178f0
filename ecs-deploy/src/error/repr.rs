//! The private contents of an error, and its message in one clause.

use std::io;
use std::time::Duration;

use crate::error::Error;
use crate::error::answer::{ApiFailure, api_failed};
use crate::error::missing_statement::Need;
use crate::error::outcome::{Outcome, fleet_failed};
use crate::error::rollout::{RolloutReport, back_to, by_itself, going_back};
use crate::error::task::TaskRepr;
use crate::model::finding::Finding;
use crate::model::pause::{Pause, RollbackCause};
use crate::names::invalid::InvalidName;
use crate::names::nearest::nearest;
use crate::names::service::Service;
use crate::outside::Outside;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Repr {
    /// `resource` is what the operation needs permission on, if AWS doesn't name it.
    #[error("{}", api_failed(operation, subject, needs, source))]
    Api { operation: &'static str, subject: String, needs: Vec<Need>, source: ApiFailure },

    #[error(
        "{reference} isn't in {region}, the region of the configuration: correct the ARN or the region"
    )]
    DefinitionRegion { reference: String, region: String },

    #[error(
        "{} runs on {}, but its rollout timed out after {} s before the old tasks stopped: {}{}; \
         ECS completes it by itself",
        rollout.revision(), rollout.service(), after.as_secs(),
        rollout.last.unwrap_or_default(), rollout.old()
    )]
    Draining { rollout: RolloutReport, after: Duration },

    #[error(
        "{} failed on {} within {} s after its deployment was complete{}{}",
        rollout.revision(), rollout.service(), within.as_secs(), rollout.cause(), rollout.remedy
    )]
    FailedAfterCompletion { rollout: RolloutReport, within: Duration },

    #[error("`{}` couldn't be {action}", Outside::new(path))]
    File { path: String, action: &'static str, source: io::Error },

    #[error("{}", fleet_failed(outcomes))]
    Fleet { outcomes: Vec<(Service, Outcome)> },

    /// `source` is the reason why ECS reports nothing more about the deployment.
    #[error(
        "lost track of deployment {} of {} to {}",
        rollout.deployment(), rollout.revision(), rollout.service()
    )]
    Gone { rollout: RolloutReport, source: Error },

    /// Without a source: the name's error is the whole message.
    #[error("{0}")]
    InvalidName(InvalidName),

    #[error("{} isn't a valid task definition: {}", Outside::new(what), Outside::new(problem))]
    InvalidTaskDefinition { what: String, problem: String },

    #[error(
        "deployment {} of {} to {} continues, but its outcome is unknown",
        rollout.deployment(), rollout.revision(), rollout.service()
    )]
    Lost { rollout: RolloutReport, source: Error },

    #[error(
        "{} was registered, but not as it was sent: {}",
        Outside::new(revision).named("task definition"), joined(findings)
    )]
    MemberDropped { revision: String, findings: Vec<Finding> },

    #[error("cluster `{cluster}` not found in {region}")]
    NoCluster { cluster: String, region: String, source: ApiFailure },

    #[error(
        "task definition `{}` not found in {region}, or it has no active revision",
        Outside::new(reference)
    )]
    NoDefinition { reference: String, region: String, source: ApiFailure },

    #[error(
        "the container `{}` of {} has no log driver for the option `{}`",
        Outside::new(container),
        Outside::new(revision),
        Outside::new(option)
    )]
    NoLogDriver { revision: String, container: String, option: String },

    #[error("service `{}` not found in cluster `{}` in {region}", service.name(), service.cluster())]
    NoService { service: Service, region: String },

    #[error("{}", not_begun(what, service, operation, after.as_secs()))]
    NotBegun { what: &'static str, service: Service, operation: &'static str, after: Duration },

    #[error(
        "no revision of {} was deregistered, because the revisions in use are unknown",
        Outside::new(family)
    )]
    NotPruned { family: String, source: Error },

    #[error("nothing was deployed to {service}: {}", joined(findings))]
    NotReady { service: Service, findings: Vec<Finding> },

    #[error(
        "the SDK's types can't represent {} of {}: {}",
        Outside::new(place),
        Outside::new(revision),
        Outside::new(problem)
    )]
    NotTyped { revision: String, place: String, problem: String },

    /// `source` is ECS's refusal to stop the deployment in progress.
    #[error("{service} can't be rolled back: {}", Outside::new(problem))]
    NothingToRollBackTo { service: Service, problem: String, source: Option<Error> },

    #[error(
        "nothing was deployed: {service} now runs {}, but {} is based on {}",
        Outside::new(running),
        Outside::new(revision),
        Outside::new(base)
    )]
    Outdated { service: Service, revision: String, base: String, running: String },

    #[error(
        "couldn't deregister {}: {} of {planned} revisions were deregistered before",
        Outside::new(failed), deregistered.len()
    )]
    PartlyPruned { failed: String, planned: usize, deregistered: Vec<String>, source: Error },

    #[error(
        "the rollout of {} to {} is {pause}: resolve the pause to continue{}",
        rollout.revision(), rollout.service(), by_itself(pause)
    )]
    Paused { rollout: RolloutReport, pause: Pause },

    #[error("invalid response to {operation}: {}", Outside::new(problem))]
    Protocol { operation: &'static str, problem: String },

    #[error(
        "{service} isn't in {region}, the region of the configuration: correct the ARN or the region"
    )]
    Region { service: Service, region: String },

    #[error(
        "ECS rolled the deployment of {} to {} back{}{}",
        rollout.revision(), rollout.service(), back_to(to.as_deref()), rollout.cause()
    )]
    RolledBack { rollout: RolloutReport, to: Option<String>, cause: RollbackCause },

    #[error(
        "the rollout of {} to {} failed{}{}",
        rollout.revision(), rollout.service(), rollout.cause(), rollout.remedy
    )]
    RolloutFailed { rollout: RolloutReport },

    #[error("can't deploy to service {service}: its status is {}", Outside::new(status))]
    ServiceInactive { service: Service, status: String },

    #[error(
        "the rollout of {} to {} was stopped on request{}{}{}",
        rollout.revision(), rollout.service(), rollout.cause(), going_back(to.as_deref()), rollout.remedy
    )]
    Stopped { rollout: RolloutReport, to: Option<String> },

    #[error(
        "deployment {} of {} replaced the rollout of {} to {} before it was complete",
        Outside::new(by), Outside::new(by_revision), rollout.revision(), rollout.service()
    )]
    Superseded { rollout: RolloutReport, by: String, by_revision: String },

    #[error(transparent)]
    Task(TaskRepr),

    #[error(
        "the rollout of {} to {} timed out after {} s: {}{}{}",
        rollout.revision(), rollout.service(), after.as_secs(),
        rollout.last.unwrap_or_default(), rollout.cause(), rollout.remedy
    )]
    TimedOut { rollout: RolloutReport, after: Duration },

    #[error(
        "no response to {operation} on {} within {} s in several attempts",
        Outside::new(subject), within.as_secs()
    )]
    Unanswered { operation: &'static str, subject: String, within: Duration },

    #[error("{}", unknown_containers(revision, unknown, known))]
    UnknownContainer { revision: String, unknown: Vec<String>, known: Vec<String> },

    #[error(
        "{} controls the deployments of {service}: only the deployment controller ECS is supported",
        Outside::new(controller).named("the deployment controller")
    )]
    UnsupportedController { service: Service, controller: String },
}

impl Repr {
    /// Returns the error of the call that caused this one.
    pub(crate) fn inner(&self) -> Option<&Error> {
        match self {
            Repr::Gone { source, .. }
            | Repr::Lost { source, .. }
            | Repr::NotPruned { source, .. }
            | Repr::PartlyPruned { source, .. } => Some(source),
            Repr::NothingToRollBackTo { source, .. } => source.as_ref(),
            Repr::Task(task) => task.call(),
            _ => None,
        }
    }

    /// Returns the rollout that the error is about, if one has begun.
    pub(crate) fn rollout(&self) -> Option<&RolloutReport> {
        match self {
            Repr::Draining { rollout, .. }
            | Repr::FailedAfterCompletion { rollout, .. }
            | Repr::Gone { rollout, .. }
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
        "RunTask" => "; the task may run nevertheless",
        "UpdateService" => "; the rollout may continue nevertheless",
        _ => "",
    };
    format!("{operation} for {what} {service} timed out after {seconds} s{doubt}")
}

fn joined(findings: &[Finding]) -> String {
    let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
    texts.join("; and ")
}

fn unknown_containers(revision: &str, unknown: &[String], known: &[String]) -> String {
    let unknown = listed(unknown, |name| {
        let hint = nearest(name, known).map(|near| format!(" (did you mean {}?)", named(near)));
        format!("no container {}{}", named(name), hint.unwrap_or_default())
    });
    let known = listed(known, |name| named(name));
    let revision = Outside::new(revision).named("task definition");
    format!("{revision} has {unknown}, only {known}")
}

fn named(container: &str) -> String {
    format!("`{}`", Outside::new(container))
}

/// Joins the first names, and counts the others.
fn listed(names: &[String], text: impl Fn(&String) -> String) -> String {
    const SHOWN: usize = 20;
    let mut texts: Vec<String> = names.iter().take(SHOWN).map(text).collect();
    if names.len() > SHOWN {
        texts.push(format!("{} more", names.len() - SHOWN));
    }
    texts.join(" and ")
}
