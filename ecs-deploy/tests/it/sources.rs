//! Sources of revisions, and rollouts of revisions that aren't copies.

use ecs_deploy::diff::Diff;
use ecs_deploy::{ErrorKind, Revision};
use local_aws::UnknownMembers;
use serde_json::{Value, json};

use crate::demo::{Demo, NEW_IMAGE};
use crate::every_member::every_member;

/// The demonstration's task definition as a user keeps it in git: in another order, and without
/// the members that ECS adds.
const FILE: &str = include_str!("taskdef.json");

fn file() -> Revision {
    FILE.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_revision_is_read_by_family_by_number_and_by_arn() {
    let demo = Demo::new();
    let mut revision = demo.changed().await;
    let second = demo.deployer.register(&mut revision).await.unwrap();
    let first = second.replace("web:2", "web:1");
    for (reference, arn) in
        [("web", &second), ("web:1", &first), ("web:2", &second), (first.as_str(), &first)]
    {
        let calls = demo.operations().len();
        let found = demo.deployer.revision(reference).await.unwrap();
        assert_eq!(found.arn(), Some(arn.as_str()));
        assert!(found.diff().is_empty());
        assert!(found.to_string().contains(r#""key": "project""#));
        assert_eq!(demo.operations()[calls..], ["DescribeTaskDefinition"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_earlier_revision_is_rolled_out_as_it_is() {
    let demo = Demo::new();
    let first = demo.running().await;
    let revision = demo.changed().await;
    demo.deployer.roll_out(&demo.service, revision).await.unwrap();
    let back = demo.deployer.revision("web:1").await.unwrap();
    let deployed = demo.deployer.roll_out(&demo.service, back).await.unwrap();
    assert_eq!(deployed.revision(), first);
    assert_eq!(demo.running().await, first);
    assert_eq!(demo.local.journal().count("RegisterTaskDefinition"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_names_no_revision_is_refused() {
    let demo = Demo::new();
    for (reference, kind, message, calls) in [
        (
            "web:0",
            ErrorKind::InvalidReference,
            "invalid task definition reference `web:0`: its revision is `0`, not a number from 1",
            0,
        ),
        (
            "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:1",
            ErrorKind::RegionMismatch,
            "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:1 isn't in us-east-1, the \
             region of the configuration: correct the ARN or the region",
            0,
        ),
        (
            "web:2",
            ErrorKind::TaskDefinitionNotFound,
            "task definition `web:2` not found in us-east-1, or it has no active revision",
            1,
        ),
    ] {
        let before = demo.operations().len();
        let error = demo.deployer.revision(reference).await.unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(error.kind(), kind);
        assert_eq!(error.request_id().is_some(), calls == 1);
        assert_eq!(demo.operations().len() - before, calls);
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_runs_already_registers_nothing() {
    let demo = Demo::new();
    let running = demo.running().await;
    let deployed = demo.deployer.roll_out(&demo.service, file()).await.unwrap();
    assert_eq!(deployed.revision(), running);
    assert!(!deployed.was_changed());
    assert_eq!(demo.operations()[1..], ["DescribeServices", "DescribeTaskDefinition"]);
}

#[tokio::test(start_paused = true)]
async fn a_file_with_a_change_is_registered_as_it_stands() {
    let demo = Demo::new();
    let sent = demo.bodies("RegisterTaskDefinition");
    let mut revision = file();
    revision.set_images([("web", NEW_IMAGE)]).unwrap();
    let written = revision.to_string();
    let deployed = demo.deployer.roll_out(&demo.service, revision).await.unwrap();
    assert!(deployed.revision().ends_with("task-definition/web:2"));
    assert_eq!(
        demo.operations()[..4],
        ["DescribeServices", "DescribeTaskDefinition", "RegisterTaskDefinition", "UpdateService"]
    );
    let sent = sent.lock().unwrap().remove(0);
    assert_eq!(sent.parse::<Revision>().unwrap().to_string(), written);
}

#[tokio::test(start_paused = true)]
async fn a_file_is_compared_with_what_runs() {
    let demo = Demo::new();
    let current = demo.deployer.current(&demo.service).await.unwrap();
    let mut revision = file();
    revision.container_mut("web").unwrap().set_env("RUST_LOG", "debug").set_cpu(256);
    assert_eq!(
        revision.clone().based_on(&current).diff().with_values().to_string(),
        "containers.web.cpu\n  - 384\n  + 256\n\
         containers.web.environment.RUST_LOG\n  - info\n  + debug\n"
    );
    assert_eq!(Diff::between(&current, &revision), revision.based_on(&current).diff());
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_based_on_what_ran_before_is_outdated() {
    let demo = Demo::new();
    let current = demo.deployer.current(&demo.service).await.unwrap();
    let theirs = demo.changed_to("theirs:1").await;
    demo.deployer.roll_out(&demo.service, theirs).await.unwrap();
    let mut ours = file().based_on(&current);
    ours.set_images([("web", NEW_IMAGE)]).unwrap();
    let error = demo.deployer.roll_out(&demo.service, ours).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Outdated);
    assert_eq!(
        error.to_string(),
        "nothing was deployed: demo/web now runs web:2, but the new revision is based on web:1"
    );
}

/// A member that a file omits equals ECS's default for it.
#[tokio::test(start_paused = true)]
async fn what_ecs_adds_to_a_file_is_no_change() {
    let demo = Demo::new();
    demo.local.set_unknown_members(UnknownMembers::Kept);
    let (mut definition, _) = every_member();
    let mut compared = 0;
    for (mode, on, of) in [("awsvpc", "FARGATE", ""), ("bridge", "EC2", "portMappings")] {
        definition["networkMode"] = json!(mode);
        definition["requiresCompatibilities"] = json!([on]);
        for place in places(&definition).into_iter().filter(|place| place.contains(of)) {
            let mut file = definition.clone();
            let (object, member) = place.rsplit_once('/').unwrap();
            file.pointer_mut(object).unwrap().as_object_mut().unwrap().remove(member);
            // Some members are required by ECS, or by the SDK that reads the response.
            let Some(arn) = demo.register(&file.to_string()).await else {
                continue;
            };
            let described = demo.deployer.revision(&arn).await.unwrap();
            let file = file.to_string().parse::<Revision>().unwrap().based_on(&described);
            assert_eq!(file.diff().to_string(), "", "without {place}");
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}

/// Returns the JSON pointers of all members of all objects.
fn places(value: &Value) -> Vec<String> {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(object) => object.iter().map(|(name, it)| (name.clone(), it)).collect(),
        Value::Array(list) => {
            list.iter().enumerate().map(|(at, it)| (at.to_string(), it)).collect()
        }
        _ => Vec::new(),
    };
    let mut all = Vec::new();
    for (name, it) in inner {
        if value.is_object() {
            all.push(format!("/{name}"));
        }
        all.extend(places(it).into_iter().map(|place| format!("/{name}{place}")));
    }
    all
}

#[test]
fn files_are_read_and_written() {
    let folder = std::env::temp_dir().join(format!("ecs-deploy-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("taskdef.json");
    let missing = Revision::read(&path).unwrap_err();
    file().write(&path).unwrap();
    let again = Revision::read(&path).unwrap();
    std::fs::write(&path, "{\n}").unwrap();
    let broken = Revision::read(&path).unwrap_err();
    let folder_itself = file().write(&folder).unwrap_err();
    std::fs::remove_dir_all(&folder).unwrap();

    assert_eq!(again.to_string(), file().to_string());
    let (path, folder) = (path.display(), folder.display());
    for (error, kind, message) in [
        (missing, ErrorKind::File, format!("`{path}` couldn't be read")),
        (folder_itself, ErrorKind::File, format!("`{folder}` couldn't be written")),
        (
            broken,
            ErrorKind::InvalidTaskDefinition,
            format!("`{path}` isn't a valid task definition: it has no `family`"),
        ),
    ] {
        assert_eq!(error.to_string(), message);
        assert_eq!(error.kind(), kind);
        let is_file = kind == ErrorKind::File;
        assert_eq!(std::error::Error::source(&error).is_some(), is_file);
    }
}
