//! What ECS registered is compared with what was sent before the service is updated.

use ecs_deploy::events::Event;
use ecs_deploy::plan::FindingKind;
use ecs_deploy::{ErrorKind, Revision};
use serde_json::{Value, json};

use crate::demo::Demo;

/// A task definition for the demonstration service, with members that ECS registers differently.
fn file() -> Value {
    json!({
        "family": "web",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "0.5 vCPU",
        "memory": "1 GB",
        "volumes": [{ "name": "scratch" }],
        "tags": [
            { "key": "owner", "value": "platform" },
            { "key": "project", "value": "demo" },
        ],
        "containerDefinitions": [{
            "name": "web",
            "image": "nginx:1",
            "environment": [
                { "name": "A", "value": "1" },
                { "name": "B", "value": null },
                { "name": "A", "value": "2" },
                { "name": "C" },
            ],
            "portMappings": [{ "containerPort": 80, "hostPort": 0 }],
            "mountPoints": [{ "sourceVolume": "scratch", "containerPath": "/tmp" }],
        }],
    })
}

fn revision(file: &Value) -> Revision {
    file.to_string().parse().unwrap()
}

/// Rolls out, and returns the warnings and the outcome.
async fn roll_out(
    demo: &Demo,
    revision: Revision,
) -> (Vec<String>, Result<ecs_deploy::Deployed, ecs_deploy::Error>) {
    let mut events = demo.deployer.roll_out(&demo.service, revision).events();
    let mut warnings = Vec::new();
    while let Some(event) = events.next().await {
        if let Event::Warning { finding, .. } = event {
            warnings.push(format!("{}: {finding}", finding.kind()));
        }
    }
    (warnings, events.finish().await)
}

#[tokio::test(start_paused = true)]
async fn what_ecs_is_known_to_normalize_deploys_once() {
    let demo = Demo::new();
    let (warnings, deployed) = roll_out(&demo, revision(&file())).await;
    assert_eq!(
        warnings,
        ["doubtfulTaskDefinition: `containerDefinitions[0].environment[2].name` is `A`, like \
             another variable's: remove one of them, because ECS keeps only one"]
    );
    assert!(deployed.unwrap().was_changed());
    let before = demo.operations().len();
    assert_eq!(
        demo.operations()[..4],
        ["DescribeServices", "DescribeTaskDefinition", "RegisterTaskDefinition", "UpdateService"]
    );
    let (warnings, deployed) = roll_out(&demo, revision(&file())).await;
    assert_eq!(warnings, [""; 0]);
    assert!(!deployed.unwrap().was_changed());
    assert_eq!(demo.operations()[before..], ["DescribeServices", "DescribeTaskDefinition"]);
}

/// A member with a name that is near no known one may be newer than the SDK: the response to the
/// registration decides.
#[tokio::test(start_paused = true)]
async fn a_member_that_ecs_drops_is_not_deployed() {
    let demo = Demo::new();
    let mut with_member = file();
    with_member["containerDefinitions"][0]["gravitationalPull"] = json!({ "a": 1 });
    let revision = revision(&with_member);
    let (_, outcome) = roll_out(&demo, revision.clone()).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MemberDropped);
    assert_eq!(
        error.to_string(),
        "web:2 was registered, but not as it was sent: ECS dropped \
         `containers.web.gravitationalPull`"
    );
    assert_eq!(error.findings().len(), 1);
    assert_eq!(demo.local.journal().count("UpdateService"), 0);
    assert!(demo.running().await.ends_with("/web:1"));

    let mut registered = revision.clone();
    let error = demo.deployer.register(&mut registered).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MemberDropped);

    let roll_out = demo.deployer.roll_out(&demo.service, revision);
    roll_out.tolerate(FindingKind::MemberDropped).await.unwrap();
    assert!(demo.running().await.ends_with("/web:4"));
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_may_have_moved_is_named_and_not_deployed() {
    let demo = Demo::new();
    roll_out(&demo, revision(&file())).await.1.unwrap();
    let mut events = demo.deployer.roll_out(&demo.service, revision(&file())).events();
    let mut lines = Vec::new();
    while let Some(event) = events.next().await {
        lines.push(event.to_string());
    }
    let deployed = events.finish().await.unwrap();
    let arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:2";
    assert_eq!(
        lines[0],
        format!(
            "unchanged {arn}: nginx:1 may have moved; force a new deployment to pull it again, or \
             name the image by its digest"
        )
    );
    assert_eq!(deployed.may_have_moved().collect::<Vec<_>>(), ["nginx:1"]);

    let roll_out = demo.deployer.roll_out(&demo.service, revision(&file()));
    let deployed = roll_out.force_new_deployment().await.unwrap();
    assert!(deployed.was_changed());
    assert_eq!(deployed.may_have_moved().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_removes_tags_is_reported() {
    let demo = Demo::new();
    let current = demo.deployer.current(&demo.service).await.unwrap();
    let mut members: Value = serde_json::from_str(&current.to_string()).unwrap();
    members.as_object_mut().unwrap().remove("tags");
    let (warnings, deployed) = roll_out(&demo, revision(&members)).await;
    assert_eq!(
        warnings,
        ["tagsRemoved: the new revision removes the tags `project` and `owner` of web:1: keep \
             them in the task definition if that isn't intended; `aws ecs describe-task-definition` \
             prints them with `--include TAGS`"]
    );
    assert!(deployed.unwrap().was_changed());
}

#[tokio::test(start_paused = true)]
async fn revisions_that_the_service_never_ran_are_reported_when_they_are_left_out() {
    let demo = Demo::new();
    demo.register(&file().to_string()).await.unwrap();
    let (warnings, deployed) = roll_out(&demo, demo.changed().await).await;
    assert!(deployed.unwrap().revision().ends_with("web:3"));
    assert_eq!(
        warnings,
        ["newestLeftOut: web:2 was registered after web:1, which the service runs: web:3 is a \
             copy of web:1, and doesn't have those changes"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_definition_with_an_error_is_not_registered() {
    let demo = Demo::new();
    let mut broken = file();
    let container = &mut broken["containerDefinitions"][0];
    container["enviroment"] = container["environment"].take();
    container["memory"] = json!("256");
    container["image"] = json!("<IMAGE1_NAME>");
    let error = roll_out(&demo, revision(&broken)).await.1.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotReady);
    assert_eq!(
        error.to_string(),
        "nothing was deployed to demo/web: `containerDefinitions[0].enviroment` isn't a member that \
         ECS knows (did you mean `environment`?): rename it to `environment`, because ECS would \
         drop it silently; and `containerDefinitions[0].image` contains the placeholder \
         `<IMAGE1_NAME>`: replace it before the deployment; and `containerDefinitions[0].memory` is \
         the string \"256\", but an integer is expected: write 256"
    );
    assert_eq!(demo.operations(), ["DescribeServices", "DescribeTaskDefinition"]);
}
