//! Tests of `deploy`: the revision on stdout, rollbacks and mistakes as failures.

use local_aws::Script;

use crate::program::{Program, served};

const SERVICE: [&str; 5] = ["--aws", "--cluster", "demo", "--service", "web"];
const IMAGE: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web@sha256:\
                     0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn image_of(container: &str) -> String {
    format!("{container}={IMAGE}")
}

#[tokio::test]
async fn stdout_has_the_revision_and_nothing_else() {
    let server = served().await;
    let deploy = Program::deploy().with(&SERVICE).with(&["--image", &image_of("web")]);
    let ended = deploy.on(&server).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let revision = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:2\n";
    assert_eq!(ended.stdout, revision);
}

#[tokio::test]
async fn the_images_may_come_from_a_file() {
    let server = served().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("imagedefinitions.json");
    std::fs::write(&file, format!(r#"[{{"name":"web","imageUri":"{IMAGE}"}}]"#)).unwrap();
    let arguments = ["--definitions", file.to_str().unwrap(), "--image", &image_of("log-router")];
    let ended = Program::deploy().with(&SERVICE).with(&arguments).on(&server).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(server.local().journal().count("RegisterTaskDefinition"), 1);
}

#[tokio::test]
async fn a_rollback_is_a_failure_with_its_reason() {
    let server = served().await;
    server.local().script("demo", "web", Script::Crash { exit_code: 17 });
    let deploy = Program::deploy().with(&SERVICE).with(&["--image", &image_of("web")]);
    let ended = deploy.on(&server).run().await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    let expected = "\nerror: ECS rolled the deployment of web:2 to demo/web back to web:1: container web exited with code 17: \
                    Essential container in task exited (3 other tasks also stopped)\n";
    assert!(ended.stderr.ends_with(expected), "{}", ended.stderr);
}

#[tokio::test]
async fn unknown_containers_are_reported_with_the_existing_ones() {
    let server = served().await;
    let arguments = ["--image", &image_of("wbe"), "--image", &image_of("proxy")];
    let ended = Program::deploy().with(&SERVICE).with(&arguments).on(&server).run().await;
    assert_eq!(ended.code, 1);
    let expected = "\nerror: web:1 has no container `proxy` and no container `wbe` (did you mean \
                    `web`?), only `web` and `log-router`\n";
    assert!(ended.stderr.ends_with(expected), "{}", ended.stderr);
    assert_eq!(server.local().journal().count("RegisterTaskDefinition"), 0);
}

#[tokio::test]
async fn a_missing_service_or_cluster_is_reported() {
    let server = served().await;
    for (cluster, service, expected) in [
        ("demo", "wbe", "error: service `wbe` not found in cluster `demo` in us-east-1\n"),
        ("dmeo", "web", "error: cluster `dmeo` not found in us-east-1\n"),
    ] {
        let arguments = ["--aws", "--cluster", cluster, "--service", service];
        let deploy = Program::deploy().with(&arguments).with(&["--image", &image_of("web")]);
        let ended = deploy.on(&server).run().await;
        assert_eq!(ended.code, 1);
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn bad_usage_is_2() {
    for arguments in [
        &SERVICE[1..],
        &["--cluster", "demo", "--service", "web", "--image", "web"],
        &["--image", "web=nginx"],
    ] {
        let ended = Program::deploy().with(arguments).run().await;
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
}

#[tokio::test]
async fn a_missing_region_is_reported() {
    let deploy = Program::deploy().with(&SERVICE).with(&["--image", &image_of("web")]);
    let deploy = deploy.env("AWS_ACCESS_KEY_ID", "AKIA").env("AWS_SECRET_ACCESS_KEY", "x");
    // CI often sets a variable without a value to an empty string.
    let ended = deploy.env("AWS_REGION", "").run().await;
    assert_eq!(ended.code, 1);
    assert_eq!(
        ended.stderr,
        "error: no region is configured: set AWS_REGION, or `region` in the profile that \
         AWS_PROFILE names\n"
    );
}

#[tokio::test]
async fn a_container_gets_one_image() {
    let arguments = ["--image", "web=nginx:1", "--image", "web=nginx:1", "--image", "web=nginx:2"];
    let ended = Program::deploy().with(&SERVICE).with(&arguments).run().await;
    assert_eq!(ended.code, 1);
    assert_eq!(
        ended.stderr,
        "error: container `web` gets two images, nginx:1 and nginx:2: remove one of them from \
         --definitions or --image\n"
    );
}

#[tokio::test]
async fn a_registered_revision_is_deployed_by_its_name() {
    let server = served().await;
    let cluster = "arn:aws:ecs:us-east-1:123456789012:cluster/demo";
    let service = "arn:aws:ecs:us-east-1:123456789012:service/web";
    let service = ["--aws", "--cluster", cluster, "--service", service];
    for arguments in [["--image", "web=nginx:2"], ["--revision", "web:1"]] {
        let ended = Program::deploy().with(&service).with(&arguments).on(&server).run().await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
    let journal = server.local().journal();
    assert_eq!(journal.count("RegisterTaskDefinition"), 1);
    assert_eq!(journal.count("UpdateService"), 2);
}
