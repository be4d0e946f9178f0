//! Repairs: certainly right, or refused.

use imagedefs::{ErrorKind, ImageDefinitions, ProblemKind};

use imagedefs::diagnosis::Diagnosis;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::round_trip::definitions;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn encodings_become_utf_8() {
    let text = "[{\"name\": \"web\", \"imageUri\": \"web:1\"}]\r\n";
    let utf16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<_>>();
    let (little, big) = (utf16(u16::to_le_bytes), utf16(u16::to_be_bytes));
    for bytes in [
        [&[0xff, 0xfe], &little[..]].concat(),
        [&[0xfe, 0xff], &big[..]].concat(),
        little.clone(),
        big,
        format!("\u{feff}{text}").into_bytes(),
    ] {
        assert!(Diagnosis::new(&bytes).problems()[0].repair().is_some());
        assert_eq!(Diagnosis::new(&bytes).fix().unwrap().text(), text);
    }
    // The text ends with half a character.
    assert!(Diagnosis::new(&little[..little.len() - 1]).fix().is_err());
    assert!(Diagnosis::new(b"[\xff]").fix().is_err());
}

#[test]
fn carriage_returns_at_the_end_of_strings_go() {
    let text = "[{\"name\r\": \"web\r\",\r\n\"imageUri\": \"web:1\r\r\"}]\r\n";
    let fixed = Diagnosis::new(text).fix().unwrap().to_string();
    assert_eq!(fixed, "[{\"name\": \"web\",\r\n\"imageUri\": \"web:1\"}]\r\n");
    assert!(Diagnosis::new("[{\"name\": \"w\reb\", \"imageUri\": \"web:1\"}]").fix().is_err());
}

#[test]
fn schemes_go_in_front_of_ecr_alone() {
    let file = |image: &str| format!(r#"[{{"name": "web", "imageUri": "{image}"}}]"#);
    for image in [
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com/web:1",
        "public.ecr.aws/docker/library/httpd:2.4",
    ] {
        let fixed = Diagnosis::new(file(&format!("https://{image}"))).fix();
        assert_eq!(fixed.unwrap().text(), file(image));
    }
    assert!(Diagnosis::new(file("https://ghcr.io/shop/web:1")).fix().is_err());
}

#[test]
fn a_file_is_repaired_in_place_or_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("imagedefinitions.json");
    std::fs::write(&path, r#"[{"name": "web", "imageUrl": "web:1"}]"#).unwrap();
    Diagnosis::read(&path).unwrap().fix().unwrap().write(&path).unwrap();
    let fixed = r#"[{"name": "web", "imageUri": "web:1"}]"#;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), fixed);

    std::fs::write(&path, "[").unwrap();
    let error = Diagnosis::read(&path).unwrap().fix().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot repair `{}` without guessing: line 1, column 2: the text ends without a \
             closing `]`: the file was written by hand or by a shell; write it with a program, \
             such as this library or `jq`",
            path.display()
        )
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "[");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let missing = folder.path().join("none").join("file");
    let error = Diagnosis::new(fixed).fix().unwrap().write(missing).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Write);
}

#[test]
fn an_error_says_what_is_not_certain() {
    let error =
        Diagnosis::new("{\"name\": \"web\", \"imageUrl\": \"web:$TAG\"}").fix().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotRepairable);
    assert_eq!(
        error.to_string(),
        "cannot repair the image definitions without guessing: line 1, column 34: `$TAG` was \
         not replaced: the shell does not replace a variable in single quotes, and no other step replaced this one; print the value with `printf` and `%s`, or write the file with a program"
    );
}

#[test]
fn what_a_repair_makes_too_large_is_not_repaired() {
    let text = r#"{"name": "web", "imageUri": "web:1"}"#;
    let text = format!("{text}{}", " ".repeat(102_400 - text.len()));
    let error = Diagnosis::new(text).fix().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotRepairable);
    let [problem] = error.problems() else { panic!("{error}") };
    assert_eq!(problem.kind(), ProblemKind::TooLarge);
}

/// Definitions as broken programs write them.
fn broken() -> impl Strategy<Value = String> {
    let image = select(vec![
        "shop/web:1".to_owned(),
        "httpd:2.4\\r\\n".to_owned(),
        format!("web@{DIGEST}"),
        format!("web@{}", DIGEST.to_uppercase().replace("SHA", "sha")),
        format!("web@{}", &DIGEST[7..]),
        "https://111122223333.dkr.ecr.eu-west-1.amazonaws.com/web:1".to_owned(),
        "111122223333.dkr.ecr.EU-WEST-1.amazonaws.com/web:1".to_owned(),
        "web:1\r".to_owned(),
        "web:$TAG".to_owned(),
    ]);
    let name = select(vec!["web", "web ", "log", "proxy", "\\u0077eb"]);
    let name_key = select(vec!["name", "Name", "containerName"]);
    let image_key = select(vec!["imageUri", "imageUrl", "image", "ImageURI"]);
    let more = select(vec!["", ", \"essential\": true", ",", ", \"name\": \"web\""]);
    let comma = select(vec![",", " ", ",", " ,\n"]);
    let definition = (name_key, name, comma, image_key, image, more).prop_map(
        |(name_key, name, comma, image_key, image, more)| {
            format!("{{\"{name_key}\": \"{name}\"{comma} \"{image_key}\": \"{image}\"{more}}}")
        },
    );
    let between = select(vec![",\n", "\n", ", ", "]\n[", ",,"]);
    let around = select(vec![("[", "]"), ("", ""), ("[", ",]"), ("\u{feff}[", "]\n"), ("[", "")]);
    (prop::collection::vec((definition, between), 1..4), around).prop_map(
        |(definitions, (open, close))| {
            let mut text = open.to_owned();
            let last = definitions.len() - 1;
            for (index, (definition, between)) in definitions.iter().enumerate() {
                text.push_str(definition);
                if index < last {
                    text.push_str(between);
                }
            }
            text + close
        },
    )
}

/// Ways to break a file without losing information, in an order in which they can be combined.
const WAYS: [fn(String) -> String; 8] = [
    |text| text.replace("\"imageUri\"", "\"imageUrl\""),
    |text| text.replace("\"name\"", "\"containerName\""),
    |text| text.replace("},\n", "}\n"),
    |text| text.replace("}\n]", "},\n]"),
    |text| text.replace("},\n  {", "}]\n[{"),
    |text| text.replace("\"\n", "\r\"\n"),
    |text| text.replace("\",\n", "\\n\",\n"),
    |text| match (text.trim_start().strip_prefix('['), text.contains("}]")) {
        (Some(inner), false) => inner.trim_end().trim_end_matches(']').to_owned(),
        _ => text,
    },
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_repaired_can_be_parsed_and_needs_no_more_repair(text in broken()) {
        let diagnosis = Diagnosis::new(&text);
        match diagnosis.fix() {
            Ok(correction) => {
                let fixed = correction.text();
                let definitions = fixed.parse::<ImageDefinitions>();
                prop_assert_eq!(definitions.as_ref().ok(), Some(correction.definitions()));
                prop_assert_eq!(Diagnosis::new(fixed).fix().unwrap().to_string(), fixed);
            }
            Err(error) => {
                // A wrong repair must not cause a refusal.
                for problem in error.problems() {
                    prop_assert!(problem.repair().is_none(), "{}", error);
                }
            }
        }
    }

    #[test]
    fn any_text_is_repaired_or_refused(
        text in "([\\[\\]{},: \
                 \n\r\\\\$é]|\"(name|imageUri|imageUrl|web|a:1|\\$\\{X\\}|\\\\u00e9)\"){0,30}"
    ) {
        if let Ok(correction) = Diagnosis::new(&text).fix() {
            let fixed = correction.text();
            prop_assert!(fixed.parse::<ImageDefinitions>().is_ok(), "{}", fixed);
            prop_assert_eq!(Diagnosis::new(fixed).fix().unwrap().to_string(), fixed);
        }
    }

    /// A report is safe to show, for any content.
    #[test]
    fn a_report_has_only_visible_characters(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let report = Diagnosis::new(bytes).report().to_string();
        prop_assert!(!report.chars().any(|c| c.is_control() && c != '\n'), "{:?}", report);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_repaired_says_what_it_was_meant_to_say(
        definitions in definitions(),
        ways in subsequence(WAYS.to_vec(), 0..=WAYS.len()),
        is_marked in any::<bool>()
    ) {
        let text = definitions.to_string();
        let text = ways.iter().fold(text, |text, way| way(text));
        let mark = if is_marked { "\u{feff}" } else { "" };
        let fixed = Diagnosis::new(format!("{mark}{text}")).fix().unwrap();
        prop_assert_eq!(fixed.definitions(), &definitions, "{}", text);
        prop_assert_eq!(fixed.text().parse::<ImageDefinitions>().unwrap(), definitions);
    }
}
