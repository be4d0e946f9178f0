//! Tests of `push`: the result on stdout, progress and errors on stderr.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use imagedefs::ImageDefinitions;
use local_aws::{Fault, When};

use crate::program::{Program, URI, Workplace, served};

#[tokio::test]
async fn stdout_has_the_image_and_nothing_else() {
    let (server, workplace) = (served().await, Workplace::new());
    let arguments = ["--aws", "--tag", "1.0", "--tag", "latest", workplace.image(), URI];
    let ended = Program::push().with(&arguments).on(&server).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let (uri, digest) = ended.stdout.trim_end().split_once('@').unwrap();
    assert_eq!(ended.stdout, format!("{URI}@{digest}\n"));
    assert_eq!(uri, URI);
    assert_eq!(digest.len(), "sha256:".len() + 64);
    assert!(ended.stderr.contains("  3 of 3 layers to upload to "), "{}", ended.stderr);
    assert!(
        ended.stderr.ends_with("  tagged 1.0: new\n  tagged latest: new\n"),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn without_aws_it_pushes_to_an_emulator_of_its_own() {
    let workplace = Workplace::new();
    let ended = Program::push().with(&[workplace.image(), URI]).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.starts_with(&format!("{URI}@sha256:")), "{}", ended.stdout);
}

#[tokio::test]
async fn an_invalid_repository_is_bad_usage() {
    for (uri, problem) in [
        (
            "https://123456789012.dkr.ecr.us-east-1.amazonaws.com/web",
            "leave out `https://`, a repository URI has no scheme",
        ),
        (
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1.0",
            "leave out `:1.0`, tags are set separately",
        ),
        (
            "12345678901.dkr.ecr.us-east-1.amazonaws.com/web",
            "the account id has 11 digits instead of 12",
        ),
    ] {
        let ended = Program::push().with(&["image", uri]).run().await;
        assert_eq!(ended.code, 2);
        assert_eq!(ended.stdout, "");
        let expected = format!("invalid ECR repository URI `{uri}`: {problem}");
        assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_missing_image_fails_without_credentials() {
    let ended = Program::push().with(&["--aws", "no/such/image", URI]).run().await;
    assert_eq!(ended.code, 1);
    assert_eq!(
        ended.stderr,
        "error: no/such/image can't be read\n  \
         caused by: No such file or directory (os error 2)\n"
    );
}

#[tokio::test]
async fn an_invalid_endpoint_is_reported_by_its_name() {
    let workplace = Workplace::new();
    for (value, problem) in [
        ("", "AWS_ENDPOINT_URL_ECR is set but empty: unset it"),
        (
            "nonsense",
            "invalid AWS_ENDPOINT_URL_ECR `nonsense`: expected a URL with http:// or https://",
        ),
    ] {
        let push = Program::push().with(&["--aws", workplace.image(), URI]);
        let ended = push.env("AWS_ENDPOINT_URL_ECR", value).run().await;
        assert_eq!(ended.code, 1);
        assert_eq!(ended.stderr, format!("error: {problem}\n"));
    }
}

#[tokio::test]
async fn missing_credentials_are_reported() {
    let workplace = Workplace::new();
    let ended = Program::push().with(&["--aws", workplace.image(), URI]).run().await;
    assert_eq!(ended.code, 1);
    let expected = "error: no AWS credentials found: set AWS_PROFILE to a profile with \
                    credentials, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY\n  caused by: ";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
}

#[tokio::test]
async fn a_missing_repository_comes_with_the_command_that_creates_it() {
    let (server, workplace) = (served().await, Workplace::new());
    let missing = "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop";
    let push = Program::push().with(&["--aws", workplace.image(), missing]).on(&server);
    let ended = push.run().await;
    assert_eq!(ended.code, 1);
    assert_eq!(ended.stdout, "");
    let expected = "error: repository `shop` not found in account 123456789012, region \
        us-east-1: create it with `aws ecr create-repository --repository-name shop --region \
        us-east-1`, or correct the URI\n  caused by: RepositoryNotFoundException: The repository \
        with name 'shop' does not exist in the registry with id '123456789012'\n";
    assert!(ended.stderr.ends_with(expected), "{}", ended.stderr);
    assert_eq!(server.local().journal().count("InitiateLayerUpload"), 0);
}

#[tokio::test]
async fn a_missing_answer_is_reported_with_its_cause() {
    let workplace = Workplace::new();
    let server = served().await;
    let push = Program::push().with(&["--aws", workplace.image(), URI]).on(&server);
    drop(server);
    let ended = push.run().await;
    assert_eq!(ended.code, 1);
    let expected = format!(
        "error: BatchCheckLayerAvailability on {URI} got no answer from ECR\n  caused by: "
    );
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
}

#[tokio::test]
async fn a_missing_platform_is_an_error_that_lists_the_platforms() {
    let workplace = Workplace::new();
    let arguments = ["--platform", "plan9/mips", workplace.image(), URI];
    let ended = Program::push().with(&arguments).run().await;
    assert_eq!(ended.code, 1);
    let expected = "it has no image for `plan9/mips`, only for `linux/";
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);

    let ended = Program::push().with(&["--platform", "linux", "image", URI]).run().await;
    assert_eq!(ended.code, 2);
    let expected = "invalid platform `linux`: it has no architecture, expected `os/arch` or \
                    `os/arch/variant`, as in `linux/arm64`";
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
}

#[tokio::test]
async fn compression_is_chosen_by_name() {
    let workplace = Workplace::new();
    let arguments = ["--compression", "gzip", workplace.image(), URI];
    let ended = Program::push().with(&arguments).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let ended = Program::push().with(&["--compression", "lzma", "image", URI]).run().await;
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("[possible values: auto, gzip, keep"), "{}", ended.stderr);
}

#[tokio::test]
async fn without_memory_layers_are_uploaded_one_after_another() {
    let (server, workplace) = (served().await, Workplace::new());
    let arguments = ["--aws", "--memory-limit", "0", workplace.image(), URI];
    let ended = Program::push().with(&arguments).on(&server).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let journal = server.local().journal();
    let ends = |call: &&str| ["InitiateLayerUpload", "CompleteLayerUpload"].contains(call);
    let calls: Vec<&str> = journal.operations().into_iter().filter(ends).collect();
    assert_eq!(calls, ["InitiateLayerUpload", "CompleteLayerUpload"].repeat(3));
}

/// SIGKILL in the middle of a layer: the next push doesn't send the finished parts again.
#[tokio::test]
async fn a_killed_push_is_resumed() {
    let (server, workplace) = (served().await, Workplace::new());
    let file = workplace.folder.path().join("push.checkpoint");
    let arguments = ["--aws", "--checkpoint", file.to_str().unwrap(), workplace.image(), URI];
    let push = || Program::push().with(&arguments).on(&server);

    // The emulator never answers the second part of the program's layer.
    let local = server.local();
    local.set_part_size(5 * 1024 * 1024);
    let (arrived, mut second) = tokio::sync::mpsc::unbounded_channel();
    let large = AtomicUsize::new(0);
    let is_second = move |body: &[u8]| {
        let is_large = body.len() > 1024 * 1024;
        let met = is_large && large.fetch_add(1, Ordering::Relaxed) == 1;
        if met {
            arrived.send(()).unwrap();
        }
        met
    };
    let hour = Duration::from_secs(3600);
    local.inject(When::matching("UploadLayerPart", is_second), Fault::Delay(hour));
    let mut first = push().spawn();
    tokio::select! {
        _ = second.recv() => first.kill().await.unwrap(),
        ended = first.wait() => panic!("the push ended: {ended:?}"),
    }
    local.clear_faults();

    let ended = push().run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains(": resuming after "), "{}", ended.stderr);
    assert!(!file.exists());
    let sent = local.journal().calls().iter().map(|call| call.request_bytes).sum::<u64>();
    let blobs = std::fs::read_dir(workplace.image.join("blobs/sha256")).unwrap();
    let size: u64 = blobs.map(|blob| blob.unwrap().metadata().unwrap().len()).sum();
    // The parts after the first may be sent twice, since their answers are lost. All are base64.
    let limit = (2 * size - 5 * 1024 * 1024) * 4 / 3 + 64 * 1024;
    assert!(sent < limit, "{sent} bytes for an image of {size}");
}

#[tokio::test]
async fn a_missing_repository_is_created_on_request() {
    let (server, workplace) = (served().await, Workplace::new());
    let missing = "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop";
    let arguments = ["--aws", "--create-repository", workplace.image(), missing];
    let ended = Program::push().with(&arguments).on(&server).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("  created {missing}\n")), "{}", ended.stderr);
}

#[tokio::test]
async fn the_image_definitions_are_written_on_request() {
    let (server, workplace) = (served().await, Workplace::new());
    let push = |arguments: &[&str]| {
        let push = Program::push().with(&["--aws"]).with(arguments);
        push.with(&[workplace.image(), URI]).within(workplace.folder.path()).on(&server).run()
    };
    let ended = push(&["--container", "web"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let file = workplace.folder.path().join(ImageDefinitions::FILE_NAME);
    let definitions = ImageDefinitions::read(&file).unwrap();
    assert_eq!(definitions.iter().collect::<Vec<_>>(), [("web", ended.stdout.trim_end())]);
    std::fs::remove_file(&file).unwrap();

    let ended = push(&["--container", "web", "--zip", "web.zip"]).await;
    assert!(ended.stderr.ends_with("wrote web.zip with imagedefinitions.json\n"));
    assert!(!file.exists());
    let before = server.local().journal().operations().len();
    let ended = push(&["--container", "my web"]).await;
    assert_eq!(ended.code, 1);
    assert_eq!(server.local().journal().operations().len(), before);
    // Without a container, the program doesn't know the definitions.
    assert_eq!(push(&["--zip", "web.zip"]).await.code, 2);
}

/// `docker save IMAGE | push - REPOSITORY`
#[tokio::test]
async fn an_archive_is_read_from_stdin() {
    let config = r#"{"os":"linux","architecture":"amd64"}"#;
    let manifest = r#"[{"Config":"config.json","RepoTags":["web:1"],"Layers":["layer.tar"]}]"#;
    let layer = tar_of(&[("srv/index.html", "<h1>web</h1>")]);
    let files = [("config.json", config), ("layer.tar", &layer), ("manifest.json", manifest)];
    let archive = tar_of(&files);
    let ended = Program::push().with(&["-", URI]).stdin(&archive).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.starts_with(&format!("{URI}@sha256:")), "{}", ended.stdout);

    let ended = Program::push().with(&["-", URI]).stdin(&archive[..600]).run().await;
    assert_eq!(ended.code, 1);
    let expected = "error: the image stream can't be pushed: it was cut off";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
}

fn tar_of(files: &[(&str, &str)]) -> String {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    String::from_utf8(tar.into_inner().unwrap()).unwrap()
}
