//! Property tests of image files: any content yields an image or an error, never a panic.

use std::fs;

use ecr_push::Image;
use ecr_push::image::Compression;
use proptest::prelude::*;

use crate::image_kinds::dir_of;
use crate::layout::Layout;
use crate::tarball::{Saved, Tar, layer, saved_by_new_docker, saved_by_old_docker};

/// Opens the content with as many features as possible. Must not panic.
fn open(content: &[u8]) {
    let saved = Saved::new(content);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let open = Image::open(saved.path()).compression(Compression::Gzip);
    for open in [
        open.clone(),
        open.clone().platform("linux/amd64".parse().unwrap()),
        open.clone().index(),
        open.clone().with_referrers(),
        open.named("0123456789ab"),
    ] {
        if let Ok(image) = runtime.block_on(open.into_future()) {
            assert!(image.layers().len() < 10);
            // Layers whose content doesn't match their digests are an error.
            let _ = runtime.block_on(image.compress());
        }
    }
}

fn archives() -> Vec<Vec<u8>> {
    let oci = Layout::new();
    let image = oci.manifest(&[100]);
    oci.set_index(&[oci.index(&[image])]);
    let new = saved_by_new_docker(&[layer(100)]);
    vec![
        Tar::new().folder(oci.path(), "").bytes(),
        Tar::new().folder(new.path(), "./").bytes(),
        saved_by_old_docker(&[layer(100), layer(200)]).bytes(),
        Tar::new().folder(dir_of(&oci, &oci.manifest(&[100])).path(), "").bytes(),
        {
            let index = fs::read(oci.path().join("index.json")).unwrap();
            let tar = Tar::new().folder(oci.path(), "").pax(&[("path", "index.json")]);
            tar.file("x", &index).long_file(&"long/".repeat(30), b"content").bytes()
        },
    ]
}

/// Corrects the checksums of all headers, so that the code behind the check is reached.
fn with_checksums(mut archive: Vec<u8>) -> Vec<u8> {
    for block in archive.chunks_exact_mut(512) {
        if block[257..262] == *b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
    archive
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_bytes(content in prop::collection::vec(any::<u8>(), 0..2048)) {
        open(&content);
    }

    #[test]
    fn mutated_archives(
        which in 0_usize..4,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut archive = archives().swap_remove(which);
        for (place, byte) in changes {
            let place = place.index(archive.len());
            archive[place] = byte;
        }
        if cut {
            archive.truncate(end.index(archive.len()));
        }
        open(&archive);
        open(&with_checksums(archive));
    }

    /// Changes the sizes, types, names and links of entries.
    #[test]
    fn mutated_headers(
        which in 0_usize..4,
        changes in prop::collection::vec((0_usize..20, 0_usize..265, any::<u8>()), 1..4),
    ) {
        let mut archive = archives().swap_remove(which);
        let headers: Vec<usize> = (0..archive.len() / 512)
            .map(|block| block * 512)
            .filter(|&at| archive[at + 257..at + 262] == *b"ustar")
            .collect();
        for (header, place, byte) in changes {
            archive[headers[header % headers.len()] + place] = byte;
        }
        open(&with_checksums(archive));
    }
}
