//! [`Launch`]: the calls that begin a rollout, up to the response that names its deployment.
//!
//! ```text
//! describe ── unchanged ───────────────────────────────────▶ found deployment
//!    │
//!    ▼
//!  check ──▶ register (if changed) ──▶ UpdateService ──▶ started deployment
//!    │            │                        │
//!    ▼            ▼                        ▼ no response
//! NotReady     Outdated               describe again: started, or the error
//! ```
//!
//! Invariant: the rollout never replaces a task definition that was deployed after the revision was
//! copied, as far as the calls before UpdateService show.

use std::time::Duration;

use aws_sdk_ecs::types::{Deployment, Service as Description};
use tokio::time::{Instant, sleep, timeout};

use crate::ecs::definitions::Registration;
use crate::ecs::limit::Limit;
use crate::ecs::turns::Kind;
use crate::ecs::update::Update;
use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::error::repr::Repr;
use crate::model::description::{has_failed, primary, running};
use crate::model::finding::{Finding, FindingKind};
use crate::model::handle::{Handle, Origin};
use crate::names::arn::{family, number, short};
use crate::names::image::is_mutable;
use crate::report::{Event, Story};
use crate::revision::{CopySource, Revision};
use crate::rollout::preflight::findings;
use crate::rollout::request::{DeploymentRequest, Expectation};
use crate::watch::identify::deployment_of;

/// The beginning of a requested rollout, within a time limit.
pub(super) struct Launch<'a> {
    request: &'a DeploymentRequest,
    limit: Limit<'a>,
    story: &'a Story,
}

impl<'a> Launch<'a> {
    pub(super) fn new(
        request: &'a DeploymentRequest,
        story: &'a Story,
        deadline: Instant,
        timeout: Duration,
    ) -> Self {
        let limit = Limit { what: "the rollout to", service: &request.service, deadline, timeout };
        Self { request, limit, story }
    }

    /// Begins the rollout; returns the deployment's handle and the service's new description.
    pub(super) async fn run(
        &self,
        revision: &mut Revision,
    ) -> Result<(Handle, Description), Error> {
        let Baseline { description, is_copy } = self.look(revision).await?;
        self.refuse_unexpected(&description, revision)?;
        if self.is_unchanged(&description, revision) {
            if description.desired_count() == 0 {
                self.story.tell(Event::Warning { finding: Finding::desired_count_zero() });
            }
            let handle = self.handle(revision, &description, None)?;
            self.story.tell(unchanged(&handle));
            return Ok((handle, description));
        }
        self.check(&description, revision).await?;
        let mut description = self.register(revision, description, is_copy).await?;
        let start = match self.start(revision, &description).await {
            // It was deregistered after it was described.
            Err(error) if error.is_inactive_revision() && !revision.is_inactive() => {
                revision.found_inactive();
                description = self.register(revision, description, false).await?;
                self.start(revision, &description).await?
            }
            start => start?,
        };
        let before = self.starts(&description, revision).then_some(&description);
        let handle = self.handle(revision, &start, before)?;
        let deployment = handle.deployment();
        self.story.tell(match handle.record().origin {
            Origin::Started => {
                tracing::info!(service = %self.request.service, revision = handle.revision(), deployment, "started");
                Event::Started { handle: handle.clone() }
            }
            Origin::Found => unchanged(&handle),
        });
        Ok((handle, start))
    }

    /// Returns whether the revision needs no registration, and the service runs it or is deploying
    /// it.
    pub(super) fn is_unchanged(&self, description: &Description, revision: &Revision) -> bool {
        self.request.update.is_empty()
            && !revision.is_changed()
            && ours(description, revision).is_some_and(|it| !has_failed(it))
    }

    /// Returns the findings about the service and the revision.
    pub(super) async fn findings(
        &self,
        description: &Description,
        revision: &Revision,
    ) -> Vec<Finding> {
        #[cfg_attr(not(feature = "ecr"), expect(unused_mut, reason = "images are checked in ECR"))]
        let mut findings = findings(description, &self.request.update, revision);
        #[cfg(feature = "ecr")]
        if let Some(images) = &self.request.images {
            findings.extend(images.check(revision).await.into_iter().map(Finding::from));
        }
        findings
    }

    /// Checks before any registration that the service accepts deployments. It uses the description
    /// that [`Deployer::current`](crate::Deployer::current) read if that is fresh.
    pub(super) async fn look(&self, revision: &mut Revision) -> Result<Baseline, Error> {
        let is_changed = revision.is_changed();
        let source = revision.take_source();
        let source = source.filter(|it| it.service.may_be(&self.request.service));
        let is_copy = is_changed && source.is_some();
        let description = match source {
            Some(source) => self.look_since(revision, &source).await?,
            None => self.describe().await?,
        };
        let rebase = self.request.ecs.rebase(revision, &description);
        self.limit.hold("DescribeTaskDefinition", rebase).await?;
        Ok(Baseline { description, is_copy })
    }

    /// Describes the service again; returns an error if it got another task definition after the
    /// copy.
    async fn look_since(
        &self,
        revision: &Revision,
        source: &CopySource,
    ) -> Result<Description, Error> {
        // A revision that was registered since then is no longer a copy of the running one.
        let is_current = |it: &Description| revision.is_changed() || running(it) == revision.arn();
        if let Some(copied) = self.request.ecs.snapshots().fresh(source).filter(is_current) {
            return Ok(copied);
        }
        let description = self.describe().await?;
        self.refuse_others(revision, source, &description)?;
        Ok(description)
    }

    async fn check(&self, description: &Description, revision: &Revision) -> Result<(), Error> {
        let refused = self.report(self.findings(description, revision).await);
        if !refused.is_empty() {
            let service = self.request.service.clone();
            return Err(Repr::NotReady { service, findings: refused }.into());
        }
        Ok(())
    }

    /// Reports the tolerated findings as warnings, and returns the refused ones. If there are
    /// refused ones, it reports nothing.
    fn report(&self, findings: Vec<Finding>) -> Vec<Finding> {
        let (refused, told): (Vec<Finding>, Vec<Finding>) =
            findings.into_iter().partition(|finding| self.request.refused.contains(finding));
        if refused.is_empty() {
            for finding in told {
                self.story.tell(Event::Warning { finding });
            }
        }
        refused
    }

    /// Registers the revision if it has changed or is INACTIVE, and returns the service's latest
    /// description.
    async fn register(
        &self,
        revision: &mut Revision,
        description: Description,
        is_copy: bool,
    ) -> Result<Description, Error> {
        if !revision.needs_registration() {
            return Ok(description);
        }
        let base = revision.arn().unwrap_or_default().to_owned();
        let is_again = !revision.is_changed();
        let register = self.request.ecs.register_and_compare(revision);
        let Registration { arn, deviations } =
            self.limit.hold("RegisterTaskDefinition", register).await?;
        self.story.tell(match is_again {
            true => Event::RegisteredAgain { revision: arn.clone(), inactive: base.clone() },
            false => Event::Registered { revision: arn.clone() },
        });
        let findings = self.report(deviations);
        if !findings.is_empty() {
            let revision = short(&arn).to_owned();
            return Err(Repr::MemberDropped { revision, findings }.into());
        }
        // A deployment of another change to this family registers a revision first. If the new
        // number doesn't follow the copied one, a revision in between may run by now.
        if !is_copy || number(&arn) == number(&base).map(|number| number + 1) {
            return Ok(description);
        }
        let description = self.describe().await?;
        match running(&description).filter(|running| *running != base) {
            Some(running) => Err(self.outdated(&revision.short(), &base, running)),
            None => {
                if let Some(finding) = left_out(&base, &arn) {
                    self.story.tell(Event::Warning { finding });
                }
                Ok(description)
            }
        }
    }

    /// Returns an error if the service runs another task definition than when the revision was
    /// copied, even if the revision has been registered since then.
    fn refuse_others(
        &self,
        revision: &Revision,
        source: &CopySource,
        now: &Description,
    ) -> Result<(), Error> {
        match (source.running.as_deref(), running(now)) {
            (Some(base), Some(running)) if running != base && revision.arn() != Some(running) => {
                // A revision has no name before its registration.
                let what = match revision.is_changed() {
                    true => "the new revision".to_owned(),
                    false => revision.short(),
                };
                Err(self.outdated(&what, base, running))
            }
            _ => Ok(()),
        }
    }

    fn refuse_unexpected(
        &self,
        description: &Description,
        revision: &Revision,
    ) -> Result<(), Error> {
        let runs = running(description);
        let now = runs.unwrap_or_default();
        match &self.request.expected {
            Some(Expectation::Planned { running, .. }) if running.as_deref() != runs => {
                Err(self.outdated("the plan", running.as_deref().unwrap_or_default(), now))
            }
            Some(Expectation::Planned { is_unchanged: true, .. })
                if !self.is_unchanged(description, revision) =>
            {
                let failed = format!("{} in a deployment that failed", short(now));
                Err(self.outdated("the plan", now, &failed))
            }
            Some(Expectation::Deployment(id))
                if primary(description).and_then(|it| it.id()) != Some(id) =>
            {
                Err(self.outdated("the rollback", id, now))
            }
            _ => Ok(()),
        }
    }

    /// Returns whether UpdateService starts a deployment.
    fn starts(&self, before: &Description, revision: &Revision) -> bool {
        self.request.update.starts() || ours(before, revision).is_none_or(has_failed)
    }

    fn outdated(&self, what: &str, base: &str, running: &str) -> Error {
        let (service, revision) = (self.request.service.clone(), what.to_owned());
        let (base, running) = (short(base).to_owned(), short(running).to_owned());
        Repr::Outdated { service, revision, base, running }.into()
    }

    /// Calls UpdateService, and returns the service's description with the deployment.
    async fn start(&self, revision: &Revision, before: &Description) -> Result<Description, Error> {
        let arn = revision.arn().unwrap_or_default();
        let update = self.update(before, revision);
        let call = || self.request.ecs.update(&self.request.service, arn, &update);
        let call = self.request.ecs.turns().make(Kind::Update, call);
        let error = match self.limit.hold("UpdateService", call).await {
            Ok(started) => return Ok(started),
            Err(error) => error,
        };
        let looks = match error.kind() {
            // ECS doesn't carry out a throttled request, but it may have carried out an earlier
            // attempt.
            ErrorKind::Throttled => 1,
            kind if kind == ErrorKind::TimedOut || error.is_retryable() => LOOKS_IN_DOUBT,
            _ => return Err(error),
        };
        let look = self.started_nevertheless(revision, before, looks);
        timeout(LONGEST_DOUBT, look).await.ok().flatten().ok_or(error)
    }

    /// Returns the members of the UpdateService call.
    pub(super) fn update(&self, before: &Description, revision: &Revision) -> Update {
        let mut update = self.request.update.clone();
        // ECS doesn't retry a failed deployment of the same revision unless the update forces one.
        if ours(before, revision).is_some_and(has_failed) {
            update.force();
        }
        update
    }

    /// Returns the service's description if ECS carried out the call and only its response was
    /// lost. Without this lookup the deployment would run unwatched.
    async fn started_nevertheless(
        &self,
        revision: &Revision,
        before: &Description,
        looks: u32,
    ) -> Option<Description> {
        for attempt in 0..looks {
            if attempt > 0 {
                sleep(BETWEEN_LOOKS).await;
            }
            let Ok(Some(found)) = self.request.ecs.find(&self.request.service).await else {
                continue;
            };
            let handle = deployment_of(&self.request.service, revision, &found, Some(before));
            if handle.is_some_and(|it| it.record().origin == Origin::Started) {
                return Some(found);
            }
        }
        None
    }

    fn handle(
        &self,
        revision: &Revision,
        description: &Description,
        before: Option<&Description>,
    ) -> Result<Handle, Error> {
        deployment_of(&self.request.service, revision, description, before).ok_or_else(|| {
            let problem = format!("its PRIMARY deployment doesn't run {}", revision.short());
            Error::protocol("UpdateService", problem)
        })
    }

    async fn describe(&self) -> Result<Description, Error> {
        let describe = || self.request.ecs.describe(&self.request.service);
        let describe = self.request.ecs.turns().make(Kind::Description, describe);
        self.limit.hold("DescribeServices", describe).await
    }
}

/// The service's description before the rollout.
pub(super) struct Baseline {
    pub(super) description: Description,
    /// Whether the revision is a changed copy of the task definition that the service ran.
    is_copy: bool,
}

fn unchanged(handle: &Handle) -> Event {
    let images = handle.record().images.iter().map(|(_, image)| image);
    let mut may_have_moved: Vec<String> = images.filter(|it| is_mutable(it)).cloned().collect();
    may_have_moved.sort();
    may_have_moved.dedup();
    Event::Unchanged { revision: handle.revision().to_owned(), may_have_moved }
}

/// Returns the revisions between the base and the new revision, which the new one leaves out.
fn left_out(base: &str, arn: &str) -> Option<Finding> {
    let (from, to) = (number(base)? + 1, number(arn)?.checked_sub(1)?);
    if family(base) != family(arn) || from > to {
        return None;
    }
    let between = match from == to {
        true => format!("{}:{from} was", family(arn)),
        false => format!("{}:{from} to {to} were", family(arn)),
    };
    let (base, new) = (short(base), short(arn));
    let text = format!(
        "{between} registered after {base}, which the service runs: {new} is a copy of {base}, and \
         doesn't have those changes"
    );
    Some(Finding::new(FindingKind::NewestLeftOut, text))
}

/// Returns the PRIMARY deployment if it runs `revision`.
fn ours<'a>(description: &'a Description, revision: &Revision) -> Option<&'a Deployment> {
    primary(description)
        .filter(|it| it.task_definition().is_some() && it.task_definition() == revision.arn())
}

/// The time limit for the lookup of a deployment after a lost response.
const LONGEST_DOUBT: Duration = Duration::from_secs(10);
const LOOKS_IN_DOUBT: u32 = 3;
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
