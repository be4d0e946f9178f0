//! The catalogue of problems: the usual cause of each kind, its cure, and the message of AWS.

use crate::text::problem_kind::ProblemKind;

/// The explanation of a kind of problem.
pub(crate) struct Explanation {
    kind: ProblemKind,
    pub(crate) cause: &'static str,
    pub(crate) cure: &'static str,
    /// The message of AWS, word for word. `None` if no report quotes one.
    pub(crate) aws_message: Option<&'static str>,
}

pub(crate) fn explanation(kind: ProblemKind) -> &'static Explanation {
    &CATALOGUE[kind as usize]
}

const INVALID_JSON: Option<&str> =
    Some("The image definition file imagedefinitions.json contains invalid JSON format");
const UNKNOWN_CONTAINER: Option<&str> = Some("The AWS ECS container <name> does not exist");
const FILE_NOT_FOUND: Option<&str> = Some(
    "Did not find the image definition file imagedefinitions.json in the input artifacts ZIP \
     file. Verify the file is stored in your pipeline's Amazon S3 artifact bucket: <bucket> key: \
     <key>",
);
const INVALID_IMAGE: Option<&str> = Some("Container.image contains invalid characters.");

/// The entries have the order of the enum, which the assertion below checks.
const CATALOGUE: &[Explanation] = &[
    Explanation {
        kind: ProblemKind::AppendedArrays,
        cause: "the build appends to the file with `>>`",
        cure: "write one array with `>`",
        aws_message: INVALID_JSON,
    },
    Explanation {
        kind: ProblemKind::BranchTag,
        cause: "a branch, a source version or an ARN is used as the tag: a tag has no `/` and no \
                `:`",
        cure: "use the revision of the source, or replace `/` and `:` with `-`",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::ByteOrderMark,
        cause: "PowerShell's `-Encoding utf8` and some editors on Windows add a byte order mark",
        cure: "save the file as UTF-8 without a byte order mark",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::ContainerNameCharacter,
        cause: "the name has to match a container in the task definition, and ECS allows only \
                letters, digits, `-` and `_`",
        cure: "copy the name from the task definition",
        aws_message: UNKNOWN_CONTAINER,
    },
    Explanation {
        kind: ProblemKind::ContainerNameLength,
        cause: "ECS container names have 1 to 255 characters",
        cure: "copy the name from the task definition",
        aws_message: UNKNOWN_CONTAINER,
    },
    Explanation {
        kind: ProblemKind::Contradiction,
        cause: "the file was assembled from two files, or edited in only one place",
        cure: "write all values of one image, or `ImageURI` alone",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::ControlCharacter,
        cause: "the value contains a line break, often from a file or a command's output",
        cure: "strip it, for example with `tr -d '\\r\\n'`",
        aws_message: INVALID_JSON,
    },
    Explanation {
        kind: ProblemKind::DetailMember,
        cause: "the blue/green action of CodeDeploy reads an object with the member `ImageURI`",
        cure: "write {\"ImageURI\": \"REPOSITORY@sha256:…\"}",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::DigestAlgorithm,
        cause: "ECS supports only SHA-256",
        cure: "use the digest that ECR shows for the image, `sha256:` and 64 digits",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::DoubledQuotes,
        cause: "the value already had quotes: `aws --output json` and `jq` without `-r` print them",
        cure: "print the bare value, with `--output text` or `jq -r`",
        aws_message: INVALID_JSON,
    },
    Explanation {
        kind: ProblemKind::DuplicateContainer,
        cause: "AWS does not document which of the two is deployed",
        cure: "keep one definition for each container",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::DuplicateMember,
        cause: "some JSON readers use the first value, others the last",
        cure: "keep one of them",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::EatenQuotes,
        cause: "the shell removed the quotes: within double quotes they need a backslash, and \
                without quotes the shell expands braces too",
        cure: "put the text into single quotes and print the values with `printf` and `%s`, or \
                write the file with `jq`",
        aws_message: INVALID_JSON,
    },
    Explanation {
        kind: ProblemKind::EchoOption,
        cause: "`echo` of `sh` prints its options, such as `-e`",
        cure: "use `printf` in place of `echo`",
        aws_message: INVALID_JSON,
    },
    Explanation {
        kind: ProblemKind::EcrHost,
        cause: "an ECR host consists of the account with 12 digits, `.dkr.ecr.`, the region and \
                the suffix of its partition, as in 111122223333.dkr.ecr.us-east-1.amazonaws.com",
        cure: "copy the URI that ECR shows for the repository",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::EmptyArray,
        cause: "a file without definitions changes no container",
        cure: "add a definition for each container that gets a new image",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::EmptyFile,
        cause: "the command that prints the file failed, or printed nothing",
        cure: "look for its error in the build log",
        aws_message: INVALID_JSON,
    },
    Explanation {
        kind: ProblemKind::EmptyPart,
        cause: "a variable for this part is empty or unset: CodeBuild sets AWS_REGION, but not \
                AWS_ACCOUNT_ID",
        cure: "set the variable, and stop the build if it is unset (`set -u`)",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::EmptyReference,
        cause: "the variable for this value is empty or unset",
        cure: "set the variable, and stop the build if it is unset (`set -u`)",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::EscapedQuotes,
        cause: "the text was escaped twice, for the shell and once more",
        cure: "remove the backslashes",
        aws_message: INVALID_JSON,
    },
    Explanation {
        kind: ProblemKind::Exchanged,
        cause: "the values are exchanged, perhaps in the arguments of `printf`",
        cure: "exchange them: `name` is the container of the task definition",
        aws_message: UNKNOWN_CONTAINER,
    },
    Explanation {
        kind: ProblemKind::FileName,
        cause: "CodePipeline looks for exactly `imagedefinitions.json` unless its ECS action sets \
                `FileName`",
        cure: "rename the file, also in the `artifacts` of the buildspec, or set `FileName` to \
               its name",
        aws_message: FILE_NOT_FOUND,
    },
    Explanation {
        kind: ProblemKind::GitLfsPointer,
        cause: "the file was checked out without Git LFS",
        cure: "run `git lfs pull`, or keep the small file out of Git LFS",
        aws_message: INVALID_JSON,
    },
    Explanation {
        kind: ProblemKind::HtmlEntity,
        cause: "the text was copied from the source of a web page, or escaped by a template \
                engine for HTML",
        cure: "use the characters themselves, without escaping for HTML",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::ImageDetail,
        cause: "this is imageDetail.json, which an ECR source action writes for the blue/green \
                action of CodeDeploy; it names no container",
        cure: "write [{\"name\": \"CONTAINER\", \"imageUri\": \"IMAGE\"}] with its ImageURI",
        aws_message: INVALID_JSON,
    },
    Explanation {
        kind: ProblemKind::InvalidDigest,
        cause: "a digest is `sha256:` and 64 hexadecimal digits in lower case",
        cure: "copy the whole digest that ECR shows for the image",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::InvalidJson,
        cause: "the file was written by hand or by a shell",
        cure: "write it with a program, such as this library or `jq`",
        aws_message: INVALID_JSON,
    },
    Explanation {
        kind: ProblemKind::InvalidReference,
        cause: "a reference is [HOST[:PORT]/]PATH[:TAG][@DIGEST], with a path of lower-case \
                letters and digits, joined by single `.` and `/`, one or two `_`, or any number \
                of `-`",
        cure: "correct the reference",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::InvalidTag,
        cause: "a tag has at most 128 letters, digits, `_`, `.` and `-`, and does not begin with \
                `.` or `-`",
        cure: "correct the tag, or use the digest of the image",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::LargeFile,
        cause: "CodePipeline reads at most 100 KB, and AWS does not say whether a KB has 1000 \
                bytes or 1024",
        cure: "list only the containers that get a new image",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::Latest,
        cause: "`latest` is an ordinary tag that any push can move, so it may not be the image \
                of this build",
        cure: "use the digest of the image, or at least a unique tag for each build",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::MergeConflict,
        cause: "git could not merge two versions of the file",
        cure: "resolve the conflict, and commit the result",
        aws_message: INVALID_JSON,
    },
    Explanation {
        kind: ProblemKind::MisnamedMember,
        cause: "CodePipeline looks for exactly `name` and `imageUri`",
        cure: "rename the member",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::MisplacedDigest,
        cause: "a digest follows `@`, a tag follows `:`, and the value of the digest already has \
                `sha256:`",
        cure: "write REPOSITORY@sha256:…",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::MissingComma,
        cause: "a loop that prints definitions one by one puts no comma between them",
        cure: "add a comma, or collect the definitions with `jq -s .`",
        aws_message: INVALID_JSON,
    },
    Explanation {
        kind: ProblemKind::MissingMember,
        cause: "each definition needs the name of a container and the reference of its image",
        cure: "add the member",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::MixedEncodings,
        cause: "`>` of Windows PowerShell writes UTF-16, `>>` of cmd.exe and other programs don't",
        cure: "write the whole file at once, as UTF-8",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::NonBreakingSpace,
        cause: "the text was copied from a web page or a document",
        cure: "use a plain space, or none",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::NotAnArray,
        cause: "CodePipeline expects an array of definitions, even for a single container",
        cure: "write [{\"name\": \"CONTAINER\", \"imageUri\": \"IMAGE\"}]",
        aws_message: INVALID_JSON,
    },
    Explanation {
        kind: ProblemKind::NotAnObject,
        cause: "each element of the array is one definition",
        cure: "write {\"name\": \"CONTAINER\", \"imageUri\": \"IMAGE\"}",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::NotAString,
        cause: "a missing value becomes `null`, and an unquoted value can become a number",
        cure: "write the value as a string, in double quotes",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::NotUtf8,
        cause: "the file has an old encoding, or is not text",
        cure: "save it as UTF-8",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::NullText,
        cause: "`aws --query --output text` prints `None`, and `jq -r` prints `null`, for a \
                missing value",
        cure: "correct the query, and stop the build if it finds nothing",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::OtherOutput,
        cause: "the output or an error message of another command got into the file",
        cure: "redirect only the output of the command that prints the array",
        aws_message: INVALID_JSON,
    },
    Explanation {
        kind: ProblemKind::Placeholder,
        cause: "only the blue/green action of CodeDeploy replaces such placeholders, and only in \
                taskdef.json",
        cure: "write the name of the container and the reference of the image",
        aws_message: INVALID_IMAGE,
    },
    Explanation {
        kind: ProblemKind::ReferenceCharacter,
        cause: "ECS allows only letters, digits and `-` `_` `:` `.` `/` `#` `@` in a reference",
        cure: "remove it: the output of a command often has quotes, spaces and line ends",
        aws_message: INVALID_IMAGE,
    },
    Explanation {
        kind: ProblemKind::ReferenceTooLong,
        cause: "ECS takes at most 255 characters, not counting the digest",
        cure: "use a shorter tag or repository name, or the digest in place of the tag",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::RepeatedArrays,
        cause: "`printf` repeats its format while it has arguments left",
        cure: "quote the arguments, print all definitions in one array, and print the array once",
        aws_message: INVALID_JSON,
    },
    Explanation {
        kind: ProblemKind::RepeatedRegistry,
        cause: "a value that already has the registry was put behind a registry",
        cure: "write the registry once",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::Scheme,
        cause: "an image reference is not a URL, though CodePipeline calls it imageUri",
        cure: "remove the scheme",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::SeveralValues,
        cause: "the variable has several values, such as two git tags of one commit",
        cure: "choose one of them, for example with `head -n 1`",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::ShiftedArguments,
        cause: "an unset variable without quotes shifts the arguments of `printf`",
        cure: "set the variable for the container, and put the arguments into double quotes",
        aws_message: UNKNOWN_CONTAINER,
    },
    Explanation {
        kind: ProblemKind::StrayComma,
        cause: "JSON allows a comma only between two values",
        cure: "remove the comma",
        aws_message: INVALID_JSON,
    },
    Explanation {
        kind: ProblemKind::TerminalColor,
        cause: "a program printed colors into the file, as `jq -C` does",
        cure: "switch the colors off: `jq -M`, `--no-color`, `NO_COLOR=1`",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::TooLarge,
        cause: "CodePipeline reads at most 100 KB",
        cure: "check that it is the right file, and list only the containers that get a new image",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::Unexpanded,
        cause: "the shell does not replace a variable in single quotes, and no other step \
                replaced this one",
        cure: "print the value with `printf` and `%s`, or write the file with a program",
        aws_message: INVALID_IMAGE,
    },
    Explanation {
        kind: ProblemKind::UnexpandedName,
        cause: "the shell does not replace a variable in single quotes, and no other step \
                replaced this one",
        cure: "print the value with `printf` and `%s`, or write the file with a program",
        aws_message: UNKNOWN_CONTAINER,
    },
    Explanation {
        kind: ProblemKind::UnknownMember,
        cause: "AWS documents only `name` and `imageUri`, and not what CodePipeline does with \
                other members",
        cure: "remove the member",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::UnreplacedToken,
        cause: "the tool that replaces such tokens did not process the text, or does not know \
                the name",
        cure: "let the tool process the text, and check the name of the variable",
        aws_message: INVALID_IMAGE,
    },
    Explanation {
        kind: ProblemKind::Utf16,
        cause: "`>` and `Out-File` of Windows PowerShell write UTF-16",
        cure: "save the file as UTF-8 without a byte order mark",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::Utf32,
        cause: "the file was saved as UTF-32",
        cure: "save the file as UTF-8 without a byte order mark",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::Wrapped,
        cause: "`tojson` puts JSON into a string, `jq -s` into an array, and ConvertTo-Json of \
                PowerShell 5.1 into an object with `value` and `Count`",
        cure: "write the array alone",
        aws_message: INVALID_JSON,
    },
    Explanation {
        kind: ProblemKind::Yaml,
        cause: "the file is YAML, as `yq -y` prints it",
        cure: "convert it to JSON, with `yq -o json` or without `-y`",
        aws_message: INVALID_JSON,
    },
    Explanation {
        kind: ProblemKind::ZipFile,
        cause: "this is the artifact, not the file inside of it",
        cure: "check the file inside, or open it with `artifact::ArtifactReader`",
        aws_message: None,
    },
];

const _: () = {
    assert!(CATALOGUE.len() == ProblemKind::ZipFile as usize + 1);
    let mut place = 0;
    while place < CATALOGUE.len() {
        assert!(CATALOGUE[place].kind as usize == place);
        place += 1;
    }
};
