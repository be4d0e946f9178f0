//! How much longer a push that compresses takes than the longer of its two halves: compressing, and
//! sending what is compressed. In real time, on the emulator with the link of `real_link`; the
//! emulator's own work, such as hashing, shares the cores.
//!
//! ```sh
//! cargo run --release -p benches --bin compressed_push
//! ```

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use ecr_push::image::Compression;
use ecr_push::settings::NewRepository;
use ecr_push::{Image, Pusher, Repository};
use local_aws::{Blobs, Link, LocalAws};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

const MIB: usize = 1024 * 1024;
const ROUND_TRIP: Duration = Duration::from_millis(80);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), BoxError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        println!("| layers | link | compress | send | push | of the longer half |");
        println!("|---|---|---|---|---|---|");
        for (name, layers) in [
            ("10 × 40 MiB", vec![40; 10]),
            ("200 MiB and 8 × 25 MiB", [vec![200], vec![25; 8]].concat()),
        ] {
            let folder = TempDir::new()?;
            write(folder.path(), &layers)?;
            for mbit in [100, 400, 1000] {
                let link = mbit * 125_000;
                let began = Instant::now();
                let compressed = opened(folder.path()).await?.compress().await?;
                let compress = began.elapsed();
                let send = push(&compressed, link).await?;
                let both = push(&opened(folder.path()).await?, link).await?;
                println!(
                    "| {name} | {mbit} Mbit/s | {:.1} s | {:.1} s | {:.1} s | {:.0} % |",
                    compress.as_secs_f64(),
                    send.as_secs_f64(),
                    both.as_secs_f64(),
                    both.as_secs_f64() / compress.max(send).as_secs_f64() * 100.0,
                );
            }
        }
        Ok(())
    })
}

async fn opened(folder: &Path) -> Result<Image, BoxError> {
    Ok(Image::open(folder).compression(Compression::Gzip).await?)
}

/// Pushes to a new emulator behind the link, and returns how long it took.
async fn push(image: &Image, bytes_per_second: u64) -> Result<Duration, BoxError> {
    let local = LocalAws::new();
    local.set_blobs(Blobs::Count);
    let mut link = Link::default();
    link.round_trip = ROUND_TRIP;
    link.in_total = Some(bytes_per_second);
    local.set_link(link);
    let repository: Repository = "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web".parse()?;
    let pusher = Pusher::new(&local.sdk_config());
    let began = Instant::now();
    pusher.push(image, &repository).create_repository(NewRepository::default()).await?;
    Ok(began.elapsed())
}

/// Writes a layout of one image with uncompressed layers of so many MiB.
fn write(folder: &Path, layers: &[usize]) -> Result<(), BoxError> {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let store = |media_type: &str, content: &[u8]| -> Result<Value, BoxError> {
        let digest: String =
            Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        fs::write(blobs.join(&digest), content)?;
        let (digest, size) = (format!("sha256:{digest}"), content.len());
        Ok(json!({ "mediaType": media_type, "digest": digest, "size": size }))
    };
    let tar = "application/vnd.oci.image.layer.v1.tar";
    let manifest = "application/vnd.oci.image.manifest.v1+json";
    let layers = layers
        .iter()
        .zip(1..)
        .map(|(mib, seed)| store(tar, &content(mib * MIB, seed)))
        .collect::<Result<Vec<Value>, _>>()?;
    let config = store("application/vnd.oci.image.config.v1+json", b"{}")?;
    let image = json!({
        "schemaVersion": 2, "mediaType": manifest, "config": config, "layers": layers,
    });
    let image = store(manifest, image.to_string().as_bytes())?;
    let index = json!({ "schemaVersion": 2, "manifests": [image] });
    fs::write(folder.join("index.json"), index.to_string())?;
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    Ok(())
}

/// Returns words and numbers, which gzip halves, as it halves a usual image.
fn content(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(size + 16);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state.is_multiple_of(3) {
            bytes.extend_from_slice(&state.to_le_bytes());
        } else {
            bytes.extend_from_slice(format!("entry_{:04x} ", state % 4096).as_bytes());
        }
    }
    bytes.truncate(size);
    bytes
}
