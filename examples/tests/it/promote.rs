//! Tests of `promote`: the same digests in another registry.

use std::fs;

use crate::program::Program;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const TO: [&str; 4] = ["--account", "444455556666", "--region", "cn-north-1"];

/// A folder with definitions of one image in ECR and one in another registry.
fn staged(end: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let image = format!("111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web{end}");
    let text = format!(
        r#"[{{"name":"web","imageUri":"{image}"}},{{"name":"proxy","imageUri":"httpd:2.4"}}]"#
    );
    fs::write(folder.path().join("imagedefinitions.json"), text).unwrap();
    folder
}

#[tokio::test]
async fn stdout_has_the_definitions_and_stderr_what_changes() {
    let folder = staged(&format!("@{DIGEST}"));
    let ended = Program::promote().with(&TO).within(folder.path()).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let promoted = format!("444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn/shop/web@{DIGEST}");
    assert_eq!(
        ended.stdout,
        format!(
            "[\n  {{\n    \"name\": \"web\",\n    \"imageUri\": \"{promoted}\"\n  }},\n  {{\n    \
             \"name\": \"proxy\",\n    \"imageUri\": \"httpd:2.4\"\n  }}\n]\n"
        )
    );
    let staged = format!("111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web@{DIGEST}");
    assert_eq!(ended.stderr, format!("web\n  - {staged}\n  + {promoted}\n"));

    let stdout = ["--output", "-"];
    let same = Program::promote().with(&TO).with(&stdout).within(folder.path()).run().await;
    assert_eq!((same.code, same.stdout), (0, ended.stdout));

    let output = ["--output", "production.json"];
    let ended = Program::promote().with(&TO).with(&output).within(folder.path()).run().await;
    assert_eq!((ended.code, &*ended.stdout), (0, ""));
    let again = ["--output", "again.json", "production.json"];
    let ended = Program::promote().with(&TO).with(&again).within(folder.path()).run().await;
    assert_eq!(
        (ended.code, &*ended.stderr),
        (0, "nothing to promote: all images have this registry\n")
    );
    assert_eq!(
        fs::read(folder.path().join("production.json")).unwrap(),
        fs::read(folder.path().join("again.json")).unwrap()
    );
}

#[tokio::test]
async fn an_image_without_a_digest_needs_an_option() {
    let folder = staged(":1.4.2");
    let ended = Program::promote().with(&TO).within(folder.path()).run().await;
    assert_eq!((ended.code, &*ended.stdout), (1, ""));
    let expected = "error: the image 111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1.4.2 \
                    of container `web` has no digest: use its digest, or --allow-tagged\n";
    assert_eq!(ended.stderr, expected);
    let arguments = ["--allow-tagged", "--from", "111122223333"];
    let ended = Program::promote().with(&TO).with(&arguments).within(folder.path()).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("\"444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn/shop/web:1"));
}

#[tokio::test]
async fn bad_usage_is_2() {
    let ended = Program::promote().with(&TO[..2]).run().await;
    assert_eq!((ended.code, &*ended.stdout), (2, ""));
}

#[tokio::test]
async fn several_accounts_need_a_choice() {
    let folder = tempfile::tempdir().unwrap();
    let images = ["111122223333", "210987654321"]
        .map(|account| format!("{account}.dkr.ecr.eu-west-1.amazonaws.com/shop/web@{DIGEST}"));
    let [web, log] = &images;
    let text =
        format!(r#"[{{"name":"web","imageUri":"{web}"}},{{"name":"log","imageUri":"{log}"}}]"#);
    fs::write(folder.path().join("imagedefinitions.json"), text).unwrap();
    let ended = Program::promote().with(&TO).within(folder.path()).run().await;
    assert_eq!((ended.code, &*ended.stdout), (1, ""));
    let expected = "error: the images are in the accounts 111122223333 and 210987654321: choose \
                    one with --from\n";
    assert_eq!(ended.stderr, expected);
}
