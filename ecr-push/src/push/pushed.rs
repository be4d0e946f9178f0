//! [`Pushed`]: what a push has done.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::names::digest::Digest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::push::versioned::Versioned;
use crate::report::TagChange;

/// An image that is in its repository, or in all of them.
///
/// serde writes and reads it, with a `version`, and refuses to read another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pushed(Versioned<PushedContent>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PushedContent {
    digest: Digest,
    /// Never empty.
    #[serde(deserialize_with = "at_least_one")]
    repositories: Vec<RepositoryOutcome>,
    bytes_read: u64,
    #[serde(
        rename = "elapsedSeconds",
        serialize_with = "to_seconds",
        deserialize_with = "from_seconds"
    )]
    elapsed: Duration,
}

/// What a push has done in one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryOutcome {
    pub(crate) repository: Repository,
    pub(crate) image_uri: String,
    pub(crate) tags: Vec<TagOutcome>,
    pub(crate) layers_sent: usize,
    pub(crate) layers_mounted: usize,
    pub(crate) layers_skipped: usize,
    pub(crate) bytes_sent: u64,
    pub(crate) calls: u64,
}

/// A tag that is on the image now.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagOutcome {
    pub(crate) tag: Tag,
    pub(crate) change: TagChange,
}

impl Pushed {
    /// `repositories` isn't empty.
    pub(crate) fn new(
        digest: Digest,
        repositories: Vec<RepositoryOutcome>,
        bytes_read: u64,
        elapsed: Duration,
    ) -> Self {
        Self(Versioned::new(PushedContent { digest, repositories, bytes_read, elapsed }))
    }

    /// `REPOSITORY@sha256:…`: this image and no other, whatever becomes of its tags. What belongs
    /// into an image definition or a task definition. Of several repositories, that of the first;
    /// [`repositories`](Self::repositories) has all.
    pub fn image_uri(&self) -> &str {
        &self.first().image_uri
    }

    /// The image's digest, the same in every repository.
    pub fn digest(&self) -> &Digest {
        &self.0.digest
    }

    /// The tags that are on the image now, in the order in which they were set, and what that has
    /// changed. Of several repositories, those of the first.
    pub fn tags(&self) -> &[TagOutcome] {
        &self.first().tags
    }

    /// What was done in each repository, in the order in which they were given.
    pub fn repositories(&self) -> &[RepositoryOutcome] {
        &self.0.repositories
    }

    /// How many layers and configs were sent, all repositories together.
    pub fn layers_sent(&self) -> usize {
        self.0.repositories.iter().map(|to| to.layers_sent).sum()
    }

    /// How many layers and configs came from [another repository](crate::Push::mount_from) of the
    /// same registry, without being sent.
    pub fn layers_mounted(&self) -> usize {
        self.0.repositories.iter().map(|to| to.layers_mounted).sum()
    }

    /// How many layers and configs the repositories had already.
    pub fn layers_skipped(&self) -> usize {
        self.0.repositories.iter().map(|to| to.layers_skipped).sum()
    }

    /// How many bytes of layers and configs were sent, all repositories together, before the API's
    /// base64 makes a third more of them.
    pub fn bytes_sent(&self) -> u64 {
        self.0.repositories.iter().map(|to| to.bytes_sent).sum()
    }

    /// How many bytes of layers and configs were read in order to be sent. To several repositories,
    /// each is read once, as long as nothing goes wrong; by
    /// [`Transport::Registry`](crate::transport::Transport::Registry), once for each of them.
    pub fn bytes_read(&self) -> u64 {
        self.0.bytes_read
    }

    /// How many API operations were called, and requests made to the registry; retries of one count
    /// as one. Getting the token isn't counted, since many pushes share it.
    pub fn calls(&self) -> u64 {
        self.0.repositories.iter().map(|to| to.calls).sum()
    }

    /// How long the push took.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    fn first(&self) -> &RepositoryOutcome {
        &self.0.repositories[0]
    }
}

impl RepositoryOutcome {
    /// Which repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// `REPOSITORY@sha256:…`
    pub fn image_uri(&self) -> &str {
        &self.image_uri
    }

    /// The tags that are on the image now, in the order in which they were set.
    pub fn tags(&self) -> &[TagOutcome] {
        &self.tags
    }

    /// How many layers and configs were sent.
    pub fn layers_sent(&self) -> usize {
        self.layers_sent
    }

    /// How many layers and configs came from another repository, without being sent.
    pub fn layers_mounted(&self) -> usize {
        self.layers_mounted
    }

    /// How many layers and configs the repository had already.
    pub fn layers_skipped(&self) -> usize {
        self.layers_skipped
    }

    /// How many bytes of layers and configs were sent.
    pub fn bytes_sent(&self) -> u64 {
        self.bytes_sent
    }

    /// How many API operations were called, and requests made to the registry.
    pub fn calls(&self) -> u64 {
        self.calls
    }
}

impl TagOutcome {
    /// Which tag.
    pub fn tag(&self) -> &Tag {
        &self.tag
    }

    /// What setting it has changed.
    pub fn change(&self) -> &TagChange {
        &self.change
    }
}

fn at_least_one<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<RepositoryOutcome>, D::Error> {
    let repositories = Vec::deserialize(deserializer)?;
    if repositories.is_empty() {
        return Err(D::Error::custom("`repositories` is empty"));
    }
    Ok(repositories)
}

fn to_seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

fn from_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(D::Error::custom)
}
