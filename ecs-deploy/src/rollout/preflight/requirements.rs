//! What a service names of its task definition, compared with the revision before it is registered.
//!
//! ECS finds these mismatches in UpdateService, after the registration. The rules are those of the
//! API references of LoadBalancer, ServiceRegistry, ServiceConnectService, VpcLatticeConfiguration
//! and ServiceVolumeConfiguration.

use aws_sdk_ecs::types::{LaunchType, ResourceManagementType, Service as Description};

use crate::json::value::{Json, Object};
use crate::model::description::primary;
use crate::model::finding::{Finding, FindingKind};
use crate::names::arn::account;
use crate::names::nearest::nearest;
use crate::revision::Revision;
use crate::revision::check::size::{cpu_units, is_fargate_size, memory_mib};

/// Returns a finding for each reason why ECS would refuse to deploy `revision` to the service.
pub(super) fn mismatches(description: &Description, revision: &Revision) -> Vec<Finding> {
    let mut findings = Vec::new();
    if description.resource_management_type() == Some(&ResourceManagementType::Ecs) {
        let text = "ECS Express Mode manages the service: update it with \
                    UpdateExpressGatewayService, or delete it and create a service without Express \
                    Mode";
        findings.push(Finding::new(FindingKind::ExpressMode, text.to_owned()));
    }
    findings.extend(foreign_roles(description, revision));
    let texts = [
        containers_and_ports(description, revision),
        port_names(description, revision),
        volumes(description, revision),
        network(description, revision),
        launch_type(description, revision),
    ];
    let texts = texts.into_iter().flatten();
    findings.extend(texts.map(|text| Finding::new(FindingKind::ServiceMismatch, text)));
    findings
}

fn foreign_roles(description: &Description, revision: &Revision) -> Vec<Finding> {
    let Some(own) = description.service_arn().and_then(account) else { return Vec::new() };
    let foreign = ["taskRoleArn", "executionRoleArn"].into_iter().filter_map(|member| {
        let role = revision.member(member)?.as_str()?;
        let other = account(role).filter(|other| *other != own)?;
        let text = format!(
            "`{member}` is {role} of account {other}, but the service is in account {own}: name a \
             role of {own}; no permission lets ECS use a role of another account"
        );
        Some(Finding::new(FindingKind::ForeignRole, text))
    });
    foreign.collect()
}

/// Compares the containers and ports that load balancers and service registries name.
fn containers_and_ports(description: &Description, revision: &Revision) -> Vec<String> {
    let balancers = description
        .load_balancers()
        .iter()
        .map(|it| ("the service's load balancer", it.container_name(), it.container_port()));
    let registries = description
        .service_registries()
        .iter()
        .map(|it| ("the service's service registry", it.container_name(), it.container_port()));
    let mut texts: Vec<String> = Vec::new();
    for (what, name, port) in balancers.chain(registries) {
        let Some(name) = name else { continue };
        let Some(container) = revision.containers().find(|it| it.text("name") == Some(name)) else {
            let names: Vec<String> = revision.images().map(|(name, _)| name.to_owned()).collect();
            let known = quoted(&names);
            texts.push(format!(
                "{what} sends traffic to the container `{name}`, but the task definition has only \
                 {known}{}: keep the name, or change the load balancers of the service first",
                hint(name, &names)
            ));
            continue;
        };
        let Some(port) = port else { continue };
        if !mappings(container).any(|it| has_port(it, port.into())) {
            let ports: Vec<String> = mappings(container)
                .filter_map(|it| it.get("containerPort").map(ToString::to_string))
                .collect();
            texts.push(format!(
                "{what} sends traffic to port {port} of the container `{name}`, but its \
                 `portMappings` have {}: map {port}, or change the load balancers of the service \
                 first",
                if ports.is_empty() { "no port".to_owned() } else { quoted(&ports) }
            ));
        }
    }
    texts.sort();
    texts.dedup();
    texts
}

/// Compares the names of ports that Service Connect and VPC Lattice use.
fn port_names(description: &Description, revision: &Revision) -> Vec<String> {
    let Some(primary) = primary(description) else { return Vec::new() };
    let connect = primary.service_connect_configuration().filter(|it| it.enabled());
    let connected = connect.into_iter().flat_map(|it| it.services());
    let connected = connected.map(|it| ("Service Connect", it.port_name()));
    let lattice = primary.vpc_lattice_configurations().iter();
    let lattice = lattice.map(|it| ("VPC Lattice", it.port_name()));
    let names: Vec<String> = revision
        .containers()
        .flat_map(mappings)
        .filter_map(|it| it.text("name").map(str::to_owned))
        .collect();
    let missing = connected.chain(lattice).filter(|(_, name)| !names.iter().any(|it| it == name));
    let texts = missing.map(|(what, name)| {
        format!(
            "{what} uses the port mapping named `{name}`, but the task definition has {}{}: keep \
             the `name` in `portMappings`, or change the service first",
            if names.is_empty() { "no named one".to_owned() } else { quoted(&names) },
            hint(name, &names)
        )
    });
    texts.collect()
}

/// Compares the volumes that are configured at launch with the service's configurations.
fn volumes(description: &Description, revision: &Revision) -> Vec<String> {
    let Some(primary) = primary(description) else { return Vec::new() };
    let given: Vec<&str> = primary.volume_configurations().iter().map(|it| it.name()).collect();
    let all = revision.member("volumes").and_then(Json::as_array).into_iter().flatten();
    let at_launch: Vec<&str> = all
        .filter_map(Json::as_object)
        .filter(|it| it.get("configuredAtLaunch").and_then(Json::as_bool) == Some(true))
        .filter_map(|it| it.text("name"))
        .collect();
    let gone = given.iter().filter(|name| !at_launch.contains(name)).map(|name| {
        format!(
            "the service configures the volume `{name}`, but the task definition has no such \
             volume with `configuredAtLaunch`: keep the volume, or change the service first"
        )
    });
    let new = at_launch.iter().filter(|name| !given.contains(name)).map(|name| {
        format!(
            "the volume `{name}` is configured at launch, but the service has no configuration for \
             it: add one to the service's `volumeConfigurations`"
        )
    });
    gone.chain(new).collect()
}

/// Reported, for both directions, with ECS's refusals "Network Configuration must be provided when
/// networkMode 'awsvpc' is specified" and "… is not valid for the given networkMode".
fn network(description: &Description, revision: &Revision) -> Vec<String> {
    let mode = revision.member("networkMode").and_then(Json::as_str).unwrap_or("bridge");
    let text = match (revision.has_own_network(), description.network_configuration().is_some()) {
        (true, false) => {
            "the network mode is `awsvpc`, but the service has no network configuration: add its \
             subnets to the service"
                .to_owned()
        }
        (false, true) => format!(
            "the network mode is `{}`, but the service has a network configuration: use `awsvpc`",
            mode.escape_debug()
        ),
        _ => return Vec::new(),
    };
    vec![text]
}

/// Reported, with ECS's refusal "Task definition does not support launch_type FARGATE".
fn launch_type(description: &Description, revision: &Revision) -> Vec<String> {
    let is_fargate = description.launch_type() == Some(&LaunchType::Fargate)
        || description
            .capacity_provider_strategy()
            .iter()
            .any(|it| matches!(it.capacity_provider(), "FARGATE" | "FARGATE_SPOT"));
    if !is_fargate {
        return Vec::new();
    }
    let compatibilities = revision.member("requiresCompatibilities").and_then(Json::as_array);
    let named: Vec<&str> = compatibilities.into_iter().flatten().filter_map(Json::as_str).collect();
    let text = |member| revision.member(member).and_then(Json::as_str);
    let size = || Some((cpu_units(text("cpu")?)?, memory_mib(text("memory")?)?));
    let problem = if !named.is_empty() && !named.contains(&"FARGATE") {
        "`requiresCompatibilities` lacks FARGATE: add it"
    } else if !revision.has_own_network() {
        "its network mode isn't `awsvpc`: set it"
    } else if !size().is_some_and(|(cpu, memory)| is_fargate_size(cpu, memory)) {
        "its `cpu` and `memory` aren't a pair that Fargate has: set both"
    } else {
        return Vec::new();
    };
    vec![format!("the service runs on Fargate, but the task definition can't: {problem}")]
}

fn mappings(container: &Object) -> impl Iterator<Item = &Object> {
    let mappings = container.get("portMappings").and_then(Json::as_array);
    mappings.into_iter().flatten().filter_map(Json::as_object)
}

/// Returns whether a port mapping has the container's port, alone or in a range.
fn has_port(mapping: &Object, port: i64) -> bool {
    let number = |json: &Json| json.to_string().parse::<f64>().ok();
    let range = mapping.text("containerPortRange").and_then(|it| it.split_once('-'));
    let range = range.and_then(|(from, to)| Some(from.parse::<i64>().ok()?..=to.parse().ok()?));
    mapping.get("containerPort").and_then(number) == Some(port as f64)
        || range.is_some_and(|range| range.contains(&port))
}

fn hint(name: &str, known: &[String]) -> String {
    nearest(name, known).map_or_else(String::new, |near| {
        format!(" (was `{}` renamed to `{}`?)", name.escape_debug(), near.escape_debug())
    })
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|it| format!("`{}`", it.escape_debug())).collect();
    names.join(" and ")
}
