//! The diagnosis of a file, and its correction.

use std::fmt;
use std::path::Path;

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
    /// The path or the other name of the file.
    name: Option<String>,
    text: String,
}

impl Diagnosis {
    /// Examines the content of a file.
    pub fn new(content: impl AsRef<[u8]>) -> Self {
        Self::examine(content.as_ref(), None)
    }

    /// Examines a file: its content, and whether its name is nearly the name that CodePipeline
    /// looks for. If the action sets `FileName`, use [`expect_file_name`](Self::expect_file_name).
    ///
    /// # Errors
    ///
    /// `NotFound` with similar names in the same folder, `Read`.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let content = file::read_definitions(path)?;
        let mut diagnosis = Self::examine(&content, Some(path.to_string_lossy().into_owned()));
        if let Some(name) = file::near_miss(path) {
            diagnosis.add_file_name(format!("the file is named {}", Quoted(&name)));
        }
        Ok(diagnosis)
    }

    /// Sets the name of the content in reports and errors, such as `stdin` or
    /// `artifact.zip:imagedefinitions.json`. The name does not change the problems.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the name that CodePipeline looks for, which its action has as `FileName`. A file of
    /// another name gets a warning, and a file of this name gets none, even if the name is nearly
    /// `imagedefinitions.json`.
    ///
    /// The last part of the path or the name counts, after the last `/` or `:`. A content without a
    /// name gets no warning.
    ///
    /// ```
    /// use imagedefs::diagnosis::Diagnosis;
    ///
    /// let text = r#"[{"name": "web", "imageUri": "shop/web:1.4.2"}]"#;
    /// let diagnosis = Diagnosis::new(text).with_name("build.zip:a.json").expect_file_name("b.json");
    /// assert_eq!(
    ///     diagnosis.problems()[0].what(),
    ///     "the file is named `a.json`, but CodePipeline looks for `b.json`",
    /// );
    /// ```
    #[must_use]
    pub fn expect_file_name(mut self, file_name: &str) -> Self {
        self.problems.retain(|problem| problem.kind() != ProblemKind::FileName);
        let name = self.name.as_deref().map(base_name).unwrap_or(file_name).to_owned();
        if name != file_name {
            let (name, expected) = (Quoted(&name), Quoted(file_name));
            let what = format!("the file is named {name}, but CodePipeline looks for {expected}");
            self.add_file_name(what);
        }
        self
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
        let mut diagnosis = Self::examine(text.as_bytes(), self.name.clone());
        let is_about_name = |problem: &&Problem| problem.kind() == ProblemKind::FileName;
        if let Some(problem) = self.problems.iter().find(is_about_name) {
            diagnosis.add_file_name(problem.what().to_owned());
        }
        // A repair can make the text too large.
        let errors = diagnosis.errors().cloned().collect::<Vec<_>>();
        if errors.is_empty() {
            Ok(Correction { diagnosis })
        } else {
            Err(Error::not_repairable(self.subject(), errors))
        }
    }

    /// Returns the path of the file, or the name that [`with_name`](Self::with_name) has set.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the text in which lines and columns count.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn examine(content: &[u8], name: Option<String>) -> Self {
        let (examination, text) = Examination::new(content);
        let Examination { definitions, flaws, .. } = examination;
        let repairs = flaws.iter().filter_map(|flaw| flaw.repair.as_ref());
        let edits = repairs.flat_map(|repair| repair.edits.iter().cloned()).collect();
        let problems = locate(&text, flaws);
        Self { definitions, problems, edits, name, text: text.into_owned() }
    }

    /// Adds the problem of the file name behind the others of the whole file.
    fn add_file_name(&mut self, what: String) {
        let is_first = |problem: &&Problem| (problem.line(), problem.column()) == (1, 1);
        let place = self.problems.iter().take_while(is_first).count();
        self.problems.insert(place, Problem::new(ProblemKind::FileName, 1, 1, what, None));
    }

    fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity() == Severity::Error)
    }

    fn subject(&self) -> String {
        match &self.name {
            Some(name) => format!("`{name}`"),
            None => "the image definitions".to_owned(),
        }
    }
}

/// Returns the part of a path or another name that CodePipeline compares.
fn base_name(name: &str) -> &str {
    name.rsplit(['/', '\\', ':']).next().unwrap_or(name)
}

/// Serialises the name as `path`, if there is one, and `problems`.
impl Serialize for Diagnosis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members =
            serializer.serialize_struct("Diagnosis", 1 + usize::from(self.name.is_some()))?;
        if let Some(name) = &self.name {
            members.serialize_field("path", name)?;
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
