//! Tests of manifests that ECR refuses, as users report: the plan names them before the first byte.

use ecr_push::image::Compression;
use ecr_push::{ErrorKind, Image};
use serde_json::{Value, json};

use crate::layout::{INDEX, Layout, MANIFEST, digest};
use crate::tarball::layer;
use crate::world::{World, repository};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

/// Returns a manifest with an uncompressed layer, after a change to it.
fn manifest(layout: &Layout, change: impl FnOnce(&mut Value)) -> Value {
    let config = layout.blob(CONFIG, br#"{"os":"linux","architecture":"amd64"}"#);
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config,
        "layers": [layout.blob(TAR, &layer(100))],
    });
    change(&mut manifest);
    layout.blob(MANIFEST, manifest.to_string().as_bytes())
}

fn changed(manifest: &mut Value, member: &str) {
    match member {
        "config.platform" => {
            let platform = json!({ "os": "linux", "architecture": "amd64" });
            manifest["config"]["platform"] = platform;
        }
        "config.annotations" => manifest["config"]["annotations"] = json!({ "a": "b" }),
        "subject.platform" => {
            let platform = json!({ "os": "linux", "architecture": "amd64" });
            manifest["subject"] = json!({
                "mediaType": MANIFEST, "digest": digest(b"x"), "size": 1, "platform": platform,
            });
        }
        "layers" => manifest["layers"] = json!([]),
        "artifactType" => manifest["artifactType"] = json!("application/x+json;version=0.2"),
        "mediaType" => {
            manifest["layers"][0]["mediaType"] = json!("application/x+json;version=0.2");
        }
        other => panic!("{other}"),
    }
}

const REPORTS: [(&str, &str); 6] = [
    (
        "config.platform",
        "`platform` in the descriptor of its config (moby/moby#47661): build the image without it",
    ),
    (
        "config.annotations",
        "`annotations` in the descriptor of its config (goharbor/acceleration-service#353): build \
         the image without it",
    ),
    (
        "subject.platform",
        "`platform` in its `subject` (dragonflyoss/nydus#1691): build the image without it",
    ),
    ("layers", "an empty list of layers (werf/werf#2558)"),
    ("artifactType", "a media type with a parameter (sigstore/sigstore-js#1058)"),
    ("mediaType", "a media type with a parameter (sigstore/sigstore-js#1058)"),
];

#[tokio::test(start_paused = true)]
async fn what_ecr_is_reported_to_refuse_is_an_obstacle() {
    for (member, report) in REPORTS {
        let layout = Layout::new();
        let root = manifest(&layout, |manifest| changed(manifest, member));
        layout.set_index(std::slice::from_ref(&root));
        let world = World::new().await;
        let image = Image::open(layout.path()).await.unwrap();
        let plan = world.pusher.push(&image, &repository()).plan().await.unwrap();
        let expected = format!(
            "manifest {}: users report that ECR refuses {report}",
            root["digest"].as_str().unwrap()
        );
        assert_eq!(
            plan.obstacles().iter().map(ToString::to_string).collect::<Vec<_>>(),
            [expected]
        );
        let error = world.push_image(&image, &["1.0"]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(world.local.journal().count("InitiateLayerUpload"), 0);
        assert_eq!(world.local.journal().count("PutImage"), 0);
    }
}

fn index_with_features(layout: &Layout) -> Value {
    let mut manifests = Vec::new();
    for (architecture, size) in [("amd64", 10), ("arm64", 20), ("s390x", 30)] {
        let mut manifest = layout.manifest(&[size]);
        manifest["platform"] =
            json!({ "os": "linux", "architecture": architecture, "features": ["sse4"] });
        manifests.push(manifest);
    }
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
    layout.blob(INDEX, index.to_string().as_bytes())
}

#[tokio::test(start_paused = true)]
async fn features_in_an_index_are_an_obstacle_and_dropped_from_a_new_index() {
    let layout = Layout::new();
    let index = index_with_features(&layout);
    layout.set_index(std::slice::from_ref(&index));
    let world = World::new().await;
    let error = world.push(&layout, &[]).await.unwrap_err();
    let digest = index["digest"].as_str().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "image {digest} can't be stored by ECR: manifest {digest}: users report that ECR \
             refuses `features` in the platform of a manifest (aws/containers-roadmap#2439): build \
             the image without it"
        )
    );
    let open = Image::open(layout.path()).platform("linux/amd64".parse().unwrap());
    let image = open.platform("linux/arm64".parse().unwrap()).await.unwrap();
    assert!(!image.manifest().contains("features"), "{}", image.manifest());
    assert_eq!(
        image.notices(),
        [
            "left out: `features` in the platform of a manifest, which ECR refuses according to users \
          (aws/containers-roadmap#2439)"
        ]
    );
    world.takes(&image).await;
}

#[tokio::test(start_paused = true)]
async fn such_members_are_dropped_when_layers_are_compressed() {
    for member in ["config.platform", "config.annotations", "subject.platform"] {
        let layout = Layout::new();
        let root = manifest(&layout, |manifest| changed(manifest, member));
        layout.set_index(&[root]);
        let open = Image::open(layout.path()).compression(Compression::Gzip);
        let image = open.await.unwrap();
        let [notice] = image.notices() else { panic!("{:?}", image.notices()) };
        assert!(notice.starts_with("left out: `"), "{notice}");
        World::new().await.takes(&image).await;
    }
}

/// What the repository has isn't put, so ECR can't refuse it.
#[tokio::test(start_paused = true)]
async fn null_members_and_stored_manifests_are_no_obstacle() {
    let layout = Layout::new();
    let root = manifest(&layout, |manifest| manifest["config"]["platform"] = Value::Null);
    layout.set_index(&[root]);
    let image = Image::open(layout.path()).await.unwrap();
    World::new().await.takes(&image).await;
}
