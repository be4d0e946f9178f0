use std::path::{Path, PathBuf};
use std::{fmt, io};

use crate::definitions::ImageDefinitions;
use crate::file::{self, SAFE_BYTES};
use crate::text::flaw::{Flaw, Quoted, locate};
use crate::text::problem::Problem;

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
            Repr::InvalidRegistry { .. } => ErrorKind::InvalidRegistry,
            Repr::MutableTag { .. } => ErrorKind::MutableTag,
            Repr::NotFound { .. } => ErrorKind::NotFound,
            Repr::NotRepairable { .. } => ErrorKind::NotRepairable,
            Repr::NothingToPromote { .. } => ErrorKind::NothingToPromote,
            Repr::Read { .. } => ErrorKind::Read,
            Repr::SeveralAccounts { .. } => ErrorKind::SeveralAccounts,
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
            | Repr::InvalidImageUri { problems, .. }
            | Repr::NotRepairable { problems, .. } => problems,
            _ => &[],
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

    pub(crate) fn invalid_definitions(subject: String, problems: Vec<Problem>) -> Self {
        Self::new(Repr::InvalidDefinitions { subject, problems })
    }

    pub(crate) fn invalid_image_uri(text: &str, flaws: Vec<Flaw>) -> Self {
        let problems = locate(text, flaws);
        Self::new(Repr::InvalidImageUri { image: text.to_owned(), problems })
    }

    pub(crate) fn invalid_registry(what: String) -> Self {
        Self::new(Repr::InvalidRegistry { what })
    }

    /// With the method by which the image would be taken.
    pub(crate) fn mutable_tag(name: &str, image: &str, method: &'static str) -> Self {
        Self::new(Repr::MutableTag { name: name.to_owned(), image: image.to_owned(), method })
    }

    pub(crate) fn not_found(path: &Path, similar: Vec<String>, source: io::Error) -> Self {
        Self::new(Repr::NotFound { path: path.to_owned(), similar, source })
    }

    pub(crate) fn not_repairable(subject: String, problems: Vec<Problem>) -> Self {
        Self::new(Repr::NotRepairable { subject, problems })
    }

    pub(crate) fn nothing_to_promote(account: Option<&str>) -> Self {
        Self::new(Repr::NothingToPromote { account: account.map(str::to_owned) })
    }

    pub(crate) fn read(what: impl Into<String>, source: io::Error) -> Self {
        Self::new(Repr::Read { what: what.into(), source })
    }

    pub(crate) fn several_accounts<'a>(accounts: impl IntoIterator<Item = &'a str>) -> Self {
        let accounts = accounts.into_iter().map(|account| format!("`{account}`"));
        Self::new(Repr::SeveralAccounts { accounts: accounts.collect::<Vec<_>>().join(" and ") })
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
    #[cfg(feature = "zip")]
    pub(crate) fn in_file(mut self, path: &Path) -> Self {
        if let Repr::InvalidDefinitions { subject, .. } = &mut *self.0 {
            *subject = format!("`{}`", path.display());
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
    /// The account or region of a promotion isn't one, or no registry has such a host. The message
    /// says what has to be corrected.
    InvalidRegistry,
    /// An image without a digest, where one by its tag wasn't asked for. Use the digest, which ECR
    /// and whatever pushed the image can tell, or the method that the message names.
    MutableTag,
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
    /// It isn't certain what the file was meant to say. [`Error::problems`] has those problems for
    /// which there is no certain repair; a person has to look at them.
    NotRepairable,
    /// No image is in a private ECR registry, or in one of the account that was to be promoted
    /// from. Check that it is the right file, and the account.
    NothingToPromote,
    /// The file couldn't be read; the source says why.
    Read,
    /// The images are in registries of several accounts. Say by
    /// [`from_account`](crate::Promotion::from_account) which of them are promoted.
    SeveralAccounts,
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
    #[error("{subject} can't be used:{}", Listed(problems))]
    InvalidDefinitions { subject: String, problems: Vec<Problem> },
    #[error("{} is no image reference for ECS:{}", Quoted(image), Listed(problems))]
    InvalidImageUri { image: String, problems: Vec<Problem> },
    #[error("no images can be promoted there: {what}")]
    InvalidRegistry { what: String },
    #[error(
        "the image {} for the container `{name}` has no digest, and what a tag means can change: \
         use the digest, or {method} to take it nevertheless",
        Quoted(image)
    )]
    MutableTag { name: String, image: String, method: &'static str },
    #[error("there is no file `{}`{}", path.display(), Similar { path, names: similar })]
    NotFound { path: PathBuf, similar: Vec<String>, source: io::Error },
    #[error("{subject} can't be repaired without guessing:{}", Listed(problems))]
    NotRepairable { subject: String, problems: Vec<Problem> },
    #[error("no image is in a private ECR registry{}", OfAccount(account))]
    NothingToPromote { account: Option<String> },
    #[error("can't read {what}")]
    Read { what: String, source: io::Error },
    #[error(
        "the images are in the accounts {accounts}: say by `Promotion::from_account` which of them \
         are promoted"
    )]
    SeveralAccounts { accounts: String },
    #[error("{what}{}", Reasons(reasons))]
    Refused { kind: ErrorKind, what: String, reasons: Vec<String> },
    #[error(
        "the image definitions take {bytes} bytes, and CodePipeline reads 100 KB, which are {SAFE_BYTES} at the least"
    )]
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

struct OfAccount<'a>(&'a Option<String>);

impl fmt::Display for OfAccount<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|account| write!(f, " of the account {}", Quoted(account)))
    }
}

/// The files that were perhaps meant, and the name, where the one that was asked for is nearly it.
struct Similar<'a> {
    path: &'a Path,
    names: &'a [String],
}

impl fmt::Display for Similar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.names.iter().enumerate() {
            let joint = if index == 0 { ", but beside it there is" } else { " and" };
            write!(f, "{joint} `{name}`")?;
        }
        if self.names.is_empty() && file::near_miss(self.path).is_none() {
            return Ok(());
        }
        let expected = ImageDefinitions::FILE_NAME;
        write!(f, "; CodePipeline looks for exactly `{expected}`, unless its action has a FileName")
    }
}
