//! The diagnosis of a file, and its correction.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::definitions::ImageDefinitions;
use crate::doctor::examination::Examination;
use crate::error::Error;
use crate::file;
use crate::text::edit::{Edit, apply};
use crate::text::flaw::{Quoted, locate};
use crate::text::problem::Problem;
use crate::text::problem_kind::{ProblemKind, Severity};

/// The diagnosis of an `imagedefinitions.json`: all problems of its content, warnings included, and
/// their repairs.
///
/// [`ImageDefinitions::read`] is enough to use a file. This type is for tools that explain one.
///
/// ```
/// use imagedefs::{ProblemKind, Severity};
/// use imagedefs::diagnosis::Diagnosis;
///
/// let diagnosis = Diagnosis::new(r#"{"name": "web", "imageUri": "httpd:latest"}"#);
/// let [problem, warning] = diagnosis.problems() else { panic!() };
/// assert_eq!(problem.kind(), ProblemKind::NotAnArray);
/// assert_eq!(warning.kind(), ProblemKind::Latest);
/// assert_eq!(warning.severity(), Severity::Warning);
///
/// assert_eq!(problem.repair(), Some("the object is put into an array"));
/// let correction = diagnosis.fix()?;
/// assert_eq!(correction.text(), r#"[{"name": "web", "imageUri": "httpd:latest"}]"#);
/// assert_eq!(correction.definitions().len(), 1);
/// # Ok::<(), imagedefs::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Diagnosis {
    definitions: ImageDefinitions,
    problems: Vec<Problem>,
    /// The edits of all repairs.
    edits: Vec<Edit>,
    origin: Origin,
    text: String,
}

impl Diagnosis {
    /// Examines the content of a file.
    pub fn new(content: impl AsRef<[u8]>) -> Self {
        Self::examine(content.as_ref(), Origin::Text)
    }

    /// Examines a file: its content, and whether its name is nearly the name that CodePipeline
    /// looks for.
    ///
    /// # Errors
    ///
    /// `NotFound` with similar names in the same folder, `Read`.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let content = file::read_definitions(path)?;
        Ok(Self::examine(&content, Origin::File(path.to_owned())))
    }

    /// Returns the problems, in the order of the file.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Returns the definitions. Warnings do not prevent this.
    ///
    /// # Errors
    ///
    /// `InvalidDefinitions` with all problems that are errors.
    pub fn into_definitions(mut self) -> Result<ImageDefinitions, Error> {
        self.problems.retain(|problem| problem.severity() == Severity::Error);
        if self.problems.is_empty() {
            Ok(self.definitions)
        } else {
            Err(Error::invalid_definitions(self.subject(), self.problems))
        }
    }

    /// Corrects the errors of the text. The [`repair`](Problem::repair) of each error says how.
    ///
    /// Only the places of errors change. Indentation, order, unknown members and warnings stay as
    /// they are. A text without errors is returned unchanged, so fixing twice is the same as fixing
    /// once. The result is UTF-8 without a byte order mark, and parses without errors.
    ///
    /// An error is repaired if it has only one possible meaning: a definition outside an array, a
    /// missing comma, `imageUrl`. The value of `$TAG`, the right one of two images of a container,
    /// and the rest of a truncated text are uncertain.
    ///
    /// # Errors
    ///
    /// `NotRepairable`, with the problems that have no certain repair.
    pub fn fix(&self) -> Result<Correction, Error> {
        if self.errors().next().is_none() {
            return Ok(Correction { diagnosis: self.clone() });
        }
        let uncertain = self.errors().filter(|problem| problem.repair().is_none());
        let uncertain = uncertain.cloned().collect::<Vec<_>>();
        if !uncertain.is_empty() {
            return Err(Error::not_repairable(self.subject(), uncertain));
        }
        let text = apply(&self.text, &self.edits);
        let diagnosis = Self::examine(text.as_bytes(), self.origin.clone());
        // A repair can make the text too large.
        let errors = diagnosis.errors().cloned().collect::<Vec<_>>();
        if errors.is_empty() {
            Ok(Correction { diagnosis })
        } else {
            Err(Error::not_repairable(self.subject(), errors))
        }
    }

    /// Returns the path if the content is from a file.
    pub(crate) fn path(&self) -> Option<&Path> {
        match &self.origin {
            Origin::File(path) => Some(path),
            Origin::Text => None,
        }
    }

    /// Returns the text in which lines and columns count.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn examine(content: &[u8], origin: Origin) -> Self {
        let (mut examination, text) = Examination::new(content);
        if let Origin::File(path) = &origin
            && let Some(name) = file::near_miss(path)
        {
            let what = format!("the file is named {}", Quoted(&name));
            examination.flaw(0, ProblemKind::FileName, what);
        }
        let Examination { definitions, flaws, .. } = examination;
        let repairs = flaws.iter().filter_map(|flaw| flaw.repair.as_ref());
        let edits = repairs.flat_map(|repair| repair.edits.iter().cloned()).collect();
        let problems = locate(&text, flaws);
        Self { definitions, problems, edits, origin, text: text.into_owned() }
    }

    fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity() == Severity::Error)
    }

    fn subject(&self) -> String {
        match self.path() {
            Some(path) => format!("`{}`", path.display()),
            None => "the image definitions".to_owned(),
        }
    }
}

/// Serialises `path`, if the content is from a file, and `problems`.
impl Serialize for Diagnosis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let path = self.path().map(Path::to_string_lossy);
        let mut members =
            serializer.serialize_struct("Diagnosis", 1 + usize::from(path.is_some()))?;
        if let Some(path) = path {
            members.serialize_field("path", &path)?;
        }
        members.serialize_field("problems", &self.problems)?;
        members.end()
    }
}

/// The corrected text, and its remaining warnings. See [`Diagnosis::fix`].
#[derive(Clone, Debug)]
pub struct Correction {
    /// This diagnosis has no errors.
    diagnosis: Diagnosis,
}

impl Correction {
    /// Returns the corrected text.
    pub fn text(&self) -> &str {
        &self.diagnosis.text
    }

    /// Returns the diagnosis of the corrected text, which has only warnings.
    pub fn diagnosis(&self) -> &Diagnosis {
        &self.diagnosis
    }

    /// Converts to the diagnosis of the corrected text.
    pub fn into_diagnosis(self) -> Diagnosis {
        self.diagnosis
    }

    /// Returns the definitions in the corrected text.
    pub fn definitions(&self) -> &ImageDefinitions {
        &self.diagnosis.definitions
    }

    /// Writes the corrected text in one step, as [`ImageDefinitions::write`] does, for example to
    /// the file that it was read from.
    ///
    /// # Errors
    ///
    /// `Write`.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        file::write(path.as_ref(), self.text().as_bytes())
    }
}

/// Prints the corrected text.
impl fmt::Display for Correction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

#[derive(Clone, Debug)]
enum Origin {
    File(PathBuf),
    Text,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::reader::COUNT;

    /// The steps of a doctor run: read, fix, write, report.
    #[test]
    fn a_run_of_the_doctor_reads_the_text_and_the_corrected_text_once_each() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("imagedefinitions.json");
        for (text, count) in [
            (r#"{"name": "web\r\n", "imageUrl": "web:1"}{"name": "log", "imageUri": "log:1"}"#, 2),
            (r#"[{"name": "web", "imageUri": "web:latest"}]"#, 1),
            (r#"[{"name": "web", "imageUri": "web:$TAG"}]"#, 1),
        ] {
            std::fs::write(&path, text).unwrap();
            let before = COUNT.get();
            let diagnosis = Diagnosis::read(&path).unwrap();
            let _ = diagnosis.report().to_string();
            if let Ok(correction) = diagnosis.fix() {
                correction.write(&path).unwrap();
                let _ = correction.diagnosis().report().to_string();
                let _ = correction.definitions().to_string();
                correction.into_diagnosis().into_definitions().unwrap();
            }
            assert_eq!(COUNT.get() - before, count, "{text}");
        }
    }
}
