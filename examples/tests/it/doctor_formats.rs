//! Tests of `doctor` on zips, image details and stdin, with other names and other formats.

use std::fs;
use std::path::Path;

use imagedefs::ImageDefinitions;
use imagedefs::artifact::Artifact;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Ended, Program};

const VALID: &str = r#"[{"name": "web", "imageUri": "shop/web:1.4.2"}]"#;
const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

async fn doctor(folder: &Path, arguments: &[&str]) -> Ended {
    Program::doctor().with(arguments).within(folder).run().await
}

#[tokio::test]
async fn the_action_can_have_another_file_name() {
    let folder = TempDir::new().unwrap();
    // Nearly the default name, but correct for this action.
    fs::write(folder.path().join("imagedefinition.json"), VALID).unwrap();
    let name = ["--file-name", "imagedefinition.json"];
    let ended = doctor(folder.path(), &name).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""));
    assert_eq!(ended.stdout, "imagedefinition.json: no error\n");

    let ended =
        doctor(folder.path(), &["--file-name", "images.json", "imagedefinition.json"]).await;
    assert_eq!(ended.code, 1);
    let expected = "imagedefinition.json:1:1: warning: the file is named \
                    `imagedefinition.json`, but CodePipeline looks for `images.json`\n";
    assert!(ended.stdout.starts_with(expected), "{}", ended.stdout);
    assert_eq!(ended.stderr, "error: CodePipeline would not accept `imagedefinition.json`\n");
}

#[tokio::test]
async fn an_image_detail_is_checked_as_one() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("imageDetail.json");
    let image = format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web@sha256:{HEX}");
    fs::write(&file, json!({ "ImageURI": image }).to_string()).unwrap();
    let ended = doctor(folder.path(), &["imageDetail.json"]).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""));
    assert_eq!(ended.stdout, "imageDetail.json: no error\n");
    fs::write(&file, VALID).unwrap();
    let ended = doctor(folder.path(), &["imageDetail.json"]).await;
    assert_eq!(ended.code, 1);
    let expected = "imageDetail.json:1:1: error: the file is an array, as in an \
                    imagedefinitions.json\n";
    assert!(ended.stdout.starts_with(expected), "{}", ended.stdout);
    fs::write(&file, "{\n  \"ImageURI\": \"web:\"\n}").unwrap();
    let ended = doctor(folder.path(), &["imageDetail.json"]).await;
    assert_eq!(ended.code, 1);
    let expected = "imageDetail.json:2:20: error: the tag is empty\n";
    assert!(ended.stdout.starts_with(expected), "{}", ended.stdout);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_report_that_is_lost_is_a_failure() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("imagedefinitions.json"), VALID).unwrap();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let program = env!("CARGO_BIN_EXE_doctor");
    let mut command = std::process::Command::new(program);
    let output = command.current_dir(folder.path()).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("error: can't write the result to stdout: "), "{stderr}");
}

#[tokio::test]
async fn a_zip_is_checked_by_its_content() {
    let folder = TempDir::new().unwrap();
    let zip = |name: &str, files: &[(&str, &str)]| {
        let mut artifact = Artifact::new();
        for (file, content) in files {
            artifact.insert(file, *content).unwrap();
        }
        artifact.write(folder.path().join(name)).unwrap();
    };
    zip("valid.zip", &[(ImageDefinitions::FILE_NAME, VALID)]);
    zip("broken.zip", &[(ImageDefinitions::FILE_NAME, "[]")]);
    zip("nested.zip", &[("build/imagedefinitions.json", VALID)]);
    let files = ["valid.zip", "broken.zip", "nested.zip"];
    let ended = doctor(folder.path(), &files).await;
    assert_eq!(ended.code, 1);
    let start = "valid.zip:imagedefinitions.json: no error\n\
                 broken.zip:imagedefinitions.json:1:1: error: the array is empty\n";
    assert!(ended.stdout.starts_with(start), "{}", ended.stdout);
    assert!(ended.stdout.contains("\nnested.zip: error: "), "{}", ended.stdout);
    assert!(ended.stdout.contains("build/imagedefinitions.json"), "{}", ended.stdout);
    let expected = "error: CodePipeline would not accept `broken.zip:imagedefinitions.json` and \
                    `nested.zip`\n";
    assert_eq!(ended.stderr, expected);
}

#[tokio::test]
async fn stdin_is_a_file() {
    for (text, code, stdout) in [(VALID, 0, "stdin: no error\n"), ("[]", 1, "stdin:1:1: error: ")] {
        let ended = Program::doctor().with(&["-"]).stdin(text).run().await;
        assert_eq!(ended.code, code);
        assert!(ended.stdout.starts_with(stdout), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn json_has_every_problem() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.json"), VALID).unwrap();
    let broken = r#"[{"name": "web", "imageUrl": "shop/web:1.4.2"}]"#;
    fs::write(folder.path().join("b.json"), broken).unwrap();
    let ended = doctor(folder.path(), &["--format", "json", "a.json", "b.json"]).await;
    assert_eq!(ended.code, 1);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report[0], json!({ "file": "a.json", "valid": true, "problems": [] }));
    assert_eq!((&report[1]["file"], &report[1]["valid"]), (&json!("b.json"), &json!(false)));
    let [problem] = report[1]["problems"].as_array().unwrap().as_slice() else {
        panic!("{report}")
    };
    assert_eq!(problem["severity"], "error");
    assert_eq!(problem["kind"], "misnamedMember");
    assert_eq!((&problem["line"], &problem["column"]), (&json!(1), &json!(18)));
    for member in ["message", "cause", "cure", "repair"] {
        assert!(problem[member].is_string(), "{member}: {problem}");
    }
}

#[tokio::test]
async fn github_gets_one_escaped_annotation_for_each_problem() {
    let folder = TempDir::new().unwrap();
    let text = r#"[{"name": "web", "imageUri": "shop/web:latest"},
                   {"name": "a%b", "imageUri": "shop/web:1"}]"#;
    fs::write(folder.path().join("a,b.json"), text).unwrap();
    let ended = doctor(folder.path(), &["--format", "github", "a,b.json"]).await;
    assert_eq!(ended.code, 1);
    let [warning, error] = ended.stdout.lines().collect::<Vec<_>>()[..] else {
        panic!("{}", ended.stdout)
    };
    assert!(warning.starts_with("::warning file=a%2Cb.json,line=1,col=31,title=latest::"));
    assert!(error.starts_with("::error file=a%2Cb.json,line=2,col="), "{error}");
    assert!(error.contains("title=containerNameCharacter::"), "{error}");
    assert!(error.contains("%0Acause: ") && error.contains("%0Acure: "), "{error}");
    assert!(error.contains("::invalid character `%25` in a container name%0A"), "{error}");
}
