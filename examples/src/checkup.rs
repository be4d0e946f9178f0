//! The check of a file for CodePipeline: image definitions, an image detail or an artifact zip.

use std::io::{Read as _, stdin};
use std::path::Path;

use imagedefs::artifact::ArtifactReader;
use imagedefs::detail::{DetailDiagnosis, ImageDetail};
use imagedefs::diagnosis::Diagnosis;
use imagedefs::{ImageDefinitions, Problem, ProblemKind, Severity};

use crate::ending::BoxError;
use crate::input::is_stdin;

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
        let result = if is_stdin(path) {
            stdin_content().and_then(|content| Self::of_content(&name, content, file_name))
        } else {
            Self::of_file(path, file_name)
        };
        result.unwrap_or_else(|error| Self::failed(name, "unreadable", &*error))
    }

    fn of_file(path: &Path, file_name: &str) -> Result<Self, BoxError> {
        if base_name(path) == ImageDetail::FILE_NAME {
            return Ok(Self::of_detail(&DetailDiagnosis::read(path)?));
        }
        let diagnosis = Diagnosis::read(path)?;
        if is_zip(&diagnosis) {
            return Self::of_zip(ArtifactReader::open(path)?, file_name);
        }
        // Other files can be checked for the default name, before they get it.
        let is_default = file_name == ImageDefinitions::FILE_NAME;
        let diagnosis = if is_default { diagnosis } else { diagnosis.expect_file_name(file_name) };
        Ok(Self::of_definitions(&diagnosis))
    }

    fn of_content(name: &str, content: Vec<u8>, file_name: &str) -> Result<Self, BoxError> {
        // The content of stdin has no file name that could be wrong.
        let diagnosis = Diagnosis::new(&content).with_name(name);
        if is_zip(&diagnosis) {
            return Self::of_zip(ArtifactReader::from_bytes(content)?, file_name);
        }
        Ok(Self::of_definitions(&diagnosis))
    }

    /// Checks the definitions in a zip, or its image detail if it has no definitions.
    fn of_zip(mut zip: ArtifactReader, file_name: &str) -> Result<Self, BoxError> {
        let has = |zip: &ArtifactReader, wanted: &str| zip.names().any(|it| it == wanted);
        if !has(&zip, file_name) && has(&zip, ImageDetail::FILE_NAME) {
            return Ok(Self::of_detail(&zip.detail_diagnosis()?));
        }
        Ok(Self::of_definitions(&zip.diagnosis(file_name)?))
    }

    fn of_definitions(diagnosis: &Diagnosis) -> Self {
        let report = diagnosis.report().to_string();
        Self::found(diagnosis.name(), &report, diagnosis.problems())
    }

    fn of_detail(diagnosis: &DetailDiagnosis) -> Self {
        let report = diagnosis.report().to_string();
        Self::found(diagnosis.name(), &report, diagnosis.problems())
    }

    fn found(name: Option<&str>, report: &str, problems: &[Problem]) -> Self {
        let name = name.unwrap_or_default().to_owned();
        // Without problems, the report is one line, which doesn't name the file.
        let report = report.trim_end();
        let report =
            if problems.is_empty() { format!("{name}: {report}") } else { report.to_owned() };
        let mut findings: Vec<Finding> = problems.iter().map(Finding::from).collect();
        for finding in &mut findings {
            if finding.kind == kind_name(ProblemKind::FileName) {
                // CodePipeline doesn't find the file.
                finding.severity = Severity::Error;
            }
        }
        Self { name, report, findings }
    }

    /// Whether CodePipeline finds and accepts the file.
    pub fn is_valid(&self) -> bool {
        self.findings.iter().all(|it| it.severity == Severity::Warning)
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

/// More than an artifact for the ECS action needs.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

fn base_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn stdin_content() -> Result<Vec<u8>, BoxError> {
    let mut content = Vec::new();
    let read = stdin().take(MAX_BYTES).read_to_end(&mut content);
    read.map_err(|error| format!("can't read stdin: {error}"))?;
    Ok(content)
}

fn is_zip(diagnosis: &Diagnosis) -> bool {
    diagnosis.problems().iter().any(|it| it.kind() == ProblemKind::ZipFile)
}

/// The name of a kind in JSON and annotations.
fn kind_name(kind: ProblemKind) -> String {
    let name = serde_json::to_value(kind).unwrap_or_default();
    name.as_str().unwrap_or_default().to_owned()
}
