//! The rules that the content of an `imagedefinitions.json` has to keep.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::definitions::ImageDefinitions;
use crate::file::{MAX_BYTES, SAFE_BYTES};
use crate::names::container_name::ContainerName;
use crate::names::image_uri::ImageUri;
use crate::text::edit::{Repair, mend_image, mend_name};
use crate::text::flaw::{Flaw, Quoted};
use crate::text::json::{Document, Member, Node, Text, Value};
use crate::text::problem::ProblemKind;

#[derive(Default)]
pub(crate) struct Examination {
    /// Complete only if there are no flaws that are errors.
    pub(crate) definitions: ImageDefinitions,
    pub(crate) flaws: Vec<Flaw>,
    /// Where each container was first named, and its image, if that is any good.
    seen: HashMap<String, (usize, Option<ImageUri>)>,
}

impl Examination {
    /// With the text that the flaws' offsets count in.
    pub(crate) fn of(content: &[u8]) -> (Self, Cow<'_, str>) {
        let mut examination = Self::default();
        let text = match examination.decode(content) {
            Some(text) => {
                examination.check(&text);
                text
            }
            None if content.len() > MAX_BYTES => Cow::Borrowed(""),
            // A flaw is at most as far as the valid part goes.
            None => String::from_utf8_lossy(content),
        };
        (examination, text)
    }

    pub(crate) fn of_text(text: &str) -> Self {
        let mut examination = Self::default();
        examination.check(text);
        examination
    }

    /// The text of the file, without a byte order mark. None: it has none.
    fn decode<'a>(&mut self, content: &'a [u8]) -> Option<Cow<'a, str>> {
        if content.len() > MAX_BYTES {
            let what = format!("the file has more than {MAX_BYTES} bytes");
            self.flaw(0, ProblemKind::TooLarge, what);
            return None;
        }
        if content.len() > SAFE_BYTES {
            let what = format!("the file has {} bytes", content.len());
            self.flaw(0, ProblemKind::LargeFile, what);
        }
        let utf16 = |read: fn([u8; 2]) -> u16| {
            let pairs = content.chunks_exact(2);
            let is_whole = pairs.remainder().is_empty();
            let units = pairs.map(|pair| read([pair[0], pair[1]]));
            let text = char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}'));
            let text = text.skip_while(|character| *character == '\u{feff}').collect::<String>();
            (is_whole && !text.contains('\u{fffd}'), text)
        };
        // Without a mark it shows by the zeros: the first character of JSON is of ASCII.
        let (is_certain, text) = match content {
            [0xff, 0xfe, ..] | [1..=255, 0, ..] => utf16(u16::from_le_bytes),
            [0xfe, 0xff, ..] | [0, 1..=255, ..] => utf16(u16::from_be_bytes),
            _ => return self.decode_utf8(content),
        };
        let flaw = Flaw::new(0, ProblemKind::Utf16, "the file is UTF-16");
        let repair = is_certain.then(|| Repair::of_structure("it is written as UTF-8"));
        self.flaws.push(Flaw { repair, ..flaw });
        Some(Cow::Owned(text))
    }

    fn decode_utf8<'a>(&mut self, content: &'a [u8]) -> Option<Cow<'a, str>> {
        match std::str::from_utf8(content) {
            Err(error) => {
                let offset = error.valid_up_to();
                let what = format!("the byte {:#04x} is not UTF-8", content[offset]);
                self.flaw(offset, ProblemKind::NotUtf8, what);
                None
            }
            Ok(text) => {
                let unmarked = text.strip_prefix('\u{feff}');
                if unmarked.is_some() {
                    let what = "the file begins with a byte order mark";
                    let repair = Repair::of_structure("it is left out");
                    self.flaws
                        .push(Flaw::new(0, ProblemKind::ByteOrderMark, what).repaired(repair));
                }
                Some(Cow::Borrowed(unmarked.unwrap_or(text)))
            }
        }
    }

    fn check(&mut self, text: &str) {
        let document = Document::read(text);
        self.flaws.extend(document.flaws);
        let Some((first, others)) = document.values.split_first() else {
            if document.is_complete {
                self.flaw(0, ProblemKind::EmptyFile, "the file is empty");
            }
            return;
        };
        match (&first.value, others) {
            (Value::Array(_), others) => {
                let mut previous = first;
                for node in others {
                    self.check_appended(previous, node);
                    previous = node;
                }
                for Node { offset, value, .. } in &document.values {
                    if let Value::Array(elements) = value {
                        self.check_array(text, *offset, elements, document.is_complete);
                    }
                }
            }
            (Value::Object(members), []) => self.check_object(text, first, members),
            (value, []) => {
                let what = format!("the file is {}, not an array", value.describe());
                self.flaw(first.offset, ProblemKind::NotAnArray, what);
            }
            (_, others) => {
                let count = 1 + others.len();
                let what = format!("the file is {count} values in a row, not an array");
                let flaw = Flaw::new(first.offset, ProblemKind::NotAnArray, what);
                let is_object = |node: &Node<'_>| matches!(node.value, Value::Object(_));
                let repair = document.values.iter().all(is_object).then(|| {
                    let repair = Repair::of_structure("they are put into an array");
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

    /// What comes after the array.
    fn check_appended(&mut self, previous: &Node<'_>, node: &Node<'_>) {
        if let (Value::Array(_), Value::Array(_)) = (&previous.value, &node.value) {
            let what = "there is another array after the end of the array";
            let repair = Repair::of_structure("the arrays become one")
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
        let what = format!("there is {what} after the end of the array");
        self.flaw(node.offset, kind, what);
    }

    fn check_array(&mut self, text: &str, offset: usize, elements: &[Node<'_>], is_complete: bool) {
        if elements.is_empty() && is_complete {
            self.flaw(offset, ProblemKind::EmptyArray, "the array is empty");
        }
        let mut previous = None;
        for element in elements {
            self.check_element(text, previous.replace(element), element);
        }
    }

    /// An object in the place of the array.
    fn check_object(&mut self, text: &str, node: &Node<'_>, members: &[Member<'_>]) {
        let (kind, what) = if has(members, "ImageURI") && !has(members, "name") {
            (ProblemKind::ImageDetail, "the file is an imageDetail.json")
        } else if has(members, "containerDefinitions") {
            (ProblemKind::NotAnArray, "the file is a task definition, not an array")
        } else {
            (ProblemKind::NotAnArray, "the file is an object, not an array")
        };
        let is_definition = kind == ProblemKind::NotAnArray
            && members.iter().any(|member| meant_by(member.key.as_str()).is_some());
        let repair = (is_definition && !has(members, "containerDefinitions")).then(|| {
            let repair = Repair::of_structure("it is put into an array");
            in_array(repair, std::slice::from_ref(node))
        });
        self.flaws.push(Flaw { repair, ..Flaw::new(node.offset, kind, what) });
        if is_definition {
            self.check_element(text, None, node);
        }
    }

    /// With the element in front of it.
    fn check_element(&mut self, text: &str, previous: Option<&Node<'_>>, element: &Node<'_>) {
        let Node { offset, value, .. } = element;
        let Value::Object(members) = value else {
            let what = format!("there is {} in the place of a definition", value.describe());
            return self.flaw(*offset, ProblemKind::NotAnObject, what);
        };
        let (mut name, mut image) = (None, None);
        let (has_name, has_image) = (has(members, "name"), has(members, "imageUri"));
        let is_there = |expected| if expected == "name" { has_name } else { has_image };
        let mut end = *offset;
        for member in members {
            let Member { key, node } = member;
            let start = key.offset_of(0) - 1;
            let before = std::mem::replace(&mut end, node.end);
            let (slot, expected) = match key.as_str() {
                "name" => (&mut name, "name"),
                "imageUri" => (&mut image, "imageUri"),
                other => match meant_by(other) {
                    Some(expected) if !is_there(expected) => {
                        let what = format!("the member {} has to be `{expected}`", Quoted(other));
                        let repair =
                            Repair::of_content("it is renamed").replace(key.range(), expected);
                        self.flaws.push(
                            Flaw::new(start, ProblemKind::MisnamedMember, what).repaired(repair),
                        );
                        (if expected == "name" { &mut name } else { &mut image }, expected)
                    }
                    _ => {
                        let what = format!("the member {} is not known", Quoted(other));
                        self.flaw(start, ProblemKind::UnknownMember, what);
                        continue;
                    }
                },
            };
            if let Some(first) = slot.replace(node) {
                let what = format!("the definition has `{expected}` twice");
                let is_same = matches!((&first.value, &node.value),
                    (Value::String(one), Value::String(other)) if one.as_str() == other.as_str());
                let repair =
                    is_same.then(|| Repair::of_content(SAME).replace(before..node.end, ""));
                let flaw = Flaw::new(start, ProblemKind::DuplicateMember, what);
                self.flaws.push(Flaw { repair, ..flaw });
            }
        }
        let name = self.string(*offset, name, "name");
        let image = self.string(*offset, image, "imageUri");
        let image = image.and_then(|image| self.check_image(image));
        let Some(written) = name else { return };
        let Some(name) = self.check_name(written) else { return };
        match self.seen.get(name.as_str()) {
            Some((first, present)) => {
                let line = 1 + text[..*first].matches('\n').count();
                let quoted = Quoted(name.as_str());
                let what = format!("the container {quoted} is there already, on line {line}");
                let repair = (image.is_some() && *present == image).then(|| {
                    let start = previous.map_or(*offset, |previous| previous.end);
                    Repair::of_content(SAME).replace(start..element.end, "")
                });
                let flaw = Flaw::new(written.offset_of(0), ProblemKind::DuplicateContainer, what);
                self.flaws.push(Flaw { repair, ..flaw });
            }
            None => {
                let first = (written.offset_of(0), image.clone());
                self.seen.insert(name.as_str().to_owned(), first);
                if let Some(image) = image {
                    self.definitions.push(name, image);
                }
            }
        }
    }

    fn string<'n>(
        &mut self,
        element: usize,
        node: Option<&'n Node<'n>>,
        member: &str,
    ) -> Option<&'n Text<'n>> {
        match node {
            Some(Node { value: Value::String(string), .. }) => Some(string),
            Some(Node { offset, value, .. }) => {
                let what = format!("`{member}` is {}, not a string", value.describe());
                self.flaw(*offset, ProblemKind::NotAString, what);
                None
            }
            None => {
                let what = format!("the definition has no `{member}`");
                self.flaw(element, ProblemKind::MissingMember, what);
                None
            }
        }
    }

    fn check_name(&mut self, name: &Text<'_>) -> Option<ContainerName> {
        match ContainerName::parse(name.as_str()) {
            Ok(parsed) => Some(parsed),
            Err(flaws) => match mend_name(name.as_str(), &flaws) {
                Some((mended, done)) => {
                    self.adopt_repaired(name, flaws, mended.as_str(), done);
                    Some(mended)
                }
                None => self.adopt(name, flaws),
            },
        }
    }

    fn check_image(&mut self, image: &Text<'_>) -> Option<ImageUri> {
        let parsed = match ImageUri::parse(image.as_str()) {
            Ok(parsed) => parsed,
            Err(flaws) => match mend_image(image.as_str(), &flaws) {
                Some((mended, done)) => {
                    self.adopt_repaired(image, flaws, mended.as_str(), done);
                    mended
                }
                None => return self.adopt(image, flaws),
            },
        };
        let quoted = Quoted(parsed.as_str());
        let what = match (parsed.digest(), parsed.tag()) {
            (None, None) => format!("{quoted} has no tag, which means `latest`"),
            (None, Some("latest")) => format!("{quoted} has the tag `latest`"),
            (None, Some(_)) | (Some(_), _) => return Some(parsed),
        };
        self.flaw(image.offset_of(0), ProblemKind::Latest, what);
        Some(parsed)
    }

    /// From places in a string to places in the file.
    fn adopt<T>(&mut self, string: &Text<'_>, mut flaws: Vec<Flaw>) -> Option<T> {
        flaws.sort_by_key(|flaw| flaw.offset);
        let mut offset_of = string.offsets();
        self.flaws
            .extend(flaws.into_iter().map(|flaw| Flaw { offset: offset_of(flaw.offset), ..flaw }));
        None
    }

    fn adopt_repaired(
        &mut self,
        string: &Text<'_>,
        flaws: Vec<Flaw>,
        mended: &str,
        done: Vec<&'static str>,
    ) {
        for (flaw, done) in flaws.into_iter().zip(done) {
            let offset = string.offset_of(flaw.offset);
            // Each does the whole of it; what is done twice is skipped.
            let repair = Repair::of_content(done).replace(string.range(), mended);
            self.flaws.push(Flaw { offset, ..flaw }.repaired(repair));
        }
    }

    fn flaw(&mut self, offset: usize, kind: ProblemKind, what: impl Into<String>) {
        self.flaws.push(Flaw::new(offset, kind, what));
    }
}

const SAME: &str = "it is left out, since it says the same";

/// Brackets around definitions, and commas between them.
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

fn has(members: &[Member<'_>], key: &str) -> bool {
    members.iter().any(|member| member.key.as_str() == key)
}

/// The member that was meant by one that is, or nearly is, it.
fn meant_by(key: &str) -> Option<&'static str> {
    let letters = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    match letters.to_ascii_lowercase().as_str() {
        "container" | "containername" | "name" => Some("name"),
        "image" | "imageuri" | "imageurl" | "uri" | "url" => Some("imageUri"),
        _ => None,
    }
}
