//! Printed text, parsed again: the value is the same.

use imagedefs::containers::ContainerMap;
use imagedefs::detail::ImageDetail;
use imagedefs::diagnosis::Diagnosis;
use imagedefs::templates::BlueGreenTemplates;
use imagedefs::{ImageDefinitions, ImageUri};
use proptest::prelude::*;
use proptest::string::string_regex;

/// References of every form that ECS accepts.
fn image() -> impl Strategy<Value = String> {
    let registry = "|localhost/|[a-z]{1,8}\\.example\\.com(:[0-9]{1,5})?/\
                    |[0-9]{12}\\.dkr\\.ecr\\.(ap-[a-z]{4}-[1-9]\\.amazonaws\\.com|cn-[a-z]{4}-1\\.amazonaws\\.com\\.cn)/";
    // A first part with a dot would be a host.
    let path = "[a-z][a-z0-9]{0,8}((_|__|-{1,3})[a-z0-9]{1,8}){0,2}\
                (/[a-z0-9]{1,8}((\\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}){0,2}";
    let tag = "|:[A-Za-z0-9_][A-Za-z0-9_.-]{0,16}";
    let digest = "|@sha256:[0-9a-f]{64}";
    // Texts that stand for a missing value, or for a digest without a repository.
    let is_meant = |image: &String| {
        let is_null = ["null", ":null", ":None"]
            .iter()
            .any(|end| image.ends_with(end) || image.contains(&format!("{end}@")));
        // A tag can look like the token of a template.
        let is_token = [":__", "-__", ".__"].iter().any(|start| image.contains(start));
        !is_null && !is_token
    };
    // The expressions are compiled once; as strategies they would be compiled for each value.
    let text = |expression: &str| string_regex(expression).unwrap();
    (text(registry), text(path), text(tag), text(digest))
        .prop_map(|(registry, path, tag, digest)| format!("{registry}{path}{tag}{digest}"))
        .prop_filter("stands for nothing", is_meant)
}

pub(crate) fn definitions() -> impl Strategy<Value = ImageDefinitions> {
    // A whole name that is the token of a template, or the word of a missing value, is refused.
    let is_meant = |name: &String| {
        let is_token = name.starts_with("__") && name.ends_with("__");
        let is_null = |word: &str| matches!(word, "None" | "null" | "undefined");
        !is_token && !name.split(['-', '_']).all(is_null)
    };
    let name = string_regex("[A-Za-z0-9_-]{1,40}").unwrap();
    let name = name.prop_filter("stands for nothing", is_meant);
    prop::collection::btree_map(name, image(), 1..12).prop_map(|pairs| {
        let mut definitions = ImageDefinitions::new();
        for (name, image) in pairs {
            definitions.insert_tagged(name, image).unwrap();
        }
        definitions
    })
}

proptest! {
    #[test]
    fn definitions_survive_print_and_parse(definitions in definitions()) {
        let text = definitions.to_string();
        let parsed = text.parse::<ImageDefinitions>().unwrap();
        prop_assert_eq!(&parsed, &definitions);
        prop_assert_eq!(parsed.to_string(), text);
    }

    #[test]
    fn serde_and_the_file_hold_the_same(definitions in definitions()) {
        let text = serde_json::to_string(&definitions).unwrap();
        prop_assert_eq!(&serde_json::from_str::<ImageDefinitions>(&text).unwrap(), &definitions);
        prop_assert_eq!(&text.parse::<ImageDefinitions>().unwrap(), &definitions);
    }

    /// Unknown members are kept.
    #[test]
    fn image_details_survive_print_and_parse(
        image in image(),
        size in any::<Option<u64>>(),
        tags in prop::collection::vec("[a-z0-9]{1,5}", 0..3),
        others in prop::collection::btree_map("x[a-zA-Z]{0,6}", any::<i64>(), 0..4),
    ) {
        let mut json = serde_json::json!({ "ImageURI": image, "Version": "1.0" });
        if let Some(size) = size {
            json["ImageSizeInBytes"] = size.to_string().into();
        }
        if !tags.is_empty() {
            json["ImageTags"] = tags.into();
        }
        for (name, value) in others {
            json[name] = value.into();
        }
        let detail = json.to_string().parse::<ImageDetail>().unwrap();
        prop_assert_eq!(detail.size(), size);
        let text = detail.to_string();
        prop_assert_eq!(&serde_json::from_str::<serde_json::Value>(&text).unwrap(), &json);
        prop_assert_eq!(text.parse::<ImageDetail>().unwrap(), detail);
    }

    #[test]
    fn references_survive_print_and_parse(image in image()) {
        let parsed = image.parse::<ImageUri>().unwrap();
        prop_assert_eq!(parsed.to_string(), image.as_str());
        let mut joined = parsed.repository().to_owned();
        joined.extend(parsed.tag().map(|tag| format!(":{tag}")));
        joined.extend(parsed.digest().map(|digest| format!("@{digest}")));
        prop_assert_eq!(joined, image);
    }

    /// No text causes a panic in the other documents either.
    #[test]
    fn any_text_is_read_or_refused(
        parts in prop::collection::vec(
            prop::sample::select(&[
                "{", "}", "[", "]", ":", ",", "\"", "<", ">", "#", "\n", " ", "é", "\\",
                "\"ImageURI\"", "\"containerDefinitions\"", "\"image\"", "\"name\"",
                "\"<IMAGE1_NAME>\"", "TaskDefinition", "ContainerName", "<TASK_DEFINITION>", "web",
            ][..]),
            0..24,
        )
    ) {
        let text = parts.concat();
        let _ = text.parse::<ImageDetail>();
        let _ = text.parse::<ContainerMap>();
        let _ = BlueGreenTemplates::new(&text, &text, ["IMAGE1_NAME"]);
        #[cfg(feature = "toml")]
        let _ = ContainerMap::from_toml(&text);
    }

    /// No bytes cause a panic: the result is definitions or reasons.
    #[test]
    fn any_bytes_are_read_or_refused_with_reasons(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Err(error) = Diagnosis::new(bytes).into_definitions() {
            prop_assert!(!error.problems().is_empty());
        }
    }

    #[test]
    fn anything_like_a_file_is_read_or_refused_with_reasons(
        text in "([\\[\\]{},: \n\r\\\\$é]|\"(name|imageUri|imageUrl|web|a:1|\\$\\{X\\}|\\\\u00e9)\"){0,30}"
    ) {
        match text.parse::<ImageDefinitions>() {
            Ok(definitions) => prop_assert!(!definitions.is_empty()),
            Err(error) => {
                prop_assert!(!error.problems().is_empty());
                for problem in error.problems() {
                    prop_assert!(problem.line() >= 1 && problem.line() <= 1 + text.matches('\n').count());
                    prop_assert!(problem.column() >= 1);
                }
            }
        }
    }

    #[test]
    fn any_text_is_a_reference_or_refused_with_reasons(text in "\\PC{0,40}|[a-zA-Z0-9:/@._$<>{}-]{0,60}") {
        match text.parse::<ImageUri>() {
            Ok(image) => prop_assert_eq!(image.as_str(), text),
            Err(error) => prop_assert!(!error.problems().is_empty()),
        }
    }
}
