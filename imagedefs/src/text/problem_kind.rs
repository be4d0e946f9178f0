//! The kinds of problems, and how much each matters.

use serde::Serialize;

/// How much a [`Problem`](crate::Problem) matters. An error is greater than a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
// In the order of `Ord`.
pub enum Severity {
    /// Legal, and probably not what was meant. Shown by [`Diagnosis`](crate::diagnosis::Diagnosis) only.
    Warning,
    /// The file, the name or the reference is refused.
    Error,
}

/// Which rule a [`Problem`](crate::Problem) breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ProblemKind {
    /// More than one array in the file. Write the whole file at once.
    AppendedArrays,
    /// The file begins with U+FEFF. Save it without.
    ByteOrderMark,
    /// A container name holds a character that ECS doesn't allow. Use letters, digits, `-`, `_`.
    ContainerNameCharacter,
    /// A container name is empty, or longer than 255 characters.
    ContainerNameLength,
    /// A carriage return or another control character inside a string. Strip the value.
    ControlCharacter,
    /// A digest by another algorithm than SHA-256. ECS supports no other.
    DigestAlgorithm,
    /// The same container twice. Keep one.
    DuplicateContainer,
    /// The same member twice in one definition. Keep one.
    DuplicateMember,
    /// The host is nearly one of Amazon ECR. Correct the part that is wrong.
    EcrHost,
    /// An array without definitions. Add one.
    EmptyArray,
    /// A file without content. Find out why the build wrote nothing.
    EmptyFile,
    /// An image reference, its tag or its digest without text. Set the variable that it came from.
    EmptyReference,
    /// *Warning:* the file's name is nearly `imagedefinitions.json`. Rename it, or give the name to
    /// the action.
    FileName,
    /// The file is CodePipeline's `imageDetail.json`, which names no container.
    ImageDetail,
    /// A digest that isn't `sha256:` and 64 lower-case hexadecimal digits.
    InvalidDigest,
    /// Not JSON, in another way than those that have their own kind.
    InvalidJson,
    /// A host or repository name that breaks the grammar of image references.
    InvalidReference,
    /// A tag that is too long, or holds a character that tags can't hold.
    InvalidTag,
    /// *Warning:* more than 100,000 bytes, near the limit of 100 KB.
    LargeFile,
    /// *Warning:* no tag and no digest, or the tag `latest`. Use the digest.
    Latest,
    /// A member that is nearly `name` or `imageUri`. Rename it.
    MisnamedMember,
    /// Nothing but white space between two definitions or members. Add a comma.
    MissingComma,
    /// A definition without `name` or `imageUri`. Add it.
    MissingMember,
    /// Valid JSON, but not an array. Put it into `[` and `]`.
    NotAnArray,
    /// An element of the array that isn't an object with `name` and `imageUri`.
    NotAnObject,
    /// A `name` or `imageUri` that isn't a string.
    NotAString,
    /// Bytes that aren't UTF-8. Save the file as UTF-8.
    NotUtf8,
    /// `None` or `null`, which a tool printed for a value that isn't there.
    NullText,
    /// A placeholder such as `<IMAGE1_NAME>`, which is for another file. Write the image itself.
    Placeholder,
    /// An image reference holds a character that ECS doesn't allow anywhere in one.
    ReferenceCharacter,
    /// More than 255 characters before the digest, or in all where there is none.
    ReferenceTooLong,
    /// `https://` or the like in front of an image reference. Remove it.
    Scheme,
    /// A comma with nothing before or after it. Remove it.
    StrayComma,
    /// More than 102,400 bytes: CodePipeline reads at most 100 KB.
    TooLarge,
    /// A variable in an image reference that no shell has replaced.
    Unexpanded,
    /// The same in the name of a container.
    UnexpandedName,
    /// *Warning:* a member other than `name` and `imageUri`. It is ignored.
    UnknownMember,
    /// UTF-16. Save the file as UTF-8.
    Utf16,
}

impl ProblemKind {
    /// Whether problems of this kind keep a file from being used.
    pub fn severity(self) -> Severity {
        match self {
            Self::FileName | Self::LargeFile | Self::Latest | Self::UnknownMember => {
                Severity::Warning
            }
            _ => Severity::Error,
        }
    }
}
