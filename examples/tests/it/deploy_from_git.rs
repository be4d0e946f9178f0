//! Tests of `deploy_from_git`: the files are deployed, and nothing happens without a change.

use std::path::Path;

use local_aws::Server;

use crate::program::{Ended, Program, URI, served};

const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/service");
const REVISION: &str = "arn:aws:ecs:us-east-1:123456789012:task-definition/web";

async fn deploy(server: &Server, definition: &Path, definitions: &Path) -> Ended {
    let arguments = ["--aws", "--cluster", "demo", "--service", "web"];
    let files = [
        "--task-definition",
        definition.to_str().unwrap(),
        "--definitions",
        definitions.to_str().unwrap(),
    ];
    Program::deploy_from_git().with(&arguments).with(&files).on(server).run().await
}

#[tokio::test]
async fn the_sample_changes_the_image_and_nothing_else() {
    let server = served().await;
    let files = Path::new(FILES);
    let definition = files.join("task-definition.json");
    let definitions = files.join("imagedefinitions.json");
    let ended = deploy(&server, &definition, &definitions).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, format!("{REVISION}:2\n"));
    let kept = "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable";
    let expected = format!("log-router keeps the image of {}: {kept}\n", definition.display());
    assert!(ended.stderr.starts_with(&expected), "{}", ended.stderr);
    let diff = format!(
        "\ncontainers.web.image\n  - {URI}@sha256:{}\n  + {URI}@sha256:{}\n  registered ",
        "7f".repeat(32),
        "0123456789abcdef".repeat(4)
    );
    assert!(ended.stderr.contains(&diff), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("\n  + ").count(), 1, "{}", ended.stderr);

    let again = deploy(&server, &definition, &definitions).await;
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(again.stdout, format!("{REVISION}:2\n"));
    let expected = format!("\nno changes to {REVISION}:2\n");
    assert!(again.stderr.contains(&expected), "{}", again.stderr);
    let journal = server.local().journal();
    assert_eq!(journal.count("RegisterTaskDefinition"), 1);
    assert_eq!(journal.count("UpdateService"), 1);
}

#[tokio::test]
async fn files_that_do_not_fit_fail_before_any_call() {
    let server = served().await;
    let folder = tempfile::tempdir().unwrap();
    let definition = Path::new(FILES).join("task-definition.json");
    let definitions = folder.path().join("imagedefinitions.json");
    std::fs::write(&definitions, format!(r#"[{{"name":"wbe","imageUri":"{URI}:2"}}]"#)).unwrap();
    let ended = deploy(&server, &definition, &definitions).await;
    assert_eq!(ended.code, 1);
    let expected = "error: web has no container `wbe` (did you mean `web`?), only `web` and \
                    `log-router`\n";
    assert_eq!(ended.stderr, expected);
    assert_eq!(server.local().journal().operations(), [""; 0]);
}

#[tokio::test]
async fn an_image_can_be_an_argument() {
    let server = served().await;
    let definition = Path::new(FILES).join("task-definition.json");
    let arguments = ["--aws", "--cluster", "demo", "--service", "web", "--image", "web=nginx:2"];
    let ended = Program::deploy_from_git()
        .with(&arguments)
        .with(&["--task-definition", definition.to_str().unwrap()])
        .on(&server)
        .run()
        .await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("\n  + nginx:2\n"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_file_that_names_its_images_needs_no_definitions() {
    let server = served().await;
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(Path::new(FILES).join("task-definition.json")).unwrap();
    let named = text.replace("demo/web\"", "demo/web:latest\"");
    assert_ne!(named, text);
    std::fs::write(folder.path().join("web.json"), named).unwrap();
    let deploy = |more: &'static [&'static str]| {
        let arguments = ["--aws", "--cluster", "demo", "--service", "web"];
        let program = Program::deploy_from_git().with(&arguments).with(more);
        program.with(&["--task-definition", "web.json"]).within(folder.path()).on(&server)
    };
    let first = deploy(&[]).run().await;
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert_eq!(first.stdout, format!("{REVISION}:2\n"));

    let again = deploy(&[]).run().await;
    let expected = format!(
        "\n  unchanged {REVISION}:2: {URI}:latest and \
         public.ecr.aws/aws-observability/aws-for-fluent-bit:stable may have moved; force a new \
         deployment to pull it again, or name the image by its digest\n"
    );
    assert!(again.stderr.contains(&expected), "{}", again.stderr);
    assert_eq!(server.local().journal().count("UpdateService"), 1);

    let forced = deploy(&["--force"]).run().await;
    assert_eq!(forced.code, 0, "{}", forced.stderr);
    assert_eq!(server.local().journal().count("UpdateService"), 2);

    let checked = deploy(&["--image", "web=nginx:2", "--check-images"]).run().await;
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    let missing = format!("web={URI}:missing");
    let missing: &'static str = Box::leak(missing.into_boxed_str());
    let arguments: &'static [&'static str] =
        Box::leak(Box::new(["--check-images", "--image", missing]));
    let refused = deploy(arguments).run().await;
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains(" isn't in ECR"), "{}", refused.stderr);
}

#[tokio::test]
async fn an_error_in_the_file_ends_before_any_change() {
    let server = served().await;
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(Path::new(FILES).join("task-definition.json")).unwrap();
    let broken = text.replace("\"environment\"", "\"enviroment\"");
    std::fs::write(folder.path().join("web.json"), broken).unwrap();
    let arguments = ["--aws", "--cluster", "demo", "--service", "web"];
    let ended = Program::deploy_from_git()
        .with(&arguments)
        .with(&["--task-definition", "web.json"])
        .within(folder.path())
        .on(&server)
        .run()
        .await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("(did you mean `environment`?)"), "{}", ended.stderr);
    let journal = server.local().journal();
    assert_eq!(journal.count("RegisterTaskDefinition") + journal.count("UpdateService"), 0);
}
