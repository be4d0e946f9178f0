//! PutImage: what has to be there and what has to be right before ECR takes a manifest.

use aws_sdk_ecr::types::ImageTagMutability;
use serde_json::{Value, json};

use crate::ecr::{Refusal, World, digest, refusal, refused, violated};

pub(crate) const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

impl World {
    /// Uploads a config and a layer that hold `text`, and returns the manifest that goes with them.
    pub(crate) async fn image(&self, text: &str) -> String {
        let config = self.push_layer(format!("config of {text}").as_bytes()).await;
        let layer = self.push_layer(format!("layer of {text}").as_bytes()).await;
        manifest(OCI, &config, &[&layer])
    }

    async fn refused(&self, manifest: &str) -> Refusal {
        refusal(self.put(manifest).send().await.unwrap_err())
    }
}

pub(crate) fn manifest(media_type: &str, config: &str, layers: &[&str]) -> String {
    let layer = |digest: &&str| json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest, "size": 1 });
    let config = json!({
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": config,
        "size": 1,
    });
    json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": config,
        "layers": layers.iter().map(layer).collect::<Vec<_>>(),
    })
    .to_string()
}

pub(crate) fn index(media_type: &str, children: &[&str]) -> String {
    let child = |digest: &&str| json!({ "mediaType": OCI, "digest": digest, "size": 1 });
    json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "manifests": children.iter().map(child).collect::<Vec<_>>(),
    })
    .to_string()
}

/// The manifest with one member replaced, or taken out by null.
fn with(manifest: &str, member: &str, value: Value) -> String {
    let mut json: Value = serde_json::from_str(manifest).unwrap();
    let object = json.as_object_mut().unwrap();
    if value.is_null() {
        object.remove(member);
    } else {
        object.insert(member.to_owned(), value);
    }
    json.to_string()
}

#[tokio::test(start_paused = true)]
async fn an_image_is_known_by_the_digest_of_its_manifest() {
    let world = World::new().await;
    // White space counts: what was pushed is kept to the byte.
    let manifest = format!("{}\n ", world.image("a").await);
    let output = world.put(&manifest).image_tag("1.0").send().await.unwrap();
    let image = output.image().unwrap();
    let id = image.image_id().unwrap();
    assert_eq!(id.image_digest(), Some(&*digest(&manifest)));
    assert_eq!(id.image_tag(), Some("1.0"));
    assert_eq!(image.image_manifest(), Some(&*manifest));
    assert_eq!(image.image_manifest_media_type(), Some(OCI));
    assert_eq!(image.registry_id(), Some("123456789012"));
    assert_eq!(image.repository_name(), Some("team/app"));
}

#[tokio::test(start_paused = true)]
async fn docker_and_oci_types_are_taken() {
    let world = World::new().await;
    let config = world.push_layer(b"config").await;
    for media_type in [OCI, DOCKER] {
        world.put(&manifest(media_type, &config, &[&config])).send().await.unwrap();
    }
    let child = digest(manifest(OCI, &config, &[&config]));
    for media_type in [OCI_INDEX, DOCKER_LIST] {
        world.put(&index(media_type, &[&child])).send().await.unwrap();
    }
    let unknown = world.refused(&manifest("text/plain", &config, &[&config])).await;
    assert_eq!(unknown, violated("ImageManifest", "unsupported media type 'text/plain'"));
}

#[tokio::test(start_paused = true)]
async fn a_manifest_is_json() {
    let world = World::new().await;
    for text in ["{", "schemaVersion", " "] {
        assert_eq!(
            world.refused(text).await,
            violated("ImageManifest", "Invalid JSON syntax"),
            "{text}"
        );
    }
    assert_eq!(
        world.refused("").await,
        violated("imageManifest", "Member must have length greater than or equal to 1")
    );
}

#[tokio::test(start_paused = true)]
async fn a_manifest_has_4_mib_at_the_most() {
    let world = World::new().await;
    let manifest = world.image("a").await;
    let padded = |length: usize| manifest.clone() + &" ".repeat(length - manifest.len());
    assert_eq!(
        world.refused(&padded(4_194_305)).await,
        violated("imageManifest", "Member must have length less than or equal to 4194304")
    );
    world.put(&padded(4_194_304)).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_media_type_comes_from_the_manifest_or_the_request() {
    let world = World::new().await;
    let manifest = world.image("a").await;
    let bare = with(&manifest, "mediaType", Value::Null);
    assert_eq!(world.refused(&bare).await, violated("ImageManifest", "media type is missing"));
    let output = world.put(&bare).image_manifest_media_type(OCI).send().await.unwrap();
    assert_eq!(output.image().unwrap().image_manifest_media_type(), Some(OCI));

    let contradicting = world.put(&manifest).image_manifest_media_type(DOCKER).send().await;
    assert_eq!(
        refusal(contradicting.unwrap_err()),
        violated(
            "ImageManifest",
            &format!("manifest has media type '{OCI}', the request '{DOCKER}'")
        )
    );
    world.put(&manifest).image_manifest_media_type(OCI).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_manifest_has_the_form_of_its_type() {
    let world = World::new().await;
    let manifest = world.image("a").await;
    let without = with(&manifest, "config", Value::Null);
    for (broken, constraint) in [
        (with(&manifest, "schemaVersion", json!(1)), "schemaVersion must be 2"),
        (with(&manifest, "config", Value::Null), "'config' is missing or has the wrong form"),
        (with(&manifest, "layers", Value::Null), "'layers' is missing or has the wrong form"),
        (
            with(&manifest, "layers", json!([{ "digest": digest("") }])),
            "'layers' is missing or has the wrong form",
        ),
        (
            with(&with(&without, "layers", Value::Null), "mediaType", json!(OCI_INDEX)),
            "'manifests' is missing or has the wrong form",
        ),
        (with(&manifest, "mediaType", json!(OCI_INDEX)), "'config' contradicts the media type"),
        (with(&without, "mediaType", json!(OCI_INDEX)), "'layers' contradicts the media type"),
        (with(&manifest, "manifests", json!([])), "'manifests' contradicts the media type"),
    ] {
        assert_eq!(world.refused(&broken).await, violated("ImageManifest", constraint));
    }
}

#[tokio::test(start_paused = true)]
async fn layers_and_config_are_there_before_the_manifest() {
    let world = World::new().await;
    let (config, layer) = (world.push_layer(b"config").await, world.push_layer(b"layer").await);
    let (absent, gone) = (digest("absent"), digest("gone"));
    for (manifest, missing) in [
        (manifest(OCI, &config, &[&absent, &layer, &gone]), format!("{absent}, {gone}")),
        (manifest(OCI, &absent, &[&layer]), absent.clone()),
    ] {
        assert_eq!(
            world.refused(&manifest).await,
            refused(
                "LayersNotFoundException",
                &format!(
                    "Layers with digests '[{missing}]' required for pushing image into repository \
                     with name 'team/app' in the registry with id '123456789012' do not exist"
                )
            )
        );
    }
    world.put(&manifest(OCI, &config, &[&layer])).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn children_are_there_before_the_index() {
    let world = World::new().await;
    let child = world.image("a").await;
    world.put(&child).send().await.unwrap();
    // The digest of a layer doesn't name an image.
    let absent = world.push_layer(b"layer").await;
    assert_eq!(
        world.refused(&index(OCI_INDEX, &[&digest(&child), &absent])).await,
        refused(
            "ReferencedImagesNotFoundException",
            &format!(
                "Images with digests '[{absent}]' required for pushing image into repository with \
                 name 'team/app' in the registry with id '123456789012' do not exist"
            )
        )
    );
    world.put(&index(OCI_INDEX, &[&digest(&child)])).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_is_given_is_that_of_the_bytes() {
    let world = World::new().await;
    let manifest = world.image("a").await;
    let put = |digest: &str| world.put(&manifest).image_digest(digest).send();
    let (right, wrong) = (digest(&manifest), digest("other"));
    assert_eq!(
        refusal(put(&wrong).await.unwrap_err()),
        refused(
            "ImageDigestDoesNotMatchException",
            &format!("The calculated image digest '{right}' does not match '{wrong}'")
        )
    );
    assert_eq!(
        refusal(put("latest").await.unwrap_err()),
        violated("imageDigest", "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'")
    );
    put(&right).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_same_image_again_exists_already() {
    let world = World::new().await;
    let manifest = world.image("a").await;
    let again = |tag: &str| {
        let sha = digest(&manifest);
        refused(
            "ImageAlreadyExistsException",
            &format!(
                "Image with digest '{sha}'{tag} already exists in the repository with name \
                 'team/app' in the registry with id '123456789012'"
            ),
        )
    };
    world.put(&manifest).send().await.unwrap();
    assert_eq!(world.refused(&manifest).await, again(""));
    // A further tag is a change, the same one isn't.
    for tag in ["1.0", "latest"] {
        world.put(&manifest).image_tag(tag).send().await.unwrap();
        let error = world.put(&manifest).image_tag(tag).send().await.unwrap_err();
        assert_eq!(refusal(error), again(&format!(" and tag '{tag}'")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_mutable_tag_moves() {
    let world = World::new().await;
    let (old, new) = (world.image("old").await, world.image("new").await);
    world.put(&old).image_tag("latest").send().await.unwrap();
    world.put(&new).image_tag("latest").send().await.unwrap();
    assert_eq!(world.tags(&old).await, [""; 0]);
    assert_eq!(world.tags(&new).await, ["latest"]);
}

#[tokio::test(start_paused = true)]
async fn an_immutable_tag_stays() {
    let world = World::with(ImageTagMutability::Immutable).await;
    let (old, new) = (world.image("old").await, world.image("new").await);
    world.put(&old).image_tag("1.0").send().await.unwrap();
    let moved = world.put(&new).image_tag("1.0").send().await.unwrap_err();
    assert_eq!(
        refusal(moved),
        refused(
            "ImageTagAlreadyExistsException",
            "The image tag '1.0' already exists in the 'team/app' repository and cannot be \
             overwritten because the tag is immutable."
        )
    );
    assert_eq!(world.tags(&old).await, ["1.0"]);
    // The tag may be put again on the same image.
    let again = world.put(&old).image_tag("1.0").send().await.unwrap_err();
    assert_eq!(refusal(again).0, "ImageAlreadyExistsException");
    world.put(&new).image_tag("1.1").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_tag_has_the_grammar_of_a_tag() {
    let world = World::new().await;
    let manifest = world.image("a").await;
    for (tag, constraint) in [
        ("", "Member must have length greater than or equal to 1"),
        (&"a".repeat(301), "Member must have length less than or equal to 300"),
        ("1.0+b", "must satisfy regular expression '[a-zA-Z0-9-_.]+'"),
    ] {
        let error = world.put(&manifest).image_tag(tag).send().await.unwrap_err();
        assert_eq!(refusal(error), violated("imageTag", constraint), "{tag}");
    }
}
