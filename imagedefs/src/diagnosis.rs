use std::{borrow::Cow, collections::HashMap};

use crate::{
    container_name::ContainerName,
    definitions::ImageDefinitions,
    error::Error,
    file::{MAX_BYTES, SAFE_BYTES},
    flaw::{Flaw, Quoted, locate},
    image_uri::ImageUri,
    json::{Document, Member, Node, Text, Value},
    problem::{Problem, ProblemKind, Severity},
};

/// All that there is to say about the content of an `imagedefinitions.json`, warnings included.
///
/// [`ImageDefinitions::read`] is enough to use a file. This is for tools that explain one.
///
/// ```
/// use imagedefs::{Diagnosis, ProblemKind, Severity};
///
/// let diagnosis = Diagnosis::of(r#"[{"name": "web", "imageUri": "httpd:latest"}]"#);
/// let [problem] = diagnosis.problems() else { panic!() };
/// assert_eq!(problem.kind(), ProblemKind::Latest);
/// assert_eq!(problem.severity(), Severity::Warning);
/// assert_eq!(diagnosis.into_definitions()?.len(), 1);
/// # Ok::<(), imagedefs::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Diagnosis {
    definitions: ImageDefinitions,
    problems: Vec<Problem>,
}

impl Diagnosis {
    /// Examines the content of a file.
    pub fn of(content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        let mut examination = Examination::default();
        let text = examination.decode(content);
        if let Some(text) = &text {
            examination.check(text);
        }
        // Where no text can be made out, a flaw is at most as far as the valid part goes.
        let text = text.unwrap_or_else(|| String::from_utf8_lossy(content));
        let problems = locate(&text, examination.flaws);
        Self { definitions: examination.definitions, problems }
    }

    /// What was found, in the order of the file.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The definitions. Warnings don't keep them from being used.
    ///
    /// # Errors
    ///
    /// `InvalidDefinitions` with all problems that are errors.
    pub fn into_definitions(mut self) -> Result<ImageDefinitions, Error> {
        self.problems.retain(|problem| problem.severity() == Severity::Error);
        if self.problems.is_empty() {
            Ok(self.definitions)
        } else {
            Err(Error::invalid_definitions(self.problems))
        }
    }
}

#[derive(Default)]
struct Examination {
    /// Complete only if there are no flaws that are errors.
    definitions: ImageDefinitions,
    flaws: Vec<Flaw>,
    /// Where each container was first named, also one whose image is no good.
    seen: HashMap<String, usize>,
}

impl Examination {
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
            let units = content.chunks_exact(2).map(|pair| read([pair[0], pair[1]]));
            let text = char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}'));
            text.skip_while(|character| *character == '\u{feff}').collect::<String>()
        };
        // Without a mark it shows by the zeros: the first character of JSON is of ASCII.
        let text = match content {
            [0xff, 0xfe, ..] | [1..=255, 0, ..] => utf16(u16::from_le_bytes),
            [0xfe, 0xff, ..] | [0, 1..=255, ..] => utf16(u16::from_be_bytes),
            _ => return self.decode_utf8(content),
        };
        self.flaw(0, ProblemKind::Utf16, "the file is UTF-16");
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
                    self.flaw(0, ProblemKind::ByteOrderMark, what);
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
                for Node { offset, value } in others {
                    let (kind, what) = match value {
                        Value::Array(_) => (ProblemKind::AppendedArrays, "another array"),
                        other => (ProblemKind::InvalidJson, other.describe()),
                    };
                    let what = format!("there is {what} after the end of the array");
                    self.flaw(*offset, kind, what);
                }
                for Node { offset, value } in &document.values {
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
                self.flaw(first.offset, ProblemKind::NotAnArray, what);
                for node in &document.values {
                    if let Value::Object(_) = node.value {
                        self.check_element(text, node);
                    }
                }
            }
        }
    }

    fn check_array(&mut self, text: &str, offset: usize, elements: &[Node<'_>], is_complete: bool) {
        if elements.is_empty() && is_complete {
            self.flaw(offset, ProblemKind::EmptyArray, "the array is empty");
        }
        for element in elements {
            self.check_element(text, element);
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
        self.flaw(node.offset, kind, what);
        let is_definition = members.iter().any(|member| meant_by(member.key.as_str()).is_some());
        if is_definition && kind == ProblemKind::NotAnArray {
            self.check_element(text, node);
        }
    }

    fn check_element(&mut self, text: &str, Node { offset, value }: &Node<'_>) {
        let Value::Object(members) = value else {
            let what = format!("there is {} in the place of a definition", value.describe());
            return self.flaw(*offset, ProblemKind::NotAnObject, what);
        };
        let (mut name, mut image) = (None, None);
        for member in members {
            let Member { key, node } = member;
            let start = key.offset_of(0) - 1;
            let (slot, expected) = match key.as_str() {
                "name" => (&mut name, "name"),
                "imageUri" => (&mut image, "imageUri"),
                other => match meant_by(other) {
                    Some(expected) if !has(members, expected) => {
                        let what = format!("the member {} has to be `{expected}`", Quoted(other));
                        self.flaw(start, ProblemKind::MisnamedMember, what);
                        (if expected == "name" { &mut name } else { &mut image }, expected)
                    }
                    _ => {
                        let what = format!("the member {} is not known", Quoted(other));
                        self.flaw(start, ProblemKind::UnknownMember, what);
                        continue;
                    }
                },
            };
            if slot.replace(node).is_some() {
                let what = format!("the definition has `{expected}` twice");
                self.flaw(start, ProblemKind::DuplicateMember, what);
            }
        }
        let name = self.string(*offset, name, "name");
        let image = self.string(*offset, image, "imageUri");
        let name = name.and_then(|name| self.check_name(text, name));
        let image = image.and_then(|image| self.check_image(image));
        if let (Some(name), Some(image)) = (name, image) {
            self.definitions.push(name, image);
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
            Some(Node { offset, value }) => {
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

    /// None: it is no good, or it isn't the first of its name.
    fn check_name(&mut self, text: &str, name: &Text<'_>) -> Option<ContainerName> {
        let offset = name.offset_of(0);
        let parsed = ContainerName::parse(name.as_str());
        let parsed = parsed.map_err(|flaws| self.adopt(name, flaws)).ok()?;
        if let Some(first) = self.seen.get(name.as_str()) {
            let line = 1 + text[..*first].matches('\n').count();
            let name = Quoted(name.as_str());
            let what = format!("the container {name} is there already, on line {line}");
            self.flaw(offset, ProblemKind::DuplicateContainer, what);
            return None;
        }
        self.seen.insert(name.as_str().to_owned(), offset);
        Some(parsed)
    }

    fn check_image(&mut self, image: &Text<'_>) -> Option<ImageUri> {
        let parsed = ImageUri::parse(image.as_str());
        let parsed = parsed.map_err(|flaws| self.adopt(image, flaws)).ok()?;
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
    fn adopt(&mut self, string: &Text<'_>, flaws: Vec<Flaw>) {
        self.flaws.extend(
            flaws.into_iter().map(|flaw| Flaw { offset: string.offset_of(flaw.offset), ..flaw }),
        );
    }

    fn flaw(&mut self, offset: usize, kind: ProblemKind, what: impl Into<String>) {
        self.flaws.push(Flaw::new(offset, kind, what));
    }
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
