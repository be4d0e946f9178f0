//! The AppSpec of a blue/green deployment, reduced to its placeholders.

use crate::pipeline::templates::mismatch::{
    Mismatch, Place, TASK_DEFINITION_PLACEHOLDER, placeholders,
};
use crate::pipeline::templates::task_definition::TaskDefinition;
use crate::text::flaw::Quoted;

/// The relevant lines of an AppSpec. They are found without a parser for YAML or JSON: each value
/// is on one line in both.
pub(super) struct AppSpec {
    /// Values of `TaskDefinition`.
    task_definitions: Vec<(usize, String)>,
    /// Values of `ContainerName`.
    containers: Vec<(usize, String)>,
    /// All names in angle brackets.
    placeholders: Vec<(usize, String)>,
}

impl AppSpec {
    pub(super) fn read(text: &str) -> Self {
        let lines = || (1..).zip(text.lines().map(without_comment));
        let values = |key: &'static str| {
            lines().flat_map(move |(line, text)| {
                values_of(text, key).map(move |value| (line, value.to_owned()))
            })
        };
        let in_brackets = lines()
            .flat_map(|(line, text)| placeholders(text).map(move |name| (line, name.to_owned())));
        Self {
            task_definitions: values("TaskDefinition").collect(),
            containers: values("ContainerName").collect(),
            placeholders: in_brackets.collect(),
        }
    }

    pub(super) fn check(&self, names: &[String], task: &TaskDefinition) -> Vec<Mismatch> {
        let mut mismatches = Vec::new();
        let mut find = |line, what| mismatches.push(Mismatch::new(Place::AppSpec(line), what));
        if self.task_definitions.is_empty() {
            find(
                None,
                format!("missing `TaskDefinition`: expected `{TASK_DEFINITION_PLACEHOLDER}`"),
            );
        }
        for (line, value) in &self.task_definitions {
            if value != TASK_DEFINITION_PLACEHOLDER {
                let value = Quoted(value);
                let what = format!(
                    "`TaskDefinition` is {value}: expected `{TASK_DEFINITION_PLACEHOLDER}`"
                );
                find(Some(*line), what);
            }
        }
        for (line, name) in &self.placeholders {
            if names.contains(name) {
                let what = format!("`<{name}>` belongs in the task definition");
                find(Some(*line), what);
            }
        }
        for (line, name) in &self.containers {
            if task.has_container(name) == Some(false) {
                let mut what = format!(
                    "`ContainerName` is {}: the task definition has no such container",
                    Quoted(name)
                );
                if let Some(nearest) = task.nearest_container(name) {
                    what.push_str(&format!("; the nearest name is `{nearest}`"));
                }
                find(Some(*line), what);
            }
        }
        mismatches
    }
}

/// Returns the values of a member: the text after its key and a colon, without quotes, up to the
/// end of the value. A value on the next line is empty here, and is not returned.
fn values_of<'a>(line: &'a str, key: &'static str) -> impl Iterator<Item = &'a str> {
    let places = line.match_indices(key).map(|(at, _)| at);
    places.filter_map(move |at| {
        let is_inside = |c: char| c.is_alphanumeric() || c == '_';
        if line[..at].ends_with(is_inside) {
            return None;
        }
        let rest = &line[at + key.len()..];
        let rest = rest.strip_prefix(['"', '\'']).unwrap_or(rest).trim_start();
        let value = rest.strip_prefix(':')?.trim_start();
        let value = match value.chars().next()? {
            quote @ ('"' | '\'') => value[1..].split(quote).next()?,
            _ => value.split([',', '}']).next()?.trim_end(),
        };
        (!value.is_empty()).then_some(value)
    })
}

/// Cuts off a comment. In YAML, `#` begins one at the beginning of a line or after a space; JSON
/// has no comments.
fn without_comment(line: &str) -> &str {
    let begins = |(at, _): &(usize, &str)| *at == 0 || line[..*at].ends_with([' ', '\t']);
    line.match_indices('#').find(begins).map_or(line, |(at, _)| &line[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_in_yaml_and_json() {
        for (line, value) in [
            ("  TaskDefinition: <TASK_DEFINITION>", Some("<TASK_DEFINITION>")),
            ("  TaskDefinition: \"<TASK_DEFINITION>\" # x", Some("<TASK_DEFINITION>")),
            ("  \"TaskDefinition\" : \"a:1\",", Some("a:1")),
            ("{\"Properties\":{\"TaskDefinition\":\"a\",\"x\":1}}", Some("a")),
            ("  TaskDefinition: 'a'", Some("a")),
            ("  { TaskDefinition: a }", Some("a")),
            ("  TaskDefinition:", None),
            ("  MyTaskDefinition: a", None),
            ("  TaskDefinitionArn: a", None),
            ("  # TaskDefinition: a", None),
        ] {
            assert_eq!(values_of(without_comment(line), "TaskDefinition").next(), value, "{line}");
        }
    }
}
