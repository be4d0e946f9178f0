//! Tests of the options of `deploy`: `--dry-run`, `--plan`, `--apply`, `--check-images` and others.

use std::time::Duration;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{DeploymentCircuitBreaker, DeploymentConfiguration};
use local_aws::{Fault, Script, Server, When};

use crate::program::{Ended, Program, URI, served};

const SERVICE: [&str; 5] = ["--aws", "--cluster", "demo", "--service", "web"];
const IMAGE: &str = "web=nginx:2";
const REVISION: &str = "arn:aws:ecs:us-east-1:123456789012:task-definition/web";

async fn deploy(server: &Server, arguments: &[&str]) -> Ended {
    Program::deploy().with(&SERVICE).with(arguments).on(server).run().await
}

async fn apply(server: &Server, plan: &str) -> Ended {
    Program::deploy().with(&["--aws", "--apply", plan]).on(server).run().await
}

#[tokio::test]
async fn a_dry_run_shows_the_change_and_does_nothing() {
    let server = served().await;
    let ended = deploy(&server, &["--image", IMAGE, "--force", "--dry-run"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let running = format!("{URI}@sha256:{}", "7f".repeat(32));
    let expected = format!(
        "demo/web runs web:1\n  containers.web.image\n    - {running}\n    + nginx:2\n\
         with: forceNewDeployment=true\n\
         calls: DescribeServices, RegisterTaskDefinition, UpdateService\n"
    );
    assert_eq!(ended.stdout, expected);
    let journal = server.local().journal();
    assert_eq!(journal.operations(), ["DescribeServices", "DescribeTaskDefinition"]);
}

#[tokio::test]
async fn a_dry_run_without_changes_says_so() {
    let server = served().await;
    let image = format!("web={URI}@sha256:{}", "7f".repeat(32));
    let ended = deploy(&server, &["--image", &image, "--dry-run"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, "demo/web runs web:1\nnothing changes\n");
}

#[tokio::test]
async fn a_missing_image_is_refused() {
    let server = served().await;
    let image = format!("web={URI}:2");
    let arguments = ["--image", image.as_str(), "--check-images"];
    let dry = deploy(&server, &[&arguments[..], &["--dry-run"]].concat()).await;
    assert_eq!(dry.code, 1, "{}", dry.stderr);
    let refused = format!("the image {URI}:2 of web isn't in ECR\n");
    assert!(dry.stdout.contains(&format!("\nrefused: {refused}")), "{}", dry.stdout);
    let error = "\nerror: the deployment would be refused for the reasons above\n";
    assert!(dry.stderr.ends_with(error), "{}", dry.stderr);

    let ended = deploy(&server, &arguments).await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    let error = format!("\nerror: nothing was deployed to demo/web: {refused}");
    assert!(ended.stderr.ends_with(&error), "{}", ended.stderr);
    assert_eq!(server.local().journal().count("RegisterTaskDefinition"), 0);
}

#[tokio::test]
async fn a_saved_plan_is_applied_once() {
    let server = served().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.json");
    let plan = file.to_str().unwrap();
    let planned = deploy(&server, &["--image", IMAGE, "--plan", plan]).await;
    assert_eq!(planned.code, 0, "{}", planned.stderr);
    assert!(planned.stdout.starts_with("demo/web runs web:1\n"), "{}", planned.stdout);
    assert_eq!(server.local().journal().count("RegisterTaskDefinition"), 0);

    let applied = apply(&server, plan).await;
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    assert_eq!(applied.stdout, format!("{REVISION}:2\n"));
    assert!(applied.stderr.contains(&planned.stdout), "{}", applied.stderr);

    let again = apply(&server, plan).await;
    assert_eq!(again.code, 1, "{}", again.stderr);
    let error =
        "\nerror: nothing was deployed: demo/web now runs web:2, but the plan is based on web:1\n";
    assert!(again.stderr.ends_with(error), "{}", again.stderr);
    let journal = server.local().journal();
    assert_eq!(journal.count("RegisterTaskDefinition"), 1);
    assert_eq!(journal.count("UpdateService"), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_a_plan() {
    use std::os::unix::fs::PermissionsExt as _;

    let server = served().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.json");
    let ended = deploy(&server, &["--image", IMAGE, "--plan", file.to_str().unwrap()]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn an_invalid_plan_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.json");
    std::fs::write(&file, "{}").unwrap();
    let path = file.to_str().unwrap();
    let ended = Program::deploy().with(&["--aws", "--apply", path]).run().await;
    assert_eq!(ended.code, 1);
    let expected = format!("error: {path}: missing field `version` at line 1 column 2");
    assert!(ended.stderr.starts_with(&expected), "{}", ended.stderr);
}

#[tokio::test]
async fn force_starts_new_tasks_of_the_same_revision() {
    let server = served().await;
    let ended = deploy(&server, &["--force"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, format!("{REVISION}:1\n"));
    let journal = server.local().journal();
    assert_eq!(journal.count("RegisterTaskDefinition"), 0);
    assert_eq!(journal.count("UpdateService"), 1);
}

#[tokio::test]
async fn fail_fast_ends_with_the_first_failed_task() {
    let server = served().await;
    server.local().script("demo", "web", Script::ImageMissing);
    // ECS retries forever if the breaker is off.
    let breaker = DeploymentCircuitBreaker::builder().enable(false).rollback(false).build();
    let configuration = DeploymentConfiguration::builder().deployment_circuit_breaker(breaker);
    let client = Client::new(&server.local().sdk_config());
    let update = client.update_service().cluster("demo").service("web");
    update.deployment_configuration(configuration.build()).send().await.unwrap();

    let ended = deploy(&server, &["--image", IMAGE, "--fail-fast"]).await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    let error = ended.stderr.lines().last().unwrap();
    assert!(error.starts_with("error: the rollout of web:2 to demo/web failed: "), "{error}");
    assert!(error.ends_with("; it is being rolled back to web:1"), "{error}");
    assert_eq!(server.local().journal().count("StopServiceDeployment"), 1);
}

#[tokio::test]
async fn a_timeout_of_zero_deploys_nothing() {
    let server = served().await;
    let hour = Duration::from_secs(3600);
    server.local().inject(When::every("DescribeServices"), Fault::Delay(hour));
    let ended = deploy(&server, &["--image", IMAGE, "--timeout", "0"]).await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let error = "\nerror: reading demo/web timed out after 0 s\n";
    assert!(ended.stderr.ends_with(error), "{}", ended.stderr);
    assert_eq!(server.local().journal().count("UpdateService"), 0);
}

#[tokio::test]
async fn apply_excludes_other_options() {
    for arguments in [
        &["--apply", "plan.json", "--cluster", "demo"][..],
        &["--apply", "plan.json", "--image", IMAGE],
        &["--apply", "plan.json", "--force"],
        &["--apply", "plan.json", "--dry-run"],
    ] {
        let ended = Program::deploy().with(arguments).run().await;
        assert_eq!(ended.code, 2, "{}", ended.stderr);
    }
}
