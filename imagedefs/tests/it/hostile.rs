//! Hostile text and hostile files: nothing is printed raw, nothing is unbounded, nothing hangs.

use std::error::Error as _;

use imagedefs::codebuild::CodeBuildEnv;
use imagedefs::containers::ContainerMap;
use imagedefs::detail::ImageDetail;
use imagedefs::diagnosis::Diagnosis;
use imagedefs::event::EcrImageEvent;
use imagedefs::promotion::Promotion;
use imagedefs::published::PublishedImage;
use imagedefs::rule::{Decision, DeployRule, NamePattern};
use imagedefs::templates::BlueGreenTemplates;
use imagedefs::{Error, ErrorKind, ImageDefinitions, ImageUri};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// Pieces of text that a terminal or a CI runner obeys, between harmless ones.
const PIECES: [&str; 24] = [
    "\n",
    "\r\n",
    "\t",
    "\u{1b}[2J",
    "\u{9b}31m",
    "\u{7f}",
    "\u{0}",
    "\u{2028}",
    "\u{2029}",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{feff}",
    "\u{e0041}",
    "##[error]",
    "##vso[task.x]",
    "::error::",
    "::",
    "#",
    "[",
    "web",
    ":1",
    "/",
    " ",
];

fn hostile() -> impl Strategy<Value = String> {
    prop::collection::vec(select(&PIECES[..]), 1..6).prop_map(|pieces| pieces.concat())
}

/// Checks each line of what is printed.
fn check(shown: &str) {
    for line in shown.split('\n') {
        assert!(!line.chars().any(char::is_control), "{shown:?}");
        let is_hidden =
            |c: char| "\u{2028}\u{2029}\u{202e}\u{2066}\u{200b}\u{feff}\u{e0041}".contains(c);
        assert!(!line.contains(is_hidden), "{shown:?}");
        assert!(!line.contains("##[") && !line.contains("##vso["), "{shown:?}");
        assert!(!line.trim_start().starts_with("::"), "{shown:?}");
    }
    assert!(shown.len() < 100_000, "{} bytes", shown.len());
}

fn check_error(error: &Error) {
    check(&error.to_string());
    check(&format!("{error:?}"));
    error.problems().iter().for_each(|problem| {
        check(&problem.to_string());
        check(problem.what());
    });
    let mut source = error.source();
    while let Some(error) = source {
        check(&error.to_string());
        source = error.source();
    }
}

fn check_result<T>(result: Result<T, Error>) {
    if let Err(error) = result {
        check_error(&error);
    }
}

fn check_diagnosis(diagnosis: &Diagnosis) {
    check(&diagnosis.report().to_string());
    check_result(diagnosis.fix());
    check_result(diagnosis.clone().into_definitions());
}

/// Replaces each string of a value in turn, and each name of a member.
fn with_hostile(value: &Value, text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let whole = value.to_string();
    let mut strings = Vec::new();
    collect(value, &mut strings);
    for string in strings {
        all.push(whole.replacen(&json!(string).to_string(), &json!(text).to_string(), 1));
        all.push(whole.replacen(&string, text, 1));
    }
    all
}

fn collect(value: &Value, strings: &mut Vec<String>) {
    match value {
        Value::String(text) => strings.push(text.clone()),
        Value::Array(elements) => elements.iter().for_each(|it| collect(it, strings)),
        Value::Object(members) => members.iter().for_each(|(key, it)| {
            strings.push(key.clone());
            collect(it, strings);
        }),
        _ => {}
    }
}

fn digest() -> String {
    format!("sha256:{}", "0123456789abcdef".repeat(4))
}

fn rule() -> DeployRule {
    DeployRule::new(["shop/*".parse().unwrap()], ["v*".parse().unwrap()]).unwrap()
}

fn event() -> Value {
    json!({
        "source": "aws.ecr", "detail-type": "ECR Image Action", "account": "111122223333",
        "region": "eu-west-1", "detail": {
            "action-type": "PUSH", "result": "SUCCESS", "repository-name": "shop/web",
            "image-tag": "v1", "image-digest": digest(), "manifest-media-type": "x",
            "artifact-media-type": "y",
        }
    })
}

proptest! {
    #[test]
    fn names_and_references_are_quoted(text in hostile()) {
        let mut definitions = ImageDefinitions::new();
        for image in [text.clone(), format!("web:{text}"), format!("a.b/{text}@{text}")] {
            check_result(image.parse::<ImageUri>());
            check_result(definitions.insert("web", &image));
            check_result(definitions.insert_tagged(&text, &image));
        }
        let mut map = ContainerMap::new();
        check_result(map.insert(&text, &text));
        check_result(text.parse::<NamePattern>());
        check_result(Promotion::new(&text, &text));
        check_result(Promotion::new("111122223333", "eu-west-1")
            .and_then(|it| definitions.promote(&it.from_account(&text))));
        check_result(PublishedImage::new(&text, &text)
            .and_then(|it| it.image_uri(&text, &text)));
        let rule = rule();
        check_result(rule.input_transformer(&text));
        check_result(rule.input_transformer("S")
            .and_then(|it| it.variable(&text, imagedefs::rule::EventValue::Tag)));
        check_result(CodeBuildEnv::from_vars([("CODEBUILD_BUILD_ARN", text.as_str())]));
        let build = CodeBuildEnv::from_vars([
            ("CODEBUILD_BUILD_ARN", "arn:aws:codebuild:eu-west-1:111122223333:build/a:1"),
            ("CODEBUILD_SOURCE_VERSION", text.as_str()),
        ]);
        check_result(build.unwrap().revision());
    }

    #[test]
    fn documents_are_quoted(text in hostile()) {
        let definitions = json!([{ "name": "web", "imageUri": "shop/web:1", "more": "x" }]);
        for content in with_hostile(&definitions, &text) {
            check_diagnosis(&Diagnosis::new(&content));
            check_result(content.parse::<ImageDefinitions>());
        }
        check_diagnosis(&Diagnosis::new(format!("{text}{definitions}{text}")));
        for content in with_hostile(&json!({ "shop/web": ["web", "log"] }), &text) {
            check_result(content.parse::<ContainerMap>());
            #[cfg(feature = "toml")]
            check_result(ContainerMap::from_toml(&content.replace(':', "=")));
        }
        let image = format!("111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1@{}", digest());
        let detail = json!({
            "ImageURI": image, "ImageDigest": digest(), "RegistryId": "111122223333",
            "RepositoryName": "shop/web", "ImageSizeInBytes": "1", "ImageTags": ["1"],
        });
        for content in with_hostile(&detail, &text) {
            check_result(content.parse::<ImageDetail>().and_then(|it| it.image_uri()));
        }
        let task = json!({ "family": "a", "containerDefinitions": [
            { "name": "web", "image": "<IMAGE1_NAME>" },
        ] });
        let app_spec = "TaskDefinition: <TASK_DEFINITION>\nContainerName: web\n";
        for content in with_hostile(&task, &text) {
            check_result(BlueGreenTemplates::new(&content, app_spec, ["IMAGE1_NAME", &text]));
        }
        for line in ["<TASK_DEFINITION>", "web"] {
            let app_spec = app_spec.replace(line, &text);
            check_result(BlueGreenTemplates::new(&task.to_string(), &app_spec, ["IMAGE1_NAME"]));
        }
    }

    #[test]
    fn events_are_quoted(text in hostile()) {
        let rule = rule();
        for content in with_hostile(&event(), &text) {
            match content.parse::<EcrImageEvent>() {
                Ok(event) => {
                    check(&rule.decide(&event).to_string());
                    if let Decision::Ignore(reason) = rule.decide(&event) {
                        check(&reason.to_string());
                    }
                    check_result(event.image_uri());
                }
                Err(error) => check_error(&error),
            }
        }
    }
}

#[cfg(feature = "zip")]
proptest! {
    #[test]
    fn names_in_zips_are_quoted(text in hostile()) {
        use imagedefs::artifact::{Artifact, ArtifactReader};

        let mut artifact = Artifact::new();
        check_result(artifact.insert(&text, "x"));
        // No control characters, which an artifact refuses.
        let name = text.replace(|c: char| c.is_control() || "/\\".contains(c), "x");
        check_result(artifact.insert(&name, "x"));
        let mut reader = ArtifactReader::from_bytes(artifact.to_bytes().unwrap()).unwrap();
        check_result(reader.read(&text, 1));
        check_result(reader.read(&format!("{name}x"), 1));
        check_result(reader.read(&name, 0));
        check_result(reader.definitions(&name));
        let bytes = artifact.to_bytes().unwrap();
        let bad = String::from_utf8_lossy(&bytes).replace("web", "\n::x");
        check_result(ArtifactReader::from_bytes(bad.into_bytes()));
    }
}

#[cfg(unix)]
#[test]
fn paths_are_quoted() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a\n::error::b.json", "##[error]imagedefinitions.json", "\u{202e}\u{1b}[2J.json"] {
        let path = folder.path().join(name);
        check_result(ImageDefinitions::read(&path));
        check_result(ImageDetail::read(&path));
        check_result(ContainerMap::read(&path));
        std::fs::write(&path, "[").unwrap();
        check_diagnosis(&Diagnosis::read(&path).unwrap());
        let near = folder.path().join(name.replace("json", "jso"));
        let error = ImageDefinitions::read(near).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        check_error(&error);
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        check_result(ImageDefinitions::new().write(&path));
    }
}

#[test]
fn huge_values_are_not_printed_whole() {
    let huge = "x".repeat(50_000_000);
    check_result(huge.parse::<ImageUri>());
    check_result(ImageDefinitions::new().insert(&huge, &huge));
    check_result(json!({ "a": { "b": &huge } }).to_string().parse::<ContainerMap>());
    check_result(json!({ "ImageURI": 1, "x": &huge }).to_string().parse::<ImageDetail>());
    check_result(json!({ "source": 1, "detail-type": &huge }).to_string().parse::<EcrImageEvent>());
    check_diagnosis(&Diagnosis::new(json!([{ "name": &huge, "imageUri": huge }]).to_string()));
}

/// The other problems are in `problems`.
#[test]
fn a_message_has_at_most_50_problems() {
    let error = format!("[{}]", "{},".repeat(100)).parse::<ImageDefinitions>().unwrap_err();
    assert_eq!(error.problems().len(), 201);
    let message = error.to_string();
    assert_eq!(message.lines().count(), 52);
    assert!(message.ends_with("\n  … and 151 more"), "{message}");

    let entries = (0..60).map(|index| (format!("A{index}"), json!("web"))).collect::<Value>();
    let message = entries.to_string().parse::<ContainerMap>().unwrap_err().to_string();
    assert!(message.ends_with(" more") && message.lines().count() == 52, "{message}");
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    for path in [pipe.as_path(), "/dev/zero".as_ref(), "/dev/null".as_ref()] {
        let refused = |error: Error| {
            assert_eq!(error.kind(), ErrorKind::Read);
            assert_eq!(error.to_string(), format!("cannot read `{}`", path.display()));
            assert_eq!(error.source().unwrap().to_string(), "the path is not a regular file");
        };
        refused(ImageDefinitions::read(path).unwrap_err());
        refused(Diagnosis::read(path).unwrap_err());
        refused(ImageDetail::read(path).unwrap_err());
        refused(ContainerMap::read(path).unwrap_err());
        #[cfg(feature = "zip")]
        refused(imagedefs::artifact::ArtifactReader::open(path).unwrap_err());
    }
}

#[test]
fn an_error_of_main_is_quoted_too() {
    let error = "##[error]:".parse::<ImageUri>().unwrap_err();
    let shown = format!("{error:?}");
    assert!(shown.starts_with("Error { kind: InvalidImageUri, message: "), "{shown}");
    assert!(shown.contains(&error.to_string()), "{shown}");
    let folder = tempfile::tempdir().unwrap();
    let error = ImageDefinitions::read(folder.path().join("none")).unwrap_err();
    assert!(format!("{error:?}").contains("source: Os {"), "{error:?}");
}

#[test]
fn errors_tell_programs_what_they_are_about() {
    let mut definitions = ImageDefinitions::new();
    let error = definitions.insert("web", "shop/web:1").unwrap_err();
    assert_eq!((error.container(), error.image()), (Some("web"), Some("shop/web:1")));
    let host =
        |account: &str| format!("{account}.dkr.ecr.eu-west-1.amazonaws.com/web@{}", digest());
    definitions.insert("web", host("222233334444")).unwrap();
    let error = definitions.insert("web", host("111122223333")).unwrap_err();
    let present = host("222233334444");
    assert_eq!((error.container(), error.image()), (Some("web"), Some(present.as_str())));
    definitions.insert("log", host("111122223333")).unwrap();
    let promotion = Promotion::new("444455556666", "eu-west-1").unwrap();
    let error = definitions.promote(&promotion).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SeveralAccounts);
    assert_eq!(error.accounts(), ["111122223333", "222233334444"]);
    assert_eq!((error.container(), error.image()), (None, None));
    let error = definitions.insert_tagged("my\nweb", "web:1").unwrap_err();
    assert_eq!(error.container(), Some("my\nweb"));
}
