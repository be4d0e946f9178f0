//! The diagnosis of an `imageDetail.json`: its problems, each with its place.

use std::path::Path;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::doctor::encoding::Decoding;
use crate::doctor::report::Report;
use crate::error::Error;
use crate::file;
use crate::names::image_uri::ImageUri;
use crate::pipeline::detail::ImageDetail;
use crate::text::flaw::{Flaw, Quoted, locate};
use crate::text::json::{Document, Member, Node, Value, member};
use crate::text::problem::Problem;
use crate::text::problem_kind::{ProblemKind, Severity};

/// The diagnosis of an `imageDetail.json`: all problems of its content, warnings included.
///
/// [`ImageDetail::read`] is enough to use a file. This type is for tools that explain one.
///
/// ```
/// use imagedefs::detail::DetailDiagnosis;
///
/// let diagnosis = DetailDiagnosis::new(r#"{"imageUri": "shop/web:1.4.2"}"#);
/// assert_eq!(diagnosis.report().to_string(), "\
/// line 1, column 2: error: misnamed member `imageUri`: expected `ImageURI`
///   | {\"imageUri\": \"shop/web:1.4.2\"}
///   |  ^
///   cause:  the blue/green action of CodeDeploy reads an object with the member `ImageURI`
///   cure:   write {\"ImageURI\": \"REPOSITORY@sha256:…\"}
///
/// 1 error, without a certain repair
/// ");
/// ```
#[derive(Clone, Debug)]
pub struct DetailDiagnosis {
    problems: Vec<Problem>,
    name: Option<String>,
    text: String,
}

impl DetailDiagnosis {
    /// Examines the content of a file.
    pub fn new(content: impl AsRef<[u8]>) -> Self {
        let Decoding { text, is_whole, mut flaws } = Decoding::new(content.as_ref());
        // The reader of the file skips the mark.
        flaws.retain(|flaw| flaw.kind != ProblemKind::ByteOrderMark);
        // A repair would have to be applied, which this diagnosis does not do.
        flaws.iter_mut().for_each(|flaw| flaw.repair = None);
        if is_whole {
            check(&text, &mut flaws);
        }
        let problems = locate(&text, flaws);
        Self { problems, name: None, text: text.into_owned() }
    }

    /// Examines a file.
    ///
    /// # Errors
    ///
    /// `NotFound`, `Read`.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let content = file::read_definitions(path)?;
        Ok(Self::new(content).with_name(path.to_string_lossy()))
    }

    /// Sets the name of the content in reports and errors.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Returns the path of the file, or the name that [`with_name`](Self::with_name) has set.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the problems, in the order of the file.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Returns a report for people, as [`Diagnosis::report`](crate::diagnosis::Diagnosis::report)
    /// does.
    pub fn report(&self) -> Report<'_> {
        Report::new(self.name(), &self.text, &self.problems)
    }

    /// Returns the image detail. Warnings do not prevent this.
    ///
    /// # Errors
    ///
    /// `InvalidImageDetail`.
    pub fn into_detail(self) -> Result<ImageDetail, Error> {
        let source = match &self.name {
            Some(name) => format!("`{name}`"),
            None => "the image detail".to_owned(),
        };
        let is_error = |problem: &&Problem| problem.severity() == Severity::Error;
        let errors = self.problems.iter().filter(is_error).map(|problem| {
            format!("line {}, column {}: {}", problem.line(), problem.column(), problem.what())
        });
        let errors = errors.collect::<Vec<_>>();
        if errors.is_empty() {
            return ImageDetail::parse(&self.text, &source);
        }
        Err(ImageDetail::refused(&source, errors))
    }
}

/// Serialises the name as `path`, if there is one, and `problems`.
impl Serialize for DetailDiagnosis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let count = 1 + usize::from(self.name.is_some());
        let mut members = serializer.serialize_struct("DetailDiagnosis", count)?;
        if let Some(name) = &self.name {
            members.serialize_field("path", name)?;
        }
        members.serialize_field("problems", &self.problems)?;
        members.end()
    }
}

/// Adds the flaws of the text.
fn check(text: &str, flaws: &mut Vec<Flaw>) {
    let document = Document::read(text);
    let is_json = document.flaws.is_empty();
    flaws.extend(document.flaws.into_iter().map(|flaw| Flaw { repair: None, ..flaw }));
    let refused = |offset, what: String| Flaw::new(offset, ProblemKind::DetailMember, what);
    match &document.values[..] {
        [Node { value: Value::Object(members), offset, .. }] => {
            check_members(members, *offset, flaws);
        }
        [] if is_json => flaws.push(Flaw::new(0, ProblemKind::EmptyFile, "the file is empty")),
        [node] if is_json => {
            let found = node.value.describe();
            let more = if found == "an array" { ", as in an imagedefinitions.json" } else { "" };
            flaws.push(refused(node.offset, format!("the file is {found}{more}")));
        }
        [_, second, ..] if is_json => {
            flaws.push(refused(second.offset, "another value after the first".to_owned()));
        }
        _ => {}
    }
}

fn check_members(members: &[Member<'_>], object: usize, flaws: &mut Vec<Flaw>) {
    let refused = |offset, what: String| Flaw::new(offset, ProblemKind::DetailMember, what);
    for name in STRINGS {
        if let Some(node) = member(members, name)
            && !matches!(node.value, Value::String(_))
        {
            let what = format!("`{name}` is {}, not a string", node.value.describe());
            flaws.push(refused(node.offset, what));
        }
    }
    if let Some(Node { value: Value::String(text), .. }) = member(members, "ImageDigest")
        // References define the grammar of digests.
        && let Err(wrong) = ImageUri::parse(&format!("image@{}", text.as_str()))
    {
        flaws.extend(wrong.into_iter().map(|flaw| {
            let what = format!("`ImageDigest`: {}", flaw.what);
            Flaw::new(text.offset_of(0), flaw.kind, what)
        }));
    }
    let image = match member(members, "ImageURI") {
        Some(Node { value: Value::String(text), .. }) => match ImageUri::parse(text.as_str()) {
            Ok(image) => image,
            Err(wrong) => {
                let place = |flaw: Flaw| Flaw { offset: text.offset_of(flaw.offset), ..flaw };
                return flaws.extend(wrong.into_iter().map(place));
            }
        },
        Some(_) => return,
        None => {
            let is_meant = |it: &&Member<'_>| it.key.as_str().eq_ignore_ascii_case("ImageURI");
            return flaws.push(match members.iter().find(is_meant) {
                Some(Member { key, .. }) => {
                    let quoted = Quoted(key.as_str());
                    let what = format!("misnamed member {quoted}: expected `ImageURI`");
                    refused(key.offset_of(0) - 1, what)
                }
                None => refused(object, "missing member `ImageURI`".to_owned()),
            });
        }
    };
    let ecr = image.ecr();
    for (name, expected) in [
        ("ImageDigest", image.digest()),
        ("RegistryId", ecr.map(|registry| registry.account())),
        ("RepositoryName", ecr.map(|_| image.path())),
    ] {
        if let (Some(Node { value: Value::String(text), .. }), Some(expected)) =
            (member(members, name), expected)
            && text.as_str() != expected
        {
            let (found, expected) = (Quoted(text.as_str()), Quoted(expected));
            let what = format!("`{name}` is {found}, but `ImageURI` has {expected}");
            flaws.push(Flaw::new(text.offset_of(0), ProblemKind::Contradiction, what));
        }
    }
    if let Some(Node { value: Value::String(text), .. }) = member(members, "ImageSizeInBytes")
        && text.as_str().parse::<u64>().is_err()
    {
        let size = Quoted(text.as_str());
        let what = format!("invalid `ImageSizeInBytes` {size}: expected a number of bytes");
        flaws.push(refused(text.offset_of(0), what));
    }
    if image.digest().is_none()
        && member(members, "ImageDigest").is_none()
        && matches!(image.tag(), None | Some("latest"))
        && let Some(Node { value: Value::String(text), .. }) = member(members, "ImageURI")
    {
        let what =
            format!("{} has no digest and no other tag than `latest`", Quoted(text.as_str()));
        flaws.push(Flaw::new(text.offset_of(0), ProblemKind::Latest, what));
    }
}

/// The members that are strings.
const STRINGS: [&str; 7] = [
    "ImageDigest",
    "ImagePushedAt",
    "ImageSizeInBytes",
    "ImageURI",
    "RegistryId",
    "RepositoryName",
    "Version",
];

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn shown(text: &str) -> Vec<String> {
        let diagnosis = DetailDiagnosis::new(text);
        let place = |it: &Problem| format!("{}:{} {}", it.line(), it.column(), it.what());
        let is_error = diagnosis.problems().iter().any(|it| it.severity() == Severity::Error);
        let problems = diagnosis.problems().iter().map(place).collect();
        // Both readers accept the same files.
        assert_eq!(text.parse::<ImageDetail>().is_err(), is_error, "{text}");
        assert_eq!(diagnosis.into_detail().is_err(), is_error, "{text}");
        problems
    }

    #[test]
    fn each_problem_has_its_place() {
        let image = format!("111122223333.dkr.ecr.us-west-2.amazonaws.com/web@sha256:{HEX}");
        assert_eq!(shown(&format!("\u{feff}{{\"ImageURI\": \"{image}\"}}")), [""; 0]);
        for (text, expected) in [
            ("", vec!["1:1 the file is empty"]),
            ("[]", vec!["1:1 the file is an array, as in an imagedefinitions.json"]),
            ("3", vec!["1:1 the file is a number"]),
            ("{}", vec!["1:1 missing member `ImageURI`"]),
            (
                "{\n \"imageURI\": \"web:1\"}",
                vec!["2:2 misnamed member `imageURI`: expected `ImageURI`"],
            ),
            ("{\"ImageURI\": 1}", vec!["1:14 `ImageURI` is a number, not a string"]),
            ("{\n\"ImageURI\": \"web:\"}", vec!["2:18 the tag is empty"]),
            (
                "{\"ImageURI\": \"web:1\", \"ImageDigest\": \"sha256:1\"}",
                vec!["1:39 `ImageDigest`: the digest has 1 digits instead of 64"],
            ),
            ("{\"ImageURI\": \"web:1\",}", vec!["1:21 trailing comma before the closing `}`"]),
            (
                "{\"ImageSizeInBytes\": \"x\", \"ImageURI\": \"web:1\"}",
                vec!["1:23 invalid `ImageSizeInBytes` `x`: expected a number of bytes"],
            ),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
        let text = format!(
            "{{\"RepositoryName\": \"log\",\n\"RegistryId\": \"1\", \"ImageURI\": \"{image}\"}}"
        );
        assert_eq!(
            shown(&text),
            [
                "1:21 `RepositoryName` is `log`, but `ImageURI` has `web`",
                "2:16 `RegistryId` is `1`, but `ImageURI` has `111122223333`",
            ]
        );
        assert_eq!(
            shown(r#"{"ImageURI": "web"}"#),
            ["1:15 `web` has no digest and no other tag than `latest`"]
        );
        let error = DetailDiagnosis::new("{}").with_name("a.zip:b").into_detail().unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot use `a.zip:b`: line 1, column 1: missing member `ImageURI`"
        );
    }
}
