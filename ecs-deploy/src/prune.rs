//! [`Prune`]: deregisters old revisions of a task definition, and none that is needed.

mod usage;

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use self::usage::{Reader, Scope};
use crate::deployer::Deployer;
use crate::ecs::patience::patiently;
use crate::error::{Error, Repr};
use crate::names::service::Service;
use crate::revision::short;

/// Deregisters the old revisions of a family: await it, or look at the [`plan`](Self::plan) first.
///
/// A revision is kept where it is among the newest, where a deployment of any service refers to it,
/// where a task runs it or is about to, or where it is what a service's last two successful
/// deployments brought, so that there is a way back. For that, every service and every task of the
/// family is looked at, in every cluster of the region and account. If any of it can't be seen, nothing
/// is deregistered; [`only_services`](Self::only_services) makes do with less.
///
/// **What refers to a revision from outside of ECS isn't known:** schedules and rules of
/// EventBridge, state machines of Step Functions, pipelines, other accounts' tools. Let them refer
/// to the family alone, or keep enough.
///
/// A revision that is deregistered is INACTIVE: what runs it runs on and can be scaled, but nothing
/// new can be started from it, and there is no way to make it ACTIVE again (ECS developer guide,
/// "Deregistering an Amazon ECS task definition revision").
///
/// ```no_run
/// # use ecs_deploy::{Deployer, Error};
/// # async fn prune(deployer: Deployer) -> Result<(), Error> {
/// print!("{}", deployer.prune("web").keep(20).plan().await?);
/// let pruned = deployer.prune("web").keep(20).await?;
/// println!("{} deregistered", pruned.deregistered().len());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Those of the calls. Where one that is needed to know what is in use isn't allowed, the error
/// says that nothing was deregistered, and [`missing_statement`](Error::missing_statement) what to
/// allow; [`DeployPolicy::prune`](crate::DeployPolicy::prune) prints all of it. Where
/// DeregisterTaskDefinition fails on the way, [`Error::deregistered`] has those that are. Throttling,
/// errors of ECS's own and lost connections are waited out for half a minute.
///
/// # Cancellation
/// Dropping the future stops after the current call. To do it again does the rest.
#[must_use = "nothing is deregistered until it is awaited"]
#[derive(Debug, Clone)]
pub struct Prune {
    deployer: Deployer,
    family: Family,
    keep: usize,
    scope: Scope,
}

/// Which family.
#[derive(Debug, Clone)]
enum Family {
    Named(String),
    Of(Service),
}

impl Deployer {
    /// Prunes a family by its name. Nothing happens until the returned [`Prune`] is awaited.
    pub fn prune(&self, family: impl Into<String>) -> Prune {
        Prune::new(self, Family::Named(family.into()))
    }

    /// The same for the family of what `service` runs.
    pub fn prune_family_of(&self, service: &Service) -> Prune {
        Prune::new(self, Family::Of(service.clone()))
    }
}

impl Prune {
    /// How many of the newest revisions are kept where [`keep`](Self::keep) doesn't say otherwise.
    pub const DEFAULT_KEEP: usize = 10;

    fn new(deployer: &Deployer, family: Family) -> Self {
        let (deployer, scope) = (deployer.clone(), Scope::Everything);
        Self { deployer, family, keep: Self::DEFAULT_KEEP, scope }
    }

    /// Keeps so many of the newest active revisions, whether they are in use or not. The newest is
    /// kept in any case: somebody may have registered it to deploy it.
    pub fn keep(mut self, newest: usize) -> Self {
        self.keep = newest;
        self
    }

    /// Looks at these services alone, and at the tasks in their clusters: where no other service
    /// uses the family, which nobody checks then. It takes neither `ecs:ListClusters` nor
    /// `ecs:ListServices`.
    pub fn only_services(mut self, services: impl IntoIterator<Item = Service>) -> Self {
        self.scope = Scope::Services(services.into_iter().collect());
        self
    }

    /// What would be deregistered by now, and why the rest is kept. Deregisters nothing.
    ///
    /// # Errors
    /// As [`Prune`].
    pub async fn plan(&self) -> Result<PrunePlan, Error> {
        let reader = Reader::new(&self.deployer);
        let mut scope = self.scope.clone();
        let family = match &self.family {
            Family::Named(family) => family.clone(),
            Family::Of(service) => {
                // Whatever else counts, what it runs does.
                if let Scope::Services(services) = &mut scope
                    && !services.contains(service)
                {
                    services.push(service.clone());
                }
                reader.family_of(service).await?
            }
        };
        match self.plan_of(&reader, &family, &scope).await {
            Ok(plan) => Ok(plan),
            Err(source) => Err(Repr::NotPruned { family, source }.into()),
        }
    }

    async fn plan_of(
        &self,
        reader: &Reader<'_>,
        family: &str,
        scope: &Scope,
    ) -> Result<PrunePlan, Error> {
        // Before anything that uses them is looked at: what is registered later isn't in here.
        let revisions = reader.revisions(family).await?;
        let newest = self.keep.max(1).min(revisions.len());
        let (newest, old) = revisions.split_at(newest);
        let mut plan = PrunePlan {
            family: family.to_owned(),
            deregister: Vec::new(),
            kept: newest.iter().map(|arn| (arn.clone(), Kept::Newest)).collect(),
        };
        if old.is_empty() {
            return Ok(plan);
        }
        let mut uses = reader.uses(family, scope).await?;
        for arn in old {
            match uses.remove(arn) {
                Some(kept) => plan.kept.push((arn.clone(), kept)),
                None => plan.deregister.push(arn.clone()),
            }
        }
        Ok(plan)
    }

    async fn run(self) -> Result<Pruned, Error> {
        const OPERATION: &str = "DeregisterTaskDefinition";
        let PrunePlan { mut deregister, kept, .. } = self.plan().await?;
        // The oldest first: where it ends too early, what is left is of one piece.
        deregister.reverse();
        let mut deregistered = Vec::new();
        for arn in &deregister {
            let call = || {
                let call = self.deployer.client().deregister_task_definition();
                let call = call.task_definition(arn).send();
                async { call.await.map_err(|error| Error::api(OPERATION, short(arn), error)) }
            };
            if let Err(source) = patiently(OPERATION, short(arn), call).await {
                let (failed, planned) = (short(arn).to_owned(), deregister.len());
                return Err(Repr::PartlyPruned { failed, planned, deregistered, source }.into());
            }
            tracing::info!(%arn, "deregistered");
            deregistered.push(arn.clone());
        }
        Ok(Pruned { deregistered, kept })
    }
}

impl IntoFuture for Prune {
    type Output = Result<Pruned, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// What would be deregistered, and why the rest is kept. `Display` has a line for each revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrunePlan {
    family: String,
    deregister: Vec<String>,
    kept: Vec<(String, Kept)>,
}

/// Why a revision is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kept {
    /// A deployment of this service refers to it; the ARN.
    Deployment(String),
    /// It is what this service would go back to; the ARN.
    LastSuccessful(String),
    /// It is among the newest.
    Newest,
    /// This task runs it, or is about to; the ARN.
    Task(String),
}

impl PrunePlan {
    /// The family.
    pub fn family(&self) -> &str {
        &self.family
    }

    /// The ARNs of the revisions that would be deregistered, newest first.
    pub fn deregister(&self) -> &[String] {
        &self.deregister
    }

    /// The ARNs of the active revisions that are kept, newest first, and why.
    pub fn kept(&self) -> impl Iterator<Item = (&str, &Kept)> {
        self.kept.iter().map(|(arn, kept)| (arn.as_str(), kept))
    }
}

impl fmt::Display for PrunePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (arn, kept) in &self.kept {
            writeln!(f, "keep {}: {kept}", short(arn))?;
        }
        for arn in &self.deregister {
            writeln!(f, "deregister {}", short(arn))?;
        }
        Ok(())
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kept::Deployment(service) => write!(f, "{service} deploys it"),
            Kept::LastSuccessful(service) => write!(f, "{service} would go back to it"),
            Kept::Newest => f.write_str("it is among the newest"),
            Kept::Task(task) => write!(f, "{task} runs it"),
        }
    }
}

/// What was deregistered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    deregistered: Vec<String>,
    kept: Vec<(String, Kept)>,
}

impl Pruned {
    /// The ARNs of the revisions that were deregistered, oldest first.
    pub fn deregistered(&self) -> &[String] {
        &self.deregistered
    }

    /// The ARNs of the active revisions that are kept, newest first, and why.
    pub fn kept(&self) -> impl Iterator<Item = (&str, &Kept)> {
        self.kept.iter().map(|(arn, kept)| (arn.as_str(), kept))
    }
}
