//! JSON as it is read and printed.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn parse(text: &str) -> Result<Json, String> {
    Json::parse(text).map_err(|flaw| flaw.to_string())
}

#[test]
fn order_and_numbers_stay_as_they_were() {
    let text = r#"{"b":[1,1.0,1E+2,-0,0.10,123456789012345678901234567890],"a":{},"":[],"n":null}"#;
    assert_eq!(parse(text).unwrap().to_string(), text);
}

#[test]
fn is_printed_as_the_cli_prints_it() {
    let Ok(Json::Object(object)) = parse(r#"{"a":[],"b":{},"c":[1,{"d":"é\n"}]}"#) else {
        panic!()
    };
    assert_eq!(
        object.to_pretty(),
        "{\n    \"a\": [],\n    \"b\": {},\n    \"c\": [\n        1,\n        {\n            \
         \"d\": \"é\\n\"\n        }\n    ]\n}"
    );
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, flaw) in [
        ("", "expected a value, found the end of the text in line 1, column 1"),
        ("{} x", "expected the end of the text, found 'x' in line 1, column 4"),
        ("{\n  \"é\": ü}", "expected a value, found 'ü' in line 2, column 8"),
        ("{a: 1}", "expected a member's name in double quotes, found 'a' in line 1, column 2"),
        ("{\"a\": 1,}", "expected a member's name in double quotes, found '}' in line 1, column 9"),
        ("{\"a\" 1}", "expected `:` after a member's name, found '1' in line 1, column 6"),
        ("{\"a\": 1 \"b\"}", "expected `,` or `}` after a member, found '\"' in line 1, column 9"),
        ("[1 2]", "expected `,` or `]` after an element, found '2' in line 1, column 4"),
        ("[1,", "expected a value, found the end of the text in line 1, column 4"),
        ("[\"a", "an unterminated string in line 1, column 2"),
        ("[\"a\\", "an unterminated string in line 1, column 2"),
        ("[\"a\n\"]", "a control character or a line break in a string in line 1, column 4"),
        ("[\"\\x\"]", "an invalid escape in the string in line 1, column 2"),
        ("[\"\\ud800\"]", "an invalid escape in the string in line 1, column 2"),
        ("[01]", "an invalid number in line 1, column 2"),
        ("[--1]", "an invalid number in line 1, column 2"),
        ("[1.]", "an invalid number in line 1, column 2"),
        (
            "{\n\"image\": \"a\",\n \"x\": 1, \"image\": \"b\"}",
            "duplicate member `image` in line 3, column 10",
        ),
    ] {
        assert_eq!(parse(text).unwrap_err(), flaw, "{text}");
    }
}

#[test]
fn nesting_has_a_limit() {
    let nested = |levels| "[".repeat(levels) + &"]".repeat(levels);
    assert_eq!(parse(&nested(127)).unwrap().to_string(), nested(127));
    assert!(serde_json::from_str::<Value>(&nested(127)).is_ok());
    assert_eq!(
        parse(&nested(128)).unwrap_err(),
        "more than 127 levels of nesting in line 1, column 128"
    );
    assert!(parse(&"[".repeat(1_000_000)).is_err());
}

/// Generates any value.
pub(crate) fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?".prop_map(Json::Number),
        ".{0,8}".prop_map(Json::String),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
            prop::collection::btree_map(".{0,5}", inner, 0..5)
                .prop_map(|members| Json::Object(members.into_iter().rev().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read(json in json()) {
        prop_assert_eq!(&parse(&json.to_string()).unwrap(), &json);
        if let Json::Object(object) = &json {
            prop_assert_eq!(&parse(&object.to_pretty()).unwrap(), &json);
        }
    }

    /// Generates broken texts from JSON's parts; random characters would rarely form them.
    #[test]
    fn takes_what_serde_json_takes(
        text in prop::collection::vec(
            prop_oneof![
                Just("{"), Just("}"), Just("["), Just("]"), Just(","), Just(":"), Just(" "),
                Just("\"a\""), Just("\"b\\n\""), Just("\"\\"), Just("\""), Just("1"), Just("-"),
                Just("0"), Just("."), Just("e5"), Just("true"), Just("null"), Just("nul"),
                Just("é"), Just("\n"),
            ],
            0..12,
        )
    ) {
        let text = text.concat();
        match (parse(&text), serde_json::from_str::<Value>(&text)) {
            (Ok(json), Ok(value)) => {
                prop_assert_eq!(serde_json::from_str::<Value>(&json.to_string()).unwrap(), value);
            }
            (Err(flaw), Ok(_)) => prop_assert!(flaw.starts_with("a second "), "{}", flaw),
            // Only this parser accepts numbers of any size.
            (Ok(_), Err(error)) => {
                prop_assert!(error.to_string().starts_with("number out of range"), "{}", error);
            }
            (Err(_), Err(_)) => {}
        }
    }
}
