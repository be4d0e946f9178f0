//! The doctor: examines a file, explains its problems, and repairs those with one possible meaning.

pub(crate) mod diagnosis;
mod element;
pub(crate) mod encoding;
mod examination;
mod mend;
mod recognition;
pub(crate) mod report;
mod wrapping;

use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use crate::definitions::ImageDefinitions;
use crate::doctor::diagnosis::Diagnosis;
use crate::error::Error;
use crate::file;
use crate::text::problem::Problem;
use crate::text::problem_kind::ProblemKind;

impl ImageDefinitions {
    /// Reads a file.
    ///
    /// Members other than `name` and `imageUri` are ignored;
    /// [`Diagnosis`](crate::diagnosis::Diagnosis) shows them.
    ///
    /// # Errors
    ///
    /// `InvalidDefinitions` with all problems of the content, `NotFound` with similar names in the
    /// same folder, `Read`.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        Diagnosis::read(path)?.into_definitions()
    }

    /// Reads to the end of a stream, or to just beyond the size that CodePipeline allows. A `&mut`
    /// reference to a reader works too.
    ///
    /// # Errors
    ///
    /// `InvalidDefinitions` with all problems of the content, `Read`.
    pub fn from_reader(reader: impl Read) -> Result<Self, Error> {
        let cannot_read = |error| Error::read("the image definitions", error);
        Diagnosis::new(file::read_limited(reader).map_err(cannot_read)?).into_definitions()
    }
}

/// Reads the text that `Display` prints, and any other text of such a file.
///
/// An empty array is read as empty definitions, because `Display` prints them that way. Use
/// [`read`](Self::read) for a file, which refuses an empty array.
impl FromStr for ImageDefinitions {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let definitions = Diagnosis::new(text).into_definitions();
        match &definitions {
            Err(error) if is_empty_array(error.problems()) => Ok(Self::new()),
            _ => definitions,
        }
    }
}

fn is_empty_array(problems: &[Problem]) -> bool {
    matches!(problems, [problem] if problem.kind() == ProblemKind::EmptyArray)
}
