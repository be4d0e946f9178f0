//! A rule, rendered for EventBridge: the event pattern, and the input of the pipeline.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::pipeline::rule::name_pattern::NamePattern;
use crate::pipeline::rule::{DIGEST_PREFIX, DeployRule, IMAGE_CONFIGS, SOURCE, SUCCESS};
use crate::text::flaw::Quoted;

impl DeployRule {
    /// Renders the rule as an event pattern, for `EventPattern` of PutRule and of
    /// `AWS::Events::Rule`.
    ///
    /// ```
    /// use imagedefs::rule::DeployRule;
    ///
    /// let rule = DeployRule::new(["shop/web".parse()?], ["v*".parse()?])?;
    /// assert_eq!(rule.event_pattern().to_string(), r#"{
    ///   "detail": {
    ///     "action-type": [
    ///       "PUSH"
    ///     ],
    ///     "artifact-media-type": [
    ///       {
    ///         "exists": false
    ///       },
    ///       "",
    ///       "application/vnd.docker.container.image.v1+json",
    ///       "application/vnd.oci.image.config.v1+json"
    ///     ],
    ///     "image-digest": [
    ///       {
    ///         "prefix": "sha256:"
    ///       }
    ///     ],
    ///     "image-tag": [
    ///       {
    ///         "prefix": "v"
    ///       }
    ///     ],
    ///     "repository-name": [
    ///       "shop/web"
    ///     ],
    ///     "result": [
    ///       "SUCCESS"
    ///     ]
    ///   },
    ///   "detail-type": [
    ///     "ECR Image Action"
    ///   ],
    ///   "source": [
    ///     "aws.ecr"
    ///   ]
    /// }"#);
    /// # Ok::<(), imagedefs::Error>(())
    /// ```
    pub fn event_pattern(&self) -> EventPattern {
        let any_of = |patterns: &[NamePattern]| {
            patterns.iter().map(NamePattern::to_condition).collect::<Value>()
        };
        // An index has none; an empty one counts as none.
        let mut artifacts = vec![json!({ "exists": false }), json!("")];
        artifacts.extend(IMAGE_CONFIGS.map(Value::from));
        let mut detail = json!({
            "action-type": [self.trigger.action()],
            "artifact-media-type": artifacts,
            "image-digest": [{ "prefix": DIGEST_PREFIX }],
            "image-tag": any_of(&self.tags),
            "repository-name": any_of(&self.repositories),
            "result": [SUCCESS],
        });
        let media_types = self.form.media_types();
        if !media_types.is_empty() {
            detail["manifest-media-type"] = json!(media_types);
        }
        EventPattern(json!({
            "source": [SOURCE],
            "detail-type": [self.trigger.detail_type()],
            "detail": detail,
        }))
    }

    /// Returns the transformer from an event to the input of StartPipelineExecution. The pipeline
    /// then runs with exactly the image of the event, even if its tag has moved since (CodePipeline
    /// user guide, source revision overrides; for pipelines of type V2).
    ///
    /// `source_action` is the name of the pipeline's ECR source action.
    ///
    /// ```
    /// use imagedefs::rule::{DeployRule, EventValue};
    ///
    /// let rule = DeployRule::new(["shop/web".parse()?], ["v*".parse()?])?;
    /// let transformer = rule.input_transformer("Source")?.variable("TAG", EventValue::Tag)?;
    /// assert_eq!(
    ///     transformer.template(),
    ///     r#"{"sourceRevisions":[{"actionName":"Source","revisionType":"IMAGE_DIGEST","revisionValue":"<revisionValue>"}],"variables":[{"name":"TAG","value":"<tag>"}]}"#,
    /// );
    /// # Ok::<(), imagedefs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidRule` for an invalid name of an action.
    pub fn input_transformer(&self, source_action: &str) -> Result<InputTransformer, Error> {
        check_name(source_action, "an action of a pipeline", "._-@", 100)?;
        Ok(InputTransformer { source_action: source_action.to_owned(), variables: Vec::new() })
    }
}

/// An event pattern of EventBridge. `Display` prints its JSON, indented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventPattern(Value);

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string_pretty(&self.0).map_err(|_| fmt::Error)?)
    }
}

/// An input transformer of EventBridge, for a pipeline as the target. `Display` prints the JSON
/// that PutTargets takes as `InputTransformer`, indented.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct InputTransformer {
    source_action: String,
    variables: Vec<(String, EventValue)>,
}

impl InputTransformer {
    /// Sets a variable of the pipeline to a value from the event.
    ///
    /// # Errors
    ///
    /// `InvalidRule` for an invalid name of a variable, or a duplicate one.
    pub fn variable(mut self, name: &str, value: EventValue) -> Result<Self, Error> {
        check_name(name, "a variable of a pipeline", "_-@", 128)?;
        if self.variables.iter().any(|(present, _)| present == name) {
            let what = format!("duplicate variable {}", Quoted(name));
            return Err(Error::refused(ErrorKind::InvalidRule, what, []));
        }
        self.variables.push((name.to_owned(), value));
        Ok(self)
    }

    /// Returns `InputPathsMap` as JSON: the values to take from the event.
    pub fn input_paths(&self) -> String {
        self.paths().to_string()
    }

    /// Returns `InputTemplate`: the input of StartPipelineExecution, with the values from the event
    /// in `<>`.
    pub fn template(&self) -> String {
        let variables = self
            .variables
            .iter()
            .map(|(name, value)| json!({ "name": name, "value": format!("<{}>", value.key()) }));
        let mut template = json!({
            "sourceRevisions": [{
                "actionName": self.source_action,
                "revisionType": "IMAGE_DIGEST",
                "revisionValue": format!("<{}>", EventValue::Digest.key()),
            }],
        });
        if !self.variables.is_empty() {
            template["variables"] = variables.collect();
        }
        template.to_string()
    }

    fn paths(&self) -> Value {
        let values = self.variables.iter().map(|(_, value)| *value);
        let paths = values
            .chain([EventValue::Digest])
            .map(|value| (value.key().to_owned(), Value::from(value.path())));
        paths.collect::<Map<_, _>>().into()
    }
}

impl fmt::Display for InputTransformer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?)
    }
}

/// Serialises what PutTargets takes as `InputTransformer`.
impl Serialize for InputTransformer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("InputTransformer", 2)?;
        members.serialize_field("InputPathsMap", &self.paths())?;
        members.serialize_field("InputTemplate", &self.template())?;
        members.end()
    }
}

/// A value of an event, for a variable of a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventValue {
    /// The account of the registry.
    Account,
    /// The digest of the image.
    Digest,
    /// The region of the registry.
    Region,
    /// The name of the repository.
    Repository,
    /// The tag.
    Tag,
}

impl EventValue {
    fn key(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Digest => "revisionValue",
            Self::Region => "region",
            Self::Repository => "repository",
            Self::Tag => "tag",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Account => "$.account",
            Self::Digest => "$.detail.image-digest",
            Self::Region => "$.region",
            Self::Repository => "$.detail.repository-name",
            Self::Tag => "$.detail.image-tag",
        }
    }
}

/// Checks a name as the CodePipeline API does: `ActionName`, `PipelineVariableName`.
fn check_name(name: &str, what: &str, punctuation: &str, max_len: usize) -> Result<(), Error> {
    let is_allowed = |other: char| other.is_ascii_alphanumeric() || punctuation.contains(other);
    if (1..=max_len).contains(&name.len()) && name.chars().all(is_allowed) {
        return Ok(());
    }
    let quoted = Quoted(name);
    let reason =
        format!("expected 1 to {max_len} letters, digits and characters of `{punctuation}`");
    Err(Error::refused(
        ErrorKind::InvalidRule,
        format!("invalid name {quoted} of {what}"),
        [reason],
    ))
}
