//! The names of ECS containers.

use crate::text::flaw::{Flaw, Quoted};
use crate::text::foreign::find_foreign;
use crate::text::placeholder::{find_unexpanded, is_null};
use crate::text::problem_kind::ProblemKind;

/// The name of an ECS container: 1 to 255 letters, digits, hyphens and underscores (ECS API,
/// `ContainerDefinition`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ContainerName(String);

impl ContainerName {
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<Flaw>> {
        let flaw = |offset, kind, what| Err(vec![Flaw::new(offset, kind, what)]);
        let is_allowed = |other: char| other.is_ascii_alphanumeric() || "-_".contains(other);

        if text.is_empty() {
            return flaw(0, ProblemKind::ContainerNameLength, "the container name is empty".into());
        }
        if is_null(text) {
            let what = format!("the container name is {}", Quoted(text));
            return flaw(0, ProblemKind::NullText, what);
        }
        let unexpanded = find_unexpanded(text, ProblemKind::UnexpandedName);
        if !unexpanded.is_empty() {
            return Err(unexpanded);
        }
        if let Some((offset, kind, what)) = find_foreign(text, "the container name") {
            return flaw(offset, kind, what);
        }
        if let Some((offset, character)) =
            text.char_indices().find(|(_, other)| !is_allowed(*other))
        {
            let character = character.escape_debug();
            let what = format!("invalid character `{character}` in a container name");
            return flaw(offset, ProblemKind::ContainerNameCharacter, what);
        }
        if text.len() > MAX_LEN {
            let what = format!("the container name has {} characters", text.len());
            return flaw(MAX_LEN, ProblemKind::ContainerNameLength, what);
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

const MAX_LEN: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_ecs_takes() {
        let longest = "a".repeat(255);
        for name in ["web", "0", "-", "_x-Y9", &longest] {
            assert_eq!(ContainerName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn refuses_the_rest_and_says_why() {
        for (name, offset, kind, what) in [
            ("", 0, ProblemKind::ContainerNameLength, "the container name is empty"),
            ("a$NAME", 1, ProblemKind::UnexpandedName, "`$NAME` was not replaced"),
            (
                "my web",
                2,
                ProblemKind::ContainerNameCharacter,
                "invalid character ` ` in a container name",
            ),
            (
                "web\u{200b}",
                3,
                ProblemKind::ContainerNameCharacter,
                "invalid character `\\u{200b}` in a container name",
            ),
            (
                &"a".repeat(256),
                255,
                ProblemKind::ContainerNameLength,
                "the container name has 256 characters",
            ),
        ] {
            let flaws = ContainerName::parse(name).unwrap_err();
            assert_eq!(flaws, [Flaw::new(offset, kind, what)]);
        }
    }
}
