//! Property tests of pushes with random images and faults, over both transports. Either the whole
//! image arrives, or an error names what is missing and the next push succeeds.

use std::collections::BTreeMap;
use std::path::Path;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::Region;
use ecr_push::image::Blob;
use ecr_push::settings::LookUp;
use ecr_push::transport::Transport;
use ecr_push::{Error, ErrorKind, Image, Pushed, Pusher, Repository, Tag};
use local_aws::{Fault, MissingLayers, When};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::layout::{INDEX, MANIFEST, content, digest};
use crate::world::{World, repository};

/// The model's part size: a layer of 400 bytes has seven parts, like one of 70 MiB on ECR.
const PART: usize = 64;
const MIN_PART: usize = 32;

#[derive(Debug, Clone)]
struct Case {
    /// The layer sizes of each platform. Layers of the same size are the same layer.
    platforms: Vec<Vec<usize>>,
    indexes: usize,
    tags: Vec<&'static str>,
    /// How many of the platforms an earlier push sent.
    before: usize,
    faults: Vec<(&'static str, usize, Fault)>,
    missing_layers: MissingLayers,
    look_up: LookUp,
    checkpoint: bool,
    /// Whether the push also goes to another region.
    elsewhere: bool,
    /// The push is dropped after this many events, like a killed process.
    cut_off: Option<usize>,
    transport: Transport,
}

fn case() -> impl Strategy<Value = Case> {
    let size = prop_oneof![1..400_usize, Just(PART), Just(PART * 2), Just(PART * 2 + 1)];
    let platforms = vec(vec(size, 1..4), 1..4);
    let tags = proptest::sample::subsequence(vec!["1.4.2", "latest", "main"], 0..=3);
    let look_up = select(&[LookUp::Never, LookUp::WhereAllowed][..]);
    let missing = select(&[MissingLayers::Failure, MissingLayers::Unavailable][..]);
    let image = (platforms, 0..3_usize, tags, 0..3_usize);
    let cut_off = proptest::option::weighted(0.3, 0..30_usize);
    let transport = select(&[Transport::Api, Transport::Registry][..]);
    // The layer is too large for the request that completes it.
    let large = proptest::bool::weighted(0.1);
    let how = (look_up, any::<bool>(), any::<bool>(), cut_off, transport, large);
    (image, vec(fault(), 0..7), missing, how).prop_map(|(image, faults, missing_layers, how)| {
        let (platforms, indexes, tags, before) = image;
        let before = before.min(platforms.len());
        let (look_up, checkpoint, elsewhere, cut_off, transport, large) = how;
        let mut platforms = platforms;
        if large && transport == Transport::Registry {
            platforms[0].push(SMALL + 1);
        }
        let faults = faults.into_iter().map(|([by_api, by_registry], nth, fault)| {
            (if transport == Transport::Api { by_api } else { by_registry }, nth, fault)
        });
        Case {
            platforms,
            indexes,
            tags,
            before,
            faults: faults.collect(),
            missing_layers,
            look_up,
            checkpoint: checkpoint && transport == Transport::Api,
            elsewhere,
            cut_off,
            transport,
        }
    })
}

/// The registry's protocol sends larger layers in requests of their own.
const SMALL: usize = 5 * 1024 * 1024;

/// The names of each operation in the API and in the registry's protocol.
const OPERATIONS: [[&str; 2]; 6] = [
    ["BatchCheckLayerAvailability"; 2],
    ["BatchGetImage"; 2],
    ["CompleteLayerUpload", "V2.PutUpload"],
    ["InitiateLayerUpload", "V2.StartUpload"],
    ["PutImage", "V2.PutManifest"],
    ["UploadLayerPart", "V2.PatchUpload"],
];

fn fault() -> impl Strategy<Value = ([&'static str; 2], usize, Fault)> {
    let faults = [
        Fault::CollectLayers,
        Fault::CorruptPart,
        Fault::ExpireUploads,
        Fault::HalfPart,
        Fault::LoseResponse,
        Fault::Reset,
        Fault::ServerError,
        Fault::StaleRead,
        Fault::Throttle,
        Fault::Unavailable,
    ];
    (select(&OPERATIONS[..]), 1..14_usize, select(faults.to_vec())).prop_map(
        |(operation, nth, fault)| {
            let fault = match (operation[0], fault) {
                // A stale answer about a tag looks like a true one.
                ("BatchGetImage", Fault::StaleRead) => Fault::Throttle,
                // The registry can't know what a manifest was before it was sent.
                ("PutImage", Fault::CorruptPart) => Fault::Throttle,
                (_, fault) => fault,
            };
            (operation, nth, fault)
        },
    )
}

/// An image in memory, and the expected content of the repository.
struct Built {
    image: Image,
    blobs: BTreeMap<String, Vec<u8>>,
}

impl Case {
    /// Builds the first platform alone, or an index of all of them, or an index of that index.
    async fn build(&self) -> Built {
        let mut builder = Builder::default();
        let mut manifests: Vec<Value> =
            self.platforms.iter().map(|sizes| builder.manifest(sizes)).collect();
        for _ in 0..self.indexes {
            let index = json!({
                "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests,
            });
            manifests = vec![builder.add(INDEX, index.to_string().into_bytes())];
        }
        let root = builder.blobs[manifests[0]["digest"].as_str().unwrap()].clone();
        let blobs = builder.blobs.values().map(|content| Blob::from_bytes(content.clone()));
        let image = Image::new(root, blobs.collect::<Vec<_>>()).await.unwrap();
        Built { image, blobs: builder.blobs }
    }
}

#[derive(Default)]
struct Builder {
    blobs: BTreeMap<String, Vec<u8>>,
}

impl Builder {
    fn manifest(&mut self, sizes: &[usize]) -> Value {
        const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
        const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
        let layers: Vec<Value> = sizes.iter().map(|&size| self.add(LAYER, content(size))).collect();
        let config = json!({ "architecture": "amd64", "os": "linux", "sizes": sizes });
        let config = self.add(CONFIG, config.to_string().into_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
        });
        self.add(MANIFEST, manifest.to_string().into_bytes())
    }

    fn add(&mut self, media_type: &str, content: Vec<u8>) -> Value {
        let digest = digest(&content);
        let descriptor =
            json!({ "mediaType": media_type, "digest": digest, "size": content.len() });
        self.blobs.insert(digest, content);
        descriptor
    }
}

struct Outcome {
    /// `None` if the push was cut off.
    pushed: Option<Result<Pushed, Error>>,
    parts: usize,
}

/// Runs the push of the case up to `cut_off` events, with its checkpoint in `folder`.
async fn push(
    world: &World,
    case: &Case,
    built: &Built,
    cut_off: Option<usize>,
    folder: &Path,
) -> Outcome {
    let sent = || match case.transport {
        Transport::Registry => {
            let journal = world.local.journal();
            journal.count("V2.PatchUpload") + journal.count("V2.PutUpload")
        }
        _ => world.local.journal().count("UploadLayerPart"),
    };
    let before = sent();
    // A new pusher, like another process: it knows nothing from the earlier push.
    let pusher = Pusher::new(&world.local.sdk_config());
    let mut push = pusher.push(&built.image, &repository()).look_up(case.look_up);
    push = push.transport(case.transport);
    for tag in &case.tags {
        push = push.tag(tag.parse::<Tag>().unwrap());
    }
    if case.elsewhere {
        push = push.also_to(&elsewhere());
    }
    if case.checkpoint {
        push = push.checkpoint(folder.join("push.checkpoint"));
    }
    let Some(steps) = cut_off else {
        let pushed = Some(push.await);
        return Outcome { pushed, parts: sent() - before };
    };
    let mut events = push.events();
    for _ in 0..steps {
        if events.next().await.is_none() {
            break;
        }
    }
    drop(events);
    Outcome { pushed: None, parts: sent() - before }
}

fn elsewhere() -> Repository {
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com/demo/web".parse().unwrap()
}

/// Checks that every manifest, tag and layer has arrived, byte for byte.
async fn is_all_there(world: &World, case: &Case, built: &Built) -> Result<(), TestCaseError> {
    let Built { image, blobs } = built;
    for tag in &case.tags {
        let tagged = world.tagged(tag).await;
        prop_assert_eq!(tagged.as_deref(), Some(image.digest().as_str()), "tag {}", tag);
    }
    for (digest, content) in blobs.iter().filter(|(_, content)| is_manifest(content)) {
        let manifest = world.manifest(digest).await;
        // Without an index, the push took only the first of the platforms.
        if case.indexes > 0 || digest == image.digest().as_str() {
            prop_assert_eq!(manifest.as_deref().map(str::as_bytes), Some(&content[..]));
        }
    }
    for layer in image.layers() {
        let digest = layer.digest().as_str();
        let stored = world.local.layer("demo/web", digest);
        prop_assert_eq!(stored.as_deref(), blobs.get(digest).map(Vec::as_slice), "{}", digest);
    }
    Ok(())
}

fn is_manifest(content: &[u8]) -> bool {
    content.starts_with(br#"{"config""#) || content.starts_with(br#"{"manifests""#)
}

/// Returns how many parts the faults may add to those of the image.
fn allowance(case: &Case, parts: usize) -> usize {
    let cost = |(operation, _, fault): &(&str, usize, Fault)| match fault {
        // The SDK's second attempt and the other half. If the half was too small for a part, the
        // whole layer again.
        Fault::HalfPart => parts + 2,
        // ECR detects it only after the whole layer has arrived.
        Fault::CorruptPart => parts,
        Fault::CollectLayers | Fault::ExpireUploads | Fault::StaleRead => parts,
        _ if matches!(*operation, "UploadLayerPart" | "V2.PatchUpload" | "V2.PutUpload") => 1,
        _ => 0,
    };
    case.faults.iter().map(cost).sum()
}

async fn check(case: Case) -> Result<(), TestCaseError> {
    let world = World::new().await;
    let config = world.local.sdk_config().to_builder().region(Region::new("eu-west-1")).build();
    let there = Client::new(&config);
    there.create_repository().repository_name("demo/web").send().await.unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let folder = folder.path();
    // The registry chooses its own pieces, and a layer must not have too many of them.
    let part_size = if case.transport == Transport::Registry { 64 * 1024 } else { PART };
    world.local.set_part_size(part_size as u64);
    world.local.set_min_part_size(MIN_PART as u64);
    world.local.set_missing_layers(case.missing_layers);
    if case.before > 0 {
        let earlier = Case {
            platforms: case.platforms[..case.before].to_vec(),
            indexes: 1,
            tags: vec!["latest"],
            elsewhere: false,
            ..case.clone()
        };
        let pushed = push(&world, &earlier, &earlier.build().await, None, folder).await.pushed;
        pushed.unwrap().unwrap();
    }
    let done = |operation| world.local.journal().count(operation);
    for (operation, nth, fault) in &case.faults {
        world.local.inject(When::nth(operation, done(operation) + nth), fault.clone());
    }

    let built = case.build().await;
    let repositories = 1 + usize::from(case.elsewhere);
    let parts_of = |size: usize| match case.transport {
        // The completing request carries a small layer, and ends a large one.
        Transport::Registry => 1 + usize::from(size > SMALL),
        _ => size.div_ceil(PART),
    };
    let parts: usize = built.image.layers().map(|layer| parts_of(layer.size() as usize)).sum();
    let parts = parts * repositories;
    let outcome = push(&world, &case, &built, case.cut_off, folder).await;
    let limit = parts + allowance(&case, parts);
    prop_assert!(outcome.parts <= limit, "{} parts instead of {parts} to {limit}", outcome.parts);
    world.local.clear_faults();
    match outcome.pushed {
        None => {}
        Some(Ok(pushed)) => {
            prop_assert_eq!(pushed.digest(), built.image.digest());
            prop_assert_eq!(pushed.repositories().len(), repositories);
            is_all_there(&world, &case, &built).await?;
        }
        Some(Err(error)) => {
            let passes =
                [ErrorKind::Network, ErrorKind::Protocol, ErrorKind::Service, ErrorKind::Throttled];
            prop_assert!(passes.contains(&error.kind()), "{:?}", error);
            prop_assert!(error.is_retryable(), "{:?}", error);
            let operation = error.operation().unwrap_or_default();
            let names = error.to_string().contains("sha256:");
            prop_assert!(names || operation.starts_with("Batch"), "{}", error);
        }
    }
    // Without faults, the next push succeeds. It sends what was missing, and for each upload that
    // it resumes, at most one part that arrived without a response.
    let uploads = built.image.layers().count() * repositories;
    let again = push(&world, &case, &built, None, folder).await;
    prop_assert!(again.pushed.as_ref().is_some_and(Result::is_ok), "{:?}", again.pushed);
    prop_assert!(again.parts <= parts + uploads, "{} of {parts} parts", again.parts);
    is_all_there(&world, &case, &built).await?;
    // A third push has nothing to send.
    let third = push(&world, &case, &built, None, folder).await;
    prop_assert_eq!(third.parts, 0);
    let calls = third.pushed.unwrap().unwrap().calls();
    let expected = match case.look_up {
        LookUp::WhereAllowed => 2,
        _ => 1 + u64::try_from(case.manifests() + case.tags.len().max(1) - 1).unwrap(),
    };
    prop_assert_eq!(calls, expected * repositories as u64);
    Ok(())
}

impl Case {
    /// Returns how many distinct manifests and indexes the image has.
    fn manifests(&self) -> usize {
        if self.indexes == 0 {
            return 1;
        }
        let mut platforms = self.platforms.clone();
        platforms.sort();
        platforms.dedup();
        platforms.len() + self.indexes
    }
}

#[test]
fn a_push_ends_well_or_says_why_not() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|it| it.parse().ok());
    let threads = std::thread::available_parallelism().map_or(1, |it| it.get().min(4) as u32);
    let config = ProptestConfig::with_cases(cases.unwrap_or(1000) / threads);
    // Each thread has its own cases, and each case its own virtual time.
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                proptest!(config.clone(), |(case in case())| {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .start_paused(true)
                        .build()
                        .unwrap();
                    runtime.block_on(check(case))?;
                });
            });
        }
    });
}
