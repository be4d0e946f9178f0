//! Tests of paths that name, or come to name, a pipe or a device: they are refused, and not waited
//! for.

#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;

use ecr_push::image::Blob;
use ecr_push::transport::Transport;
use ecr_push::{Error, ErrorKind, Image};
use serde_json::json;

use crate::layout::Layout;
use crate::world::{World, repository};

/// Puts a pipe in the place of a file.
fn become_a_pipe(path: &Path) {
    let _ = fs::remove_file(path);
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn assert_named(error: &Error, path: &Path) {
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(error.to_string(), format!("{path:?} is a named pipe, not a regular file"));
}

#[tokio::test]
async fn a_blob_that_is_a_pipe() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("layer");
    become_a_pipe(&path);
    let digest = Blob::from_bytes("x").digest().clone();
    assert_named(&Blob::from_file(&path).await.unwrap_err(), &path);
    assert_named(&Blob::from_file(&path).known_digest(digest).await.unwrap_err(), &path);
}

#[tokio::test(start_paused = true)]
async fn a_blob_that_becomes_a_pipe_before_its_push() {
    for transport in [Transport::Api, Transport::Registry] {
        let world = World::new().await;
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("layer");
        fs::write(&path, "a layer").unwrap();
        let layer = Blob::from_file(&path).await.unwrap();
        let config = Blob::from_bytes("{}");
        let descriptor = |kind: &str, blob: &Blob| {
            let (digest, size) = (blob.digest().as_str(), blob.size());
            json!({ "mediaType": kind, "digest": digest, "size": size })
        };
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.example.config.v1+json", &config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", &layer)],
        });
        let image = Image::new(manifest.to_string(), [config, layer]).await.unwrap();
        become_a_pipe(&path);
        let error = world.pusher.push(&image, &repository()).transport(transport).await;
        assert_named(&error.unwrap_err(), &path);
    }
}

#[tokio::test]
async fn the_files_of_a_layout() {
    for name in ["oci-layout", "index.json"] {
        let layout = Layout::image(&[100]);
        let path = layout.path().join(name);
        become_a_pipe(&path);
        assert_named(&Image::open(layout.path()).await.unwrap_err(), &path);
    }
    let layout = Layout::image(&[100]);
    let image = Image::open(layout.path()).await.unwrap();
    let path = layout.blob_path(image.digest().as_str());
    become_a_pipe(&path);
    assert_named(&Image::open(layout.path()).await.unwrap_err(), &path);
    // A link to it is the same.
    let layout = Layout::image(&[100]);
    let index = layout.path().join("index.json");
    fs::remove_file(&index).unwrap();
    std::os::unix::fs::symlink(&path, &index).unwrap();
    assert_named(&Image::open(layout.path()).await.unwrap_err(), &index);
}

#[tokio::test(start_paused = true)]
async fn a_layer_of_a_layout_that_becomes_a_pipe_before_its_push() {
    let world = World::new().await;
    let layout = Layout::image(&[100]);
    let image = Image::open(layout.path()).await.unwrap();
    let layer = image.layers().find(|layer| layer.size() == 100).unwrap();
    let path = layout.blob_path(layer.digest().as_str());
    become_a_pipe(&path);
    assert_named(&world.push_image(&image, &[]).await.unwrap_err(), &path);
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_that_is_a_pipe_is_ignored() {
    use ecr_push::events::Event;
    let world = World::new().await;
    let layout = Layout::image(&[100]);
    let image = Image::open(layout.path()).await.unwrap();
    let path = layout.path().join("push.checkpoint");
    become_a_pipe(&path);
    let push = world.pusher.push(&image, &repository()).checkpoint(&path);
    let mut events = push.events();
    let mut reasons = Vec::new();
    while let Some(event) = events.next().await {
        if let Event::CheckpointIgnored { reason, .. } = event {
            reasons.push(reason);
        }
    }
    events.finish().await.unwrap();
    assert_eq!(reasons, [format!("{path:?} is a named pipe, not a regular file")]);
}
