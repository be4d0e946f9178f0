//! Tests of the memory that whole pushes use, and of hostile text.

mod hostile;

use std::time::Duration;

use local_aws::{Fault, LocalAws, When};
use serde_json::{Value, json};

use super::*;
use crate::image::blob::Blob;

const MIB: u64 = 1024 * 1024;

fn repository(region: &str) -> Repository {
    format!("123456789012.dkr.ecr.{region}.amazonaws.com/demo/web").parse().unwrap()
}

/// Returns an image in memory, with layers of these sizes.
async fn image(sizes: &[u64]) -> Image {
    let describe = |media_type: &str, blob: &Blob| -> Value {
        json!({ "mediaType": media_type, "digest": blob.digest(), "size": blob.size() })
    };
    let config = Blob::from_bytes("{}");
    let layers: Vec<Blob> = sizes
        .iter()
        .zip(1..)
        .map(|(&size, byte)| Blob::from_bytes(vec![byte; size as usize]))
        .collect();
    let manifest = json!({
        "schemaVersion": 2,
        "config": describe("application/vnd.oci.image.config.v1+json", &config),
        "layers": layers
            .iter()
            .map(|layer| describe("application/vnd.oci.image.layer.v1.tar", layer))
            .collect::<Vec<_>>(),
    });
    let blobs = std::iter::once(config).chain(layers);
    Image::new(manifest.to_string(), blobs).await.unwrap()
}

/// Returns the highest memory use of a push's parts, in bytes.
async fn peak(pusher: Pusher, sizes: &[u64], regions: &[&str]) -> u64 {
    let image = image(sizes).await;
    let push = pusher.push(&image, &repository(regions[0]));
    let push = regions[1..].iter().fold(push, |push, region| push.also_to(&repository(region)));
    push.create_repository(NewRepository::default()).await.unwrap();
    let used = pusher.memory.used();
    assert_eq!(used, 0, "all memory is released");
    pusher.memory.peak()
}

/// The size of a part of 10 MiB as base64, rounded up to 64 KiB.
const PART: u64 = (10 * MIB * 4 / 3 + 64 * 1024) / (64 * 1024) * 64 * 1024;

#[tokio::test(start_paused = true)]
async fn memory_stays_within_the_limit_whatever_the_image() {
    for (sizes, limit) in [
        (vec![25 * MIB; 4], 30 * MIB),
        (vec![25 * MIB; 4], 60 * MIB),
        (vec![MIB; 40], 5 * MIB),
        ([vec![31 * MIB, 12 * MIB], (1..30).map(|n| n * 100_000).collect()].concat(), 40 * MIB),
    ] {
        let local = LocalAws::new();
        // Slow requests keep as many parts in flight as possible.
        local.inject(When::every("UploadLayerPart"), Fault::Delay(Duration::from_secs(1)));
        let pusher = Pusher::new(&local.sdk_config()).memory_limit(limit);
        let peak = peak(pusher, &sizes, &["us-east-1"]).await;
        assert!(peak <= limit, "{peak} of {limit}");
        assert!(peak > limit / 2, "{peak} of {limit}: the limit was never approached");
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_over_the_limit_goes_alone() {
    let pusher = Pusher::new(&LocalAws::new().sdk_config()).memory_limit(MIB);
    assert_eq!(peak(pusher, &[25 * MIB, 15 * MIB], &["us-east-1"]).await, PART);
}

#[tokio::test(start_paused = true)]
async fn one_slow_destination_of_several_takes_no_more() {
    let local = LocalAws::new();
    let slow = Fault::Delay(Duration::from_secs(10));
    local.inject(When::one_in("UploadLayerPart", 3), slow);
    let limit = 4 * PART;
    let pusher = Pusher::new(&local.sdk_config()).memory_limit(limit);
    let peak = peak(pusher, &[25 * MIB, 25 * MIB], &["us-east-1", "eu-west-1"]).await;
    assert!(peak <= limit && peak >= 3 * PART, "{peak}");
}
