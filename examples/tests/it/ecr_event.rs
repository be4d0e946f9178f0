//! Tests of `ecr_event`: deployments, ignored events and errors.

use examples::create_services;
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
    let pushed = format!("pushed: {image} as v1\n");
    assert!(ended.stderr.starts_with(&pushed), "{}", ended.stderr);
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
    let ended = run(&event("v1"), r#"{"demo/other": "web"}"#, &["--tag", "v*"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stderr, "ignored: the repository is `demo/web`\n");
}

#[tokio::test]
async fn signatures_and_other_artifacts_are_ignored() {
    let mut chart = event("v1");
    chart["detail"]["artifact-media-type"] = "application/vnd.cncf.helm.config.v1+json".into();
    let signature = format!("{}.sig", DIGEST.replace(':', "-"));
    let expected = format!("the tag is `{signature}`");
    for (event, reason) in [
        (
            chart,
            "the artifact type `application/vnd.cncf.helm.config.v1+json` is not a container image",
        ),
        (event(&signature), &expected),
    ] {
        let ended =
            run(&event, r#"{"demo/web": "web"}"#, &["--tag", "v*", "--tag", "stable"]).await;
        assert_eq!((ended.code, &*ended.stdout), (0, ""), "{}", ended.stderr);
        assert_eq!(ended.stderr, format!("ignored: {reason}\n"));
    }
}

#[tokio::test]
async fn an_image_of_one_platform_is_deployed() {
    let mut image = event("v1");
    image["detail"]["manifest-media-type"] = "application/vnd.oci.image.manifest.v1+json".into();
    image["detail"]["artifact-media-type"] = "application/vnd.oci.image.config.v1+json".into();
    let ended = run(&image, r#"{"demo/web": "web"}"#, &["--tag", "v*"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, "arn:aws:ecs:us-east-1:123456789012:task-definition/web:2\n");
}

#[tokio::test]
async fn an_unsafe_rule_is_refused() {
    let everything = "unsafe rule: the tag pattern `*` also matches signatures and attestations: \
                      name the tags to deploy, such as `v*`";
    let signatures = "unsafe rule: the tag pattern `sha256-*` also matches signatures and \
                      attestations: name the tags to deploy, such as `v*`";
    let empty =
        "unsafe rule: no repository is given: it would deploy the images of every repository";
    for (containers, tag, problem) in [
        (r#"{"demo/web": "web"}"#, "*", everything),
        (r#"{"demo/web": "web"}"#, "sha256-*", signatures),
        ("{}", "v*", empty),
    ] {
        let ended = run(&event("v1"), containers, &["--tag", tag]).await;
        assert_eq!((ended.code, &*ended.stdout), (1, ""));
        assert_eq!(ended.stderr, format!("error: {problem}\n"));
    }
    let ended = run(&event("v1"), r#"{"demo/web": "web"}"#, &[]).await;
    assert_eq!(ended.code, 2, "{}", ended.stderr);
}

#[tokio::test]
async fn an_invalid_event_is_an_error() {
    let mut short = event("v1");
    short["detail"]["image-digest"] = DIGEST[..67].into();
    let mut sample = event("v1");
    sample["detail"]["image-digest"] =
        "sha256:7f5b2640fe6fb4f46592dfd3410c4a79dac4f89e4782432e0378abcd1234".into();
    let text = event("v1").to_string();
    for (event, expected) in [
        (
            short,
            "error: invalid image reference `123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web@sha256:\
             0123456789abcdef012…`: line 1, column 62: the digest has \
             60 digits instead of 64",
        ),
        (
            sample,
            "error: the event is the sample of the ECR user guide, whose digest has 60 digits \
             instead of 64: use the event of a push\n",
        ),
        (
            json!([event("v1"), event("v2")]),
            "error: invalid EventBridge event: it is an array of 2 events, the form that \
             EventBridge Pipes deliver: parse each event alone, or use a rule of EventBridge\n",
        ),
        (
            event("v1")["detail"].clone(),
            "error: invalid EventBridge event: it is only the `detail` of an event, without account \
             and region: remove `InputPath` from the rule's target\n",
        ),
        (
            json!({ "CodePipeline.job": { "id": "1" } }),
            "error: invalid EventBridge event: it is a job of CodePipeline's Lambda action, which \
             names no image: start the function with a rule of EventBridge\n",
        ),
        (
            json!({ "Records": [{ "EventSource": "aws:sns", "Sns": { "Message": text } }] }),
            "error: invalid EventBridge event: it is a delivery of SNS: the text in \
             `Records[].Sns.Message` is the event\n",
        ),
        (
            json!({ "Records": [{ "eventSource": "aws:sqs", "body": text }] }),
            "error: invalid EventBridge event: it is a delivery of SQS: the text in \
             `Records[].body` is the event\n",
        ),
        (json!("text"), "error: invalid EventBridge event: "),
    ] {
        let ended = run(&event, r#"{"demo/web": "web"}"#, &["--tag", "v*"]).await;
        assert_eq!(ended.code, 1);
        assert_eq!(ended.stdout, "");
        assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn each_container_can_have_a_service() {
    let server = served().await;
    create_services(&server.local().sdk_config(), &["worker"]).await.unwrap();
    let folder = TempDir::new().unwrap();
    let map = r#"{"demo/web": ["web", "log-router"]}"#;
    std::fs::write(folder.path().join("containers.json"), map).unwrap();
    let deploy = |services: &[&str]| {
        Program::ecr_event()
            .with(&["--aws", "--tag", "v*", "--containers", "containers.json"])
            .with(services)
            .within(folder.path())
            .stdin(&event("v1").to_string())
            .on(&server)
            .run()
    };
    let ended = deploy(&["--service", "web=demo/web", "--service", "log-router=demo/worker"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let revision = "arn:aws:ecs:us-east-1:123456789012:task-definition";
    assert_eq!(ended.stdout, format!("{revision}/web:2\n{revision}/worker:2\n"));

    for (services, problem) in [
        (
            &["--service", "web=demo/web"][..],
            "container `log-router` has no service: add --service log-router=CLUSTER/SERVICE",
        ),
        (
            &["--service", "web=demo/web", "--service", "web=demo/worker"],
            "container `web` has several services",
        ),
        (
            &["--service", "demo/web", "--service", "demo/worker"],
            "several services are given for all containers: use --service \
             CONTAINER=CLUSTER/SERVICE",
        ),
    ] {
        let ended = deploy(services).await;
        assert_eq!((ended.code, &*ended.stdout), (1, ""));
        assert!(ended.stderr.ends_with(&format!("error: {problem}\n")), "{}", ended.stderr);
    }
    assert_eq!(server.local().journal().count("UpdateService"), 2);
}

#[tokio::test]
async fn the_pattern_and_the_transformer_are_json() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("containers.json"), r#"{"demo/web": "web"}"#).unwrap();
    let show = |arguments: &[&str]| {
        let rule = ["--tag", "v*", "--containers", "containers.json"];
        Program::ecr_event().with(&rule).with(arguments).within(folder.path()).run()
    };
    let ended = show(&["--show-pattern"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(
        serde_json::from_str::<Value>(&ended.stdout).unwrap(),
        json!({
            "source": ["aws.ecr"],
            "detail-type": ["ECR Image Action"],
            "detail": {
                "action-type": ["PUSH"],
                "artifact-media-type": [
                    { "exists": false },
                    "",
                    "application/vnd.docker.container.image.v1+json",
                    "application/vnd.oci.image.config.v1+json",
                ],
                "image-digest": [{ "prefix": "sha256:" }],
                "image-tag": [{ "prefix": "v" }],
                "repository-name": ["demo/web"],
                "result": ["SUCCESS"],
            },
        })
    );
    let variable = ["--source-action", "Image", "--variable", "TAG=tag"];
    let ended = show(&[&["--show-transformer"], &variable[..]].concat()).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let transformer = serde_json::from_str::<Value>(&ended.stdout).unwrap();
    assert_eq!(
        transformer["InputPathsMap"],
        json!({ "revisionValue": "$.detail.image-digest", "tag": "$.detail.image-tag" })
    );
    let template = transformer["InputTemplate"].as_str().unwrap();
    assert!(template.contains(r#""actionName":"Image""#), "{template}");
    assert!(template.contains(r#"{"name":"TAG","value":"<tag>"}"#), "{template}");

    let ended = show(&["--show-transformer", "--variable", "TAG=name"]).await;
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    let ended = Program::ecr_event().with(&SERVICE).run().await;
    assert_eq!(ended.code, 2);
}
