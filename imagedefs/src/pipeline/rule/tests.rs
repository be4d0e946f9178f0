//! The decisions of rules, and the names that CodePipeline accepts.

use super::*;
use crate::error::kind::ErrorKind;
use crate::pipeline::rule::render::EventValue;

fn event(edit: &[(&str, &str)]) -> EcrImageEvent {
    let mut text = r#"{"detail-type":"ECR Image Action","source":"aws.ecr",
        "account":"123456789012","region":"us-west-2","resources":[],
        "detail":{"result":"SUCCESS","repository-name":"shop/web","action-type":"PUSH",
        "image-digest":"sha256:7f5b","image-tag":"v1",
        "manifest-media-type":"application/vnd.oci.image.index.v1+json"}}"#
        .to_owned();
    for (from, to) in edit {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    text.parse().unwrap()
}

fn rule() -> DeployRule {
    DeployRule::new(["shop/*".parse().unwrap()], ["v*".parse().unwrap()]).unwrap()
}

#[test]
fn deploys_what_it_is_for() {
    assert_eq!(rule().decide(&event(&[])), Decision::Deploy);
    assert_eq!(rule().form(ImageForm::Index).decide(&event(&[])), Decision::Deploy);
    let image = [(
        "\"v1\",",
        "\"v1\",\"artifact-media-type\":\"application/vnd.oci.image.config.v1+json\",",
    )];
    assert_eq!(rule().decide(&event(&image)), Decision::Deploy);
    let replicated =
        event(&[("ECR Image Action", "ECR Replication Action"), ("PUSH", "REPLICATE")]);
    assert_eq!(rule().trigger(DeployTrigger::Replication).decide(&replicated), Decision::Deploy);
    assert_eq!(Decision::Deploy.to_string(), "deploy");
}

#[test]
fn ignores_the_rest_and_says_why() {
    let rule = rule().form(ImageForm::Index);
    for (from, to, message) in [
        ("aws.ecr", "aws.s3", "the event is from `aws.s3`"),
        ("ECR Image Action", "ECR Image Scan", "the event is `ECR Image Scan`"),
        ("PUSH", "DELETE", "the action is `DELETE`"),
        ("PUSH", "UPDATE_STORAGE_CLASS", "the action is `UPDATE_STORAGE_CLASS`"),
        ("action-type", "action", "the action is not given"),
        ("SUCCESS", "FAILED", "the result is `FAILED`"),
        ("shop/web", "blog", "the repository is `blog`"),
        ("repository-name", "repository", "the repository is not given"),
        (
            "\"v1\"",
            "\"\"",
            "the image has no tag: it is part of an image for several platforms, or was pushed by \
             its digest alone",
        ),
        ("\"v1\"", "\"latest\"", "the tag is `latest`"),
        ("sha256:", "md5:", "the event has no SHA-256 digest"),
        (
            "\"v1\"",
            "\"v1\",\"artifact-media-type\":\"application/vnd.cncf.helm.config.v1+json\"",
            "the artifact type `application/vnd.cncf.helm.config.v1+json` is not a container image",
        ),
        (
            "oci.image.index",
            "oci.image.manifest",
            "the media type of the manifest is `application/vnd.oci.image.manifest.v1+json`",
        ),
        ("manifest-media-type", "media-type", "the media type of the manifest is not given"),
    ] {
        let decision = rule.decide(&event(&[(from, to)]));
        assert_eq!(decision.to_string(), format!("ignore: {message}"));
    }
    let pushed = rule.trigger(DeployTrigger::Replication).decide(&event(&[]));
    let reason = IgnoreReason::DetailType { detail_type: "ECR Image Action".to_owned() };
    assert_eq!(pushed, Decision::Ignore(reason));
}

#[test]
fn the_transformer_starts_the_pipeline_with_the_digest() {
    let transformer = rule().input_transformer("Image").unwrap();
    assert_eq!(transformer.input_paths(), r#"{"revisionValue":"$.detail.image-digest"}"#);
    let template = r#"{"sourceRevisions":[{"actionName":"Image","revisionType":"IMAGE_DIGEST","revisionValue":"<revisionValue>"}]}"#;
    assert_eq!(transformer.template(), template);
    let json = serde_json::from_str::<serde_json::Value>(&transformer.to_string()).unwrap();
    assert_eq!(json["InputPathsMap"]["revisionValue"], "$.detail.image-digest");
    assert_eq!(json["InputTemplate"], template);

    let values = [
        ("ACCOUNT", EventValue::Account),
        ("DIGEST", EventValue::Digest),
        ("REGION", EventValue::Region),
        ("REPOSITORY", EventValue::Repository),
        ("TAG", EventValue::Tag),
    ];
    let transformer = values
        .into_iter()
        .try_fold(transformer, |transformer, (name, value)| transformer.variable(name, value))
        .unwrap();
    assert_eq!(
        transformer.input_paths(),
        r#"{"account":"$.account","region":"$.region","repository":"$.detail.repository-name","revisionValue":"$.detail.image-digest","tag":"$.detail.image-tag"}"#
    );
}

#[test]
fn names_that_codepipeline_refuses_are_refused() {
    for (error, message) in [
        (
            rule().input_transformer("My Source").unwrap_err(),
            "invalid name `My Source` of an action of a pipeline: expected 1 to 100 letters, digits \
             and characters of `._-@`",
        ),
        (
            rule()
                .input_transformer("Source")
                .and_then(|it| it.variable("", EventValue::Tag))
                .unwrap_err(),
            "invalid name `` of a variable of a pipeline: expected 1 to 128 letters, digits and \
             characters of `_-@`",
        ),
        (
            rule()
                .input_transformer("Source")
                .and_then(|it| it.variable("TAG", EventValue::Tag))
                .and_then(|it| it.variable("TAG", EventValue::Digest))
                .unwrap_err(),
            "duplicate variable `TAG`",
        ),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidRule);
        assert_eq!(error.to_string(), message);
    }
}
