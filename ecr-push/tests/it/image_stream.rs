//! Tests of archives that are read once: streams, pipes, and files that are compressed as a whole.

use std::io::{self, Cursor, Read, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ecr_push::image::{Compression, Open};
use ecr_push::{Error, ErrorKind, Image};
use flate2::write::GzEncoder;
use tar::EntryType;

use crate::layout::Layout;
use crate::tarball::{Saved, Tar, layer, saved_by_new_docker, saved_by_old_docker, tar_image};
use crate::world::World;

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn stream(content: &[u8]) -> Open {
    Image::from_reader(Cursor::new(content.to_vec()))
}

async fn failed(content: &[u8]) -> String {
    problem(&stream(content).await.unwrap_err())
}

fn problem(error: &Error) -> String {
    assert_eq!(error.kind(), ErrorKind::InvalidImage);
    let text = error.to_string();
    let prefix = "the image stream can't be pushed: ";
    text.strip_prefix(prefix).unwrap_or_else(|| panic!("{text}")).to_owned()
}

/// Layers of less than one block, and of several.
fn layers() -> [Vec<u8>; 2] {
    [layer(100), layer(3_000_000)]
}

/// Returns an archive of each kind, with its name.
fn archives() -> [(&'static str, Vec<u8>); 3] {
    let new = saved_by_new_docker(&layers());
    let oci = Layout::new();
    let image = oci.manifest(&[100, 2_500_000]);
    oci.set_index(&[oci.index(&[image])]);
    [
        ("old docker", saved_by_old_docker(&layers()).bytes()),
        ("new docker", Tar::new().folder(new.path(), "").bytes()),
        ("oci", Tar::new().folder(oci.path(), "./").bytes()),
    ]
}

/// A stream gives the same image as the file, in each compression.
#[tokio::test(start_paused = true)]
async fn every_archive_is_read_from_a_stream() {
    for (name, archive) in archives() {
        let saved = Saved::new(&archive);
        for compression in [Compression::Auto, Compression::Gzip, Compression::Keep] {
            let expected = Image::open(saved.path()).compression(compression).await.unwrap();
            for content in [archive.clone(), gzip(&archive)] {
                let image = stream(&content).compression(compression).await.unwrap();
                assert_eq!(image.digest(), expected.digest(), "{name}");
                let compressed = image.compress().await.unwrap();
                let of_file = expected.compress().await.unwrap();
                assert_eq!(compressed.digest(), of_file.digest(), "{name}");
            }
            let image = stream(&archive).compression(compression).await.unwrap();
            World::new().await.takes(&image).await;
        }
    }
}

/// The content that was compressed as it passed is decompressed to send it.
#[tokio::test(start_paused = true)]
async fn kept_layers_are_sent_as_they_were() {
    let layers = [layer(100), layer(5_000_000)];
    let archive = saved_by_old_docker(&layers).bytes();
    let image = stream(&archive).compression(Compression::Keep).await.unwrap();
    assert_eq!(image.layers_to_compress().count(), 0);
    let world = World::new().await;
    world.takes(&image).await;
    let sizes: Vec<u64> = image.layers().map(|layer| layer.size()).collect();
    assert!(sizes.contains(&(layers[1].len() as u64)), "{sizes:?}");
}

/// Uncompressed layers of other tools stay as they are by default, also in a stream.
#[tokio::test(start_paused = true)]
async fn layers_of_other_tools_stay_as_they_are() {
    let layout = Layout::new();
    layout.set_index(&[tar_image(&layout, &[layer(100), layer(2_000_000)])]);
    let archive = Tar::new().folder(layout.path(), "").bytes();
    let image = stream(&archive).await.unwrap();
    assert_eq!(image.digest(), Image::open(layout.path()).await.unwrap().digest());
    World::new().await.takes(&image).await;
}

/// Every compression of a whole archive gives the image of the archive.
async fn opens(packed: &[u8], archive: &[u8]) {
    let expected = stream(archive).await.unwrap();
    let saved = Saved::new(packed);
    for open in [Image::open(saved.path()), stream(packed)] {
        assert_eq!(open.await.unwrap().digest(), expected.digest());
    }
}

#[tokio::test]
async fn gzip_archives_are_opened() {
    let archive = saved_by_old_docker(&[layer(100)]).bytes();
    opens(&gzip(&archive), &archive).await;
    // bgzip and concatenated files have several members.
    let (first, second) = archive.split_at(1000);
    opens(&[gzip(first), gzip(second)].concat(), &archive).await;
}

#[cfg(feature = "zstd")]
#[tokio::test]
async fn zstd_archives_are_opened() {
    let archive = saved_by_old_docker(&[layer(100)]).bytes();
    let packed = |content: &[u8]| zstd::bulk::compress(content, 1).unwrap();
    opens(&packed(&archive), &archive).await;
    // pzstd writes frames with skippable ones before them.
    let skippable = b"\x50\x2a\x4d\x18\x04\0\0\0size";
    let (first, second) = archive.split_at(1000);
    let frames = [skippable.to_vec(), packed(first), skippable.to_vec(), packed(second)].concat();
    opens(&frames, &archive).await;
    let packed = packed(&archive);
    let cut = &packed[..packed.len() / 2];
    assert_eq!(failed(cut).await, "it was cut off: its zstd data ends too early");
}

#[cfg(feature = "xz")]
#[tokio::test]
async fn xz_archives_are_opened() {
    let archive = saved_by_old_docker(&[layer(100)]).bytes();
    let options = lzma_rust2::XzOptions::with_preset(1);
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    encoder.write_all(&archive).unwrap();
    let packed = encoder.finish().unwrap();
    opens(&packed, &archive).await;
    let cut = &packed[..packed.len() / 2];
    assert_eq!(failed(cut).await, "it was cut off: its xz data ends too early");
}

#[cfg(feature = "bzip2")]
#[tokio::test]
async fn bzip2_archives_are_opened() {
    let archive = saved_by_old_docker(&[layer(100)]).bytes();
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(&archive).unwrap();
    let packed = encoder.finish().unwrap();
    opens(&packed, &archive).await;
    let cut = &packed[..packed.len() / 2];
    assert_eq!(failed(cut).await, "it was cut off: its bzip2 data ends too early");
}

/// Without its feature, the error names the form, the feature and the command.
#[tokio::test]
async fn a_form_whose_feature_is_off_is_named() {
    for (first, name, is_on) in [
        (b"\x28\xb5\x2f\xfd\0\0\0\0".as_slice(), "zstd", cfg!(feature = "zstd")),
        (b"\x5a\x2a\x4d\x18\0\0\0\0", "zstd", cfg!(feature = "zstd")),
        (b"\xfd7zXZ\0\0\0", "xz", cfg!(feature = "xz")),
        (b"BZh91AY&SY", "bzip2", cfg!(feature = "bzip2")),
        (b"BZh9\x17\x72\x45\x38\x50\x90", "bzip2", cfg!(feature = "bzip2")),
    ] {
        if !is_on {
            assert_eq!(
                failed(first).await,
                format!(
                    "it is compressed with {name}, and this build can't decompress that: enable the \
                     feature `{name}` of ecr-push, or decompress it with `{name} -dc` first"
                )
            );
        }
    }
}

#[tokio::test]
async fn a_stream_that_was_cut_off_is_named() {
    let archive = saved_by_old_docker(&[layer(2_000_000)]).bytes();
    let empty = "it is empty: the program that writes it may have failed";
    assert_eq!(failed(b"").await, empty);
    assert_eq!(failed(&archive[..100]).await, "it is not a tar archive");
    assert_eq!(
        failed(&archive[..1_000_000]).await,
        "it was cut off: it ended within an entry, after 1000000 bytes"
    );
    // The config, which comes first, is complete.
    let end =
        512 + archive[512..].iter().position(|byte| *byte == 0).unwrap().next_multiple_of(512);
    assert_eq!(
        failed(&archive[..end]).await,
        format!("it was cut off: it ended without an end marker after {end} bytes")
    );
    assert_eq!(
        failed(&archive[..end + 100]).await,
        format!("it was cut off: the entry at byte {end} exceeds its {} bytes", end + 100)
    );
}

#[tokio::test]
async fn gzip_data_that_is_cut_off_or_damaged_is_named() {
    let archive = saved_by_old_docker(&[layer(2_000_000)]).bytes();
    let packed = gzip(&archive);
    // Within the content, and within the checksum after the end marker.
    for len in [packed.len() / 2, packed.len() - 1] {
        let expected = "it was cut off: its gzip data ends too early";
        assert_eq!(failed(&packed[..len]).await, expected);
    }
    let mut wrong = packed.clone();
    *wrong.last_mut().unwrap() ^= 1;
    assert_eq!(failed(&wrong).await, "its gzip data is damaged");
    let error = stream(&gzip(b"not a tar archive")).await.unwrap_err();
    assert_eq!(problem(&error), "it is not a tar archive");
}

/// A reader that counts what was read of it, in small pieces.
struct Counted {
    content: Cursor<Vec<u8>>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(1021);
        let read = self.content.read(&mut buffer[..len])?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Otherwise the program that writes a pipe would be killed in the middle of its last record.
#[tokio::test]
async fn a_stream_is_read_to_its_end() {
    let mut archive = saved_by_old_docker(&[layer(100)]).bytes();
    archive.resize(archive.len().next_multiple_of(10_240) + 10_240, 0);
    let (len, read) = (archive.len() as u64, Arc::new(AtomicU64::new(0)));
    let reader = Counted { content: Cursor::new(archive), read: read.clone() };
    Image::from_reader(reader).await.unwrap();
    assert_eq!(read.load(Ordering::Relaxed), len);
}

#[tokio::test]
async fn a_reader_that_fails_is_the_source_of_the_error() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the pipe burst"))
        }
    }
    let error = Image::from_reader(Failing).await.unwrap_err();
    assert_eq!(problem(&error), "it can't be read");
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "the pipe burst");
}

#[tokio::test]
async fn a_stream_is_opened_once() {
    let open = stream(&saved_by_old_docker(&[layer(100)]).bytes());
    open.clone().await.unwrap();
    let again = problem(&open.await.unwrap_err());
    assert_eq!(again, "it was read before: use the image that was opened from it");
}

/// Links lead to the content that was kept.
#[tokio::test(start_paused = true)]
async fn links_lead_to_kept_entries() {
    let layout = Layout::new();
    let image = layout.manifest(&[100]);
    layout.set_index(&[image]);
    let index = std::fs::read(layout.path().join("index.json")).unwrap();
    std::fs::remove_file(layout.path().join("index.json")).unwrap();
    let archive = Tar::new()
        .file("a", &index)
        .link(EntryType::Link, "b", "a")
        .link(EntryType::Symlink, "index.json", "b")
        .folder(layout.path(), "")
        .bytes();
    World::new().await.takes(&stream(&archive).await.unwrap()).await;
}

/// A layer that isn't what the config says is found although it was compressed before the config
/// was known.
#[tokio::test]
async fn a_layer_that_the_config_does_not_know_is_named() {
    let (known, found) = (layer(2_000_000), layer(2_000_001));
    let config = crate::tarball::config(std::slice::from_ref(&known)).to_string();
    let entries = r#"[{"Config":"config.json","Layers":["layer.tar"]}]"#;
    let archive = Tar::new()
        .file("layer.tar", &found)
        .file("config.json", config.as_bytes())
        .file("manifest.json", entries.as_bytes())
        .bytes();
    let image = stream(&archive).await.unwrap();
    let error = image.compress().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BlobMismatch);
    assert_eq!(
        error.to_string(),
        format!(
            "blob {} has the digest {}: the temporary file of the entry `layer.tar` was changed or \
             is damaged",
            crate::layout::digest(&known),
            crate::layout::digest(&found)
        )
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_named_pipe_is_a_stream() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let archive = saved_by_old_docker(&layers()).bytes();
    let expected = stream(&archive).await.unwrap();
    let writer = {
        let (path, archive) = (path.clone(), archive.clone());
        std::thread::spawn(move || std::fs::write(path, archive))
    };
    let image = Image::open(&path).await.unwrap();
    writer.join().unwrap().unwrap();
    assert_eq!(image.digest(), expected.digest());

    let writer = {
        let (path, archive) = (path.clone(), archive[..5000].to_vec());
        std::thread::spawn(move || std::fs::write(path, archive))
    };
    let error = Image::open(&path).await.unwrap_err();
    writer.join().unwrap().unwrap();
    let expected = "can't be pushed: it was cut off: it ended within an entry, after 5000 bytes";
    assert_eq!(error.to_string(), format!("{} {expected}", path.display()));
}

/// The shutdown of the runtime doesn't wait for a pipe to which no program writes.
#[test]
fn a_pipe_that_stays_silent_blocks_nothing() {
    let (reader, writer) = io::pipe().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let open = tokio::spawn(Image::from_reader(reader).into_future());
        tokio::task::yield_now().await;
        open.abort();
        assert!(open.await.unwrap_err().is_cancelled());
    });
    drop(runtime);
    drop(writer);
}
