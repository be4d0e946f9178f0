//! [`Handle`]: the data to follow a deployment that has begun.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::saved::{self, Saved};
use crate::names::arn::short;
use crate::names::service::Service;
use crate::outside::Outside;

/// The data to follow a deployment that has begun, from this or another process.
///
/// It implements serde both ways: one CI job can save it, and a later job can resume the watch with
/// [`Deployer::follow`](crate::Deployer::follow). It holds names, ids and images, and nothing of
/// the task definition that could be secret. `Display` is for people.
///
/// ```
/// use ecs_deploy::events::Event;
/// use ecs_deploy::{Deployed, Deployer, RollOut};
///
/// type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
///
/// async fn begin(roll_out: RollOut) -> Result<Option<String>> {
///     let mut events = roll_out.events();
///     while let Some(event) = events.next().await {
///         if let Event::Started { handle, .. } = event {
///             return Ok(Some(serde_json::to_string(&handle)?));
///         }
///     }
///     Ok(None)
/// }
///
/// async fn end(deployer: &Deployer, saved: &str) -> Result<Deployed> {
///     Ok(deployer.follow(serde_json::from_str(saved)?).await?)
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Handle(#[serde(with = "saved")] Box<DeploymentRecord>);

/// The content of a [`Handle`].

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeploymentRecord {
    pub(crate) service: Service,
    /// The ARN of the revision that it deploys.
    pub(crate) revision: String,
    /// The id, such as `ecs-svc/1234567890123456789`.
    pub(crate) deployment: String,
    /// The ARN of its service deployment, ECS's newer view of it, if ECS has reported one.
    pub(crate) service_deployment: Option<String>,
    pub(crate) images: Vec<(String, String)>,
    /// Whether it has stages or hooks. Only the service deployment shows these.
    pub(crate) form: Form,
    /// Whether this rollout started it, or found it.
    pub(crate) origin: Origin,
    /// The ids of earlier deployments. If one of them becomes PRIMARY again, ECS rolled back.
    pub(crate) earlier: BTreeSet<String>,
    /// The task definition of the last deployment that was complete when this one began.
    pub(crate) completed: Option<String>,
    /// The task definition of the deployment before it, complete or not.
    pub(crate) before: Option<String>,
    /// The ids of the service's messages from before the deployment.
    pub(crate) messages: BTreeSet<String>,
}

/// The form of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Form {
    /// A rolling update without hooks: the service's description shows its whole state.
    Rolling,
    Staged,
}

/// The origin of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Origin {
    Found,
    Started,
}

impl Handle {
    /// Returns the service.
    pub fn service(&self) -> &Service {
        &self.0.service
    }

    /// Returns the ARN of the revision that it deploys.
    pub fn revision(&self) -> &str {
        &self.0.revision
    }

    /// Returns the deployment's id, such as `ecs-svc/1234567890123456789`.
    pub fn deployment(&self) -> &str {
        &self.0.deployment
    }

    pub(crate) fn new(record: DeploymentRecord) -> Self {
        Self(Box::new(record))
    }

    pub(crate) fn record(&self) -> &DeploymentRecord {
        &self.0
    }
}

impl Saved for Box<DeploymentRecord> {
    const NAME: &'static str = "handle";
}

impl DeploymentRecord {
    /// Returns `FAMILY:REVISION`.
    pub(crate) fn short(&self) -> &str {
        short(&self.revision)
    }

    /// Returns the number that the deployment shares with its service revision and its service
    /// deployment. It is reported, not documented; other tools rely on it.
    pub(crate) fn number(&self) -> &str {
        short(&self.deployment)
    }
}

/// Prints `deployment ecs-svc/1234567890123456789 of web:2 to prod/web`.
impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DeploymentRecord { deployment, service, .. } = self.record();
        let (deployment, revision) =
            (Outside::new(deployment), Outside::new(self.record().short()));
        write!(f, "deployment {deployment} of {revision} to {service}")
    }
}

/// Leaves out the ids of the messages and other details.
impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("service", &self.0.service)
            .field("revision", &self.0.revision)
            .field("deployment", &self.0.deployment)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service as Description};

    use super::*;
    use crate::watch::identify::found;

    fn handle() -> Handle {
        let service = "arn:aws:ecs:eu-west-1:123456789012:service/prod/web".parse().unwrap();
        let arn = |revision| format!("arn:aws:ecs:eu-west-1:1:task-definition/web:{revision}");
        let new = Deployment::builder().id("ecs-svc/2").status("PRIMARY").task_definition(arn(2));
        let old = Deployment::builder()
            .id("ecs-svc/1")
            .status("ACTIVE")
            .task_definition(arn(1))
            .rollout_state(DeploymentRolloutState::Completed);
        let description = Description::builder().deployments(new.build()).deployments(old.build());
        found(&service, &description.build())
    }

    #[test]
    fn what_is_saved_is_restored() {
        let handle = handle();
        let saved = serde_json::to_string(&handle).unwrap();
        assert_eq!(
            saved,
            r#"{"version":1,"service":"arn:aws:ecs:eu-west-1:123456789012:service/prod/web","revision":"arn:aws:ecs:eu-west-1:1:task-definition/web:2","deployment":"ecs-svc/2","serviceDeployment":null,"images":[],"form":"rolling","origin":"found","earlier":["ecs-svc/1"],"completed":"arn:aws:ecs:eu-west-1:1:task-definition/web:1","before":"arn:aws:ecs:eu-west-1:1:task-definition/web:1","messages":[]}"#
        );
        let restored: Handle = serde_json::from_str(&saved).unwrap();
        assert_eq!(restored, handle);
        assert_eq!(restored.deployment(), "ecs-svc/2");
        assert_eq!(restored.record().earlier, BTreeSet::from(["ecs-svc/1".to_owned()]));
    }

    #[test]
    fn is_printed_for_people() {
        assert_eq!(
            handle().to_string(),
            "deployment ecs-svc/2 of web:2 to arn:aws:ecs:eu-west-1:123456789012:service/prod/web"
        );
    }

    #[test]
    fn what_is_no_handle_is_refused() {
        let saved = serde_json::to_string(&handle()).unwrap();
        let newer = saved.replace(r#""version":1"#, r#""version":2"#);
        let unversioned = saved.replace(r#""version":1,"#, "");
        let no_service = saved.replace("service/prod/web", "service/web");
        for (text, problem) in [
            ("ecs-svc/2", "expected value at line 1 column 1"),
            (newer.as_str(), "unsupported version 2 of a saved handle: this build reads version 1"),
            // The content of another version isn't read at all.
            (
                r#"{"version":3}"#,
                "unsupported version 3 of a saved handle: this build reads version 1",
            ),
            (unversioned.as_str(), "missing field `version`"),
            (
                no_service.as_str(),
                "invalid handle: invalid service `arn:aws:ecs:eu-west-1:123456789012:service/web`: \
                 its ARN lacks the cluster: use CLUSTER/SERVICE",
            ),
        ] {
            let error = serde_json::from_str::<Handle>(text).unwrap_err();
            assert!(error.to_string().starts_with(problem), "{error}");
        }
    }
}
