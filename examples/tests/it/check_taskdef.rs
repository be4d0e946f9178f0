//! Tests of `check_taskdef`: its report, its repairs and its exit codes.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Ended, Program};

const BROKEN: &str = r#"{
  "family": "web",
  "containerDefinitions": [
    {"name": "web", "image": "web:1", "memory": "512",
     "enviroment": [{"name": "PORT", "value": 80}]}
  ]
}
"#;

async fn check(content: &[u8], arguments: &[&str]) -> (Ended, String) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("web.json");
    fs::write(&file, content).unwrap();
    let program = Program::check_taskdef().with(arguments).with(&["web.json"]);
    let ended = program.within(folder.path()).run().await;
    (ended, String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned())
}

#[tokio::test]
async fn a_valid_file_is_0_in_every_encoding() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/service/task-definition.json");
    let text = fs::read_to_string(sample).unwrap();
    let utf_16: Vec<u8> =
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    for content in [text.as_bytes(), &utf_16] {
        let (ended, _) = check(content, &[]).await;
        assert_eq!((ended.code, &*ended.stdout, &*ended.stderr), (0, "web.json: no problem\n", ""));
    }
}

#[tokio::test]
async fn each_problem_has_its_place_cause_and_cure() {
    let (ended, kept) = check(BROKEN.as_bytes(), &[]).await;
    assert_eq!(ended.code, 1);
    assert_eq!(
        ended.stdout,
        "web.json:4:39: error: `containerDefinitions[0].memory` is the string \"512\", but an \
         integer is expected\n  cause: quotation marks are missing or not needed\n  cure: write \
         512\n  --fix repairs it\n\
         web.json:5:6: error: `containerDefinitions[0].enviroment` isn't a member that ECS knows \
         (did you mean `environment`?)\n  cause: the member is misspelled, in the wrong place, or \
         newer than this build of the SDK\n  cure: rename it to `environment`, because ECS would \
         drop it silently\n  --fix repairs it\n"
    );
    assert_eq!(ended.stderr, "error: ECS would refuse or change `web.json`\n");
    assert_eq!(kept, BROKEN);
}

#[tokio::test]
async fn certain_repairs_are_made_and_nothing_else_changes() {
    let (ended, kept) = check(BROKEN.as_bytes(), &["--fix"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout.matches(": repaired: ").count(), 3, "{}", ended.stdout);
    let expected = BROKEN
        .replace("\"512\"", "512")
        .replace("enviroment", "environment")
        .replace(": 80}", ": \"80\"}");
    assert_eq!(kept, expected);
}

#[tokio::test]
async fn a_placeholder_is_left_to_the_author() {
    let content = BROKEN.replace("web:1", "<IMAGE1_NAME>");
    let (ended, _) = check(content.as_bytes(), &["--fix"]).await;
    assert_eq!(ended.code, 1);
    let expected = "web.json:4:21: error: `containerDefinitions[0].image` contains the placeholder \
                    `<IMAGE1_NAME>`\n";
    assert!(ended.stdout.contains(expected), "{}", ended.stdout);
}

#[tokio::test]
async fn the_report_has_formats_for_machines() {
    let (ended, _) = check(BROKEN.as_bytes(), &["--format", "json"]).await;
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report[0]["isValid"], false);
    assert_eq!(report[0]["problems"][0]["kind"], "type");
    assert_eq!(report[0]["problems"][0]["line"], 4);
    assert_eq!(report[0]["problems"][0]["isRepairable"], true);
    let (ended, _) = check(BROKEN.as_bytes(), &["--format", "github"]).await;
    let line = ended.stdout.lines().next().unwrap();
    assert_eq!(
        line,
        "::error file=web.json,line=4,col=39::`containerDefinitions[0].memory` is the string \
         \"512\", but an integer is expected: write 512"
    );
}

#[tokio::test]
async fn other_formats_and_missing_files_are_1_and_no_file_is_2() {
    let (ended, _) = check(b"family: web\n", &[]).await;
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.contains("it is YAML: convert it to JSON"), "{}", ended.stdout);
    let ended = Program::check_taskdef().with(&["/missing.json"]).run().await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.starts_with("error: `/missing.json` couldn't be read\n"));
    assert_eq!(Program::check_taskdef().run().await.code, 2);
    let ended = Program::check_taskdef().with(&["-"]).stdin(BROKEN).run().await;
    assert!(ended.stdout.starts_with("stdin:4:39: error: "), "{}", ended.stdout);
}
