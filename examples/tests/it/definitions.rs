//! Tests of `definitions`: each source, each output, and the check.

use std::fs;
use std::path::Path;

use imagedefs::ImageDefinitions;
use imagedefs::artifact::ArtifactReader;
use serde_json::json;
use tempfile::TempDir;

use crate::program::{Ended, Program, URI};

const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn image() -> String {
    format!("{URI}@sha256:{HEX}")
}

/// A folder with the application's container map.
fn application() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("containers.json"), r#"{"demo/web": ["web", "job"]}"#).unwrap();
    fs::write(folder.path().join("containers.toml"), "\"demo/web\" = \"web\"\n").unwrap();
    folder
}

async fn make(folder: &Path, arguments: &[&str], stdin: &str) -> Ended {
    Program::definitions().with(arguments).within(folder).stdin(stdin).run().await
}

fn written(folder: &Path) -> Vec<(String, String)> {
    let definitions = ImageDefinitions::read(folder.join("imagedefinitions.json")).unwrap();
    definitions.iter().map(|(name, image)| (name.to_owned(), image.to_owned())).collect()
}

#[tokio::test]
async fn each_source_makes_the_same_file() {
    let detail = json!({ "ImageURI": image() }).to_string();
    let event = json!({
        "detail-type": "ECR Image Action", "source": "aws.ecr", "account": "123456789012",
        "region": "us-east-1",
        "detail": {
            "result": "SUCCESS", "repository-name": "demo/web", "action-type": "PUSH",
            "image-digest": format!("sha256:{HEX}"), "image-tag": "v1",
        },
    });
    let published = format!("demo/web@sha256:{HEX}");
    let image = image();
    let pushed = format!("{image}\n");
    let place = ["--account", "123456789012", "--region", "us-east-1"];
    let map = ["--containers", "containers.json"];
    for (source, stdin) in [
        (vec!["--image-detail", "-"], &detail),
        (vec!["--event", "-", "--tag", "v*"], &event.to_string()),
        (vec!["--pushed", "-"], &pushed),
        ([&["--published", published.as_str()], &place[..]].concat(), &String::new()),
    ] {
        let folder = application();
        let ended = make(folder.path(), &[&source[..], &map].concat(), stdin).await;
        assert_eq!((ended.code, &*ended.stdout), (0, ""), "{source:?}: {}", ended.stderr);
        assert_eq!(ended.stderr, "wrote imagedefinitions.json\n");
        let expected = ["web", "job"].map(|name| (name.to_owned(), image.clone()));
        assert_eq!(written(folder.path()), expected, "{source:?}");
    }
    let folder = application();
    let direct = ["--image", &format!("web={image}"), "--image", &format!("job={image}")];
    assert_eq!(make(folder.path(), &direct, "").await.code, 0);
    assert_eq!(written(folder.path()).len(), 2);
}

#[tokio::test]
async fn the_containers_come_from_a_file_or_an_argument() {
    let pushed = image();
    for (containers, names) in [
        (&["--containers", "containers.toml"][..], &["web"][..]),
        (&["--container", "a", "--container", "b"], &["a", "b"]),
    ] {
        let folder = application();
        let arguments = [&["--pushed", "-"], containers].concat();
        let ended = make(folder.path(), &arguments, &pushed).await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let found: Vec<String> = written(folder.path()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(found, names);
    }
    let folder = application();
    let ended = make(folder.path(), &["--pushed", "-"], &pushed).await;
    assert_eq!(ended.code, 1);
    let expected = format!(
        "error: no container for the image {pushed}: use --container NAME or --containers FILE\n"
    );
    assert_eq!(ended.stderr, expected);
}

#[tokio::test]
async fn the_variables_of_a_build_give_the_account_and_the_region() {
    let folder = application();
    let published = format!("demo/web@{HEX}");
    let make = |published: &str| {
        Program::definitions()
            .with(&["--published", published, "--container", "web"])
            .env("CODEBUILD_BUILD_ARN", "arn:aws:codebuild:us-east-1:123456789012:build/x:1")
            .within(folder.path())
            .run()
    };
    let ended = make(&published).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(written(folder.path()), [("web".to_owned(), image())]);
    // The whole URI says the same.
    std::fs::remove_file(folder.path().join("imagedefinitions.json")).unwrap();
    let ended = make(&image()).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(written(folder.path()), [("web".to_owned(), image())]);
    let ended = make("demo/web").await;
    assert_eq!(ended.code, 1);
    let expected = "error: invalid --published `demo/web`: expected REPOSITORY@DIGEST, the \
                    variables ECRRepositoryName and ECRImageDigestId of the action\n";
    assert_eq!(ended.stderr, expected);
    // CodePipeline replaces no variable of a wrong namespace.
    let ended = make("#{Build.ECRRepositoryName}@#{Build.ECRImageDigestId}").await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("`#{Build.ECRRepositoryName}`"), "{}", ended.stderr);
}

#[tokio::test]
async fn the_output_is_a_file_stdout_or_a_zip() {
    let folder = application();
    let source = format!("web={}", image());
    let text =
        format!("[\n  {{\n    \"name\": \"web\",\n    \"imageUri\": \"{}\"\n  }}\n]\n", image());
    let make = |more: &[&str]| {
        let program = Program::definitions().with(&["--image", &source]).with(more);
        program.within(folder.path()).run()
    };
    let ended = make(&["--output", "-"]).await;
    assert_eq!((ended.code, &*ended.stdout, &*ended.stderr), (0, &*text, ""));
    let ended = make(&["--output", "images.json"]).await;
    assert_eq!((ended.code, &*ended.stderr), (0, "wrote images.json\n"));
    assert_eq!(fs::read_to_string(folder.path().join("images.json")).unwrap(), text);

    let zip = ["--zip", "web.zip", "--file-name", "images.json"];
    let ended = make(&zip).await;
    assert_eq!((ended.code, &*ended.stderr), (0, "wrote web.zip with images.json\n"));
    let mut artifact = ArtifactReader::open(folder.path().join("web.zip")).unwrap();
    assert_eq!(artifact.names().collect::<Vec<_>>(), ["images.json"]);
    assert_eq!(artifact.definitions("images.json").unwrap().len(), 1);
    assert!(!folder.path().join("imagedefinitions.json").exists());
    let first = fs::read(folder.path().join("web.zip")).unwrap();
    make(&zip).await;
    assert_eq!(fs::read(folder.path().join("web.zip")).unwrap(), first);
}

#[tokio::test]
async fn the_check_writes_nothing() {
    let folder = application();
    for (arguments, code, message) in [
        (&["--check", "--containers", "containers.json"][..], 0, "valid: no image yet\n"),
        (
            &["--check", "--image", "web=httpd:2.4", "--allow-tagged"],
            0,
            "valid: the image of 1 container\n",
        ),
        (
            &["--check", "--containers", "containers.json", "--output", "no/such/x.json"],
            1,
            "error: can't write no/such/x.json: No such file or directory (os error 2)",
        ),
        (
            &["--check", "--zip", "x.zip", "--file-name", "../x.json"],
            1,
            "error: cannot add the file `../x.json` to the artifact: the path leads out of the artifact",
        ),
    ] {
        let ended = make(folder.path(), arguments, "").await;
        assert_eq!((ended.code, &*ended.stdout), (code, ""), "{}", ended.stderr);
        assert!(ended.stderr.starts_with(message), "{}", ended.stderr);
    }
    assert!(!folder.path().join("imagedefinitions.json").exists());
}

#[tokio::test]
async fn a_mistake_writes_nothing() {
    let folder = application();
    let other = image().replace("demo/web", "demo/wep");
    for (arguments, stdin, message) in [
        (
            &["--pushed", "-", "--containers", "containers.json"][..],
            "",
            "no image in the output of the push (stdin)\n",
        ),
        (
            &["--pushed", "-", "--containers", "containers.json"],
            &*other,
            "error: cannot assign the images to containers: unknown repository `demo/wep`: the \
             nearest name is `demo/web`\n",
        ),
        (
            &["--image", "web=httpd:2.4"],
            "",
            "error: the image httpd:2.4 of container `web` has no digest: use REPOSITORY@sha256:…, \
             or --allow-tagged\n",
        ),
        (
            &["--event", "-", "--tag", "v*", "--containers", "containers.json"],
            r#"{"detail-type": "ECR Image Action", "source": "aws.ecr", "account": "1",
                "region": "us-east-1", "detail": {"action-type": "DELETE"}}"#,
            "the event has no image to deploy: the action is `DELETE`\n",
        ),
    ] {
        let ended = make(folder.path(), arguments, stdin).await;
        assert_eq!((ended.code, &*ended.stdout), (1, ""), "{}", ended.stderr);
        assert!(ended.stderr.contains(message), "{}", ended.stderr);
    }
    assert!(!folder.path().join("imagedefinitions.json").exists());
    assert_eq!(make(folder.path(), &[], "").await.code, 2);
    let untagged = ["--event", "-", "--containers", "containers.json"];
    assert_eq!(make(folder.path(), &untagged, "{}").await.code, 2);
}
