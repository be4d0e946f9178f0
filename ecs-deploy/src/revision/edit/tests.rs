use aws_sdk_ecs::types::{ContainerDefinition, KeyValuePair, NetworkMode};

use super::*;
use crate::ErrorKind;

const WEB: &str = r#"{"new":[1,{"a":1.0}],"family":"web","volumes":[],"containerDefinitions":[{"new":{"b":2},"name":"web","image":"a:1","environment":[{"name":"A","value":"1","new":3},{"name":"B","value":"2"}],"command":[],"healthCheck":{"command":["CMD"],"new":4}},{"name":"log","new":5}]}"#;

fn edited(change: impl FnOnce(&mut RegisterTaskDefinitionInput)) -> String {
    let mut revision = Revision::from_json(WEB).unwrap();
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
    // In the place of one that is still there, it is another one.
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
    let mut revision = Revision::from_json(WEB).unwrap();
    let error = revision.edit(|input| input.container_definitions = None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the edited `web` is no task definition: it has no `containerDefinitions`"
    );
    assert_eq!(error.kind(), ErrorKind::InvalidTaskDefinition);
    let error = revision.edit(|input| container(input, "log").name = Some("web".into()));
    assert_eq!(
        error.unwrap_err().to_string(),
        "the edited `web` is no task definition: two containers are named `web`"
    );
    assert_eq!(revision.request(), WEB);
}

#[test]
fn what_the_sdk_cannot_read_is_refused() {
    let text = WEB.replace(r#""volumes":[]"#, r#""volumes":1"#);
    let mut revision = Revision::from_json(&text).unwrap();
    let error = revision.edit(|_| panic!("it is called with nothing")).unwrap_err();
    assert!(error.to_string().starts_with("`web` is no task definition: "), "{error}");
    assert_eq!(revision.request(), text);
}
