//! Tests of `migrate`: the task runs first, and a failed task prevents the rollout.

use local_aws::{Script, Server};

use crate::program::{Ended, Program, served};

async fn migrate(server: &Server, container: &str) -> Ended {
    let arguments = ["--aws", "--cluster", "demo", "--service", "web", "--image", "web=nginx:2"];
    let command = ["--container", container, "--", "migrate", "up"];
    Program::migrate().with(&arguments).with(&command).on(server).run().await
}

#[tokio::test]
async fn the_task_comes_before_the_rollout() {
    let server = served().await;
    let ended = migrate(&server, "web").await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let revision = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:2\n";
    assert_eq!(ended.stdout, revision);
    assert!(ended.stderr.contains("\n  web exited with 0\n"), "{}", ended.stderr);
    let log = "\n  log of log-router: `aws logs tail /demo/web --log-stream-names log-router/";
    assert!(ended.stderr.contains(log), "{}", ended.stderr);
    let journal = server.local().journal();
    assert_eq!(journal.count("RegisterTaskDefinition"), 1);
    let operations = journal.operations();
    let at = |operation| operations.iter().position(|it| *it == operation).unwrap();
    assert!(at("RunTask") < at("UpdateService"), "{operations:?}");
}

#[tokio::test]
async fn after_a_failed_task_nothing_is_deployed() {
    let server = served().await;
    server.local().script_task("web", Script::Crash { exit_code: 3 });
    let ended = migrate(&server, "web").await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    let error = ended.stderr.lines().last().unwrap();
    let expected = " of web:2 for demo/web failed: container web exited with code 3: Essential \
                    container in task exited";
    assert!(error.starts_with("error: task arn:aws:ecs:"), "{error}");
    assert!(error.ends_with(expected), "{error}");
    assert!(ended.stderr.contains("\n  log of log-router: `aws logs "), "{}", ended.stderr);
    assert_eq!(server.local().journal().count("UpdateService"), 0);
}

#[tokio::test]
async fn an_unknown_container_fails_before_any_change() {
    let server = served().await;
    let ended = migrate(&server, "wbe").await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(
        ended.stderr.contains(" has no container `wbe` (did you mean `web`?)"),
        "{}",
        ended.stderr
    );
    assert_eq!(server.local().journal().count("RegisterTaskDefinition"), 0);
}

#[tokio::test]
async fn images_are_optional_and_checked_before_the_task() {
    let server = served().await;
    let service = ["--aws", "--cluster", "demo", "--service", "web"];
    let missing = ["--image", "web=123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web:missing"];
    let refused = Program::migrate()
        .with(&service)
        .with(&missing)
        .with(&["--check-images", "--", "migrate"])
        .on(&server)
        .run()
        .await;
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("error: nothing was started: the image "),
        "{}",
        refused.stderr
    );
    assert_eq!(server.local().journal().count("RunTask"), 0);

    let folder = tempfile::tempdir().unwrap();
    let program = Program::migrate().with(&service).with(&["--force", "--", "migrate"]);
    let ended = program.within(folder.path()).on(&server).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let journal = server.local().journal();
    assert_eq!(journal.count("RegisterTaskDefinition"), 0);
    assert_eq!((journal.count("RunTask"), journal.count("UpdateService")), (1, 1));
}
