//! Tests of `fleet`: waves, and the effect of a failed service.

use examples::create_services;
use local_aws::{LocalAws, Script, Server};

use crate::program::{Program, served};

const REVISION: &str = "arn:aws:ecs:us-east-1:123456789012:task-definition";
const IMAGE: [&str; 2] = ["--image", "web=nginx:2"];

/// Starts an emulator with the services demo/canary and demo/worker, and lets demo/worker fail.
async fn failing() -> Server {
    let server = served().await;
    let local: &LocalAws = server.local();
    create_services(&local.sdk_config(), &["canary", "worker"]).await.unwrap();
    local.script("demo", "worker", Script::Crash { exit_code: 17 });
    server
}

#[tokio::test]
async fn all_services_of_the_emulator_get_the_image() {
    let ended = Program::fleet().with(&IMAGE).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let expected = ["canary", "web", "worker"].map(|it| format!("demo/{it} {REVISION}/{it}:2\n"));
    assert_eq!(ended.stdout, expected.concat());
    let done = ended.stderr.find("  demo/canary: arn:").unwrap();
    let next = ended.stderr.find("  demo/web: registered ").unwrap();
    assert!(done < next, "{}", ended.stderr);
}

#[tokio::test]
async fn no_wave_starts_after_a_failed_one() {
    let server = failing().await;
    let waves = ["--aws", "--wave", "demo/worker,demo/canary", "--wave", "demo/web"];
    let ended = Program::fleet().with(&waves).with(&IMAGE).on(&server).run().await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    let expected = format!("\n  demo/canary: runs {REVISION}/canary:2\n  demo/web: not started\n");
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
    let error = "\nerror: 2 of 3 services don't run their new revision: ECS rolled the \
                 deployment of worker:2 to demo/worker back to worker:1: container web exited with \
                 code 17: Essential container in task exited";
    assert!(ended.stderr.contains(error), "{}", ended.stderr);
}

#[tokio::test]
async fn all_or_nothing_rolls_back_the_other_services() {
    let server = failing().await;
    let waves = ["--aws", "--all-or-nothing", "--wave", "demo/canary", "--wave", "demo/worker"];
    let ended = Program::fleet().with(&waves).with(&IMAGE).on(&server).run().await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    let expected = format!("\n  demo/canary: rolled back, runs {REVISION}/canary:1\n");
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
}

#[tokio::test]
async fn a_service_without_the_containers_is_reported() {
    let server = served().await;
    let arguments = ["--aws", "--wave", "demo/web", "--image", "api=nginx:2"];
    let ended = Program::fleet().with(&arguments).on(&server).run().await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let error = "\nerror: demo/web has no container for any of the images\n";
    assert!(ended.stderr.ends_with(error), "{}", ended.stderr);
}

#[tokio::test]
async fn bad_usage_is_2() {
    for arguments in [&["--aws", "--image", "web=nginx:2"][..], &["--wave", "web"]] {
        let ended = Program::fleet().with(arguments).run().await;
        assert_eq!(ended.code, 2, "{}", ended.stderr);
    }
}
