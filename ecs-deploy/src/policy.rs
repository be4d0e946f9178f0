//! The least-privilege IAM policy of deployments to a service: [`DeployPolicy`].
//!
//! A [`DeployPolicy`] covers only the features in use. It prints the policy document, and explains
//! each [`Permission`]: its purpose, and the loss without it. The error of a denied call names the
//! missing statement in [`Error::missing_statement`].

mod statements;

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Value, json};

use crate::error::Error;
use crate::names::ecr_host::EcrHost;
use crate::names::invalid::{InvalidName, NameFlaw, Subject};
use crate::names::service::Service;
use crate::outside::escaped_json;
use crate::revision::Revision;

/// The least-privilege IAM policy of deployments to one service, limited to the features in use.
///
/// `Display` prints the policy document; [`permissions`](Self::permissions) explains each of its
/// actions, and says what a deployment loses without an optional one.
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
/// condition keys for Amazon ECS"). An action is on `*` for one of two reasons: the reference has
/// no resource for it, or ECS is reported to check another resource than the documented one. The
/// reason of each such action says which.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct DeployPolicy {
    service: Service,
    /// The start of the ARNs: `arn:PARTITION:ecs:REGION:ACCOUNT:`.
    prefix: String,
    families: BTreeSet<String>,
    roles: BTreeSet<String>,
    /// The ARNs of the images' repositories.
    repositories: BTreeSet<String>,
    parts: BTreeSet<Part>,
}

/// An action that deployments need, its resource, its condition, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    action: &'static str,
    resource: String,
    condition: Option<Condition>,
    reason: &'static str,
    loss: Option<&'static str>,
}

/// A feature that a policy can allow beside the rollout itself.
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
    /// Each action with its reason and the loss without it.
    actions: Vec<(&'static str, &'static str, Option<&'static str>)>,
    resources: Vec<String>,
    condition: Option<Condition>,
}

/// The operator, the key and the value of a condition.
type Condition = (&'static str, &'static str, String);

impl DeployPolicy {
    /// Creates the policy of deployments to `service`, which has to be named by its ARN, because a
    /// policy contains the region and the account. Add the [`role`](Self::role)s of its tasks.
    ///
    /// # Errors
    /// Returns [`InvalidService`](crate::ErrorKind::InvalidService) if `service` has only names.
    pub fn new(service: &Service) -> Result<Self, Error> {
        let Some(prefix) = service.prefix() else {
            let flaw = NameFlaw::new("a policy needs the region and account: use its ARN", 0);
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

    /// Creates the policy of deployments of revisions like `revision` to `service`. The revision
    /// provides the family, the task's roles, and whether there are tags. It also provides the
    /// region and the account if `service` has only names.
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
    /// Returns [`InvalidService`](crate::ErrorKind::InvalidService) if neither has a region and an
    /// account.
    pub fn from_revision(service: &Service, revision: &Revision) -> Result<Self, Error> {
        let mut policy = Self::new(&service.beside(revision.arn().unwrap_or_default()))?
            .family(revision.family());
        for role in revision.roles() {
            policy = policy.role(role);
        }
        Ok(if revision.has_tags() { policy.tags() } else { policy })
    }

    /// Limits actions to task definitions of `family`, if IAM can limit them. Without any family,
    /// they cover all families of the region and account.
    pub fn family(mut self, family: impl Into<String>) -> Self {
        self.families.insert(family.into());
        self
    }

    /// Adds a role of the tasks: `taskRoleArn` or `executionRoleArn` of the task definition. The
    /// caller who registers the task definition passes the role to ECS and needs permission to do
    /// so.
    pub fn role(mut self, arn: impl Into<String>) -> Self {
        let role = arn.into();
        // API reference of RegisterTaskDefinition: it also accepts a role's short name.
        let arn = if role.starts_with("arn:") {
            role
        } else {
            let (partition, account) = (self.field(1), self.field(4));
            format!("arn:{partition}:iam::{account}:role/{role}")
        };
        self.roles.insert(arn);
        self
    }

    /// Adds tags on the task definition: a copy is registered with the tags of the original.
    pub fn tags(self) -> Self {
        self.and(Part::Tags)
    }

    /// Adds the reasons of stopped tasks. Without it, a failure is reported without its cause.
    pub fn diagnosis(self) -> Self {
        self.and(Part::Diagnosis)
    }

    /// Adds ECS's newer view of a deployment. Without it, only DescribeServices decides.
    pub fn service_deployments(self) -> Self {
        self.and(Part::ServiceDeployments)
    }

    /// Adds [`OnFailure::RollBack`](crate::OnFailure::RollBack) and
    /// [`Deployer::roll_back`](crate::Deployer::roll_back). Without it, a rollback is an
    /// UpdateService.
    pub fn roll_back(self) -> Self {
        self.and(Part::RollBack)
    }

    /// Adds the continuation of a deployment that waits at a lifecycle hook.
    pub fn hooks(self) -> Self {
        self.and(Part::Hooks)
    }

    /// Adds one-off tasks of the [`family`](Self::family) in the service's cluster.
    pub fn run_task(self) -> Self {
        self.and(Part::RunTask)
    }

    /// Adds the deregistration of old revisions. It has to find all revisions in use, in every
    /// cluster of the region and account, so its read actions aren't limited to the service.
    pub fn prune(self) -> Self {
        self.and(Part::Prune)
    }

    /// Adds the check that images exist before their deployment. It covers those of `images` that
    /// are in a private registry of ECR, by their full references. Other images don't need a
    /// permission.
    pub fn check_images<I: AsRef<str>>(mut self, images: impl IntoIterator<Item = I>) -> Self {
        let arns = images.into_iter().filter_map(|image| repository_arn(image.as_ref()));
        self.repositories.extend(arns);
        self
    }

    /// Returns each action on each resource, with its reason.
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

    /// Returns a field of the ARN's prefix, counted from 0.
    fn field(&self, index: usize) -> &str {
        self.prefix.split(':').nth(index).unwrap_or_default()
    }
}

/// Returns the ARN of the repository of an image in a private registry of ECR.
fn repository_arn(image: &str) -> Option<String> {
    let (host, path) = EcrHost::split(image)?;
    Some(host.repository_arn(path.split(['@', ':']).next()?))
}

/// Prints the policy document in IAM's JSON.
impl fmt::Display for DeployPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escaped_json(&format!("{:#}", self.document())))
    }
}

impl Permission {
    /// Returns the action, such as `ecs:UpdateService`.
    pub fn action(&self) -> &str {
        self.action
    }

    /// Returns the resource: an ARN in which `*` may replace a part, or only `*`.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// Returns the operator, the key and the value of the condition, such as `StringEquals`,
    /// `iam:PassedToService` and `ecs-tasks.amazonaws.com`.
    pub fn condition(&self) -> Option<(&str, &str, &str)> {
        self.condition.as_ref().map(|(operator, key, value)| (*operator, *key, value.as_str()))
    }

    /// Returns what the action is for.
    pub fn reason(&self) -> &str {
        self.reason
    }

    /// Returns what is lost without it if the work continues; `None` if the work fails instead.
    pub fn loss(&self) -> Option<&str> {
        self.loss
    }
}

#[cfg(test)]
mod tests;
