//! Revisions from text, from the SDK's types and from ECS, and their edits.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{ContainerDefinition, Tag, TaskDefinition};
use proptest::prelude::*;

use super::*;
use crate::ErrorKind;
use crate::revision::diff::Diff;
use crate::revision::record::RevisionRecord;

const ARN: &str = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:7";

const WEB: &str = r#"{
    "family": "web",
    "containerDefinitions": [
        {
            "name": "web",
            "image": "a:1",
            "environment": [{ "name": "LOG", "value": "info" }, { "name": "TOKEN", "value": "x" }],
            "secrets": [{ "name": "KEY", "valueFrom": "arn:key" }],
            "cpu": 1.0
        },
        { "name": "log", "image": "b:1", "logConfiguration": { "logDriver": "awslogs" } }
    ]
}
"#;

fn web() -> Revision {
    let with_arn = WEB.replacen('{', &format!(r#"{{"taskDefinitionArn":"{ARN}","#), 1);
    Revision::described(&with_arn, "[]")
}

#[test]
fn all_but_the_read_only_members_is_registered_again() {
    let kept = r#""family":"web","volumes":[],"cpu":"","invented":{"deep":[1,1.0,12345678901234567890,0.10,-0.0,1E300,null]},"containerDefinitions":[{"name":"web","invented":false,"environment":[]}]"#;
    let read_only: String = document::READ_ONLY
        .iter()
        .map(|name| match *name {
            "taskDefinitionArn" => format!(r#""{name}":"{ARN}","#),
            name => format!(r#""{name}":1,"#),
        })
        .collect();
    let definition = format!("{{{read_only}{kept}}}");
    let tags = r#"[{"key":"aws:cloudformation:stack-name","value":"x"},{"key":"AWS:x","value":""},{"key":"a","value":""}]"#;
    let expected = format!(r#"{{{kept},"tags":[{{"key":"a","value":""}}]}}"#);
    let revision = Revision::described(&definition, tags);
    assert_eq!(revision.request(), expected);
    assert_eq!(revision.arn(), Some(ARN));

    let text =
        format!(r#"{{"taskDefinition":{definition},"tags":{tags},"ResponseMetadata":{{}}}}"#);
    for text in [text, expected.clone(), format!("\u{feff}{expected}")] {
        let revision = text.parse::<Revision>().unwrap();
        assert_eq!(revision.request(), expected);
        assert_eq!(revision.arn(), None);
    }
    assert_eq!(definition.parse::<Revision>().unwrap().request(), format!("{{{kept}}}"));
}

#[test]
fn an_empty_list_of_tags_is_left_out() {
    assert!(!web().request().contains("tags"));
    let text = WEB.replacen('{', r#"{"tags":[],"#, 1);
    assert!(!text.parse::<Revision>().unwrap().request().contains("tags"));
}

#[test]
fn a_file_comes_back_as_it_went_in() {
    let text = "{\n    \"family\": \"web\",\n    \"cpu\": \"256\",\n    \"containerDefinitions\": \
                [\n        {\n            \"name\": \"web\",\n            \"new\": 1.50,\n            \
                \"command\": []\n        }\n    ]\n}\n";
    assert_eq!(text.parse::<Revision>().unwrap().to_string(), text);
}

#[test]
fn what_is_no_task_definition_is_explained() {
    let with =
        |containers: &str| format!(r#"{{"family":"web","containerDefinitions":{containers}}}"#);
    for (text, problem) in [
        (
            "{",
            "expected a member's name in double quotes, found the end of the text in line 1, \
               column 2",
        ),
        ("1", "it isn't an object"),
        (
            "[{\"name\":\"web\"}]",
            "it is an array, such as the container definitions alone, instead \
          of an object with `family` and `containerDefinitions`",
        ),
        ("{}", "it has no `family`"),
        ("{\"taskDefinition\":\"web:1\"}", "it has no `family`"),
        (
            "{\"family\":\"\"}",
            "its `family` is empty, as in a skeleton that still has to be filled in",
        ),
        ("{\"family\":1}", "its `family` isn't a string"),
        ("{\"family\":\"web\"}", "it has no `containerDefinitions`"),
        (&with("{}"), "its `containerDefinitions` aren't an array"),
        (&with("[]"), "its `containerDefinitions` are empty"),
        (&with("[1]"), "`containerDefinitions[0]` isn't an object"),
        (&with("[{\"name\":\"a\"},{\"image\":\"b\"}]"), "`containerDefinitions[1]` has no name"),
        (&with("[{\"name\":\"\"}]"), "`containerDefinitions[0]` has no name"),
        (&with("[{\"name\":\"a\"},{\"name\":\"a\"}]"), "two containers are named `a`"),
        (
            &with("[{\n\"name\":\"a\",\"image\":\"b\",\n\"image\":\"c\"}]"),
            "duplicate member `image` in line 3, column 1",
        ),
        (
            &with("[{\"Name\":\"a\"}]"),
            "`containerDefinitions[0].Name` is CloudFormation's spelling, but the API's `name` is \
             expected",
        ),
        (
            "{\"Family\":\"web\",\"ContainerDefinitions\":[]}",
            "`ContainerDefinitions` is CloudFormation's spelling, but the API's `family` and \
             `containerDefinitions` are expected",
        ),
    ] {
        let error = text.parse::<Revision>().unwrap_err();
        assert_eq!(error.to_string(), format!("the text isn't a valid task definition: {problem}"));
        assert_eq!(error.kind(), ErrorKind::InvalidTaskDefinition);
    }
}

#[test]
fn the_sdks_types_are_taken() {
    let container = ContainerDefinition::builder().name("web").image("a:1").build();
    let definition = TaskDefinition::builder()
        .task_definition_arn(ARN)
        .family("web")
        .revision(7)
        .cpu("256")
        .container_definitions(container)
        .build();
    let tag = |key: &str| Tag::builder().key(key).value("b").build();
    let revision = Revision::from_sdk(&definition, &[tag("a"), tag("aws:x")]).unwrap();
    assert_eq!(revision.arn(), Some(ARN));
    assert!(!revision.is_changed());
    assert_eq!(
        revision.request(),
        r#"{"containerDefinitions":[{"name":"web","image":"a:1","cpu":0}],"family":"web","cpu":"256","tags":[{"key":"a","value":"b"}]}"#
    );
    let error = Revision::from_sdk(&TaskDefinition::builder().build(), &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the SDK's value isn't a valid task definition: it has no `family`"
    );
}

#[test]
fn the_same_images_are_no_change() {
    let mut revision = web();
    assert_eq!(revision.set_images([("web", "a:1")]).unwrap(), ["log"]);
    assert!(revision.set_images([("web", "a:1"), ("log", "b:1")]).unwrap().is_empty());
    assert!(revision.diff().is_empty());
    assert!(!revision.is_changed());
}

#[test]
fn unknown_containers_are_refused_at_once_and_change_nothing() {
    let mut revision = web();
    let images = [("web", "a:2"), ("wbe", "x"), ("api", "x"), ("logs", "x")];
    let error = revision.set_images(images).unwrap_err();
    assert_eq!(
        error.to_string(),
        "web:7 has no container `api` and no container `logs` (did you mean `log`?) and no \
         container `wbe` (did you mean `web`?), only `web` and `log`"
    );
    assert!(!revision.is_changed());
    let long = "w".repeat(100_000);
    let error = WEB.parse::<Revision>().unwrap().container_mut(&long).unwrap_err();
    let shown = format!("{}… (100000 bytes in all)", "w".repeat(2048));
    assert_eq!(error.to_string(), format!("web has no container `{shown}`, only `web` and `log`"));
}

#[test]
fn only_the_named_images_change() {
    let mut revision = web();
    revision.set_images(BTreeMap::from([("log".to_owned(), "b:2".to_owned())])).unwrap();
    assert_eq!(revision.images().collect::<Vec<_>>(), [("web", "a:1"), ("log", "b:2")]);
    assert_eq!(revision.request(), web().request().replace("b:1", "b:2"));
    assert_eq!(revision.diff().to_string(), "containers.log.image\n  - b:1\n  + b:2\n");
}

#[test]
fn what_is_there_already_is_set_without_a_trace() {
    let mut revision = WEB.parse::<Revision>().unwrap();
    let before = revision.request();
    let mut web = revision.container_mut("web").unwrap();
    web.set_image("a:1").set_env("LOG", "info").set_secret("KEY", "arn:key");
    web.remove_env("NONE").remove_secret("NONE").remove_docker_label("NONE").remove_log_option("a");
    assert_eq!((web.name(), web.image()), ("web", "a:1"));
    assert_eq!(revision.request(), before);
}

#[test]
fn each_edit_touches_its_own_member() {
    type Edit = fn(&mut ContainerMut<'_>);
    let cases: [(Edit, &str, &str); 14] = [
        (|web| _ = web.set_env("LOG", "debug"), r#""value":"info""#, r#""value":"debug""#),
        (
            |web| _ = web.set_env("NEW", ""),
            r#""value":"x"}]"#,
            r#""value":"x"},{"name":"NEW","value":""}]"#,
        ),
        (|web| _ = web.remove_env("TOKEN"), r#",{"name":"TOKEN","value":"x"}"#, ""),
        // ECS refuses a variable that is also a secret.
        (
            |web| _ = web.set_secret("TOKEN", "arn:token"),
            r#",{"name":"TOKEN","value":"x"}],"secrets":[{"name":"KEY","valueFrom":"arn:key"}]"#,
            r#"],"secrets":[{"name":"KEY","valueFrom":"arn:key"},{"name":"TOKEN","valueFrom":"arn:token"}]"#,
        ),
        (
            |web| _ = web.set_env("KEY", "k"),
            r#""value":"x"}],"secrets":[{"name":"KEY","valueFrom":"arn:key"}]"#,
            r#""value":"x"},{"name":"KEY","value":"k"}],"secrets":[]"#,
        ),
        (|web| _ = web.remove_secret("KEY"), r#"{"name":"KEY","valueFrom":"arn:key"}"#, ""),
        (|web| _ = web.set_cpu(256), r#""cpu":1.0"#, r#""cpu":256"#),
        (|web| _ = web.set_memory(512), r#""cpu":1.0"#, r#""cpu":1.0,"memory":512"#),
        (
            |web| _ = web.set_memory_reservation(64),
            r#""cpu":1.0"#,
            r#""cpu":1.0,"memoryReservation":64"#,
        ),
        (
            |web| _ = web.set_command(["a", "b c"]),
            r#""cpu":1.0"#,
            r#""cpu":1.0,"command":["a","b c"]"#,
        ),
        (
            |web| _ = web.set_entry_point(Vec::<String>::new()),
            r#""cpu":1.0"#,
            r#""cpu":1.0,"entryPoint":[]"#,
        ),
        (
            |web| _ = web.set_docker_label("a", "b"),
            r#""cpu":1.0"#,
            r#""cpu":1.0,"dockerLabels":{"a":"b"}"#,
        ),
        (
            |web| _ = web.set_docker_label("a", "b").remove_docker_label("a"),
            r#""cpu":1.0"#,
            r#""cpu":1.0,"dockerLabels":{}"#,
        ),
        (|web| _ = web.set_image("a:2"), "a:1", "a:2"),
    ];
    for (edit, from, to) in cases {
        let mut revision = web();
        let before = revision.request();
        assert_eq!(before.matches(from).count(), 1, "{from}");
        edit(&mut revision.container_mut("web").unwrap());
        assert_eq!(revision.request(), before.replace(from, to));
    }
}

#[test]
fn log_options_need_a_driver() {
    let mut revision = web();
    let before = revision.request();
    let mut log = revision.container_mut("log").unwrap();
    log.set_log_option("awslogs-group", "/web").unwrap();
    log.set_log_option("mode", "blocking").unwrap().remove_log_option("mode");
    assert_eq!(
        revision.request(),
        before.replace(r#""awslogs""#, r#""awslogs","options":{"awslogs-group":"/web"}"#)
    );
    let error = revision.container_mut("web").unwrap().set_log_option("mode", "x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidTaskDefinition);
    assert_eq!(
        error.to_string(),
        "the container `web` of web:7 has no log driver for the option `mode`"
    );
}

#[test]
fn the_task_has_members_of_its_own() {
    let mut revision = web();
    revision.set_task_cpu(1024);
    revision.set_task_memory(2048);
    revision.set_task_role("web");
    revision.set_execution_role("web-execution");
    assert_eq!(
        revision.diff().to_string(),
        "cpu\n  + 1024\nexecutionRoleArn\n  + web-execution\nmemory\n  + 2048\ntaskRoleArn\n  + web\n"
    );
}

#[test]
fn a_file_is_based_on_what_is_registered() {
    let file = WEB.parse::<Revision>().unwrap();
    assert!(file.is_changed());
    let same = file.clone().based_on(&web());
    assert!(!same.is_changed());
    assert_eq!(same.arn(), Some(ARN));
    // Unregistered changes of the other revision don't count.
    let mut changed = web();
    changed.set_images([("web", "a:2")]).unwrap();
    assert!(file.clone().based_on(&changed).diff().is_empty());
    assert_eq!(changed.based_on(&file).arn(), None);
}

#[test]
fn debug_shows_no_content() {
    assert_eq!(
        format!("{:?}", web()),
        "Revision { family: \"web\", arn: \
         Some(\"arn:aws:ecs:us-east-1:123456789012:task-definition/web:7\"), is_changed: false, .. }"
    );
    let mut revision = web();
    let container = revision.container_mut("web").unwrap();
    assert_eq!(format!("{container:?}"), "ContainerMut { name: \"web\", .. }");
}

#[test]
fn what_was_saved_is_restored() {
    let mut changed = web();
    changed.container_mut("web").unwrap().set_env("A", "b");
    for revision in [web(), changed, WEB.parse::<Revision>().unwrap()] {
        let saved = serde_json::to_string(&RevisionRecord::from(&revision)).unwrap();
        let restored = restored(serde_json::from_str(&saved).unwrap()).unwrap();
        assert_eq!(restored.members, revision.members);
        assert_eq!(restored.base, revision.base);
    }
    let saved = serde_json::to_value(RevisionRecord::from(&web())).unwrap();
    for member in ["/members", "/registered", "/registered/members"] {
        for broken in [serde_json::json!(1), serde_json::json!("{"), serde_json::json!("[]")] {
            let mut saved = saved.clone();
            *saved.pointer_mut(member).unwrap() = broken;
            assert!(restored(saved.clone()).is_err(), "{saved}");
        }
    }
    assert!(restored(serde_json::json!({ "members": "{}" })).is_err());
    assert!(restored(serde_json::json!(null)).is_err());
}

fn restored(saved: serde_json::Value) -> Result<Revision, String> {
    let record: RevisionRecord =
        serde_json::from_value(saved).map_err(|error| error.to_string())?;
    record.try_into()
}

proptest! {
    /// Any text is either refused or returned unchanged.
    #[test]
    fn texts_round_trip(
        family in "[a-z\"\\\\]{0,3}",
        name in "\\PC{0,5}",
        value in "(-?[1-9][0-9]{0,30}(\\.[0-9]{1,5})?|null|true|\\[\\]|\\{\\}|\"\\PC{0,5}\")",
    ) {
        let text = format!(
            r#"{{"family":"{family}","containerDefinitions":[{{"name":"{name}","new":{value}}}]}}"#
        );
        if let Ok(revision) = text.parse::<Revision>() {
            let again = revision.to_string().parse::<Revision>().unwrap();
            prop_assert_eq!(again.request(), revision.request());
            let is_kept = revision.request().contains(&format!("\"new\":{value}"));
            prop_assert!(is_kept || value.contains('\\'));
            prop_assert!(Diff::between(&revision, &again).is_empty());
        }
    }
}
