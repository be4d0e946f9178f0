//! The AppSpec of a blue/green deployment, reduced to its placeholders.

use crate::pipeline::templates::mismatch::{
    Mismatch, Place, TASK_DEFINITION_PLACEHOLDER, placeholders,
};
use crate::pipeline::templates::task_definition::TaskDefinition;
use crate::pipeline::templates::yaml_lines::Lines;
use crate::text::flaw::Quoted;

/// The relevant values of an AppSpec, found by their keys, without a parser for YAML or JSON.
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
        let lines = Lines::new(text);
        let values = |key| lines.values(key).collect();
        let in_brackets = (1..)
            .zip(&lines.0)
            .flat_map(|(line, text)| placeholders(text).map(move |name| (line, name.to_owned())));
        Self {
            task_definitions: values("TaskDefinition"),
            containers: values("ContainerName"),
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
