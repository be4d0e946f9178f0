//! Arrays inside of something else: a string, another array, or an object of PowerShell.

use crate::doctor::examination::Examination;
use crate::text::edit::{Repair, apply};
use crate::text::flaw::Flaw;
use crate::text::json::{Document, Member, Node, Text, Value, member};
use crate::text::problem_kind::ProblemKind;

impl Examination {
    /// Checks an array of arrays of definitions, as `jq -s` prints it. Returns whether it is one.
    pub(crate) fn check_nested(&mut self, text: &str, outer: &Node<'_>) -> bool {
        let Value::Array(inner) = &outer.value else { return false };
        let definitions = |node: &Node<'_>| match &node.value {
            Value::Array(elements) => {
                !elements.is_empty()
                    && elements.iter().all(|it| matches!(it.value, Value::Object(_)))
            }
            _ => false,
        };
        if inner.is_empty() || !inner.iter().all(definitions) {
            return false;
        }
        let repair = Repair::structure("the inner brackets are removed");
        let repair = inner.iter().fold(repair, |repair, node| {
            repair.delete(node.offset, "[".len()).delete(node.end - "]".len(), "]".len())
        });
        let flaw = Flaw::new(inner[0].offset, ProblemKind::Wrapped, "an array in the array");
        self.flaws.push(flaw.repaired(repair));
        self.check_all(text, inner);
        true
    }

    /// Checks an object with the array as `value` and its length as `Count`, as ConvertTo-Json of
    /// PowerShell 5.1 prints some arrays. Returns whether it is one.
    pub(crate) fn check_listing(
        &mut self,
        text: &str,
        object: &Node<'_>,
        members: &[Member<'_>],
    ) -> bool {
        let (Some(array), Some(count), 2) =
            (member(members, "value"), member(members, "Count"), members.len())
        else {
            return false;
        };
        let (Value::Array(elements), Value::Number) = (&array.value, &count.value) else {
            return false;
        };
        let what = "the array is in an object with `value` and `Count`";
        let flaw = Flaw::new(object.offset, ProblemKind::Wrapped, what);
        let written = text[count.offset..count.end].parse::<usize>();
        // Another number means that definitions are missing.
        let repair = (written == Ok(elements.len()) && !elements.is_empty()).then(|| {
            Repair::structure("the object around the array is removed")
                .replace(object.offset..array.offset, "")
                .replace(array.end..object.end, "")
        });
        self.flaws.push(Flaw { repair, ..flaw });
        self.check_all(text, std::slice::from_ref(array));
        true
    }

    /// Checks a string whose text is JSON. Returns whether it is one.
    pub(crate) fn check_string(&mut self, node: &Node<'_>, string: &Text<'_>) -> bool {
        let text = string.as_str();
        if !text.trim_start().starts_with(['[', '{']) {
            return false;
        }
        let document = Document::read(text);
        // One level is a mistake of a tool; more are a puzzle.
        if document.values.is_empty() {
            return false;
        }
        let mut inner = Self::default();
        inner.check_document(text, document);
        let edits = inner.flaws.iter().filter_map(|flaw| flaw.repair.as_ref());
        let edits = edits.flat_map(|repair| repair.edits.iter().cloned()).collect::<Vec<_>>();
        // Each repair writes the whole text; `apply` drops all but one.
        let unwrapped = apply(text, &edits);
        let repaired = |what| Repair::structure(what).replace(node.offset..node.end, &unwrapped);
        let flaw = Flaw::new(node.offset, ProblemKind::Wrapped, "the JSON is in a string");
        self.flaws.push(flaw.repaired(repaired("the text of the string is written")));
        inner.flaws.sort_by_key(|flaw| flaw.offset);
        let mut offset_of = string.offsets();
        for flaw in inner.flaws {
            let repair = flaw.repair.map(|repair| repaired(repair.what));
            self.flaws.push(Flaw { offset: offset_of(flaw.offset), repair, ..flaw });
        }
        self.definitions = inner.definitions;
        true
    }

    fn check_all(&mut self, text: &str, arrays: &[Node<'_>]) {
        let mut previous = None;
        for node in arrays {
            let Value::Array(elements) = &node.value else { continue };
            for element in elements {
                self.check_element(text, previous.replace(element), element);
            }
        }
    }
}
