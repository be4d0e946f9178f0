//! Tests of `codebuild`: the digest in the file, the tags, and the checks before the push.

use imagedefs::ImageDefinitions;

use crate::program::{Program, URI, Workplace, served};

const ARN: &str = "arn:aws:codebuild:us-east-1:123456789012:build/demo:b1e6661e";
const REVISION: &str = "55b4b4ea1c3f0a1d6c6d8f0e0c6c7b5c2d5b1e1a";

#[tokio::test]
async fn pushes_by_the_revision_and_writes_the_digest() {
    let (server, workplace) = (served().await, Workplace::new());
    let arguments = ["--aws", "--container", "web", "--container", "job"];
    let ended = Program::codebuild()
        .with(&arguments)
        .with(&[workplace.image(), "demo/web"])
        .within(workplace.folder.path())
        .on(&server)
        .env("CODEBUILD_BUILD_ARN", ARN)
        .env("CODEBUILD_RESOLVED_SOURCE_VERSION", REVISION)
        .env("CODEBUILD_WEBHOOK_TRIGGER", "tag/v1.4.2")
        .env("CODEBUILD_BUILD_SUCCEEDING", "1")
        .run()
        .await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let image = ended.stdout.trim_end();
    assert!(image.starts_with(&format!("{URI}@sha256:")), "{image}");
    let file = workplace.folder.path().join(ImageDefinitions::FILE_NAME);
    let definitions = ImageDefinitions::read(file).unwrap();
    assert_eq!(definitions.iter().collect::<Vec<_>>(), [("web", image), ("job", image)]);
    let expected =
        format!("  tagged {REVISION}: new\n  tagged v1.4.2: new\nwrote imagedefinitions.json\n");
    assert!(ended.stderr.ends_with(&expected), "{}", ended.stderr);
}

#[tokio::test]
async fn outside_of_a_build_it_simulates_one_on_the_emulator() {
    let workplace = Workplace::new();
    let ended = Program::codebuild()
        .with(&["--container", "web", workplace.image(), "demo/web"])
        .within(workplace.folder.path())
        .run()
        .await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let told = "not in a CodeBuild build: simulating one\npushing sha256:";
    assert!(ended.stderr.starts_with(told), "{}", ended.stderr);
}

#[tokio::test]
async fn a_missing_revision_is_a_failure() {
    let (server, workplace) = (served().await, Workplace::new());
    let arguments = ["--aws", "--container", "web", workplace.image(), "demo/web"];
    for (variables, expected) in [
        (
            &[][..],
            "error: this can't be told to be a build of CodeBuild: `CODEBUILD_BUILD_ARN` is not \
             set, which CodeBuild does in every build\n",
        ),
        (
            &[("CODEBUILD_BUILD_ARN", ARN)][..],
            "error: CodeBuild knows no revision of the source: \
             `CODEBUILD_RESOLVED_SOURCE_VERSION` is not set, which is so before the phase \
             DOWNLOAD_SOURCE, and for a source in S3 that has no versions\n",
        ),
        (
            &[("CODEBUILD_BUILD_ARN", ARN), ("CODEBUILD_BUILD_SUCCEEDING", "0")][..],
            "error: a phase of the build has failed (`CODEBUILD_BUILD_SUCCEEDING` is 0), and what \
             is made after that is not to be deployed\n",
        ),
    ] {
        let program = Program::codebuild().with(&arguments).within(workplace.folder.path());
        let program = program.on(&server);
        let program = variables.iter().fold(program, |it, (name, value)| it.env(name, value));
        let ended = program.run().await;
        assert_eq!(ended.code, 1);
        assert_eq!(ended.stderr, expected);
    }
    assert!(!workplace.folder.path().join(ImageDefinitions::FILE_NAME).exists());
    assert_eq!(server.local().journal().count("PutImage"), 0);
}

#[tokio::test]
async fn an_invalid_container_name_fails_before_the_push() {
    let (server, workplace) = (served().await, Workplace::new());
    let ended = Program::codebuild()
        .with(&["--aws", "--tag", "1", "--container", "my web", workplace.image(), "demo/web"])
        .on(&server)
        .env("CODEBUILD_BUILD_ARN", ARN)
        .run()
        .await;
    assert_eq!(ended.code, 1);
    let expected = "error: `my web` is no name of a container: line 1, column 3: ";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
    assert_eq!(server.local().journal().count("PutImage"), 0);
}
