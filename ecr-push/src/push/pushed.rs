//! [`Pushed`]: the outcome of a push.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::names::digest::Digest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::push::versioned::Versioned;
use crate::report::TagChange;

/// An image that is stored in every destination of the push.
///
/// serde writes and reads it, with a `version`, and rejects any other version.
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

/// The outcome of a push in one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryOutcome {
    pub(crate) repository: Repository,
    #[serde(deserialize_with = "image_uri")]
    pub(crate) image_uri: String,
    pub(crate) tags: Vec<TagOutcome>,
    pub(crate) layers_sent: usize,
    pub(crate) layers_mounted: usize,
    pub(crate) layers_skipped: usize,
    pub(crate) layers_left_out: usize,
    pub(crate) bytes_sent: u64,
    pub(crate) calls: u64,
}

/// A tag that points to the image.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagOutcome {
    pub(crate) tag: Tag,
    pub(crate) change: TagChange,
}

impl Pushed {
    /// Builds the outcome. `repositories` must not be empty.
    pub(crate) fn new(
        digest: Digest,
        repositories: Vec<RepositoryOutcome>,
        bytes_read: u64,
        elapsed: Duration,
    ) -> Self {
        Self(Versioned::new(PushedContent { digest, repositories, bytes_read, elapsed }))
    }

    /// Returns `REPOSITORY@sha256:…`, which always names exactly this image, even if its tags move.
    /// Use it in an image definition or a task definition. If the push has several repositories,
    /// this is the URI in the first one; [`repositories`](Self::repositories) has all.
    pub fn image_uri(&self) -> &str {
        &self.first().image_uri
    }

    /// Returns the image's digest, which is the same in every repository.
    pub fn digest(&self) -> &Digest {
        &self.0.digest
    }

    /// Returns the tags that point to the image, in the order in which they were set, with the
    /// effect of each. If the push has several repositories, these are the tags in the first one.
    pub fn tags(&self) -> &[TagOutcome] {
        &self.first().tags
    }

    /// Returns the outcome in each repository, in the order in which they were given.
    pub fn repositories(&self) -> &[RepositoryOutcome] {
        &self.0.repositories
    }

    /// Returns how many layers and configs were sent, summed over all repositories.
    pub fn layers_sent(&self) -> usize {
        self.0.repositories.iter().map(|to| to.layers_sent).sum()
    }

    /// Returns how many layers and configs were mounted from [another
    /// repository](crate::Push::mount_from) of the same registry, without being sent.
    pub fn layers_mounted(&self) -> usize {
        self.0.repositories.iter().map(|to| to.layers_mounted).sum()
    }

    /// Returns how many layers and configs the repositories already had.
    pub fn layers_skipped(&self) -> usize {
        self.0.repositories.iter().map(|to| to.layers_skipped).sum()
    }

    /// Returns how many foreign layers were [left out](crate::Push::foreign_layers), summed over all
    /// repositories.
    pub fn layers_left_out(&self) -> usize {
        self.0.repositories.iter().map(|to| to.layers_left_out).sum()
    }

    /// Returns how many bytes of layers and configs were sent, summed over all repositories. The
    /// API's base64 encoding, which adds a third, isn't included.
    pub fn bytes_sent(&self) -> u64 {
        self.0.repositories.iter().map(|to| to.bytes_sent).sum()
    }

    /// Returns how many bytes of layers and configs were read in order to send them. A push to
    /// several repositories reads each layer once, unless an upload restarts or loses bytes; with
    /// [`Transport::Registry`](crate::transport::Transport::Registry), it reads each layer once per
    /// repository.
    pub fn bytes_read(&self) -> u64 {
        self.0.bytes_read
    }

    /// Returns how many API operations and registry requests were made. Retries don't count, and
    /// neither does getting the token, because many pushes share it.
    pub fn calls(&self) -> u64 {
        self.0.repositories.iter().map(|to| to.calls).sum()
    }

    /// Returns how long the push took.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    fn first(&self) -> &RepositoryOutcome {
        &self.0.repositories[0]
    }
}

impl RepositoryOutcome {
    /// Returns the repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Returns `REPOSITORY@sha256:…`.
    pub fn image_uri(&self) -> &str {
        &self.image_uri
    }

    /// Returns the tags that point to the image, in the order in which they were set.
    pub fn tags(&self) -> &[TagOutcome] {
        &self.tags
    }

    /// Returns how many layers and configs were sent.
    pub fn layers_sent(&self) -> usize {
        self.layers_sent
    }

    /// Returns how many layers and configs were mounted from another repository, without being
    /// sent.
    pub fn layers_mounted(&self) -> usize {
        self.layers_mounted
    }

    /// Returns how many layers and configs the repository already had.
    pub fn layers_skipped(&self) -> usize {
        self.layers_skipped
    }

    /// Returns how many foreign layers were [left out](crate::Push::foreign_layers).
    pub fn layers_left_out(&self) -> usize {
        self.layers_left_out
    }

    /// Returns how many bytes of layers and configs were sent.
    pub fn bytes_sent(&self) -> u64 {
        self.bytes_sent
    }

    /// Returns how many API operations and registry requests were made.
    pub fn calls(&self) -> u64 {
        self.calls
    }
}

impl TagOutcome {
    /// Returns the tag.
    pub fn tag(&self) -> &Tag {
        &self.tag
    }

    /// Returns the effect of setting the tag.
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

/// Reads `REPOSITORY@sha256:…`. Programs print it, so it must not be any other text.
fn image_uri<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let (repository, digest) = text.split_once('@').unwrap_or((&text, ""));
    repository.parse::<Repository>().map_err(D::Error::custom)?;
    digest.parse::<Digest>().map_err(D::Error::custom)?;
    Ok(text)
}

fn to_seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

fn from_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(D::Error::custom)
}
