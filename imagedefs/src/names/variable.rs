//! Variables and placeholders that no shell and no template has replaced.

use crate::text::flaw::{Flaw, Quoted};
use crate::text::problem_kind::ProblemKind;

/// A flaw for each variable or placeholder that nothing has replaced.
pub(crate) fn find_unexpanded(text: &str, kind: ProblemKind) -> Vec<Flaw> {
    placeholders(text)
        .map(|(offset, variable)| {
            // The kind that CodeDeploy knows, and no shell; as a container's name, it is one that no
            // container has.
            let kind = match kind {
                ProblemKind::Unexpanded if is_null(variable) => ProblemKind::NullText,
                ProblemKind::Unexpanded if variable.starts_with('<') => ProblemKind::Placeholder,
                kind => kind,
            };
            Flaw::new(offset, kind, format!("{} was not replaced", Quoted(variable)))
        })
        .collect()
}

/// What `docker images` and Go templates print for nothing.
fn is_null(text: &str) -> bool {
    matches!(text, "<none>" | "<no value>" | "<nil>")
}

/// What a shell or a template should have replaced: `$NAME`, `${NAME}`, `$(COMMAND)`, `<NAME>`.
fn placeholders(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = from + text[from..].find(['$', '<'])?;
            let rest = &text[start..];
            let close = |bracket| rest.find(bracket).map_or(rest.len(), |end| end + 1);
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let len = match rest.get(..2) {
                Some("${") => close('}'),
                Some("$(") => close(')'),
                Some(other) if other.starts_with('<') => close('>'),
                _ => 1 + rest[1..].find(|c| !is_name(c)).unwrap_or(rest.len() - 1),
            };
            from = start + len;
            if len > 1 {
                return Some((start, &rest[..len]));
            }
        }
    })
}
