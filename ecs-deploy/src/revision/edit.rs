//! Edits through the SDK's types that keep the members that the SDK doesn't know.

use aws_sdk_ecs::operation::register_task_definition::RegisterTaskDefinitionInput;

use crate::error::Error;
use crate::error::repr::Repr;
use crate::json::sdk;
use crate::json::value::{Json, Object};
use crate::outside::Outside;
use crate::revision::Revision;
use crate::revision::canonical::{Order, key, order};
use crate::revision::document::{check, invalid};

impl Revision {
    /// Edits any member of the SDK's types. Only the differences that `change` makes are applied to
    /// the JSON, so that everything else stays: members that this build of the SDK doesn't know,
    /// and members that are absent or empty. The elements of a list are matched by their name, or
    /// else by their position.
    ///
    /// ```
    /// use ecs_deploy::Revision;
    ///
    /// let mut revision: Revision = r#"{
    ///     "family": "web",
    ///     "newerThanTheSdk": 1,
    ///     "containerDefinitions": [{ "name": "web", "image": "web:1" }]
    /// }"#
    /// .parse()?;
    /// revision.edit(|input| {
    ///     for container in input.container_definitions.iter_mut().flatten() {
    ///         container.stop_timeout = Some(30);
    ///     }
    /// })?;
    /// let json = revision.to_string();
    /// assert!(json.contains("\"newerThanTheSdk\": 1") && json.contains("\"stopTimeout\": 30"));
    /// # Ok::<(), ecs_deploy::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns [`InvalidTaskDefinition`](crate::ErrorKind::InvalidTaskDefinition) if a member has
    /// another type than the SDK expects, if a union (such as `sharingStrategy`) has a variant that
    /// the SDK doesn't know, or if the result has no family, no containers, or two containers with
    /// the same name. The revision is then unchanged.
    pub fn edit(
        &mut self,
        change: impl FnOnce(&mut RegisterTaskDefinitionInput),
    ) -> Result<(), Error> {
        let not_typed = |place: Option<String>, problem| -> Error {
            let place = place.unwrap_or_else(|| "all".to_owned());
            Repr::NotTyped { revision: self.short(), place, problem }.into()
        };
        let mut input = sdk::to_input(&self.members)
            .map_err(|problem| not_typed(unreadable(&self.members), problem))?;
        // The SDK reads a union's new variant as unknown, and doesn't write it.
        let before = sdk::to_json(&input).map_err(|problem| not_typed(None, problem))?;
        change(&mut input);
        let edited = || -> Result<Object, String> {
            let after = sdk::to_json(&input)?;
            let mut members = self.members.clone();
            merge(&[], &mut members, &before, &after);
            check(&members)?;
            Ok(members)
        };
        self.members = edited()
            .map_err(|problem| invalid(&format!("the edited `{}`", self.short()), problem))?;
        Ok(())
    }
}

/// Returns the member that the SDK can't read; the SDK's errors don't name it.
fn unreadable(members: &Object) -> Option<String> {
    let reads = |object: Object| sdk::to_input(&object).is_ok();
    let alone = |name: &str, value: Json| [(name.to_owned(), value)].into_iter().collect();
    let (name, value) = members.iter().find(|(name, it)| !reads(alone(name, (*it).clone())))?;
    let containers = value.as_array().filter(|_| name == "containerDefinitions");
    let within =
        containers.into_iter().flatten().filter_map(Json::as_object).find_map(|container| {
            let (member, _) = container.iter().find(|(member, it)| {
                let container = Json::Object(alone(member, (*it).clone()));
                !reads(alone(name, vec![container].into()))
            })?;
            Some(format!(
                "`{}` of the container `{}`",
                Outside::new(member),
                Outside::new(container.text("name")?)
            ))
        });
    Some(within.unwrap_or_else(|| format!("`{}`", Outside::new(name))))
}

/// Applies to `raw` the changes from `before` to `after`, which may lack members that `raw` has.
fn merge(path: &[&str], raw: &mut Object, before: &Object, after: &Object) {
    for (name, _) in before.iter().filter(|(name, _)| after.get(name).is_none()) {
        raw.remove(name);
    }
    for (name, new) in after.iter().filter(|(name, value)| before.get(name) != Some(value)) {
        let path = [path, &[name]].concat();
        match (raw.get_mut(name), before.get(name)) {
            (Some(raw), Some(old)) => merge_values(&path, raw, old, new),
            _ => raw.insert(name, new.clone()),
        }
    }
}

fn merge_values(path: &[&str], raw: &mut Json, before: &Json, after: &Json) {
    match (raw, before, after) {
        (Json::Object(raw), Json::Object(before), Json::Object(after)) => {
            merge(path, raw, before, after);
        }
        // The SDK has an element for each one except for nulls, which ECS's lists don't contain.
        (Json::Array(raw), Json::Array(before), Json::Array(after))
            if raw.len() == before.len() =>
        {
            *raw = merge_lists(path, raw, before, after);
        }
        (raw, _, after) => *raw = after.clone(),
    }
}

fn merge_lists(path: &[&str], raw: &[Json], before: &[Json], after: &[Json]) -> Vec<Json> {
    let by = match order(path) {
        Order::Keyed(by) => by,
        Order::Counts | Order::Ignored => &[],
    };
    let place = |list: &[Json], element: &Json| {
        let wanted = key(element, by)?;
        list.iter().position(|element| key(element, by).as_ref() == Some(&wanted))
    };
    after
        .iter()
        .enumerate()
        .map(|(at, new)| {
            // The origin is the element of the same name, or a renamed one: the unmatched element
            // at the same position.
            let left_over =
                || (at < before.len() && place(after, &before[at]).is_none()).then_some(at);
            let Some(origin) = place(before, new).or_else(left_over) else {
                return new.clone();
            };
            let mut element = raw[origin].clone();
            if before[origin] != *new {
                merge_values(path, &mut element, &before[origin], new);
            }
            element
        })
        .collect()
}

#[cfg(test)]
mod tests;
