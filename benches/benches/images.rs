//! Opening images: what is read and checked of them before a push can begin.

use std::fs;
use std::path::Path;

use benches::layout::Layout;
use criterion::Criterion;
use ecr_push::Image;
use ecr_push::image::Compression;
use serde_json::json;
use tar::{Builder, Header};
use tempfile::TempDir;

use crate::runtime;

pub(crate) fn images(criterion: &mut Criterion) {
    let runtime = runtime();
    let folder = TempDir::new().expect("a folder");
    let mut group = criterion.benchmark_group("open");
    for layers in [5, 100] {
        let layout = folder.path().join(format!("layout-{layers}"));
        Layout::write(&layout, &vec![4096; layers]).expect("a layout");
        let archive = folder.path().join(format!("oci-{layers}.tar"));
        let mut tar = Builder::new(Vec::new());
        tar.append_dir_all(".", &layout).expect("the layout's files");
        fs::write(&archive, tar.into_inner().expect("a tar")).expect("a file");
        let saved = folder.path().join(format!("docker-{layers}.tar"));
        fs::write(&saved, docker_save(layers)).expect("a file");
        for (form, path) in
            [("layout", &layout), ("oci-archive", &archive), ("docker-save", &saved)]
        {
            // Kept as they are, so that what is measured is the archive's index and no compressor.
            let open = |path: &Path| Image::open(path).compression(Compression::Keep);
            group.bench_function(format!("{form}/{layers}"), |bencher| {
                bencher.iter(|| runtime.block_on(async { open(path).await }).expect("an image"));
            });
        }
    }
    group.finish();
}

/// What `docker save` wrote before it wrote layouts.
fn docker_save(layers: usize) -> Vec<u8> {
    let content = |layer: usize| format!("layer {layer}").into_bytes();
    let ids: Vec<String> = (0..layers)
        .map(|layer| ecr_push::image::Blob::from_bytes(content(layer)).digest().to_string())
        .collect();
    let names: Vec<String> = (0..layers).map(|layer| format!("{layer:064x}/layer.tar")).collect();
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": ids },
    });
    let manifest = json!([{ "Config": "config.json", "RepoTags": null, "Layers": names }]);
    let mut tar = Builder::new(Vec::new());
    let mut add = |name: &str, content: &[u8]| {
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, content).expect("memory doesn't fail");
    };
    for (layer, name) in names.iter().enumerate() {
        add(name, &content(layer));
    }
    add("config.json", config.to_string().as_bytes());
    add("manifest.json", manifest.to_string().as_bytes());
    tar.into_inner().expect("memory doesn't fail")
}
