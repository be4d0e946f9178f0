//! Tests of content that an image lacks legitimately: foreign layers, blobs that the repository or a
//! shared folder has, and content in a descriptor.

use std::fs;

use base64_simd::STANDARD;
use ecr_push::events::Event;
use ecr_push::image::Blob;
use ecr_push::plan::{LayerStep, ManifestStep, Plan};
use ecr_push::settings::{ForeignLayers, LookUp, NewRepository};
use ecr_push::transport::Transport;
use ecr_push::{Error, ErrorKind, Image, Push};
use local_aws::{Fault, When};
use serde_json::{Value, json};

use crate::image::problem;
use crate::layout::{Layout, MANIFEST, content, digest};
use crate::world::{URI, World, repository};

const FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A layout with an image of these layers.
fn image_of(layout: &Layout, layers: &[Value]) -> Value {
    let config = layout.blob("application/vnd.oci.image.config.v1+json", b"{}");
    let manifest =
        json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers });
    layout.blob(MANIFEST, manifest.to_string().as_bytes())
}

fn foreign(media_type: &str) -> Value {
    json!({
        "mediaType": media_type, "digest": digest(b"windows"), "size": 7,
        "urls": ["https://mcr.microsoft.com/v2/windows/servercore/blobs/x"],
    })
}

fn windows(media_type: &str) -> Layout {
    let layout = Layout::new();
    let own = layout.blob(LAYER, &content(100));
    let image = image_of(&layout, &[foreign(media_type), own]);
    layout.set_index(&[image]);
    layout
}

async fn prepared(world: &World, layout: &Layout) -> Push {
    let image = Image::open(layout.path()).await.unwrap();
    world.pusher.push(&image, &repository()).tag("1.0".parse().unwrap())
}

fn steps(plan: &Plan) -> Vec<LayerStep> {
    plan.repositories()[0].layers().iter().map(|planned| planned.step()).collect()
}

async fn events(push: Push) -> (Vec<Event>, Result<ecr_push::Pushed, Error>) {
    let mut events = push.events();
    let mut all = Vec::new();
    while let Some(event) = events.next().await {
        all.push(event);
    }
    (all, events.finish().await)
}

#[tokio::test(start_paused = true)]
async fn a_foreign_layer_is_left_out_and_reported() {
    for media_type in [
        FOREIGN,
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    ] {
        let layout = windows(media_type);
        for there in [false, true] {
            if there {
                layout.blob("", b"windows");
            }
            let world = World::new().await;
            let push = prepared(&world, &layout).await;
            let plan = push.plan().await.unwrap();
            assert!(matches!(
                steps(&plan)[..],
                [LayerStep::Send { .. }, LayerStep::LeaveOut, LayerStep::Send { .. }]
            ));
            assert!(plan.obstacles().is_empty());
            assert_eq!(plan.bytes(), 2 + 100);
            let line = format!("  leave {} 7 bytes, a foreign layer\n", digest(b"windows"));
            assert!(plan.to_string().contains(&line), "{plan}");
            let json = serde_json::to_value(&plan).unwrap();
            assert_eq!(json["repositories"][0]["layers"][1]["step"], "leaveOut");
            let (events, pushed) = events(push).await;
            let pushed = pushed.unwrap();
            assert_eq!((pushed.layers_sent(), pushed.layers_left_out()), (2, 1));
            assert_eq!((pushed.layers_skipped(), pushed.bytes_sent()), (0, 102));
            assert_eq!(pushed.repositories()[0].layers_left_out(), 1);
            let left_out: Vec<_> = events
                .iter()
                .filter_map(|event| match event {
                    Event::LayerLeftOut { layer, .. } => Some(layer.digest().as_str()),
                    _ => None,
                })
                .collect();
            assert_eq!(left_out, [digest(b"windows")]);
            assert_eq!(world.tagged("1.0").await.as_deref(), Some(pushed.digest().as_str()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_foreign_layer_is_sent_on_request_if_it_is_there() {
    let layout = windows(FOREIGN);
    let world = World::new().await;
    let push = prepared(&world, &layout).await.foreign_layers(ForeignLayers::Send);
    assert_eq!(push.await.unwrap().layers_left_out(), 1);
    layout.blob("", b"windows");
    let push = prepared(&world, &layout).await.foreign_layers(ForeignLayers::Send);
    let pushed = push.await.unwrap();
    assert_eq!((pushed.layers_sent(), pushed.layers_left_out()), (1, 0));
    // A repository that has it skips it in any case.
    let pushed = prepared(&world, &layout).await.await.unwrap();
    assert_eq!((pushed.layers_skipped(), pushed.layers_left_out()), (3, 0));
}

/// ECR reports missing layers, and the push sends only those that it can send.
#[tokio::test(start_paused = true)]
async fn a_foreign_layer_stays_out_when_layers_are_sent_again() {
    let world = World::new().await;
    let layout = windows(FOREIGN);
    layout.blob("", b"windows");
    world.local.inject(When::nth("PutImage", 1), Fault::CollectLayers);
    let pushed = prepared(&world, &layout).await.await.unwrap();
    assert_eq!((pushed.layers_sent(), pushed.layers_left_out()), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn a_layer_is_foreign_only_by_its_type_and_its_urls() {
    let layout = Layout::new();
    let mut without_urls = foreign(FOREIGN);
    without_urls.as_object_mut().unwrap().remove("urls");
    let ordinary = foreign(LAYER);
    for layers in [vec![without_urls], vec![ordinary.clone()], vec![foreign(FOREIGN), ordinary]] {
        let image = image_of(&layout, &layers);
        layout.set_index(&[image]);
        let error = prepared(&World::new().await, &layout).await.await.unwrap_err();
        let (layer, place) = (digest(b"windows"), layout.blob_path(&digest(b"windows")));
        assert_eq!(
            problem(&error, layout.path()),
            format!(
                "blob {layer} is missing: expected the file {}; {URI} doesn't have it either",
                place.display()
            )
        );
    }
    layout.blob("", b"windows");
    let pushed = prepared(&World::new().await, &layout).await.await.unwrap();
    assert_eq!(pushed.layers_left_out(), 0);
}

/// Takes the layers of this size out of the layout.
fn without(layout: &Layout, size: usize) -> String {
    let digest = digest(&content(size));
    fs::remove_file(layout.blob_path(&digest)).unwrap();
    digest
}

#[tokio::test(start_paused = true)]
async fn a_sparse_layout_is_pushed_if_the_repository_has_the_rest() {
    let world = World::new().await;
    world.push(&Layout::image(&[1000, 2000]), &["base"]).await.unwrap();
    let layout = Layout::image(&[1000, 2000, 300]);
    without(&layout, 1000);
    without(&layout, 2000);
    let push = prepared(&world, &layout).await;
    assert!(push.plan().await.unwrap().obstacles().is_empty());
    let pushed = push.await.unwrap();
    assert_eq!((pushed.layers_sent(), pushed.layers_skipped()), (2, 2));
    let world = World::new().await;
    world.push(&Layout::image(&[1000, 2000]), &["base"]).await.unwrap();
    let image = Image::open(layout.path()).await.unwrap();
    let again = Image::new(image.manifest(), image.blobs()).await.unwrap();
    assert_eq!(world.push_image(&again, &["2"]).await.unwrap().layers_skipped(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_repository_lacks_is_listed_for_each() {
    let world = World::new().await;
    world.push(&Layout::image(&[1000]), &["base"]).await.unwrap();
    let layout = Layout::image(&[1000, 2000]);
    let (first, second) = (without(&layout, 1000), without(&layout, 2000));
    let other = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/demo/web";
    let push = prepared(&world, &layout).await.also_to(&other.parse().unwrap());
    let push = push.create_repository(NewRepository::default());
    let plan = push.plan().await.unwrap();
    assert!(matches!(
        steps(&plan)[..],
        [LayerStep::Send { .. }, LayerStep::Skip, LayerStep::Missing]
    ));
    assert!(
        plan.to_string().contains(&format!("  lack  {second} 2000 bytes, missing\n")),
        "{plan}"
    );
    let before = world.local.journal().calls().len();
    let error = push.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidImage);
    let place = layout.blob_path(&first);
    assert_eq!(
        problem(&error, layout.path()),
        format!(
            "blob {second} is missing: expected the file {}; {URI} doesn't have it either; 2 blobs \
             are missing, and {other} doesn't have them: {first}, {second}",
            place.display()
        )
    );
    let calls = world.local.journal().calls()[before..].to_vec();
    assert!(calls.iter().all(|call| call.operation.starts_with("Batch")), "{calls:?}");
}

/// ECR deletes a layer that only the repository had.
#[tokio::test(start_paused = true)]
async fn a_layer_that_vanishes_from_the_repository_is_named() {
    let world = World::new().await;
    world.push(&Layout::image(&[1000]), &["base"]).await.unwrap();
    let layout = Layout::image(&[1000, 2000]);
    let layer = without(&layout, 1000);
    world.local.inject(When::every("PutImage"), Fault::CollectLayers);
    // The base image keeps its layers until it is deleted.
    let delete = world.client.batch_delete_image().repository_name("demo/web");
    let id = aws_sdk_ecr::types::ImageIdentifier::builder().image_tag("base").build();
    let push = prepared(&world, &layout).await;
    let mut events = push.events();
    while let Some(event) = events.next().await {
        if matches!(event, Event::Planned { .. }) {
            delete.clone().image_ids(id.clone()).send().await.unwrap();
        }
    }
    let error = events.finish().await.unwrap_err();
    assert_eq!(
        problem(&error, layout.path()),
        format!(
            "blob {layer} is missing: expected the file {}; {URI} doesn't have it either",
            layout.blob_path(&layer).display()
        )
    );
}

/// An index of two platforms, and the manifest of one of them alone.
struct Platforms {
    layout: Layout,
    manifests: [Value; 2],
}

impl Platforms {
    fn new() -> Self {
        let layout = Layout::new();
        let manifests = [("amd64", 1000), ("arm64", 2000)].map(|(architecture, size)| {
            let mut manifest = layout.manifest(&[size]);
            manifest["platform"] = json!({ "os": "linux", "architecture": architecture });
            manifest
        });
        let index = layout.index(&manifests);
        layout.set_index(&[index]);
        Self { layout, manifests }
    }

    fn digest(&self, number: usize) -> &str {
        self.manifests[number]["digest"].as_str().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_manifest_that_only_the_repository_has_is_no_gap() {
    let world = World::new().await;
    let Platforms { layout, .. } = Platforms::new();
    world.push(&layout, &["both"]).await.unwrap();
    let platforms = Platforms::new();
    fs::remove_file(platforms.layout.blob_path(platforms.digest(0))).unwrap();
    let extra = platforms.layout.index(&platforms.manifests);
    let mut index =
        fs::read(platforms.layout.blob_path(extra["digest"].as_str().unwrap())).unwrap();
    index.push(b' ');
    let changed = platforms.layout.blob(extra["mediaType"].as_str().unwrap(), &index);
    platforms.layout.set_index(std::slice::from_ref(&changed));
    let push = prepared(&world, &platforms.layout).await;
    let plan = push.plan().await.unwrap();
    let steps: Vec<ManifestStep> =
        plan.repositories()[0].manifests().iter().map(|planned| planned.step()).collect();
    assert_eq!(steps, [ManifestStep::Skip, ManifestStep::Skip, ManifestStep::Put]);
    assert_eq!(push.await.unwrap().digest().as_str(), changed["digest"]);
    // Without a lookup, the push can't know that the repository has it.
    let push = prepared(&World::new().await, &platforms.layout).await.look_up(LookUp::Never);
    let error = push.await.unwrap_err();
    assert!(error.to_string().contains("; complete in the image: `linux/arm64`, "), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_registrys_protocol_treats_gaps_like_the_api() {
    let by_registry = async |world: &World, layout: &Layout| {
        let push = prepared(world, layout).await.transport(Transport::Registry);
        let plan = push.plan().await.unwrap();
        assert!(plan.obstacles().is_empty(), "{plan}");
        push.await.unwrap()
    };
    let (world, layout) = (World::new().await, windows(FOREIGN));
    for (sent, skipped) in [(2, 0), (0, 2)] {
        let pushed = by_registry(&world, &layout).await;
        assert_eq!((pushed.layers_sent(), pushed.layers_skipped()), (sent, skipped));
        assert_eq!(pushed.layers_left_out(), 1);
    }
    let layout = Layout::image(&[1000, 2000, 300]);
    world.push(&Layout::image(&[1000, 2000]), &["base"]).await.unwrap();
    without(&layout, 1000);
    without(&layout, 2000);
    let pushed = by_registry(&world, &layout).await;
    assert_eq!((pushed.layers_sent(), pushed.layers_skipped()), (2, 2));

    world.push(&Platforms::new().layout, &["both"]).await.unwrap();
    let platforms = Platforms::new();
    fs::remove_file(platforms.layout.blob_path(platforms.digest(0))).unwrap();
    let pushed = by_registry(&world, &platforms.layout).await;
    assert_eq!(pushed.layers_sent(), 0);
}

/// Docker 29, docker/cli#4959: an attestation or the layers of a platform are missing.
#[tokio::test(start_paused = true)]
async fn the_complete_platforms_are_named_with_their_option() {
    let platforms = Platforms::new();
    let layer = without(&platforms.layout, 2000);
    let error = prepared(&World::new().await, &platforms.layout).await.await.unwrap_err();
    assert_eq!(
        problem(&error, platforms.layout.path()),
        format!(
            "blob {layer} is missing: expected the file {}; {URI} doesn't have it either; complete \
             in the image: `linux/amd64`, select with `Open::platform` or `--platform`",
            platforms.layout.blob_path(&layer).display()
        )
    );
    let open = Image::open(platforms.layout.path()).platform("linux/amd64".parse().unwrap());
    World::new().await.takes(&open.await.unwrap()).await;

    let platforms = Platforms::new();
    let mut attestation = json!({ "mediaType": MANIFEST, "digest": digest(b"gone"), "size": 4 });
    attestation["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
    let [first, second] = platforms.manifests.clone();
    let index = platforms.layout.index(&[first, second, attestation]);
    platforms.layout.set_index(&[index]);
    let error = prepared(&World::new().await, &platforms.layout).await.await.unwrap_err();
    let advice = "; complete in the image: `linux/amd64`, `linux/arm64`, select with \
                  `Open::platform` or `--platform`";
    assert!(error.to_string().ends_with(advice), "{error}");
}

/// `skopeo copy --dest-shared-blob-dir`.
#[tokio::test(start_paused = true)]
async fn blobs_come_from_a_shared_folder() {
    let layout = Layout::image(&[1000]);
    let expected = Image::open(layout.path()).await.unwrap();
    let shared = tempfile::tempdir().unwrap();
    fs::rename(layout.path().join("blobs/sha256"), shared.path().join("sha256")).unwrap();
    assert!(Image::open(layout.path()).await.is_err());
    let image = Image::open(layout.path()).blobs(shared.path()).await.unwrap();
    assert_eq!(image.digest(), expected.digest());
    World::new().await.takes(&image).await;
    // The folder may be another layout.
    let other = Layout::image(&[1000]);
    let empty = tempfile::tempdir().unwrap();
    let open = Image::open(layout.path()).blobs(empty.path()).blobs(other.path());
    World::new().await.takes(&open.await.unwrap()).await;
    let error = Image::open(layout.path()).blobs("no/such/folder").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(error.to_string(), "no/such/folder can't be read");
}

#[tokio::test(start_paused = true)]
async fn the_data_of_a_descriptor_is_content() {
    let layout = Layout::new();
    let data = |mut descriptor: Value, content: &[u8]| {
        descriptor["data"] = json!(STANDARD.encode_to_string(content));
        descriptor
    };
    let described = |media_type: &str, content: &[u8]| json!({ "mediaType": media_type, "digest": digest(content), "size": content.len() });
    let config = br#"{"os":"linux","architecture":"arm64"}"#;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": data(described("application/vnd.oci.image.config.v1+json", config), config),
        "layers": [data(described(LAYER, b"layer"), b"layer")],
    });
    let text = manifest.to_string();
    let root = data(described(MANIFEST, text.as_bytes()), text.as_bytes());
    layout.set_index(std::slice::from_ref(&root));
    let image = Image::open(layout.path()).await.unwrap();
    assert_eq!(image.digest().as_str(), root["digest"]);
    assert_eq!(image.platforms(), ["linux/arm64".parse().unwrap()]);
    World::new().await.takes(&image).await;

    let place = format!("the `data` of its descriptor in {}", layout.path().display());
    let name = digest(b"layer");
    for (wrong, expected) in [
        (
            data(described(LAYER, b"layer"), b"other"),
            format!(
                "blob {name} has the digest {}: {place} was changed or is damaged",
                digest(b"other")
            ),
        ),
        (
            data(described(LAYER, b"layer"), b"long layer"),
            format!("blob {name} has 10 bytes instead of 5: {place} was cut off or changed"),
        ),
        (
            {
                let mut it = described(LAYER, b"layer");
                it["data"] = json!("%");
                it
            },
            format!(
                "{} can't be pushed: the `data` of the descriptor of {name} is not base64",
                layout.path().display()
            ),
        ),
    ] {
        let image = image_of(&layout, &[wrong]);
        layout.set_index(&[image]);
        let error = Image::open(layout.path()).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    // The content of the image itself needs no `data`.
    let blob = Blob::from_bytes("layer");
    assert_eq!(blob.digest().as_str(), name);
}
