//! The parts of a task definition, as the rules read them.

use crate::json::value::{Json, Object};

/// Returns the objects of a list with their positions.
pub(super) fn objects<'a>(
    object: &'a Object,
    list: &str,
) -> impl Iterator<Item = (usize, &'a Object)> {
    let elements = object.get(list).and_then(Json::as_array).into_iter().flatten();
    elements.enumerate().filter_map(|(at, element)| Some((at, element.as_object()?)))
}

/// Returns whether a member is present and not null.
pub(super) fn has(object: &Object, name: &str) -> bool {
    object.get(name).is_some_and(|value| *value != Json::Null)
}

/// Returns a member that is an integer.
pub(super) fn integer(object: &Object, name: &str) -> Option<i64> {
    match object.get(name)? {
        Json::Number(spelling) => spelling.parse().ok(),
        _ => None,
    }
}

/// Returns whether ECS accepts a name (API references of RegisterTaskDefinition and
/// ContainerDefinition).
pub(super) fn is_name(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-' || it == b'_')
}

pub(super) const NAME_CURE: &str = "use 1 to 255 letters, digits, `-` and `_`";
