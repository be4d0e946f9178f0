//! Tests of the options of `push` and `plan` for images: both programs take the same.

use std::fs;

use serde_json::{Value, json};

use crate::program::{Program, URI, Workplace, served};

/// Makes `index.json` list the image twice: as it is, and under another name and platform.
fn with_two_images(workplace: &Workplace) -> String {
    let path = workplace.image.join("index.json");
    let mut index: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let root = index["manifests"][0].clone();
    let name = |name: &str| json!({ "org.opencontainers.image.ref.name": name });
    let digest = root["digest"].as_str().unwrap().to_owned();
    let text = fs::read_to_string(blob(workplace, &digest)).unwrap();
    // Another image with the same content.
    let other = format!("{text} ");
    let other_digest = Value::from(write_blob(workplace, &other));
    index["manifests"][0]["annotations"] = name("localhost/web:1");
    let mut second = root;
    second["digest"] = other_digest.clone();
    second["size"] = other.len().into();
    second["annotations"] = name("web:2");
    index["manifests"].as_array_mut().unwrap().push(second);
    fs::write(path, index.to_string()).unwrap();
    other_digest.as_str().unwrap().to_owned()
}

fn blob(workplace: &Workplace, digest: &str) -> std::path::PathBuf {
    workplace.image.join("blobs/sha256").join(digest.strip_prefix("sha256:").unwrap())
}

fn write_blob(workplace: &Workplace, content: &str) -> String {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(content.as_bytes());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let digest = format!("sha256:{hex}");
    fs::write(blob(workplace, &digest), content).unwrap();
    digest
}

#[tokio::test]
async fn an_image_is_chosen_in_the_same_way_by_both_programs() {
    let (server, workplace) = (served().await, Workplace::new());
    let other = with_two_images(&workplace);
    for program in [Program::plan, Program::push] {
        let run = |name: &str| {
            let arguments = ["--aws", "--name", name, workplace.image(), URI];
            program().with(&arguments).on(&server).run()
        };
        let ended = run("web:2").await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(ended.stdout.contains(&other), "{}", ended.stdout);
        assert_eq!(run("web:1").await.code, 0);
        let ended = run("web:3").await;
        assert_eq!(ended.code, 1);
        assert!(ended.stderr.contains("has no image `web:3`, it has `localhost/web:1` ("));
    }
}

#[tokio::test]
async fn every_option_of_a_push_is_one_of_its_plan() {
    let (server, workplace) = (served().await, Workplace::new());
    let folder = workplace.folder.path().to_str().unwrap();
    let checkpoint = workplace.folder.path().join("checkpoint");
    let arguments = [
        "--aws",
        "--tag",
        "1.0",
        "--index",
        "--blobs",
        folder,
        "--referrers",
        "--compression",
        "keep",
        "--foreign-layers",
        "send",
        "--create-repository",
        "--transport",
        "api",
        "--memory-limit",
        "20",
        "--checkpoint",
        checkpoint.to_str().unwrap(),
        workplace.image(),
        URI,
    ];
    let planned = Program::plan().with(&arguments).on(&server).run().await;
    assert_eq!(planned.code, 0, "{}", planned.stderr);
    assert!(planned.stdout.contains("  tag   1.0, new\n"), "{}", planned.stdout);
    assert_eq!(server.local().journal().count("PutImage"), 0);
    let pushed = Program::push().with(&arguments).on(&server).run().await;
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);
    let digest = pushed.stdout.trim_end().split_once('@').unwrap().1;
    assert!(planned.stdout.starts_with(&format!("image {digest}\n")), "{}", planned.stdout);
    for program in [Program::plan, Program::push] {
        let arguments = ["--platform", "linux", workplace.image(), URI];
        let ended = program().with(&arguments).run().await;
        assert_eq!(ended.code, 2);
        assert!(ended.stderr.contains("invalid platform `linux`"), "{}", ended.stderr);
    }
}
