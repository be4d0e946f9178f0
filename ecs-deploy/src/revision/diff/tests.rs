//! The content of a diff, and its masked values.

use super::*;

fn revision(members: &str) -> Revision {
    let container = format!(r#"{{"family":"web","containerDefinitions":[{members}]}}"#);
    container.parse::<Revision>().unwrap()
}

const BEFORE: &str = r#"
    {"name":"web","image":"a:1","cpu":1,"command":["a"],
     "environment":[{"name":"A","value":"v-one"},{"name":"B","value":"v-two"}],
     "secrets":[{"name":"S","valueFrom":"arn:1"}]},
    {"name":"old","image":"b:1","environment":[{"name":"A","value":"v-three"}]}"#;
const AFTER: &str = r#"
    {"name":"new","image":"c:1","environment":[{"name":"A","value":"v-four","new":1}]},
    {"name":"web","image":"a:2","command":["a","b"],
     "environment":[{"name":"A","value":"1","new":1},{"name":"C","value":"v-five"}],
     "secrets":[{"name":"S","valueFrom":"arn:2"}],"portMappings":[{"containerPort":80,"name":"http"}]}"#;

#[test]
fn nothing_where_nothing_changed() {
    let diff = Diff::between(&revision(BEFORE), &revision(BEFORE));
    assert!(diff.is_empty() && diff.changes().is_empty());
    assert_eq!(diff.to_string(), "");
}

#[test]
fn every_place_is_named_and_environments_are_masked() {
    let diff = Diff::between(&revision(BEFORE), &revision(AFTER));
    assert_eq!(
        diff.to_string(),
        "containers.new.environment.A.new\n  + ***\n\
         containers.new.environment.A.value\n  + ***\n\
         containers.new.image\n  + c:1\n\
         containers.old.environment.A\n  - ***\n\
         containers.old.image\n  - b:1\n\
         containers.web.command\n  - [\"a\"]\n  + [\"a\",\"b\"]\n\
         containers.web.cpu\n  - 1\n\
         containers.web.environment.A\n  - ***\n  + ***\n\
         containers.web.environment.B\n  - ***\n\
         containers.web.environment.C\n  + ***\n\
         containers.web.image\n  - a:1\n  + a:2\n\
         containers.web.portMappings.80/tcp.name\n  + http\n\
         containers.web.secrets.S\n  - arn:1\n  + arn:2\n"
    );
    let debug = format!("{diff:?}");
    for value in ["v-one", "v-two", "v-three", "v-four", "v-five"] {
        assert!(!debug.contains(value), "{debug}");
    }
}

#[test]
fn values_are_shown_where_they_are_asked_for() {
    let diff = Diff::between(&revision(BEFORE), &revision(AFTER)).with_values();
    let change = diff.changes().iter().find(|it| it.path() == "containers.web.environment.B");
    assert_eq!(change.unwrap().before(), Some("v-two"));
    assert_eq!(change.unwrap().after(), None);
}

#[test]
fn variables_that_cannot_be_told_apart_are_masked_too() {
    let twice =
        r#"{"name":"web","environment":[{"name":"A","value":"1"},{"name":"A","value":"2"}]}"#;
    let none = r#"{"name":"web","environment":"A=1"}"#;
    let diff = Diff::between(&revision(none), &revision(twice));
    assert_eq!(diff.to_string(), "containers.web.environment\n  - ***\n  + ***\n");
}

#[test]
fn everything_is_new_without_a_base() {
    let diff = revision(r#"{"name":"web","image":"a:1"}"#).diff();
    assert_eq!(diff.to_string(), "containers.web.image\n  + a:1\nfamily\n  + web\n");
}

#[test]
fn colors_are_for_terminals_and_nothing_else_is() {
    let before = revision(r#"{"name":"web","image":"a\u001b[2J\n"}"#);
    let after = revision(r#"{"name":"web","image":"b"}"#);
    let diff = Diff::between(&before, &after);
    assert_eq!(diff.to_string(), "containers.web.image\n  - a\\u{1b}[2J\\n\n  + b\n");
    assert_eq!(
        diff.colored().to_string(),
        "containers.web.image\n\x1b[31m  - a\\u{1b}[2J\\n\x1b[0m\n\x1b[32m  + b\x1b[0m\n"
    );
}
