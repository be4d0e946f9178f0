//! The number of calls that each operation makes.

use std::time::Duration;

use tokio::time::sleep;

use crate::demo::Demo;

#[tokio::test(start_paused = true)]
async fn unchanged_takes_two_calls() {
    let demo = Demo::new();
    let mut revision = demo.deployer.current(&demo.service).await.unwrap();
    let images: Vec<(String, String)> =
        revision.images().map(|(name, image)| (name.to_owned(), image.to_owned())).collect();
    revision.set_images(images).unwrap();
    let deployed = demo.deployer.roll_out(&demo.service, revision).await.unwrap();
    assert!(!deployed.was_changed());
    assert_eq!(demo.operations(), ["DescribeServices", "DescribeTaskDefinition"]);
}

#[tokio::test(start_paused = true)]
async fn unchanged_long_ago_is_looked_at_again() {
    let demo = Demo::new();
    let revision = demo.deployer.current(&demo.service).await.unwrap();
    sleep(Duration::from_secs(60)).await;
    demo.deployer.roll_out(&demo.service, revision).await.unwrap();
    assert_eq!(
        demo.operations(),
        ["DescribeServices", "DescribeTaskDefinition", "DescribeServices"]
    );
}

#[tokio::test(start_paused = true)]
async fn changed_takes_four_calls_and_one_for_each_look() {
    let demo = Demo::new();
    let revision = demo.changed().await;
    let deployed = demo.deployer.roll_out(&demo.service, revision).await.unwrap();
    let operations = demo.operations();
    assert_eq!(
        operations[..4],
        ["DescribeServices", "DescribeTaskDefinition", "RegisterTaskDefinition", "UpdateService"]
    );
    assert!(operations[4..].iter().all(|operation| operation == "DescribeServices"));
    let looks = operations.len() as u64 - 4;
    let seconds = deployed.elapsed().as_secs();
    assert!((seconds / 5..=seconds / 2).contains(&looks), "{looks} in {seconds} s");
}

#[tokio::test(start_paused = true)]
async fn registered_once_however_often_it_is_asked_for() {
    let demo = Demo::new();
    let mut revision = demo.changed().await;
    let first = demo.deployer.register(&mut revision).await.unwrap();
    let second = demo.deployer.register(&mut revision).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(revision.arn(), Some(first.as_str()));
    assert!(revision.diff().is_empty());
    let deployed = demo.deployer.roll_out(&demo.service, revision).await.unwrap();
    assert_eq!(deployed.revision(), first);
    assert_eq!(demo.local.journal().count("RegisterTaskDefinition"), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_happens_before_it_is_awaited() {
    let demo = Demo::new();
    let revision = demo.changed().await;
    let calls = demo.operations().len();
    drop(demo.deployer.roll_out(&demo.service, revision.clone()));
    drop(demo.deployer.roll_out(&demo.service, revision).events());
    assert_eq!(demo.operations().len(), calls);
}
