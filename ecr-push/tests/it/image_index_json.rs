//! Tests of index.json as a table of contents: read leniently, and chosen from.

use std::fs;

use ecr_push::Image;
use serde_json::{Value, json};

use crate::image::problem;
use crate::image_platform::artifact;
use crate::layout::{INDEX, Layout, MANIFEST};
use crate::world::World;

/// rules_oci, builders that write null, and those that omit everything optional.
#[tokio::test(start_paused = true)]
async fn an_index_json_needs_only_digests_and_sizes() {
    let layout = Layout::new();
    let image = layout.manifest(&[100]);
    let (digest, size) = (&image["digest"], &image["size"]);
    fs::remove_file(layout.path().join("oci-layout")).unwrap();
    for index in [
        json!({ "manifests": [{ "digest": digest, "size": size }] }),
        json!({ "schemaVersion": 1, "manifests": [image] }),
        json!({
            "schemaVersion": null, "mediaType": null, "annotations": null,
            "manifests": [{
                "mediaType": null, "digest": digest, "size": size, "annotations": null,
                "platform": null, "urls": null, "data": null,
            }],
        }),
        json!({
            "manifests": [{
                "digest": digest, "size": size, "annotations": { "a": null, "b": 1 },
                "platform": "linux",
            }],
        }),
    ] {
        fs::write(layout.path().join("index.json"), index.to_string()).unwrap();
        let opened = Image::open(layout.path()).await.unwrap();
        assert_eq!(opened.digest().as_str(), *digest, "{index}");
        assert_eq!(opened.media_type(), MANIFEST);
        World::new().await.takes(&opened).await;
    }
    // What is pushed is read strictly.
    let broken = layout.blob(MANIFEST, br#"{"manifests":[]}"#);
    layout.set_index(std::slice::from_ref(&broken));
    let error = Image::open(layout.path()).await.unwrap_err();
    let digest = broken["digest"].as_str().unwrap();
    assert_eq!(
        problem(&error, layout.path()),
        format!("its manifest {digest} is broken: its schemaVersion isn't 2")
    );
}

#[tokio::test]
async fn an_index_json_without_a_digest_or_of_another_algorithm_is_broken() {
    let layout = Layout::new();
    let sha512 = format!("sha512:{}", "0".repeat(128));
    for (index, expected) in [
        (json!({ "manifests": 1 }), "its index.json is broken: `manifests` is not a list"),
        (json!([]), "its index.json is broken: `manifests` is not a list"),
        (
            json!({ "manifests": [{ "digest": "sha256:0" }] }),
            "its index.json is broken: entry 1 lacks `digest` or `size`",
        ),
        (json!({ "manifests": [{ "digest": "x", "size": 1 }] }), "its index.json is broken"),
        (
            json!({ "manifests": [{ "digest": sha512, "size": 1 }] }),
            &format!("it refers to {sha512}, and ECR supports only sha256"),
        ),
    ] {
        fs::write(layout.path().join("index.json"), index.to_string()).unwrap();
        let error = Image::open(layout.path()).await.unwrap_err();
        assert_eq!(problem(&error, layout.path()), expected);
    }
}

fn on(platform: &str, mut descriptor: Value) -> Value {
    let (os, architecture) = platform.split_once('/').unwrap();
    descriptor["platform"] = json!({ "os": os, "architecture": architecture });
    descriptor
}

fn named(name: &str, mut descriptor: Value) -> Value {
    descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
    descriptor
}

fn listed_in(image: &Image) -> Vec<Value> {
    let index: Value = serde_json::from_str(image.manifest()).unwrap();
    index["manifests"].as_array().unwrap().clone()
}

/// crane's `--index` and the example of the OCI specification.
#[tokio::test(start_paused = true)]
async fn an_index_json_of_platforms_is_the_index() {
    let layout = Layout::new();
    let (amd, arm) =
        (on("linux/amd64", layout.manifest(&[10])), on("linux/arm64", layout.manifest(&[20])));
    layout.set_index(&[amd.clone(), arm.clone()]);
    let text = fs::read_to_string(layout.path().join("index.json")).unwrap();
    for open in [Image::open(layout.path()), Image::open(layout.path()).index()] {
        let image = open.await.unwrap();
        assert_eq!(image.manifest(), text, "a valid index is pushed to the byte");
        assert_eq!(image.media_type(), INDEX);
        World::new().await.takes(&image).await;
    }
    let platform = |text: &str| text.parse().unwrap();
    let image = Image::open(layout.path()).platform(platform("linux/arm64")).await.unwrap();
    assert_eq!(image.digest().as_str(), arm["digest"]);
    let open = Image::open(layout.path()).platform(platform("linux/arm64"));
    let image = open.platform(platform("linux/amd64")).await.unwrap();
    assert_eq!(image.manifest(), text);
    // One of rules_oci lacks what an index needs.
    let mut bare = arm.clone();
    bare.as_object_mut().unwrap().remove("mediaType");
    let index = json!({ "manifests": [amd, bare] });
    fs::write(layout.path().join("index.json"), index.to_string()).unwrap();
    let image = Image::open(layout.path()).await.unwrap();
    assert_eq!(listed_in(&image), [amd, arm]);
    World::new().await.takes(&image).await;
}

#[tokio::test(start_paused = true)]
async fn platforms_are_chosen_among_the_entries_of_one_name() {
    let layout = Layout::new();
    let images = [
        named("1.0", on("linux/amd64", layout.manifest(&[10]))),
        named("1.0", on("linux/arm64", layout.manifest(&[20]))),
        named("1.0", on("linux/s390x", layout.manifest(&[30]))),
        named("2.0", on("linux/amd64", layout.manifest(&[40]))),
    ];
    layout.set_index(&images);
    let open = || Image::open(layout.path()).named("1.0");
    let image = open().platform("linux/amd64".parse().unwrap()).await.unwrap();
    assert_eq!(image.digest().as_str(), images[0]["digest"]);
    let several = open().platform("linux/amd64".parse().unwrap());
    let image = several.platform("linux/s390x".parse().unwrap()).await.unwrap();
    assert_eq!(listed_in(&image), [images[0].clone(), images[2].clone()]);
    World::new().await.takes(&image).await;
    let image = open().index().await.unwrap();
    assert_eq!(listed_in(&image), images[..3]);
    let whole = Image::open(layout.path()).index().await.unwrap();
    assert_eq!(listed_in(&whole), images);
    let [a, b, c, d] = images.each_ref().map(|it| it["digest"].as_str().unwrap());
    let error = open().await.unwrap_err();
    assert_eq!(
        problem(&error, layout.path()),
        format!(
            "its index.json has 3 images `1.0`, name one by its digest: `1.0` ({a}, \
             `linux/amd64`), `1.0` ({b}, `linux/arm64`), `1.0` ({c}, `linux/s390x`)"
        )
    );
    let error = Image::open(layout.path()).await.unwrap_err();
    assert_eq!(
        problem(&error, layout.path()),
        format!(
            "its index.json lists 4 images, name one: `1.0` ({a}, `linux/amd64`), `1.0` ({b}, \
             `linux/arm64`), `1.0` ({c}, `linux/s390x`), `2.0` ({d}, `linux/amd64`)"
        )
    );
}

/// `cosign save`, and oras with its referrers.
#[tokio::test(start_paused = true)]
async fn a_signature_beside_the_image_is_not_a_candidate() {
    let layout = Layout::new();
    let (image, signature) = (layout.manifest(&[10]), layout.manifest(&[20]));
    let kind = |kind: &str, mut descriptor: Value| {
        descriptor["annotations"] = json!({ "kind": format!("dev.cosignproject.cosign/{kind}") });
        descriptor
    };
    layout.set_index(&[kind("image", image.clone()), kind("sigs", signature.clone())]);
    let opened = Image::open(layout.path()).await.unwrap();
    assert_eq!(opened.digest().as_str(), image["digest"]);

    let referrer = artifact(&layout, image["digest"].as_str().unwrap());
    layout.set_index(&[referrer.clone(), image.clone()]);
    let opened = Image::open(layout.path()).await.unwrap();
    assert_eq!(opened.digest().as_str(), image["digest"]);
    // Alone, or chosen by its digest, it is pushed like any artifact.
    let digest = referrer["digest"].as_str().unwrap();
    let opened = Image::open(layout.path()).named(digest).await.unwrap();
    assert_eq!(opened.digest().as_str(), digest);

    let other = kind("image", layout.manifest(&[30]));
    layout.set_index(&[kind("image", image.clone()), kind("sigs", signature), other.clone()]);
    let error = Image::open(layout.path()).await.unwrap_err();
    let [image, other] = [&image, &other].map(|it| it["digest"].as_str().unwrap());
    assert_eq!(
        problem(&error, layout.path()),
        format!(
            "its index.json lists 2 images, name one: unnamed ({image}, `linux/amd64`, kind \
             `dev.cosignproject.cosign/image`), unnamed ({other}, `linux/amd64`, kind \
             `dev.cosignproject.cosign/image`)"
        )
    );
}

/// ggcr#1807.
#[tokio::test]
async fn an_image_that_is_listed_twice_is_one() {
    let layout = Layout::new();
    let image = layout.manifest(&[10]);
    layout.set_index(&[image.clone(), layout.manifest(&[20]), image.clone()]);
    let error = Image::open(layout.path()).await.unwrap_err();
    assert!(error.to_string().contains("its index.json lists 2 images"), "{error}");
    layout.set_index(&[image.clone(), image.clone()]);
    let opened = Image::open(layout.path()).await.unwrap();
    assert_eq!(opened.digest().as_str(), image["digest"]);
}

/// podman/podman#6814.
#[tokio::test]
async fn a_name_matches_with_and_without_its_registry() {
    let layout = Layout::new();
    let (web, shop) = (layout.manifest(&[10]), layout.manifest(&[20]));
    layout.set_index(&[
        named("localhost/web:1", web.clone()),
        named("docker.io/library/shop:1", shop.clone()),
    ]);
    for (name, expected) in [
        ("web:1", &web),
        ("localhost/web:1", &web),
        ("shop:1", &shop),
        ("library/shop:1", &shop),
        ("localhost/shop:1", &shop),
        ("docker.io/library/web:1", &web),
    ] {
        let image = Image::open(layout.path()).named(name).await.unwrap();
        assert_eq!(image.digest().as_str(), expected["digest"], "{name}");
    }
    // The same spelling wins.
    layout.set_index(&[named("localhost/web:1", web.clone()), named("web:1", shop.clone())]);
    let image = Image::open(layout.path()).named("web:1").await.unwrap();
    assert_eq!(image.digest().as_str(), shop["digest"]);
}
