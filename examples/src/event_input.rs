//! The event of a program's input: an ECR event, or the name of the other shape that it has.

use imagedefs::event::EcrImageEvent;
use serde_json::Value;

use crate::ending::BoxError;

/// Parses an ECR event, and recognizes the other shapes that a rule, a queue or a pipeline delivers.
///
/// # Errors
/// Fails if the text is another kind of event, with the reason and the fix.
pub fn parse_event(text: &str) -> Result<EcrImageEvent, BoxError> {
    if let Some(problem) = serde_json::from_str::<Value>(text).ok().as_ref().and_then(other_shape) {
        return Err(problem.into());
    }
    let event = text.parse::<EcrImageEvent>()?;
    match event.digest() {
        Some(SAMPLE_DIGEST) => {
            Err("the event is the sample in AWS's documentation: its digest has \
                                    60 digits instead of 64, so use the event of a real push"
                .into())
        }
        _ => Ok(event),
    }
}

/// The digest of the sample in the ECR user guide, "Amazon ECR events and EventBridge".
const SAMPLE_DIGEST: &str = "sha256:7f5b2640fe6fb4f46592dfd3410c4a79dac4f89e4782432e0378abcd1234";

fn other_shape(value: &Value) -> Option<String> {
    let has = |name: &str| value.get(name).is_some();
    if let Some(events) = value.as_array() {
        return Some(format!(
            "the input is an array of {} events, the form that EventBridge Pipes deliver: send each \
             event alone, with a rule of EventBridge",
            events.len()
        ));
    }
    if has("repository-name") && !has("detail") {
        return Some(
            "the input is only the `detail` of an event, without account and region: remove \
             `InputPath` from the rule's target"
                .to_owned(),
        );
    }
    if has("CodePipeline.job") {
        return Some(
            "the input is a job of CodePipeline's Lambda action, which names no image: start the \
             function with a rule of EventBridge"
                .to_owned(),
        );
    }
    let record = value.get("Records")?.get(0)?;
    let source = record.get("EventSource").or_else(|| record.get("eventSource"))?.as_str()?;
    let (service, member) = match source {
        "aws:sns" => ("SNS", "Sns.Message"),
        "aws:sqs" => ("SQS", "body"),
        _ => return None,
    };
    Some(format!(
        "the input is a delivery of {service} with the event as text in `Records[].{member}`: send \
         the event directly, with a rule of EventBridge"
    ))
}
