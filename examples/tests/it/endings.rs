//! Tests of the ends of waits: a deployment that nobody watches any more can be followed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use local_aws::{Fault, Script, Server, When};

use crate::program::{Program, served};

const SERVICE: [&str; 4] = ["--cluster", "demo", "--service", "web"];
const IMAGE: [&str; 2] = ["--image", "web=nginx:2"];

/// Refuses to describe services once a deployment has begun, as with a permission that is revoked.
fn refuse_after_the_start(server: &Server) {
    let has_begun = Arc::new(AtomicBool::new(false));
    let begins = Arc::clone(&has_begun);
    let note = move |_: &[u8]| {
        begins.store(true, Ordering::Relaxed);
        false
    };
    server.local().inject(When::matching("UpdateService", note), Fault::Reset);
    let is_refused = move |_: &[u8]| has_begun.load(Ordering::Relaxed);
    server.local().inject(When::matching("DescribeServices", is_refused), Fault::LimitExceeded);
}

#[tokio::test]
async fn a_wait_that_ends_early_says_how_to_follow_the_deployment() {
    let git = concat!(env!("CARGO_MANIFEST_DIR"), "/service/task-definition.json");
    let programs: [(Program, &[&str], &[&str]); 5] = [
        (Program::deploy(), &SERVICE, &IMAGE),
        (
            Program::deploy_from_git(),
            &SERVICE,
            &["--task-definition", git, "--image", "web=nginx:2"],
        ),
        (Program::fleet(), &["--wave", "demo/web"], &IMAGE),
        (Program::migrate(), &SERVICE, &["--image", "web=nginx:2", "--", "migrate"]),
        (Program::rollback(), &SERVICE, &[]),
    ];
    for (program, service, more) in programs {
        let server = served().await;
        let what = format!("{more:?}");
        let mut before = 0;
        if more.is_empty() {
            let deploy = Program::deploy().with(&["--aws"]).with(&SERVICE).with(&IMAGE);
            assert_eq!(deploy.on(&server).run().await.code, 0);
            before = 1;
        }
        refuse_after_the_start(&server);
        let ended = program.with(&["--aws"]).with(service).with(more).on(&server).run().await;
        assert_eq!(ended.code, 1, "{what}: {}", ended.stderr);
        assert_eq!(ended.stdout, "");
        let line = ended.stderr.lines().last().unwrap();
        let beginning = "to follow the deployment: aws ecs describe-services --region us-east-1 \
                         --cluster demo --services web --query \"services[0].deployments[?id=='ecs-svc/";
        assert!(line.starts_with(beginning) && line.ends_with("']\""), "{what}: {}", ended.stderr);
        assert!(ended.stderr.contains("its outcome is unknown"), "{what}: {}", ended.stderr);
        assert_eq!(server.local().journal().count("UpdateService"), before + 1, "{what}");
    }
}

#[tokio::test]
async fn the_time_limit_counts_from_the_first_call_on() {
    let reading = "reading demo/web timed out after 1 s";
    let rollback = "DescribeServices for the rollback of demo/web timed out after 1 s";
    let programs: [(Program, &[&str], &str); 3] = [
        (Program::deploy(), &IMAGE, reading),
        (Program::migrate(), &["--image", "web=nginx:2", "--", "migrate"], reading),
        (Program::rollback(), &[], rollback),
    ];
    for (program, more, expected) in programs {
        let server = served().await;
        let hours = Fault::Delay(Duration::from_secs(10 * 60 * 60));
        server.local().inject(When::every("DescribeServices"), hours);
        let program = program.with(&["--aws", "--timeout", "1"]).with(&SERVICE).with(more);
        let ended = program.on(&server).run().await;
        assert_eq!(ended.code, 1, "{}", ended.stderr);
        assert!(ended.stderr.ends_with(&format!("error: {expected}\n")), "{}", ended.stderr);
    }
}

/// A rollout that succeeded isn't followed, and one that ECS rolled back neither.
#[tokio::test]
async fn what_has_ended_is_not_followed() {
    let server = served().await;
    server.local().script("demo", "web", Script::Crash { exit_code: 17 });
    let deploy = Program::deploy().with(&["--aws"]).with(&SERVICE).with(&IMAGE);
    let ended = deploy.on(&server).run().await;
    assert_eq!(ended.code, 1);
    assert!(!ended.stderr.contains("to follow"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_task_that_fails_after_the_completion_fails_the_deployment() {
    let server = served().await;
    let after = Duration::from_secs(1000);
    server.local().script("demo", "web", Script::CrashLate { exit_code: 3, after });
    let deploy = Program::deploy().with(&["--aws"]).with(&SERVICE).with(&IMAGE);
    let ended = deploy.with(&["--soak", "1m"]).on(&server).run().await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("\n  complete, watching the tasks for 60 s\n"),
        "{}",
        ended.stderr
    );
    let failed = " after its deployment was complete: container web exited with code 3: ";
    assert!(ended.stderr.contains(failed), "{}", ended.stderr);
    let back = "; it is being rolled back to web:1\n";
    assert!(ended.stderr.ends_with(back), "{}", ended.stderr);
}

#[tokio::test]
async fn durations_have_a_unit() {
    let arguments = ["--image", "web=nginx:2", "--soak", "2 days"];
    let ended = Program::deploy().with(&SERVICE).with(&arguments).run().await;
    assert_eq!(ended.code, 2);
    let expected = "expected a number of seconds, minutes or hours: 90s, 2m or 1h";
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
}
