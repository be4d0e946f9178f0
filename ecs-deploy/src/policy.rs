//! The least that an IAM policy has to allow for deployments to a service: [`DeployPolicy`].
//!
//! A [`DeployPolicy`] is told what is used of this crate, prints the policy document, and explains each
//! [`Permission`]: what it is for, and what is lost without it. A call that is denied says which
//! statement is missing, in [`Error::missing_statement`].

mod statements;

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Value, json};

use crate::error::Error;
use crate::names::ecr_host::EcrHost;
use crate::names::invalid::{InvalidName, NameFlaw, Subject};
use crate::names::service::Service;
use crate::revision::Revision;

/// The least-privilege IAM policy of deployments to one service, for exactly what is used of this
/// crate.
///
/// `Display` prints the policy document; [`permissions`](Self::permissions) explains each action of
/// it, and says what is lost without it where a deployment does without.
///
/// ```
/// use ecs_deploy::Service;
/// use ecs_deploy::policy::DeployPolicy;
///
/// let service: Service = "arn:aws:ecs:eu-west-1:123456789012:service/prod/web".parse()?;
/// let policy = DeployPolicy::new(&service)?
///     .family("web")
///     .role("arn:aws:iam::123456789012:role/web")
///     .role("arn:aws:iam::123456789012:role/web-execution")
///     .diagnosis();
/// println!("{policy}");
/// for permission in policy.permissions() {
///     println!("{} on {}: {}", permission.action(), permission.resource(), permission.reason());
/// }
/// # Ok::<(), ecs_deploy::Error>(())
/// ```
///
/// Resources and conditions follow the Service Authorization Reference ("Actions, resources, and
/// condition keys for Amazon ECS"). Where an action is on `*`, the reference has no resource for it,
/// or ECS is reported to decide about another resource than the one that is documented; each such
/// action's reason says which.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct DeployPolicy {
    service: Service,
    /// `arn:PARTITION:ecs:REGION:ACCOUNT:`
    prefix: String,
    families: BTreeSet<String>,
    roles: BTreeSet<String>,
    /// The ARNs of the images' repositories.
    repositories: BTreeSet<String>,
    parts: BTreeSet<Part>,
}

/// One action that is needed, on what, on which condition, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    action: &'static str,
    resource: String,
    condition: Option<Condition>,
    reason: &'static str,
    loss: Option<&'static str>,
}

/// What a policy can be asked to allow beside a rollout itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Diagnosis,
    Hooks,
    Prune,
    RollBack,
    RunTask,
    ServiceDeployments,
    Tags,
}

/// One statement of the document.
struct Statement {
    sid: &'static str,
    /// With the reason, and what is lost without it.
    actions: Vec<(&'static str, &'static str, Option<&'static str>)>,
    resources: Vec<String>,
    condition: Option<Condition>,
}

/// The operator, the key and the value.
type Condition = (&'static str, &'static str, String);

impl DeployPolicy {
    /// For deployments to `service`, which has to be given by its ARN: a policy names the region
    /// and the account. To be completed with the [`role`](Self::role)s of its tasks.
    ///
    /// # Errors
    /// [`InvalidService`](crate::ErrorKind::InvalidService) where only the names are known.
    pub fn new(service: &Service) -> Result<Self, Error> {
        let Some(prefix) = service.prefix() else {
            let flaw = NameFlaw::new("a policy needs its region and account, which its ARN has", 0);
            return Err(InvalidName::new(Subject::Service, &service.to_string(), flaw).into());
        };
        Ok(Self {
            prefix: prefix.to_owned(),
            service: service.clone(),
            families: BTreeSet::new(),
            roles: BTreeSet::new(),
            repositories: BTreeSet::new(),
            parts: BTreeSet::new(),
        })
    }

    /// For deployments of such revisions as `revision` to `service`: the family, the task's roles
    /// and whether there are tags are known from it, and the region and the account, where the
    /// service was given by its names.
    ///
    /// ```no_run
    /// # use ecs_deploy::policy::DeployPolicy;
    /// # use ecs_deploy::{Deployer, Service};
    /// # async fn print(deployer: Deployer, service: Service) -> Result<(), ecs_deploy::Error> {
    /// let revision = deployer.current(&service).await?;
    /// println!("{}", DeployPolicy::from_revision(&service, &revision)?.diagnosis().roll_back());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidService`](crate::ErrorKind::InvalidService) where neither names a region and an
    /// account.
    pub fn from_revision(service: &Service, revision: &Revision) -> Result<Self, Error> {
        let mut policy = Self::new(&service.beside(revision.arn().unwrap_or_default()))?
            .family(revision.family());
        for role in revision.roles() {
            policy = policy.role(role);
        }
        Ok(if revision.has_tags() { policy.tags() } else { policy })
    }

    /// Task definitions of `family`, which the actions are limited to that can be; without any, to
    /// all of the region and account.
    pub fn family(mut self, family: impl Into<String>) -> Self {
        self.families.insert(family.into());
        self
    }

    /// A role that the tasks have: `taskRoleArn` or `executionRoleArn` of the task definition.
    /// Whoever registers the task definition passes it to ECS, and needs leave for that.
    pub fn role(mut self, arn: impl Into<String>) -> Self {
        let role = arn.into();
        // API reference of RegisterTaskDefinition: a role's short name is taken, too.
        let arn = if role.starts_with("arn:") {
            role
        } else {
            let (partition, account) = (self.field(1), self.field(4));
            format!("arn:{partition}:iam::{account}:role/{role}")
        };
        self.roles.insert(arn);
        self
    }

    /// With tags on the task definition: a copy is registered with those of the original.
    pub fn tags(self) -> Self {
        self.and(Part::Tags)
    }

    /// The reasons of tasks that stopped. Without it, a failure is told without its cause.
    pub fn diagnosis(self) -> Self {
        self.and(Part::Diagnosis)
    }

    /// ECS's newer view of a deployment. Without it, what DescribeServices shows decides alone.
    pub fn service_deployments(self) -> Self {
        self.and(Part::ServiceDeployments)
    }

    /// As [`OnFailure::RollBack`](crate::OnFailure::RollBack) and
    /// [`Deployer::roll_back`](crate::Deployer::roll_back). Without it, a rollback is an
    /// UpdateService.
    pub fn roll_back(self) -> Self {
        self.and(Part::RollBack)
    }

    /// To let a deployment go on that waits at a lifecycle hook.
    pub fn hooks(self) -> Self {
        self.and(Part::Hooks)
    }

    /// One-off tasks of the [`family`](Self::family), in the service's cluster.
    pub fn run_task(self) -> Self {
        self.and(Part::RunTask)
    }

    /// Old revisions are deregistered. What is in use has to be known for that in every cluster of
    /// the region and account, so that the actions that only read aren't limited to the service.
    pub fn prune(self) -> Self {
        self.and(Part::Prune)
    }

    /// Whether images are there is looked up before they are deployed: those of `images` that are
    /// in a private registry of ECR, by their full references. Others take no permission.
    pub fn check_images<I: AsRef<str>>(mut self, images: impl IntoIterator<Item = I>) -> Self {
        let arns = images.into_iter().filter_map(|image| repository_arn(image.as_ref()));
        self.repositories.extend(arns);
        self
    }

    /// Each action on each resource, and what it is for.
    pub fn permissions(&self) -> Vec<Permission> {
        let statements = self.statements();
        let each = statements.iter().flat_map(|statement| {
            statement.actions.iter().flat_map(|(action, reason, loss)| {
                statement.resources.iter().map(|resource| Permission {
                    action,
                    resource: resource.clone(),
                    condition: statement.condition.clone(),
                    reason,
                    loss: *loss,
                })
            })
        });
        each.collect()
    }

    fn document(&self) -> Value {
        let statements = self.statements().into_iter().map(|statement| {
            let actions: Vec<&str> = statement.actions.iter().map(|(action, ..)| *action).collect();
            let mut json = json!({
                "Sid": statement.sid,
                "Effect": "Allow",
                "Action": actions,
                "Resource": statement.resources,
            });
            if let Some((operator, key, value)) = statement.condition {
                json["Condition"] = json!({ operator: { key: value } });
            }
            json
        });
        json!({ "Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>() })
    }

    fn and(mut self, part: Part) -> Self {
        self.parts.insert(part);
        self
    }

    /// A field of the ARN's prefix, counted from 0.
    fn field(&self, index: usize) -> &str {
        self.prefix.split(':').nth(index).unwrap_or_default()
    }
}

/// The repository of an image in a private registry of ECR.
fn repository_arn(image: &str) -> Option<String> {
    let (host, path) = EcrHost::split(image)?;
    Some(host.repository_arn(path.split(['@', ':']).next()?))
}

/// The policy document, as IAM takes it.
impl fmt::Display for DeployPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.document())
    }
}

impl Permission {
    /// Such as `ecs:UpdateService`.
    pub fn action(&self) -> &str {
        self.action
    }

    /// An ARN, where `*` may stand for a part of it, or `*` alone.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// The operator, the key and the value of the condition that it is allowed on, such as
    /// `StringEquals`, `iam:PassedToService` and `ecs-tasks.amazonaws.com`.
    pub fn condition(&self) -> Option<(&str, &str, &str)> {
        self.condition.as_ref().map(|(operator, key, value)| (*operator, *key, value.as_str()))
    }

    /// What it is for.
    pub fn reason(&self) -> &str {
        self.reason
    }

    /// What is lost without it, where the work goes on; `None` where it ends with an error.
    pub fn loss(&self) -> Option<&str> {
        self.loss
    }
}

#[cfg(test)]
mod tests;
