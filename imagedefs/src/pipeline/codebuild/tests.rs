//! The variables of CodeBuild.

use super::*;

const ARN: (&str, &str) = (
    "CODEBUILD_BUILD_ARN",
    "arn:aws-cn:codebuild:cn-north-1:111122223333:build/shop:b1e6661e-e4f2-4156-9ab9-82a19EXAMPLE",
);

fn build(variables: &[(&str, &str)]) -> CodeBuildEnv {
    CodeBuildEnv::from_vars(variables.iter().copied().chain([ARN])).unwrap()
}

#[test]
fn the_arn_says_where_the_build_runs() {
    let build = build(&[("AWS_REGION", "us-east-1"), ("AWS_ACCOUNT_ID", "000000000000")]);
    assert_eq!(build.partition(), "aws-cn");
    assert_eq!(build.region(), "cn-north-1");
    assert_eq!(build.account(), "111122223333");
}

#[test]
fn outside_of_a_build_there_is_nothing_to_tell() {
    let unset = "`CODEBUILD_BUILD_ARN` is not set: CodeBuild sets it in every build".to_owned();
    let invalid = |arn| {
        format!(
            "invalid `CODEBUILD_BUILD_ARN` `{arn}`: expected \
             arn:PARTITION:codebuild:REGION:ACCOUNT:build/PROJECT:ID"
        )
    };
    for (arn, reason) in [
        ("", unset),
        ("shop:b1e6661e", invalid("shop:b1e6661e")),
        (
            "arn:aws:codebuild:us-east-2:11112222333:build/x:y",
            invalid("arn:aws:codebuild:us-east-2:11112222333:build/x:y"),
        ),
        (
            "arn:aws:s3:us-east-2:111122223333:build/x:y",
            invalid("arn:aws:s3:us-east-2:111122223333:build/x:y"),
        ),
    ] {
        let error = CodeBuildEnv::from_vars([("CODEBUILD_BUILD_ARN", arn)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidEnvironment);
        let message = format!("not a CodeBuild environment: {reason}");
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn a_build_without_a_revision_has_none() {
    let resolved = "CODEBUILD_RESOLVED_SOURCE_VERSION";
    assert_eq!(build(&[(resolved, "55b4b4e")]).revision().unwrap(), "55b4b4e");

    let message = "CodeBuild has no revision of the source: `CODEBUILD_RESOLVED_SOURCE_VERSION` \
                   is not set: it is missing before the phase DOWNLOAD_SOURCE, and for S3 sources \
                   without versions";
    let error = build(&[(resolved, "")]).revision().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoRevision);
    assert_eq!(error.to_string(), message);
    let error = build(&[("CODEBUILD_SOURCE_VERSION", "main")]).revision().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{message}; `CODEBUILD_SOURCE_VERSION` is `main`, which can mean another revision later"
        )
    );
}

#[test]
fn the_trigger_is_that_of_the_webhook() {
    let trigger = "CODEBUILD_WEBHOOK_TRIGGER";
    for (value, expected) in [
        ("branch/feature/x", WebhookTrigger::Branch("feature/x")),
        ("tag/v1.4.2", WebhookTrigger::Tag("v1.4.2")),
        ("pr/123", WebhookTrigger::PullRequest(123)),
        ("pr/x", WebhookTrigger::Other("pr/x")),
        ("release", WebhookTrigger::Other("release")),
    ] {
        assert_eq!(build(&[(trigger, value)]).trigger(), Some(expected));
    }
    let tagged = build(&[(trigger, "tag/v1")]);
    assert_eq!((tagged.tag(), tagged.branch()), (Some("v1"), None));
    let pushed = build(&[(trigger, "branch/main")]);
    assert_eq!((pushed.tag(), pushed.branch()), (None, Some("main")));
    assert_eq!(build(&[]).trigger(), None);
}

#[test]
fn without_a_trigger_the_reference_that_was_pushed_will_do() {
    let pushed = |event, head| {
        let variables = [("CODEBUILD_WEBHOOK_EVENT", event), ("CODEBUILD_WEBHOOK_HEAD_REF", head)];
        let build = build(&variables);
        (build.tag().map(str::to_owned), build.branch().map(str::to_owned))
    };
    assert_eq!(pushed("PUSH", "refs/tags/v1"), (Some("v1".to_owned()), None));
    assert_eq!(pushed("PUSH", "refs/heads/a/b"), (None, Some("a/b".to_owned())));
    assert_eq!(pushed("PULL_REQUEST_UPDATED", "refs/heads/a/b"), (None, None));
}

#[test]
fn the_rest() {
    let variables = [
        ("CODEBUILD_BUILD_NUMBER", "17"),
        ("CODEBUILD_INITIATOR", "codepipeline/shop"),
        ("CODEBUILD_BUILD_SUCCEEDING", "1"),
    ];
    let of_pipeline = build(&variables);
    assert_eq!(of_pipeline.build_number(), Some(17));
    assert_eq!(of_pipeline.pipeline(), Some("shop"));
    of_pipeline.check_succeeding().unwrap();

    let failing = [("CODEBUILD_INITIATOR", "alice"), ("CODEBUILD_BUILD_SUCCEEDING", "0")];
    let failing = build(&failing);
    assert_eq!(failing.pipeline(), None);
    let error = failing.check_succeeding().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BuildFailed);
    assert_eq!(
        error.to_string(),
        "a phase of the build failed (`CODEBUILD_BUILD_SUCCEEDING` is 0): its output must not be \
         deployed"
    );
    build(&[]).check_succeeding().unwrap();
}
