//! Tests of `policy --for`: the permissions and the trust of each role.

use local_aws::LocalAws;
use serde_json::{Value, json};

use crate::program::{Ended, Program, URI, Workplace, served};

const SERVICE: &str = "arn:aws:ecs:us-east-1:123456789012:service/demo/web";
const PIPELINE: &str = "arn:aws:codepipeline:us-east-1:123456789012:deploy";

async fn policy(arguments: &[&str]) -> Ended {
    Program::policy().with(arguments).run().await
}

async fn document(arguments: &[&str]) -> Value {
    let ended = policy(arguments).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

/// Action and resources of each statement with this `Sid`.
fn statement(document: &Value, sid: &str) -> Value {
    let statements = document["Statement"].as_array().unwrap();
    let found = statements.iter().find(|it| it["Sid"] == sid);
    found.unwrap_or_else(|| panic!("no {sid} in {document}")).clone()
}

#[tokio::test]
async fn each_role_has_its_permissions() {
    let lambda = document(&["--for", "lambda", "--service", SERVICE, "--family", "web"]).await;
    let logs = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/ecr-event:*";
    assert_eq!(statement(&lambda, "Logs")["Resource"], json!([logs]));
    assert!(lambda.to_string().contains("\"ecs:StopServiceDeployment\""), "{lambda}");

    let target = document(&["--for", "event-target", "--pipeline", PIPELINE]).await;
    let expected = json!([{
        "Sid": "Pipeline", "Effect": "Allow", "Action": ["codepipeline:StartPipelineExecution"],
        "Resource": [PIPELINE],
    }]);
    assert_eq!(target["Statement"], expected);

    let bucket = ["--for", "artifact-bucket", "--bucket", "source", "--key", "web.zip", URI];
    let expected = json!([{
        "Sid": "Artifact", "Effect": "Allow", "Action": ["s3:PutObject"],
        "Resource": ["arn:aws:s3:::source/web.zip"],
    }]);
    assert_eq!(document(&bucket).await["Statement"], expected);

    let build = ["--for", "codebuild", "--project", "shop", "--bucket", "artifacts", URI];
    let build = document(&build).await;
    assert_eq!(statement(&build, "Push")["Action"].as_array().unwrap().len(), 6);
    let logs = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/codebuild/shop:*";
    assert_eq!(statement(&build, "Logs")["Resource"], json!([logs]));
    assert_eq!(
        statement(&build, "OutputArtifact")["Resource"],
        json!(["arn:aws:s3:::artifacts/*"])
    );

    let github = ["--for", "github-oidc", "--service", SERVICE, "--bucket", "source", URI];
    let github = document(&github).await;
    for action in ["ecr:PutImage", "ecs:UpdateService", "s3:PutObject"] {
        assert!(github.to_string().contains(&format!("\"{action}\"")), "{github}");
    }
}

#[tokio::test]
async fn each_role_trusts_one_principal() {
    let condition = |arn: &str| {
        json!({
            "StringEquals": { "aws:SourceAccount": "123456789012" },
            "ArnLike": { "aws:SourceArn": arn },
        })
    };
    let service = |principal: &str| {
        json!({
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": principal },
        })
    };
    let lambda = document(&["--for", "lambda", "--trust", "--service", SERVICE]).await;
    assert_eq!(lambda["Statement"], json!([service("lambda.amazonaws.com")]));

    let target = ["--for", "event-target", "--trust", "--pipeline", PIPELINE, "--rule", "push"];
    let mut expected = service("events.amazonaws.com");
    expected["Condition"] = condition("arn:aws:events:us-east-1:123456789012:rule/push");
    assert_eq!(document(&target).await["Statement"], json!([expected]));

    let build = document(&["--for", "codebuild", "--trust", "--project", "shop", URI]).await;
    let mut expected = service("codebuild.amazonaws.com");
    expected["Condition"] = condition("arn:aws:codebuild:us-east-1:123456789012:project/shop");
    assert_eq!(build["Statement"], json!([expected]));

    let refs = ["--ref", "refs/heads/main", "--ref", "refs/tags/v*"];
    let github = ["--for", "github-oidc", "--trust", "--github", "example/shop", URI];
    let github = document(&[&github[..], &refs].concat()).await;
    let issuer = "token.actions.githubusercontent.com";
    let expected = json!([{
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": { "Federated": format!("arn:aws:iam::123456789012:oidc-provider/{issuer}") },
        "Condition": {
            "StringEquals": { format!("{issuer}:aud"): "sts.amazonaws.com" },
            "StringLike": { format!("{issuer}:sub"): [
                "repo:example/shop:ref:refs/heads/main", "repo:example/shop:ref:refs/tags/v*",
            ] },
        },
    }]);
    assert_eq!(github["Statement"], expected);
}

#[tokio::test]
async fn a_missing_argument_is_named() {
    for (arguments, problem) in [
        (&["--for", "codebuild", URI][..], "--project is required for this set-up"),
        (
            &["--for", "event-target", "--pipeline", SERVICE],
            "invalid ARN `arn:aws:ecs:us-east-1:123456789012:service/demo/web`: expected \
             arn:aws:codepipeline:REGION:ACCOUNT:NAME",
        ),
        (
            &["--for", "artifact-bucket", "--trust", URI],
            "artifact-bucket has no trust policy: add its permissions to the role of the writer",
        ),
        (&["--for", "lambda", "--for", "codebuild", URI], "--for takes one role at a time"),
        (
            &["--for", "tags", "--trust", "--service", SERVICE],
            "--trust needs --for with a role, such as lambda",
        ),
    ] {
        let ended = policy(arguments).await;
        assert_eq!((ended.code, &*ended.stdout), (1, ""));
        assert_eq!(ended.stderr, format!("error: {problem}\n"));
    }
}

#[tokio::test]
async fn a_task_of_a_deployment_needs_the_service() {
    let ended = policy(&["--for", "tags", URI]).await;
    assert_eq!((ended.code, &*ended.stdout), (2, ""));
    let expected = "error: --for with a task of a deployment needs --service ARN\n";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
}

/// The documents of the roles allow their programs on the emulator, which evaluates the policies of
/// ECR and ECS.
#[tokio::test]
async fn the_programs_run_with_the_policies_of_their_roles() {
    let (server, workplace) = (served().await, Workplace::new());
    let roles = ["demo-web", "demo-web-execution"]
        .map(|name| format!("arn:aws:iam::123456789012:role/{name}"));
    let deployment =
        ["--service", SERVICE, "--family", "web", "--role", &roles[0], "--role", &roles[1]];
    let deployment = [&deployment[..], &["--for", "tags"]].concat();

    let build = document(&["--for", "codebuild", "--project", "shop", URI]).await;
    server.local().set_policy(LocalAws::USER, &build.to_string()).unwrap();
    let pushed = Program::push().with(&["--aws", workplace.image(), URI]).on(&server).run().await;
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);

    let lambda = document(&[&["--for", "lambda"], &deployment[..]].concat()).await;
    server.local().set_policy(LocalAws::USER, &lambda.to_string()).unwrap();
    let image = format!("web={}", pushed.stdout.trim_end());
    let deploy = || {
        let service = ["--aws", "--cluster", "demo", "--service", "web", "--image", &image];
        Program::deploy().with(&service).on(&server).run()
    };
    let deployed = deploy().await;
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    let denied = Program::push().with(&["--aws", workplace.image(), URI]).on(&server).run().await;
    assert_eq!(denied.code, 1, "{}", denied.stderr);

    server.local().set_policy(LocalAws::USER, &build.to_string()).unwrap();
    let denied = deploy().await;
    assert_eq!(denied.code, 1, "{}", denied.stderr);

    let github = document(&[&["--for", "github-oidc", URI], &deployment[..]].concat()).await;
    server.local().set_policy(LocalAws::USER, &github.to_string()).unwrap();
    let pushed = Program::push().with(&["--aws", workplace.image(), URI]).on(&server).run().await;
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);
    assert_eq!(deploy().await.code, 0);
}
