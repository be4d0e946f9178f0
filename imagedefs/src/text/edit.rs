//! Edits that repair a text. They change as few bytes as possible, so that the rest of the text
//! stays as its author wrote it, indentation included.

use std::ops::Range;

/// The repair of a flaw, and what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repair {
    /// One clause, in lower case.
    pub(crate) what: &'static str,
    scope: Scope,
    /// The edits. Empty if decoding the text was the whole repair.
    pub(crate) edits: Vec<Edit>,
}

impl Repair {
    /// A repair of brackets and commas, which turns the text into an array of objects.
    pub(crate) fn structure(what: &'static str) -> Self {
        Self { what, scope: Scope::Structure, edits: Vec::new() }
    }

    /// A repair of an element, a member or a string.
    pub(crate) fn content(what: &'static str) -> Self {
        Self { what, scope: Scope::Content, edits: Vec::new() }
    }

    pub(crate) fn delete(self, offset: usize, len: usize) -> Self {
        self.replace(offset..offset + len, "")
    }

    pub(crate) fn insert(self, offset: usize, text: &str) -> Self {
        self.replace(offset..offset, text)
    }

    pub(crate) fn replace(mut self, range: Range<usize>, text: &str) -> Self {
        self.edits.push(Edit { range, text: text.to_owned(), scope: self.scope });
        self
    }
}

/// A range of bytes, and its replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    range: Range<usize>,
    text: String,
    scope: Scope,
}

/// Applies edits to the text that they were made for.
///
/// An edit that begins within another one is dropped: a removed element needs no repair inside. An
/// element is removed together with the separator before it. So, at the same place, edits of the
/// content come first, and swallow a comma that is inserted there.
pub(crate) fn apply(text: &str, edits: &[Edit]) -> String {
    let mut edits = edits.iter().collect::<Vec<_>>();
    edits.sort_by_key(|edit| (edit.range.start, edit.scope, edit.range.end));
    let mut repaired = String::with_capacity(text.len() + edits.len());
    let mut reached = 0;
    for Edit { range, text: new, .. } in edits {
        if range.start < reached {
            continue;
        }
        repaired.push_str(&text[reached..range.start]);
        repaired.push_str(new);
        reached = range.end;
    }
    repaired.push_str(&text[reached..]);
    repaired
}

/// The part of the text that an edit changes, in the order of precedence at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Content,
    Structure,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The edits of some repairs, applied to `[{} {},]`.
    fn repaired(repairs: &[Repair]) -> String {
        let edits = repairs.iter().flat_map(|repair| repair.edits.clone()).collect::<Vec<_>>();
        apply("[{} {},]", &edits)
    }

    #[test]
    fn edits_are_applied_in_the_order_of_the_text() {
        let comma = Repair::structure("").insert(3, ",");
        let stray = Repair::structure("").delete(6, 1);
        assert_eq!(repaired(&[stray, comma]), "[{}, {}]");
    }

    #[test]
    fn an_edit_within_another_one_is_dropped() {
        let element = Repair::content("").replace(3..6, "");
        let comma = Repair::structure("").insert(3, ",");
        let inner = Repair::content("").insert(5, "x");
        let stray = Repair::structure("").delete(6, 1);
        let twice = element.clone();
        assert_eq!(repaired(&[inner, comma, stray, twice, element]), "[{}]");
    }

    #[test]
    fn what_is_inserted_before_a_character_stays_if_that_goes() {
        let comma = Repair::structure("").insert(6, "]");
        let stray = Repair::structure("").delete(6, 2);
        assert_eq!(repaired(&[stray, comma]), "[{} {}]");
    }
}
