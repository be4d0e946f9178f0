//! [`Revision`]: a lossless copy of a task definition, for editing and registering.

pub(crate) mod canonical;
pub(crate) mod check;
pub(crate) mod container;
pub(crate) mod diff;
mod document;
mod edit;
mod file;
mod kept;
pub(crate) mod record;

use std::collections::BTreeMap;
use std::fmt;

use crate::error::Error;
use crate::error::repr::Repr;
use crate::json::value::{Json, Object};
use crate::names::arn::short;
use crate::names::service::Service;
use crate::revision::canonical::{Node, canonical};
use crate::revision::container::ContainerMut;

/// A task definition to register: a copy of a registered one, or one from a file.
///
/// | source | method |
/// |---|---|
/// | what a service runs | [`Deployer::current`](crate::Deployer::current) |
/// | a family's latest or any other revision | [`Deployer::revision`](crate::Deployer::revision) |
/// | a JSON file in the AWS CLI's form | [`Revision::read`], `FromStr` |
/// | the SDK's types | [`Revision::from_sdk`] |
///
/// It holds the JSON of the API, not the SDK's types. Members that are newer than this version of
/// the SDK are registered again unchanged. Absent members stay absent, empty ones stay empty,
/// members keep their order, and numbers keep their spelling (`1.0` stays `1.0`). It leaves out
/// only the nine members that ECS itself adds (revision, status, and the like). It keeps the tags,
/// except for an empty list and for AWS's own tags (`aws:…`): ECS returns both, but refuses them as
/// input.
///
/// Environment variables may hold secrets, so `Debug` doesn't show the content.
#[derive(Clone)]
pub struct Revision {
    /// The members to register.
    members: Object,
    /// The registered revision to compare with.
    base: Option<Base>,
    /// The service that it was copied from, as it was at that time.
    source: Option<CopySource>,
}

/// A registered revision.
#[derive(Debug, Clone, PartialEq)]
struct Base {
    arn: String,
    /// Whether it has been deregistered: ECS starts no deployment and no task of it.
    is_inactive: bool,
    /// The members with which it was registered.
    members: Object,
}

/// The service that a revision was copied from.
#[derive(Debug, Clone)]
pub(crate) struct CopySource {
    pub(crate) service: Service,
    /// The ARN of the task definition that the service ran at that time, if any.
    pub(crate) running: Option<String>,
}

impl Revision {
    /// Returns the ARN of the revision that this is a copy of or [based on](Self::based_on); after
    /// [`register`](crate::Deployer::register), the ARN of the new revision. `None` if it comes
    /// from a file and has neither a base nor a registration.
    pub fn arn(&self) -> Option<&str> {
        self.base.as_ref().map(|base| base.arn.as_str())
    }

    /// Returns the family in which it is registered.
    pub fn family(&self) -> &str {
        self.members.text("family").unwrap_or_default()
    }

    /// Returns the containers' names and images, in the order of the task definition.
    pub fn images(&self) -> impl Iterator<Item = (&str, &str)> {
        self.containers().map(|container| {
            let text = |member| container.text(member).unwrap_or_default();
            (text("name"), text("image"))
        })
    }

    /// Sets the images of the containers in `images`, which holds pairs of a container and an
    /// image, as `imagedefinitions.json` does. If a container occurs twice, the last pair counts.
    /// Returns the names of the other containers, which stay unchanged, in the order of the task
    /// definition.
    ///
    /// # Errors
    /// Returns [`UnknownContainer`](crate::ErrorKind::UnknownContainer) with all names that the
    /// task definition lacks, and those that it has. The revision is then unchanged.
    pub fn set_images<C, I>(
        &mut self,
        images: impl IntoIterator<Item = (C, I)>,
    ) -> Result<Vec<String>, Error>
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
            return Err(self.unknown_containers(unknown));
        }
        let mut left_alone = Vec::new();
        for container in self.containers_mut() {
            let name = container.text("name").unwrap_or_default();
            match wanted.get(name) {
                Some(image) => container.insert("image", image.as_str()),
                None => left_alone.push(name.to_owned()),
            }
        }
        Ok(left_alone)
    }

    /// Returns a container, for changes of more than its image.
    ///
    /// ```
    /// # use ecs_deploy::Revision;
    /// # fn edit(mut revision: Revision) -> Result<(), ecs_deploy::Error> {
    /// revision
    ///     .container_mut("web")?
    ///     .set_image("123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:2")
    ///     .set_env("LOG", "debug")
    ///     .remove_env("TRACE");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns [`UnknownContainer`](crate::ErrorKind::UnknownContainer) with the existing names.
    pub fn container_mut(&mut self, name: &str) -> Result<ContainerMut<'_>, Error> {
        let revision = self.short();
        let unknown = self.unknown_containers(vec![name.to_owned()]);
        let mut containers = self.containers_mut();
        let container = containers.find(|container| container.text("name") == Some(name));
        container.map(|container| ContainerMut::new(container, revision)).ok_or(unknown)
    }

    /// Sets the CPU units of the whole task; 1024 units are one vCPU.
    pub fn set_task_cpu(&mut self, units: u32) {
        self.members.insert("cpu", units.to_string().as_str());
    }

    /// Sets the memory of the whole task, in MiB.
    pub fn set_task_memory(&mut self, mib: u32) {
        self.members.insert("memory", mib.to_string().as_str());
    }

    /// Sets the ARN or the name of the role that the containers use.
    pub fn set_task_role(&mut self, role: &str) {
        self.members.insert("taskRoleArn", role);
    }

    /// Sets the ARN or the name of the role with which ECS pulls images, reads secrets and writes
    /// logs.
    pub fn set_execution_role(&mut self, role: &str) {
        self.members.insert("executionRoleArn", role);
    }

    /// Sets the registered revision that this one is compared with to the one that `other` is a
    /// copy of, for example to show what a file in git changes in the running revision. The content
    /// stays the same. If ECS sees no difference, nothing is registered, and a rollout uses the
    /// revision of `other`. If `other` isn't a copy of a registered revision, every member counts
    /// as a change.
    ///
    /// A rollout of a revision without an [`arn`](Self::arn) does this by itself, with the
    /// service's current task definition.
    ///
    /// ```no_run
    /// # use ecs_deploy::{Deployer, Revision, Service};
    /// # async fn show(deployer: Deployer, service: Service) -> Result<(), ecs_deploy::Error> {
    /// let current = deployer.current(&service).await?;
    /// let revision = Revision::read("taskdef.json")?.based_on(&current);
    /// print!("{}", revision.diff());
    /// deployer.roll_out(&service, revision).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn based_on(mut self, other: &Revision) -> Self {
        self.rebase(other);
        self.source.clone_from(&other.source);
        self
    }

    pub(crate) fn rebase(&mut self, other: &Revision) {
        self.base.clone_from(&other.base);
    }

    pub(crate) fn copied_from(mut self, source: CopySource) -> Self {
        self.source = Some(source);
        self
    }

    /// Removes and returns the service that it was copied from; further calls treat it as a
    /// revision without a service.
    pub(crate) fn take_source(&mut self) -> Option<CopySource> {
        self.source.take()
    }

    /// Returns a member of the task definition to register.
    pub(crate) fn member(&self, name: &str) -> Option<&Json> {
        self.members.get(name)
    }

    /// Returns the body of the RegisterTaskDefinition request.
    pub(crate) fn request(&self) -> String {
        self.members.to_string()
    }

    /// Returns whether this content still has to be registered.
    pub(crate) fn is_changed(&self) -> bool {
        match &self.base {
            Some(base) if base.members == self.members => false,
            _ => self.base_canonical().is_none_or(|base| base != self.canonical()),
        }
    }

    /// Records that it has been registered as `arn`.
    pub(crate) fn registered_as(&mut self, arn: String) {
        self.base = Some(Base { arn, is_inactive: false, members: self.members.clone() });
    }

    /// Returns whether ECS needs a registration before it can deploy this content: it has changed,
    /// or its registered revision is INACTIVE.
    pub(crate) fn needs_registration(&self) -> bool {
        self.is_inactive() || self.is_changed()
    }

    /// Returns whether the registered revision is INACTIVE.
    pub(crate) fn is_inactive(&self) -> bool {
        self.base.as_ref().is_some_and(|base| base.is_inactive)
    }

    /// Records that ECS refused the registered revision as INACTIVE.
    pub(crate) fn found_inactive(&mut self) {
        if let Some(base) = &mut self.base {
            base.is_inactive = true;
        }
    }

    /// Returns `FAMILY:REVISION`, or the family if it isn't registered yet.
    pub(crate) fn short(&self) -> String {
        self.arn().map_or(self.family(), short).to_owned()
    }

    /// Returns the roles that are passed to ECS by a registration or a task of it.
    pub(crate) fn roles(&self) -> impl Iterator<Item = &str> {
        ["taskRoleArn", "executionRoleArn"].into_iter().filter_map(|role| self.members.text(role))
    }

    /// Returns the names of the volumes that are configured at launch.
    pub(crate) fn volumes_at_launch(&self) -> impl Iterator<Item = &str> {
        let volumes = self.members.get("volumes").and_then(Json::as_array);
        let volumes = volumes.into_iter().flatten().filter_map(Json::as_object);
        volumes
            .filter(|it| it.get("configuredAtLaunch").and_then(Json::as_bool) == Some(true))
            .filter_map(|it| it.text("name"))
    }

    pub(crate) fn has_tags(&self) -> bool {
        self.members.get("tags").is_some()
    }

    /// Returns the keys of tags that the base has and this content lacks.
    pub(crate) fn removed_tags(&self) -> Vec<String> {
        let keys = |members: &Object| -> Vec<String> {
            let tags = members.get("tags").and_then(Json::as_array).into_iter().flatten();
            tags.filter_map(|tag| Some(tag.as_object()?.text("key")?.to_owned())).collect()
        };
        let now = keys(&self.members);
        let before = self.base.as_ref().map(|base| keys(&base.members)).unwrap_or_default();
        before.into_iter().filter(|key| !now.contains(key)).collect()
    }

    /// Returns whether each of its tasks has a network interface, which needs a network
    /// configuration.
    pub(crate) fn has_own_network(&self) -> bool {
        self.members.text("networkMode") == Some("awsvpc")
    }

    /// Returns the canonical form of the base.
    fn base_canonical(&self) -> Option<Node> {
        self.base.as_ref().map(|base| canonical(&base.members))
    }

    pub(crate) fn canonical(&self) -> Node {
        canonical(&self.members)
    }

    pub(crate) fn containers(&self) -> impl Iterator<Item = &Object> {
        let containers = self.members.get("containerDefinitions").and_then(Json::as_array);
        containers.into_iter().flatten().filter_map(Json::as_object)
    }

    fn containers_mut(&mut self) -> impl Iterator<Item = &mut Object> {
        let containers = self.members.get_mut("containerDefinitions").and_then(Json::as_array_mut);
        containers.into_iter().flatten().filter_map(Json::as_object_mut)
    }

    fn unknown_containers(&self, unknown: Vec<String>) -> Error {
        let known = self.images().map(|(name, _)| name.to_owned()).collect();
        Repr::UnknownContainer { revision: self.short(), unknown, known }.into()
    }
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revision")
            .field("family", &self.family())
            .field("arn", &self.arn())
            .field("is_changed", &self.is_changed())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
impl Revision {
    /// Builds it from the JSON of `definition` and `tags`, as DescribeTaskDefinition returns them.
    pub(crate) fn described(definition: &str, tags: &str) -> Self {
        let text = format!(r#"{{"taskDefinition":{definition},"tags":{tags}}}"#);
        match Json::parse(&text) {
            Ok(Json::Object(response)) => {
                Self::from_response(response, "DescribeTaskDefinition").unwrap()
            }
            other => panic!("{other:?}"),
        }
    }
}

#[cfg(test)]
mod tests;
