//! Tests of `prune`: old revisions are deregistered, those in use aren't.

use crate::program::{Program, served};

const SERVICE: [&str; 5] = ["--aws", "--cluster", "demo", "--service", "web"];
const REVISION: &str = "arn:aws:ecs:us-east-1:123456789012:task-definition/web";

#[tokio::test]
async fn old_revisions_are_deregistered_after_a_dry_run() {
    let server = served().await;
    for tag in ["2", "3", "4"] {
        let image = format!("web=nginx:{tag}");
        let deploy = Program::deploy().with(&SERVICE).with(&["--image", &image]);
        let ended = deploy.on(&server).run().await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
    let arguments = ["--aws", "--family", "web", "--keep", "1", "--dry-run"];
    let ended = Program::prune().with(&arguments).on(&server).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.ends_with("deregister web:2\nderegister web:1\n"), "{}", ended.stdout);
    assert_eq!(server.local().journal().count("DeregisterTaskDefinition"), 0);

    let ended = Program::prune().with(&SERVICE).with(&["--keep", "1"]).on(&server).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, format!("{REVISION}:1\n{REVISION}:2\n"));
    assert!(ended.stderr.ends_with("2 revisions deregistered\n"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_family_or_a_service_is_needed() {
    for arguments in [&["--aws"][..], &["--service", "web"], &["--family", "a", "--cluster", "b"]] {
        assert_eq!(Program::prune().with(arguments).run().await.code, 2);
    }
}
