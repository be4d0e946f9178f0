//! The rule that decides which ECR events are deployed, and its form for EventBridge.

use imagedefs::ImageDefinitions;
use imagedefs::containers::ContainerMap;
use imagedefs::event::EcrImageEvent;
use imagedefs::rule::{Decision, DeployRule, EventValue, NamePattern};
use serde_json::{Value, json};

use crate::ending::BoxError;

/// A rule that deploys the images of named tags, into the containers of a map.
///
/// The tags have to be named: signatures, attestations and charts are pushed with tags too, and
/// EventBridge can't exclude them (a list of conditions is an "or").
#[derive(Debug)]
pub struct EventRule {
    rule: DeployRule,
    containers: ContainerMap,
}

/// The decision about an event.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums, reason = "a program deploys or doesn't")]
pub enum EventDecision {
    /// The images to deploy.
    Deploy(ImageDefinitions),
    /// The reason to ignore the event.
    Ignore(String),
}

impl EventRule {
    /// A rule for pushes of these tags into the repositories of the map.
    ///
    /// # Errors
    /// Fails if the map has no repository, or if the tags are missing or match signatures.
    pub fn new(containers: ContainerMap, tags: Vec<NamePattern>) -> Result<Self, BoxError> {
        if tags.is_empty() {
            return Err("no tag is given: name the tags to deploy, such as --tag 'v*'".into());
        }
        for tag in tags.iter().map(ToString::to_string) {
            if tag == "*" {
                return Err("the tag pattern `*` also matches signatures and attestations: name \
                            the tags to deploy, such as `v*`"
                    .into());
            }
            if tag.starts_with(SIGNATURE) {
                let problem = "matches signatures and attestations, not images";
                return Err(format!("the tag pattern `{tag}` {problem}").into());
            }
        }
        let mut rule = tags.into_iter().fold(DeployRule::new(), DeployRule::tag);
        for repository in containers.repositories() {
            rule = rule.repository(repository.parse()?);
        }
        if containers.repositories().next().is_none() {
            return Err(
                "the container map has no repository: the rule would deploy the images of \
                        every repository"
                    .into(),
            );
        }
        Ok(Self { rule, containers })
    }

    /// Decides whether to deploy the image of an event.
    ///
    /// # Errors
    /// Fails if the rule matches but the event has no valid image.
    pub fn decide(&self, event: &EcrImageEvent) -> Result<EventDecision, BoxError> {
        if let Some(reason) = not_an_image(event) {
            return Ok(EventDecision::Ignore(reason));
        }
        match self.rule.decide(event) {
            Decision::Ignore(reason) => Ok(EventDecision::Ignore(reason.to_string())),
            Decision::Deploy => {
                let image = event.image_uri()?;
                Ok(EventDecision::Deploy(self.containers.definitions([image])?))
            }
        }
    }

    /// The event pattern of the rule for EventBridge. It makes the same decisions.
    ///
    /// # Errors
    /// Fails if the pattern isn't JSON.
    pub fn pattern(&self) -> Result<String, BoxError> {
        let mut pattern: Value = serde_json::from_str(&self.rule.event_pattern().to_string())?;
        let mut types = vec![json!({ "exists": false })];
        types.extend(IMAGE_CONFIGS.map(Value::from));
        pattern["detail"]["artifact-media-type"] = types.into();
        Ok(serde_json::to_string_pretty(&pattern)?)
    }

    /// The input transformer of a target that is a pipeline: it starts the pipeline with the digest
    /// of the event.
    ///
    /// # Errors
    /// Fails if the name of the source action or of a variable is invalid.
    pub fn transformer(
        &self,
        source_action: &str,
        variables: &[(String, EventValue)],
    ) -> Result<String, BoxError> {
        let mut transformer = self.rule.input_transformer(source_action)?;
        for (name, value) in variables {
            transformer = transformer.variable(name, *value)?;
        }
        Ok(transformer.to_string())
    }
}

/// Cosign stores the signature of `sha256:…` with the tag `sha256-….sig`, an attestation with
/// `.att`, and a list of parts with `.sbom`.
const SIGNATURE: &str = "sha256-";

/// The media types of an image's config. Helm charts and other artifacts have other types; the
/// event of an index has none.
const IMAGE_CONFIGS: [&str; 2] =
    ["application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"];

fn not_an_image(event: &EcrImageEvent) -> Option<String> {
    if let Some(tag) = event.tag().filter(|it| it.starts_with(SIGNATURE)) {
        return Some(format!("the tag `{tag}` belongs to a signature or an attestation"));
    }
    let media_type = event.artifact_media_type().filter(|it| !IMAGE_CONFIGS.contains(it))?;
    Some(format!("the artifact type `{media_type}` is not a container image"))
}
