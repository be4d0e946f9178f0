//! [`Deployed`]: the outcome of a complete deployment.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::handle::{Handle, Origin};
use crate::model::saved::{self, Saved, seconds};
use crate::names::image::is_mutable;
use crate::outside::Outside;

/// The outcome of a complete deployment. Later deployments to the service aren't reflected.
///
/// It implements serde both ways, so that it can be saved. In JSON:
///
/// ```json
/// {
///   "version": 1,
///   "revision": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:2",
///   "deployment": "ecs-svc/1234567890123456789",
///   "elapsedSeconds": 87.0,
///   "wasChanged": true,
///   "images": [["web", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:2"]]
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Deployed(#[serde(with = "saved")] DeployedRecord);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeployedRecord {
    revision: String,
    deployment: String,
    #[serde(rename = "elapsedSeconds", with = "seconds")]
    elapsed: Duration,
    was_changed: bool,
    #[serde(default, rename = "draining", skip_serializing_if = "is_false")]
    is_draining: bool,
    images: Vec<(String, String)>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// The state in which a wait for a deployment ended with success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// ECS calls the deployment complete.
    Complete,
    /// All new tasks run, and old ones remain.
    Draining,
}

impl Saved for DeployedRecord {
    const NAME: &'static str = "outcome of a deployment";
}

impl Deployed {
    pub(crate) fn new(handle: &Handle, elapsed: Duration, end: End) -> Self {
        let record = handle.record();
        Self(DeployedRecord {
            revision: record.revision.clone(),
            deployment: record.deployment.clone(),
            elapsed,
            was_changed: record.origin == Origin::Started,
            is_draining: end == End::Draining,
            images: record.images.clone(),
        })
    }

    /// Returns the ARN of the revision that now runs.
    pub fn revision(&self) -> &str {
        &self.0.revision
    }

    /// Returns the id of the revision's deployment, such as `ecs-svc/1234567890123456789`.
    pub fn deployment(&self) -> &str {
        &self.0.deployment
    }

    /// Returns the time from the first call of the rollout until ECS reported it as complete, with
    /// the time of [`RollOut::soak`](crate::RollOut::soak).
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// Returns whether a deployment was started; `false` if the service already ran the revision.
    pub fn was_changed(&self) -> bool {
        self.0.was_changed
    }

    /// Returns whether old tasks remained at the time limit, although all new ones ran; only with
    /// [`Complete::WhenNewTasksRun`](crate::events::Complete::WhenNewTasksRun).
    pub fn is_draining(&self) -> bool {
        self.0.is_draining
    }

    /// Returns the images that are named by a tag if nothing was deployed: the tag may name another
    /// image by now, and the service's tasks don't run it.
    /// [`RollOut::force_new_deployment`](crate::RollOut::force_new_deployment) pulls it again. Empty
    /// if a deployment was started.
    pub fn may_have_moved(&self) -> impl Iterator<Item = &str> {
        let images = self.images().map(|(_, image)| image);
        images.filter(|image| !self.was_changed() && is_mutable(image))
    }

    /// Returns the containers' names and images, in the order of the task definition.
    pub fn images(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.images.iter().map(|(name, image)| (name.as_str(), image.as_str()))
    }
}

impl fmt::Display for Deployed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Outside::new(self.revision()).named("the revision"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAVED: &str = r#"{"version":1,"revision":"arn:aws:ecs:eu-west-1:123456789012:task-definition/web:2","deployment":"ecs-svc/2","elapsedSeconds":87.25,"wasChanged":true,"images":[["web","web:2"]]}"#;

    #[test]
    fn what_is_saved_is_restored() {
        let deployed: Deployed = serde_json::from_str(SAVED).unwrap();
        assert!(deployed.revision().ends_with("task-definition/web:2"));
        assert_eq!(deployed.deployment(), "ecs-svc/2");
        assert_eq!(deployed.elapsed(), Duration::from_millis(87_250));
        assert!(deployed.was_changed());
        assert_eq!(deployed.images().collect::<Vec<_>>(), [("web", "web:2")]);
        assert_eq!(serde_json::to_string(&deployed).unwrap(), SAVED);
    }

    #[test]
    fn what_is_no_outcome_is_refused() {
        for (text, problem) in [
            (
                SAVED.replace(r#""version":1"#, r#""version":2"#),
                "unsupported version 2 of a saved outcome of a deployment: this build reads \
                 version 1",
            ),
            (
                SAVED.replace("87.25", "-1"),
                "invalid outcome of a deployment: cannot convert float seconds to Duration: value \
                 is negative",
            ),
            (SAVED.replace(r#""version":1,"#, ""), "missing field `version` at line 1 column"),
        ] {
            let error = serde_json::from_str::<Deployed>(&text).unwrap_err();
            assert!(error.to_string().starts_with(problem), "{error}");
        }
    }
}
