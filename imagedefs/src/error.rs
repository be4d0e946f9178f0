use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use crate::{
    definitions::ImageDefinitions,
    file::MAX_BYTES,
    flaw::{Flaw, Quoted, locate},
    problem::Problem,
};

/// Why a file, a name or a reference was refused, or why a file couldn't be read or written.
///
/// [`kind`](Self::kind) is for programs; `Display` is for people, and lists all
/// [`problems`](Self::problems), one on each line.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Repr>);

impl Error {
    /// What went wrong, to be matched.
    pub fn kind(&self) -> ErrorKind {
        match *self.0 {
            Repr::DuplicateContainer { .. } => ErrorKind::DuplicateContainer,
            Repr::Empty => ErrorKind::Empty,
            Repr::InvalidContainerName { .. } => ErrorKind::InvalidContainerName,
            Repr::InvalidDefinitions { .. } => ErrorKind::InvalidDefinitions,
            Repr::InvalidImageUri { .. } => ErrorKind::InvalidImageUri,
            Repr::NotFound { .. } => ErrorKind::NotFound,
            Repr::Read { .. } => ErrorKind::Read,
            Repr::TooLarge { .. } => ErrorKind::TooLarge,
            Repr::Write { .. } => ErrorKind::Write,
        }
    }

    /// All that is wrong with the text, in its order. Empty where it isn't about a text.
    pub fn problems(&self) -> &[Problem] {
        match &*self.0 {
            Repr::InvalidContainerName { problems, .. }
            | Repr::InvalidDefinitions { problems, .. }
            | Repr::InvalidImageUri { problems, .. } => problems,
            Repr::DuplicateContainer { .. }
            | Repr::Empty
            | Repr::NotFound { .. }
            | Repr::Read { .. }
            | Repr::TooLarge { .. }
            | Repr::Write { .. } => &[],
        }
    }

    pub(crate) fn duplicate_container(name: &str, image: &str) -> Self {
        Self::new(Repr::DuplicateContainer { name: name.to_owned(), image: image.to_owned() })
    }

    pub(crate) fn empty() -> Self {
        Self::new(Repr::Empty)
    }

    pub(crate) fn invalid_container_name(text: &str, flaws: Vec<Flaw>) -> Self {
        let problems = locate(text, flaws);
        Self::new(Repr::InvalidContainerName { name: text.to_owned(), problems })
    }

    pub(crate) fn invalid_definitions(problems: Vec<Problem>) -> Self {
        let source = "the image definitions".to_owned();
        Self::new(Repr::InvalidDefinitions { source_name: source, problems })
    }

    pub(crate) fn invalid_image_uri(text: &str, flaws: Vec<Flaw>) -> Self {
        let problems = locate(text, flaws);
        Self::new(Repr::InvalidImageUri { image: text.to_owned(), problems })
    }

    pub(crate) fn not_found(path: &Path, similar: Vec<String>, source: io::Error) -> Self {
        Self::new(Repr::NotFound { path: path.to_owned(), similar, source })
    }

    pub(crate) fn read(what: impl Into<String>, source: io::Error) -> Self {
        Self::new(Repr::Read { what: what.into(), source })
    }

    pub(crate) fn too_large(bytes: usize) -> Self {
        Self::new(Repr::TooLarge { bytes })
    }

    pub(crate) fn write(what: impl Into<String>, source: io::Error) -> Self {
        Self::new(Repr::Write { what: what.into(), source })
    }

    /// Names the file that the definitions came from.
    pub(crate) fn in_file(mut self, path: &Path) -> Self {
        if let Repr::InvalidDefinitions { source_name, .. } = &mut *self.0 {
            *source_name = format!("`{}`", path.display());
        }
        self
    }

    fn new(repr: Repr) -> Self {
        Self(Box::new(repr))
    }
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is a definition for this container already. Insert each once, or
    /// [`merge`](ImageDefinitions::merge) to replace.
    DuplicateContainer,
    /// There is no definition to write, and AWS doesn't document what CodePipeline does with none.
    /// Insert one.
    Empty,
    /// The name can't be that of an ECS container. [`Error::problems`] says why; take the name from
    /// the task definition.
    InvalidContainerName,
    /// The text isn't valid image definitions. [`Error::problems`] has each cause and cure.
    InvalidDefinitions,
    /// The text isn't an image reference, or not one that ECS accepts. [`Error::problems`] says
    /// why.
    InvalidImageUri,
    /// There is no such file. The message names the files beside it whose names are nearly the
    /// same.
    NotFound,
    /// The file couldn't be read; the source says why.
    Read,
    /// More definitions than fit into the 100 KB that CodePipeline reads. List only the containers
    /// that get a new image.
    TooLarge,
    /// The file couldn't be written; the source says why. What was there before is still there.
    Write,
}

#[derive(Debug, thiserror::Error)]
enum Repr {
    #[error("the container `{name}` already has the image `{image}`")]
    DuplicateContainer { name: String, image: String },
    #[error("there are no image definitions to write")]
    Empty,
    #[error("{} is no name of a container:{}", Quoted(name), Listed(problems))]
    InvalidContainerName { name: String, problems: Vec<Problem> },
    #[error("{source_name} can't be used:{}", Listed(problems))]
    InvalidDefinitions { source_name: String, problems: Vec<Problem> },
    #[error("{} is no image reference for ECS:{}", Quoted(image), Listed(problems))]
    InvalidImageUri { image: String, problems: Vec<Problem> },
    #[error("there is no file `{}`{}", path.display(), Similar(similar))]
    NotFound { path: PathBuf, similar: Vec<String>, source: io::Error },
    #[error("can't read {what}")]
    Read { what: String, source: io::Error },
    #[error("the image definitions take {bytes} bytes, and CodePipeline reads at most {MAX_BYTES}")]
    TooLarge { bytes: usize },
    #[error("can't write {what}")]
    Write { what: String, source: io::Error },
}

/// One problem goes on in the same line, several have a line each.
struct Listed<'a>(&'a [Problem]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [problem] => write!(f, " {problem}"),
            problems => problems.iter().try_for_each(|problem| write!(f, "\n  {problem}")),
        }
    }
}

/// The files that were perhaps meant.
struct Similar<'a>(&'a [String]);

impl fmt::Display for Similar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, others @ ..] = self.0 else {
            return Ok(());
        };
        write!(f, ", but beside it there is `{first}`")?;
        others.iter().try_for_each(|other| write!(f, " and `{other}`"))?;
        let expected = ImageDefinitions::FILE_NAME;
        write!(f, "; CodePipeline looks for exactly `{expected}`, unless its action has a FileName")
    }
}
