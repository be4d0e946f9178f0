//! The rules for an element of the array: one container, and its image.

use crate::doctor::examination::Examination;
use crate::doctor::mend::{meant_by, mend_image, mend_name};
use crate::names::container_name::ContainerName;
use crate::names::image_uri::ImageUri;
use crate::text::edit::Repair;
use crate::text::flaw::{Flaw, Quoted};
use crate::text::json::{Member, Node, Text, Value, has_member};
use crate::text::problem_kind::ProblemKind;

impl Examination {
    /// Checks an element of the array. `previous` is the element before it.
    pub(crate) fn check_element(
        &mut self,
        text: &str,
        previous: Option<&Node<'_>>,
        element: &Node<'_>,
    ) {
        let Value::Object(members) = &element.value else {
            let what = format!("{} in place of a definition", element.value.describe());
            return self.flaw(element.offset, ProblemKind::NotAnObject, what);
        };
        let (name, image) = self.check_members(element.offset, members);
        let name = self.string(element.offset, name, "name");
        let image = self.string(element.offset, image, "imageUri");
        let Some((name, image)) = self.check_order(name, image) else { return };
        let image = image.and_then(|image| self.check_image(image));
        let Some(written) = name else { return };
        let Some(name) = self.check_name(written) else { return };
        let place = written.offset_of(0);
        let Some((first, present)) = self.places.get(name.as_str()) else {
            self.places.insert(name.as_str().to_owned(), (place, image.clone()));
            if let Some(image) = image {
                self.definitions.push(name, image);
            }
            return;
        };
        let line = 1 + text[..*first].matches('\n').count();
        let quoted = Quoted(name.as_str());
        let what = format!("duplicate container {quoted}: first defined on line {line}");
        let repair = (image.is_some() && *present == image).then(|| {
            let start = previous.map_or(element.offset, |previous| previous.end);
            Repair::content(SAME).replace(start..element.end, "")
        });
        self.flaws.push(Flaw { repair, ..Flaw::new(place, ProblemKind::DuplicateContainer, what) });
    }

    /// Checks the names of an object's members. Returns the values of `name` and `imageUri`.
    fn check_members<'n, 'a>(
        &mut self,
        object: usize,
        members: &'n [Member<'a>],
    ) -> (Option<&'n Node<'a>>, Option<&'n Node<'a>>) {
        let (mut name, mut image) = (None, None);
        let (has_name, has_image) = (has_member(members, "name"), has_member(members, "imageUri"));
        let is_there = |expected| if expected == "name" { has_name } else { has_image };
        let mut end = object;
        for member in members {
            let Member { key, node } = member;
            let start = key.offset_of(0) - 1;
            let before = std::mem::replace(&mut end, node.end);
            let expected = match key.as_str() {
                "name" => "name",
                "imageUri" => "imageUri",
                other => match meant_by(other) {
                    Some(expected) if !is_there(expected) => {
                        let what =
                            format!("misnamed member {}: expected `{expected}`", Quoted(other));
                        let repair =
                            Repair::content("the member is renamed").replace(key.range(), expected);
                        self.flaws.push(
                            Flaw::new(start, ProblemKind::MisnamedMember, what).repaired(repair),
                        );
                        expected
                    }
                    _ => {
                        let what = format!("unknown member {}", Quoted(other));
                        self.flaw(start, ProblemKind::UnknownMember, what);
                        continue;
                    }
                },
            };
            let slot = if expected == "name" { &mut name } else { &mut image };
            let Some(first) = *slot else {
                *slot = Some(node);
                continue;
            };
            let what = format!("duplicate member `{expected}`");
            let flaw = Flaw::new(start, ProblemKind::DuplicateMember, what);
            let repair = if is_same(first, node) {
                // The first member stays, so its value is the one to check.
                Some(Repair::content(SAME).replace(before..node.end, ""))
            } else {
                *slot = Some(node);
                None
            };
            self.flaws.push(Flaw { repair, ..flaw });
        }
        (name, image)
    }

    /// Checks whether the name is an image, and the image something else. Returns the two texts in
    /// the right order, or nothing if there is no more to check.
    #[allow(clippy::type_complexity, reason = "a pair of two optional texts")]
    fn check_order<'n, 'a>(
        &mut self,
        name: Option<&'n Text<'a>>,
        image: Option<&'n Text<'a>>,
    ) -> Option<(Option<&'n Text<'a>>, Option<&'n Text<'a>>)> {
        let (Some(first), Some(second)) = (name, image) else { return Some((name, image)) };
        let is_name = |text: &Text<'_>| ContainerName::parse(text.as_str()).is_ok();
        let is_image = |text: &Text<'_>| {
            ImageUri::parse(text.as_str()).is_ok_and(|image| {
                image.registry().is_some() || image.tag().is_some() || image.digest().is_some()
            })
        };
        if is_name(first) || !is_image(first) {
            return Some((name, image));
        }
        let quoted = Quoted(first.as_str());
        let place = first.offset_of(0);
        if second.as_str().is_empty() {
            let what = format!("the name is the image {quoted}, and `imageUri` is empty");
            self.flaw(place, ProblemKind::ShiftedArguments, what);
            return None;
        }
        if !is_name(second) {
            return Some((name, image));
        }
        let what = format!("the name is the image {quoted}, and `imageUri` is a container");
        let repair = Repair::content("the values are exchanged")
            .replace(first.range(), second.raw())
            .replace(second.range(), first.raw());
        let flaw = Flaw::new(place, ProblemKind::Exchanged, what);
        self.flaws.push(flaw.repaired(repair));
        Some((image, name))
    }

    fn string<'n, 'a>(
        &mut self,
        element: usize,
        node: Option<&'n Node<'a>>,
        member: &str,
    ) -> Option<&'n Text<'a>> {
        match node {
            Some(Node { value: Value::String(string), .. }) => Some(string),
            Some(Node { offset, value, .. }) => {
                let what = format!("`{member}` is {}, not a string", value.describe());
                self.flaw(*offset, ProblemKind::NotAString, what);
                None
            }
            None => {
                let what = format!("missing member `{member}`");
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
            (None, None) => format!("{quoted} has no tag: ECS uses `latest`"),
            (None, Some("latest")) => format!("{quoted} has the tag `latest`"),
            (None, Some(_)) | (Some(_), _) => return Some(parsed),
        };
        self.flaw(image.offset_of(0), ProblemKind::Latest, what);
        Some(parsed)
    }

    /// Adds flaws of a string, with their places converted to places in the file.
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
            // Each repair rewrites the whole string; `apply` drops all but one.
            let repair = Repair::content(done).replace(string.range(), mended);
            self.flaws.push(Flaw { offset, ..flaw }.repaired(repair));
        }
    }
}

const SAME: &str = "the duplicate is removed: it has the same value";

fn is_same(one: &Node<'_>, other: &Node<'_>) -> bool {
    matches!((&one.value, &other.value),
        (Value::String(one), Value::String(other)) if one.as_str() == other.as_str())
}
