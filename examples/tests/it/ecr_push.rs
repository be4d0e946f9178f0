//! Tests of the other programs for pushes: `plan`, `push_events`, `multi_region`.

use serde_json::Value;

use crate::program::{Program, URI, Workplace, served};

#[tokio::test]
async fn a_plan_is_printed_and_nothing_is_done() {
    let (server, workplace) = (served().await, Workplace::new());
    let plan = async |arguments: &[&str]| {
        let all = [&["--aws"], arguments, &[workplace.image(), URI]].concat();
        let ended = Program::plan().with(&all).on(&server).run().await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.stdout
    };
    let text = plan(&["--tag", "1.0"]).await;
    assert!(text.contains(&format!("\nto {URI}\n")), "{text}");
    assert!(text.contains("\n  tag   1.0, new\n"), "{text}");
    let json: Value = serde_json::from_str(&plan(&["--json"]).await).unwrap();
    assert_eq!(json["repositories"][0]["layers"].as_array().unwrap().len(), 3);
    let journal = server.local().journal();
    assert!(journal.operations().iter().all(|operation| operation.starts_with("Batch")));
}

#[tokio::test]
async fn events_show_the_total() {
    let (server, workplace) = (served().await, Workplace::new());
    let arguments = ["--aws", "--tag", "1.0", workplace.image(), URI];
    let ended = Program::push_events().with(&arguments).on(&server).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.starts_with(&format!("{URI}@sha256:")), "{}", ended.stdout);
    assert!(ended.stderr.starts_with("planned: 3 of 3 layers, "), "{}", ended.stderr);
    assert!(ended.stderr.contains("\nprogress: "), "{}", ended.stderr);
    assert!(ended.stderr.ends_with("\ntagged: 1.0, new\n"), "{}", ended.stderr);
}

#[tokio::test]
async fn several_regions_and_accounts_get_the_same_image() {
    let (server, workplace) = (served().await, Workplace::new());
    let elsewhere = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/demo/web";
    let theirs = "210987654321.dkr.ecr.us-east-1.amazonaws.com/demo/web";
    let role = "arn:aws:iam::210987654321:role/pusher";
    let arguments =
        ["--aws", "--role", role, "--create-repository", workplace.image(), URI, elsewhere, theirs];
    let ended = Program::multi_region().with(&arguments).on(&server).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let uris: Vec<&str> =
        ended.stdout.lines().map(|line| line.split_once('@').unwrap().0).collect();
    assert_eq!(uris, [URI, elsewhere, theirs]);
    assert_eq!(server.local().journal().count("AssumeRole"), 1);
    assert_eq!(server.local().journal().count("PutImage"), 3);
}
