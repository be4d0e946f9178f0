//! What ECR is reported to refuse in a manifest, and what may be absent, by both of its doors.

use serde_json::{Value, json};

use crate::ecr::{REPOSITORY, World, digest, refusal, violated};
use crate::ecr_images::{OCI, OCI_INDEX, index, manifest};
use crate::v2::{Registry, manifests, problem};

const FOREIGN: [&str; 4] = [
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
];

/// Puts the manifest by the API and by the registry, and expects the refusal of both.
async fn both_refuse(world: &World, registry: &Registry, manifest: &Value, constraint: &str) {
    let text = manifest.to_string();
    let refused = refusal(world.put(&text).send().await.unwrap_err());
    assert_eq!(refused, violated("ImageManifest", constraint), "{text}");
    let media_type = manifest["mediaType"].as_str().unwrap();
    let headers = [("content-type", media_type)];
    let answer = registry.call("PUT", &manifests("1.0"), &headers, text.clone()).await.unwrap();
    let (_, message) = violated("ImageManifest", constraint);
    assert_eq!(answer.refusal(), problem(405, "UNSUPPORTED", &message), "{text}");
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test(start_paused = true)]
async fn members_that_ecr_does_not_know_are_invalid_json() {
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    let image = parsed(&world.image("a").await);
    let whole = index(OCI_INDEX, &[&digest(image.to_string())]);
    world.put(&image.to_string()).send().await.unwrap();
    let of_index = parsed(&whole);
    let subject = json!({ "mediaType": OCI, "digest": digest("subject"), "size": 7 });
    let platform = json!({ "os": "linux", "architecture": "amd64" });
    let with = |json: &Value, pointer: &str, member: &str, value: Value| {
        let mut changed = json.clone();
        changed.pointer_mut(pointer).unwrap()[member] = value;
        changed
    };
    let with_subject = with(&image, "", "subject", subject);
    let parameter = json!("application/vnd.dev.sigstore.bundle+json;version=0.2");
    for refused in [
        with(&image, "/config", "platform", platform.clone()),
        with(&image, "/config", "annotations", json!({ "a": "b" })),
        with(&with_subject, "/subject", "platform", platform.clone()),
        with(&of_index, "/manifests/0", "platform", json!({ "features": ["sse4"] })),
        with(&image, "", "artifactType", parameter.clone()),
        with(&image, "/config", "mediaType", parameter.clone()),
        with(&image, "/layers/0", "mediaType", parameter.clone()),
        with(&of_index, "/manifests/0", "artifactType", parameter),
    ] {
        both_refuse(&world, &registry, &refused, "Invalid JSON syntax").await;
    }
    // What is like them and known: reported as taken, `data` since 2023.
    for taken in [
        with(&image, "/config", "data", json!("e30=")),
        with(&image, "/layers/0", "annotations", json!({ "a": "b" })),
        with(&image, "", "annotations", json!({ "a": "b" })),
        with_subject,
        with(&of_index, "/manifests/0", "platform", platform),
    ] {
        world.put(&taken.to_string()).send().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_has_a_layer() {
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    let config = world.push_layer(b"config").await;
    let empty = parsed(&manifest(OCI, &config, &[]));
    both_refuse(&world, &registry, &empty, "Image has to have at least 1 layer").await;
    world.put(&manifest(OCI, &config, &[&config])).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_foreign_layer_may_be_absent() {
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    let own = world.push_layer(b"own").await;
    for media_type in FOREIGN {
        let mut image = parsed(&manifest(OCI, &own, &[&digest(media_type), &own]));
        image["layers"][0]["mediaType"] = json!(media_type);
        // A foreign layer without an address is missing.
        let refused = refusal(world.put(&image.to_string()).send().await.unwrap_err());
        assert_eq!(refused.0, "LayersNotFoundException", "{media_type}");
        image["layers"][0]["urls"] = json!(["https://example.com/layer"]);
        let text = image.to_string();
        world.put(&text).image_tag("api").send().await.unwrap();
        let put = registry.put("registry", &text).await.unwrap();
        assert_eq!(put.status, 201);
        // Its manifest is there, and its content isn't.
        assert_eq!(registry.get(&manifests("registry")).await.body, text.as_bytes());
        let blob = format!("/v2/{REPOSITORY}/blobs/{}", digest(media_type));
        assert_eq!(registry.get(&blob).await.status, 404);
    }
    // An address doesn't make another layer foreign.
    let mut image = parsed(&manifest(OCI, &own, &[&digest("absent")]));
    image["layers"][0]["urls"] = json!(["https://example.com/layer"]);
    let refused = refusal(world.put(&image.to_string()).send().await.unwrap_err());
    assert_eq!(refused.0, "LayersNotFoundException");
}
