//! Tests of `multi_arch`: images of several platforms become one.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::program::{Program, URI, Workplace, served};

/// Writes an archive in the format of `docker save`, for one architecture.
fn save(folder: &Path, architecture: &str) -> PathBuf {
    let config = json!({ "os": "linux", "architecture": architecture }).to_string();
    save_with(folder, architecture, &config)
}

fn save_with(folder: &Path, name: &str, config: &str) -> PathBuf {
    let path = folder.join(format!("{name}.tar"));
    let mut tar = tar::Builder::new(File::create(&path).unwrap());
    let manifest = json!([{ "Config": "config.json", "Layers": ["layer.tar"] }]).to_string();
    let layer = tar::Builder::new(Vec::new()).into_inner().unwrap();
    for (name, content) in [
        ("config.json", config.as_bytes()),
        ("manifest.json", manifest.as_bytes()),
        ("layer.tar", &layer),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, content).unwrap();
    }
    tar.finish().unwrap();
    path
}

#[tokio::test]
async fn a_layout_and_an_archive_become_one_image() {
    let (server, workplace) = (served().await, Workplace::new());
    let archive = save(workplace.folder.path(), "s390x");
    let arguments = ["--aws", "--tag", "1.0", workplace.image(), archive.to_str().unwrap(), URI];
    let run = || Program::multi_arch().with(&arguments).on(&server).run();
    let ended = run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.starts_with(&format!("{URI}@sha256:")), "{}", ended.stdout);
    assert!(ended.stderr.contains("linux/s390x: sha256:"), "{}", ended.stderr);
    assert!(ended.stderr.ends_with("  tagged 1.0: new\n"), "{}", ended.stderr);
    // Two manifests and the index.
    assert_eq!(server.local().journal().count("PutImage"), 3);

    let again = run().await;
    assert_eq!(again.stdout, ended.stdout, "the same images make the same index");
}

#[tokio::test]
async fn a_platform_twice_is_an_error() {
    let workplace = Workplace::new();
    let first = save(workplace.folder.path(), "s390x");
    let second = workplace.folder.path().join("copy.tar");
    std::fs::copy(&first, &second).unwrap();
    let (first, second) = (first.to_str().unwrap(), second.to_str().unwrap());
    let ended = Program::multi_arch().with(&[first, second, URI]).run().await;
    assert_eq!(ended.code, 1);
    let expected = format!("error: {first} and {second} both contain linux/s390x\n");
    assert!(ended.stderr.ends_with(&expected), "{}", ended.stderr);
}

/// Nodes tell Windows images apart by the version, which the index has to keep.
#[tokio::test]
async fn the_version_of_windows_stays() {
    let (server, workplace) = (served().await, Workplace::new());
    let saved = ["10.0.17763.6414", "10.0.20348.2762"].map(|version| {
        let config =
            json!({ "os": "windows", "architecture": "amd64", "os.version": version }).to_string();
        save_with(workplace.folder.path(), version, &config)
    });
    let [first, second] = saved.each_ref().map(|path| path.to_str().unwrap());
    let arguments = ["--aws", "--tag", "1.0", first, second, URI];
    let ended = Program::multi_arch().with(&arguments).on(&server).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("windows/amd64:10.0.17763.6414: sha256:"), "{}", ended.stderr);
    assert!(ended.stderr.contains("windows/amd64:10.0.20348.2762: sha256:"), "{}", ended.stderr);
}
