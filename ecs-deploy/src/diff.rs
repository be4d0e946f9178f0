//! [`Diff`]: what changes from one task definition to the next.

use std::fmt;

use serde_json::{Map, Value};

/// The differences between two task definitions, in a fixed order; empty where there are none.
///
/// Prints three lines for each change: where it is, what was there, what is there now.
///
/// ```text
/// containerDefinitions[web].image
///   - 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:1
///   + 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:2
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    changes: Vec<Change>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    path: String,
    before: Option<String>,
    after: Option<String>,
}

impl Diff {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The changes, by their place in the task definition.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    pub(crate) fn between(before: &Map<String, Value>, after: &Map<String, Value>) -> Self {
        let mut changes = Vec::new();
        compare_objects("", before, after, &mut changes);
        Self { changes }
    }
}

impl Change {
    /// Where: the members' names from the outside in, list elements by name where they have one,
    /// such as `containerDefinitions[web].image`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What was there: text as it is, everything else as JSON; `None` where nothing was.
    pub fn before(&self) -> Option<&str> {
        self.before.as_deref()
    }

    /// What is there now; `None` where it was removed.
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.changes.iter().try_for_each(|change| change.fmt(f))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.path)?;
        for (sign, text) in [('-', &self.before), ('+', &self.after)] {
            if let Some(text) = text {
                writeln!(f, "  {sign} {text}")?;
            }
        }
        Ok(())
    }
}

fn compare(path: &str, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<Change>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            compare_objects(path, before, after, changes);
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => {
            match (keyed(before), keyed(after)) {
                (Some(old), Some(new)) if same_order(&old, &new) => {
                    compare_keyed(path, &old, &new, changes);
                }
                _ => changes.push(Change::new(path, Some(text_of(before)), Some(text_of(after)))),
            }
        }
        (before, after) => {
            changes.push(Change::new(path, before.map(text), after.map(text)));
        }
    }
}

fn compare_objects(
    path: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    changes: &mut Vec<Change>,
) {
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        compare(&path, before.get(name), after.get(name), changes);
    }
}

fn compare_keyed(
    path: &str,
    before: &[(&str, &Value)],
    after: &[(&str, &Value)],
    changes: &mut Vec<Change>,
) {
    let find = |list: &[(&str, &Value)], key: &str| {
        list.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).clone())
    };
    for (key, old) in before {
        compare(&format!("{path}[{key}]"), Some(old), find(after, key).as_ref(), changes);
    }
    for (key, new) in after.iter().filter(|(key, _)| find(before, key).is_none()) {
        compare(&format!("{path}[{key}]"), None, Some(new), changes);
    }
}

/// The elements by their `name` or `key`, where each has one of its own.
fn keyed(list: &[Value]) -> Option<Vec<(&str, &Value)>> {
    let mut elements: Vec<(&str, &Value)> = Vec::with_capacity(list.len());
    for value in list {
        let key = value.get("name").or_else(|| value.get("key"))?.as_str()?;
        if elements.iter().any(|(name, _)| *name == key) {
            return None;
        }
        elements.push((key, value));
    }
    Some(elements)
}

/// Whether what both lists have is in the same order: otherwise comparing by name would hide that
/// the lists differ.
fn same_order(before: &[(&str, &Value)], after: &[(&str, &Value)]) -> bool {
    let common = |of: &[(&str, &Value)], other: &[(&str, &Value)]| {
        let kept = of.iter().filter(|(key, _)| other.iter().any(|(name, _)| name == key));
        kept.map(|(key, _)| (*key).to_owned()).collect::<Vec<_>>()
    };
    common(before, after) == common(after, before)
}

impl Change {
    fn new(path: &str, before: Option<String>, after: Option<String>) -> Self {
        Self { path: path.to_owned(), before, after }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

fn text_of(list: &[Value]) -> String {
    Value::from(list).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn diff(before: Value, after: Value) -> String {
        let (Value::Object(before), Value::Object(after)) = (before, after) else { panic!() };
        Diff::between(&before, &after).to_string()
    }

    #[test]
    fn nothing_where_nothing_changed() {
        let definition = json!({ "family": "web", "containerDefinitions": [{ "name": "web" }] });
        assert_eq!(diff(definition.clone(), definition), "");
    }

    #[test]
    fn elements_are_found_by_name() {
        let before = json!({ "containerDefinitions": [
            { "name": "web", "image": "a:1", "cpu": 1 },
            { "name": "log", "image": "b:1", "environment": [{ "name": "A", "value": "1" }] },
        ]});
        let after = json!({ "containerDefinitions": [
            { "name": "web", "image": "a:2", "cpu": 1 },
            { "name": "log", "image": "b:1", "environment": [
                { "name": "A", "value": "1" }, { "name": "B", "value": "" },
            ]},
        ]});
        assert_eq!(
            diff(before, after),
            "containerDefinitions[web].image\n  - a:1\n  + a:2\n\
             containerDefinitions[log].environment[B]\n  + {\"name\":\"B\",\"value\":\"\"}\n"
        );
    }

    #[test]
    fn absent_and_empty_differ() {
        assert_eq!(diff(json!({}), json!({ "volumes": [] })), "volumes\n  + []\n");
        assert_eq!(diff(json!({ "cpu": "" }), json!({})), "cpu\n  - \n");
    }

    #[test]
    fn lists_without_names_are_shown_whole() {
        assert_eq!(
            diff(json!({ "command": ["a"] }), json!({ "command": ["a", "b"] })),
            "command\n  - [\"a\"]\n  + [\"a\",\"b\"]\n"
        );
        // Another order is a change, and must not vanish because the names are the same.
        let before = json!({ "secrets": [{ "name": "A" }, { "name": "B" }] });
        let after = json!({ "secrets": [{ "name": "B" }, { "name": "A" }] });
        assert_ne!(diff(before, after), "");
    }
}
