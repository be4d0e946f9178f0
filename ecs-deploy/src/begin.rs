//! The calls that begin a rollout, up to the answer that names its deployment.

use std::time::Duration;

use aws_sdk_ecs::types::Service as Description;
use tokio::time::{sleep, timeout};

use crate::deploy::Deployer;
use crate::error::{Error, ErrorKind, Repr};
use crate::events::{Event, Story};
use crate::handle::{Handle, Origin};
use crate::limit::Limit;
use crate::preflight::{Finding, Refused, findings};
use crate::revision::{Revision, number, short};
use crate::service::Service;
use crate::update::Update;
use crate::watch::{has_failed, primary};

/// What is to begin, and within which time.
pub(crate) struct Begin<'a> {
    pub(crate) deployer: &'a Deployer,
    pub(crate) service: &'a Service,
    pub(crate) update: &'a Update,
    pub(crate) refused: &'a Refused,
    /// The task definition that the service is to run still, where that has been planned with.
    pub(crate) expected: Option<&'a str>,
    #[cfg(feature = "ecr")]
    pub(crate) images: Option<&'a crate::ImageCheck>,
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
        let running = primary(&description).and_then(|it| it.task_definition());
        if let Some((expected, running)) = self.expected.zip(running)
            && expected != running
        {
            return Err(self.outdated("the plan", expected, running));
        }
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
        let handle = self.handle(revision, &start, Some(&description))?;
        let deployment = handle.deployment();
        self.story.tell(match handle.followed().origin {
            Origin::Started => {
                tracing::info!(service = %self.service, revision = handle.revision(), deployment, "started");
                Event::Started(handle.clone())
            }
            Origin::Found => Event::Unchanged(handle.revision().to_owned()),
        });
        Ok((handle, start))
    }

    /// Whether nothing is to be registered, and the service runs the revision or is about to.
    pub(crate) fn is_unchanged(&self, description: &Description, revision: &Revision) -> bool {
        self.update.is_empty()
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
        let mut findings = findings(description, self.update);
        #[cfg(feature = "ecr")]
        if let Some(images) = self.images {
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
        let observed = revision.observed.take().filter(|it| it.service == *self.service);
        let is_copy = is_changed && observed.is_some();
        let description = match observed {
            Some(it) if is_changed || it.at.elapsed() <= FRESH => it.description,
            Some(copied) => {
                let description = self.describe().await?;
                self.refuse_others(revision, &copied.description, &description)?;
                description
            }
            None => self.describe().await?,
        };
        let rebase = self.deployer.rebase(revision, &description);
        self.limit.hold("DescribeTaskDefinition", rebase).await?;
        Ok(Seen { description, is_copy })
    }

    async fn check(&self, description: &Description, revision: &Revision) -> Result<(), Error> {
        let findings = self.findings(description, revision).await;
        let (refused, told): (Vec<Finding>, Vec<Finding>) =
            findings.into_iter().partition(|finding| self.refused.contains(finding));
        if !refused.is_empty() {
            let service = self.service.clone();
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
        let register = self.deployer.register(revision);
        let arn = self.limit.hold("RegisterTaskDefinition", register).await?;
        self.story.tell(Event::Registered(arn.clone()));
        // Whoever deploys a change of this family registers a revision first. Where there is one
        // between ours and the one that ours was copied from, it may run by now.
        if !is_copy || number(&arn) == number(&base).map(|number| number + 1) {
            return Ok(description);
        }
        let description = self.describe().await?;
        let running = primary(&description).and_then(|it| it.task_definition());
        match running.filter(|running| *running != base) {
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
        let running = |description| primary(description).and_then(|it| it.task_definition());
        match (running(copied), running(now)) {
            (Some(base), Some(running)) if running != base && revision.arn() != Some(running) => {
                Err(self.outdated(&revision.short(), base, running))
            }
            _ => Ok(()),
        }
    }

    fn outdated(&self, what: &str, base: &str, running: &str) -> Error {
        let (service, revision) = (self.service.clone(), what.to_owned());
        let (base, running) = (short(base).to_owned(), short(running).to_owned());
        Repr::Outdated { service, revision, base, running }.into()
    }

    /// The service with the deployment.
    async fn start(&self, revision: &Revision, before: &Description) -> Result<Description, Error> {
        let arn = revision.arn().unwrap_or_default();
        let mut update = self.update.clone();
        // ECS has given that one up, and takes it up again only where it is forced to.
        if ours(before, revision).is_some_and(has_failed) {
            update.force();
        }
        let call = self.deployer.update(self.service, arn, &update);
        let error = match self.limit.hold("UpdateService", call).await {
            Ok(started) => return Ok(started),
            Err(error) => error,
        };
        let is_doubtful = error.kind() == ErrorKind::TimedOut || error.is_retryable();
        if !is_doubtful || error.kind() == ErrorKind::Throttled {
            return Err(error);
        }
        let look = self.started_nevertheless(revision, before);
        timeout(LONGEST_DOUBT, look).await.ok().flatten().ok_or(error)
    }

    /// Whether the call was carried out, and only its answer was lost: then there is a deployment,
    /// which nobody would watch.
    async fn started_nevertheless(
        &self,
        revision: &Revision,
        before: &Description,
    ) -> Option<Description> {
        for attempt in 0..LOOKS_IN_DOUBT {
            if attempt > 0 {
                sleep(BETWEEN_LOOKS).await;
            }
            let Ok(Some(found)) = self.deployer.find(self.service).await else {
                continue;
            };
            let handle = Handle::new(self.service, revision, &found, Some(before));
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
        Handle::new(self.service, revision, description, before).ok_or_else(|| {
            let problem = format!("its PRIMARY deployment isn't one of {}", revision.short());
            Error::protocol("UpdateService", problem)
        })
    }

    async fn describe(&self) -> Result<Description, Error> {
        self.limit.hold("DescribeServices", self.deployer.describe(self.service)).await
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
