//! The kinds of errors, for programs.

use std::fmt;

use serde::Serialize;

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The build has failed already, and what it made is not to be deployed. See to its error.
    BuildFailed,
    /// There is a definition for this container already. Insert each once, or
    /// [`merge`](crate::ImageDefinitions::merge) to replace.
    DuplicateContainer,
    /// There is no definition to write, and AWS doesn't document what CodePipeline does with none.
    /// Insert one.
    Empty,
    /// A zip file that can't be read, or not within the limits; or a name that can't be that of a
    /// file in an artifact. The message says what to change.
    InvalidArtifact,
    /// The text isn't a [`ContainerMap`](crate::containers::ContainerMap). The message lists each reason.
    InvalidContainerMap,
    /// The name can't be that of an ECS container. [`Error::problems`](crate::Error::problems) says why; take the name from
    /// the task definition.
    InvalidContainerName,
    /// The text isn't valid image definitions. [`Error::problems`](crate::Error::problems) has each cause and cure.
    InvalidDefinitions,
    /// What CodeBuild says about its build isn't there, or not as CodeBuild writes it. Run the
    /// program in a build, or set the variables that the message names.
    InvalidEnvironment,
    /// The text isn't an event of EventBridge. The message says where.
    InvalidEvent,
    /// The text isn't an `imageDetail.json`, or its members contradict each other. The message
    /// lists each reason.
    InvalidImageDetail,
    /// The text isn't an image reference, or not one that ECS accepts. [`Error::problems`](crate::Error::problems) says
    /// why.
    InvalidImageUri,
    /// The account or region of a promotion isn't one, or no registry has such a host. The message
    /// says what has to be corrected.
    InvalidRegistry,
    /// A name or a pattern in a [`DeployRule`](crate::rule::DeployRule) that can match nothing, or that
    /// CodePipeline doesn't accept.
    InvalidRule,
    /// The templates of a blue/green deployment don't fit together, or don't fit its action. The
    /// message says what is where.
    InvalidTemplates,
    /// An image without a digest, where one by its tag wasn't asked for. Use the digest, which ECR
    /// and whatever pushed the image can tell, or the method that the message names.
    MutableTag,
    /// There is no digest to make a reference of, and a tag can come to mean another image. The
    /// message says where the digest is expected.
    NoDigest,
    /// CodeBuild knows no revision of its source. The message says why that may be, and what to
    /// use; it is never `latest`.
    NoRevision,
    /// There is no such file. The message names the files beside it whose names are nearly the
    /// same.
    NotFound,
    /// It isn't certain what the file was meant to say. [`Error::problems`](crate::Error::problems) has those problems for
    /// which there is no certain repair; a person has to look at them.
    NotRepairable,
    /// No image is in a private ECR registry, or in one of the account that was to be promoted
    /// from. Check that it is the right file, and the account.
    NothingToPromote,
    /// The file couldn't be read; the source says why.
    Read,
    /// The images are in registries of several accounts. Say by
    /// [`from_account`](crate::promotion::Promotion::from_account) which of them are promoted.
    SeveralAccounts,
    /// More definitions than fit into the 100 KB that CodePipeline reads. List only the containers
    /// that get a new image.
    TooLarge,
    /// The [`ContainerMap`](crate::containers::ContainerMap) says nothing about a repository. Add it, or
    /// correct the name: the message has the nearest.
    UnknownRepository,
    /// The file couldn't be written; the source says why. What was there before is still there.
    Write,
}

/// The kind as it is serialised, such as `invalidDefinitions`.
impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
