//! What RegisterTaskDefinition refuses.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::fargate::{cpu_units, memory_mib, pairs};
use crate::ecs::input::{check_tags, is_name};
use crate::ecs::store::definition::{Container, Volume};
use crate::error::AwsError;

/// The input, as far as there are rules for it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskDefinition {
    #[serde(default)]
    pub(super) family: String,
    #[serde(default)]
    container_definitions: Vec<Container>,
    #[serde(default)]
    requires_compatibilities: Vec<String>,
    cpu: Option<String>,
    memory: Option<String>,
    task_role_arn: Option<String>,
    pub(super) execution_role_arn: Option<String>,
    pub(super) network_mode: Option<String>,
    #[serde(default)]
    volumes: Vec<Volume>,
    tags: Option<Vec<Value>>,
}

/// Reported by users of several tools, with this text, which still allows this many bytes.
/// Inferred: the JSON of the input without its tags counts.
pub(super) fn check_size(members: &Map<String, Value>) -> Result<(), AwsError> {
    const MAX: usize = 65_536;
    let length = serde_json::to_string(members).map_or(0, |json| json.len());
    if length > MAX {
        return refuse(format!("Actual length: '{length}'. Max allowed length is '{MAX}' bytes."));
    }
    Ok(())
}

impl TaskDefinition {
    pub(super) fn check(&self) -> Result<(), AwsError> {
        self.check_names()?;
        self.check_task_size()?;
        self.check_containers()?;
        self.check_ports()?;
        self.check_references()?;
        self.check_fargate()?;
        self.check_roles()?;
        check_tags(self.tags.as_deref())
    }

    /// Reported, with this text: serverless/serverless#3374 and others. A policy can't allow it. The
    /// code is inferred.
    pub(super) fn check_accounts(&self, account: &str) -> Result<(), AwsError> {
        let given = [&self.task_role_arn, &self.execution_role_arn].into_iter().flatten();
        let mut accounts = given.filter_map(|role| role.strip_prefix("arn:")?.split(':').nth(3));
        match accounts.any(|it| it != account) {
            true => Err(AwsError::new(
                "AccessDeniedException",
                "Cross-account pass role is not allowed.",
            )),
            false => Ok(()),
        }
    }

    /// What it has to be for a task on Fargate: API reference of `requiresCompatibilities`, and of
    /// `compatibilities`, which ECS determines itself. Inferred: a definition that requires EC2
    /// alone isn't compatible with Fargate.
    pub(super) fn is_for_fargate(&self) -> bool {
        let required = &self.requires_compatibilities;
        (required.is_empty() || self.requires_fargate())
            && self.network_mode.as_deref() == Some("awsvpc")
            && self.fargate_size().is_some_and(|(cpu, memory)| pairs(cpu, memory))
    }

    fn requires_fargate(&self) -> bool {
        self.requires_compatibilities.iter().any(|launch_type| launch_type == "FARGATE")
    }

    fn fargate_size(&self) -> Option<(u64, u64)> {
        Some((cpu_units(self.cpu.as_deref()?)?, memory_mib(self.memory.as_deref()?)?))
    }

    fn check_names(&self) -> Result<(), AwsError> {
        if self.family.is_empty() {
            return refuse("Family should not be null or empty.");
        }
        if !is_name(&self.family) {
            return refuse("Family contains invalid characters.");
        }
        if self.container_definitions.is_empty() {
            return refuse("Container list cannot be empty.");
        }
        let mut names = BTreeSet::new();
        for Container { name, image, .. } in &self.container_definitions {
            if name.is_empty() {
                return refuse("Container.name should not be null or empty.");
            }
            // API reference of ContainerDefinition has the characters; the text is reported for the
            // image, and inferred for the name.
            if !is_name(name) {
                return refuse("Container.name contains invalid characters.");
            }
            if image.is_empty() {
                return refuse("Container.image should not be null or empty.");
            }
            // Reported, with this text, of placeholders that were left in (aws-actions/
            // amazon-ecs-render-task-definition#49). API reference of ContainerDefinition has the
            // characters, without the `@` of a digest.
            if !image.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_:./#@".contains(&it)) {
                return refuse("Container.image contains invalid characters.");
            }
            // Inferred: that names are unique is documented, the text isn't.
            if !names.insert(name) {
                return refuse(format!("Duplicate container name '{name}'."));
            }
        }
        Ok(())
    }

    /// Developer guide, "Amazon ECS task definition invalid CPU or memory errors", with this text.
    fn check_task_size(&self) -> Result<(), AwsError> {
        let cpu = self.cpu.as_deref().map(cpu_units);
        let memory = self.memory.as_deref().map(memory_mib);
        for (name, size) in [("cpu", cpu), ("memory", memory)] {
            if size == Some(None) {
                return refuse(format!(
                    "Invalid '{name}' setting for task. For more information, see the \
                     Troubleshooting section of the Amazon ECS Developer Guide."
                ));
            }
        }
        let Some(Some(of_task)) = memory else { return Ok(()) };
        let of_task = i64::try_from(of_task).unwrap_or(i64::MAX);
        // Reported, with this text: pulumi/pulumi-awsx#1220.
        match self.container_definitions.iter().find(|it| it.memory > Some(of_task)) {
            Some(Container { name, .. }) => refuse(format!(
                "The 'memory' setting for container '{name}' is greater than for the task."
            )),
            None => Ok(()),
        }
    }

    fn check_containers(&self) -> Result<(), AwsError> {
        for Container { name, memory, memory_reservation, .. } in &self.container_definitions {
            // Reported, with this text.
            if self.memory.is_none() && memory.is_none() && memory_reservation.is_none() {
                return refuse(format!(
                    "Invalid setting for container '{name}'. At least one of 'memory' or \
                     'memoryReservation' must be specified."
                ));
            }
        }
        // Reported by users of several tools, with this text.
        if let Some(name) = self.container_definitions.iter().find_map(Container::shared_name) {
            return refuse(format!(
                "The secret name must be unique and not shared with any new or existing \
                 environment variables set on the container, such as '{name}'."
            ));
        }
        if !self.container_definitions.iter().any(|container| container.essential) {
            return refuse("At least one container must be marked as essential.");
        }
        Ok(())
    }

    fn check_ports(&self) -> Result<(), AwsError> {
        let mut names = BTreeSet::new();
        for port in self.container_definitions.iter().flat_map(|it| &it.port_mappings) {
            // API reference of PortMapping: Service Connect finds a port by its name, so that there
            // may be one of each. That ECS refuses a second one is reported, the text is inferred.
            if let Some(name) = port.name.as_deref().filter(|name| !names.insert(*name)) {
                return refuse(format!("Duplicate port mapping name '{name}'."));
            }
            // Reported, with this text: pulumi/pulumi-awsx#935. API reference of PortMapping: the
            // same holds for the host's network; and a host port of 0 is as good as none.
            let mode = self.network_mode.as_deref().unwrap_or_default();
            let differs =
                port.host_port.is_some_and(|host| host != 0 && Some(host) != port.container_port);
            if matches!(mode, "awsvpc" | "host") && differs {
                return refuse(format!(
                    "When networkMode={mode}, the host ports and container ports in port mappings \
                     must match."
                ));
            }
        }
        Ok(())
    }

    fn check_references(&self) -> Result<(), AwsError> {
        for container in &self.container_definitions {
            let is_there = |name: &str| self.volumes.iter().any(|volume| volume.name == name);
            // Reported, with this text: ansible/ansible#35751 and others.
            if let Some(point) = container
                .mount_points
                .iter()
                .find(|point| point.source_volume.as_deref().is_none_or(|name| !is_there(name)))
            {
                let name = point.source_volume.as_deref().unwrap_or("null");
                return refuse(format!("Unknown volume '{name}'."));
            }
            for on in &container.depends_on {
                let all = &self.container_definitions;
                let Some(other) = all.iter().find(|it| it.name == on.container_name) else {
                    // Reported, with this text, plus sign and all: eagletmt/hako#99.
                    return refuse(format!(
                        "Cannot depend on container + '{}' because it does not exist",
                        on.container_name
                    ));
                };
                // Reported, with this text: boto/boto3#2436.
                if other.essential && matches!(on.condition.as_str(), "COMPLETE" | "SUCCESS") {
                    return refuse(
                        "A dependency container with SUCCESS or COMPLETE condition cannot be an \
                         essential container",
                    );
                }
            }
        }
        Ok(())
    }

    fn check_fargate(&self) -> Result<(), AwsError> {
        if !self.requires_fargate() {
            return Ok(());
        }
        // API reference: Fargate needs both at the level of the task. Reported, with this text:
        // aws/amazon-ecs-cli#982.
        for (name, value) in [("cpu", &self.cpu), ("memory", &self.memory)] {
            if value.is_none() {
                return refuse(format!(
                    "Fargate requires that '{name}' be defined at the task level."
                ));
            }
        }
        // API reference of `networkMode`: awsvpc on Fargate, and bridge unless it is given. The text
        // is reported.
        if self.network_mode.as_deref() != Some("awsvpc") {
            return refuse("Fargate only supports network mode \u{2018}awsvpc\u{2019}.");
        }
        // Developer guide, "Amazon ECS task definition invalid CPU or memory errors", with this text.
        match self.fargate_size() {
            Some((cpu, memory)) if !pairs(cpu, memory) => refuse(format!(
                "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See \
                 the Amazon ECS documentation for the valid values."
            )),
            _ => Ok(()),
        }
    }

    /// Reported of a client that sends an empty ARN for an absent one (fabfuel/ecs-deploy#231). API
    /// reference: the name of a role, or its ARN; what a name may consist of is IAM's.
    fn check_roles(&self) -> Result<(), AwsError> {
        let is_name = |name: &str| {
            let allowed = |it: u8| it.is_ascii_alphanumeric() || b"+=,.@_-".contains(&it);
            (1..=64).contains(&name.len()) && name.bytes().all(allowed)
        };
        let is_role = |role: &str| match role.strip_prefix("arn:") {
            Some(arn) => {
                let mut parts = arn.splitn(5, ':').skip(1);
                let service = parts.next() == Some("iam") && parts.next() == Some("");
                let account = parts.next().unwrap_or_default();
                let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
                let resource = parts.next().unwrap_or_default().strip_prefix("role/");
                let name = resource.and_then(|path| path.rsplit('/').next());
                service && is_account && name.is_some_and(is_name)
            }
            None => is_name(role),
        };
        let given = [&self.task_role_arn, &self.execution_role_arn].into_iter().flatten();
        if given.into_iter().any(|role| !is_role(role)) {
            return refuse("Role is not valid");
        }
        Ok(())
    }
}

fn refuse(message: impl Into<String>) -> Result<(), AwsError> {
    Err(AwsError::new("ClientException", message))
}
