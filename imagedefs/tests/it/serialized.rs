//! The serialised shapes of results, errors and saved data.

use imagedefs::diagnosis::Diagnosis;
use imagedefs::promotion::Promotion;
use imagedefs::published::PublishedImage;
use imagedefs::rule::{Decision, DeployRule, DeployTrigger, EventValue, IgnoreReason, ImageForm};
use imagedefs::{ErrorKind, ImageDefinitions, ImageUri, ProblemKind, Severity};
use serde::Serialize;
use serde_json::{Value, json};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn shape(data: impl Serialize) -> Value {
    serde_json::to_value(data).unwrap()
}

#[test]
fn kinds_are_serialised_and_printed_alike() {
    assert_eq!(shape(ErrorKind::InvalidImageUri), "invalidImageUri");
    assert_eq!(ErrorKind::InvalidImageUri.to_string(), "invalidImageUri");
    assert_eq!(shape(ProblemKind::Utf16), "utf16");
    assert_eq!(shape(ProblemKind::MisnamedMember), "misnamedMember");
    assert_eq!(shape([Severity::Warning, Severity::Error]), json!(["warning", "error"]));
}

#[test]
fn a_diagnosis_has_its_problems() {
    let diagnosis = Diagnosis::new(r#"[{"name": "web", "imageUrl": "web:$TAG", "x": 1}]"#);
    let problems = diagnosis.problems();
    assert_eq!(
        shape(&diagnosis),
        json!({ "problems": [
            {
                "kind": "misnamedMember",
                "severity": "error",
                "line": 1,
                "column": 18,
                "what": problems[0].what(),
                "cause": problems[0].cause(),
                "cure": problems[0].cure(),
                "repair": problems[0].repair(),
            },
            {
                "kind": "unexpanded",
                "severity": "error",
                "line": 1,
                "column": 35,
                "what": problems[1].what(),
                "cause": problems[1].cause(),
                "cure": problems[1].cure(),
                "awsMessage": "Container.image contains invalid characters.",
            },
            {
                "kind": "unknownMember",
                "severity": "warning",
                "line": 1,
                "column": 42,
                "what": problems[2].what(),
                "cause": problems[2].cause(),
                "cure": problems[2].cure(),
            },
        ] })
    );

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("imagedefinitions.json");
    std::fs::write(&path, r#"[{"name": "web", "imageUri": "web:1"}]"#).unwrap();
    let diagnosis = Diagnosis::read(&path).unwrap();
    assert_eq!(shape(&diagnosis), json!({ "path": path.to_str().unwrap(), "problems": [] }));
}

#[test]
fn an_error_has_its_kind_its_message_its_causes_and_its_problems() {
    let error = "web:".parse::<ImageUri>().unwrap_err();
    assert_eq!(
        shape(&error),
        json!({
            "kind": "invalidImageUri",
            "message": error.to_string(),
            "causes": [],
            "problems": error.problems(),
            "retryable": false,
        })
    );
    assert_eq!(error.problems().len(), 1);

    let folder = tempfile::tempdir().unwrap();
    let error = ImageDefinitions::new().write(folder.path()).unwrap_err();
    assert_eq!(shape(&error)["kind"], "empty");
    let definitions = r#"[{"name": "web", "imageUri": "web:1"}]"#.parse::<ImageDefinitions>();
    let error = definitions.unwrap().write(folder.path()).unwrap_err();
    assert_eq!(
        shape(&error),
        json!({
            "kind": "write",
            "message": format!("cannot write `{}`", folder.path().display()),
            "causes": ["the path exists and is not a regular file"],
            "problems": [],
            "retryable": false,
        })
    );
}

#[test]
fn a_diff_is_a_list_of_changes() {
    let mut old = ImageDefinitions::new();
    old.insert_tagged("web", "web:1").unwrap();
    old.insert_tagged("log", "log:1").unwrap();
    let mut new = ImageDefinitions::new();
    new.insert_tagged("web", "web:2").unwrap();
    new.insert_tagged("job", "job:1").unwrap();
    assert_eq!(
        shape(old.diff(&new)),
        json!([
            { "container": "web", "before": "web:1", "after": "web:2" },
            { "container": "job", "after": "job:1" },
            { "container": "log", "before": "log:1" },
        ])
    );
}

#[test]
fn a_decision_has_its_reason() {
    assert_eq!(shape(Decision::Deploy), json!({ "decision": "deploy" }));
    let event = |detail: Value| {
        json!({
            "source": "aws.ecr", "detail-type": "ECR Image Action", "account": "111122223333",
            "region": "eu-west-1", "detail": detail,
        })
    };
    let detail = json!({
        "action-type": "PUSH", "result": "SUCCESS", "repository-name": "shop/web",
        "image-tag": "v1", "image-digest": DIGEST, "manifest-media-type": "x",
    });
    let rule = DeployRule::new(["shop/*".parse().unwrap()], ["v*".parse().unwrap()]).unwrap();
    let rule = rule.form(ImageForm::Index);
    let ignored = |member: &str, value: Value, mut shape_of_reason: Value| {
        let mut event = event(detail.clone());
        if let Some(place) = event.get_mut(member) {
            *place = value;
        } else {
            event["detail"][member] = value;
        }
        let decision = rule.decide(&event.to_string().parse().unwrap());
        shape_of_reason["decision"] = "ignore".into();
        assert_eq!(shape(decision), shape_of_reason);
    };
    ignored("source", "aws.s3".into(), json!({ "reason": "source", "source": "aws.s3" }));
    let other = json!({ "reason": "detailType", "detailType": "ECR Image Scan" });
    ignored("detail-type", "ECR Image Scan".into(), other);
    ignored("action-type", "DELETE".into(), json!({ "reason": "action", "action": "DELETE" }));
    ignored("action-type", "".into(), json!({ "reason": "action", "action": null }));
    ignored("result", "FAILED".into(), json!({ "reason": "result", "result": "FAILED" }));
    let other = json!({ "reason": "repository", "repository": "blog" });
    ignored("repository-name", "blog".into(), other);
    ignored("image-tag", "".into(), json!({ "reason": "noTag" }));
    ignored("image-tag", "latest".into(), json!({ "reason": "tag", "tag": "latest" }));
    ignored("image-digest", "md5:0".into(), json!({ "reason": "noDigest" }));
    let other = json!({ "reason": "artifact", "mediaType": "x" });
    ignored("artifact-media-type", "x".into(), other);
    let other = json!({ "reason": "form", "mediaType": "x" });
    ignored("manifest-media-type", "x".into(), other);

    let reason = IgnoreReason::NoTag;
    assert_eq!(shape(reason), json!({ "reason": "noTag" }));
}

#[test]
fn a_published_image_has_two_members() {
    let image = PublishedImage::new("shop/web", DIGEST).unwrap();
    assert_eq!(shape(image), json!({ "repository": "shop/web", "digest": DIGEST }));
}

#[test]
fn what_eventbridge_takes_is_serialised_as_it_is_printed() {
    let rule = DeployRule::new(["shop/*".parse().unwrap()], ["v*".parse().unwrap()]).unwrap();
    let pattern = rule.event_pattern();
    assert_eq!(shape(&pattern), pattern.to_string().parse::<Value>().unwrap());
    let transformer = rule.input_transformer("Source").unwrap();
    let transformer = transformer.variable("TAG", EventValue::Tag).unwrap();
    assert_eq!(
        shape(&transformer),
        json!({
            "InputPathsMap": { "revisionValue": "$.detail.image-digest", "tag": "$.detail.image-tag" },
            "InputTemplate": transformer.template(),
        })
    );
    assert_eq!(shape(&transformer), transformer.to_string().parse::<Value>().unwrap());
}

#[test]
fn a_rule_is_saved_with_its_version() {
    let rule = DeployRule::new(["shop/*".parse().unwrap()], ["latest".parse().unwrap()])
        .unwrap()
        .trigger(DeployTrigger::Replication)
        .form(ImageForm::Manifest);
    let saved = json!({
        "version": 1, "trigger": "replication", "repositories": ["shop/*"], "tags": ["latest"],
        "form": "manifest",
    });
    assert_eq!(shape(&rule), saved);
    assert_eq!(serde_json::from_value::<DeployRule>(saved).unwrap(), rule);
    let least = json!({ "version": 1, "repositories": ["shop/*"], "tags": ["latest"] });
    let least = serde_json::from_value::<DeployRule>(least).unwrap();
    let expected = DeployRule::new(["shop/*".parse().unwrap()], ["latest".parse().unwrap()]);
    assert_eq!(least, expected.unwrap());

    let refused =
        |saved: Value| serde_json::from_value::<DeployRule>(saved).unwrap_err().to_string();
    assert_eq!(refused(json!({})), "missing field `version`");
    assert_eq!(
        refused(json!({ "version": 1, "repositories": ["*"], "tags": [] })),
        "unsafe rule: no tag is given: name the tags to deploy, such as `v*`"
    );
    let other = json!({ "version": 2, "whatever": [] });
    assert_eq!(refused(other), "unsupported version 2: this build reads version 1");
    let other = json!({ "version": "1" });
    assert_eq!(refused(other), "unsupported version \"1\": this build reads version 1");
    assert_eq!(
        refused(json!({ "version": 1, "tag": [] })),
        "unknown field `tag`, expected one of `trigger`, `repositories`, `tags`, `form`"
    );
    let invalid = "*-rc".parse::<imagedefs::rule::NamePattern>().unwrap_err().to_string();
    assert_eq!(refused(json!({ "version": 1, "tags": ["*-rc"] })), invalid);
}

#[test]
fn a_promotion_is_saved_with_its_version() {
    let promotion = Promotion::new("444455556666", "eu-west-1").unwrap();
    let saved = json!({
        "version": 1, "account": "444455556666", "region": "eu-west-1", "tags": "refuse",
    });
    assert_eq!(shape(&promotion), saved);
    assert_eq!(serde_json::from_value::<Promotion>(saved).unwrap(), promotion);

    let promotion = promotion.from_account("111122223333").allow_tagged();
    let saved = json!({
        "version": 1, "account": "444455556666", "region": "eu-west-1",
        "fromAccount": "111122223333", "tags": "allow",
    });
    assert_eq!(shape(&promotion), saved);
    assert_eq!(serde_json::from_value::<Promotion>(saved.clone()).unwrap(), promotion);

    let refused = |member: &str, value: Value| {
        let mut saved = saved.clone();
        saved[member] = value;
        serde_json::from_value::<Promotion>(saved).unwrap_err().to_string()
    };
    assert_eq!(refused("version", 7.into()), "unsupported version 7: this build reads version 1");
    let invalid = Promotion::new("4444", "eu-west-1").unwrap_err().to_string();
    assert_eq!(refused("account", "4444".into()), invalid);
    assert_eq!(
        refused("to", 1.into()),
        "unknown field `to`, expected one of `account`, `region`, `fromAccount`, `tags`"
    );
}
