//! The check of a file for CodePipeline: image definitions, an image detail or an artifact zip.

use std::fs::File;
use std::io::{Read as _, stdin};
use std::path::Path;

use imagedefs::artifact::ArtifactReader;
use imagedefs::detail::ImageDetail;
use imagedefs::diagnosis::Diagnosis;
use imagedefs::{ImageDefinitions, Problem, ProblemKind, Severity};

use crate::ending::BoxError;

/// The result of a check.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "the programs of this folder are its only users")]
pub struct Checkup {
    /// The path, `stdin`, or `ZIP:NAME` for a file in a zip.
    pub name: String,
    /// The text for people.
    pub report: String,
    /// The problems, errors before they are repaired included.
    pub findings: Vec<Finding>,
}

/// A problem of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "the programs of this folder are its only users")]
pub struct Finding {
    /// The line and the column, from 1, if the problem has a place.
    pub place: Option<(usize, usize)>,
    /// Whether CodePipeline or ECS would refuse the file.
    pub severity: Severity,
    /// The kind of problem, such as `missingComma`.
    pub kind: String,
    /// The problem in one clause.
    pub message: String,
    /// The usual cause.
    pub cause: Option<&'static str>,
    /// The fix.
    pub cure: Option<&'static str>,
    /// The error message of CodePipeline or ECS.
    pub aws_message: Option<&'static str>,
    /// The certain repair.
    pub repair: Option<&'static str>,
}

impl Checkup {
    /// Checks a file; `-` is stdin. `file_name` is the name that the ECS action looks for.
    pub fn new(path: &Path, file_name: &str) -> Self {
        let name = if is_stdin(path) { "stdin".to_owned() } else { path.display().to_string() };
        let result = match read(path) {
            Err(error) => Err(error),
            Ok(content) if content.starts_with(ZIP) => artifact(&name, content, file_name),
            Ok(content) if base_name(path) == ImageDetail::FILE_NAME => {
                Ok(image_detail(&name, &content))
            }
            Ok(content) => Ok(definitions(path, name.clone(), &content, file_name)),
        };
        result.unwrap_or_else(|error| Self::failed(name, "unreadable", &*error))
    }

    /// Whether CodePipeline finds and accepts the file.
    pub fn is_valid(&self) -> bool {
        self.findings.iter().all(|it| it.severity == Severity::Warning)
    }

    fn valid(name: String, what: &str) -> Self {
        let report = format!("{name}: {what}");
        Self { name, report, findings: Vec::new() }
    }

    fn failed(name: String, kind: &str, error: &(dyn std::error::Error + Send + Sync)) -> Self {
        let message = error.to_string();
        let report = format!("{name}: error: {message}");
        Self { name, report, findings: vec![Finding::error(kind, message)] }
    }
}

impl Finding {
    fn error(kind: &str, message: String) -> Self {
        Self {
            place: None,
            severity: Severity::Error,
            kind: kind.to_owned(),
            message,
            cause: None,
            cure: None,
            aws_message: None,
            repair: None,
        }
    }
}

impl From<&Problem> for Finding {
    fn from(problem: &Problem) -> Self {
        Self {
            place: Some((problem.line(), problem.column())),
            severity: problem.severity(),
            kind: kind_name(problem.kind()),
            message: problem.what().to_owned(),
            cause: Some(problem.cause()),
            cure: Some(problem.cure()),
            aws_message: problem.aws_message(),
            repair: problem.repair(),
        }
    }
}

/// The first bytes of a zip file with entries.
const ZIP: &[u8] = b"PK\x03\x04";

/// More than CodePipeline accepts, so that an oversized file is reported as one.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

fn base_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn read(path: &Path) -> Result<Vec<u8>, BoxError> {
    let mut content = Vec::new();
    if is_stdin(path) {
        stdin()
            .take(MAX_BYTES)
            .read_to_end(&mut content)
            .map_err(|error| format!("can't read stdin: {error}"))?;
        return Ok(content);
    }
    match File::open(path) {
        Ok(file) => file
            .take(MAX_BYTES)
            .read_to_end(&mut content)
            .map_err(|error| format!("can't read the file: {error}"))?,
        // The library names the similar files beside a missing one.
        Err(_) => return Diagnosis::read(path).map(|_| content).map_err(Into::into),
    };
    Ok(content)
}

fn definitions(path: &Path, name: String, content: &[u8], file_name: &str) -> Checkup {
    let is_default = file_name == ImageDefinitions::FILE_NAME;
    let is_misnamed = !is_default && !is_stdin(path) && base_name(path) != file_name;
    // With another name for the action, the library's warning about the file name is wrong.
    let with_path = if is_default && !is_stdin(path) { Diagnosis::read(path).ok() } else { None };
    let has_path = with_path.is_some();
    let diagnosis = with_path.unwrap_or_else(|| Diagnosis::new(content));
    let mut findings: Vec<Finding> = diagnosis.problems().iter().map(Finding::from).collect();
    for finding in &mut findings {
        if finding.kind == kind_name(ProblemKind::FileName) {
            // CodePipeline doesn't find the file.
            finding.severity = Severity::Error;
        }
    }
    // The report ends with a line break.
    let text = diagnosis.report().to_string().trim_end().to_owned();
    let mut report = if has_path { text } else { format!("{name}:\n{text}") };
    if is_misnamed {
        let message =
            format!("CodePipeline looks for `{file_name}`, not for `{}`", base_name(path));
        report = format!("{name}: error: {message}\n{report}");
        findings.push(Finding::error("fileName", message));
    }
    Checkup { name, report, findings }
}

fn image_detail(name: &str, content: &[u8]) -> Checkup {
    let parsed = String::from_utf8_lossy(content).parse::<ImageDetail>();
    match parsed.and_then(|it| it.image_uri()) {
        Ok(image) => {
            let what = format!("no error: the image detail of {}", image.as_str());
            Checkup::valid(name.to_owned(), &what)
        }
        Err(error) => Checkup::failed(name.to_owned(), "invalidImageDetail", &error),
    }
}

/// Checks the definitions in a zip, or its image detail if it has no definitions.
fn artifact(name: &str, content: Vec<u8>, file_name: &str) -> Result<Checkup, BoxError> {
    let mut zip = ArtifactReader::from_bytes(content)?;
    let has = |zip: &ArtifactReader, wanted: &str| zip.names().any(|it| it == wanted);
    if !has(&zip, file_name) && has(&zip, ImageDetail::FILE_NAME) {
        let content = zip.read(ImageDetail::FILE_NAME, IN_ZIP)?;
        return Ok(image_detail(&format!("{name}:{}", ImageDetail::FILE_NAME), &content));
    }
    let content = zip.read(file_name, IN_ZIP)?;
    let diagnosis = Diagnosis::new(&content);
    let name = format!("{name}:{file_name}");
    let report = format!("{name}:\n{}", diagnosis.report().to_string().trim_end());
    let findings = diagnosis.problems().iter().map(Finding::from).collect();
    Ok(Checkup { name, report, findings })
}

/// More than CodePipeline accepts of definitions, so that the report can say so.
const IN_ZIP: usize = 1024 * 1024;

/// The name of a kind in JSON and annotations.
fn kind_name(kind: ProblemKind) -> String {
    let name = serde_json::to_value(kind).unwrap_or_default();
    name.as_str().unwrap_or_default().to_owned()
}
