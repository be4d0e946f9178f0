//! The kinds of problems, and the severity of each.

use serde::Serialize;

/// The severity of a [`Problem`](crate::Problem). An error is greater than a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
// The order is that of `Ord`.
pub enum Severity {
    /// Legal, but probably a mistake. Only [`Diagnosis`](crate::diagnosis::Diagnosis) shows
    /// warnings.
    Warning,
    /// An error: the file, the name or the reference is refused.
    Error,
}

/// The rule that a [`Problem`](crate::Problem) breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ProblemKind {
    /// The file has more than one array. Write the whole file at once.
    AppendedArrays,
    /// The tag is a branch, a source version or an ARN: a tag has no `/` and no `:`.
    BranchTag,
    /// The file begins with U+FEFF. Save it without a byte order mark.
    ByteOrderMark,
    /// A container name has a character that ECS does not allow. Use letters, digits, `-`, `_`.
    ContainerNameCharacter,
    /// A container name is empty, or longer than 255 characters.
    ContainerNameLength,
    /// Two members of an `imageDetail.json` contradict each other. Write the values of one image.
    Contradiction,
    /// A string has a carriage return or another control character. Strip the value.
    ControlCharacter,
    /// An `imageDetail.json` lacks `ImageURI`, or has a member of another type. Correct the member.
    DetailMember,
    /// The digest is not SHA-256. ECS supports no other algorithm.
    DigestAlgorithm,
    /// A value in quotes was put between quotes. Print the bare value.
    DoubledQuotes,
    /// A container occurs twice. Keep one definition.
    DuplicateContainer,
    /// A definition has the same member twice. Keep one.
    DuplicateMember,
    /// The shell removed the quotes. Quote the text for the shell.
    EatenQuotes,
    /// The file begins with an option of `echo`. Use `printf`.
    EchoOption,
    /// The host is nearly a host of Amazon ECR. Correct the part that is wrong.
    EcrHost,
    /// The array has no definitions. Add one.
    EmptyArray,
    /// The file is empty. Find out why the build wrote nothing.
    EmptyFile,
    /// The account, the region or a part of the repository is empty. Set the variable for it.
    EmptyPart,
    /// An image reference, its tag or its digest is empty. Set the variable for it.
    EmptyReference,
    /// All quotes have a backslash: the text was escaped twice.
    EscapedQuotes,
    /// The name is an image, and `imageUri` is the name of a container. Exchange them.
    Exchanged,
    /// *Warning:* the file's name is nearly `imagedefinitions.json`. Rename the file, or set
    /// `FileName` in the action.
    FileName,
    /// The file is a pointer of Git LFS. Get the file itself.
    GitLfsPointer,
    /// The text has HTML entities such as `&quot;`. Use the characters themselves.
    HtmlEntity,
    /// The file is CodePipeline's `imageDetail.json`, which names no container.
    ImageDetail,
    /// The digest is not `sha256:` and 64 lower-case hexadecimal digits.
    InvalidDigest,
    /// The file is not JSON, in a way that has no kind of its own.
    InvalidJson,
    /// A host or repository name breaks the grammar of image references.
    InvalidReference,
    /// The tag is too long, or has a character that tags do not allow.
    InvalidTag,
    /// *Warning:* the file has more than 100,000 bytes, near the limit of 100 KB.
    LargeFile,
    /// *Warning:* the image has no tag and no digest, or the tag `latest`. Use the digest.
    Latest,
    /// The file has the markers of a merge conflict. Resolve it.
    MergeConflict,
    /// A member is nearly named `name` or `imageUri`. Rename it.
    MisnamedMember,
    /// The digest has `:` or nothing in front of it, or `sha256:` twice. Write `@sha256:`.
    MisplacedDigest,
    /// Two definitions or members have only white space between them. Add a comma.
    MissingComma,
    /// A definition lacks `name` or `imageUri`. Add it.
    MissingMember,
    /// The file is UTF-16 in one part and ASCII in another. Write it once, as UTF-8.
    MixedEncodings,
    /// The text has a non-breaking space. Use a plain space.
    NonBreakingSpace,
    /// The file is valid JSON, but not an array. Put it into `[` and `]`.
    NotAnArray,
    /// An element of the array is not an object with `name` and `imageUri`.
    NotAnObject,
    /// A `name` or `imageUri` is not a string.
    NotAString,
    /// The file is not UTF-8. Save it as UTF-8.
    NotUtf8,
    /// A tool printed `None` or `null` for a missing value.
    NullText,
    /// Text stands before or after the array. Keep the output of other commands out.
    OtherOutput,
    /// A placeholder such as `<IMAGE1_NAME>` is for another file. Write the image itself.
    Placeholder,
    /// An image reference has a character that ECS does not allow anywhere in one.
    ReferenceCharacter,
    /// An image reference has more than 255 characters before its digest, or in total if it has no
    /// digest.
    ReferenceTooLong,
    /// The same line has several arrays. Give `printf` the arguments for one.
    RepeatedArrays,
    /// The repository begins with a registry again. Write the registry once.
    RepeatedRegistry,
    /// An image reference begins with `https://` or another scheme. Remove it.
    Scheme,
    /// A value has several lines or a tab. Choose one value.
    SeveralValues,
    /// The name is an image, and `imageUri` is empty. Quote the arguments.
    ShiftedArguments,
    /// A comma has no value before or after it. Remove it.
    StrayComma,
    /// The text has escape sequences for the colors of a terminal. Switch them off.
    TerminalColor,
    /// The file has more than 102,400 bytes: CodePipeline reads at most 100 KB.
    TooLarge,
    /// An image reference has a variable that no shell replaced.
    Unexpanded,
    /// A container name has a variable that no shell replaced.
    UnexpandedName,
    /// *Warning:* a member other than `name` and `imageUri`. It is ignored.
    UnknownMember,
    /// A token of a template or a tool was not replaced, or a value was masked.
    UnreplacedToken,
    /// The file is UTF-16. Save it as UTF-8.
    Utf16,
    /// The file is UTF-32. Save it as UTF-8.
    Utf32,
    /// The array is in a string, in another array or in an object. Write the array alone.
    Wrapped,
    /// The file is YAML. Write JSON.
    Yaml,
    /// The file is a zip file. Look at the file inside.
    ZipFile,
}

impl ProblemKind {
    /// Returns whether problems of this kind are errors or warnings.
    pub fn severity(self) -> Severity {
        match self {
            Self::FileName | Self::LargeFile | Self::Latest | Self::UnknownMember => {
                Severity::Warning
            }
            _ => Severity::Error,
        }
    }
}
