//! [`Revision`]: a task definition to be edited and registered, with nothing lost on the way.

use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_ecs::types::Service as Description;
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::diff::Diff;
use crate::error::{Error, Repr};
use crate::service::Service;

/// A task definition, as ECS returned it and as it is to be registered.
///
/// It holds the JSON of the API, not the SDK's types: members that ECS has and this build of the
/// SDK has never heard of are registered again as they were. What is absent stays absent, what is
/// empty stays empty; only the nine members that ECS itself adds (revision, status, and the like)
/// are left out, and the tags go along.
///
/// Environment variables may hold what isn't to be seen, so that `Debug` shows none of the content.
#[derive(Clone)]
pub struct Revision {
    arn: String,
    /// What `arn` was registered with.
    registered: Map<String, Value>,
    /// What is to be registered.
    members: Map<String, Value>,
    /// The service that it was read from, as it was then.
    pub(crate) observed: Option<Observed>,
}

/// A service as it was at a moment.
#[derive(Debug, Clone)]
pub(crate) struct Observed {
    pub(crate) service: Service,
    pub(crate) description: Description,
    pub(crate) at: Instant,
}

impl Revision {
    /// The ARN of the revision that this is a copy of; after
    /// [`register`](crate::Deployer::register) that of the new one.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The family that both belong to.
    pub fn family(&self) -> &str {
        self.members.get("family").and_then(Value::as_str).unwrap_or_default()
    }

    /// The containers' names and images, in the order of the task definition.
    pub fn images(&self) -> impl Iterator<Item = (&str, &str)> {
        self.containers().map(|container| {
            let text = |member| container.get(member).and_then(Value::as_str).unwrap_or_default();
            (text("name"), text("image"))
        })
    }

    /// Sets the images of the containers that `images` names, and leaves the others alone: pairs
    /// of container and image, such as `imagedefinitions.json` holds. Where a container is named
    /// twice, the last one counts.
    ///
    /// # Errors
    /// [`UnknownContainer`](crate::ErrorKind::UnknownContainer) with all the names that the task
    /// definition doesn't have, and those that it has. The revision is then unchanged.
    pub fn set_images<C, I>(
        &mut self,
        images: impl IntoIterator<Item = (C, I)>,
    ) -> Result<(), Error>
    where
        C: AsRef<str>,
        I: AsRef<str>,
    {
        let wanted: BTreeMap<String, String> = images
            .into_iter()
            .map(|(name, image)| (name.as_ref().to_owned(), image.as_ref().to_owned()))
            .collect();
        let known: Vec<&str> = self.images().map(|(name, _)| name).collect();
        let unknown: Vec<String> =
            wanted.keys().filter(|name| !known.contains(&name.as_str())).cloned().collect();
        if !unknown.is_empty() {
            let known = known.into_iter().map(str::to_owned).collect();
            return Err(Repr::UnknownContainer { revision: self.short(), unknown, known }.into());
        }
        let containers = self.members.get_mut("containerDefinitions").and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten().filter_map(Value::as_object_mut) {
            let name = container.get("name").and_then(Value::as_str).unwrap_or_default();
            if let Some(image) = wanted.get(name) {
                container.insert("image".to_owned(), Value::from(image.as_str()));
            }
        }
        Ok(())
    }

    /// What differs from the revision that this is a copy of.
    pub fn diff(&self) -> Diff {
        Diff::between(&self.registered, &self.members)
    }

    /// From the response to DescribeTaskDefinition with the tags included.
    pub(crate) fn from_response(mut response: Map<String, Value>) -> Result<Self, Error> {
        const OPERATION: &str = "DescribeTaskDefinition";
        let Some(Value::Object(mut members)) = response.remove("taskDefinition") else {
            return Err(Error::protocol(OPERATION, "there is no task definition in it".to_owned()));
        };
        let Some(Value::String(arn)) = members.remove("taskDefinitionArn") else {
            return Err(Error::protocol(OPERATION, "its task definition has no ARN".to_owned()));
        };
        for name in READ_ONLY {
            members.remove(name);
        }
        // ECS refuses an empty list of tags, though it returns one.
        match response.remove("tags") {
            Some(Value::Array(tags)) if !tags.is_empty() => {
                members.insert("tags".to_owned(), Value::Array(tags));
            }
            _ => {}
        }
        Ok(Self { arn, registered: members.clone(), members, observed: None })
    }

    /// What RegisterTaskDefinition is called with.
    pub(crate) fn request(&self) -> String {
        Value::Object(self.members.clone()).to_string()
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.registered != self.members
    }

    /// It has been registered as `arn`.
    pub(crate) fn registered_as(&mut self, arn: String) {
        self.arn = arn;
        self.registered = self.members.clone();
    }

    /// `FAMILY:REVISION`
    pub(crate) fn short(&self) -> String {
        short(&self.arn).to_owned()
    }

    /// The roles that whoever registers it, or runs a task of it, passes on.
    pub(crate) fn roles(&self) -> impl Iterator<Item = &str> {
        let roles = ["taskRoleArn", "executionRoleArn"];
        roles.into_iter().filter_map(|member| self.members.get(member)?.as_str())
    }

    pub(crate) fn has_tags(&self) -> bool {
        self.members.contains_key("tags")
    }

    /// Whether its tasks have a network interface each, which takes a network configuration.
    pub(crate) fn has_own_network(&self) -> bool {
        self.members.get("networkMode").and_then(Value::as_str) == Some("awsvpc")
    }

    pub(crate) fn containers(&self) -> impl Iterator<Item = &Map<String, Value>> {
        let containers = self.members.get("containerDefinitions").and_then(Value::as_array);
        containers.into_iter().flatten().filter_map(Value::as_object)
    }
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revision")
            .field("arn", &self.arn)
            .field("is_changed", &self.is_changed())
            .finish_non_exhaustive()
    }
}

/// `FAMILY:REVISION` of a task definition's ARN.
pub(crate) fn short(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, short)| short)
}

/// The revision's number at the end of a task definition's ARN.
pub(crate) fn number(arn: &str) -> Option<u64> {
    arn.rsplit_once(':')?.1.parse().ok()
}

/// The members of TaskDefinition that RegisterTaskDefinition's input doesn't have (service model).
const READ_ONLY: [&str; 9] = [
    "compatibilities",
    "deleteRequestedAt",
    "deregisteredAt",
    "registeredAt",
    "registeredBy",
    "requiresAttributes",
    "revision",
    "status",
    "taskDefinitionArn",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn revision(definition: Value) -> Revision {
        let Value::Object(response) = definition else { panic!("{definition}") };
        Revision::from_response(response).unwrap()
    }

    fn web() -> Revision {
        revision(json!({
            "taskDefinition": {
                "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:7",
                "family": "web",
                "containerDefinitions": [
                    { "name": "web", "image": "a:1" }, { "name": "log", "image": "b:1" },
                ],
            },
            "tags": [],
        }))
    }

    #[test]
    fn all_but_the_read_only_members_is_registered_again() {
        let mut definition = json!({
            "family": "web",
            "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:7",
            "volumes": [],
            "cpu": "",
            "invented": { "deep": [1, 1.0, 12345678901234567890u64, 0.1, -0.0, 1e300, null] },
            "containerDefinitions": [{ "name": "web", "invented": false, "environment": [] }],
        });
        let mut expected = definition.clone();
        expected.as_object_mut().unwrap().remove("taskDefinitionArn");
        expected["tags"] = json!([{ "key": "a", "value": "" }]);
        for name in READ_ONLY.iter().filter(|name| **name != "taskDefinitionArn") {
            definition[*name] = json!(1);
        }
        let revision = revision(json!({ "taskDefinition": definition, "tags": expected["tags"] }));
        assert_eq!(revision.request(), expected.to_string());
    }

    #[test]
    fn an_empty_list_of_tags_is_left_out() {
        assert!(!web().request().contains("tags"));
    }

    #[test]
    fn the_same_images_are_no_change() {
        let mut revision = web();
        revision.set_images([("web", "a:1"), ("log", "b:1")]).unwrap();
        assert!(revision.diff().is_empty());
        assert!(!revision.is_changed());
    }

    #[test]
    fn unknown_containers_are_refused_at_once_and_change_nothing() {
        let mut revision = web();
        let error = revision.set_images([("web", "a:2"), ("wbe", "x"), ("api", "x")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "web:7 has no container `api` and no container `wbe`, only `web` and `log`"
        );
        assert!(!revision.is_changed());
    }

    #[test]
    fn only_the_named_images_change() {
        let mut revision = web();
        revision.set_images(BTreeMap::from([("log".to_owned(), "b:2".to_owned())])).unwrap();
        assert_eq!(revision.images().collect::<Vec<_>>(), [("web", "a:1"), ("log", "b:2")]);
        let diff = revision.diff();
        assert_eq!(diff.changes().len(), 1);
        assert_eq!(diff.to_string(), "containerDefinitions[log].image\n  - b:1\n  + b:2\n");
    }

    #[test]
    fn debug_shows_no_content() {
        assert_eq!(
            format!("{:?}", web()),
            "Revision { arn: \"arn:aws:ecs:us-east-1:123456789012:task-definition/web:7\", \
             is_changed: false, .. }"
        );
    }
}
