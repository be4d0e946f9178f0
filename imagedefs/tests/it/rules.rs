//! Rules: EventBridge and this crate decide alike.

use imagedefs::ErrorKind;
use imagedefs::containers::ContainerMap;
use imagedefs::event::EcrImageEvent;

use imagedefs::rule::{Decision, DeployRule, DeployTrigger, EventValue, ImageForm, NamePattern};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::event_bridge::{matches, transform};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Members that are correct, nearly correct or missing. Correct ones are frequent enough for whole
/// events to be correct.
fn member(
    right: &'static [&'static str],
    wrong: &'static [&'static str],
) -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        16 => select(right).prop_map(|text| Some(text.to_owned())),
        1 => select(wrong).prop_map(|text| Some(text.to_owned())),
        1 => Just(None),
    ]
}

fn event() -> impl Strategy<Value = Value> {
    let detail = (
        member(&["PUSH", "REPLICATE"], &["DELETE", "UPDATE_STORAGE_CLASS", "push", ""]),
        member(&["SUCCESS"], &["FAILED", "success", ""]),
        member(&["shop/web", "shop/jobs", "blog", "shop"], &["other", ""]),
        member(&["v1", "v", "latest", "late"], &["", "V1", "sha256-0.sig"]),
        member(&[DIGEST, "sha256:7f5b"], &["", "sha512:00", "sha256"]),
        member(
            &[
                "application/vnd.oci.image.index.v1+json",
                "application/vnd.oci.image.manifest.v1+json",
                "application/vnd.docker.distribution.manifest.v2+json",
                "application/vnd.docker.distribution.manifest.list.v2+json",
            ],
            &["", "application/json"],
        ),
        member(
            &["application/vnd.oci.image.config.v1+json"],
            &["", "application/vnd.cncf.helm.config.v1+json"],
        ),
    );
    let detail_type = prop_oneof![
        4 => Just("ECR Image Action"),
        4 => Just("ECR Replication Action"),
        1 => Just("ECR Image Scan"),
        1 => Just(""),
    ];
    let source = prop_oneof![8 => Just("aws.ecr"), 1 => Just("aws.ec2"), 1 => Just("")];
    (source, detail_type, detail).prop_map(|(source, detail_type, detail)| {
        let (action, result, repository, tag, digest, manifest, artifact) = detail;
        let members = [
            ("action-type", action),
            ("result", result),
            ("repository-name", repository),
            ("image-tag", tag),
            ("image-digest", digest),
            ("manifest-media-type", manifest),
            ("artifact-media-type", artifact),
        ];
        let detail = members
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.into())))
            .collect::<serde_json::Map<_, _>>();
        json!({
            "version": "0", "source": source, "detail-type": detail_type,
            "account": "111122223333", "region": "eu-west-1", "resources": [], "detail": detail,
        })
    })
}

fn rule() -> impl Strategy<Value = DeployRule> {
    let patterns = |texts: &'static [&'static str]| {
        let pattern = select(texts).prop_map(|text| text.parse::<NamePattern>().unwrap());
        prop::collection::vec(pattern, 1..5)
    };
    let trigger = select(&[DeployTrigger::Push, DeployTrigger::Replication][..]);
    let form = select(&[ImageForm::Any, ImageForm::Index, ImageForm::Manifest][..]);
    (
        patterns(&["*", "shop/*", "shop/web", "blog", "s*"]),
        patterns(&["v*", "latest", "v1", "late*"]),
        trigger,
        form,
    )
        .prop_map(|(repositories, tags, trigger, form)| {
            DeployRule::new(repositories, tags).unwrap().trigger(trigger).form(form)
        })
}

fn shop() -> DeployRule {
    DeployRule::new(["shop/web".parse().unwrap()], ["v*".parse().unwrap()]).unwrap()
}

#[test]
fn a_rule_names_its_repositories_and_tags() {
    let refused = |repositories: &[&str], tags: &[&str]| {
        let parse = |texts: &[&str]| texts.iter().map(|it| it.parse().unwrap()).collect::<Vec<_>>();
        DeployRule::new(parse(repositories), parse(tags)).unwrap_err().to_string()
    };
    let signatures = |tag: &str| {
        format!(
            "the tag pattern `{tag}` also matches signatures and attestations: name the tags to \
             deploy, such as `v*`"
        )
    };
    for tag in ["*", "s*", "sha256*", "sha256-*", "sha256-0*", "sha256-0.sig"] {
        assert_eq!(refused(&["*"], &["v*", tag]), format!("unsafe rule: {}", signatures(tag)));
    }
    let (repository, tag) = (
        "no repository is given: it would deploy the images of every repository",
        "no tag is given: name the tags to deploy, such as `v*`",
    );
    assert_eq!(refused(&["shop/web"], &[]), format!("unsafe rule: {tag}"));
    assert_eq!(refused(&[], &["v*"]), format!("unsafe rule: {repository}"));
    assert_eq!(refused(&[], &[]), format!("unsafe rule:\n  {repository}\n  {tag}"));

    for tag in ["stable*", "sha1-*", "t*", "sha256"] {
        let rule = DeployRule::new(["shop/web".parse().unwrap()], [tag.parse().unwrap()]);
        assert!(rule.is_ok(), "{tag}");
    }
    let tags = || ["v*".parse::<NamePattern>().unwrap()];
    let map = r#"{"shop/web": "web"}"#.parse::<ContainerMap>().unwrap();
    assert_eq!(DeployRule::from_containers(&map, tags()).unwrap(), shop());
    let error = DeployRule::from_containers(&ContainerMap::new(), tags()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRule);
    assert_eq!(error.to_string(), format!("unsafe rule: {repository}"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn the_cloud_and_the_code_decide_alike(rule in rule(), json in event()) {
        let pattern = serde_json::from_str::<Value>(&rule.event_pattern().to_string()).unwrap();
        let event = json.to_string().parse::<EcrImageEvent>().unwrap();
        let decision = rule.decide(&event);
        prop_assert_eq!(
            decision == Decision::Deploy,
            matches(&pattern, &json),
            "{}\n{}\n{}", pattern, json, decision
        );
    }

    /// An accepted event has everything that a deployment needs, except for the number of digits in
    /// its digest.
    #[test]
    fn what_is_deployed_has_an_image(rule in rule(), json in event()) {
        let event = json.to_string().parse::<EcrImageEvent>().unwrap();
        if rule.decide(&event) == Decision::Deploy {
            let is_whole = event.digest() == Some(DIGEST);
            prop_assert_eq!(event.image_uri().is_ok(), is_whole);
        }
    }

    /// No text causes a panic.
    #[test]
    fn any_text_is_an_event_or_is_refused(text in "\\PC{0,60}") {
        let _ = text.parse::<EcrImageEvent>();
    }
}

#[test]
fn both_outcomes_are_frequent() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let deployed = (0..1000).filter(|_| {
        let rule = rule().new_tree(&mut runner).unwrap().current();
        let event = event().new_tree(&mut runner).unwrap().current();
        rule.decide(&event.to_string().parse().unwrap()) == Decision::Deploy
    });
    let deployed = deployed.count();
    assert!((20..900).contains(&deployed), "{deployed} of 1000");
}

#[test]
fn one_push_of_several_platforms_is_one_deployment() {
    // Recorded events, with other digests.
    let push = |tag: &str, manifest: &str, artifact: Option<&str>| {
        let mut detail = json!({
            "result": "SUCCESS", "repository-name": "shop/web", "action-type": "PUSH",
            "image-digest": DIGEST, "image-tag": tag, "manifest-media-type": manifest,
        });
        if let Some(artifact) = artifact {
            detail["artifact-media-type"] = artifact.into();
        }
        json!({
            "version": "0", "source": "aws.ecr", "detail-type": "ECR Image Action",
            "account": "111122223333", "region": "eu-west-1", "detail": detail,
        })
    };
    let config = Some("application/vnd.oci.image.config.v1+json");
    let events = [
        push("", "application/vnd.oci.image.manifest.v1+json", config),
        push("", "application/vnd.oci.image.manifest.v1+json", config),
        push("v4", "application/vnd.oci.image.index.v1+json", None),
    ];
    let rule = shop();
    let decisions = events.iter().map(|event| rule.decide(&event.to_string().parse().unwrap()));
    assert_eq!(decisions.filter(|decision| *decision == Decision::Deploy).count(), 1);
    // AWS's own pattern, without its tag, deploys the parts too.
    let documented = json!({"source": ["aws.ecr"], "detail-type": ["ECR Image Action"],
        "detail": {"action-type": ["PUSH"], "repository-name": ["shop/web"], "result": ["SUCCESS"]}});
    assert_eq!(events.iter().filter(|event| matches(&documented, event)).count(), 3);
}

#[test]
fn the_pipeline_starts_with_the_digest_of_the_event() {
    let event = json!({
        "account": "111122223333", "region": "eu-west-1",
        "detail": { "image-digest": DIGEST, "image-tag": "v1", "repository-name": "shop/web" },
    });
    let values = [
        ("ACCOUNT", EventValue::Account),
        ("REGION", EventValue::Region),
        ("REPOSITORY", EventValue::Repository),
        ("TAG", EventValue::Tag),
    ];
    let transformer = shop().input_transformer("Source").unwrap();
    let transformer = values
        .into_iter()
        .try_fold(transformer, |transformer, (name, value)| transformer.variable(name, value))
        .unwrap();
    let transformer = serde_json::from_str(&transformer.to_string()).unwrap();
    assert_eq!(
        transform(&transformer, &event),
        json!({
            "sourceRevisions": [{
                "actionName": "Source", "revisionType": "IMAGE_DIGEST", "revisionValue": DIGEST,
            }],
            "variables": [
                { "name": "ACCOUNT", "value": "111122223333" },
                { "name": "REGION", "value": "eu-west-1" },
                { "name": "REPOSITORY", "value": "shop/web" },
                { "name": "TAG", "value": "v1" },
            ],
        })
    );
}
