use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::definitions::ImageDefinitions;
use crate::doctor::examination::Examination;
use crate::doctor::report::Report;
use crate::error::Error;
use crate::file;
use crate::text::edit;
use crate::text::flaw::{Flaw, Quoted, locate};
use crate::text::problem::{Problem, ProblemKind, Severity};

/// All that there is to say about the content of an `imagedefinitions.json`, warnings included, and
/// what can be repaired of it.
///
/// [`ImageDefinitions::read`] is enough to use a file. This is for tools that explain one.
///
/// ```
/// use imagedefs::{Diagnosis, ProblemKind, Severity};
///
/// let diagnosis = Diagnosis::of(r#"{"name": "web", "imageUri": "httpd:latest"}"#);
/// let [problem, warning] = diagnosis.problems() else { panic!() };
/// assert_eq!(problem.kind(), ProblemKind::NotAnArray);
/// assert_eq!(warning.kind(), ProblemKind::Latest);
/// assert_eq!(warning.severity(), Severity::Warning);
///
/// assert_eq!(problem.repair(), Some("it is put into an array"));
/// let fixed = diagnosis.fix()?;
/// assert_eq!(fixed, r#"[{"name": "web", "imageUri": "httpd:latest"}]"#);
/// assert_eq!(Diagnosis::of(fixed).into_definitions()?.len(), 1);
/// # Ok::<(), imagedefs::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Diagnosis {
    definitions: ImageDefinitions,
    problems: Vec<Problem>,
    origin: Origin,
    text: String,
}

impl Diagnosis {
    /// Examines the content of a file.
    pub fn of(content: impl AsRef<[u8]>) -> Self {
        Self::examine(content.as_ref(), Origin::Text)
    }

    /// Examines a file: its content, and whether its name is nearly the one that CodePipeline looks
    /// for.
    ///
    /// # Errors
    ///
    /// `NotFound` with the names of files beside it that were perhaps meant, `Read`.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let cannot_read = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Error::not_found(path, file::similar_names(path), error),
            _ => Error::read(format!("`{}`", path.display()), error),
        };
        let file = File::open(path).map_err(cannot_read)?;
        let content = file::read_limited(file).map_err(cannot_read)?;
        Ok(Self::examine(&content, Origin::File(path.to_owned())))
    }

    /// What was found, in the order of the file.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// For people: each problem with its line, a caret below the place, cause and cure, what AWS
    /// would say and what [`fix`](Self::fix) would do.
    pub fn report(&self) -> Report<'_> {
        Report::new(self)
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
            Err(Error::invalid_definitions(self.subject(), self.problems))
        }
    }

    /// The text of the file, repaired. Each error's [`repair`](Problem::repair) says what was done
    /// about it.
    ///
    /// Only the places of errors are changed: indentation, order and members that aren't known stay
    /// as they are, and what are warnings too. Where there is no error, the text is returned as it
    /// is, so that repairing twice is the same as once. The result is UTF-8, has no byte order mark,
    /// and can be parsed.
    ///
    /// Certain is what can have only one meaning: a definition that isn't in an array, a comma that
    /// is missing, `imageUrl`. Not certain is what to put for `$TAG`, which of two images of one
    /// container is the right one, or where a text that was cut off went on.
    ///
    /// # Errors
    ///
    /// `NotRepairable`, with the problems that have no certain repair.
    pub fn fix(&self) -> Result<String, Error> {
        let uncertain = self.errors().filter(|problem| problem.repair().is_none());
        let uncertain = uncertain.cloned().collect::<Vec<_>>();
        if !uncertain.is_empty() {
            return Err(Error::not_repairable(self.subject(), uncertain));
        }

        let mut text = self.text.clone();
        for _ in 0..edit::LAYERS {
            let flaws = Examination::of_text(&text).flaws;
            let repairs = flaws.iter().filter_map(|flaw| flaw.repair.as_ref());
            let Some(repaired) = edit::apply(&text, repairs) else { break };
            text = repaired;
        }
        // What the repairs have made too large, say, is none that was repaired.
        let errors = Self::of(&text).errors().cloned().collect::<Vec<_>>();
        if !errors.is_empty() {
            return Err(Error::not_repairable(self.subject(), errors));
        }
        Ok(text)
    }

    /// Writes the repaired text in one step, as [`ImageDefinitions::write`] does: to the file that it
    /// was read from, say.
    ///
    /// # Errors
    ///
    /// `NotRepairable`, and then nothing is written; `Write`.
    pub fn write_fixed(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let text = self.fix()?;
        file::replace(path, |file| file.write_all(text.as_bytes()))
            .map_err(|error| Error::write(format!("`{}`", path.display()), error))
    }

    /// Where the content is from, if that is a file.
    pub(crate) fn path(&self) -> Option<&Path> {
        match &self.origin {
            Origin::File(path) => Some(path),
            Origin::Text => None,
        }
    }

    /// The text that lines and columns count in.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn examine(content: &[u8], origin: Origin) -> Self {
        let (mut examination, text) = Examination::of(content);
        if let Origin::File(path) = &origin
            && let Some(name) = file::near_miss(path)
        {
            let what = format!("the file is called {}", Quoted(&name));
            examination.flaws.push(Flaw::new(0, ProblemKind::FileName, what));
        }
        let problems = locate(&text, examination.flaws);
        Self { definitions: examination.definitions, problems, origin, text: text.into_owned() }
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

#[derive(Clone, Debug)]
enum Origin {
    File(PathBuf),
    Text,
}
