//! The rules for the whole of an `imagedefinitions.json`: one array of objects.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::definitions::ImageDefinitions;
use crate::doctor::encoding::Decoding;
use crate::doctor::mend::meant_by;
use crate::doctor::recognition::{
    echo_option, escaped_for_html, foreign_text, without_other_output,
};
use crate::names::image_uri::ImageUri;
use crate::text::edit::Repair;
use crate::text::flaw::Flaw;
use crate::text::json::{Document, Member, Node, Value, has_member};
use crate::text::problem_kind::ProblemKind;

#[derive(Default)]
pub(crate) struct Examination {
    /// The definitions, complete only if no flaw is an error.
    pub(crate) definitions: ImageDefinitions,
    pub(crate) flaws: Vec<Flaw>,
    /// The place of the first definition of each container, and its image if that is valid.
    pub(crate) places: HashMap<String, (usize, Option<ImageUri>)>,
}

impl Examination {
    /// Also returns the text in which the offsets of the flaws count.
    pub(crate) fn new(content: &[u8]) -> (Self, Cow<'_, str>) {
        let Decoding { text, is_whole, flaws } = Decoding::new(content);
        let mut examination = Self { flaws, ..Self::default() };
        if is_whole {
            examination.check(&text);
        }
        (examination, text)
    }

    pub(crate) fn flaw(&mut self, offset: usize, kind: ProblemKind, what: impl Into<String>) {
        self.flaws.push(Flaw::new(offset, kind, what));
    }

    fn check(&mut self, text: &str) {
        if let Some(flaw) = foreign_text(text) {
            return self.flaws.push(flaw);
        }
        let mut start = 0;
        if let Some((flaw, end)) = echo_option(text) {
            self.flaws.push(flaw);
            start = end;
        }
        let mut document = Document::read_from(text, start);
        if let Some(flaw) = escaped_for_html(text, &document) {
            return self.flaws.push(flaw);
        }
        if let Some((flaw, rest)) = without_other_output(text, &document) {
            self.flaws.push(flaw);
            document = rest;
        }
        self.check_document(text, document);
    }

    /// Checks the values of a text, wherever it comes from.
    pub(crate) fn check_document(&mut self, text: &str, document: Document<'_>) {
        self.flaws.extend(document.flaws);
        let Some((first, others)) = document.values.split_first() else {
            if document.is_complete {
                self.flaw(0, ProblemKind::EmptyFile, "the file is empty");
            }
            return;
        };
        match (&first.value, others) {
            (Value::Array(_), others) => {
                if others.is_empty() && self.check_nested(text, first) {
                    return;
                }
                let mut previous = first;
                for node in others {
                    self.check_appended(text, previous, node);
                    previous = node;
                }
                self.check_arrays(text, &document.values, document.is_complete);
            }
            (Value::Object(members), []) if self.check_listing(text, first, members) => {}
            (Value::Object(members), []) => self.check_object(text, first, members),
            (Value::String(string), []) if self.check_string(first, string) => {}
            (value, []) => {
                let what = format!("the file is {}, not an array", value.describe());
                self.flaw(first.offset, ProblemKind::NotAnArray, what);
            }
            (_, others) => {
                let count = 1 + others.len();
                let what = format!("the file has {count} values in a row, not one array");
                let flaw = Flaw::new(first.offset, ProblemKind::NotAnArray, what);
                let is_object = |node: &Node<'_>| matches!(node.value, Value::Object(_));
                let repair = document.values.iter().all(is_object).then(|| {
                    let repair = Repair::structure("the objects are put into an array");
                    in_array(repair, &document.values)
                });
                self.flaws.push(Flaw { repair, ..flaw });
                let mut previous = None;
                for node in document.values.iter().filter(|node| is_object(node)) {
                    self.check_element(text, previous.replace(node), node);
                }
            }
        }
    }

    /// Checks a value after the array.
    fn check_appended(&mut self, text: &str, previous: &Node<'_>, node: &Node<'_>) {
        let between = &text[previous.end..node.offset];
        let has_comma = between.trim() == ",";
        let is_array = |node: &Node<'_>| matches!(node.value, Value::Array(_));
        if is_array(previous) && is_array(node) && (has_comma || !between.contains('\n')) {
            let what = "another array on the same line";
            let repair = Repair::structure("the arrays are merged").delete(node.offset, "[".len());
            let end = previous.end - "]".len();
            let repair = if has_comma {
                // The comma between the arrays becomes the one between the definitions.
                self.flaws.retain(|flaw| !(previous.end..node.offset).contains(&flaw.offset));
                repair.delete(end, "]".len())
            } else {
                repair.replace(end..previous.end, ",")
            };
            let flaw = Flaw::new(node.offset, ProblemKind::RepeatedArrays, what);
            return self.flaws.push(flaw.repaired(repair));
        }
        if is_array(previous) && is_array(node) {
            let what = "another array after the end of the array";
            let repair = Repair::structure("the arrays are merged")
                .replace(previous.end - "]".len()..previous.end, ",")
                .delete(node.offset, "[".len());
            self.flaws
                .push(Flaw::new(node.offset, ProblemKind::AppendedArrays, what).repaired(repair));
            return;
        }
        let (kind, what) = match &node.value {
            Value::Array(_) => (ProblemKind::AppendedArrays, "another array"),
            other => (ProblemKind::InvalidJson, other.describe()),
        };
        let what = format!("{what} after the end of the array");
        self.flaw(node.offset, kind, what);
    }

    /// Checks the elements of all arrays: the repair merges them.
    fn check_arrays(&mut self, text: &str, values: &[Node<'_>], is_complete: bool) {
        let mut previous = None;
        for Node { offset, value, .. } in values {
            let Value::Array(elements) = value else { continue };
            if elements.is_empty() && is_complete {
                self.flaw(*offset, ProblemKind::EmptyArray, "the array is empty");
            }
            for element in elements {
                self.check_element(text, previous.replace(element), element);
            }
        }
    }

    /// Checks an object in place of the array.
    fn check_object(&mut self, text: &str, node: &Node<'_>, members: &[Member<'_>]) {
        let (kind, what) = if has_member(members, "ImageURI") && !has_member(members, "name") {
            (ProblemKind::ImageDetail, "the file is an imageDetail.json")
        } else if has_member(members, "containerDefinitions") {
            (ProblemKind::NotAnArray, "the file is a task definition, not an array")
        } else {
            (ProblemKind::NotAnArray, "the file is an object, not an array")
        };
        let is_definition = kind == ProblemKind::NotAnArray
            && members.iter().any(|member| meant_by(member.key.as_str()).is_some());
        let repair = (is_definition && !has_member(members, "containerDefinitions")).then(|| {
            let repair = Repair::structure("the object is put into an array");
            in_array(repair, std::slice::from_ref(node))
        });
        self.flaws.push(Flaw { repair, ..Flaw::new(node.offset, kind, what) });
        if is_definition {
            self.check_element(text, None, node);
        }
    }
}

/// Adds brackets around definitions, and commas between them.
fn in_array(repair: Repair, definitions: &[Node<'_>]) -> Repair {
    let [first, .., last] = definitions else {
        return definitions
            .iter()
            .fold(repair, |repair, only| repair.insert(only.offset, "[").insert(only.end, "]"));
    };
    let repair = repair.insert(first.offset, "[");
    let between = &definitions[..definitions.len() - 1];
    between.iter().fold(repair, |repair, node| repair.insert(node.end, ",")).insert(last.end, "]")
}
