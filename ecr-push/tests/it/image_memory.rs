//! Tests of images that a tool builds itself, from blobs in memory and in files.

use std::fs;

use ecr_push::image::Blob;
use ecr_push::{Error, ErrorKind, Image};
use serde_json::{Value, json};
use std::error::Error as _;
use tempfile::TempDir;

use crate::layout::{INDEX, MANIFEST, content, digest};
use crate::world::{World, repository};

const CONFIG: &[u8] = br#"{"os":"linux","architecture":"arm64"}"#;

fn descriptor(media_type: &str, blob: &Blob) -> Value {
    json!({ "mediaType": media_type, "digest": blob.digest().as_str(), "size": blob.size() })
}

fn manifest(config: &Blob, layers: &[&Blob]) -> String {
    let config = descriptor("application/vnd.oci.image.config.v1+json", config);
    let gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
    let layers: Vec<Value> = layers.iter().map(|layer| descriptor(gzip, layer)).collect();
    json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers })
        .to_string()
}

fn problem(error: &Error) -> String {
    let text = error.to_string();
    let prefix = "the image in memory can't be pushed: ";
    text.strip_prefix(prefix).unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[tokio::test(start_paused = true)]
async fn blobs_come_from_memory_files_and_ranges_of_files() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("layers");
    let whole = content(5000);
    fs::write(&path, &whole).unwrap();
    let config = Blob::from_bytes(CONFIG);
    let file = Blob::from_file(&path).await.unwrap();
    let range = Blob::from_file(&path).range(1000..3000).await.unwrap();
    let known = digest(&whole[3000..]).parse().unwrap();
    let known = Blob::from_file(&path).range(3000..5000).known_digest(known).await.unwrap();
    assert_eq!(file.digest().as_str(), digest(&whole));
    assert_eq!((range.digest().as_str(), range.size()), (&*digest(&whole[1000..3000]), 2000));
    assert_eq!((known.digest().as_str(), known.size()), (&*digest(&whole[3000..]), 2000));

    let manifest = manifest(&config, &[&file, &range, &known]);
    let image = Image::new(manifest.clone(), [config, file, range, known]).await.unwrap();
    assert_eq!(image.manifest(), manifest);
    assert_eq!(image.digest().as_str(), digest(manifest.as_bytes()));
    assert_eq!(image.layers().len(), 4);
    assert_eq!(image.platforms(), ["linux/arm64".parse().unwrap()]);
    World::new().await.takes(&image).await;
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_was_only_said_is_checked_when_it_is_sent() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("layer");
    fs::write(&path, "other").unwrap();
    let config = Blob::from_bytes(CONFIG);
    let said = digest(b"content");
    let layer = Blob::from_file(&path).known_digest(said.parse().unwrap()).await.unwrap();
    let manifest = manifest(&config, &[&layer]);
    let image = Image::new(manifest, [config, layer]).await.unwrap();
    let world = World::new().await;
    let error = world.pusher.push(&image, &repository()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BlobMismatch);
    assert_eq!(
        error.to_string(),
        format!(
            "blob {said} has the digest {}: the file {} was changed or is damaged",
            digest(b"other"),
            path.display()
        )
    );
}

#[tokio::test(start_paused = true)]
async fn an_index_is_made_of_images() {
    let first = Blob::from_bytes(b"first".as_slice());
    let second = Blob::from_bytes(b"second".as_slice());
    let config = Blob::from_bytes(CONFIG);
    let mut blobs = Vec::new();
    let mut manifests = Vec::new();
    for layer in [first, second] {
        let text = manifest(&config, &[&layer]);
        let image = Image::new(text.clone(), [config.clone(), layer]).await.unwrap();
        manifests.push(json!({
            "mediaType": image.media_type(), "digest": image.digest().as_str(), "size": text.len(),
        }));
        blobs.extend(image.blobs());
    }
    // The index has OCI's format without a media type, and one blob has no reference.
    let index = json!({ "schemaVersion": 2, "manifests": manifests }).to_string();
    blobs.push(Blob::from_bytes("unused"));
    let image = Image::new(index, blobs).await.unwrap();
    assert_eq!(image.media_type(), INDEX);
    assert_eq!(image.layers().len(), 3);
    assert_eq!(image.blobs().count(), 6);
    World::new().await.takes(&image).await;
}

#[tokio::test]
async fn all_missing_blobs_are_named() {
    let config = Blob::from_bytes(CONFIG);
    let layers = [Blob::from_bytes("a"), Blob::from_bytes("b"), Blob::from_bytes("c")];
    let text = manifest(&config, &[&layers[0], &layers[1], &layers[2]]);
    let error = Image::new(text.clone(), [layers[1].clone()]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidImage);
    assert_eq!(
        problem(&error),
        format!(
            "3 of its blobs are missing: {}, {}, {}",
            config.digest(),
            layers[0].digest(),
            layers[2].digest()
        )
    );
    let child = Blob::from_bytes(text);
    let index = json!({ "schemaVersion": 2, "manifests": [descriptor(MANIFEST, &child)] });
    let error = Image::new(index.to_string(), []).await.unwrap_err();
    assert_eq!(problem(&error), format!("its blob {} is missing", child.digest()));
}

#[tokio::test]
async fn a_manifest_that_is_none_is_said() {
    let broken = |text: &str| format!("its manifest {} is broken", digest(text.as_bytes()));
    for (text, expected) in [
        ("", broken("")),
        ("junk", broken("junk")),
        ("{}", format!("{}: its schemaVersion isn't 2", broken("{}"))),
        (r#"{"schemaVersion":2}"#, broken(r#"{"schemaVersion":2}"#)),
    ] {
        assert_eq!(problem(&Image::new(text, []).await.unwrap_err()), expected);
    }
    let large = " ".repeat(4 * 1024 * 1024 + 1);
    let error = Image::new(large.clone(), []).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "image {} can't be stored by ECR: a manifest of 4194305 bytes is over ECR's limit of \
             4194304",
            digest(large.as_bytes())
        )
    );
}

#[tokio::test]
async fn a_blob_of_another_size_is_named() {
    let config = Blob::from_bytes(CONFIG);
    let text = manifest(&config, &[]);
    let text = text.replace(&format!("\"size\":{}", CONFIG.len()), "\"size\":7");
    let error = Image::new(text, [config.clone()]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BlobMismatch);
    assert_eq!(
        error.to_string(),
        format!(
            "blob {} has {} bytes instead of 7: the content given in memory was cut off or changed",
            config.digest(),
            CONFIG.len()
        )
    );
}

#[tokio::test]
async fn a_file_that_can_not_be_a_blob_is_said() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("layer");
    fs::write(&path, "0123456789").unwrap();
    #[expect(clippy::reversed_empty_ranges, reason = "the library rejects such a range")]
    for (range, expected) in [
        (0..11, "it has 10 bytes, which don't contain 0..11"),
        (7..3, "it has 10 bytes, which don't contain 7..3"),
    ] {
        let error = Blob::from_file(&path).range(range).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert_eq!(error.to_string(), format!("{} can't be read", path.display()));
        assert_eq!(error.source().unwrap().to_string(), expected);
    }
    let error = Blob::from_file(folder.path()).await.unwrap_err();
    let expected = format!("{:?} is a folder, not a regular file", folder.path());
    assert_eq!(error.to_string(), expected);
    let error = Blob::from_file("no/such/file").await.unwrap_err();
    assert_eq!(error.to_string(), "no/such/file can't be read");
}
