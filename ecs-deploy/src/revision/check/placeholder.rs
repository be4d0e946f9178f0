//! Placeholders of templates that weren't replaced.

use crate::json::value::Json;
use crate::revision::check::problem::{Problem, ProblemKind};

/// Returns a problem for each placeholder in the value and its parts.
pub(crate) fn placeholders(value: &Json, path: &str, problems: &mut Vec<Problem>) {
    match value {
        Json::Array(elements) => {
            for (at, element) in elements.iter().enumerate() {
                placeholders(element, &format!("{path}[{at}]"), problems);
            }
        }
        Json::Object(object) => {
            for (name, value) in object.iter() {
                let dot = if path.is_empty() { "" } else { "." };
                placeholders(value, &format!("{path}{dot}{name}"), problems);
            }
        }
        Json::String(text) => problems.extend(in_text(text, path)),
        _ => {}
    }
}

/// Returns the first placeholder in a text: `<X>`, `${X}`, `$(X)`, `{{X}}`, `#{X}`, `[[X]]`, `__X__`,
/// `%X%`, `@X@`.
pub(crate) fn placeholder(text: &str) -> Option<&str> {
    text.char_indices().find_map(|(at, _)| {
        let rest = &text[at..];
        SHAPES.iter().find_map(|(open, close, alphabet)| {
            let inner = rest.strip_prefix(open)?;
            let end = inner.find(close).filter(|end| *end > 0)?;
            let is_name = inner[..end].chars().all(|it| match alphabet {
                Alphabet::Any => !it.is_control(),
                Alphabet::Name => it.is_ascii_alphanumeric() || " _.:-".contains(it),
                Alphabet::Upper => it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_',
            });
            is_name.then(|| &rest[..open.len() + end + close.len()])
        })
    })
}

#[derive(Clone, Copy)]
enum Alphabet {
    Any,
    Name,
    Upper,
}

const SHAPES: [(&str, &str, Alphabet); 9] = [
    ("${", "}", Alphabet::Any),
    ("$(", ")", Alphabet::Any),
    ("#{", "}", Alphabet::Any),
    ("{{", "}}", Alphabet::Any),
    ("[[", "]]", Alphabet::Name),
    ("<", ">", Alphabet::Name),
    ("__", "__", Alphabet::Upper),
    ("%", "%", Alphabet::Upper),
    ("@", "@", Alphabet::Upper),
];

/// Members in which none of these can be meant: names, ARNs, images and sizes.
const STRICT: [&str; 19] = [
    "accessPointId",
    "awslogs-group",
    "awslogs-region",
    "containerName",
    "cpu",
    "credentialsParameter",
    "executionRoleArn",
    "family",
    "fileSystemId",
    "image",
    "ipcMode",
    "memory",
    "name",
    "networkMode",
    "pidMode",
    "sourceContainer",
    "sourceVolume",
    "taskRoleArn",
    "valueFrom",
];

fn in_text(text: &str, path: &str) -> Option<Problem> {
    let member = path.rsplit('.').next().unwrap_or_default();
    let member = member.split('[').next().unwrap_or_default();
    let found = placeholder(text)?;
    let problem = |found: &str| {
        Problem::new(
            ProblemKind::Placeholder,
            path,
            format!("contains the placeholder `{}`", found.escape_debug()),
            "replace it before the deployment",
        )
    };
    if STRICT.contains(&member) {
        return Some(problem(found));
    }
    // A shell, a log driver or the application may replace a part of the text, but rarely all of it.
    let is_for_the_driver = path.contains(".logConfiguration.") && found.starts_with("{{");
    (found == text.trim() && !is_for_the_driver).then(|| problem(found).into_warning())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_of_every_kind_are_found() {
        for (text, found) in [
            ("<IMAGE1_NAME>", Some("<IMAGE1_NAME>")),
            ("web:<tag>", Some("<tag>")),
            ("a/${X}:1", Some("${X}")),
            ("$(Build.BuildId)", Some("$(Build.BuildId)")),
            ("web:{{ tag }}", Some("{{ tag }}")),
            ("web:#{tag}#", Some("#{tag}")),
            ("__IMAGE__", Some("__IMAGE__")),
            ("web:%TAG%", Some("%TAG%")),
            ("web:@TAG@", Some("@TAG@")),
            ("[[image]]", Some("[[image]]")),
            ("web@sha256:ab", None),
            ("my__app__x/web", None),
            ("a < b > c", Some("< b >")),
            ("100% of 5%", None),
            ("${", None),
            ("<>", None),
            ("", None),
            ("é<X>", Some("<X>")),
        ] {
            assert_eq!(placeholder(text), found, "{text}");
        }
    }
}
