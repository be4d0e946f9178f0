//! Tests of `codebuild`: the digest in the file, the tags, and the checks before the push.

use imagedefs::ImageDefinitions;
use imagedefs::artifact::ArtifactReader;

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
async fn a_full_uri_and_a_container_map_work() {
    let (server, workplace) = (served().await, Workplace::new());
    let folder = workplace.folder.path();
    std::fs::write(folder.join("containers.json"), r#"{"demo/web": "web"}"#).unwrap();
    let files = ["--containers", "containers.json", "--zip", "web.zip"];
    let ended = Program::codebuild()
        .with(&["--aws", "--tag", "1"])
        .with(&files)
        .with(&[workplace.image(), URI])
        .within(folder)
        .on(&server)
        .env("CODEBUILD_BUILD_ARN", ARN)
        .run()
        .await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.starts_with(&format!("{URI}@sha256:")), "{}", ended.stdout);
    assert!(ended.stderr.ends_with("wrote web.zip with imagedefinitions.json\n"));
    let mut artifact = ArtifactReader::open(folder.join("web.zip")).unwrap();
    let definitions = artifact.definitions(ImageDefinitions::FILE_NAME).unwrap();
    assert_eq!(definitions.get("web").unwrap().as_str(), ended.stdout.trim_end());
}

/// A name that has a registry in it would only lead to the advice to create such a repository.
#[tokio::test]
async fn a_registry_in_the_name_is_refused_before_the_push() {
    let (server, workplace) = (served().await, Workplace::new());
    let (host, _) = URI.split_once('/').unwrap();
    for repository in [host.to_owned(), format!("{host}/{URI}")] {
        let ended = Program::codebuild()
            .with(&["--aws", "--tag", "1", "--container", "web"])
            .with(&[workplace.image(), &repository])
            .within(workplace.folder.path())
            .on(&server)
            .env("CODEBUILD_BUILD_ARN", ARN)
            .run()
            .await;
        assert_eq!((ended.code, &*ended.stdout), (1, ""));
        let expected = format!("the repository name has the registry `{host}` again");
        assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
        assert!(!ended.stderr.contains("create-repository"), "{}", ended.stderr);
    }
    assert_eq!(server.local().journal().operations(), [""; 0]);
}

#[tokio::test]
async fn definitions_that_can_not_be_written_fail_before_the_push() {
    let (server, workplace) = (served().await, Workplace::new());
    let ended = Program::codebuild()
        .with(&["--aws", "--tag", "1", "--container", "web", "--definitions", "no/such/x.json"])
        .with(&[workplace.image(), "demo/web"])
        .on(&server)
        .env("CODEBUILD_BUILD_ARN", ARN)
        .run()
        .await;
    assert_eq!(ended.code, 1);
    let expected = "error: can't write no/such/x.json: No such file or directory (os error 2)";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
    assert_eq!(server.local().journal().operations(), [""; 0]);
}

#[tokio::test]
async fn the_buildspec_is_the_file_of_the_set_up() {
    let arguments = ["--buildspec", "--containers", "containers.json", "image.tar", "demo/web"];
    let ended = Program::codebuild().with(&arguments).run().await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/pipelines/codebuild/buildspec.yml");
    assert_eq!(ended.stdout, std::fs::read_to_string(file).unwrap());
    let ended = Program::codebuild().with(&["--buildspec", "--container", "web"]).run().await;
    let expected = "      - codebuild --aws --container web image.tar web\n";
    assert!(ended.stdout.contains(expected), "{}", ended.stdout);
    let other = ["--buildspec", "--container", "web", "--definitions", "images.json"];
    let ended = Program::codebuild().with(&other).run().await;
    for line in [
        "      - codebuild --aws --container web --definitions images.json image.tar web\n",
        "      - doctor --file-name images.json images.json\n",
        "  files:\n    - images.json\n",
    ] {
        assert!(ended.stdout.contains(line), "{}", ended.stdout);
    }
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
            "error: not a CodeBuild environment: `CODEBUILD_BUILD_ARN` is not set: CodeBuild sets \
             it in every build\n",
        ),
        (
            &[("CODEBUILD_BUILD_ARN", ARN)][..],
            "error: CodeBuild has no revision of the source: `CODEBUILD_RESOLVED_SOURCE_VERSION` \
             is not set: it is missing before the phase DOWNLOAD_SOURCE, and for S3 sources \
             without versions\n",
        ),
        (
            &[("CODEBUILD_BUILD_ARN", ARN), ("CODEBUILD_BUILD_SUCCEEDING", "0")][..],
            "error: a phase of the build failed (`CODEBUILD_BUILD_SUCCEEDING` is 0): its output \
             must not be deployed\n",
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
    let expected = "error: invalid container name `my web`: line 1, column 3: ";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
    assert_eq!(server.local().journal().count("PutImage"), 0);
}

#[tokio::test]
async fn bad_usage_is_2() {
    for arguments in [&["image", "web"][..], &["--container", "web", "image"]] {
        let ended = Program::codebuild().with(arguments).run().await;
        assert_eq!((ended.code, &*ended.stdout), (2, ""), "{}", ended.stderr);
    }
}
