//! Tests of platforms: their names, the platforms of an image, and the selection of some of them.

use std::fs;

use ecr_push::image::Platform;
use ecr_push::{Error, ErrorKind, Image};
use serde_json::{Value, json};

use crate::image::problem;
use crate::layout::{INDEX, Layout, MANIFEST, digest};
use crate::world::{URI, World};

fn platform(text: &str) -> Platform {
    text.parse().unwrap()
}

#[test]
fn a_platform_is_parsed_and_printed() {
    for text in ["linux/amd64", "linux/arm/v7", "windows/amd64", "linux/arm64/v8"] {
        let platform = platform(text);
        assert_eq!(platform.to_string(), text);
        let parts: Vec<&str> = text.split('/').collect();
        assert_eq!(platform.os(), parts[0]);
        assert_eq!(platform.architecture(), parts[1]);
        assert_eq!(platform.variant(), parts.get(2).copied());
    }
}

#[test]
fn a_platform_has_the_version_and_features_of_its_system() {
    for (text, printed, version, features) in [
        ("windows/amd64:10.0.20348.1", "", Some("10.0.20348.1"), [].as_slice()),
        ("windows/amd64:10.0.20348.1+win32k", "", Some("10.0.20348.1"), &["win32k"]),
        ("windows(10.0.20348.1)/amd64", "windows/amd64:10.0.20348.1", Some("10.0.20348.1"), &[]),
        (
            "windows(10.0.20348.1+win32k+x)/amd64",
            "windows/amd64:10.0.20348.1+win32k+x",
            Some("10.0.20348.1"),
            &["win32k", "x"],
        ),
        ("windows(+win32k)/amd64", "windows/amd64:+win32k", None, &["win32k"]),
        ("linux/arm/v7:5.4", "", Some("5.4"), &[]),
    ] {
        let parsed = platform(text);
        let printed = if printed.is_empty() { text } else { printed };
        assert_eq!(parsed.to_string(), printed);
        assert_eq!(platform(printed), parsed);
        assert_eq!(parsed.os_version(), version);
        assert_eq!(parsed.os_features(), features);
    }
    let json = serde_json::to_value(platform("windows/amd64:10.0.20348.1+win32k")).unwrap();
    let expected = json!({
        "os": "windows", "architecture": "amd64", "os.version": "10.0.20348.1",
        "os.features": ["win32k"],
    });
    assert_eq!(json, expected);
    let json = serde_json::to_value(platform("linux/arm/v7")).unwrap();
    assert_eq!(json, json!({ "os": "linux", "architecture": "arm", "variant": "v7" }));
}

#[test]
fn spellings_that_containerd_normalises_are_parsed() {
    for (text, usual) in [
        ("linux/x86_64", "linux/amd64"),
        ("linux/x86-64", "linux/amd64"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64/v8"),
        ("linux/arm/7", "linux/arm/v7"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/i386", "linux/386"),
        ("macos/aarch64", "darwin/arm64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
    ] {
        assert_eq!(platform(text), platform(usual), "{text}");
        assert_eq!(platform(text).to_string(), usual);
    }
}

/// The spellings in an image count too, and its index keeps them.
#[tokio::test(start_paused = true)]
async fn windows_images_are_told_apart_by_their_version() {
    let layout = Layout::new();
    let versions = ["10.0.17763.6414", "10.0.20348.2762", "10.0.26100.1742"];
    let images: Vec<Value> = versions
        .iter()
        .zip(1..)
        .map(|(version, size)| {
            let mut image = layout.manifest(&[size]);
            image["platform"] = json!({
                "os": "windows", "architecture": "amd64", "os.version": version,
                "os.features": ["win32k"],
            });
            image
        })
        .collect();
    let mut linux = layout.manifest(&[9]);
    linux["platform"] = json!({ "os": "linux", "architecture": "x86_64" });
    let index = layout.index(&[images.clone(), vec![linux.clone()]].concat());
    layout.set_index(&[index]);
    let open = |texts: &[&str]| {
        let open = Image::open(layout.path());
        texts.iter().fold(open, |open, text| open.platform(platform(text)))
    };
    for (text, number) in [
        ("windows/amd64:10.0.20348.2762", 1),
        ("windows/amd64:10.0.20348", 1),
        ("windows(10.0.17763)/amd64", 0),
        ("windows(10.0.26100+win32k)/amd64", 2),
    ] {
        let image = open(&[text]).await.unwrap();
        assert_eq!(image.digest().as_str(), images[number]["digest"], "{text}");
    }
    let image = open(&["linux/amd64"]).await.unwrap();
    assert_eq!(image.digest().as_str(), linux["digest"]);
    let image = open(&["windows/amd64:10.0.26100", "windows/amd64:10.0.17763"]).await.unwrap();
    assert_eq!(listed_in(&image), [images[0].clone(), images[2].clone()]);
    assert_eq!(
        printed(&image),
        ["windows/amd64:10.0.17763.6414+win32k", "windows/amd64:10.0.26100.1742+win32k"]
    );
    World::new().await.takes(&image).await;
    let listed = |numbers: &[usize]| {
        let listed: Vec<String> = numbers
            .iter()
            .map(|&number| {
                let digest = images[number]["digest"].as_str().unwrap();
                format!("`windows/amd64:{}+win32k` ({digest})", versions[number])
            })
            .collect();
        listed.join(", ")
    };
    let problem_of = async |text: &str| {
        let error = open(&[text]).await.unwrap_err();
        problem(&error, layout.path())
    };
    assert_eq!(
        problem_of("windows/amd64").await,
        format!("it has 3 images for `windows/amd64`: {}", listed(&[0, 1, 2]))
    );
    let linux = linux["digest"].as_str().unwrap();
    for text in ["windows/amd64:10.0.2034", "windows/amd64:10.0.20348+other"] {
        assert_eq!(
            problem_of(text).await,
            format!(
                "it has no image for `{text}`, only for {}, `linux/x86_64` ({linux})",
                listed(&[0, 1, 2])
            )
        );
    }
}

#[test]
fn a_platform_that_is_none_is_said() {
    let form = "expected `os/arch` or `os/arch/variant`, as in `linux/arm64`";
    for (text, expected) in [
        ("", format!("its operating system is empty, {form}")),
        ("linux", format!("it has no architecture, {form}")),
        ("/amd64", format!("its operating system is empty, {form}")),
        ("linux/", format!("its architecture is empty, {form}")),
        ("linux/arm/", format!("its variant is empty, {form}")),
        ("linux/arm/v7/hf", format!("it has 4 parts, {form}")),
        ("windows/amd64:", format!("its OS version is empty, {form}")),
        ("windows/amd64:10+", format!("its OS version is empty, {form}")),
        ("windows()/amd64", format!("its OS version is empty, {form}")),
        ("windows(10/amd64", format!("its OS version has no `)`, {form}")),
        ("windows(10)/amd64:10", format!("it has two OS versions, {form}")),
        (
            "windows/amd64:10 0",
            "' ' at byte 16 is not allowed, only letters, digits, `.`, `_`, `-` and `+` are"
                .to_owned(),
        ),
        (
            "linux/AMD64",
            "'A' at byte 6 is not allowed, only lower-case letters, digits, `.`, `_` and `-` are"
                .to_owned(),
        ),
        (
            "linux/arm\n",
            "'\\n' at byte 9 is not allowed, only lower-case letters, digits, `.`, `_` and `-` are"
                .to_owned(),
        ),
    ] {
        let error = text.parse::<Platform>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidPlatform);
        let text = text.escape_debug();
        assert_eq!(error.to_string(), format!("invalid platform `{text}`: {expected}"));
    }
}

/// A layout with one image for each of these platforms, each with an attestation.
struct Several {
    layout: Layout,
    images: Vec<Value>,
    attestations: Vec<Value>,
    index: Value,
}

impl Several {
    fn new(platforms: &[&str]) -> Self {
        let layout = Layout::new();
        let mut images = Vec::new();
        let mut attestations = Vec::new();
        for (number, text) in platforms.iter().enumerate() {
            let mut image = layout.manifest(&[100 + number]);
            let mut attestation = attestation(&layout, number);
            image["platform"] = described(text);
            attestation["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
            attestation["annotations"] = json!({
                "vnd.docker.reference.digest": image["digest"],
                "vnd.docker.reference.type": "attestation-manifest",
            });
            images.push(image);
            attestations.push(attestation);
        }
        let all = [images.clone(), attestations.clone()].concat();
        let index = json!({
            "schemaVersion": 2, "mediaType": INDEX, "manifests": all,
            "annotations": { "kept": "yes" },
        });
        let index = layout.blob(INDEX, index.to_string().as_bytes());
        layout.set_index(std::slice::from_ref(&index));
        Self { layout, images, attestations, index }
    }

    async fn select(&self, platforms: &[&str]) -> Result<Image, Error> {
        let mut open = Image::open(self.layout.path());
        for text in platforms {
            open = open.platform(platform(text));
        }
        open.await
    }

    async fn problem_of(&self, platforms: &[&str]) -> String {
        let error = self.select(platforms).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidImage);
        problem(&error, self.layout.path())
    }

    /// Returns the platforms as messages list them.
    fn listed(&self, platforms: &[(usize, &str)]) -> String {
        let listed: Vec<String> = platforms
            .iter()
            .map(|(number, text)| {
                format!("`{text}` ({})", self.images[*number]["digest"].as_str().unwrap())
            })
            .collect();
        listed.join(", ")
    }
}

fn described(text: &str) -> Value {
    let platform = platform(text);
    let mut json = json!({ "os": platform.os(), "architecture": platform.architecture() });
    if let Some(variant) = platform.variant() {
        json["variant"] = json!(variant);
    }
    json
}

fn attestation(layout: &Layout, number: usize) -> Value {
    let config = layout.blob("application/vnd.oci.image.config.v1+json", b"{}");
    let statement = format!("statement {number}");
    let statement = layout.blob("application/vnd.in-toto+json", statement.as_bytes());
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [statement],
    });
    layout.blob(MANIFEST, manifest.to_string().as_bytes())
}

fn printed(image: &Image) -> Vec<String> {
    image.platforms().iter().map(ToString::to_string).collect()
}

fn listed_in(image: &Image) -> Vec<Value> {
    let index: Value = serde_json::from_str(image.manifest()).unwrap();
    index["manifests"].as_array().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn one_platform_is_its_manifest_to_the_byte() {
    let several = Several::new(&["linux/amd64", "linux/arm64/v8"]);
    let image = several.select(&["linux/arm64"]).await.unwrap();
    let digest = several.images[1]["digest"].as_str().unwrap();
    assert_eq!(image.digest().as_str(), digest);
    assert_eq!(image.manifest(), fs::read_to_string(several.layout.blob_path(digest)).unwrap(),);
    assert_eq!(image.media_type(), MANIFEST);
    assert_eq!(image.layers().len(), 2);
    World::new().await.takes(&image).await;
}

#[tokio::test(start_paused = true)]
async fn several_platforms_are_a_new_index_with_their_attestations() {
    let several = Several::new(&["linux/amd64", "linux/arm64", "linux/arm/v7"]);
    let image = several.select(&["linux/arm/v7", "linux/amd64"]).await.unwrap();
    let Several { images, attestations, index, .. } = &several;
    assert_ne!(image.digest().as_str(), index["digest"]);
    let expected = [&images[0], &images[2], &attestations[0], &attestations[2]].map(Clone::clone);
    assert_eq!(listed_in(&image), expected);
    let json: Value = serde_json::from_str(image.manifest()).unwrap();
    assert_eq!(json["annotations"], json!({ "kept": "yes" }));
    assert_eq!(json["mediaType"], INDEX);
    assert_eq!(printed(&image), ["linux/amd64", "linux/arm/v7"]);
    let again = several.select(&["linux/amd64", "linux/arm/v7"]).await.unwrap();
    assert_eq!(again.digest(), image.digest());
    World::new().await.takes(&image).await;
}

#[tokio::test]
async fn all_platforms_are_the_index_to_the_byte() {
    let several = Several::new(&["linux/amd64", "linux/arm64"]);
    let image = several.select(&["linux/arm64/v8", "linux/amd64"]).await.unwrap();
    assert_eq!(image.digest().as_str(), several.index["digest"]);
    assert_eq!(printed(&image), ["linux/amd64", "linux/arm64"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_chosen_need_not_be_there() {
    let several = Several::new(&["linux/amd64", "linux/arm64"]);
    let other = several.images[0]["digest"].as_str().unwrap();
    fs::remove_file(several.layout.blob_path(other)).unwrap();
    assert!(several.select(&["linux/arm64"]).await.is_ok());
    // Docker saves such an image after it has pulled a single platform.
    let world = World::new().await;
    let error = world.push(&several.layout, &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidImage);
    assert_eq!(
        problem(&error, several.layout.path()),
        format!(
            "blob {other} is missing: expected the file {}; {URI} doesn't have it either; complete \
             in the image: `linux/arm64`, select with `Open::platform` or `--platform`",
            several.layout.blob_path(other).display()
        )
    );
    let operations = world.calls();
    assert!(operations.iter().all(|it| it == "BatchCheckLayerAvailability"), "{operations:?}");
}

#[tokio::test]
async fn an_index_that_is_missing_is_named() {
    let several = Several::new(&["linux/amd64"]);
    let index = several.index["digest"].as_str().unwrap();
    fs::remove_file(several.layout.blob_path(index)).unwrap();
    let place = format!("expected the file {}", several.layout.blob_path(index).display());
    let problem = format!("its blob {index} is missing: {place}");
    assert_eq!(several.problem_of(&["linux/amd64"]).await, problem);
    assert_eq!(several.problem_of(&[]).await, problem);
}

#[tokio::test]
async fn the_variant_counts_where_it_is_given() {
    let several = Several::new(&["linux/arm/v6", "linux/arm/v7", "linux/amd64", "linux/amd64/v3"]);
    for (text, number) in [("linux/arm/v7", 1), ("linux/amd64", 2), ("linux/amd64/v3", 3)] {
        let image = several.select(&[text]).await.unwrap();
        assert_eq!(image.digest().as_str(), several.images[number]["digest"], "{text}");
    }
    assert_eq!(
        several.problem_of(&["linux/arm"]).await,
        format!(
            "it has 2 images for `linux/arm`: {}",
            several.listed(&[(0, "linux/arm/v6"), (1, "linux/arm/v7")])
        )
    );
    let all = [(0, "linux/arm/v6"), (1, "linux/arm/v7"), (2, "linux/amd64"), (3, "linux/amd64/v3")];
    for missing in ["linux/s390x", "linux/arm/v5", "windows/amd64"] {
        assert_eq!(
            several.problem_of(&["linux/amd64", missing]).await,
            format!("it has no image for `{missing}`, only for {}", several.listed(&all))
        );
    }
}

#[tokio::test]
async fn without_an_index_it_is_the_config_that_counts() {
    let layout = Layout::image(&[100]);
    let expected = Image::open(layout.path()).await.unwrap();
    assert_eq!(printed(&expected), ["linux/amd64"]);
    let image = Image::open(layout.path()).platform(platform("linux/amd64")).await.unwrap();
    assert_eq!(image.digest(), expected.digest());
    let error = Image::open(layout.path()).platform(platform("linux/arm64")).await.unwrap_err();
    assert_eq!(
        problem(&error, layout.path()),
        format!(
            "it has no image for `linux/arm64`, only for `linux/amd64` ({})",
            expected.digest()
        )
    );
}

#[tokio::test]
async fn an_artifact_runs_nowhere() {
    let layout = Layout::new();
    let artifact = artifact(&layout, &digest(b"something"));
    layout.set_index(&[artifact]);
    let image = Image::open(layout.path()).await.unwrap();
    assert_eq!(image.platforms(), []);
    let error = Image::open(layout.path()).platform(platform("linux/amd64")).await.unwrap_err();
    assert_eq!(
        problem(&error, layout.path()),
        "it has no image for `linux/amd64` or any other platform"
    );
}

pub(crate) fn artifact(layout: &Layout, subject: &str) -> Value {
    let empty = layout.blob("application/vnd.oci.empty.v1+json", b"{}");
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/x.signature",
        "config": empty, "layers": [empty],
        "subject": { "mediaType": MANIFEST, "digest": subject, "size": 9 },
    });
    layout.blob(MANIFEST, manifest.to_string().as_bytes())
}

/// The selection looks into nested indexes, and drops those without a selected image.
#[tokio::test(start_paused = true)]
async fn nested_indexes_are_pruned() {
    let layout = Layout::new();
    let image = |size: usize, text: &str| {
        let mut image = layout.manifest(&[size]);
        image["platform"] = described(text);
        image
    };
    let (a, b) = (image(1, "linux/amd64"), image(2, "linux/arm64"));
    let (c, d) = (image(3, "linux/s390x"), image(4, "linux/ppc64le"));
    let first = layout.index(&[a.clone(), c.clone()]);
    let second = layout.index(std::slice::from_ref(&b));
    let third = layout.index(&[d]);
    let root = layout.index(&[first, second.clone(), third]);
    layout.set_index(std::slice::from_ref(&root));

    let all = Image::open(layout.path()).await.unwrap();
    let platforms = ["linux/amd64", "linux/s390x", "linux/arm64", "linux/ppc64le"];
    assert_eq!(printed(&all), platforms);
    let open = Image::open(layout.path()).platform(platform("linux/amd64"));
    let image = open.platform(platform("linux/arm64")).await.unwrap();
    assert_eq!(printed(&image), ["linux/amd64", "linux/arm64"]);
    let listed = listed_in(&image);
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[1], second, "a nested index that keeps all stays unchanged");
    World::new().await.takes(&all).await;
    World::new().await.takes(&image).await;

    let one = Image::open(layout.path()).platform(platform("linux/s390x")).await.unwrap();
    assert_eq!(one.digest().as_str(), c["digest"]);
}

#[tokio::test(start_paused = true)]
async fn manifests_without_media_types_and_of_dockers_kind_are_taken() {
    let layout = Layout::new();
    let config = json!({ "os": "linux", "architecture": "arm64", "variant": "v8" }).to_string();
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let list = "application/vnd.docker.distribution.manifest.list.v2+json";
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": docker,
        "config":
            layout.blob("application/vnd.docker.container.image.v1+json", config.as_bytes()),
        "layers": [layout.blob("application/vnd.docker.image.rootfs.diff.tar.gzip", b"layer")],
    });
    let first = layout.blob(docker, manifest.to_string().as_bytes());
    let manifest = json!({
        "schemaVersion": 2,
        "config": layout.blob(
            "application/vnd.oci.image.config.v1+json",
            br#"{"os":"linux","architecture":"amd64"}"#,
        ),
        "layers": [layout.blob("application/vnd.oci.image.layer.v1.tar+gzip", b"other")],
    });
    let second = layout.blob(MANIFEST, manifest.to_string().as_bytes());
    let index = json!({ "schemaVersion": 2, "mediaType": list, "manifests": [first, second] });
    layout.set_index(&[layout.blob(list, index.to_string().as_bytes())]);
    let image = Image::open(layout.path()).await.unwrap();
    assert_eq!(image.media_type(), list);
    assert_eq!(printed(&image), ["linux/arm64/v8", "linux/amd64"]);
    World::new().await.takes(&image).await;
    let image = Image::open(layout.path()).platform(platform("linux/amd64")).await.unwrap();
    assert_eq!(image.digest().as_str(), second["digest"]);
    World::new().await.takes(&image).await;
}

#[tokio::test]
async fn indexes_are_not_followed_for_ever() {
    let layout = Layout::new();
    let mut index = layout.manifest(&[1]);
    for _ in 0..10 {
        index = layout.index(&[index]);
    }
    layout.set_index(&[index]);
    let nested = "its indexes are nested more than 8 deep";
    let error = Image::open(layout.path()).await.unwrap_err();
    assert_eq!(problem(&error, layout.path()), nested);
    let error = Image::open(layout.path()).platform(platform("linux/amd64")).await.unwrap_err();
    assert_eq!(problem(&error, layout.path()), nested);
}
