//! The overrides of a one-off task: its command and its environment variables.

use aws_sdk_ecs::types::{ContainerOverride, KeyValuePair, TaskOverride};
use serde_json::json;

use crate::error::Error;
use crate::error::task::TaskRepr;
use crate::names::service::Service;

/// Returns the overrides of `container`; `None` without a command or a variable.
///
/// # Errors
/// Returns an error if they are longer than ECS accepts.
pub(super) fn overrides(
    service: &Service,
    container: &str,
    command: Option<Vec<String>>,
    environment: Vec<(String, String)>,
) -> Result<Option<TaskOverride>, Error> {
    if command.is_none() && environment.is_empty() {
        return Ok(None);
    }
    let length = length(container, command.as_deref(), &environment);
    if length > LONGEST {
        let service = service.clone();
        return Err(TaskRepr::TooLong { service, length, longest: LONGEST }.into());
    }
    let environment = environment
        .into_iter()
        .map(|(name, value)| KeyValuePair::builder().name(name).value(value).build());
    let environment: Vec<KeyValuePair> = environment.collect();
    let of_container = ContainerOverride::builder()
        .name(container)
        .set_command(command)
        .set_environment((!environment.is_empty()).then_some(environment))
        .build();
    Ok(Some(TaskOverride::builder().container_overrides(of_container).build()))
}

/// Returns the number of characters of the container overrides in JSON.
fn length(container: &str, command: Option<&[String]>, environment: &[(String, String)]) -> usize {
    let mut of_container = json!({ "name": container });
    if let Some(command) = command {
        of_container["command"] = json!(command);
    }
    if !environment.is_empty() {
        let pair = |(name, value): &(String, String)| json!({ "name": name, "value": value });
        of_container["environment"] = environment.iter().map(pair).collect();
    }
    json!([of_container]).to_string().chars().count()
}

/// The longest overrides that ECS accepts, with the characters of their JSON (API reference of
/// RunTask).
const LONGEST: usize = 8192;
