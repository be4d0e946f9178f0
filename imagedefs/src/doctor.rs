//! The doctor: examines a file, says what is wrong with it, and repairs what is certain.

pub(crate) mod diagnosis;
mod element;
mod encoding;
mod examination;
mod mend;
pub(crate) mod report;

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
    /// Members other than `name` and `imageUri` are ignored; [`Diagnosis`] shows them.
    ///
    /// # Errors
    ///
    /// `InvalidDefinitions` with all that is wrong with the content, `NotFound` with the names of
    /// files beside it that were perhaps meant, `Read`.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        Diagnosis::read(path)?.into_definitions()
    }

    /// Reads to the end of a stream, or to just beyond the size that CodePipeline allows. A
    /// `&mut` reference to a reader will do.
    ///
    /// # Errors
    ///
    /// `InvalidDefinitions` with all that is wrong with the content, `Read`.
    pub fn from_reader(reader: impl Read) -> Result<Self, Error> {
        let cannot_read = |error| Error::read("the image definitions", error);
        Diagnosis::new(file::read_limited(reader).map_err(cannot_read)?).into_definitions()
    }
}

/// Reads what `Display` prints, and any other text of such a file.
///
/// As it reads all that can be printed, it takes an empty array for no definitions. For a file there
/// is [`read`](Self::read), which refuses that.
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
