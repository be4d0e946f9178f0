//! Tests that one program can import the root names of all three crates, and take the path of the
//! workspace's README with them.

use ecr_push::{Digest, Image, Push, Pushed, Pusher, Repository, Tag};
use ecs_deploy::events::Event;
use ecs_deploy::{Deployed, Deployer, Handle, OnFailure, Revision, RollOut, Service};
use imagedefs::{ImageDefinitions, ImageUri, Iter, Problem, ProblemKind, Severity};
use local_aws::LocalAws;

use crate::program::{URI, Workplace};

#[tokio::test(start_paused = true)]
async fn the_root_names_take_an_image_to_a_running_service() {
    let local = LocalAws::new();
    local.create_demo();
    let config = local.sdk_config();
    let workplace = Workplace::new();

    let image = Image::open(&workplace.image).await.unwrap();
    let repository: Repository = URI.parse().unwrap();
    let tags: [Tag; 2] = ["1.4.2", "latest"].map(|it| it.parse().unwrap());
    let push: Push = Pusher::new(&config).push(&image, &repository);
    let pushed: Pushed = tags.iter().cloned().fold(push, Push::tag).await.unwrap();
    let digest: &Digest = image.digest();
    assert_eq!(pushed.digest(), digest);
    assert_eq!(pushed.image_uri(), format!("{URI}@{digest}"));
    assert_eq!(pushed.tags().iter().map(|it| it.tag()).collect::<Vec<_>>(), [&tags[0], &tags[1]]);

    let file = workplace.folder.path().join(ImageDefinitions::FILE_NAME);
    let mut definitions = ImageDefinitions::new();
    definitions.insert("web", pushed.image_uri()).unwrap();
    definitions.write(&file).unwrap();
    let definitions = ImageDefinitions::read(&file).unwrap();
    let pairs: Iter<'_> = definitions.iter();
    assert_eq!(pairs.collect::<Vec<_>>(), [("web", pushed.image_uri())]);

    let service = Service::new("demo", "web").unwrap();
    let deployer = Deployer::new(&config);
    let mut revision: Revision = deployer.current(&service).await.unwrap();
    revision.set_images(&definitions).unwrap();
    let roll_out: RollOut = deployer.roll_out(&service, revision).on_failure(OnFailure::RollBack);
    let mut events = roll_out.events();
    let mut started: Vec<Handle> = Vec::new();
    while let Some(event) = events.next().await {
        if let Event::Started { handle, .. } = event {
            started.push(handle);
        }
    }
    let deployed: Deployed = events.finish().await.unwrap();
    let arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:2";
    assert_eq!((deployed.revision(), deployed.was_changed()), (arn, true));
    let deployments: Vec<&str> = started.iter().map(Handle::deployment).collect();
    assert_eq!(deployments, [deployed.deployment()]);
    assert!(deployed.images().any(|it| it == ("web", pushed.image_uri())));
    let journal = local.journal();
    for (operation, calls) in [("PutImage", 2), ("RegisterTaskDefinition", 1), ("UpdateService", 1)]
    {
        assert_eq!(journal.count(operation), calls, "{operation}");
    }
}

#[test]
fn the_root_names_explain_an_invalid_image() {
    let error = "shop/web@sha256:0123".parse::<ImageUri>().unwrap_err();
    let problems: &[Problem] = error.problems();
    let kinds: Vec<_> = problems.iter().map(|it| (it.kind(), it.severity())).collect();
    assert_eq!(kinds, [(ProblemKind::InvalidDigest, Severity::Error)]);
}
