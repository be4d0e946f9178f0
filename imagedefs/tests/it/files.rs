//! Files and streams: how they are read, and how files are replaced.

use std::error::Error as _;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use imagedefs::{ErrorKind, ImageDefinitions, ProblemKind, Severity};

use imagedefs::diagnosis::Diagnosis;

const TEXT: &str = r#"[
  {
    "name": "web",
    "imageUri": "shop/web:1.4.2"
  },
  {
    "name": "proxy",
    "imageUri": "httpd:2.4"
  }
]
"#;

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>();
    names.sort();
    names
}

/// More definitions than fit into 100 KB, each of them valid.
fn too_many() -> ImageDefinitions {
    let mut definitions = ImageDefinitions::new();
    for index in 0..1500 {
        definitions.insert_tagged(format!("container-{index}"), "111122223333/web:1.4.2").unwrap();
    }
    definitions
}

#[test]
fn what_is_written_is_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(ImageDefinitions::FILE_NAME);
    let definitions = TEXT.parse::<ImageDefinitions>().unwrap();
    definitions.write(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), TEXT);
    assert_eq!(ImageDefinitions::read(&path).unwrap(), definitions);
    assert_eq!(names_in(folder.path()), ["imagedefinitions.json"]);

    definitions.write(&path).unwrap();
    assert_eq!(names_in(folder.path()), ["imagedefinitions.json"]);
}

#[test]
fn streams_hold_the_same_text() {
    let definitions = ImageDefinitions::from_reader(TEXT.as_bytes()).unwrap();
    let mut written = Vec::new();
    definitions.to_writer(&mut written).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), TEXT);
}

#[test]
fn a_write_that_is_refused_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("definitions.json");
    fs::write(&path, "old").unwrap();

    let error = ImageDefinitions::new().write(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Empty);
    assert_eq!(error.to_string(), "no image definitions to write: insert one first");
    let error = too_many().write(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(
        error.to_string(),
        "the image definitions have 118893 bytes, more than the 100000 that CodePipeline reads (100 KB): \
         list only containers that get a new image"
    );

    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(names_in(folder.path()), ["definitions.json"]);
}

#[test]
fn what_is_no_regular_file_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("folder");
    fs::create_dir(&path).unwrap();
    let error = TEXT.parse::<ImageDefinitions>().unwrap().write(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Write);
    assert_eq!(error.to_string(), format!("cannot write `{}`", path.display()));
    let source = error.source().unwrap().to_string();
    assert_eq!(source, "the path exists and is not a regular file");
    assert_eq!(names_in(folder.path()), ["folder"]);
}

#[test]
fn a_missing_folder_is_an_error_of_writing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none").join("definitions.json");
    let error = TEXT.parse::<ImageDefinitions>().unwrap().write(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Write);
    let source = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(source.kind(), io::ErrorKind::NotFound);
}

#[cfg(unix)]
#[test]
fn permissions_and_links_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("definitions.json");
    let link = folder.path().join("link.json");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("definitions.json", &link).unwrap();
    TEXT.parse::<ImageDefinitions>().unwrap().write(&link).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), TEXT);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn a_failing_writer_is_an_error_of_writing() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("full"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = TEXT.parse::<ImageDefinitions>().unwrap().to_writer(Full).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Write);
    assert_eq!(error.to_string(), "cannot write the image definitions");
}

#[test]
fn a_missing_file_is_named_with_those_that_were_perhaps_meant() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(ImageDefinitions::FILE_NAME);
    let missing = format!("file `{}` not found", path.display());
    let read = || {
        let error = ImageDefinitions::read(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.problems().is_empty());
        error.to_string()
    };
    for other in ["imageDetail.json", "taskdef.json"] {
        fs::write(folder.path().join(other), "").unwrap();
    }
    assert_eq!(read(), missing);

    let cure =
        "CodePipeline looks for exactly `imagedefinitions.json`, unless its action sets `FileName`";
    fs::write(folder.path().join("imagedefinition.json"), "").unwrap();
    assert_eq!(read(), format!("{missing}: the folder has `imagedefinition.json`; {cure}"));

    fs::write(folder.path().join("image_definitions.json"), "").unwrap();
    assert_eq!(
        read(),
        format!(
            "{missing}: the folder has `image_definitions.json` and \
             `imagedefinition.json`; {cure}"
        )
    );
}

#[test]
fn a_missing_file_whose_own_name_is_nearly_right() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["imagedefinition.json", "imageDefinitions.json", "imageredefinitions.json"] {
        let path = folder.path().join(name);
        assert_eq!(
            ImageDefinitions::read(&path).unwrap_err().to_string(),
            format!(
                "file `{}` not found; CodePipeline looks for exactly `imagedefinitions.json`, \
                 unless its action sets `FileName`",
                path.display()
            )
        );
    }
}

#[test]
fn a_file_whose_name_is_nearly_right_can_be_read_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["imagedefinition.json", "imageDefinitions.json", "image-definitions.json"] {
        let path = folder.path().join(name);
        fs::write(&path, TEXT).unwrap();
        assert_eq!(ImageDefinitions::read(&path).unwrap().len(), 2);
        let diagnosis = Diagnosis::read(&path).unwrap();
        let [problem] = diagnosis.problems() else { panic!("{diagnosis:?}") };
        assert_eq!(problem.kind(), ProblemKind::FileName);
        assert_eq!(problem.severity(), Severity::Warning);
        assert_eq!(
            diagnosis.report().to_string(),
            format!(
                "{}:1:1: warning: the file is named `{name}`
  cause:  CodePipeline looks for exactly `imagedefinitions.json` unless its ECS action sets `FileName`
  cure:   rename the file, also in the `artifacts` of the buildspec, or set `FileName` to its name
  AWS:    Did not find the image definition file imagedefinitions.json in the input artifacts ZIP \
                 file. Verify the file is stored in your pipeline's Amazon S3 artifact bucket: \
                 <bucket> key: <key>

no error; 1 warning
",
                path.display()
            )
        );
        assert_eq!(diagnosis.fix().unwrap().text(), TEXT);
    }
    for name in ["imagedefinitions.json", "images.json", "imagedefinitions-production.json"] {
        let path = folder.path().join(name);
        fs::write(&path, TEXT).unwrap();
        assert!(Diagnosis::read(&path).unwrap().problems().is_empty(), "{name}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_in_other_case_is_another_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("imageDefinitions.json"), "").unwrap();
    let error = ImageDefinitions::read(folder.path().join(ImageDefinitions::FILE_NAME));
    assert!(error.unwrap_err().to_string().contains("the folder has `imageDefinitions.json`"));
}

#[test]
fn an_unreadable_file_is_an_error_of_reading() {
    let folder = tempfile::tempdir().unwrap();
    let error = ImageDefinitions::read(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Read);
    assert_eq!(error.to_string(), format!("cannot read `{}`", folder.path().display()));
    assert!(error.source().is_some());
}

#[test]
fn an_endless_stream_is_too_large() {
    let error = ImageDefinitions::from_reader(io::repeat(b'[')).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidDefinitions);
    let [problem] = error.problems() else { panic!("{error}") };
    assert_eq!(problem.kind(), ProblemKind::TooLarge);
}

#[test]
fn invalid_content_is_reported_with_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    fs::write(&path, "[]").unwrap();
    let error = ImageDefinitions::read(&path).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot use `{}`: line 1, column 1: the array is empty: a file without definitions \
             changes no container; add a definition for each container that gets a new image",
            path.display()
        )
    );
}
