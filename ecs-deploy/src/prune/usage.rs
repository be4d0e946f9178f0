//! The reader of a family's revisions and of their uses.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_ecs::types::{
    DeploymentControllerType, DesiredStatus, Failure, Service as Description, SortOrder,
};

use crate::ecs::client::Ecs;
use crate::ecs::patience::{Attempts, listed, pages};
use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::names::arn::family;
use crate::names::service::Service;
use crate::outside::Outside;
use crate::prune::plan::KeepReason;
use crate::watch::history::History;

/// The services and tasks that count as users of a family.
#[derive(Debug, Clone)]
pub(super) enum Scope {
    /// All services and tasks, in every cluster of the region and account.
    Everything,
    Services(Vec<Service>),
}

/// The revisions in use by their ARNs, each with the first reason that was found.
type Uses = HashMap<String, KeepReason>;

/// Reads the revisions of one family and their uses.
pub(super) struct UsageReader<'a> {
    ecs: &'a Ecs,
}

impl<'a> UsageReader<'a> {
    pub(super) fn new(ecs: &'a Ecs) -> Self {
        Self { ecs }
    }

    /// Returns the family of the task definition that a service runs.
    pub(super) async fn family_of(&self, service: &Service) -> Result<String, Error> {
        let description = self.service(service).await?;
        let arn = description.task_definition().unwrap_or_default();
        match family(arn) {
            "" => {
                let problem = format!("the service {service} has no task definition");
                Err(Error::protocol("DescribeServices", problem))
            }
            family => Ok(family.to_owned()),
        }
    }

    /// Returns the active revisions, newest first.
    pub(super) async fn revisions(&self, of: &str) -> Result<Vec<String>, Error> {
        const OPERATION: &str = "ListTaskDefinitions";
        let list =
            self.ecs.client().list_task_definitions().family_prefix(of).sort(SortOrder::Desc);
        let mut arns = pages(Attempts::Patient, OPERATION, of, |token| {
            let list = list.clone().max_results(100).set_next_token(token).send();
            async {
                let output = list.await.map_err(|error| Error::api(OPERATION, of, error))?;
                Ok((
                    listed(OPERATION, "taskDefinitionArns", output.task_definition_arns)?,
                    output.next_token,
                ))
            }
        })
        .await?;
        // The parameter is named a prefix, but documented as the full family name.
        arns.retain(|arn| family(arn) == of);
        Ok(arns)
    }

    pub(super) async fn uses(&self, of: &str, scope: &Scope) -> Result<Uses, Error> {
        let mut uses = Uses::new();
        match scope {
            Scope::Everything => {
                for cluster in self.clusters().await? {
                    for description in self.services_in(&cluster).await? {
                        self.note(of, &cluster, &description, &mut uses).await?;
                    }
                    self.note_tasks(of, &cluster, &mut uses).await?;
                }
            }
            Scope::Services(services) => {
                let mut clusters: BTreeMap<String, Vec<&Service>> = BTreeMap::new();
                for service in services {
                    clusters.entry(service.cluster_reference()).or_default().push(service);
                }
                for (cluster, services) in clusters {
                    for service in services {
                        let description = self.service(service).await?;
                        self.note(of, &cluster, &description, &mut uses).await?;
                    }
                    self.note_tasks(of, &cluster, &mut uses).await?;
                }
            }
        }
        Ok(uses)
    }

    /// Returns a service that the caller named. It has to exist: a wrong name would hide its uses.
    async fn service(&self, service: &Service) -> Result<Description, Error> {
        Attempts::Patient.make("DescribeServices", service, || self.ecs.existing(service)).await
    }

    async fn clusters(&self) -> Result<Vec<String>, Error> {
        const OPERATION: &str = "ListClusters";
        let region = &self.ecs.region();
        pages(Attempts::Patient, OPERATION, region, |token| {
            let list =
                self.ecs.client().list_clusters().max_results(100).set_next_token(token).send();
            async {
                let output = list.await.map_err(|error| Error::api(OPERATION, region, error))?;
                Ok((listed(OPERATION, "clusterArns", output.cluster_arns)?, output.next_token))
            }
        })
        .await
    }

    async fn services_in(&self, cluster: &str) -> Result<Vec<Description>, Error> {
        const OPERATION: &str = "ListServices";
        let list = self.ecs.client().list_services().cluster(cluster).max_results(100);
        let arns = pages(Attempts::Patient, OPERATION, cluster, |token| {
            let list = list.clone().set_next_token(token).send();
            async {
                let output = list.await.map_err(|error| Error::api(OPERATION, cluster, error))?;
                Ok((listed(OPERATION, "serviceArns", output.service_arns)?, output.next_token))
            }
        })
        .await;
        let arns = unless_gone(arns)?;
        let mut descriptions = Vec::new();
        // API reference of DescribeServices: up to 10.
        for arns in arns.chunks(10) {
            const OPERATION: &str = "DescribeServices";
            let describe = self.ecs.client().describe_services().cluster(cluster);
            let describe = describe.set_services(Some(arns.to_vec()));
            let output = Attempts::Patient
                .make(OPERATION, cluster, || {
                    let describe = describe.clone().send();
                    async { describe.await.map_err(|error| Error::api(OPERATION, cluster, error)) }
                })
                .await?;
            // A missing service has been deleted meanwhile. Any other failure hides a service.
            let failures = output.failures.unwrap_or_default();
            if let Some(failure) = failures.iter().find(|it| it.reason() != Some("MISSING")) {
                let (arn, reason) = (failure.arn(), failure.reason());
                let problem = format!(
                    "{}: {}",
                    Outside::new(arn.unwrap_or_default()),
                    reason.unwrap_or_default()
                );
                return Err(Error::protocol(OPERATION, problem));
            }
            let services = output.services.unwrap_or_default();
            let found = services.iter().map(|it| it.service_arn());
            complete(OPERATION, arns, found, &failures)?;
            descriptions.extend(services);
        }
        Ok(descriptions)
    }

    /// Records the revisions that a service's deployments refer to, and its rollback targets.
    async fn note(
        &self,
        of: &str,
        cluster: &str,
        description: &Description,
        uses: &mut Uses,
    ) -> Result<(), Error> {
        let service = description.service_arn().unwrap_or_default();
        let deployments = description.deployments().iter().map(|it| it.task_definition());
        let task_sets = description.task_sets().iter().map(|it| it.task_definition());
        let current = std::iter::once(description.task_definition());
        let mut uses_it = false;
        for arn in current.chain(deployments).chain(task_sets).flatten() {
            if family(arn) == of {
                uses_it = true;
                uses.entry(arn.to_owned())
                    .or_insert(KeepReason::Deployment { service: service.to_owned() });
            }
        }
        let controller = description.deployment_controller().map(|it| it.r#type());
        // Only ECS's own deployments appear in the history.
        if uses_it && matches!(controller, None | Some(DeploymentControllerType::Ecs)) {
            for arn in self.last_successful(cluster, service).await? {
                uses.entry(arn)
                    .or_insert(KeepReason::LastSuccessful { service: service.to_owned() });
            }
        }
        Ok(())
    }

    /// Returns the task definitions of the last two successful deployments: usually the running one
    /// and the one before it.
    async fn last_successful(&self, cluster: &str, service: &str) -> Result<Vec<String>, Error> {
        let ecs = self.ecs;
        let attempts = Attempts::Patient;
        let history = History { ecs, cluster, service, subject: service, attempts };
        let mut revisions = history.service_revisions().await?;
        revisions.truncate(2);
        match revisions.is_empty() {
            true => Ok(Vec::new()),
            false => history.task_definitions(&revisions).await,
        }
    }

    /// Records the revisions of the family's tasks in a cluster. The desired status RUNNING also
    /// includes tasks that are starting.
    async fn note_tasks(&self, of: &str, cluster: &str, uses: &mut Uses) -> Result<(), Error> {
        const LIST: &str = "ListTasks";
        const DESCRIBE: &str = "DescribeTasks";
        let list = self.ecs.client().list_tasks().cluster(cluster).family(of).max_results(100);
        let list = list.desired_status(DesiredStatus::Running);
        let arns = pages(Attempts::Patient, LIST, cluster, |token| {
            let list = list.clone().set_next_token(token).send();
            async {
                let output = list.await.map_err(|error| Error::api(LIST, cluster, error))?;
                Ok((listed(LIST, "taskArns", output.task_arns)?, output.next_token))
            }
        })
        .await;
        let arns = unless_gone(arns)?;
        // API reference of DescribeTasks: up to 100. A missing task stopped long ago.
        for arns in arns.chunks(100) {
            let describe = self.ecs.client().describe_tasks().cluster(cluster);
            let describe = describe.set_tasks(Some(arns.to_vec()));
            let output = Attempts::Patient
                .make(DESCRIBE, cluster, || {
                    let describe = describe.clone().send();
                    async { describe.await.map_err(|error| Error::api(DESCRIBE, cluster, error)) }
                })
                .await?;
            let tasks = output.tasks.unwrap_or_default();
            let found = tasks.iter().map(|it| it.task_arn());
            complete(DESCRIBE, arns, found, &output.failures.unwrap_or_default())?;
            for task in tasks {
                let Some(arn) = task.task_definition_arn else {
                    let problem = "a task has no `taskDefinitionArn`".to_owned();
                    return Err(Error::protocol(DESCRIBE, problem));
                };
                let task = task.task_arn.unwrap_or_default();
                uses.entry(arn).or_insert(KeepReason::Task { task });
            }
        }
        Ok(())
    }
}

/// Checks that a response has each of the resources or a failure for it. A use that it omits would
/// let a revision in use be deregistered.
fn complete<'a>(
    operation: &'static str,
    asked: &[String],
    found: impl Iterator<Item = Option<&'a str>>,
    failures: &'a [Failure],
) -> Result<(), Error> {
    let known: BTreeSet<&str> = found.chain(failures.iter().map(|it| it.arn())).flatten().collect();
    match asked.iter().find(|arn| !known.contains(arn.as_str())) {
        None => Ok(()),
        Some(arn) => {
            let problem = format!("it has neither `{arn}` nor a failure for it");
            Err(Error::protocol(operation, problem))
        }
    }
}

/// Treats a cluster that was deleted after it was listed as empty.
fn unless_gone(listed: Result<Vec<String>, Error>) -> Result<Vec<String>, Error> {
    match listed {
        Err(error) if error.kind() == ErrorKind::ClusterNotFound => Ok(Vec::new()),
        listed => listed,
    }
}
