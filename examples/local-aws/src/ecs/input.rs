//! How the inputs of ECS's operations name things, and how its lists are cut into pages.

use serde_json::{Value, json};

use crate::context::Context;
use crate::error::AwsError;

/// The name in a cluster's name or ARN. ECS's API reference: without one, `default` is assumed.
pub(crate) fn cluster_name<'a>(given: Option<&'a str>, context: &Context<'_>) -> &'a str {
    match given {
        None | Some("") => "default",
        Some(given) => given.strip_prefix(&context.caller.arn("ecs", "cluster/")).unwrap_or(given),
    }
}

/// The name in a service's name or ARN. An ARN holds the cluster only in the long format, which
/// every new service has had since 2021.
pub(crate) fn service_name<'a>(given: &'a str, cluster: &str, context: &Context<'_>) -> &'a str {
    let prefix = context.caller.arn("ecs", "service/");
    let Some(resource) = given.strip_prefix(&prefix) else {
        return given;
    };
    match resource.split_once('/') {
        Some((of, name)) if of == cluster => name,
        Some(_) => given,
        None => resource,
    }
}

/// The id in a task's id or ARN.
pub(crate) fn task_id<'a>(given: &'a str, cluster: &str, context: &Context<'_>) -> &'a str {
    let prefix = context.caller.arn("ecs", &format!("task/{cluster}/"));
    given.strip_prefix(&prefix).unwrap_or(given)
}

/// The family and the revision in a task definition's ARN or `family:revision`; `None` if it names the
/// family alone.
pub(crate) fn family_and_revision<'a>(
    reference: &'a str,
    context: &Context<'_>,
) -> (&'a str, Option<u32>) {
    let prefix = context.caller.arn("ecs", "task-definition/");
    let resource = reference.strip_prefix(&prefix).unwrap_or(reference);
    match resource.split_once(':') {
        // A revision that isn't a number can't be found, because a family's name has no colon.
        Some((family, revision)) => match revision.parse() {
            Ok(revision) => (family, Some(revision)),
            Err(_) => (resource, None),
        },
        None => (resource, None),
    }
}

/// One page of a list, as `{key: […], nextToken}`.
pub(crate) fn page(
    key: &str,
    items: Vec<Value>,
    max_results: Option<i64>,
    next_token: Option<&str>,
    default: usize,
) -> Result<Value, AwsError> {
    let size = match max_results {
        None => default,
        // ECS's API reference: `maxResults` is between 1 and 100 for every list.
        Some(size @ 1..=100) => size as usize,
        Some(_) => {
            return Err(AwsError::invalid_parameter("maxResults must be between 1 and 100."));
        }
    };
    let start = match next_token {
        None => 0,
        Some(token) => {
            token.parse::<usize>().ok().filter(|start| *start <= items.len()).ok_or_else(|| {
                AwsError::invalid_parameter("Invalid token: the token is invalid.")
            })?
        }
    };
    let left = items.len() - start;
    let mut output = json!({ key: items.into_iter().skip(start).take(size).collect::<Vec<_>>() });
    if left > size {
        output["nextToken"] = json!((start + size).to_string());
    }
    Ok(output)
}

/// ECS's API reference, for clusters, services and families alike: up to 255 letters, digits,
/// hyphens and underscores.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Whether `include` asks for the tags.
pub(crate) fn wants_tags(include: Option<&[String]>) -> bool {
    include.is_some_and(|include| include.iter().any(|member| member == "TAGS"))
}

pub(crate) fn check_tags(tags: Option<&[Value]>) -> Result<(), AwsError> {
    match tags {
        // Reported by users of several deployment tools: an empty list isn't the same as none.
        Some([]) => Err(AwsError::invalid_parameter("Tags can not be empty.")),
        // Service model: a resource has at most 50 tags.
        Some(tags) if tags.len() > 50 => {
            Err(AwsError::invalid_parameter("The maximum number of tags is 50."))
        }
        // API reference of Tag: such keys are AWS's own. The text is inferred.
        Some(tags) if tags.iter().any(is_reserved) => {
            Err(AwsError::invalid_parameter("Tag keys that begin with 'aws:' are reserved."))
        }
        _ => Ok(()),
    }
}

fn is_reserved(tag: &Value) -> bool {
    let key = tag["key"].as_str().unwrap_or_default();
    key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
}
