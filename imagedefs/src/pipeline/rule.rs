//! The rule for events of Amazon ECR that are a reason to deploy.

pub(crate) mod decision;
pub(crate) mod name_pattern;
pub(crate) mod render;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::definitions::containers::ContainerMap;
use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::pipeline::event::EcrImageEvent;
use crate::pipeline::rule::decision::{Decision, IgnoreReason};
use crate::pipeline::rule::name_pattern::NamePattern;
use crate::text::versioned::Versioned;

/// A rule for the events of Amazon ECR that are a reason to deploy, the same in EventBridge and in
/// code.
///
/// [`event_pattern`](Self::event_pattern) is for the rule in EventBridge,
/// [`input_transformer`](Self::input_transformer) for a pipeline as its target, and
/// [`decide`](Self::decide) for a Lambda function, or for a test. A property test checks that they
/// agree.
///
/// A rule names its repositories and its tags. ECR sends an event for each part of an image for
/// several platforms, with an empty tag, and cosign pushes signatures and attestations as images
/// with tags such as `sha256-….sig`: a rule without a condition on tags would deploy all of them.
/// EventBridge cannot exclude them, because a list of conditions is an "or". So a tag pattern that
/// matches them is refused. Helm charts and other artifacts have tags like images, and are ignored
/// by their media type.
///
/// ```
/// use imagedefs::rule::{Decision, DeployRule, IgnoreReason};
///
/// let rule = DeployRule::new(["shop/web".parse()?], ["v*".parse()?])?;
/// let part = r#"{
///     "detail-type": "ECR Image Action", "source": "aws.ecr",
///     "account": "111122223333", "region": "us-west-2",
///     "detail": {
///         "result": "SUCCESS", "repository-name": "shop/web", "action-type": "PUSH",
///         "image-digest": "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
///         "image-tag": "", "manifest-media-type": "application/vnd.oci.image.manifest.v1+json"
///     }
/// }"#;
/// let decision = rule.decide(&part.parse()?);
/// assert_eq!(decision, Decision::Ignore(IgnoreReason::NoTag));
/// # Ok::<(), imagedefs::Error>(())
/// ```
///
/// A rule can be saved. It serialises as `{"version": 1, "trigger": "push", "repositories":
/// ["shop/web"], "tags": ["v*"], "form": "any"}`; trigger and form are optional. Reading it refuses
/// another version, unknown members, and the lists that [`new`](Self::new) refuses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub struct DeployRule {
    trigger: DeployTrigger,
    /// Never empty.
    repositories: Vec<NamePattern>,
    /// Never empty. None of them matches the tag of a signature.
    tags: Vec<NamePattern>,
    form: ImageForm,
}

impl DeployRule {
    /// Accepts the successful pushes of images with one of these tags into one of these
    /// repositories.
    ///
    /// ECR reports an image once for each tag that it is pushed with. A rule for several of these
    /// tags accepts the same image several times.
    ///
    /// # Errors
    ///
    /// `InvalidRule` if there is no repository or no tag, or if a tag pattern also matches the tags
    /// of signatures and attestations, as `*` does.
    pub fn new(
        repositories: impl IntoIterator<Item = NamePattern>,
        tags: impl IntoIterator<Item = NamePattern>,
    ) -> Result<Self, Error> {
        let rule = Self {
            trigger: DeployTrigger::default(),
            repositories: repositories.into_iter().collect(),
            tags: tags.into_iter().collect(),
            form: ImageForm::default(),
        };
        rule.checked()
    }

    /// Accepts the successful pushes of images with one of these tags into a repository of the map.
    ///
    /// # Errors
    ///
    /// The errors of [`new`](Self::new): an empty map is one of them.
    pub fn from_containers(
        containers: &ContainerMap,
        tags: impl IntoIterator<Item = NamePattern>,
    ) -> Result<Self, Error> {
        let repositories =
            containers.repositories().map(str::parse).collect::<Result<Vec<NamePattern>, _>>()?;
        Self::new(repositories, tags)
    }

    /// Sets what has to happen to the image.
    pub fn trigger(mut self, trigger: DeployTrigger) -> Self {
        self.trigger = trigger;
        self
    }

    /// Sets the form of the image: an index, or a single image.
    pub fn form(mut self, form: ImageForm) -> Self {
        self.form = form;
        self
    }

    /// Decides whether to deploy the image of an event, and if not, why.
    ///
    /// To deploy, use [`image_uri`](EcrImageEvent::image_uri) of the event. It can still fail, for
    /// an invalid digest: EventBridge cannot check digests, so the rule does not either.
    pub fn decide(&self, event: &EcrImageEvent) -> Decision {
        match self.reason_to_ignore(event) {
            Some(reason) => Decision::Ignore(reason),
            None => Decision::Deploy,
        }
    }

    fn checked(self) -> Result<Self, Error> {
        let mut reasons = Vec::new();
        if self.repositories.is_empty() {
            let reason = "no repository is given: it would deploy the images of every repository";
            reasons.push(reason.to_owned());
        }
        if self.tags.is_empty() {
            reasons.push("no tag is given: name the tags to deploy, such as `v*`".to_owned());
        }
        let signatures = self.tags.iter().filter(|tag| tag.overlaps(SIGNATURE_PREFIX));
        reasons.extend(signatures.map(|tag| {
            format!(
                "the tag pattern `{tag}` also matches signatures and attestations: name the tags \
                 to deploy, such as `v*`"
            )
        }));
        if reasons.is_empty() {
            return Ok(self);
        }
        Err(Error::refused(ErrorKind::InvalidRule, "unsafe rule", reasons))
    }

    fn reason_to_ignore(&self, event: &EcrImageEvent) -> Option<IgnoreReason> {
        let own = |text: Option<&str>| text.map(str::to_owned);
        if event.source() != SOURCE {
            return Some(IgnoreReason::Source { source: event.source().to_owned() });
        }
        if event.detail_type() != self.trigger.detail_type() {
            return Some(IgnoreReason::DetailType { detail_type: event.detail_type().to_owned() });
        }
        if event.action() != Some(self.trigger.action()) {
            return Some(IgnoreReason::Action { action: own(event.action()) });
        }
        if event.result() != Some(SUCCESS) {
            return Some(IgnoreReason::Result { result: own(event.result()) });
        }
        let is_meant = |patterns: &[NamePattern], name: &str| {
            patterns.iter().any(|pattern| pattern.matches(name))
        };
        match event.repository() {
            Some(repository) if is_meant(&self.repositories, repository) => {}
            other => return Some(IgnoreReason::Repository { repository: own(other) }),
        }
        match event.tag() {
            None => return Some(IgnoreReason::NoTag),
            Some(tag) if is_meant(&self.tags, tag) => {}
            Some(other) => return Some(IgnoreReason::Tag { tag: other.to_owned() }),
        }
        if !event.digest().is_some_and(|digest| digest.starts_with(DIGEST_PREFIX)) {
            return Some(IgnoreReason::NoDigest);
        }
        if let Some(media_type) = event.artifact_media_type()
            && !IMAGE_CONFIGS.contains(&media_type)
        {
            return Some(IgnoreReason::Artifact { media_type: media_type.to_owned() });
        }
        let media_types = self.form.media_types();
        let media_type = event.manifest_media_type();
        if !media_types.is_empty() && !media_type.is_some_and(|it| media_types.contains(&it)) {
            return Some(IgnoreReason::Form { media_type: own(media_type) });
        }
        None
    }
}

/// Serialises with `"version": 1`, as the type's documentation shows.
impl Serialize for DeployRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { trigger, repositories, tags, form } = self.clone();
        let saved = SavedRule { trigger, repositories, tags, form };
        Versioned::new(saved).serialize(serializer)
    }
}

/// Reads a saved rule. Another `version` than 1, unknown members and unsafe rules are refused.
impl<'de> Deserialize<'de> for DeployRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let SavedRule { trigger, repositories, tags, form } =
            Versioned::deserialize(deserializer)?.data;
        Self { trigger, repositories, tags, form }.checked().map_err(de::Error::custom)
    }
}

/// A rule as it is saved.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SavedRule {
    #[serde(default)]
    trigger: DeployTrigger,
    #[serde(default)]
    repositories: Vec<NamePattern>,
    #[serde(default)]
    tags: Vec<NamePattern>,
    #[serde(default)]
    form: ImageForm,
}

/// The event that triggers a deployment, if it was successful.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum DeployTrigger {
    /// The image was pushed, into the region that the event comes from.
    #[default]
    Push,
    /// The image was replicated from another region or account. The event comes from the region of
    /// the copy. Use this trigger in every region but the first: a push does not tell when the
    /// copies exist.
    Replication,
}

impl DeployTrigger {
    fn detail_type(self) -> &'static str {
        match self {
            Self::Push => "ECR Image Action",
            Self::Replication => "ECR Replication Action",
        }
    }

    fn action(self) -> &'static str {
        match self {
            Self::Push => "PUSH",
            Self::Replication => "REPLICATE",
        }
    }
}

/// The form of the pushed image, by `manifest-media-type`, which events have and AWS does not
/// document. An event without it is ignored, unless any form is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ImageForm {
    /// An index or a single image.
    #[default]
    Any,
    /// An index, or manifest list: images for several platforms as one.
    Index,
    /// An image for one platform.
    Manifest,
}

impl ImageForm {
    /// The media types of the form. Empty for any form.
    fn media_types(self) -> &'static [&'static str] {
        match self {
            Self::Any => &[],
            Self::Index => &[
                "application/vnd.docker.distribution.manifest.list.v2+json",
                "application/vnd.oci.image.index.v1+json",
            ],
            Self::Manifest => &[
                "application/vnd.docker.distribution.manifest.v2+json",
                "application/vnd.oci.image.manifest.v1+json",
            ],
        }
    }
}

const SOURCE: &str = "aws.ecr";
const SUCCESS: &str = "SUCCESS";
const DIGEST_PREFIX: &str = "sha256:";

/// Cosign stores the signature of `sha256:…` with the tag `sha256-….sig`, an attestation with
/// `.att`, and a list of parts with `.sbom`.
const SIGNATURE_PREFIX: &str = "sha256-";

/// The media types of an image's config. Helm charts and other artifacts have other types; the
/// event of an index has none.
const IMAGE_CONFIGS: [&str; 2] =
    ["application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"];

#[cfg(test)]
mod tests;
