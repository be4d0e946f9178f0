//! Tests of `ecr_event`: deployments, ignored events and errors.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Ended, Program, served};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const SERVICE: [&str; 4] = ["--cluster", "demo", "--service", "web"];

fn event(tag: &str) -> Value {
    json!({
        "version": "0", "id": "13cde686-328b-6117-af20-0e5566167482",
        "detail-type": "ECR Image Action", "source": "aws.ecr", "account": "123456789012",
        "time": "2026-11-16T01:54:34Z", "region": "us-east-1", "resources": [],
        "detail": {
            "result": "SUCCESS", "repository-name": "demo/web", "action-type": "PUSH",
            "image-digest": DIGEST, "image-tag": tag,
            "manifest-media-type": "application/vnd.oci.image.index.v1+json",
        },
    })
}

/// Runs the program on an emulator of its own.
async fn run(event: &Value, containers: &str, arguments: &[&str]) -> Ended {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("containers.json"), containers).unwrap();
    Program::ecr_event()
        .with(&SERVICE)
        .with(&["--containers", "containers.json"])
        .with(arguments)
        .within(folder.path())
        .stdin(&event.to_string())
        .run()
        .await
}

#[tokio::test]
async fn a_push_is_deployed_by_its_digest() {
    let server = served().await;
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("containers.json"), r#"{"demo/web": "web"}"#).unwrap();
    std::fs::write(path("event.json"), event("v1").to_string()).unwrap();
    let ended = Program::ecr_event()
        .with(&SERVICE)
        .with(&["--aws", "--tag", "v*", "--containers", &path("containers.json")])
        .with(&[&path("event.json")])
        .on(&server)
        .run()
        .await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, "arn:aws:ecs:us-east-1:123456789012:task-definition/web:2\n");
    let image = format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web@{DIGEST}");
    let told = format!("v1 was pushed: {image}\n");
    assert!(ended.stderr.starts_with(&told), "{}", ended.stderr);
}

#[tokio::test]
async fn an_ignored_event_is_not_a_failure() {
    let mut deleted = event("v1");
    deleted["detail"]["action-type"] = "DELETE".into();
    for (event, reason) in [
        (
            event(""),
            "the image has no tag: it is part of an image for several platforms, or was pushed by \
             its digest alone",
        ),
        (event("latest"), "the tag is `latest`"),
        (deleted, "the action is `DELETE`"),
    ] {
        let ended = run(&event, r#"{"demo/web": "web"}"#, &["--tag", "v*"]).await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
        assert_eq!(ended.stderr, format!("ignored: {reason}\n"));
    }
}

/// The event belongs to another team's repository.
#[tokio::test]
async fn a_repository_without_a_container_is_ignored() {
    let ended = run(&event("v1"), r#"{"demo/other": "web"}"#, &[]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stderr, "ignored: the repository is `demo/web`\n");
}

#[tokio::test]
async fn an_invalid_event_is_an_error() {
    let mut short = event("v1");
    short["detail"]["image-digest"] = DIGEST[..67].into();
    for (event, expected) in [
        (
            short,
            "error: `123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web@sha256:\
             0123456789abcdef012…` is no image reference for ECS: line 1, column 62: the digest has \
             60 digits instead of 64",
        ),
        (json!([]), "error: the text is no event of EventBridge: "),
    ] {
        let ended = run(&event, r#"{"demo/web": "web"}"#, &[]).await;
        assert_eq!(ended.code, 1);
        assert_eq!(ended.stdout, "");
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn the_pattern_is_json() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("containers.json"), r#"{"demo/web": "web"}"#).unwrap();
    let arguments = ["--tag", "v*", "--containers", "containers.json", "--show-pattern"];
    let ended = Program::ecr_event().with(&arguments).within(folder.path()).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let pattern = serde_json::from_str::<Value>(&ended.stdout).unwrap();
    assert_eq!(pattern["detail"]["image-tag"], json!([{ "prefix": "v" }]));
    assert_eq!(pattern["detail"]["repository-name"], json!(["demo/web"]));

    let ended = Program::ecr_event().with(&SERVICE).run().await;
    assert_eq!(ended.code, 2);
}
