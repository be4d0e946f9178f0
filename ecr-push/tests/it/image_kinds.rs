//! Tests of rarer kinds of images, and of what is taken for an image.

use std::fs;
use std::path::Path;

use ecr_push::image::Compression;
use ecr_push::transport::Transport;
use ecr_push::{ErrorKind, Image};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::image::problem;
use crate::image_platform::artifact;
use crate::layout::{Layout, MANIFEST, content, digest};
use crate::tarball::{Tar, config, layer};
use crate::world::{World, repository};

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Writes a layout's image as skopeo's `dir:` transport does: the root as `manifest.json`, and blobs
/// by the digits of their digests.
pub(crate) fn dir_of(layout: &Layout, root: &Value) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = layout.blob_path(root["digest"].as_str().unwrap());
    for blob in fs::read_dir(layout.path().join("blobs/sha256")).unwrap() {
        let blob = blob.unwrap();
        let text = fs::read(blob.path()).unwrap();
        let json: Value = serde_json::from_slice(&text).unwrap_or_default();
        let name = blob.file_name().into_string().unwrap();
        let name = if blob.path() == root {
            "manifest.json".to_owned()
        } else if json.get("schemaVersion").is_some() {
            format!("{name}.manifest.json")
        } else {
            name
        };
        fs::write(folder.path().join(name), text).unwrap();
    }
    fs::write(folder.path().join("version"), "Directory Transport Version: 1.1\n").unwrap();
    folder
}

#[tokio::test(start_paused = true)]
async fn a_dir_folder_is_the_image_to_the_byte() {
    let layout = Layout::new();
    let one = layout.manifest(&[100]);
    let platforms = [("amd64", 100), ("arm64", 200)].map(|(architecture, size)| {
        let mut manifest = layout.manifest(&[size]);
        manifest["platform"] = json!({ "os": "linux", "architecture": architecture });
        manifest
    });
    let index = layout.index(&platforms);
    for root in [&one, &index] {
        let folder = dir_of(&layout, root);
        let image = Image::open(folder.path()).await.unwrap();
        assert_eq!(image.digest().as_str(), root["digest"]);
        assert_eq!(image.media_type(), root["mediaType"]);
        World::new().await.takes(&image).await;
        let tar = Tar::new().folder(folder.path(), "./").save();
        assert_eq!(Image::open(tar.path()).await.unwrap().digest(), image.digest());
    }
    let folder = dir_of(&layout, &index);
    let open = Image::open(folder.path()).platform("linux/arm64".parse().unwrap());
    assert_eq!(open.await.unwrap().digest().as_str(), platforms[1]["digest"]);
}

/// `podman save --format docker-dir` leaves layers uncompressed.
#[tokio::test(start_paused = true)]
async fn a_docker_dir_of_podman_is_pushed_as_it_is_or_compressed() {
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let (layout, layers) = (Layout::new(), [layer(100)]);
    let config = config(&layers).to_string();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": docker,
        "config": layout.blob("application/vnd.docker.container.image.v1+json", config.as_bytes()),
        "layers": [layout.blob("application/vnd.docker.image.rootfs.diff.tar", &layers[0])],
    });
    let folder = dir_of(&layout, &layout.blob(docker, manifest.to_string().as_bytes()));
    let image = Image::open(folder.path()).await.unwrap();
    assert_eq!(image.manifest(), manifest.to_string());
    World::new().await.takes(&image).await;
    let image = Image::open(folder.path()).compression(Compression::Gzip).await.unwrap();
    World::new().await.takes(&image).await;
    // It has no name, but a digest and an id.
    let id = digest(config.as_bytes());
    let by_digest = digest(manifest.to_string().as_bytes());
    for name in [&by_digest, &id, &id["sha256:".len()..][..12]] {
        assert!(Image::open(folder.path()).named(name).await.is_ok(), "{name}");
    }
    let error = Image::open(folder.path()).named("web:1").await.unwrap_err();
    assert_eq!(
        problem(&error, folder.path()),
        format!("it has no image `web:1`, only {by_digest} without a name")
    );
    let error = Image::open(folder.path()).index().await.unwrap_err();
    assert_eq!(
        problem(&error, folder.path()),
        "it has no index.json that could be the index of the image"
    );
}

/// An archive of `docker save` with this `LayerSources`, and these layers.
fn saved_with(sources: &Value, names: &[&str], files: &[(&str, &[u8])], config: &Value) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    write("config.json", config.to_string().as_bytes());
    let table = json!([{ "Config": "config.json", "Layers": names, "LayerSources": sources }]);
    write("manifest.json", table.to_string().as_bytes());
    for (name, content) in files {
        write(name, content);
    }
    folder
}

/// `docker save` of a Windows image, and stubs of old Bazel rules.
#[tokio::test(start_paused = true)]
async fn layer_sources_describe_layers_that_are_elsewhere() {
    let layers = [layer(100), layer(200)];
    let config = config(&layers);
    let base = content(300);
    let foreign = json!({
        "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "digest": digest(&base), "size": 300, "urls": ["https://mcr.microsoft.com/v2/x"],
    });
    let ordinary = json!({ "mediaType": LAYER, "digest": digest(&base), "size": 300 });
    let sources = |source: &Value| json!({ digest(&layers[0]): source });
    let files: [(&str, &[u8]); 2] = [("a.tar", &layers[0]), ("b.tar", &layers[1])];
    let folder = saved_with(&sources(&foreign), &["a.tar", "b.tar"], &files, &config);
    let image = Image::open(folder.path()).await.unwrap();
    let pushed = World::new().await.push_image(&image, &["1.0"]).await.unwrap();
    assert_eq!((pushed.layers_sent(), pushed.layers_left_out()), (2, 1));
    assert!(image.manifest().contains("https://mcr.microsoft.com/v2/x"));

    let stub: [(&str, &[u8]); 2] = [("a.tar", b""), ("b.tar", &layers[1])];
    for files in [&stub[..], &stub[1..]] {
        let folder = saved_with(&sources(&ordinary), &["a.tar", "b.tar"], files, &config);
        let image = Image::open(folder.path()).await.unwrap();
        let world = World::new().await;
        let error = world.push_image(&image, &[]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidImage);
        assert!(error.to_string().contains(&format!("blob {} is missing", digest(&base))));
        world.push(&Layout::image(&[300]), &["base"]).await.unwrap();
        let pushed = world.push_image(&image, &["1.0"]).await.unwrap();
        assert_eq!((pushed.layers_sent(), pushed.layers_skipped()), (2, 1));
    }
    // A layer that is in the archive needs no source.
    let files: [(&str, &[u8]); 2] = [("a.tar", &layers[0]), ("b.tar", &layers[1])];
    let folder = saved_with(&sources(&ordinary), &["a.tar", "b.tar"], &files, &config);
    World::new().await.takes(&Image::open(folder.path()).await.unwrap()).await;

    let folder = saved_with(&Value::Null, &["a.tar", "b.tar"], &stub, &config);
    let error = Image::open(folder.path()).await.unwrap_err();
    assert_eq!(
        problem(&error, folder.path()),
        "its layer `a.tar` is a stub without content: save the image with all its layers"
    );
    let folder = saved_with(&Value::Null, &["", "b.tar"], &stub, &config);
    let error = Image::open(folder.path()).await.unwrap_err();
    assert_eq!(
        problem(&error, folder.path()),
        "its manifest.json names a layer with an empty name, which was not saved: save the image \
         again"
    );
}

#[tokio::test(start_paused = true)]
async fn names_with_backslashes_are_found() {
    let layers = [layer(100)];
    let files: [(&str, &[u8]); 1] = [("a/layer.tar", &layers[0])];
    let folder = saved_with(&Value::Null, &["a\\layer.tar"], &files, &config(&layers));
    let tar = Tar::new().folder(folder.path(), "").save();
    for path in [folder.path(), tar.path()] {
        World::new().await.takes(&Image::open(path).await.unwrap()).await;
    }
}

/// An image with a signature, an SBOM, the SBOM's signature, and an unrelated artifact.
struct Signed {
    layout: Layout,
    image: Value,
    referrers: Vec<String>,
}

fn digest_of(descriptor: &Value) -> String {
    descriptor["digest"].as_str().unwrap().to_owned()
}

/// An artifact with a layer of its own.
fn sbom(layout: &Layout, subject: &str) -> Value {
    let empty = layout.blob("application/vnd.oci.empty.v1+json", b"{}");
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/spdx+json",
        "config": empty, "layers": [layout.blob("application/spdx+json", b"{\"spdx\":1}")],
        "subject": { "mediaType": MANIFEST, "digest": subject, "size": 9 },
    });
    layout.blob(MANIFEST, manifest.to_string().as_bytes())
}

impl Signed {
    fn new() -> Self {
        let layout = Layout::new();
        let image = layout.manifest(&[100]);
        let signature = artifact(&layout, &digest_of(&image));
        let sbom = sbom(&layout, &digest_of(&image));
        let of_sbom = artifact(&layout, &digest_of(&sbom));
        let unrelated = artifact(&layout, &digest(b"another"));
        let referrers = [&signature, &sbom, &of_sbom].map(digest_of).to_vec();
        layout.set_index(&[of_sbom, signature, image.clone(), sbom, unrelated]);
        Self { layout, image, referrers }
    }
}

#[tokio::test(start_paused = true)]
async fn what_refers_to_the_image_is_left_out_and_named_or_taken_along() {
    let Signed { layout, image, referrers } = Signed::new();
    let opened = Image::open(layout.path()).await.unwrap();
    assert_eq!(digest_of(&image), opened.digest().as_str());
    let [signature, sbom, of_sbom] = &referrers[..] else { panic!() };
    let note = |digest: &str, kind: &str| {
        format!(
            "left out: unnamed ({digest}, kind `{kind}`), which refers to the image; `--referrers` \
             takes it along"
        )
    };
    let expected = [
        note(signature, "application/x.signature"),
        note(sbom, "application/spdx+json"),
        note(of_sbom, "application/x.signature"),
    ];
    assert_eq!(opened.notices(), expected);
    let world = World::new().await;
    let plan = world.pusher.push(&opened, &repository()).plan().await.unwrap();
    assert_eq!(plan.notices(), expected);
    assert!(plan.to_string().contains(&format!("note: {}\n", expected[0])), "{plan}");
    world.takes(&opened).await;
    assert_eq!(world.manifest(signature).await, None);

    let opened = Image::open(layout.path()).with_referrers().await.unwrap();
    assert_eq!(digest_of(&image), opened.digest().as_str());
    assert!(opened.notices().is_empty());
    world.takes(&opened).await;
    for digest in &referrers {
        assert!(world.manifest(digest).await.is_some());
    }
    let puts = world.local.journal().count("PutImage");
    world.takes(&opened).await;
    assert_eq!(world.local.journal().count("PutImage"), puts, "all of it is there");

    let world = World::new().await;
    let push = world.pusher.push(&opened, &repository()).transport(Transport::Registry);
    push.clone().await.unwrap();
    for digest in &referrers {
        assert!(world.manifest(digest).await.is_some());
    }
    assert_eq!(push.await.unwrap().layers_sent(), 0);
}

/// `cosign save`: the signature doesn't name its subject, and cosign finds it by a tag.
#[tokio::test(start_paused = true)]
async fn what_cosign_wrote_gets_its_tag() {
    let layout = Layout::new();
    let kind = |kind: &str, mut descriptor: Value| {
        descriptor["annotations"] = json!({ "kind": format!("dev.cosignproject.cosign/{kind}") });
        descriptor
    };
    let (image, sigs) = (layout.manifest(&[10]), layout.manifest(&[20]));
    let atts = layout.manifest(&[30]);
    layout.set_index(&[
        kind("sigs", sigs.clone()),
        kind("image", image.clone()),
        kind("atts", atts.clone()),
    ]);
    let opened = Image::open(layout.path()).await.unwrap();
    assert_eq!(opened.notices().len(), 2);
    let opened = Image::open(layout.path()).with_referrers().await.unwrap();
    let world = World::new().await;
    world.takes(&opened).await;
    let tag = digest_of(&image).replace(':', "-");
    assert_eq!(world.tagged(&format!("{tag}.sig")).await, Some(digest_of(&sigs)));
    assert_eq!(world.tagged(&format!("{tag}.att")).await, Some(digest_of(&atts)));
    world.takes(&opened).await;
}

#[tokio::test]
async fn referrers_of_an_image_that_is_compressed_are_an_error() {
    let layout = Layout::new();
    let layers = [layer(100)];
    let image = crate::tarball::tar_image(&layout, &layers);
    let signature = artifact(&layout, &digest_of(&image));
    layout.set_index(&[image, signature]);
    let open = Image::open(layout.path()).with_referrers();
    assert!(open.clone().await.is_ok());
    let error = open.compression(Compression::Gzip).await.unwrap_err();
    assert_eq!(
        problem(&error, layout.path()),
        "compressing its layers changes its digest, which its referrers are about: use \
         `Compression::Keep`"
    );
}

async fn problem_with(path: &Path) -> String {
    let error = Image::open(path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidImage);
    problem(&error, path)
}

#[tokio::test]
async fn a_cache_of_buildkit_is_called_that() {
    let layout = Layout::new();
    let cache = layout.index(&[
        layout.blob(LAYER, b"layer"),
        layout.blob("application/vnd.buildkit.cacheconfig.v0", b"{}"),
    ]);
    layout.set_index(&[cache]);
    assert_eq!(
        problem_with(layout.path()).await,
        "it is a cache of BuildKit, not an image: write it with `image-manifest=true`"
    );
}

#[tokio::test]
async fn an_image_one_folder_too_deep_is_found() {
    let layout = Layout::image(&[100]);
    let saved = saved_with(&Value::Null, &[], &[], &json!({}));
    for folder in [layout.path(), saved.path()] {
        let tar = Tar::new().folder(folder, "web/").save();
        assert_eq!(
            problem_with(tar.path()).await,
            "its image is in the folder `web`: pack the content of the folder, with `tar -C web -cf \
             image.tar .`"
        );
        let parent = tempfile::tempdir().unwrap();
        let inner = parent.path().join("web");
        fs::create_dir(&inner).unwrap();
        for name in ["index.json", "manifest.json"] {
            let _ = fs::copy(folder.join(name), inner.join(name));
        }
        assert_eq!(
            problem_with(parent.path()).await,
            format!("its image is in the folder `web`: open {}", inner.display())
        );
    }
}

#[tokio::test]
async fn a_file_system_is_called_that() {
    let expected = "it is a file system, as `docker export` writes it, not an image: use `docker \
                    save`";
    for names in
        [[".dockerenv", "etc/hosts"], ["etc/passwd", "usr/bin/sh"], ["etc/passwd", "bin/x"]]
    {
        let mut tar = Tar::new();
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
            if let Some((parent, _)) = name.rsplit_once('/') {
                tar = tar.entry(tar::EntryType::Directory, &format!("{parent}/"), "", b"");
            }
            tar = tar.file(name, b"");
        }
        if names[1].starts_with("usr") {
            tar = tar.entry(tar::EntryType::Directory, "usr/", "", b"");
            tar = tar.entry(tar::EntryType::Directory, "etc/", "", b"");
        }
        if names[1].starts_with("bin") {
            tar = tar.entry(tar::EntryType::Directory, "bin/", "", b"");
        }
        assert_eq!(problem_with(tar.save().path()).await, expected, "{names:?}");
        assert_eq!(problem_with(folder.path()).await, expected, "{names:?}");
    }
}

#[tokio::test]
async fn a_helm_chart_is_called_that() {
    let expected = "it is a Helm chart, not an image: `helm push` pushes it";
    let tar = Tar::new().file("web/Chart.yaml", b"name: web").file("web/values.yaml", b"").save();
    assert_eq!(problem_with(tar.path()).await, expected);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Chart.yaml"), "name: web").unwrap();
    assert_eq!(problem_with(folder.path()).await, expected);
}
