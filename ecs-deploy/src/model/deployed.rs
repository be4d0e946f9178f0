//! [`Deployed`]: a deployment that is complete.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::handle::{Handle, Origin};
use crate::model::saved::{self, Saved};
use crate::model::seconds;

/// A deployment that is complete. Later deployments to the service are not reflected.
///
/// It can be saved and read in serde's formats. In JSON:
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
    images: Vec<(String, String)>,
}

impl Saved for DeployedRecord {
    const NAME: &'static str = "outcome of a deployment";
}

impl Deployed {
    pub(crate) fn new(handle: &Handle, elapsed: Duration) -> Self {
        let record = handle.record();
        Self(DeployedRecord {
            revision: record.revision.clone(),
            deployment: record.deployment.clone(),
            elapsed,
            was_changed: record.origin == Origin::Started,
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

    /// Returns the time from the first call of the rollout until ECS reported it as complete.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// Whether a deployment was started; false if the service ran the revision already.
    pub fn was_changed(&self) -> bool {
        self.0.was_changed
    }

    /// Returns the containers' names and images, in the order of the task definition.
    pub fn images(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.images.iter().map(|(name, image)| (name.as_str(), image.as_str()))
    }
}

impl fmt::Display for Deployed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.revision())
    }
}
