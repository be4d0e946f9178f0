//! The calls that begin a rollout, up to the answer that names its deployment.

use std::time::Duration;

use aws_sdk_ecs::types::Service as Description;
use tokio::time::{sleep, timeout};

use crate::deployer::Deployer;
use crate::ecs::limit::Limit;
use crate::ecs::update::Update;
use crate::error::{Error, ErrorKind, Repr};
use crate::model::handle::{Handle, Origin};
use crate::names::service::Service;
use crate::report::{Event, Story};
use crate::revision::{Revision, number, short};
use crate::rollout::preflight::{Finding, Refused, findings};
use crate::watch::fold::{has_failed, primary, running};

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) deployer: Deployer,
    pub(crate) service: Service,
    pub(crate) update: Update,
    pub(crate) refused: Refused,
    pub(crate) expected: Option<Expected>,
    #[cfg(feature = "ecr")]
    pub(crate) images: Option<crate::ImageCheck>,
}

/// What the service is to be like still.
#[derive(Debug)]
pub(crate) enum Expected {
    /// This deployment is PRIMARY, and it is to be undone.
    Deployment(String),
    /// It runs this task definition, and nothing is to be done, or something is.
    Planned { running: String, is_unchanged: bool },
}

/// What is to begin, and within which time.
pub(crate) struct Begin<'a> {
    pub(crate) order: &'a Order,
    pub(crate) limit: Limit<'a>,
    pub(crate) story: &'a Story,
}

impl Begin<'_> {
    /// The deployment, and the service as it is when it has begun.
    pub(crate) async fn run(
        &self,
        revision: &mut Revision,
    ) -> Result<(Handle, Description), Error> {
        let Seen { description, is_copy } = self.look(revision).await?;
        self.refuse_unexpected(&description, revision)?;
        if self.is_unchanged(&description, revision) {
            if description.desired_count() == 0 {
                self.story.tell(Event::Warning(Finding::desired_count_zero()));
            }
            let handle = self.handle(revision, &description, None)?;
            self.story.tell(Event::Unchanged(handle.revision().to_owned()));
            return Ok((handle, description));
        }
        self.check(&description, revision).await?;
        let description = self.register(revision, description, is_copy).await?;
        let start = self.start(revision, &description).await?;
        let before = self.starts(&description, revision).then_some(&description);
        let handle = self.handle(revision, &start, before)?;
        let deployment = handle.deployment();
        self.story.tell(match handle.followed().origin {
            Origin::Started => {
                tracing::info!(service = %self.order.service, revision = handle.revision(), deployment, "started");
                Event::Started(handle.clone())
            }
            Origin::Found => Event::Unchanged(handle.revision().to_owned()),
        });
        Ok((handle, start))
    }

    /// Whether nothing is to be registered, and the service runs the revision or is about to.
    pub(crate) fn is_unchanged(&self, description: &Description, revision: &Revision) -> bool {
        self.order.update.is_empty()
            && !revision.is_changed()
            && ours(description, revision).is_some_and(|it| !has_failed(it))
    }

    /// What is worth knowing before it begins.
    pub(crate) async fn findings(
        &self,
        description: &Description,
        revision: &Revision,
    ) -> Vec<Finding> {
        #[cfg_attr(not(feature = "ecr"), expect(unused_mut, reason = "images are checked in ECR"))]
        let mut findings = findings(description, &self.order.update);
        #[cfg(feature = "ecr")]
        if let Some(images) = &self.order.images {
            findings.extend(images.check(revision).await.into_iter().map(Finding::from));
        }
        #[cfg(not(feature = "ecr"))]
        let _ = revision;
        findings
    }

    /// Before anything is registered: is it a service that can be deployed to? `current` has just
    /// looked, as a rule.
    pub(crate) async fn look(&self, revision: &mut Revision) -> Result<Seen, Error> {
        let is_changed = revision.is_changed();
        let observed = revision.observed.take().filter(|it| it.service.may_be(&self.order.service));
        let is_copy = is_changed && observed.is_some();
        let description = match observed {
            // What was registered since is no longer what it was a copy of.
            Some(it)
                if it.at.elapsed() <= FRESH
                    && (is_changed || running(&it.description) == revision.arn()) =>
            {
                it.description
            }
            Some(copied) => {
                let description = self.describe().await?;
                self.refuse_others(revision, &copied.description, &description)?;
                description
            }
            None => self.describe().await?,
        };
        let rebase = self.order.deployer.rebase(revision, &description);
        self.limit.hold("DescribeTaskDefinition", rebase).await?;
        Ok(Seen { description, is_copy })
    }

    async fn check(&self, description: &Description, revision: &Revision) -> Result<(), Error> {
        let findings = self.findings(description, revision).await;
        let (refused, told): (Vec<Finding>, Vec<Finding>) =
            findings.into_iter().partition(|finding| self.order.refused.contains(finding));
        if !refused.is_empty() {
            let service = self.order.service.clone();
            return Err(Repr::NotReady { service, findings: refused }.into());
        }
        for finding in told {
            self.story.tell(Event::Warning(finding));
        }
        Ok(())
    }

    /// Registers the revision if it has changed, and returns the service as it was last seen.
    async fn register(
        &self,
        revision: &mut Revision,
        description: Description,
        is_copy: bool,
    ) -> Result<Description, Error> {
        if !revision.is_changed() {
            return Ok(description);
        }
        let base = revision.arn().unwrap_or_default().to_owned();
        let register = self.order.deployer.register(revision);
        let arn = self.limit.hold("RegisterTaskDefinition", register).await?;
        self.story.tell(Event::Registered(arn.clone()));
        // Whoever deploys a change of this family registers a revision first. Where there is one
        // between ours and the one that ours was copied from, it may run by now.
        if !is_copy || number(&arn) == number(&base).map(|number| number + 1) {
            return Ok(description);
        }
        let description = self.describe().await?;
        match running(&description).filter(|running| *running != base) {
            Some(running) => Err(self.outdated(&revision.short(), &base, running)),
            None => Ok(description),
        }
    }

    /// What was deployed since the revision was copied isn't undone, even where the revision has
    /// been registered meanwhile.
    fn refuse_others(
        &self,
        revision: &Revision,
        copied: &Description,
        now: &Description,
    ) -> Result<(), Error> {
        match (running(copied), running(now)) {
            (Some(base), Some(running)) if running != base && revision.arn() != Some(running) => {
                // What has yet to be registered has no name.
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
        let runs = running(description).unwrap_or_default();
        match &self.order.expected {
            Some(Expected::Planned { running, .. }) if running != runs => {
                Err(self.outdated("the plan", running, runs))
            }
            Some(Expected::Planned { running, is_unchanged: true })
                if !self.is_unchanged(description, revision) =>
            {
                let failed = format!("{} in a deployment that failed", short(runs));
                Err(self.outdated("the plan", running, &failed))
            }
            Some(Expected::Deployment(id))
                if primary(description).and_then(|it| it.id()) != Some(id) =>
            {
                Err(self.outdated("the way back", id, runs))
            }
            _ => Ok(()),
        }
    }

    /// Whether UpdateService starts a deployment.
    fn starts(&self, before: &Description, revision: &Revision) -> bool {
        self.order.update.starts() || ours(before, revision).is_none_or(has_failed)
    }

    fn outdated(&self, what: &str, base: &str, running: &str) -> Error {
        let (service, revision) = (self.order.service.clone(), what.to_owned());
        let (base, running) = (short(base).to_owned(), short(running).to_owned());
        Repr::Outdated { service, revision, base, running }.into()
    }

    /// The service with the deployment.
    async fn start(&self, revision: &Revision, before: &Description) -> Result<Description, Error> {
        let arn = revision.arn().unwrap_or_default();
        let update = self.update(before, revision);
        let call = self.order.deployer.update(&self.order.service, arn, &update);
        let error = match self.limit.hold("UpdateService", call).await {
            Ok(started) => return Ok(started),
            Err(error) => error,
        };
        let looks = match error.kind() {
            // What is throttled isn't carried out; but a first try may have been.
            ErrorKind::Throttled => 1,
            kind if kind == ErrorKind::TimedOut || error.is_retryable() => LOOKS_IN_DOUBT,
            _ => return Err(error),
        };
        let look = self.started_nevertheless(revision, before, looks);
        timeout(LONGEST_DOUBT, look).await.ok().flatten().ok_or(error)
    }

    /// As it is sent.
    pub(crate) fn update(&self, before: &Description, revision: &Revision) -> Update {
        let mut update = self.order.update.clone();
        // ECS has given that one up, and takes it up again only where it is forced to.
        if ours(before, revision).is_some_and(has_failed) {
            update.force();
        }
        update
    }

    /// Whether the call was carried out, and only its answer was lost: then there is a deployment,
    /// which nobody would watch.
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
            let Ok(Some(found)) = self.order.deployer.find(&self.order.service).await else {
                continue;
            };
            let handle = Handle::new(&self.order.service, revision, &found, Some(before));
            if handle.is_some_and(|it| it.followed().origin == Origin::Started) {
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
        Handle::new(&self.order.service, revision, description, before).ok_or_else(|| {
            let problem = format!("its PRIMARY deployment isn't one of {}", revision.short());
            Error::protocol("UpdateService", problem)
        })
    }

    async fn describe(&self) -> Result<Description, Error> {
        self.limit.hold("DescribeServices", self.order.deployer.describe(&self.order.service)).await
    }
}

/// The service before the rollout.
pub(crate) struct Seen {
    pub(crate) description: Description,
    /// Whether the revision is a changed copy of what ran there then.
    is_copy: bool,
}

/// The PRIMARY deployment, if it is one of `revision`.
fn ours<'a>(
    description: &'a Description,
    revision: &Revision,
) -> Option<&'a aws_sdk_ecs::types::Deployment> {
    primary(description)
        .filter(|it| it.task_definition().is_some() && it.task_definition() == revision.arn())
}

/// For how long what [`Deployer::current`] saw is still the truth about an unchanged service.
const FRESH: Duration = Duration::from_secs(30);
/// For finding out whether a deployment has begun.
const LONGEST_DOUBT: Duration = Duration::from_secs(10);
const LOOKS_IN_DOUBT: u32 = 3;
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
