//! What an error says, in one clause.

use std::fmt;
use std::io;
use std::time::Duration;

use super::Error;
use super::answer::{ApiFailure, api_failed};
use super::task::TaskRepr;
use crate::fleet::Outcome;
use crate::model::cause::FailureCause;
use crate::model::handle::Handle;
use crate::names::service::Service;
use crate::report::Progress;
use crate::rollout::preflight::Finding;
use crate::watch::diagnosis::TaskFailure;
use crate::watch::staged::{Pause, RollbackCause};

/// Which rollout an error is about, and what became of its tasks.
#[derive(Debug)]
pub(crate) struct Rollout {
    pub(crate) handle: Handle,
    /// When it was last seen; none where it never was.
    pub(crate) last: Option<Progress>,
    /// ECS's own words; may be empty.
    pub(crate) reason: String,
    pub(crate) failures: Vec<TaskFailure>,
    /// What was done about it.
    pub(crate) remedy: Remedy,
}

impl Rollout {
    fn service(&self) -> &Service {
        self.handle.service()
    }

    /// `FAMILY:REVISION`
    fn revision(&self) -> &str {
        self.handle.followed().short()
    }
}

/// What became of [`OnFailure::RollBack`](crate::OnFailure::RollBack).
#[derive(Debug)]
pub(crate) enum Remedy {
    /// It wasn't asked for, and ECS hasn't given up yet.
    GoesOn,
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

    #[error("{}", fleet_failed(outcomes))]
    Fleet { outcomes: Vec<(Service, Outcome)> },

    /// `source` is why nothing more will be seen of it.
    #[error(
        "the deployment {} of {} to {} has no end any more",
        rollout.handle.deployment(), rollout.revision(), rollout.service()
    )]
    Gone { rollout: Rollout, source: Error },

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
        rollout.handle.deployment(), rollout.revision(), rollout.service()
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

    #[error("{}", not_begun(what, service, operation, after.as_secs()))]
    NotBegun { what: &'static str, service: Service, operation: &'static str, after: Duration },

    #[error("nothing was deployed to {service}: {}", joined(findings))]
    NotReady { service: Service, findings: Vec<Finding> },

    #[error("{service} can't be rolled back: {problem}")]
    NothingToRollBackTo { service: Service, problem: String },

    #[error("no revision of {family} was deregistered, because it isn't known which are in use")]
    NotPruned { family: String, source: Error },

    #[error("{service} runs {running} by now, and {revision} is based on {base}")]
    Outdated { service: Service, revision: String, base: String, running: String },

    #[error(
        "the rollout of {} to {} is {pause}, and waits for a decision{}",
        rollout.revision(), rollout.service(), by_itself(pause)
    )]
    Paused { rollout: Rollout, pause: Pause },

    #[error(
        "{failed} couldn't be deregistered, after {} of {planned} revisions were", deregistered.len()
    )]
    PartlyPruned { failed: String, planned: usize, deregistered: Vec<String>, source: Error },

    #[error("the response to {operation} can't be used: {problem}")]
    Protocol { operation: &'static str, problem: String },

    #[error("{service} isn't in {region}, the region of the configuration")]
    Region { service: Service, region: String },

    #[error(
        "{} rolled {} back{}{}",
        rollout.service(), rollout.revision(), back_to(to), because(rollout)
    )]
    RolledBack { rollout: Rollout, to: String, cause: RollbackCause },

    #[error(
        "the rollout of {} to {} failed{}{}",
        rollout.revision(), rollout.service(), because(rollout), rollout.remedy
    )]
    RolloutFailed { rollout: Rollout },

    #[error("the service {service} is {status}, so that nothing can be deployed to it")]
    ServiceInactive { service: Service, status: String },

    #[error(
        "the rollout of {} to {} was stopped on request{}{}{}",
        rollout.revision(), rollout.service(), because(rollout), going_back(to), rollout.remedy
    )]
    Stopped { rollout: Rollout, to: String },

    #[error(
        "{by} with {by_revision} took {} over before the rollout of {} was complete",
        rollout.service(), rollout.revision()
    )]
    Superseded { rollout: Rollout, by: String, by_revision: String },

    #[error(transparent)]
    Task(TaskRepr),

    #[error(
        "the rollout of {} to {} wasn't complete after {} s: {}{}{}",
        rollout.revision(), rollout.service(), after.as_secs(),
        rollout.last.unwrap_or_default(), because(rollout), rollout.remedy
    )]
    TimedOut { rollout: Rollout, after: Duration },

    #[error("there was no answer to {operation} on {subject} within {} s, again and again", within.as_secs())]
    Unanswered { operation: &'static str, subject: String, within: Duration },

    #[error("{}", unknown_containers(revision, unknown, known))]
    UnknownContainer { revision: String, unknown: Vec<String>, known: Vec<String> },

    #[error("the text is no {what} that this version can use: {problem}")]
    Unreadable { what: &'static str, problem: String },

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
    pub(crate) fn rollout(&self) -> Option<&Rollout> {
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

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remedy::GoesOn => f.write_str("; ECS goes on with it"),
            Remedy::NotAsked => Ok(()),
            Remedy::RollingBack(to) => write!(f, "; it is being rolled back to {to}"),
            Remedy::Unanswered(to) => {
                write!(f, "; it was to be rolled back to {to}, but ECS didn't answer")
            }
            Remedy::Unavailable(why) => write!(f, "; it couldn't be rolled back: {why}"),
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

/// `2 of 5 services don't run their new revision: …; …`
fn fleet_failed(outcomes: &[(Service, Outcome)]) -> String {
    let mut text = String::new();
    let mut failed = 0;
    let mut others = [(0, "not begun"), (0, "taken back")];
    for (service, outcome) in outcomes {
        match outcome {
            Outcome::Deployed(_) => continue,
            Outcome::Failed(error) => text.push_str(&format!("; {}", chain(error))),
            Outcome::NotBegun => others[0].0 += 1,
            Outcome::NotTakenBack(error) => {
                text.push_str(&format!("; {service} couldn't be taken back: {}", chain(error)));
            }
            Outcome::TakenBack(_) => others[1].0 += 1,
        }
        failed += 1;
    }
    for (count, what) in others.into_iter().filter(|(count, _)| *count > 0) {
        text.push_str(&format!("; {count} {what}"));
    }
    let text = text.trim_start_matches("; ");
    format!("{failed} of {} services don't run their new revision: {text}", outcomes.len())
}

/// An error of several has no source, so that each of them has to say why.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

fn joined(findings: &[Finding]) -> String {
    let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
    texts.join("; and ")
}

fn by_itself(pause: &Pause) -> String {
    match pause.on_timeout() {
        "" => String::new(),
        action => format!("; when the hook's time is up, ECS does {action}"),
    }
}

fn back_to(to: &str) -> String {
    match to {
        "" => String::new(),
        to => format!(" to {to}"),
    }
}

fn going_back(to: &str) -> String {
    match to {
        "" => String::new(),
        to => format!("; it goes back to {to}"),
    }
}

fn because(rollout: &Rollout) -> String {
    let failures = rollout.failures.as_slice();
    // What somebody stopped explains least.
    let by_itself = failures.iter().find(|it| it.cause() != FailureCause::StoppedByUser);
    match (by_itself.or(failures.first()), failures.len()) {
        (None, _) if rollout.reason.is_empty() => String::new(),
        (None, _) => format!(": {}", rollout.reason.trim_end_matches('.')),
        (Some(only), 1) => format!(": {}", only.explanation()),
        (Some(first), all) => {
            format!(": {} ({} more stopped too)", first.explanation(), all - 1)
        }
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
