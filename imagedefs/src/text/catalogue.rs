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
        kind: ProblemKind::ControlCharacter,
        cause: "the value includes the line end of a file or of a command's output",
        cure: "strip it, for example with `tr -d '\\r\\n'`",
        aws_message: INVALID_JSON,
    },
    Explanation {
        kind: ProblemKind::DigestAlgorithm,
        cause: "ECS supports only SHA-256",
        cure: "use the digest that ECR shows for the image, `sha256:` and 64 digits",
        aws_message: None,
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
        kind: ProblemKind::EmptyReference,
        cause: "the variable for this value is empty or unset",
        cure: "set the variable, and stop the build if it is unset (`set -u`)",
        aws_message: None,
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
        kind: ProblemKind::ImageDetail,
        cause: "an ECR source action writes that file for the blue/green action of CodeDeploy, \
                and it names no container",
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
        cause: "`latest` is the image that was pushed last, which may not be the image of this \
                build",
        cure: "use the digest of the image, or at least a unique tag for each build",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::MisnamedMember,
        cause: "CodePipeline looks for exactly `name` and `imageUri`",
        cure: "rename the member",
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
        kind: ProblemKind::Placeholder,
        cause: "the blue/green action of CodeDeploy replaces such placeholders, and only in its \
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
        kind: ProblemKind::Scheme,
        cause: "an image reference is not a URL, though CodePipeline calls it imageUri",
        cure: "remove the scheme",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::StrayComma,
        cause: "JSON allows a comma only between two values",
        cure: "remove the comma",
        aws_message: INVALID_JSON,
    },
    Explanation {
        kind: ProblemKind::TooLarge,
        cause: "CodePipeline reads at most 100 KB",
        cure: "check that it is the right file, and list only the containers that get a new image",
        aws_message: None,
    },
    Explanation {
        kind: ProblemKind::Unexpanded,
        cause: "the shell does not replace variables between single quotes, and no other step \
                replaced it",
        cure: "print the value with `printf` and `%s`, or write the file with a program",
        aws_message: INVALID_IMAGE,
    },
    Explanation {
        kind: ProblemKind::UnexpandedName,
        cause: "the shell does not replace variables between single quotes, and no other step \
                replaced it",
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
        kind: ProblemKind::Utf16,
        cause: "`>` and `Out-File` of Windows PowerShell write UTF-16",
        cure: "save the file as UTF-8 without a byte order mark",
        aws_message: None,
    },
];

const _: () = {
    assert!(CATALOGUE.len() == ProblemKind::Utf16 as usize + 1);
    let mut place = 0;
    while place < CATALOGUE.len() {
        assert!(CATALOGUE[place].kind as usize == place);
        place += 1;
    }
};
