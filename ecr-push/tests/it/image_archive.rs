//! Tests of OCI archives, which are read in place, and of files that are not archives.

use std::fs;

use ecr_push::{Error, ErrorKind, Image};
use tar::EntryType;

use crate::image::problem;
use crate::layout::Layout;
use crate::tarball::{Saved, Tar};
use crate::world::{URI, World};

async fn problem_of(saved: &Saved) -> String {
    let error: Error = Image::open(saved.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidImage);
    problem(&error, saved.path())
}

/// Replaces the archive's path with `{path}`.
fn without_path(text: &str, saved: &Saved) -> String {
    text.replace(&saved.path().display().to_string(), "{path}")
}

#[tokio::test(start_paused = true)]
async fn an_archive_is_the_layout_in_it() {
    let layout = Layout::new();
    let manifests = [layout.manifest(&[100, 3000]), layout.manifest(&[200, 3000])];
    layout.set_index(&[layout.index(&manifests)]);
    let expected = Image::open(layout.path()).await.unwrap();
    // skopeo writes names without a prefix, `tar -c .` with `./`.
    for prefix in ["", "./"] {
        let saved = Tar::new().folder(layout.path(), prefix).save();
        let image = Image::open(saved.path()).await.unwrap();
        assert_eq!(image.digest(), expected.digest());
        assert_eq!(image.manifest(), expected.manifest());
        World::new().await.takes(&image).await;
    }
}

#[tokio::test]
async fn long_names_links_and_repetitions_mean_what_they_mean_to_tar() {
    let layout = Layout::image(&[1000]);
    let expected = Image::open(layout.path()).await.unwrap();
    let index = fs::read(layout.path().join("index.json")).unwrap();
    let tar = || Tar::new().folder(layout.path(), "");
    let long = format!("{}/index.json", "deep/".repeat(30));
    for (what, tar) in [
        ("the last one counts", Tar::new().file("index.json", b"old").folder(layout.path(), "")),
        ("a hard link", {
            let tar = tar().file("index", &index).file("index.json", b"old");
            tar.link(EntryType::Link, "index.json", "./index")
        }),
        ("a hard link to what is replaced later", {
            let tar = tar().file("index", &index).link(EntryType::Link, "index.json", "index");
            tar.file("index", b"new")
        }),
        ("a symbolic link", {
            let tar = tar().file("a/b/index", &index);
            let tar = tar.link(EntryType::Symlink, "a/c/link", "../b/./index");
            tar.link(EntryType::Symlink, "index.json", "a/c/link")
        }),
        (
            "a long name",
            tar()
                .long_file(&long, &index)
                .link(EntryType::Symlink, "index.json", "short")
                .pax(&[("linkpath", &long)])
                .link(EntryType::Symlink, "short", ""),
        ),
        ("a PAX name", {
            let tar =
                tar().file("index.json", b"old").pax(&[("path", "./index.json"), ("mtime", "1.5")]);
            tar.file("0", &index)
        }),
        (
            "a PAX header for all",
            tar().entry(EntryType::XGlobalHeader, "g", "", b"14 comment=hey\n"),
        ),
    ] {
        let saved = tar.save();
        let image = Image::open(saved.path()).await;
        assert_eq!(image.expect(what).digest(), expected.digest(), "{what}");
    }
}

#[tokio::test]
async fn a_link_leads_nowhere_else() {
    let layout = Layout::image(&[1000]);
    let tar = || Tar::new().folder(layout.path(), "");
    let nothing = "its entry `index.json` is a link to a missing entry";
    for (tar, expected) in [
        (tar().link(EntryType::Symlink, "index.json", "/etc/passwd"), nothing),
        (tar().link(EntryType::Symlink, "index.json", "../index.json"), nothing),
        (tar().link(EntryType::Link, "index.json", "../../etc/passwd"), nothing),
        (tar().link(EntryType::Link, "index.json", "not/there"), nothing),
        (
            tar().link(EntryType::Symlink, "index.json", "a").link(
                EntryType::Symlink,
                "a",
                "index.json",
            ),
            "its entry `index.json` is a chain of more than 40 links",
        ),
    ] {
        assert_eq!(problem_of(&tar.save()).await, expected);
    }
}

#[tokio::test]
async fn what_can_not_be_read_in_place_is_refused() {
    let tar = || Tar::new().file("index.json", b"{}");
    for (tar, expected) in [
        (
            tar().entry(EntryType::GNUSparse, "a\nb", "", b"data"),
            "its entry `a\\nb` is sparse: write it without `--sparse`",
        ),
        (
            tar().pax(&[("GNU.sparse.major", "1")]).file("a", b"data"),
            "its entry `a` is sparse: write it without `--sparse`",
        ),
        (
            tar().entry(EntryType::Symlink, "a", "b", b"data"),
            "its entry `a` is not a file, but has 4 bytes",
        ),
        (
            tar().entry(EntryType::Directory, "a", "", b"data"),
            "its entry `a` is not a file, but has 4 bytes",
        ),
        (
            tar().pax(&[("size", "many")]).file("a", b"data"),
            "it is damaged: expected a tar header at byte 1024",
        ),
        (
            tar().pax(&[("size", "18446744073709551615")]).file("a", b"data"),
            "it was cut off: the entry at byte 2048 exceeds its 4096 bytes",
        ),
    ] {
        assert_eq!(problem_of(&tar.save()).await, expected);
    }
}

#[tokio::test]
async fn a_file_that_is_no_archive_is_said() {
    for (content, expected) in [
        (b"".as_slice(), "it is empty"),
        (b"junk", "it is not a tar archive"),
        (&[b'x'; 4096], "it is not a tar archive"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "it was cut off: its gzip data ends too early"),
        (b"BZh91AY", "it is not a tar archive"),
    ] {
        let saved = Saved::new(content);
        assert_eq!(without_path(&problem_of(&saved).await, &saved), expected);
    }
}

#[tokio::test]
async fn an_archive_of_something_else_is_said() {
    let neither = "the tar archive holds neither `index.json`, as an OCI layout does, nor \
                   `manifest.json`, as `docker save` writes it";
    for tar in [Tar::new(), Tar::new().file("etc/passwd", b"root")] {
        assert_eq!(problem_of(&tar.save()).await, neither);
    }
    let half = Tar::new().file("index.json", b"{}").save();
    assert_eq!(problem_of(&half).await, "its index.json lists no image");
    let folder = Tar::new().file("oci-layout/", b"").file("index.json", b"{}").save();
    assert_eq!(problem_of(&folder).await, "its entry `oci-layout` is not a file of at most 4 MiB");
}

#[tokio::test]
async fn an_archive_that_was_cut_off_is_said() {
    let layout = Layout::image(&[1000]);
    let whole = Tar::new().folder(layout.path(), "").bytes();
    let cut_off = |len: usize| Saved::new(&whole[..len]);
    assert_eq!(
        problem_of(&cut_off(700)).await,
        "it was cut off: the entry at byte 0 exceeds its 700 bytes"
    );
    assert_eq!(problem_of(&cut_off(300)).await, "it is not a tar archive");
    // Truncates the archive in the header of the second blob.
    let first = whole.windows(6).rposition(|window| window == b"blobs/").unwrap();
    assert_eq!(
        problem_of(&cut_off(first + 100)).await,
        format!("it was cut off: the entry at byte {first} exceeds its {} bytes", first + 100)
    );
    let mut damaged = whole.clone();
    damaged[first + 1] = b'x';
    assert_eq!(
        problem_of(&Saved::new(&damaged)).await,
        format!("it is damaged: expected a tar header at byte {first}")
    );
}

#[tokio::test(start_paused = true)]
async fn a_missing_blob_is_said_with_its_entry() {
    let layout = Layout::image(&[1000]);
    let image = Image::open(layout.path()).await.unwrap();
    let layer = image.layers().find(|layer| layer.size() == 1000).unwrap().digest().to_string();
    fs::remove_file(layout.blob_path(&layer)).unwrap();
    let whole = Tar::new().folder(layout.path(), "").bytes();
    let entry = format!("blobs/sha256/{}", layer.strip_prefix("sha256:").unwrap());
    let unpushable = async |saved: Saved| {
        let image = Image::open(saved.path()).await.unwrap();
        let error = World::new().await.push_image(&image, &[]).await.unwrap_err();
        problem(&error, saved.path())
    };
    assert_eq!(
        unpushable(Saved::new(&whole)).await,
        format!(
            "blob {layer} is missing: expected the entry `{entry}`; {URI} doesn't have it either"
        )
    );
    // Removes the end marker (two empty blocks), so the archive ends between two entries.
    assert_eq!(
        unpushable(Saved::new(&whole[..whole.len() - 1024])).await,
        format!(
            "blob {layer} is missing: expected the entry `{entry}`, and the archive has no end \
             marker: it may have been cut off; {URI} doesn't have it either"
        )
    );
}

#[tokio::test]
async fn a_blob_of_another_size_is_said_with_its_place() {
    let layout = Layout::image(&[1000]);
    let whole = Tar::new().folder(layout.path(), "");
    let image = Image::open(layout.path()).await.unwrap();
    let layer = image.layers().find(|layer| layer.size() == 1000).unwrap().digest().to_string();
    let entry = format!("blobs/sha256/{}", layer.strip_prefix("sha256:").unwrap());
    let bytes = whole.file(&entry, b"short").bytes();
    let start = bytes.windows(5).rposition(|window| window == b"short").unwrap();
    let saved = Saved::new(&bytes);
    let error = Image::open(saved.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BlobMismatch);
    assert_eq!(
        without_path(&error.to_string(), &saved),
        format!(
            "blob {layer} has 5 bytes instead of 1000: the file {{path}} from byte {start} on was \
             cut off or changed"
        )
    );
}

#[tokio::test]
async fn an_archive_of_a_file_system_is_given_up() {
    let mut tar = Tar::new();
    for at in 0..=100_000 {
        tar = tar.file(&at.to_string(), b"");
    }
    assert_eq!(
        problem_of(&tar.save()).await,
        "it has more than 100000 entries or names of more than 16777216 bytes, too many for an \
         image"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_device_is_not_read() {
    let error = Image::open("/dev/zero").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(error.to_string(), "\"/dev/zero\" is a device, not a regular file");
}
