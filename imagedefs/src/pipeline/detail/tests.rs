//! Image details: parsing, and refusals.

use super::*;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const REPOSITORY: &str = "111122223333.dkr.ecr.us-west-2.amazonaws.com/shop/web";

#[test]
fn reads_what_the_source_action_writes() {
    let text = format!(
        r#"{{"ImageSizeInBytes":"44728918","ImageDigest":"{DIGEST}","Version":"1.0",
        "ImagePushedAt":"Mon Jan 21 20:04:00 UTC 2019","RegistryId":"111122223333",
        "RepositoryName":"shop/web","ImageURI":"{REPOSITORY}@{DIGEST}","ImageTags":["latest"],
        "Later":{{"x":[1.5,null]}}}}"#
    );
    let detail = text.parse::<ImageDetail>().unwrap();
    assert_eq!(detail.image_uri().unwrap().as_str(), format!("{REPOSITORY}@{DIGEST}"));
    assert_eq!(detail.size(), Some(44_728_918));
    assert_eq!(detail.digest(), Some(DIGEST));
    assert_eq!(detail.registry_id(), Some("111122223333"));
    assert_eq!(detail.repository_name(), Some("shop/web"));
    assert_eq!(detail.tags(), ["latest"]);
    let pushed = detail.pushed_at().unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(pushed.as_secs(), 1_548_101_040);

    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(value(&detail.to_string()), value(&text));
    assert_eq!(detail.to_string().parse::<ImageDetail>().unwrap(), detail);
    assert_eq!(serde_json::from_str::<ImageDetail>(&text).unwrap(), detail);
}

#[test]
fn the_reference_has_the_digest_and_no_tag() {
    for (uri, digest) in [
        (format!("{REPOSITORY}:latest"), Some(DIGEST)),
        (format!("{REPOSITORY}:latest@{DIGEST}"), None),
        (format!("{REPOSITORY}@{DIGEST}"), Some(DIGEST)),
    ] {
        let text = serde_json::json!({"ImageURI": uri, "ImageDigest": digest}).to_string();
        let detail = text.parse::<ImageDetail>().unwrap();
        assert_eq!(detail.written_uri().as_str(), uri);
        assert_eq!(detail.image_uri().unwrap().as_str(), format!("{REPOSITORY}@{DIGEST}"));
    }
    let detail = ImageDetail::new("httpd:2.4".parse().unwrap());
    let error = detail.image_uri().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoDigest);
    assert_eq!(
        error.to_string(),
        "the image detail has no digest of `httpd:2.4`: write `ImageURI` as REPOSITORY@sha256:…"
    );
    assert_eq!(detail.to_string(), "{\n  \"ImageURI\": \"httpd:2.4\"\n}\n");
}

#[test]
fn what_is_wrong_is_said_all_at_once() {
    for (text, message) in [
        (
            "",
            "cannot use the image detail: invalid JSON: EOF while parsing a value at line 1 \
             column 0",
        ),
        (
            "[]",
            "cannot use the image detail: expected an object, found an array, as in an \
             imagedefinitions.json",
        ),
        ("1", "cannot use the image detail: invalid type: integer `1`, expected an object"),
        ("{}", "cannot use the image detail: missing member `ImageURI`"),
        (
            r#"{"imageUri": "web:1"}"#,
            "cannot use the image detail: misnamed member `imageUri`: expected `ImageURI`",
        ),
        (
            r#"{"ImageURI": "111122223333.dkr.ecr.us-west-2.amazonaws.com/web:1",
                "RegistryId": "444455556666", "RepositoryName": "shop", "ImageDigest": "sha256:0",
                "ImageSizeInBytes": "44 MB"}"#,
            "cannot use the image detail:\n  \
             invalid `ImageSizeInBytes` `44 MB`: expected a number of bytes\n  \
             `ImageDigest`: the digest has 1 digits instead of 64\n  \
             `RegistryId` is `444455556666`, but `ImageURI` has `111122223333`\n  \
             `RepositoryName` is `shop`, but `ImageURI` has `web`",
        ),
        (
            // The user guide prints it this way.
            r#"{"ImageURI": "ACCOUNTID.dkr.ecr.us-west-2.amazonaws.com/web@sha256:example3"}"#,
            "cannot use the image detail:\n  \
             `ImageURI`: invalid AWS account `ACCOUNTID`: expected 12 digits\n  \
             `ImageURI`: invalid character `x` in the digest",
        ),
    ] {
        let error = text.parse::<ImageDetail>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidImageDetail);
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn a_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(ImageDetail::FILE_NAME);
    let error = ImageDetail::read(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), format!("file `{}` not found", path.display()));

    std::fs::write(&path, "{}").unwrap();
    let message = format!("cannot use `{}`: missing member `ImageURI`", path.display());
    assert_eq!(ImageDetail::read(&path).unwrap_err().to_string(), message);

    std::fs::write(&path, "\u{feff}{\"ImageURI\": \"web:1\"}").unwrap();
    assert_eq!(ImageDetail::read(&path).unwrap().written_uri().as_str(), "web:1");
}

#[test]
fn a_file_is_written_in_one_step_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(ImageDetail::FILE_NAME);
    std::fs::write(&path, "old").unwrap();
    let detail = ImageDetail::new(format!("{REPOSITORY}@{DIGEST}").parse().unwrap());
    detail.write(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), detail.to_string());
    assert_eq!(ImageDetail::read(&path).unwrap(), detail);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
