//! Tests of `rollback`: the previous revision runs again.

use crate::program::{Program, served};

const SERVICE: [&str; 4] = ["--cluster", "demo", "--service", "web"];
const FIRST: &str = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1\n";

#[tokio::test]
async fn the_emulator_gets_a_revision_to_roll_back() {
    let ended = Program::rollback().with(&SERVICE).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, FIRST);
    assert!(ended.stderr.contains("\n  rolling back to web:1\n"), "{}", ended.stderr);
}

#[tokio::test]
async fn the_revision_that_ran_before_runs_again() {
    let server = served().await;
    let deploy = ["--aws", "--image", "web=nginx:2"];
    let deployed = Program::deploy().with(&SERVICE).with(&deploy).on(&server).run().await;
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    let ended = Program::rollback().with(&SERVICE).with(&["--aws"]).on(&server).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, FIRST);
    let journal = server.local().journal();
    assert_eq!(journal.count("RegisterTaskDefinition"), 1);
    assert_eq!(journal.count("UpdateService"), 2);
}

#[tokio::test]
async fn without_a_previous_revision_nothing_is_done() {
    let server = served().await;
    let ended = Program::rollback().with(&SERVICE).with(&["--aws"]).on(&server).run().await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    let expected = "\nerror: demo/web can't be rolled back: all successful deployments that ECS \
                    knows have its current revision\n";
    assert!(ended.stderr.ends_with(expected), "{}", ended.stderr);
    assert_eq!(server.local().journal().count("UpdateService"), 0);
}
