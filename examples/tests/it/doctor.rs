//! Tests of `doctor`: its report, its repairs and its exit codes.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::program::{Ended, Program};

const VALID: &str = r#"[{"name": "web", "imageUri": "shop/web:1.4.2"}]"#;

async fn doctor(folder: &Path, arguments: &[&str]) -> Ended {
    Program::doctor().with(arguments).within(folder).run().await
}

fn folder_with(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

#[tokio::test]
async fn a_valid_file_is_0() {
    let folder = folder_with(&[("imagedefinitions.json", VALID)]);
    let ended = doctor(folder.path(), &[]).await;
    let expected = (0, "imagedefinitions.json: no error\n", "");
    assert_eq!((ended.code, &*ended.stdout, &*ended.stderr), expected);

    let latest = VALID.replace("1.4.2", "latest");
    let folder = folder_with(&[("imagedefinitions.json", &latest)]);
    let ended = doctor(folder.path(), &["--fix"]).await;
    assert_eq!(ended.code, 0);
    assert!(ended.stdout.ends_with("\nno error; 1 warning\n"), "{}", ended.stdout);
    assert_eq!(fs::read_to_string(folder.path().join("imagedefinitions.json")).unwrap(), latest);
}

#[tokio::test]
async fn a_broken_file_is_1_and_explained() {
    let broken = "[\n  {\"name\": \"web\", \"imageUrl\": \"shop/web:1.4.2\"}\n\
                  \x20 {\"name\": \"log\", \"imageUri\": \"$LOG_IMAGE\"}\n]\n";
    let folder = folder_with(&[("imagedefinitions.json", broken)]);
    let report = r#"imagedefinitions.json:2:19: error: misnamed member `imageUrl`: expected `imageUri`
  |   {"name": "web", "imageUrl": "shop/web:1.4.2"}
  |                   ^
  cause:  CodePipeline looks for exactly `name` and `imageUri`
  cure:   rename the member
  repair: the member is renamed

imagedefinitions.json:2:48: error: missing comma
  |   {"name": "web", "imageUrl": "shop/web:1.4.2"}
  |                                                ^
  cause:  a loop that prints definitions one by one puts no comma between them
  cure:   add a comma, or collect the definitions with `jq -s .`
  AWS:    The image definition file imagedefinitions.json contains invalid JSON format
  repair: a comma is added

imagedefinitions.json:3:32: error: `$LOG_IMAGE` was not replaced
  |   {"name": "log", "imageUri": "$LOG_IMAGE"}
  |                                ^
  cause:  the shell does not replace a variable in single quotes, and no other step replaced this one
  cure:   print the value with `printf` and `%s`, or write the file with a program
  AWS:    Container.image contains invalid characters.

3 errors, 1 of them without a certain repair
"#;
    // A problem without a certain repair prevents all repairs.
    let refused = "not repaired: some problems have no certain repair\n";
    for (arguments, end) in [(&[][..], ""), (&["--fix"], refused)] {
        let ended = doctor(folder.path(), arguments).await;
        assert_eq!(ended.code, 1);
        assert_eq!(ended.stdout, format!("{report}{end}"));
        let expected = "error: CodePipeline would not accept `imagedefinitions.json`\n";
        assert_eq!(ended.stderr, expected);
        let content = fs::read_to_string(folder.path().join("imagedefinitions.json")).unwrap();
        assert_eq!(content, broken);
    }
}

#[tokio::test]
async fn certain_repairs_are_made_in_place() {
    let broken = "{\"name\": \"web\", \"imageUrl\": \"shop/web:latest\"}\n";
    let folder = folder_with(&[("imagedefinitions.json", broken)]);
    let ended = doctor(folder.path(), &["--fix"]).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""));
    let expected = r#"imagedefinitions.json:1:1: repaired: the file is an object, not an array: the object is put into an array
imagedefinitions.json:1:17: repaired: misnamed member `imageUrl`: expected `imageUri`: the member is renamed
imagedefinitions.json:1:31: warning: `shop/web:latest` has the tag `latest`
  | [{"name": "web", "imageUri": "shop/web:latest"}]
  |                               ^
  cause:  `latest` is an ordinary tag that any push can move, so it may not be the image of this build
  cure:   use the digest of the image, or at least a unique tag for each build

no error; 1 warning
"#;
    assert_eq!(ended.stdout, expected);
    assert_eq!(
        fs::read_to_string(folder.path().join("imagedefinitions.json")).unwrap(),
        "[{\"name\": \"web\", \"imageUri\": \"shop/web:latest\"}]\n"
    );
}

#[tokio::test]
async fn a_misspelled_file_name_is_1() {
    let folder = folder_with(&[("imagedefinition.json", VALID)]);
    let ended = doctor(folder.path(), &["imagedefinition.json"]).await;
    assert_eq!(ended.code, 1);
    assert!(
        ended.stdout.starts_with(
            "imagedefinition.json:1:1: warning: the file is named `imagedefinition.json`\n"
        ),
        "{}",
        ended.stdout
    );
    let ended = doctor(folder.path(), &[]).await;
    assert_eq!(ended.code, 1);
    let expected = "imagedefinitions.json: error: file `imagedefinitions.json` not found: the folder \
                    has `imagedefinition.json`; CodePipeline looks for exactly \
                    `imagedefinitions.json`, unless its action sets `FileName`\n";
    assert_eq!(ended.stdout, expected);
    assert_eq!(ended.stderr, "error: CodePipeline would not accept `imagedefinitions.json`\n");
}

#[tokio::test]
async fn all_files_are_checked_before_it_fails() {
    let folder = folder_with(&[("a.json", "[]"), ("b.json", VALID), ("c.json", "")]);
    let files = ["a.json", "missing.json", "b.json", "c.json"];
    let ended = doctor(folder.path(), &files).await;
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.contains("a.json:1:1: error: the array is empty\n"));
    assert!(ended.stdout.contains("c.json:1:1: error: the file is empty\n"));
    assert!(ended.stdout.contains("\nmissing.json: error: "), "{}", ended.stdout);
    let expected =
        "error: CodePipeline would not accept `a.json` and `missing.json` and `c.json`\n";
    assert_eq!(ended.stderr, expected);
}

#[tokio::test]
async fn bad_usage_is_2() {
    let folder = TempDir::new().unwrap();
    let ended = doctor(folder.path(), &["--repair"]).await;
    assert_eq!((ended.code, &*ended.stdout), (2, ""));
}
