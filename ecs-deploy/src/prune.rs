//! Old revisions of a task definition: [`Prune`] deregisters those that nothing needs.
//!
//! [`Deployer::prune`](crate::Deployer::prune) looks at every service and every task that may use the
//! family. Its [`PrunePlan`] lists what would be deregistered, and a [`KeepReason`] for each revision that
//! is kept. If any use can't be seen, nothing is deregistered.

mod plan;
mod usage;

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use self::plan::KeptRevision;
pub use self::plan::{KeepReason, PrunePlan, Pruned};
use self::usage::{Scope, UsageReader};
use crate::ecs::client::Ecs;
use crate::ecs::patience::Attempts;
use crate::error::Error;
use crate::error::repr::Repr;
use crate::names::arn::short;
use crate::names::service::Service;

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
/// allow; [`DeployPolicy::prune`](crate::policy::DeployPolicy::prune) prints all of it. Where
/// DeregisterTaskDefinition fails on the way, [`Error::deregistered`] has those that are. Throttling,
/// errors of ECS's own and lost connections are waited out for half a minute.
///
/// # Cancellation
/// Dropping the future stops after the current call. To do it again does the rest.
#[must_use = "nothing is deregistered until it is awaited"]
#[derive(Debug, Clone)]
pub struct Prune {
    ecs: Ecs,
    family: Family,
    keep: usize,
    scope: Scope,
}

/// Which family.
#[derive(Debug, Clone)]
pub(crate) enum Family {
    Named(String),
    OfService(Service),
}

impl Prune {
    /// How many of the newest revisions are kept where [`keep`](Self::keep) doesn't say otherwise.
    pub const DEFAULT_KEEP: usize = 10;

    pub(crate) fn new(ecs: Ecs, family: Family) -> Self {
        Self { ecs, family, keep: Self::DEFAULT_KEEP, scope: Scope::Everything }
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
        let reader = UsageReader::new(&self.ecs);
        let mut scope = self.scope.clone();
        let family = match &self.family {
            Family::Named(family) => family.clone(),
            Family::OfService(service) => {
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
        reader: &UsageReader<'_>,
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
            kept: newest.iter().map(|arn| kept(arn, KeepReason::Newest)).collect(),
        };
        if old.is_empty() {
            return Ok(plan);
        }
        let mut uses = reader.uses(family, scope).await?;
        for arn in old {
            match uses.remove(arn) {
                Some(reason) => plan.kept.push(kept(arn, reason)),
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
                let call = self.ecs.client().deregister_task_definition();
                let call = call.task_definition(arn).send();
                async { call.await.map_err(|error| Error::api(OPERATION, short(arn), error)) }
            };
            if let Err(source) = Attempts::Patient.make(OPERATION, short(arn), call).await {
                let (failed, planned) = (short(arn).to_owned(), deregister.len());
                return Err(Repr::PartlyPruned { failed, planned, deregistered, source }.into());
            }
            tracing::info!(%arn, "deregistered");
            deregistered.push(arn.clone());
        }
        Ok(Pruned { deregistered, kept })
    }
}

fn kept(arn: &str, reason: KeepReason) -> KeptRevision {
    KeptRevision { revision: arn.to_owned(), reason }
}

impl IntoFuture for Prune {
    type Output = Result<Pruned, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
