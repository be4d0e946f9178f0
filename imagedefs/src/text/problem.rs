use std::fmt;

/// One thing that is wrong with an image definitions file, a container name or an image reference:
/// where it is, what it is, what usually causes it and what cures it.
///
/// `Display` is a single line, made for the log of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    kind: ProblemKind,
    line: usize,
    column: usize,
    what: String,
    repair: Option<&'static str>,
}

impl Problem {
    /// Which rule is broken.
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// Whether it keeps the file from being used.
    pub fn severity(&self) -> Severity {
        self.kind.severity()
    }

    /// The line that it is on. The first is 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column that it begins at, in characters. The first is 1. In a name or a reference that
    /// came by itself, the position in that text.
    pub fn column(&self) -> usize {
        self.column
    }

    /// What is wrong, with the text that is: one clause, in lower case.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What usually leads to it.
    pub fn cause(&self) -> &'static str {
        self.kind.explanation().0
    }

    /// What to do about it.
    pub fn cure(&self) -> &'static str {
        self.kind.explanation().1
    }

    /// What [`Diagnosis::fix`](crate::Diagnosis::fix) does about it: one clause, in lower case. None
    /// where what was meant isn't certain.
    pub fn repair(&self) -> Option<&'static str> {
        self.repair
    }

    /// What CodePipeline, or ECS behind it, prints about such a file, word for word for the default
    /// file name, so that a search for the message ends here.
    ///
    /// AWS doesn't document these messages. They are known from reports, and most problems have
    /// none: CodePipeline either says nothing useful or nobody has written down what it says. What
    /// stands in `<` and `>` differs each time.
    pub fn aws_message(&self) -> Option<&'static str> {
        self.kind.aws_message()
    }

    pub(crate) fn new(
        kind: ProblemKind,
        line: usize,
        column: usize,
        what: String,
        repair: Option<&'static str>,
    ) -> Self {
        Self { kind, line, column, what, repair }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, what, .. } = self;
        let (cause, cure) = self.kind.explanation();
        write!(f, "line {line}, column {column}: {what}: {cause}; {cure}")
    }
}

/// How much a [`Problem`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Legal, and probably not what was meant. Shown by [`Diagnosis`](crate::Diagnosis) only.
    Warning,
    /// The file, the name or the reference is refused.
    Error,
}

/// Which rule a [`Problem`] breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

    /// The usual cause, and the cure.
    fn explanation(self) -> (&'static str, &'static str) {
        match self {
            Self::AppendedArrays => (
                "a build that writes the file with `>>` adds to what is already there",
                "write one array, in one go, with `>`",
            ),
            Self::ByteOrderMark => (
                "PowerShell's `-Encoding utf8` and some editors on Windows put one there",
                "save the file as UTF-8 without a byte order mark",
            ),
            Self::ContainerNameCharacter => (
                "the name has to be that of a container in the task definition, and ECS allows \
                 only letters, digits, `-` and `_` in it",
                "copy the name from the task definition",
            ),
            Self::ContainerNameLength => (
                "ECS container names have 1 to 255 characters",
                "copy the name from the task definition",
            ),
            Self::ControlCharacter => (
                "the value came out of a file or a command together with its line end",
                "strip it, for example with `tr -d '\\r\\n'`",
            ),
            Self::DigestAlgorithm => (
                "ECS supports only SHA-256",
                "use the digest that ECR shows for the image, `sha256:` and 64 digits",
            ),
            Self::DuplicateContainer => (
                "which of the two is deployed is not documented",
                "keep one definition for each container",
            ),
            Self::DuplicateMember => {
                ("JSON readers differ in which of the two they take", "keep one of them")
            }
            Self::EcrHost => (
                "an ECR host is the account of 12 digits, `.dkr.ecr.`, the region and the suffix \
                 of its partition, as in 111122223333.dkr.ecr.us-east-1.amazonaws.com",
                "copy the URI that ECR shows for the repository",
            ),
            Self::EmptyArray => (
                "a file without definitions changes no container",
                "add a definition for each container that gets a new image",
            ),
            Self::EmptyFile => (
                "the command whose output goes into the file failed, or printed nothing",
                "look for its error in the log of the build",
            ),
            Self::EmptyReference => (
                "the variable that it came from is empty or unset",
                "set it, and let the build stop where it is not (`set -u`)",
            ),
            Self::FileName => (
                "CodePipeline looks for exactly `imagedefinitions.json`, unless its ECS action has \
                 a FileName",
                "rename it, also in the `artifacts` of the buildspec, or set FileName to its name",
            ),
            Self::ImageDetail => (
                "that file is what an ECR source action writes, for the blue/green action of \
                 CodeDeploy, and it doesn't say which container the image is for",
                "write [{\"name\": \"CONTAINER\", \"imageUri\": \"IMAGE\"}] with its ImageURI",
            ),
            Self::InvalidDigest => (
                "a digest is `sha256:` and 64 hexadecimal digits in lower case",
                "copy the whole digest that ECR shows for the image",
            ),
            Self::InvalidJson => (
                "the file was put together by hand or by a shell",
                "let a program write it, such as this library or `jq`",
            ),
            Self::InvalidReference => (
                "a reference is [HOST[:PORT]/]PATH[:TAG][@DIGEST], with a path of lower-case \
                 letters and digits, joined by single `.` and `/`, one or two `_`, or any `-`",
                "correct the reference",
            ),
            Self::InvalidTag => (
                "a tag has at most 128 letters, digits, `_`, `.` and `-`, and begins with none of \
                 the last two",
                "correct the tag, or use the digest of the image",
            ),
            Self::LargeFile => (
                "CodePipeline reads at most 100 KB, and AWS doesn't say whether a KB has 1000 \
                 bytes or 1024",
                "list only the containers that get a new image",
            ),
            Self::Latest => (
                "it stands for whatever was pushed last, which need not be what this build made",
                "use the digest of the image, or at least a tag of its own for each build",
            ),
            Self::MisnamedMember => (
                "CodePipeline looks for `name` and `imageUri`, in exactly this spelling",
                "rename the member",
            ),
            Self::MissingComma => (
                "definitions that a loop prints one by one have no comma between them",
                "put a comma there, or collect them with `jq -s .`",
            ),
            Self::MissingMember => (
                "each definition needs the name of a container and the reference of its image",
                "add the member",
            ),
            Self::NotAnArray => (
                "CodePipeline wants an array of definitions, even for a single container",
                "write [{\"name\": \"CONTAINER\", \"imageUri\": \"IMAGE\"}]",
            ),
            Self::NotAnObject => (
                "each element of the array is one definition",
                "write {\"name\": \"CONTAINER\", \"imageUri\": \"IMAGE\"}",
            ),
            Self::NotAString => (
                "a value that is not there becomes `null`, and an unquoted one a number",
                "write the value as a string, in double quotes",
            ),
            Self::NotUtf8 => {
                ("the file was saved in an old encoding, or is no text at all", "save it as UTF-8")
            }
            Self::NullText => (
                "`aws --query --output text` prints `None`, and `jq -r` prints `null`, for a \
                 value that is not there",
                "correct the query, and let the build stop when it finds nothing",
            ),
            Self::Placeholder => (
                "such placeholders are replaced in the taskdef.json of the blue/green action of \
                 CodeDeploy, and in no other file",
                "write the name of the container and the reference of the image",
            ),
            Self::ReferenceCharacter => (
                "ECS allows only letters, digits and `-` `_` `:` `.` `/` `#` `@` in a reference",
                "remove it: quotes, spaces and line ends often come with the output of a command",
            ),
            Self::ReferenceTooLong => (
                "ECS takes at most 255 characters, not counting the digest",
                "use a shorter tag or repository name, or the digest in place of the tag",
            ),
            Self::Scheme => (
                "an image reference is not a URL, though CodePipeline calls it imageUri",
                "remove what comes before the host",
            ),
            Self::StrayComma => ("JSON allows a comma only between two values", "remove the comma"),
            Self::TooLarge => (
                "CodePipeline reads at most 100 KB",
                "check that it is the right file, and list only the containers that get a new \
                 image",
            ),
            Self::Unexpanded | Self::UnexpandedName => (
                "the shell doesn't replace variables between single quotes, and no other step \
                 has replaced it",
                "print the value with `printf` and `%s`, or let a program write the file",
            ),
            Self::UnknownMember => (
                "only `name` and `imageUri` are documented, and what CodePipeline does with \
                 others is not",
                "remove the member",
            ),
            Self::Utf16 => (
                "`>` and `Out-File` of Windows PowerShell write UTF-16",
                "save the file as UTF-8 without a byte order mark",
            ),
        }
    }

    fn aws_message(self) -> Option<&'static str> {
        match self {
            Self::AppendedArrays
            | Self::ControlCharacter
            | Self::EmptyFile
            | Self::ImageDetail
            | Self::InvalidJson
            | Self::MissingComma
            | Self::NotAnArray
            | Self::StrayComma => {
                Some("The image definition file imagedefinitions.json contains invalid JSON format")
            }
            Self::ContainerNameCharacter | Self::ContainerNameLength | Self::UnexpandedName => {
                Some("The AWS ECS container <name> does not exist")
            }
            Self::FileName => Some(
                "Did not find the image definition file imagedefinitions.json in the input \
                 artifacts ZIP file. Verify the file is stored in your pipeline's Amazon S3 \
                 artifact bucket: <bucket> key: <key>",
            ),
            Self::Placeholder | Self::ReferenceCharacter | Self::Unexpanded => {
                Some("Container.image contains invalid characters.")
            }
            _ => None,
        }
    }
}
