//! The kinds of errors, for programs.

use std::fmt;

use serde::Serialize;

/// The kind of an [`Error`](crate::Error).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The build already failed, and its output must not be deployed. The log of the build has its
    /// error.
    BuildFailed,
    /// The container already has a definition. Insert each container once, or use
    /// [`merge`](crate::ImageDefinitions::merge) to replace.
    DuplicateContainer,
    /// The definitions are empty, and AWS does not document what CodePipeline does with an empty
    /// file. Insert a definition.
    Empty,
    /// The zip file cannot be read, or exceeds the limits, or a name is invalid for a file in an
    /// artifact. The message says what to change.
    InvalidArtifact,
    /// The text is not a [`ContainerMap`](crate::containers::ContainerMap). The message lists each
    /// reason.
    InvalidContainerMap,
    /// ECS does not accept the name of the container. [`Error::problems`](crate::Error::problems)
    /// says why. Copy the name from the task definition.
    InvalidContainerName,
    /// The text is not valid image definitions. [`Error::problems`](crate::Error::problems) has
    /// each cause and cure.
    InvalidDefinitions,
    /// A variable of CodeBuild or CodePipeline is missing or invalid. Run the program in a build,
    /// or set the variables that the message names.
    InvalidEnvironment,
    /// The text is not an event of EventBridge. The message says where it differs.
    InvalidEvent,
    /// The text is not an `imageDetail.json`, or its members contradict each other. The message
    /// lists each reason.
    InvalidImageDetail,
    /// The text is not an image reference, or ECS does not accept it.
    /// [`Error::problems`](crate::Error::problems) says why.
    InvalidImageUri,
    /// The account or region of a promotion is invalid, or ECR has no such host there. The message
    /// says what to correct.
    InvalidRegistry,
    /// A name or a pattern in a [`DeployRule`](crate::rule::DeployRule) can match nothing, or
    /// CodePipeline does not accept it.
    InvalidRule,
    /// The templates of a blue/green deployment do not match each other, or do not match the
    /// action. The message says what is wrong, and on which line.
    InvalidTemplates,
    /// The image has no digest, and the caller did not allow tags. Use the digest, which ECR and
    /// the push report, or the method that the message names.
    MutableTag,
    /// The digest is missing, and a tag can move to another image. The message says which member
    /// should have the digest.
    NoDigest,
    /// CodeBuild has no revision of the source. The message says why, and which variable is
    /// missing. The crate never falls back to `latest`.
    NoRevision,
    /// The file does not exist. The message lists similar names in the same folder.
    NotFound,
    /// The meaning of the file is uncertain. [`Error::problems`](crate::Error::problems) has the
    /// problems that a person has to decide.
    NotRepairable,
    /// No image is in a private ECR registry, or in a registry of the account to promote from.
    /// Check the file and the account.
    NothingToPromote,
    /// The file could not be read; the source says why.
    Read,
    /// The images are in registries of several accounts. Choose one with
    /// [`from_account`](crate::promotion::Promotion::from_account).
    SeveralAccounts,
    /// The definitions exceed the 100 KB that CodePipeline reads. List only the containers that get
    /// a new image.
    TooLarge,
    /// The [`ContainerMap`](crate::containers::ContainerMap) has no such repository. Add it, or
    /// correct the name; the message has the nearest one.
    UnknownRepository,
    /// The file could not be written; the source says why. The previous content is unchanged.
    Write,
}

/// Prints the kind as it is serialised, such as `invalidDefinitions`.
impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
