//! The error of this crate.

pub(crate) mod kind;

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::error::kind::ErrorKind;
use crate::text::flaw::{Flaw, Quoted, locate};
use crate::text::outside::Outside;
use crate::text::problem::Problem;

/// The reason why a file, a name or a reference was refused, or why a file could not be read or
/// written.
///
/// [`kind`](Self::kind) is for programs. `Display` is for people, and lists the
/// [`problems`](Self::problems), each on its own line, up to 50 of them.
///
/// Text from a file, an event or the environment is safe to print: control characters are escaped,
/// long text is cut, and it cannot give commands to a CI runner.
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Repr>);

impl Error {
    /// Returns what went wrong, for a program to match on.
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
            Repr::Refused { kind, .. } => kind,
            Repr::SeveralAccounts { .. } => ErrorKind::SeveralAccounts,
            Repr::TooLarge { .. } => ErrorKind::TooLarge,
            Repr::Write { .. } => ErrorKind::Write,
        }
    }

    /// Returns all that is wrong with the text, in its order. Empty if the error is not about a
    /// text.
    pub fn problems(&self) -> &[Problem] {
        match &*self.0 {
            Repr::InvalidContainerName { problems, .. }
            | Repr::InvalidDefinitions { problems, .. }
            | Repr::InvalidImageUri { problems, .. }
            | Repr::NotRepairable { problems, .. } => problems,
            _ => &[],
        }
    }

    /// Returns the container that the error is about, as it was given: for `DuplicateContainer`,
    /// `InvalidContainerName` and `MutableTag`.
    pub fn container(&self) -> Option<&str> {
        match &*self.0 {
            Repr::DuplicateContainer { name, .. }
            | Repr::InvalidContainerName { name, .. }
            | Repr::MutableTag { name, .. } => Some(name),
            _ => None,
        }
    }

    /// Returns the image that the error is about, as it was given: the image of the container for
    /// `DuplicateContainer`, the refused one for `InvalidImageUri` and `MutableTag`.
    pub fn image(&self) -> Option<&str> {
        match &*self.0 {
            Repr::DuplicateContainer { image, .. }
            | Repr::InvalidImageUri { image, .. }
            | Repr::MutableTag { image, .. } => Some(image),
            _ => None,
        }
    }

    /// Returns the accounts to choose from, for `SeveralAccounts`, in alphabetical order. Empty for
    /// other errors.
    pub fn accounts(&self) -> &[String] {
        match &*self.0 {
            Repr::SeveralAccounts { accounts } => accounts,
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

    /// `method` is the method that would accept the image.
    pub(crate) fn mutable_tag(name: &str, image: &str, method: &'static str) -> Self {
        Self::new(Repr::MutableTag { name: name.to_owned(), image: image.to_owned(), method })
    }

    /// `similar` are the similar names in the same folder. `expected` is the name that CodePipeline
    /// looks for, if one of the names is nearly that.
    pub(crate) fn not_found(
        path: &Path,
        similar: Vec<String>,
        expected: Option<&'static str>,
        source: io::Error,
    ) -> Self {
        Self::new(Repr::NotFound { path: path.to_owned(), similar, expected, source })
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
        let accounts = accounts.into_iter().map(str::to_owned).collect();
        Self::new(Repr::SeveralAccounts { accounts })
    }

    /// An error about a document other than image definitions: one clause, and any number of
    /// reasons.
    pub(crate) fn refused(
        kind: ErrorKind,
        what: impl Into<String>,
        reasons: impl IntoIterator<Item = String>,
    ) -> Self {
        let reasons = reasons.into_iter().collect();
        Self::new(Repr::Refused { kind, what: what.into(), reasons })
    }

    pub(crate) fn too_large(bytes: usize, limit: usize) -> Self {
        Self::new(Repr::TooLarge { bytes, limit })
    }

    pub(crate) fn write(what: impl Into<String>, source: io::Error) -> Self {
        Self::new(Repr::Write { what: what.into(), source })
    }

    /// Sets the file that the definitions came from.
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

/// Prints kind, message and source. The text is quoted as in `Display`, because a program whose
/// `main` returns an error prints it in this way.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Error");
        fields.field("kind", &self.kind()).field("message", &format_args!("{self}"));
        if let Some(source) = self.source() {
            fields.field("source", &source);
        }
        fields.finish()
    }
}

/// Serialises `kind`, `message`, `causes` (the messages of the sources, the nearest first),
/// `problems` and `retryable`. `retryable` is always `false`, because this crate calls no service.
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (mut causes, mut source) = (Vec::new(), self.source());
        while let Some(error) = source {
            causes.push(error.to_string());
            source = error.source();
        }
        let mut members = serializer.serialize_struct("Error", 5)?;
        members.serialize_field("kind", &self.kind())?;
        members.serialize_field("message", &self.to_string())?;
        members.serialize_field("causes", &causes)?;
        members.serialize_field("problems", self.problems())?;
        members.serialize_field("retryable", &false)?;
        members.end()
    }
}

#[derive(Debug, thiserror::Error)]
enum Repr {
    #[error("the container {} already has the image {}", Quoted(name), Whole(image))]
    DuplicateContainer { name: String, image: String },
    #[error("no image definitions to write: insert one first")]
    Empty,
    #[error("invalid container name {}:{}", Quoted(name), ProblemList(problems))]
    InvalidContainerName { name: String, problems: Vec<Problem> },
    #[error("cannot use {}:{}", Outside::new(subject), ProblemList(problems))]
    InvalidDefinitions { subject: String, problems: Vec<Problem> },
    #[error("invalid image reference {}:{}", Quoted(image), ProblemList(problems))]
    InvalidImageUri { image: String, problems: Vec<Problem> },
    #[error("invalid promotion target: {}", Outside::new(what))]
    InvalidRegistry { what: String },
    #[error(
        "the image {} of the container {} has no digest, and a tag can move to another \
         image: use the digest, or allow the tag with {method}",
        Quoted(image),
        Quoted(name)
    )]
    MutableTag { name: String, image: String, method: &'static str },
    #[error(
        "file {} not found{}",
        Whole(&path.to_string_lossy()),
        NameHint { similar, expected: *expected }
    )]
    NotFound {
        path: PathBuf,
        similar: Vec<String>,
        expected: Option<&'static str>,
        source: io::Error,
    },
    #[error("cannot repair {} without guessing:{}", Outside::new(subject), ProblemList(problems))]
    NotRepairable { subject: String, problems: Vec<Problem> },
    #[error("nothing to promote: no image is in a private ECR registry{}", AccountSuffix(account))]
    NothingToPromote { account: Option<String> },
    #[error("cannot read {}", Outside::new(what))]
    Read { what: String, source: io::Error },
    #[error("{}{}", Outside::new(what), ReasonList(reasons))]
    Refused { kind: ErrorKind, what: String, reasons: Vec<String> },
    #[error(
        "the images are in the accounts {}: choose one with `Promotion::from_account`",
        AccountList(accounts)
    )]
    SeveralAccounts { accounts: Vec<String> },
    #[error(
        "the image definitions have {bytes} bytes, more than the {limit} that CodePipeline reads \
         (100 KB): list only containers that get a new image"
    )]
    TooLarge { bytes: usize, limit: usize },
    #[error("cannot write {}", Outside::new(what))]
    Write { what: String, source: io::Error },
}

/// One problem stays on the line, several get a line each.
struct ProblemList<'a>(&'a [Problem]);

impl fmt::Display for ProblemList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [problem] => write!(f, " {problem}"),
            problems => write_lines(f, problems.iter()),
        }
    }
}

/// Prints a line for each item, up to [`MAX_LINES`]: a hostile text can have as many problems as
/// bytes.
fn write_lines(
    f: &mut fmt::Formatter<'_>,
    mut items: impl ExactSizeIterator<Item = impl fmt::Display>,
) -> fmt::Result {
    items.by_ref().take(MAX_LINES).try_for_each(|item| write!(f, "\n  {item}"))?;
    match items.len() {
        0 => Ok(()),
        more => write!(f, "\n  … and {more} more"),
    }
}

const MAX_LINES: usize = 50;

/// Like [`ProblemList`], for reasons without a place in a text.
struct ReasonList<'a>(&'a [String]);

impl fmt::Display for ReasonList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => Ok(()),
            [reason] => write!(f, ": {}", Outside::new(reason)),
            reasons => {
                f.write_str(":")?;
                write_lines(f, reasons.iter().map(Outside::new))
            }
        }
    }
}

struct AccountList<'a>(&'a [String]);

impl fmt::Display for AccountList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, account) in self.0.iter().enumerate() {
            let joint = if index == 0 { "" } else { " and " };
            write!(f, "{joint}{}", Quoted(account))?;
        }
        Ok(())
    }
}

/// A name in backquotes, like [`Quoted`], but only cut if it is very long.
struct Whole<'a>(&'a str);

impl fmt::Display for Whole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", Outside::new(self.0))
    }
}

struct AccountSuffix<'a>(&'a Option<String>);

impl fmt::Display for AccountSuffix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|account| write!(f, " of the account {}", Quoted(account)))
    }
}

/// The similar files, and the name that CodePipeline looks for.
struct NameHint<'a> {
    similar: &'a [String],
    expected: Option<&'static str>,
}

impl fmt::Display for NameHint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.similar.iter().enumerate() {
            let joint = if index == 0 { ": the folder has" } else { " and" };
            write!(f, "{joint} {}", Whole(name))?;
        }
        let Some(expected) = self.expected else { return Ok(()) };
        write!(
            f,
            "; CodePipeline looks for exactly `{expected}`, unless its action sets `FileName`"
        )
    }
}
