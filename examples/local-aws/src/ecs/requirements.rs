//! What a service or RunTask asks of a task definition, and the other way round.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::store::definition::{Container, Definition};
use crate::error::AwsError;

/// The members of CreateService, UpdateService and RunTask that name parts of a task definition.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Requirements {
    pub(crate) network_configuration: Option<Value>,
    load_balancers: Vec<LoadBalancer>,
    service_connect_configuration: ServiceConnect,
    volume_configurations: Vec<VolumeConfiguration>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoadBalancer {
    container_name: Option<String>,
    container_port: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ServiceConnect {
    enabled: bool,
    services: Vec<ConnectedService>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConnectedService {
    #[serde(default)]
    port_name: String,
}

#[derive(Debug, Deserialize)]
struct VolumeConfiguration {
    #[serde(default)]
    name: String,
}

impl Requirements {
    /// Reads those of a service, from the members that it keeps of its input.
    pub(crate) fn of_service(settings: &Map<String, Value>) -> Result<Self, AwsError> {
        serde_json::from_value(Value::Object(settings.clone()))
            .map_err(|error| AwsError::invalid_parameter(error.to_string()))
    }

    pub(crate) fn check(&self, definition: &Definition, launch_type: &str) -> Result<(), AwsError> {
        // Reported, with this text: oranmoshai/ecsServiceRestart#2.
        if launch_type == "FARGATE" && !definition.is_for_fargate {
            return refuse("Task definition does not support launch_type FARGATE.");
        }
        self.check_network(definition)?;
        self.load_balancers.iter().try_for_each(|it| it.check(definition.containers()))?;
        self.check_ports(definition)?;
        self.check_volumes(definition)
    }

    /// AWS documentation on the awsvpc network mode; reported with these texts.
    fn check_network(&self, definition: &Definition) -> Result<(), AwsError> {
        match (definition.needs_network, self.network_configuration.is_some()) {
            (true, false) => refuse(
                "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
            ),
            (false, true) => refuse(
                "Network Configuration is not valid for the given networkMode of this task \
                 definition.",
            ),
            _ => Ok(()),
        }
    }

    /// API reference of ServiceConnectService: the name is that of a port mapping. The text is
    /// inferred.
    fn check_ports(&self, definition: &Definition) -> Result<(), AwsError> {
        let ServiceConnect { enabled, services } = &self.service_connect_configuration;
        if !*enabled {
            return Ok(());
        }
        let ports = definition.containers().iter().flat_map(|it| &it.port_mappings);
        let names: Vec<&str> = ports.filter_map(|port| port.name.as_deref()).collect();
        match services.iter().find(|it| !names.contains(&it.port_name.as_str())) {
            Some(ConnectedService { port_name }) => refuse(format!(
                "The Service Connect port name '{port_name}' isn't one of the task definition's \
                 port mappings."
            )),
            None => Ok(()),
        }
    }

    /// API reference of ServiceVolumeConfiguration and TaskVolumeConfiguration: each is of a volume
    /// that is configured at launch. The first text is reported (go-to-k/cdkd#811), the second is
    /// inferred: reported is only that RunTask is refused (kayac/ecspresso#659).
    fn check_volumes(&self, definition: &Definition) -> Result<(), AwsError> {
        let at_launch: Vec<&str> = definition
            .volumes
            .iter()
            .filter(|volume| volume.configured_at_launch)
            .map(|volume| volume.name.as_str())
            .collect();
        let given = &self.volume_configurations;
        if given.iter().any(|it| !at_launch.contains(&it.name.as_str())) {
            return refuse(
                "Volume configuration provided but no matching configuredAtLaunch volume found in \
                 task definition.",
            );
        }
        match at_launch.iter().find(|name| !given.iter().any(|it| it.name == **name)) {
            Some(name) => refuse(format!(
                "The volume '{name}' is configured at launch, and no volume configuration is \
                 provided for it."
            )),
            None => Ok(()),
        }
    }
}

impl LoadBalancer {
    /// Developer guide on load balancers: container and port have to stay in the task definition.
    /// Reported, with these texts: aws/amazon-ecs-agent#1276, hashicorp/terraform#4227.
    fn check(&self, containers: &[Container]) -> Result<(), AwsError> {
        let Some(name) = &self.container_name else { return Ok(()) };
        let Some(container) = containers.iter().find(|it| it.name == *name) else {
            return refuse(format!("The container {name} does not exist in the task definition."));
        };
        let port = self.container_port;
        if port.is_some() && !container.port_mappings.iter().any(|it| it.container_port == port) {
            let port = port.unwrap_or_default();
            return refuse(format!(
                "The container {name} did not have a container port {port} defined."
            ));
        }
        Ok(())
    }
}

fn refuse(message: impl Into<String>) -> Result<(), AwsError> {
    Err(AwsError::invalid_parameter(message))
}
