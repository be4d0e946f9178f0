//! Tests of compressed layers: the bytes don't depend on the number of threads.

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::{GzDecoder, MultiGzDecoder};

use super::*;
use crate::image::source::Piece;

/// Returns content that is neither uniform nor random, of any length relative to blocks.
fn content(size: usize) -> Vec<u8> {
    let mut state = 1_u64;
    (0..size)
        .map(|at| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if at % 3 == 0 { (state >> 56) as u8 } else { b'a' }
        })
        .collect()
}

fn layer(content: &[u8]) -> Blob {
    let layer = Layer { digest: Digest::from_content(content), size: content.len() as u64 };
    Blob { layer, source: Source::Bytes(Bytes::copy_from_slice(content)) }
}

fn compressed(content: &[u8], codec: Codec, threads: usize) -> Vec<u8> {
    let blob = compress_layer(&layer(content), codec, threads, &Stop::default()).unwrap();
    let bytes = Piece { source: blob.source, size: blob.layer.size }.read().unwrap();
    assert_eq!(bytes.len() as u64, blob.layer.size);
    assert_eq!(Digest::from_content(&bytes), blob.layer.digest);
    bytes
}

const SIZES: [usize; 7] = [0, 1, 1000, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 12_345];

#[test]
fn gzip_is_one_member_with_the_content() {
    for size in SIZES {
        let content = content(size);
        let bytes = compressed(&content, Codec::Gzip, 2);
        let mut unpacked = Vec::new();
        GzDecoder::new(&bytes[..]).read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == content, "{size} bytes");
        assert_eq!(bytes[..10], GZIP_HEADER);
        let mut all = Vec::new();
        MultiGzDecoder::new(&bytes[..]).read_to_end(&mut all).unwrap();
        assert_eq!(all.len(), size, "no bytes follow the member");
    }
}

#[test]
fn the_number_of_threads_makes_no_difference() {
    for size in SIZES {
        let content = content(size);
        let one = compressed(&content, Codec::Gzip, 0);
        for threads in [1, 2, 3, 8] {
            assert!(compressed(&content, Codec::Gzip, threads) == one, "{size} bytes, {threads}");
        }
    }
}

/// A changed digest turns every layer into a new one. If this test fails because of a new version
/// of flate2 or zlib-rs, say so in the changelog.
#[test]
fn the_bytes_are_those_of_the_last_release() {
    let bytes = compressed(&content(2 * BLOCK + 777), Codec::Gzip, 2);
    assert_eq!(
        Digest::from_content(&bytes).as_str(),
        "sha256:dd78d102ec5ce3f9622f95391120942c7f8d93ddfa69a0fb326f68a225baa49c"
    );
}

#[test]
fn what_can_not_be_compressed_hardly_grows() {
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    })
    .take(3 * BLOCK)
    .collect();
    let bytes = compressed(&noise, Codec::Gzip, 2);
    assert!(bytes.len() < noise.len() + noise.len() / 500, "{} bytes", bytes.len());
    let mut unpacked = Vec::new();
    GzDecoder::new(&bytes[..]).read_to_end(&mut unpacked).unwrap();
    assert!(unpacked == noise);
}

#[cfg(feature = "zstd")]
#[test]
fn zstd_is_frames_with_the_content() {
    for size in SIZES {
        let content = content(size);
        let bytes = compressed(&content, Codec::Zstd, 2);
        assert!(zstd::decode_all(&bytes[..]).unwrap() == content, "{size} bytes");
        assert!(compressed(&content, Codec::Zstd, 0) == bytes, "{size} bytes");
    }
}

#[test]
fn content_of_another_digest_or_size_is_named() {
    let mut blob = layer(b"content");
    blob.layer.digest = Digest::from_content(b"other");
    let failed = |blob: &Blob| {
        compress_layer(blob, Codec::Gzip, 2, &Stop::default()).unwrap_err().to_string()
    };
    let (expected, found) = (Digest::from_content(b"other"), Digest::from_content(b"content"));
    assert_eq!(
        failed(&blob),
        format!(
            "blob {expected} has the digest {found}: the content given in memory was changed or \
             is damaged"
        )
    );
    blob.layer.size = 8;
    assert_eq!(
        failed(&blob),
        format!(
            "blob {expected} has 7 bytes instead of 8: the content given in memory was cut off or \
             changed"
        )
    );
}

#[test]
fn it_stops_when_nobody_waits() {
    let stop = Stop::default();
    stop.set();
    for threads in [0, 2] {
        assert!(compress_layer(&layer(&content(10 * BLOCK)), Codec::Gzip, threads, &stop).is_err());
    }
}
