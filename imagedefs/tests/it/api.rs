//! The types of the public interface.

use imagedefs::codebuild::{CodeBuildEnv, WebhookTrigger};
use imagedefs::containers::ContainerMap;
use imagedefs::detail::{DetailDiagnosis, ImageDetail};
use imagedefs::diagnosis::{Diagnosis, Report};
use imagedefs::diff::{Change, Diff};
use imagedefs::ecr::EcrRegistry;
use imagedefs::event::EcrImageEvent;
use imagedefs::promotion::Promotion;
use imagedefs::published::PublishedImage;
use imagedefs::rule::{
    Decision, DeployRule, DeployTrigger, EventPattern, EventValue, IgnoreReason, ImageForm,
    InputTransformer, NamePattern,
};
use imagedefs::templates::BlueGreenTemplates;
use imagedefs::{
    Error, ErrorKind, ImageDefinitions, ImageUri, Iter, Problem, ProblemKind, Severity,
};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn types_go_between_threads_and_the_error_is_one_word() {
    fn is_send_and_sync<T: Send + Sync + Unpin + 'static>() {}
    is_send_and_sync::<BlueGreenTemplates>();
    is_send_and_sync::<CodeBuildEnv>();
    is_send_and_sync::<ContainerMap>();
    is_send_and_sync::<Change>();
    is_send_and_sync::<Decision>();
    is_send_and_sync::<DeployRule>();
    is_send_and_sync::<DetailDiagnosis>();
    is_send_and_sync::<Diagnosis>();
    is_send_and_sync::<Diff>();
    is_send_and_sync::<EcrImageEvent>();
    is_send_and_sync::<EcrRegistry<'static>>();
    is_send_and_sync::<Error>();
    is_send_and_sync::<ErrorKind>();
    is_send_and_sync::<EventPattern>();
    is_send_and_sync::<EventValue>();
    is_send_and_sync::<IgnoreReason>();
    is_send_and_sync::<ImageDefinitions>();
    is_send_and_sync::<ImageDetail>();
    is_send_and_sync::<ImageForm>();
    is_send_and_sync::<ImageUri>();
    is_send_and_sync::<InputTransformer>();
    is_send_and_sync::<Iter<'static>>();
    is_send_and_sync::<NamePattern>();
    is_send_and_sync::<Problem>();
    is_send_and_sync::<ProblemKind>();
    is_send_and_sync::<Promotion>();
    is_send_and_sync::<Report<'static>>();
    is_send_and_sync::<PublishedImage>();
    is_send_and_sync::<Severity>();
    is_send_and_sync::<DeployTrigger>();
    is_send_and_sync::<WebhookTrigger<'static>>();
    #[cfg(feature = "zip")]
    is_send_and_sync::<imagedefs::artifact::Artifact>();
    #[cfg(feature = "zip")]
    is_send_and_sync::<imagedefs::artifact::ArtifactReader>();
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}

#[test]
fn definitions_keep_their_order() {
    let mut definitions = ImageDefinitions::new();
    assert!(definitions.is_empty());
    definitions.insert("web", format!("shop/web@{DIGEST}")).unwrap();
    definitions
        .insert_tagged(String::from("proxy"), "httpd:2.4".parse::<ImageUri>().unwrap())
        .unwrap();

    assert_eq!(definitions.len(), 2);
    assert_eq!(definitions.get("proxy").map(ImageUri::as_str), Some("httpd:2.4"));
    assert_eq!(definitions.get("Proxy"), None);
    let pairs = definitions.iter().collect::<Vec<_>>();
    assert_eq!(pairs, [("web", format!("shop/web@{DIGEST}").as_str()), ("proxy", "httpd:2.4")]);
    assert_eq!(
        definitions.iter().rev().map(|(name, _)| name).collect::<Vec<_>>(),
        ["proxy", "web"]
    );
    assert_eq!((&definitions).into_iter().len(), 2);
}

#[test]
fn a_refused_insert_changes_nothing() {
    let mut definitions = ImageDefinitions::new();
    definitions.insert_tagged("web", "httpd:2.4").unwrap();
    for (name, image, kind) in [
        ("web", "nginx:1", ErrorKind::DuplicateContainer),
        ("my web", "nginx:1", ErrorKind::InvalidContainerName),
        ("proxy", "nginx:", ErrorKind::InvalidImageUri),
    ] {
        let error = definitions.insert_tagged(name, image).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert_eq!(definitions.iter().collect::<Vec<_>>(), [("web", "httpd:2.4")]);
    }
}

#[test]
fn a_tag_has_to_be_asked_for() {
    let mut definitions = ImageDefinitions::new();
    for image in ["httpd:2.4", "httpd"] {
        let error = definitions.insert("proxy", image).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MutableTag);
        assert_eq!(
            error.to_string(),
            format!(
                "the image `{image}` of the container `proxy` has no digest, and a tag can move \
                 to another image: use the digest, or allow the tag with `insert_tagged`"
            )
        );
    }
    assert!(definitions.is_empty());
    definitions.insert("proxy", format!("httpd:2.4@{DIGEST}")).unwrap();
    definitions.insert_tagged("log", "log:1").unwrap();
    definitions.insert_tagged("web", format!("web@{DIGEST}")).unwrap();
    assert_eq!(definitions.len(), 3);
}

#[test]
fn no_definitions_are_a_value_and_no_file() {
    let none = ImageDefinitions::new();
    assert_eq!(none.to_string(), "[]\n");
    for text in ["[]\n", "[]", " [ ] "] {
        assert_eq!(text.parse::<ImageDefinitions>().unwrap(), none);
        let error = ImageDefinitions::from_reader(text.as_bytes()).unwrap_err();
        assert_eq!(error.problems().len(), 1);
        assert_eq!(error.problems()[0].kind(), ProblemKind::EmptyArray);
    }
    assert!("[],".parse::<ImageDefinitions>().is_err());
    assert!("[,]".parse::<ImageDefinitions>().is_err());
    assert!("\u{feff}[]".parse::<ImageDefinitions>().is_err());
    assert_eq!(serde_json::from_str::<ImageDefinitions>("[]").unwrap(), none);
    assert_eq!(none.to_writer(Vec::new()).unwrap_err().kind(), ErrorKind::Empty);
}

#[test]
fn merge_replaces_in_place_and_returns_what_it_replaced() {
    let parse = |pairs: &[(&str, &str)]| {
        let mut definitions = ImageDefinitions::new();
        for (name, image) in pairs {
            definitions.insert_tagged(name, image).unwrap();
        }
        definitions
    };
    let mut definitions = parse(&[("web", "web:1"), ("proxy", "httpd:2.4"), ("log", "log:1")]);
    let replaced =
        definitions.merge(parse(&[("job", "job:1"), ("log", "log:1"), ("web", "web:2")]));
    assert_eq!(replaced, parse(&[("web", "web:1")]));
    let expected = [("web", "web:2"), ("proxy", "httpd:2.4"), ("log", "log:1"), ("job", "job:1")];
    assert_eq!(definitions, parse(&expected));
}

#[test]
fn references_come_apart() {
    let of = |text: &str| {
        let image = text.parse::<ImageUri>().unwrap();
        assert_eq!(image.to_string(), text);
        let own = |part: Option<&str>| part.map(str::to_owned);
        (
            own(image.registry()),
            image.repository().to_owned(),
            own(image.tag()),
            own(image.digest()),
        )
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(of("mysql"), (None, "mysql".into(), None, None));
    assert_eq!(of("shop/web:1"), (None, "shop/web".into(), some("1"), None));
    assert_eq!(
        of("localhost:5000/web"),
        (some("localhost:5000"), "localhost:5000/web".into(), None, None)
    );
    assert_eq!(
        of(&format!("ghcr.io/shop/web:1@{DIGEST}")),
        (some("ghcr.io"), "ghcr.io/shop/web".into(), some("1"), some(DIGEST))
    );

    let image = "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/web:1".parse::<ImageUri>();
    let image = image.unwrap();
    let registry = image.ecr().unwrap();
    assert_eq!(registry.account(), "111122223333");
    assert_eq!(registry.region(), "cn-north-1");
    assert_eq!(registry.partition(), "aws-cn");
    assert_eq!("public.ecr.aws/docker/library/httpd:2.4".parse::<ImageUri>().unwrap().ecr(), None);
}

#[test]
fn serde_reads_and_writes_the_same_shape_as_the_file() {
    let text = r#"[{"name":"web","imageUri":"web:1"},{"imageUri":"httpd","name":"proxy","x":1}]"#;
    let definitions = serde_json::from_str::<ImageDefinitions>(text).unwrap();
    assert_eq!(
        serde_json::to_string(&definitions).unwrap(),
        r#"[{"name":"web","imageUri":"web:1"},{"name":"proxy","imageUri":"httpd"}]"#
    );
    let twice = r#"[{"name":"web","imageUri":"web:1"},{"name":"web","imageUri":"web:2"}]"#;
    let error = serde_json::from_str::<ImageDefinitions>(twice).unwrap_err();
    assert_eq!(error.to_string(), "the container `web` already has the image `web:1`");

    assert_eq!(serde_json::from_str::<ImageUri>(r#""web:1""#).unwrap().as_str(), "web:1");
    assert!(serde_json::from_str::<ImageUri>(r#""web:""#).is_err());
}

/// An unset variable, and typing errors in a host of ECR.
#[test]
fn a_host_that_is_nearly_of_ecr_is_called_that() {
    for (image, kind, what) in [
        (
            ".dkr.ecr.eu-west-1.amazonaws.com/web:1",
            ProblemKind::EmptyPart,
            "the AWS account in the ECR host is empty",
        ),
        (
            "111122223333.dkr.ecr..amazonaws.com/web:1",
            ProblemKind::EmptyPart,
            "the region in the ECR host is empty",
        ),
        (
            "111122223333.dkr.ecr.us-east-1.amazonaw.com/web:1",
            ProblemKind::EcrHost,
            "invalid ECR host suffix `amazonaw.com`",
        ),
    ] {
        let error = image.parse::<ImageUri>().unwrap_err();
        let problem = &error.problems()[0];
        assert_eq!((problem.kind(), problem.what()), (kind, what));
    }
    // A private registry, and an emulator's.
    for image in
        ["111122223333.dkr.ecr.us-east-1.localhost.localstack.cloud/web:1", "ecr.example.com/web:1"]
    {
        image.parse::<ImageUri>().unwrap();
    }
}

#[test]
fn what_docker_prints_for_nothing_is_no_placeholder() {
    let kind = |image: &str| image.parse::<ImageUri>().unwrap_err().problems()[0].kind();
    assert_eq!(kind("shop/web:<none>"), ProblemKind::NullText);
    assert_eq!(kind("<IMAGE1_NAME>"), ProblemKind::Placeholder);
}
