//! Tests of the events: the serialised form of each, and the text of each tag change.

use serde_json::{Value, json};

use super::*;

#[test]
fn changes_are_told_in_few_words() {
    let from = Digest::from_content(b"a");
    assert_eq!(TagChange::Created.to_string(), "new");
    assert_eq!(TagChange::Kept.to_string(), "unchanged");
    assert_eq!(TagChange::Set.to_string(), "set");
    let expected = format!("moved from {from}");
    assert_eq!(TagChange::Moved { from }.to_string(), expected);
}

const URI: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web";

/// Returns an event's serialised form without the repository and the layer, which are the same in
/// all events.
fn serialised(event: impl FnOnce(Repository, Layer) -> Event) -> Value {
    let layer = Layer { digest: Digest::from_content(b"a"), size: 100 };
    let mut json = serde_json::to_value(event(URI.parse().unwrap(), layer)).unwrap();
    let members = json.as_object_mut().unwrap();
    if let Some(repository) = members.remove("repository") {
        assert_eq!(repository, URI);
    }
    if let Some(layer) = members.remove("layer") {
        assert_eq!(layer, json!({ "digest": Digest::from_content(b"a"), "size": 100 }));
    }
    json
}

#[test]
fn an_event_about_a_layer_is_json_with_its_name() {
    for (json, expected) in [
        (
            serialised(|repository, layer| Event::LayerFinished { repository, layer }),
            json!({ "event": "layerFinished" }),
        ),
        (
            serialised(|repository, layer| Event::LayerMounted { repository, layer }),
            json!({ "event": "layerMounted" }),
        ),
        (
            serialised(|repository, layer| Event::LayerProgress { repository, layer, sent: 7 }),
            json!({ "event": "layerProgress", "sent": 7 }),
        ),
        (
            serialised(|repository, layer| {
                let reason = "the upload is gone".to_owned();
                Event::LayerRestarted { repository, layer, reason }
            }),
            json!({ "event": "layerRestarted", "reason": "the upload is gone" }),
        ),
        (
            serialised(|repository, layer| Event::LayerResumed { repository, layer, sent: 7 }),
            json!({ "event": "layerResumed", "sent": 7 }),
        ),
        (
            serialised(|repository, layer| Event::LayerSkipped { repository, layer }),
            json!({ "event": "layerSkipped" }),
        ),
        (
            serialised(|repository, layer| Event::LayerStarted { repository, layer }),
            json!({ "event": "layerStarted" }),
        ),
    ] {
        assert_eq!(json, expected);
    }
}

#[test]
fn any_other_event_is_json_with_its_name() {
    let (digest, from) = (Digest::from_content(b"new"), Digest::from_content(b"old"));
    let tagged = |change: TagChange| {
        let (tag, digest) = ("1.0".parse().unwrap(), digest.clone());
        serialised(|repository, _| Event::Tagged { repository, tag, digest, change })
    };
    for (json, expected) in [
        (
            serialised(|_, _| {
                let (path, reason) = ("push.checkpoint".into(), "no room".to_owned());
                Event::CheckpointIgnored { path, reason }
            }),
            json!({ "event": "checkpointIgnored", "path": "push.checkpoint", "reason": "no room" }),
        ),
        (
            serialised(|repository, _| Event::ManifestPut { repository, digest: digest.clone() }),
            json!({ "event": "manifestPut", "digest": digest }),
        ),
        (
            serialised(|repository, _| Event::Planned {
                repository,
                layers: 3,
                missing: 2,
                bytes: 100,
            }),
            json!({ "event": "planned", "layers": 3, "missing": 2, "bytes": 100 }),
        ),
        (
            serialised(|repository, _| Event::RepositoryCreated { repository }),
            json!({ "event": "repositoryCreated" }),
        ),
        (
            serialised(|repository, _| {
                let (operation, reason) = ("PutImage", "HTTP 500".to_owned());
                Event::RequestRetried { operation, repository, attempt: 2, reason }
            }),
            json!({
                "event": "requestRetried", "operation": "PutImage", "attempt": 2,
                "reason": "HTTP 500",
            }),
        ),
        (
            tagged(TagChange::Created),
            json!({ "event": "tagged", "tag": "1.0", "digest": digest, "change": "created" }),
        ),
        (
            tagged(TagChange::Moved { from: from.clone() }),
            json!({
                "event": "tagged", "tag": "1.0", "digest": digest,
                "change": { "moved": { "from": from } },
            }),
        ),
    ] {
        assert_eq!(json, expected);
    }
}

/// serde rejects a path that isn't UTF-8, but it writes the event.
#[cfg(unix)]
#[test]
fn a_path_that_is_not_utf_8_is_shown() {
    use std::os::unix::ffi::OsStrExt as _;
    let path = Path::new(std::ffi::OsStr::from_bytes(b"a\xffb")).to_owned();
    let json = serialised(|_, _| Event::CheckpointIgnored { path, reason: String::new() });
    assert_eq!(json["path"], "a\u{fffd}b");
}
