//! Artifacts: the same bytes each time, and hostile archives.

use proptest::prelude::*;

use super::*;
use crate::pipeline::artifact::reader::ArtifactReader;

/// A zip file as other tools write it: compressed, and with any names.
fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn definitions() -> ImageDefinitions {
    r#"[{"name": "web", "imageUri": "httpd:2.4"}]"#.parse().unwrap()
}

fn open_error(bytes: Vec<u8>) -> String {
    let error = ArtifactReader::from_bytes(bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArtifact);
    error.to_string()
}

#[test]
fn the_same_files_are_the_same_bytes() {
    let bytes = Artifact::from_definitions(&definitions()).unwrap().to_bytes().unwrap();
    // The sizes add up, so the file contains nothing of the machine or the date.
    let content = definitions().to_string();
    let name = ImageDefinitions::FILE_NAME;
    let find = |needle: &[u8]| bytes.windows(needle.len()).position(|it| it == needle);
    assert_eq!(bytes.len(), 30 + name.len() + content.len() + 46 + name.len() + 22);
    assert_eq!(find(name.as_bytes()), Some(30));
    assert_eq!(find(content.as_bytes()), Some(30 + name.len()));
    // The time and date of the local header: midnight, 1980-01-01.
    assert_eq!(bytes[10..14], [0, 0, 0x21, 0]);

    let mut one = Artifact::new();
    one.insert("a", "1").unwrap();
    one.insert("b/c", "2").unwrap();
    let mut other = Artifact::new();
    other.insert("b/c", "2").unwrap();
    other.insert("a", "1").unwrap();
    assert_eq!(one.to_bytes().unwrap(), other.to_bytes().unwrap());
}

#[test]
fn files_are_written_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("artifact.zip");
    Artifact::from_definitions(&definitions()).unwrap().write(&path).unwrap();
    let mut artifact = ArtifactReader::open(&path).unwrap();
    assert_eq!(artifact.names().collect::<Vec<_>>(), [ImageDefinitions::FILE_NAME]);
    assert_eq!(artifact.definitions(ImageDefinitions::FILE_NAME).unwrap(), definitions());

    let detail = ImageDetail::new("httpd:2.4".parse().unwrap());
    let bytes = Artifact::from_detail(&detail).to_bytes().unwrap();
    assert_eq!(ArtifactReader::from_bytes(bytes).unwrap().image_detail().unwrap(), detail);

    let missing = folder.path().join("other.zip");
    let error = ArtifactReader::open(&missing).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), format!("file `{}` not found", missing.display()));
    let error = Artifact::from_definitions(&ImageDefinitions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Empty);
}

#[test]
fn names_that_lead_out_are_refused_when_written_and_when_read() {
    for (name, reason) in [
        ("../x", "the path leads out of the artifact"),
        ("a/../../x", "the path leads out of the artifact"),
        ("/etc/x", "the path is absolute"),
        ("C:x", "the path is absolute"),
        ("a\\x", "folders are separated by `/`"),
        ("a//x", "a part of the path is empty or `.`"),
        ("./x", "a part of the path is empty or `.`"),
        ("a\nx", "the path has a control character"),
    ] {
        let error = Artifact::new().insert(name, "").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArtifact);
        let quoted = Quoted(name);
        let message = format!("cannot add the file {quoted} to the artifact: {reason}");
        assert_eq!(error.to_string(), message);
        assert_eq!(
            open_error(zip_of(&[(name, b"")])),
            format!("cannot use the artifact: file {quoted}: {reason}")
        );
    }
    let error = Artifact::new().insert("", "").unwrap_err();
    assert_eq!(error.to_string(), "cannot add the file `` to the artifact: the path is empty");
    let mut artifact = Artifact::new();
    artifact.insert("x", "1").unwrap();
    let error = artifact.insert("x", "2").unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot add the file `x` to the artifact: the artifact already has it"
    );
}

#[test]
fn a_file_that_is_not_there_is_named_with_the_one_that_was_meant() {
    for (present, hint) in [
        (
            "build/imagedefinitions.json",
            ": it has `build/imagedefinitions.json`, but the file has to be in the root, without \
             the folder that it was zipped from",
        ),
        ("imagedefinition.json", ": the nearest name is `imagedefinition.json`"),
        ("imageDefinitions.json", ": the nearest name is `imageDefinitions.json`"),
        ("appspec.yaml", ""),
    ] {
        let mut artifact = ArtifactReader::from_bytes(zip_of(&[(present, b"")])).unwrap();
        let error = artifact.definitions(ImageDefinitions::FILE_NAME).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let what = "file `imagedefinitions.json` not found in the artifact";
        assert_eq!(error.to_string(), format!("{what}{hint}"));
    }
}

#[test]
fn a_bomb_does_not_go_off() {
    let zeros = vec![b' '; 64 << 20];
    let bytes = zip_of(&[(ImageDefinitions::FILE_NAME, &zeros)]);
    assert!(bytes.len() < 100_000, "{}", bytes.len());
    let mut artifact = ArtifactReader::from_bytes(bytes.clone()).unwrap();
    let error = artifact.definitions(ImageDefinitions::FILE_NAME).unwrap_err();
    assert_eq!(error.problems()[0].what(), "the file has more than 102400 bytes");
    let error = artifact.read(ImageDefinitions::FILE_NAME, 1000).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArtifact);
    assert_eq!(
        error.to_string(),
        "cannot read `imagedefinitions.json` in the artifact: it has more than 1000 bytes"
    );

    // An archive that claims a size of one byte.
    let mut lying = bytes;
    let size = u32::try_from(zeros.len()).unwrap().to_le_bytes();
    let places = lying.windows(4).enumerate().filter(|(_, it)| *it == size);
    let places = places.map(|(at, _)| at).collect::<Vec<_>>();
    assert!(!places.is_empty());
    for at in places {
        lying[at..at + 4].copy_from_slice(&1_u32.to_le_bytes());
    }
    if let Ok(mut artifact) = ArtifactReader::from_bytes(lying) {
        let outcome = artifact.read(ImageDefinitions::FILE_NAME, 1000);
        assert!(outcome.is_err() || outcome.is_ok_and(|bytes| bytes.len() <= 1000));
    }
}

#[test]
fn too_many_files_are_refused() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for number in 0..=ArtifactReader::MAX_FILES {
        writer.start_file(number.to_string(), options).unwrap();
    }
    assert_eq!(
        open_error(writer.finish().unwrap().into_inner()),
        "cannot use the artifact: it has 100001 files, more than 100000"
    );
}

#[test]
fn what_is_no_zip_file_or_is_damaged_is_refused() {
    assert_eq!(
        open_error(b"[]".to_vec()),
        "cannot read the artifact: invalid Zip archive: Could not find EOCD"
    );
    // Two files of one name: a reader may use either.
    let mut twice = zip_of(&[("a", b"1"), ("b", b"2")]);
    for at in 0..twice.len() - 1 {
        // The name begins right after the header, and the content follows it.
        if twice[at] == b'b' && twice[at - 2..at] == [0, 0] {
            twice[at] = b'a';
        }
    }
    assert_eq!(open_error(twice), "cannot use the artifact: two files in it have the same name");

    let mut damaged = Artifact::from_definitions(&definitions()).unwrap().to_bytes().unwrap();
    damaged[60] ^= 1;
    let mut artifact = ArtifactReader::from_bytes(damaged).unwrap();
    let error = artifact.definitions(ImageDefinitions::FILE_NAME).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArtifact);
    assert_eq!(
        error.to_string(),
        "cannot read `imagedefinitions.json` in the artifact: Invalid checksum"
    );
}

proptest! {
    #[test]
    fn files_survive_zip_and_unzip(
        files in prop::collection::btree_map(
            "[a-zA-Z0-9._-]{0,4}[a-z](/[a-z]{1,4}){0,2}",
            prop::collection::vec(any::<u8>(), 0..200),
            0..6,
        )
    ) {
        let mut artifact = Artifact::new();
        for (name, content) in &files {
            artifact.insert(name, content.as_slice()).unwrap();
        }
        let mut read = ArtifactReader::from_bytes(artifact.to_bytes().unwrap()).unwrap();
        let names = read.names().map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(&names, &files.keys().cloned().collect::<Vec<_>>());
        for (name, content) in &files {
            prop_assert_eq!(&read.read(name, 200).unwrap(), content);
        }
    }

    /// No archive causes a panic, or more bytes than the limit.
    #[test]
    fn damaged_archives_are_read_or_refused(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let text = definitions().to_string().repeat(20);
        let mut bytes = zip_of(&[("imagedefinitions.json", text.as_bytes()), ("a/b", b"c")]);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let cut = cut.index(bytes.len() * 3);
        bytes.truncate(cut);
        if let Ok(mut artifact) = ArtifactReader::from_bytes(bytes) {
            for name in artifact.names().map(str::to_owned).collect::<Vec<_>>() {
                let _ = artifact.read(&name, 50).map(|content| assert!(content.len() <= 50));
            }
        }
    }
}
