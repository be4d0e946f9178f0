//! Tests of `deploy_events`: a line for each event, and a rollout that a second process follows.

use std::time::Duration;

use local_aws::Script;

use crate::program::{Program, served};

const BEGIN: [&str; 7] =
    ["--aws", "--cluster", "demo", "--service", "web", "--image", "web=nginx:2"];
const REVISION: &str = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:2";

/// Splits the lines into events and details, without the seconds.
fn told(stderr: &str) -> Vec<(&str, &str)> {
    stderr
        .lines()
        .map(|line| {
            let (seconds, rest) = line.split_once(" s  ").unwrap();
            assert!(seconds.trim().parse::<u64>().is_ok(), "{line}");
            let (what, particulars) = rest.split_at(12);
            (what.trim_end(), particulars.trim_start())
        })
        .collect()
}

#[tokio::test]
async fn each_event_has_its_line() {
    let server = served().await;
    let ended = Program::deploy_events().with(&BEGIN).on(&server).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, format!("{REVISION}\n"));
    let lines = told(&ended.stderr);
    assert_eq!(lines[1], ("registered", REVISION));
    assert_eq!(lines[2].0, "started");
    let mut messages = lines.iter().filter(|(what, _)| *what == "ECS").map(|(_, text)| *text);
    assert_eq!(messages.next_back(), Some("(service web) has reached a steady state."));
    assert_eq!(lines.last(), Some(&("runs", REVISION)));
}

#[tokio::test]
async fn a_failed_rollout_is_explained() {
    let server = served().await;
    server.local().script("demo", "web", Script::Crash { exit_code: 17 });
    let ended = Program::deploy_events().with(&BEGIN).on(&server).run().await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    let (story, error) = ended.stderr.split_once("error: ").unwrap();
    assert!(
        error.starts_with("ECS rolled the deployment of web:2 to demo/web back to web:1: "),
        "{error}"
    );
    let lines = told(story);
    let stopped = lines.iter().find(|(what, _)| *what == "stopped").unwrap();
    assert!(stopped.1.contains(": container web exited with code 17: "), "{story}");
    assert!(lines.contains(&("rolling back", "to web:1")), "{story}");
    assert_eq!(lines.last(), Some(&("failed", "RolledBack")));
}

#[tokio::test]
async fn another_process_follows_the_rollout_of_a_killed_one() {
    let server = served().await;
    let pulling = Duration::from_secs(1000);
    server.local().script("demo", "web", Script::Slow { pulling });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("handle.json");
    let path = file.to_str().unwrap();
    let first = Program::deploy_events().with(&BEGIN).with(&["--handle", path]).on(&server);
    first.until(&format!(" saved        {path}")).await;

    let resume = ["--aws", "--resume", path];
    let ended = Program::deploy_events().with(&resume).on(&server).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, format!("{REVISION}\n"));
    let (what, particulars) = told(&ended.stderr)[0];
    assert_eq!(what, "following");
    assert!(particulars.starts_with("ecs-svc/"), "{particulars}");
    assert!(particulars.ends_with(&format!(" of {REVISION}")), "{particulars}");
    assert_eq!(server.local().journal().count("UpdateService"), 1);
}

#[tokio::test]
async fn an_unwritable_handle_does_not_end_the_watch() {
    let server = served().await;
    let path = "/no/such/folder/handle.json";
    let deploy = Program::deploy_events().with(&BEGIN).with(&["--handle", path]);
    let ended = deploy.on(&server).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let lines = told(&ended.stderr);
    let (_, problem) = lines.iter().find(|(what, _)| *what == "not saved").unwrap();
    assert!(problem.starts_with(&format!("can't write {path}: ")), "{problem}");
    assert!(problem.contains("; the handle is {\"version\":1,"), "{problem}");
}

#[tokio::test]
async fn a_timeout_comes_with_the_command_that_follows_the_rollout() {
    let server = served().await;
    let day = Duration::from_secs(24 * 60 * 60);
    server.local().script("demo", "web", Script::Slow { pulling: day });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("handle.json");
    let path = file.to_str().unwrap();
    let first = Program::deploy_events().with(&BEGIN).with(&["--handle", path]).on(&server);
    first.until(" saved ").await;
    let resume = ["--aws", "--resume", path, "--timeout", "0"];
    let ended = Program::deploy_events().with(&resume).on(&server).run().await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let expected = format!("continues    follow it with deploy_events --aws --resume {path}\n");
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
    let error = "\nerror: the rollout of web:2 to demo/web timed out after 0 s: ";
    assert!(ended.stderr.contains(error), "{}", ended.stderr);
}

#[tokio::test]
async fn resume_needs_aws() {
    let resume = ["--resume", "handle.json"];
    let ended = Program::deploy_events().with(&resume).run().await;
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("--aws"), "{}", ended.stderr);
}
