//! EventBridge, reduced to what the rules of this crate use, by its user guide and its open
//! implementation, event-ruler. Anything else in a pattern fails the test.

use serde_json::{Map, Value};

/// Whether an event pattern matches an event: every member of the pattern has to match, and a list
/// matches if one of its elements does.
pub(crate) fn matches(pattern: &Value, event: &Value) -> bool {
    let members = pattern.as_object().unwrap();
    assert!(!members.is_empty(), "EventBridge refuses empty objects");
    members.iter().all(|(key, pattern)| {
        let value = event.get(key);
        match pattern {
            Value::Object(_) => {
                value.is_some_and(|value| value.is_object() && matches(pattern, value))
            }
            Value::Array(elements) => {
                assert!(!elements.is_empty(), "EventBridge refuses empty arrays");
                elements.iter().any(|element| element_matches(element, value))
            }
            other => panic!("{other} is neither an object nor an array"),
        }
    })
}

/// Applies an input transformer to an event.
pub(crate) fn transform(transformer: &Value, event: &Value) -> Value {
    let paths = transformer["InputPathsMap"].as_object().unwrap();
    assert!(paths.len() <= 100, "EventBridge takes at most 100 paths");
    let mut input = transformer["InputTemplate"].as_str().unwrap().to_owned();
    for (name, path) in paths {
        let path = path.as_str().unwrap().strip_prefix("$.").unwrap().replace('.', "/");
        // Within quotes, the text replaces the placeholder unchanged.
        let value = event.pointer(&format!("/{path}")).and_then(Value::as_str).unwrap_or_default();
        assert!(input.contains(&format!("<{name}>")), "{name} is not used");
        input = input.replace(&format!("<{name}>"), value);
    }
    serde_json::from_str(&input).unwrap()
}

fn element_matches(element: &Value, value: Option<&Value>) -> bool {
    match element {
        Value::String(_) => value == Some(element),
        Value::Object(operator) => operator_matches(operator, value),
        other => panic!("{other} is not understood"),
    }
}

fn operator_matches(operator: &Map<String, Value>, value: Option<&Value>) -> bool {
    let [(name, operand)] = operator.iter().collect::<Vec<_>>()[..] else {
        panic!("one operator at a time");
    };
    if name == "exists" {
        return operand.as_bool().unwrap() == value.is_some();
    }
    // Only `exists` can match a missing member.
    let Some(value) = value else {
        return false;
    };
    match name.as_str() {
        "prefix" => {
            let prefix = operand.as_str().unwrap();
            assert!(!prefix.is_empty(), "an empty prefix is not documented");
            value.as_str().is_some_and(|text| text.starts_with(prefix))
        }
        "anything-but" => {
            let excluded = operand.as_array().unwrap();
            assert!(!excluded.is_empty() && excluded.iter().all(Value::is_string));
            !excluded.contains(value)
        }
        other => panic!("the operator {other} is not understood"),
    }
}

#[test]
fn patterns_match_as_the_user_guide_says() {
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let event = json(r#"{"source": "aws.ecr", "detail": {"tag": "v1", "none": ""}}"#);
    for (pattern, is_match) in [
        (r#"{"source": ["aws.ecr"]}"#, true),
        (r#"{"source": ["aws.ec2", "aws.ecr"]}"#, true),
        (r#"{"source": ["aws.ec2"]}"#, false),
        (r#"{"source": ["aws.ecr"], "detail": {"tag": ["v2"]}}"#, false),
        (r#"{"detail": {"tag": [{"prefix": "v"}]}}"#, true),
        (r#"{"detail": {"tag": [{"prefix": "w"}]}}"#, false),
        (r#"{"detail": {"none": [{"anything-but": [""]}]}}"#, false),
        (r#"{"detail": {"tag": [{"anything-but": [""]}]}}"#, true),
        (r#"{"detail": {"other": [{"anything-but": [""]}]}}"#, false),
        (r#"{"detail": {"none": [""]}}"#, true),
        (r#"{"detail": {"other": [""]}}"#, false),
        (r#"{"source": {"x": ["y"]}}"#, false),
    ] {
        assert_eq!(matches(&json(pattern), &event), is_match, "{pattern}");
    }
}
