//! Fuzzes the checkpoint: with any bytes in the file, the push succeeds.

#![no_main]

use std::fs;
use std::sync::LazyLock;

use ecr_push::image::Blob;
use ecr_push::settings::NewRepository;
use ecr_push::{Image, Pusher, Repository};
use libfuzzer_sys::fuzz_target;
use local_aws::LocalAws;
use tokio::runtime::Builder;

/// A layer of seven parts.
const LAYER: [u8; 400] = [7; 400];

static REPOSITORY: LazyLock<Repository> =
    LazyLock::new(|| "123456789012.dkr.ecr.us-east-1.amazonaws.com/web".parse().unwrap());

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("push.checkpoint");
    fs::write(&path, bytes).unwrap();
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (pushed, local) = runtime.block_on(async {
        let local = LocalAws::new();
        local.set_part_size(64);
        local.set_min_part_size(32);
        let layer = Blob::from_bytes(LAYER);
        let config = Blob::from_bytes("{}");
        let manifest = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.oci.image.config.v1+json",
            "digest":"{}","size":2}},"layers":[{{"mediaType":
            "application/vnd.oci.image.layer.v1.tar","digest":"{}","size":400}}]}}"#,
            config.digest(),
            layer.digest(),
        );
        let image = Image::new(manifest, [config, layer]).await.unwrap();
        let push = Pusher::new(&local.sdk_config())
            .push(&image, &REPOSITORY)
            .create_repository(NewRepository::default())
            .checkpoint(&path);
        (push.await, local)
    });
    let pushed = pushed.unwrap();
    assert!(local.layer("web", pushed.digest().as_str()).is_none());
    assert_eq!(local.journal().count("PutImage"), 1);
    // The file was removed, holds uploads of other pushes, or isn't a checkpoint.
    if path.exists() {
        fs::read(&path).unwrap();
    }
});
