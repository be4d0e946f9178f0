//! Typed edits, and what they leave alone.

use aws_sdk_ecs::types::{ContainerDefinition, KeyValuePair, NetworkMode};
use proptest::prelude::*;

use super::*;
use crate::ErrorKind;

const WEB: &str = r#"{"new":[1,{"a":1.0}],"family":"web","volumes":[],"containerDefinitions":[{"new":{"b":2},"name":"web","image":"a:1","environment":[{"name":"A","value":"1","new":3},{"name":"B","value":"2"}],"command":[],"healthCheck":{"command":["CMD"],"new":4}},{"name":"log","new":5}]}"#;

fn edited(change: impl FnOnce(&mut RegisterTaskDefinitionInput)) -> String {
    let mut revision = WEB.parse::<Revision>().unwrap();
    revision.edit(change).unwrap();
    revision.request()
}

fn container<'a>(
    input: &'a mut RegisterTaskDefinitionInput,
    name: &str,
) -> &'a mut ContainerDefinition {
    let mut containers = input.container_definitions.as_mut().unwrap().iter_mut();
    containers.find(|container| container.name() == Some(name)).unwrap()
}

#[test]
fn no_edit_is_no_change() {
    assert_eq!(edited(|_| {}), WEB);
}

#[test]
fn only_the_difference_is_carried_over() {
    let request = edited(|input| {
        input.network_mode = Some(NetworkMode::Awsvpc);
        let web = container(input, "web");
        web.cpu = 2;
        web.image = None;
        web.health_check.as_mut().unwrap().command = vec!["CMD".to_owned(), "x".to_owned()];
    });
    assert_eq!(
        request,
        WEB.replace(r#""image":"a:1","#, "")
            .replace(r#"["CMD"]"#, r#"["CMD","x"]"#)
            .replace(r#""new":4}}"#, r#""new":4},"cpu":2}"#)
            .replace(r#""new":5}]}"#, r#""new":5}],"networkMode":"awsvpc"}"#)
    );
}

#[test]
fn elements_are_found_wherever_they_go() {
    let request = edited(|input| {
        let containers = input.container_definitions.as_mut().unwrap();
        containers.reverse();
        containers.insert(0, ContainerDefinition::builder().name("first").build());
        let environment = container(input, "web").environment.as_mut().unwrap();
        environment.reverse();
        environment[1].value = Some("changed".to_owned());
        environment.push(KeyValuePair::builder().name("C").value("3").build());
    });
    assert_eq!(
        request,
        r#"{"new":[1,{"a":1.0}],"family":"web","volumes":[],"containerDefinitions":[{"name":"first","cpu":0},{"name":"log","new":5},{"new":{"b":2},"name":"web","image":"a:1","environment":[{"name":"B","value":"2"},{"name":"A","value":"changed","new":3},{"name":"C","value":"3"}],"command":[],"healthCheck":{"command":["CMD"],"new":4}}]}"#
    );
}

#[test]
fn what_is_renamed_keeps_the_rest() {
    let request = edited(|input| container(input, "log").name = Some("logs".to_owned()));
    assert_eq!(request, WEB.replace(r#""name":"log""#, r#""name":"logs""#));
    // An element in the position of one that still exists is a new one.
    let request = edited(|input| {
        let containers = input.container_definitions.as_mut().unwrap();
        containers.insert(1, ContainerDefinition::builder().name("new").build());
    });
    assert_eq!(
        request,
        WEB.replace(r#",{"name":"log""#, r#",{"name":"new","cpu":0},{"name":"log""#)
    );
}

#[test]
fn what_is_removed_is_gone() {
    let request = edited(|input| {
        input.volumes = None;
        input.container_definitions.as_mut().unwrap().pop();
        container(input, "web").environment.as_mut().unwrap().remove(0);
    });
    assert_eq!(
        request,
        WEB.replace(r#""volumes":[],"#, "")
            .replace(r#",{"name":"log","new":5}"#, "")
            .replace(r#"{"name":"A","value":"1","new":3},"#, "")
    );
}

#[test]
fn what_is_left_must_be_a_task_definition() {
    let mut revision = WEB.parse::<Revision>().unwrap();
    let error = revision.edit(|input| input.container_definitions = None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the edited `web` isn't a valid task definition: it has no `containerDefinitions`"
    );
    assert_eq!(error.kind(), ErrorKind::InvalidTaskDefinition);
    let error = revision.edit(|input| container(input, "log").name = Some("web".into()));
    assert_eq!(
        error.unwrap_err().to_string(),
        "the edited `web` isn't a valid task definition: two containers are named `web`"
    );
    assert_eq!(revision.request(), WEB);
}

#[test]
fn what_the_sdk_cannot_read_is_refused() {
    for (from, to, place) in [
        (r#""volumes":[]"#, r#""volumes":1"#, "`volumes`"),
        (r#""new":5"#, r#""memory":"1 GB""#, "`memory` of the container `log`"),
    ] {
        let text = WEB.replace(from, to);
        let mut revision = text.parse::<Revision>().unwrap();
        let error = revision.edit(|_| panic!("it is called with nothing")).unwrap_err();
        // The rest is the SDK's own message.
        let expected = format!("the SDK's types can't represent {place} of web: ");
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert_eq!(revision.request(), text);
    }
}

#[test]
fn a_variant_that_the_sdk_does_not_know_is_refused() {
    let text = WEB.replace(
        r#""new":5"#,
        r#""resourceRequirements":[{"type":"GPU","value":"1","sharingStrategy":{"newer":{}}}]"#,
    );
    let mut revision = text.parse::<Revision>().unwrap();
    let error = revision.edit(|_| panic!("it is called with nothing")).unwrap_err();
    let expected = "the SDK's types can't represent all of web: ";
    assert!(error.to_string().starts_with(expected), "{error}");
    assert_eq!(revision.request(), text);
}

/// Adds unknown members to every object, or removes them again.
fn with_unknown(json: &Json, adds: bool) -> Json {
    match json {
        Json::Array(elements) => {
            Json::Array(elements.iter().map(|it| with_unknown(it, adds)).collect())
        }
        Json::Object(object) => {
            let members = object.iter().filter(|(name, _)| *name != "unknown");
            let members = members.map(|(name, it)| (name.to_owned(), with_unknown(it, adds)));
            let unknown = adds.then(|| ("unknown".to_owned(), Json::Null));
            // The names are sorted, because an added member changes the order.
            let members: std::collections::BTreeMap<_, _> =
                unknown.into_iter().chain(members).collect();
            Json::Object(members.into_iter().collect())
        }
        other => other.clone(),
    }
}

proptest! {
    /// After any change of the known members, the result has exactly these, and the unknown members
    /// beside them.
    #[test]
    fn a_merge_is_what_was_made_of_it(
        before in crate::json::value::tests::json(),
        after in crate::json::value::tests::json(),
        list in "(containerDefinitions|tags|command)",
    ) {
        let wrap = |json: &Json| -> Object {
            let named = |name: &str, it: &Json| {
                let members = [("name".to_owned(), name.into()), ("value".to_owned(), it.clone())];
                Json::Object(members.into_iter().collect())
            };
            let list_of = vec![named("a", json), json.clone(), named("b", &Json::Null)];
            [(list.clone(), list_of.into())].into_iter().collect()
        };
        let (before, after) = (wrap(&before), wrap(&after));
        let Json::Object(mut raw) = with_unknown(&Json::Object(before.clone()), true) else {
            unreachable!()
        };
        let untouched = raw.clone();
        merge(&[], &mut raw, &before, &before);
        prop_assert_eq!(&raw, &untouched);
        merge(&[], &mut raw, &before, &after);
        prop_assert_eq!(raw.get("unknown"), Some(&Json::Null));
        let known = with_unknown(&Json::Object(raw), false);
        prop_assert_eq!(known, with_unknown(&Json::Object(after), false));
    }
}
