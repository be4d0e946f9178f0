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
            Repr::Refused { kind, .. } => kind,
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
            | Repr::Refused { .. }
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

    /// What the relatives of the image definitions refuse: one clause, and the reasons for it, which
    /// may be none.
    pub(crate) fn refused(
        kind: ErrorKind,
        what: impl Into<String>,
        reasons: impl IntoIterator<Item = String>,
    ) -> Self {
        let reasons = reasons.into_iter().collect();
        Self::new(Repr::Refused { kind, what: what.into(), reasons })
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
    /// The build has failed already, and what it made is not to be deployed. See to its error.
    BuildFailed,
    /// There is a definition for this container already. Insert each once, or
    /// [`merge`](ImageDefinitions::merge) to replace.
    DuplicateContainer,
    /// There is no definition to write, and AWS doesn't document what CodePipeline does with none.
    /// Insert one.
    Empty,
    /// A zip file that can't be read, or not within the limits; or a name that can't be that of a
    /// file in an artifact. The message says what to change.
    InvalidArtifact,
    /// The text isn't a [`ContainerMap`](crate::ContainerMap). The message lists each reason.
    InvalidContainerMap,
    /// The name can't be that of an ECS container. [`Error::problems`] says why; take the name from
    /// the task definition.
    InvalidContainerName,
    /// The text isn't valid image definitions. [`Error::problems`] has each cause and cure.
    InvalidDefinitions,
    /// What CodeBuild says about its build isn't there, or not as CodeBuild writes it. Run the
    /// program in a build, or set the variables that the message names.
    InvalidEnvironment,
    /// The text isn't an event of EventBridge. The message says where.
    InvalidEvent,
    /// The text isn't an `imageDetail.json`, or its members contradict each other. The message
    /// lists each reason.
    InvalidImageDetail,
    /// The text isn't an image reference, or not one that ECS accepts. [`Error::problems`] says
    /// why.
    InvalidImageUri,
    /// A name or a pattern in a [`DeployRule`](crate::DeployRule) that can match nothing, or that
    /// CodePipeline doesn't accept.
    InvalidRule,
    /// The templates of a blue/green deployment don't fit together, or don't fit its action. The
    /// message says what is where.
    InvalidTemplates,
    /// There is no digest to make a reference of, and a tag can come to mean another image. The
    /// message says where the digest is expected.
    NoDigest,
    /// CodeBuild knows no revision of its source. The message says why that may be, and what to
    /// use; it is never `latest`.
    NoRevision,
    /// There is no such file. The message names the files beside it whose names are nearly the
    /// same.
    NotFound,
    /// The file couldn't be read; the source says why.
    Read,
    /// More definitions than fit into the 100 KB that CodePipeline reads. List only the containers
    /// that get a new image.
    TooLarge,
    /// The [`ContainerMap`](crate::ContainerMap) says nothing about a repository. Add it, or
    /// correct the name: the message has the nearest.
    UnknownRepository,
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
    #[error("{what}{}", Reasons(reasons))]
    Refused { kind: ErrorKind, what: String, reasons: Vec<String> },
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

/// Like [`Listed`], for reasons that have no place in a text.
struct Reasons<'a>(&'a [String]);

impl fmt::Display for Reasons<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => Ok(()),
            [reason] => write!(f, ": {reason}"),
            reasons => {
                f.write_str(":")?;
                reasons.iter().try_for_each(|reason| write!(f, "\n  {reason}"))
            }
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
