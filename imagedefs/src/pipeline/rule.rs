//! Which events of Amazon ECR are a reason to deploy.

pub(crate) mod decision;
pub(crate) mod name_pattern;
pub(crate) mod render;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::pipeline::event::EcrImageEvent;
use crate::pipeline::rule::decision::{Decision, IgnoreReason};
use crate::pipeline::rule::name_pattern::NamePattern;
use crate::text::versioned::Versioned;

/// Which events of Amazon ECR are a reason to deploy: one rule for the cloud and for the code.
///
/// [`event_pattern`](Self::event_pattern) is for the rule in EventBridge,
/// [`input_transformer`](Self::input_transformer) for its target, if that is a pipeline, and
/// [`decide`](Self::decide) for a Lambda function, or for finding out beforehand. They agree: a
/// property test compares them.
///
/// A new rule takes every successful push with a tag, into any repository. That leaves out the
/// parts of an image for several platforms, for each of which ECR sends an event with an empty tag,
/// and which a rule without a word about tags would deploy.
///
/// ```
/// use imagedefs::rule::{Decision, DeployRule, IgnoreReason};
///
/// let rule = DeployRule::new().repository("shop/web".parse()?).tag("v*".parse()?);
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
/// Some tools that sign images store the signature as an image of its own, with a tag that begins
/// with `sha256-`. To a rule for any tag that is a tag like others: use a prefix or a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeployRule {
    trigger: DeployTrigger,
    /// Any of them; empty: every one.
    repositories: Vec<NamePattern>,
    /// Any of them; empty: every one.
    tags: Vec<NamePattern>,
    form: ImageForm,
}

impl DeployRule {
    /// Every successful push with a tag.
    pub fn new() -> Self {
        Self::default()
    }

    /// Images in these repositories only. Given several times, in any of them.
    pub fn repository(mut self, repository: NamePattern) -> Self {
        self.repositories.push(repository);
        self
    }

    /// Images with these tags only. Given several times, with any of them.
    ///
    /// An image that is pushed with several tags is reported once for each, so that a rule for more
    /// than one of them takes the same image more than once.
    pub fn tag(mut self, tag: NamePattern) -> Self {
        self.tags.push(tag);
        self
    }

    /// What has to have happened.
    pub fn trigger(mut self, trigger: DeployTrigger) -> Self {
        self.trigger = trigger;
        self
    }

    /// What was pushed: an index, or a single image.
    pub fn form(mut self, form: ImageForm) -> Self {
        self.form = form;
        self
    }

    /// Whether to deploy the image that an event is about, and why not.
    ///
    /// To deploy, take [`image_uri`](EcrImageEvent::image_uri) of the event. That can still fail,
    /// for a digest that is none: EventBridge can't look into digests, and so neither does this.
    pub fn decide(&self, event: &EcrImageEvent) -> Decision {
        match self.reason_to_ignore(event) {
            Some(reason) => Decision::Ignore(reason),
            None => Decision::Deploy,
        }
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
            patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(name))
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
        let media_types = self.form.media_types();
        let media_type = event.manifest_media_type();
        if !media_types.is_empty() && !media_type.is_some_and(|it| media_types.contains(&it)) {
            return Some(IgnoreReason::Form { media_type: own(media_type) });
        }
        None
    }
}

/// With `"version": 1`; see [`Deserialize`](#impl-Deserialize<'de>-for-DeployRule).
impl Serialize for DeployRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { trigger, repositories, tags, form } = self.clone();
        let saved = SavedRule { trigger, repositories, tags, form };
        Versioned::new(saved).serialize(serializer)
    }
}

/// `trigger`, `repositories`, `tags` and `form`. Another `version` than 1 is refused, and so are
/// members that are not known.
impl<'de> Deserialize<'de> for DeployRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let SavedRule { trigger, repositories, tags, form } =
            Versioned::deserialize(deserializer)?.data;
        Ok(Self { trigger, repositories, tags, form })
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

/// What has to have happened to an image, successfully in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum DeployTrigger {
    /// It was pushed, into the region that the event comes from.
    #[default]
    Push,
    /// It arrived as a copy from another region or account. The event comes from where the copy
    /// is, and so this is the one to deploy on in every region but the first: a push says nothing
    /// about when the copies are there.
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

/// What was pushed. It is told by `manifest-media-type`, which events have and AWS doesn't document;
/// an event without it is ignored, unless any form will do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ImageForm {
    /// Either.
    #[default]
    Any,
    /// An index, or manifest list: images for several platforms as one.
    Index,
    /// An image for one platform.
    Manifest,
}

impl ImageForm {
    /// Empty: all.
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

#[cfg(test)]
mod tests;
