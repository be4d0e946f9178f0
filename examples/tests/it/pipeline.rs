//! Tests of `pipeline`: a complete run, a second run, and the checks before the push.

use imagedefs::ImageDefinitions;
use local_aws::Journal;

use crate::program::{Program, URI, Workplace, served};

fn on_aws(workplace: &Workplace) -> [&str; 11] {
    [
        "--aws",
        "--image",
        workplace.image(),
        "--repository",
        URI,
        "--cluster",
        "demo",
        "--service",
        "web",
        "--container",
        "web",
    ]
}

/// Returns the value of a line in the summary.
fn summary<'a>(stdout: &'a str, what: &str) -> &'a str {
    let line = stdout.lines().rev().find_map(|line| line.strip_prefix(what));
    line.unwrap_or_else(|| panic!("no {what} in {stdout}")).trim_start()
}

#[tokio::test]
async fn without_arguments_it_pushes_and_deploys() {
    let folder = tempfile::tempdir().unwrap();
    let ended = Program::pipeline().within(folder.path()).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let image = summary(&ended.stdout, "image ");
    assert!(image.starts_with(&format!("{URI}@sha256:")), "{}", ended.stdout);
    let revision = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:2";
    assert_eq!(summary(&ended.stdout, "revision "), revision);
    let definitions = ImageDefinitions::read(folder.path().join(ImageDefinitions::FILE_NAME));
    let definitions = definitions.unwrap();
    assert_eq!(definitions.iter().collect::<Vec<_>>(), [("web", image)]);
    assert_eq!(ended.stderr, "");
}

#[tokio::test]
async fn a_second_run_uploads_and_registers_nothing() {
    let (server, workplace) = (served().await, Workplace::new());
    let run = || {
        let pipeline = Program::pipeline().with(&on_aws(&workplace)).on(&server);
        pipeline.within(workplace.folder.path()).run()
    };
    let first = run().await;
    assert_eq!(first.code, 0, "{}", first.stderr);
    let before = server.local().journal();
    let second = run().await;
    assert_eq!(second.code, 0, "{}", second.stderr);

    assert_eq!(summary(&second.stdout, "layers "), "0 uploaded with 0 B, 3 already exist");
    let revision = summary(&first.stdout, "revision ");
    assert_eq!(summary(&second.stdout, "revision "), format!("{revision} (unchanged)"));
    let after = server.local().journal();
    let more = |journal: &Journal, operation| journal.count(operation);
    for operation in ["UploadLayerPart", "RegisterTaskDefinition", "UpdateService"] {
        assert_eq!(more(&after, operation), more(&before, operation), "{operation}");
    }
    assert_eq!(after.count("RegisterTaskDefinition"), 1);
}

#[tokio::test]
async fn an_unknown_container_fails_before_the_push() {
    let (server, workplace) = (served().await, Workplace::new());
    let mut arguments = on_aws(&workplace);
    arguments[10] = "wbe";
    let pipeline = Program::pipeline().with(&arguments).on(&server);
    let ended = pipeline.within(workplace.folder.path()).run().await;
    assert_eq!(ended.code, 1);
    let expected = "error: web:1 has no container `wbe` (did you mean `web`?), only `web` and \
                    `log-router`\n";
    assert_eq!(ended.stderr, expected);
    let journal = server.local().journal();
    assert_eq!(journal.operations(), ["DescribeServices", "DescribeTaskDefinition"]);
    assert!(!workplace.folder.path().join(ImageDefinitions::FILE_NAME).exists());
}

#[tokio::test]
async fn aws_needs_all_the_names() {
    let ended = Program::pipeline().with(&["--aws"]).run().await;
    assert_eq!(ended.code, 2);
    for name in ["--image", "--repository", "--cluster", "--service", "--container"] {
        assert!(ended.stderr.contains(name), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn an_unwritable_definitions_file_fails_before_the_push() {
    let (server, workplace) = (served().await, Workplace::new());
    for (path, problem) in [
        ("no/such/folder/x.json", "No such file or directory (os error 2)"),
        ("image", "it is a folder"),
    ] {
        let pipeline = Program::pipeline().with(&on_aws(&workplace)).with(&["--definitions", path]);
        let ended = pipeline.on(&server).within(workplace.folder.path()).run().await;
        assert_eq!(ended.code, 1);
        let error = ended.stderr.lines().next().unwrap();
        assert!(error.starts_with(&format!("error: can't write {path}: ")), "{error}");
        assert!(error.contains(problem), "{error}");
    }
    assert_eq!(server.local().journal().operations(), [""; 0]);
}

#[tokio::test]
async fn a_closed_stdout_does_not_stop_the_work() {
    let (server, workplace) = (served().await, Workplace::new());
    let pipeline = Program::pipeline().with(&on_aws(&workplace)).on(&server);
    let ended = pipeline.within(workplace.folder.path()).without_reader().await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert_eq!(ended.stderr, "error: can't write to stdout: Broken pipe (os error 32)\n");
    assert_eq!(server.local().journal().count("UpdateService"), 1);
}

#[tokio::test]
async fn the_kept_image_can_contain_other_programs() {
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_doctor");
    let arguments = ["--keep-image", "tools", "--program", program];
    let ended = Program::pipeline().with(&arguments).within(folder.path()).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(summary(&ended.stdout, "layers ").split(' ').next(), Some("2"));
    let blobs = folder.path().join("tools/blobs/sha256");
    let configs = std::fs::read_dir(blobs).unwrap().filter(|blob| {
        let content = std::fs::read(blob.as_ref().unwrap().path()).unwrap();
        let entrypoint = br#""Entrypoint":["/usr/local/bin/doctor"]"#;
        content.windows(entrypoint.len()).any(|it| it == entrypoint)
    });
    assert_eq!(configs.count(), 1);
}
