//! Events of Amazon ECR, as EventBridge delivers them.

use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::names::image_uri::ImageUri;
use crate::text::flaw::Quoted;

/// An event that Amazon ECR sent to EventBridge about an image: pushed, replicated, deleted, ...
/// (ECR user guide, Amazon ECR events and EventBridge).
///
/// A Lambda function can take it as its payload. A [`DeployRule`](crate::rule::DeployRule) decides
/// whether it is a reason to deploy. Most events are not:
///
/// - One push of an image for several platforms sends an event for each part, with an empty tag,
///   and one for the index, with the tag.
/// - Deleting and archiving an image have the same `detail-type` as a push.
/// - Events are sent "on a best effort basis": one may be missing.
///
/// The type accepts any event of this form, with or without the members of `detail`, so that a rule
/// can decide about it. The accessors return the text as it was sent, which is not safe to print.
/// Unknown members are ignored. Undocumented members, such as
/// `manifest-media-type`, are known from recorded events.
///
/// ```
/// use imagedefs::event::EcrImageEvent;
///
/// let event = r#"{
///     "version": "0", "id": "13cde686-328b-6117-af20-0e5566167482",
///     "detail-type": "ECR Image Action", "source": "aws.ecr", "account": "111122223333",
///     "time": "2019-11-16T01:54:34Z", "region": "us-west-2", "resources": [],
///     "detail": {
///         "result": "SUCCESS", "repository-name": "shop/web", "action-type": "PUSH",
///         "image-digest": "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
///         "image-tag": "1.4.2"
///     }
/// }"#;
/// let event = event.parse::<EcrImageEvent>()?;
/// assert_eq!(
///     event.image_uri()?.as_str(),
///     "111122223333.dkr.ecr.us-west-2.amazonaws.com/shop/web@sha256:\
///      0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
/// );
/// # Ok::<(), imagedefs::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EcrImageEvent(Envelope);

impl EcrImageEvent {
    /// Returns the service that sent it, `aws.ecr` for Amazon ECR.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Returns the kind of event, such as `ECR Image Action` or `ECR Replication Action`.
    pub fn detail_type(&self) -> &str {
        &self.0.detail_type
    }

    /// Returns the account of the registry, 12 digits.
    pub fn account(&self) -> &str {
        &self.0.account
    }

    /// Returns the region of the registry. For a replication, this is the region of the copy.
    pub fn region(&self) -> &str {
        &self.0.region
    }

    /// Returns the action: `PUSH`, `REPLICATE`, `DELETE`, `UPDATE_STORAGE_CLASS`, ...
    pub fn action(&self) -> Option<&str> {
        present(&self.0.detail.action_type)
    }

    /// Returns the result: `SUCCESS`, or `FAILED`, which replications report.
    pub fn result(&self) -> Option<&str> {
        present(&self.0.detail.result)
    }

    /// Returns the repository's name, without the registry.
    pub fn repository(&self) -> Option<&str> {
        present(&self.0.detail.repository_name)
    }

    /// Returns the tag. `None` if the image is part of another one, or was pushed by its digest
    /// alone. The event of such a push has an empty string.
    pub fn tag(&self) -> Option<&str> {
        present(&self.0.detail.image_tag)
    }

    /// Returns the digest, as written. The digest in the ECR user guide's sample lacks four digits.
    pub fn digest(&self) -> Option<&str> {
        present(&self.0.detail.image_digest)
    }

    /// Returns the media type of the manifest, which distinguishes an index from a single image.
    /// The documented sample lacks it.
    pub fn manifest_media_type(&self) -> Option<&str> {
        present(&self.0.detail.manifest_media_type)
    }

    /// Returns the media type of the artifact that the manifest describes. An index has none.
    pub fn artifact_media_type(&self) -> Option<&str> {
        present(&self.0.detail.artifact_media_type)
    }

    /// Returns the image by its digest, in the account and region of the event. No member of the
    /// event has the host of the registry; it follows from the region's partition.
    ///
    /// # Errors
    ///
    /// `NoDigest` if the event has no digest; `InvalidEvent` for the sample of the ECR user guide,
    /// whose digest lacks four digits; `InvalidImageUri` if account, region, repository or
    /// digest are invalid.
    pub fn image_uri(&self) -> Result<ImageUri, Error> {
        let repository = self.repository().unwrap_or_default();
        let digest = self.digest().ok_or_else(|| {
            let detail_type = Quoted(self.detail_type());
            let what = format!("the event {detail_type} has no `image-digest` in its detail");
            Error::refused(ErrorKind::NoDigest, what, [])
        })?;
        if digest == SAMPLE_DIGEST {
            let what = "the event is the sample of the ECR user guide, whose digest has 60 digits \
                        instead of 64: use the event of a push";
            return Err(Error::refused(ErrorKind::InvalidEvent, what, []));
        }
        ImageUri::from_ecr(self.account(), self.region(), repository, digest)
    }
}

/// Reads the JSON of an event. Other shapes in which an event arrives are refused by name: the
/// arrays of EventBridge Pipes, the `detail` alone, jobs of CodePipeline, and deliveries of SNS and
/// SQS.
impl FromStr for EcrImageEvent {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = |reason: String| {
            let what = "invalid EventBridge event";
            Error::refused(ErrorKind::InvalidEvent, what, [reason])
        };
        let value = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}'))
            .map_err(|error| refused(format!("invalid JSON: {error}")))?;
        if let Some(shape) = other_shape(&value) {
            return Err(refused(shape));
        }
        Self::deserialize(value).map_err(|error| refused(error.to_string()))
    }
}

/// The digest of the sample in the ECR user guide, Amazon ECR events and EventBridge.
const SAMPLE_DIGEST: &str = "sha256:7f5b2640fe6fb4f46592dfd3410c4a79dac4f89e4782432e0378abcd1234";

/// Describes the shape of a document that is not an event but has one in it, or stands in for one.
fn other_shape(value: &Value) -> Option<String> {
    let has = |name: &str| value.get(name).is_some();
    if let Some(events) = value.as_array() {
        let count = events.len();
        return Some(format!(
            "it is an array of {count} events, the form that EventBridge Pipes deliver: parse each \
             event alone, or use a rule of EventBridge"
        ));
    }
    if value.as_str().is_some_and(|text| text.trim_start().starts_with('{')) {
        return Some("it is a string with JSON in it: parse the text of the string".to_owned());
    }
    if has("repository-name") && !has("detail") {
        return Some(
            "it is only the `detail` of an event, without account and region: remove `InputPath` \
             from the rule's target"
                .to_owned(),
        );
    }
    if has("CodePipeline.job") {
        return Some(
            "it is a job of CodePipeline's Lambda action, which names no image: start the function \
             with a rule of EventBridge"
                .to_owned(),
        );
    }
    let delivery = |service: &str, member: &str| {
        Some(format!("it is a delivery of {service}: the text in `{member}` is the event"))
    };
    if value.get("Type").and_then(Value::as_str) == Some("Notification") && has("Message") {
        return delivery("SNS", "Message");
    }
    if has("receiptHandle") && has("body") {
        return delivery("SQS", "body");
    }
    let record = value.get("Records")?.get(0).unwrap_or(&Value::Null);
    let source = record.get("EventSource").or_else(|| record.get("eventSource"));
    match source.and_then(Value::as_str) {
        Some("aws:sns") => delivery("SNS", "Records[].Sns.Message"),
        Some("aws:sqs") => delivery("SQS", "Records[].body"),
        _ => Some(
            "it has `Records`: a queue or a topic delivered it, and the text of each record is an \
             event"
                .to_owned(),
        ),
    }
}

impl<'de> Deserialize<'de> for EcrImageEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Envelope::deserialize(deserializer).map(Self)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case", expecting = "an object")]
struct Envelope {
    source: String,
    detail_type: String,
    account: String,
    region: String,
    detail: EventDetail,
}

/// The members of `detail`. A missing member is empty, as a missing tag is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case", expecting = "an object")]
struct EventDetail {
    #[serde(default)]
    action_type: String,
    #[serde(default)]
    artifact_media_type: String,
    #[serde(default)]
    image_digest: String,
    #[serde(default)]
    image_tag: String,
    #[serde(default)]
    manifest_media_type: String,
    #[serde(default)]
    repository_name: String,
    #[serde(default)]
    result: String,
}

fn present(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample of the ECR user guide, word for word.
    const DOCUMENTED: &str = r#"{"version":"0","id":"13cde686-328b-6117-af20-0e5566167482",
        "detail-type":"ECR Image Action","source":"aws.ecr","account":"123456789012",
        "time":"2019-11-16T01:54:34Z","region":"us-west-2","resources":[],
        "detail":{"result":"SUCCESS","repository-name":"my-repository-name",
        "image-digest":"sha256:7f5b2640fe6fb4f46592dfd3410c4a79dac4f89e4782432e0378abcd1234",
        "action-type":"PUSH","image-tag":"latest"}}"#;

    #[test]
    fn the_documented_sample_is_an_event_whose_digest_is_too_short() {
        let event = DOCUMENTED.parse::<EcrImageEvent>().unwrap();
        assert_eq!(event.source(), "aws.ecr");
        assert_eq!(event.detail_type(), "ECR Image Action");
        assert_eq!(event.action(), Some("PUSH"));
        assert_eq!(event.result(), Some("SUCCESS"));
        assert_eq!(event.repository(), Some("my-repository-name"));
        assert_eq!(event.tag(), Some("latest"));
        assert_eq!(event.manifest_media_type(), None);
        assert_eq!(event.artifact_media_type(), None);

        let error = event.image_uri().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidEvent);
        assert_eq!(
            error.to_string(),
            "the event is the sample of the ECR user guide, whose digest has 60 digits instead of \
             64: use the event of a push"
        );
        let short = DOCUMENTED.replace("abcd1234", "abcd123");
        let error = short.parse::<EcrImageEvent>().unwrap().image_uri().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidImageUri);
        assert_eq!(error.problems()[0].what(), "the digest has 59 digits instead of 64");

        let mended = DOCUMENTED.replace("abcd1234", "abcd12340000");
        let image = mended.parse::<EcrImageEvent>().unwrap().image_uri().unwrap();
        assert_eq!(image.ecr().map(|registry| registry.account()), Some("123456789012"));
    }

    #[test]
    fn the_host_is_that_of_the_partition() {
        for (region, suffix) in [
            ("eu-central-1", "eu-central-1.amazonaws.com"),
            ("us-gov-west-1", "us-gov-west-1.amazonaws.com"),
            ("cn-north-1", "cn-north-1.amazonaws.com.cn"),
            ("eusc-de-east-1", "eusc-de-east-1.amazonaws.eu"),
            ("us-iso-east-1", "us-iso-east-1.c2s.ic.gov"),
        ] {
            let mended = DOCUMENTED.replace("abcd1234", "abcd12340000");
            let event = mended.replace("us-west-2", region).parse::<EcrImageEvent>().unwrap();
            let image = event.image_uri().unwrap();
            let host = format!("123456789012.dkr.ecr.{suffix}");
            assert_eq!(image.registry(), Some(host.as_str()));
        }
    }

    #[test]
    fn what_is_no_event_is_said() {
        for (text, reason) in [
            ("", "invalid JSON: EOF while parsing a value at line 1 column 0"),
            ("{}", "missing field `source`"),
            ("3", "invalid type: integer `3`, expected an object"),
            (
                r#"{"Records": []}"#,
                "it has `Records`: a queue or a topic delivered it, and the text of each record \
                 is an event",
            ),
            (&DOCUMENTED.replace("\"latest\"", "null"), "invalid type: null, expected a string"),
        ] {
            let error = text.parse::<EcrImageEvent>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidEvent);
            assert_eq!(error.to_string(), format!("invalid EventBridge event: {reason}"));
        }
    }

    #[test]
    fn other_shapes_are_named() {
        let text = serde_json::json!(DOCUMENTED).to_string();
        let detail = serde_json::from_str::<Value>(DOCUMENTED).unwrap()["detail"].to_string();
        for (input, shape) in [
            (
                format!("[{DOCUMENTED}, {DOCUMENTED}]"),
                "it is an array of 2 events, the form that EventBridge Pipes deliver: parse each \
                 event alone, or use a rule of EventBridge",
            ),
            (text.clone(), "it is a string with JSON in it: parse the text of the string"),
            (
                detail,
                "it is only the `detail` of an event, without account and region: remove \
                 `InputPath` from the rule's target",
            ),
            (
                r#"{"CodePipeline.job": {"id": "1"}}"#.to_owned(),
                "it is a job of CodePipeline's Lambda action, which names no image: start the \
                 function with a rule of EventBridge",
            ),
            (
                format!(
                    r#"{{"Records": [{{"EventSource": "aws:sns", "Sns": {{"Message": {text}}}}}]}}"#
                ),
                "it is a delivery of SNS: the text in `Records[].Sns.Message` is the event",
            ),
            (
                format!(r#"{{"Records": [{{"eventSource": "aws:sqs", "body": {text}}}]}}"#),
                "it is a delivery of SQS: the text in `Records[].body` is the event",
            ),
            (
                format!(r#"{{"Type": "Notification", "Message": {text}}}"#),
                "it is a delivery of SNS: the text in `Message` is the event",
            ),
            (
                format!(r#"{{"messageId": "1", "receiptHandle": "a", "body": {text}}}"#),
                "it is a delivery of SQS: the text in `body` is the event",
            ),
        ] {
            let error = input.parse::<EcrImageEvent>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidEvent);
            assert_eq!(error.to_string(), format!("invalid EventBridge event: {shape}"));
        }
    }

    #[test]
    fn an_event_without_a_digest_has_no_image() {
        let text = DOCUMENTED.replace("image-digest", "image-digests");
        let error = text.parse::<EcrImageEvent>().unwrap().image_uri().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoDigest);
        assert_eq!(
            error.to_string(),
            "the event `ECR Image Action` has no `image-digest` in its detail"
        );
    }
}
