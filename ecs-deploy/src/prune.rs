//! The deregistration of old revisions of a task definition that aren't in use: [`Prune`].
//!
//! [`Deployer::prune`](crate::Deployer::prune) reads every service and every task that may use the
//! family. Its [`PrunePlan`] lists the revisions to deregister, and a [`KeepReason`] for each
//! revision that is kept. If one of these reads fails, nothing is deregistered.

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

/// A builder that deregisters the old revisions of a family when it is awaited. Call
/// [`plan`](Self::plan) to see its effect first.
///
/// A revision is kept if one of these holds:
///
/// - it is among the newest;
/// - a deployment of any service refers to it;
/// - a task runs it or is about to;
/// - it is the result of one of a service's last two successful deployments, so that a rollback
///   stays possible.
///
/// For that, it reads every service and every task of the family in every cluster of the region
/// and account. If it can't read one of them, it deregisters nothing;
/// [`only_services`](Self::only_services) needs less.
///
/// **References from outside of ECS are unknown:** schedules and rules of EventBridge, state
/// machines of Step Functions, pipelines, tools of other accounts. Let them refer to the family
/// without a revision, or keep enough revisions.
///
/// A deregistered revision is INACTIVE. Existing tasks and services keep running it and can be
/// scaled, but nothing new can start from it, and it can't become ACTIVE again (ECS developer
/// guide, "Deregistering an Amazon ECS task definition revision").
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
/// Returns the errors of the calls. If a call that finds the revisions in use isn't allowed, the
/// error says that nothing was deregistered, and [`missing_statement`](Error::missing_statement)
/// returns what to allow; [`DeployPolicy::prune`](crate::policy::DeployPolicy::prune) prints the
/// whole policy. If a call of DeregisterTaskDefinition fails, [`Error::deregistered`] returns the
/// revisions that were deregistered before it. Throttling, ECS's internal errors and lost
/// connections are retried for half a minute.
///
/// # Cancellation
/// Dropping the future stops it after the current call. Another run deregisters the rest.
#[must_use = "nothing is deregistered until it is awaited"]
#[derive(Debug, Clone)]
pub struct Prune {
    ecs: Ecs,
    family: Family,
    keep: usize,
    scope: Scope,
}

/// The selection of the family.
#[derive(Debug, Clone)]
pub(crate) enum Family {
    Named(String),
    OfService(Service),
}

impl Prune {
    /// The default number of the newest revisions that are kept; [`keep`](Self::keep) changes it.
    pub const DEFAULT_KEEP: usize = 10;

    pub(crate) fn new(ecs: Ecs, family: Family) -> Self {
        Self { ecs, family, keep: Self::DEFAULT_KEEP, scope: Scope::Everything }
    }

    /// Keeps this number of the newest active revisions, in use or not. The newest revision is
    /// always kept, because it may have been registered for a deployment that hasn't started yet.
    pub fn keep(mut self, newest: usize) -> Self {
        self.keep = newest;
        self
    }

    /// Reads only these services and the tasks in their clusters. Use it only if no other service
    /// uses the family; this isn't checked. It needs neither `ecs:ListClusters` nor
    /// `ecs:ListServices`.
    pub fn only_services(mut self, services: impl IntoIterator<Item = Service>) -> Self {
        self.scope = Scope::Services(services.into_iter().collect());
        self
    }

    /// Returns the revisions that would be deregistered now, and the reasons why the others are
    /// kept. It deregisters nothing.
    ///
    /// # Errors
    /// Returns the same errors as [`Prune`].
    pub async fn plan(&self) -> Result<PrunePlan, Error> {
        let reader = UsageReader::new(&self.ecs);
        let mut scope = self.scope.clone();
        let family = match &self.family {
            Family::Named(family) => family.clone(),
            Family::OfService(service) => {
                // The service that selects the family is always included.
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
        // This comes before any read of their uses: later registrations aren't in the list.
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
        // The oldest goes first, so that after a failure the remaining revisions are contiguous.
        deregister.reverse();
        let mut deregistered = Vec::new();
        for arn in &deregister {
            let call = || {
                let call = self.ecs.client().deregister_task_definition();
                let call = call.task_definition(arn).send();
                async {
                    let output =
                        call.await.map_err(|error| Error::api(OPERATION, short(arn), error))?;
                    let answer = output.task_definition.and_then(|it| it.task_definition_arn);
                    match answer {
                        Some(answer) if answer == *arn => Ok(()),
                        Some(other) => Err(Error::protocol(
                            OPERATION,
                            format!("it is about `{other}` instead of `{arn}`"),
                        )),
                        None => Err(Error::protocol(
                            OPERATION,
                            "it has no `taskDefinitionArn`".to_owned(),
                        )),
                    }
                }
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
