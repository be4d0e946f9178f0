//! The lines of a YAML or JSON text, searched for the scalar values of a key.

use std::iter::successors;

/// The lines of a text, without comments.
pub(super) struct Lines<'a>(pub(super) Vec<&'a str>);

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self(text.lines().map(without_comment).collect())
    }

    /// Returns the scalar values of a key, each with its line, counted from 1.
    ///
    /// A value can be on the line of its key or on a following one, plain, in quotes or in a block
    /// (`>-`, `|`), behind a tag or an anchor (`!!str`, `&name`), or an alias of an anchor (`*name`).
    pub(super) fn values(&self, key: &'static str) -> impl Iterator<Item = (usize, String)> {
        let lines = self.0.iter().enumerate();
        lines.flat_map(move |(index, line)| {
            after_key(line, key).filter_map(move |rest| self.value(index, rest, Aliases::Follow))
        })
    }

    /// Returns the value that begins with `rest`, in this line or below it.
    fn value(&self, index: usize, rest: &'a str, aliases: Aliases) -> Option<(usize, String)> {
        let rest = without_properties(rest);
        match rest.chars().next() {
            None => {
                let (index, next) = self.below(index).next()?;
                let next = without_properties(next.trim_start());
                // A mapping or a sequence is not a scalar.
                let is_scalar = !next.starts_with(['-', '{', '[', '?', '#'])
                    && !next.contains(": ")
                    && !next.ends_with(':');
                // Below an empty line there is nothing more to look for.
                (is_scalar && !next.is_empty()).then(|| self.value(index, next, aliases))?
            }
            Some('>' | '|') => {
                let lines = self.below(index).collect::<Vec<_>>();
                let (first, _) = *lines.first()?;
                let words = lines.iter().map(|(_, line)| line.trim()).collect::<Vec<_>>();
                Some((first + 1, words.join(" ")))
            }
            Some('*') if aliases == Aliases::Follow => {
                let name = rest[1..].split([' ', ',', '}', ']']).next()?;
                let (_, value) = self.anchored(name)?;
                Some((index + 1, value))
            }
            Some(quote @ ('"' | '\'')) => {
                let value = rest[1..].split(quote).next()?;
                (!value.is_empty()).then(|| (index + 1, value.to_owned()))
            }
            Some(_) => {
                let value = rest.split([',', '}']).next()?.trim_end();
                (!value.is_empty()).then(|| (index + 1, value.to_owned()))
            }
        }
    }

    /// Returns the value of an anchor.
    fn anchored(&self, name: &str) -> Option<(usize, String)> {
        let anchor = format!("&{name}");
        self.0.iter().enumerate().find_map(|(index, line)| {
            let (_, rest) = line.split_once(anchor.as_str())?;
            let is_whole = rest.is_empty() || rest.starts_with(' ');
            is_whole.then(|| self.value(index, rest, Aliases::Ignore))?
        })
    }

    /// Returns the lines below a line that belong to its value: those with a larger indentation.
    /// JSON may indent as it likes, so a quote belongs to the value too.
    fn below(&self, index: usize) -> impl Iterator<Item = (usize, &'a str)> {
        let indent = |line: &str| line.len() - line.trim_start().len();
        let parent = indent(self.0[index]);
        successors(Some(index + 1), |index| Some(index + 1))
            .map_while(|index| Some((index, *self.0.get(index)?)))
            .filter(|(_, line)| !line.trim().is_empty())
            .take_while(move |(_, line)| {
                indent(line) > parent || line.trim_start().starts_with('"')
            })
    }
}

/// Whether an alias is followed. The value of an anchor is followed no further, so that aliases in a
/// circle end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aliases {
    Follow,
    Ignore,
}

/// Returns what follows each occurrence of a key and its colon.
fn after_key<'a>(line: &'a str, key: &'static str) -> impl Iterator<Item = &'a str> {
    let places = line.match_indices(key).map(|(at, _)| at);
    places.filter_map(move |at| {
        let is_inside = |c: char| c.is_alphanumeric() || c == '_';
        if line[..at].ends_with(is_inside) {
            return None;
        }
        let rest = &line[at + key.len()..];
        let rest = rest.strip_prefix(['"', '\'']).unwrap_or(rest).trim_start();
        Some(rest.strip_prefix(':')?.trim())
    })
}

/// Cuts off tags and anchors in front of a value.
fn without_properties(text: &str) -> &str {
    let mut rest = text.trim();
    while rest.starts_with(['!', '&']) {
        rest = rest.split_once([' ', '\t']).map_or("", |(_, rest)| rest.trim_start());
    }
    rest
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
        for (text, value) in [
            ("  TaskDefinition: <TASK_DEFINITION>", Some((1, "<TASK_DEFINITION>"))),
            ("  TaskDefinition: \"<TASK_DEFINITION>\" # x", Some((1, "<TASK_DEFINITION>"))),
            ("  \"TaskDefinition\" : \"a:1\",", Some((1, "a:1"))),
            ("{\"Properties\":{\"TaskDefinition\":\"a\",\"x\":1}}", Some((1, "a"))),
            ("  TaskDefinition: 'a'", Some((1, "a"))),
            ("  { TaskDefinition: a }", Some((1, "a"))),
            ("  TaskDefinition:", None),
            ("  MyTaskDefinition: a", None),
            ("  TaskDefinitionArn: a", None),
            ("  # TaskDefinition: a", None),
            // On the next line.
            ("  TaskDefinition:\n    a\n  Other: b", Some((2, "a"))),
            ("  TaskDefinition: # x\n\n    # y\n    \"a\"\n", Some((4, "a"))),
            ("  \"TaskDefinition\":\n\"a\"\n", Some((2, "a"))),
            ("  TaskDefinition:\n  Other: b\n", None),
            ("  TaskDefinition:\n    Other: b\n", None),
            ("  TaskDefinition:\n    - b\n", None),
            ("  - TaskDefinition:\n      a\n", Some((2, "a"))),
            // Blocks.
            ("  TaskDefinition: >-\n    a\n  Other: b", Some((2, "a"))),
            ("  TaskDefinition: |\n    a\n", Some((2, "a"))),
            ("  TaskDefinition: >\n\n    a\n    b\n", Some((3, "a b"))),
            ("  TaskDefinition: >-\n  Other: b", None),
            // Tags, anchors and aliases.
            ("  TaskDefinition: !!str a", Some((1, "a"))),
            ("  TaskDefinition: !!str\n    a", Some((2, "a"))),
            ("  TaskDefinition: &task !!str \"a\"", Some((1, "a"))),
            ("x: &t a\ny:\n  TaskDefinition: *t\n", Some((3, "a"))),
            ("x: &t >-\n  a\ny:\n  TaskDefinition: *t\n", Some((4, "a"))),
            ("x: &t\n  - a\ny:\n  TaskDefinition: *t\n", None),
            ("x: &t *t\ny:\n  TaskDefinition: *t\n", Some((3, "*t"))),
            ("  TaskDefinition: *unknown\n", None),
            ("\u{feff}TaskDefinition: a", Some((1, "a"))),
        ] {
            let lines = Lines::new(text);
            let found = lines.values("TaskDefinition").next();
            let found = found.as_ref().map(|(line, value)| (*line, value.as_str()));
            assert_eq!(found, value, "{text}");
        }
    }
}
