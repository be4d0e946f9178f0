//! Templates that match, and mismatches.

use super::*;

const TASK_DEFINITION: &str = r#"{
  "family": "shop",
  "containerDefinitions": [
    {
      "name": "web",
      "image": "<IMAGE1_NAME>"
    },
    {
      "name": "proxy",
      "image": "httpd:2.4"
    }
  ]
}"#;

const APP_SPEC: &str = r#"version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: <TASK_DEFINITION>
        LoadBalancerInfo:
          ContainerName: "web"
          ContainerPort: 80
"#;

const APP_SPEC_JSON: &str = r#"{"version": 0.0, "Resources": [{"TargetService": {
    "Type": "AWS::ECS::Service",
    "Properties": {"TaskDefinition": "<TASK_DEFINITION>",
        "LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 80}}}}]}"#;

/// Returns the reasons for templates that differ from valid ones in one place.
fn reasons(task: (&str, &str), app_spec: (&str, &str), names: &[&str]) -> String {
    assert!(TASK_DEFINITION.contains(task.0) && APP_SPEC.contains(app_spec.0));
    let task = TASK_DEFINITION.replacen(task.0, task.1, 1);
    let app_spec = APP_SPEC.replacen(app_spec.0, app_spec.1, 1);
    let error = BlueGreenTemplates::new(&task, &app_spec, names).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidTemplates);
    let message = error.to_string();
    let what = "the templates of the blue/green deployment do not match:";
    message.strip_prefix(what).unwrap().trim_start().to_owned()
}

const SAME: (&str, &str) = ("", "");
const NAMES: [&str; 1] = ["IMAGE1_NAME"];

#[test]
fn templates_that_fit_say_which_container_gets_what() {
    for app_spec in [APP_SPEC, APP_SPEC_JSON] {
        let templates = BlueGreenTemplates::new(TASK_DEFINITION, app_spec, NAMES).unwrap();
        assert_eq!(templates.containers("IMAGE1_NAME").collect::<Vec<_>>(), ["web"]);
        assert_eq!(templates.containers("IMAGE2_NAME").count(), 0);
    }
    for value in [
        "TaskDefinition:\n          <TASK_DEFINITION>",
        "TaskDefinition: >-\n          <TASK_DEFINITION>",
        "TaskDefinition: !!str <TASK_DEFINITION>",
        "TaskDefinition: &task \"<TASK_DEFINITION>\"\n        Again: *task",
    ] {
        let app_spec = APP_SPEC.replace("TaskDefinition: <TASK_DEFINITION>", value);
        BlueGreenTemplates::new(TASK_DEFINITION, &app_spec, NAMES).unwrap();
        let marked = |text: &str| format!("\u{feff}{text}");
        BlueGreenTemplates::new(&marked(TASK_DEFINITION), &marked(&app_spec), NAMES).unwrap();
    }
    let two = TASK_DEFINITION.replace("httpd:2.4", "<IMAGE1_NAME>");
    let templates = BlueGreenTemplates::new(&two, APP_SPEC, NAMES).unwrap();
    assert_eq!(templates.containers("IMAGE1_NAME").collect::<Vec<_>>(), ["web", "proxy"]);
}

#[test]
fn what_is_wrong_with_the_task_definition_is_said_with_its_line() {
    let image = |image: &'static str| ("<IMAGE1_NAME>", image);
    for (change, expected) in [
        (image("web:1"), "the task definition: no container has the image `<IMAGE1_NAME>`"),
        (
            image("IMAGE1_NAME"),
            "the task definition, line 6: the image of the container `web` is `IMAGE1_NAME`: \
             expected `<IMAGE1_NAME>`",
        ),
        (
            image("shop/web:<IMAGE1_NAME>"),
            "the task definition, line 6: the image of the container `web` is \
             `shop/web:<IMAGE1_NAME>`: expected `<IMAGE1_NAME>` alone, which stands for the whole \
             reference",
        ),
        (
            image("<image1_name>"),
            "the task definition, line 6: the image of the container `web` is `<image1_name>`, \
             which the action doesn't replace; it replaces `<IMAGE1_NAME>`",
        ),
        (
            ("httpd:2.4", "<SIDECAR>"),
            "the task definition, line 10: the image of the container `proxy` is `<SIDECAR>`, \
             which the action doesn't replace",
        ),
        (
            ("\"shop\"", "\"<TASK_DEFINITION>\""),
            "the task definition, line 2: `<TASK_DEFINITION>` belongs in the AppSpec",
        ),
        (
            ("\"shop\"", "\"<IMAGE1_NAME>\""),
            "the task definition, line 2: `<IMAGE1_NAME>` is outside of a container's image",
        ),
        (("\"shop\",", "\"shop\""), "the task definition, line 2: missing comma"),
        (
            ("containerDefinitions", "containers"),
            "the task definition: missing array `containerDefinitions`",
        ),
        (
            ("\"family\": \"shop\"", "\"taskDefinition\": {}"),
            "the task definition: it is a response of DescribeTaskDefinition: use the value of \
             its `taskDefinition`",
        ),
    ] {
        assert_eq!(reasons(change, SAME, &NAMES), expected);
    }
    for (text, expected) in [
        ("", "it is empty"),
        ("[]", "it is an array, not an object"),
        ("{} {}", "it has several values in a row"),
    ] {
        assert_eq!(
            reasons((TASK_DEFINITION, text), SAME, &NAMES),
            format!("the task definition: {expected}")
        );
    }
}

#[test]
fn what_is_wrong_with_the_app_spec_is_said_with_its_line() {
    for (change, expected) in [
        (
            ("<TASK_DEFINITION>", "arn:aws:ecs:eu-west-1:111122223333:task-definition/shop:7"),
            "the AppSpec, line 6: `TaskDefinition` is \
             `arn:aws:ecs:eu-west-1:111122223333:task-definition/shop:7`: expected \
             `<TASK_DEFINITION>`",
        ),
        (
            ("<TASK_DEFINITION>", "<IMAGE1_NAME>"),
            "the AppSpec, line 6: `TaskDefinition` is `<IMAGE1_NAME>`: expected `<TASK_DEFINITION>`\n  \
             the AppSpec, line 6: `<IMAGE1_NAME>` belongs in the task definition",
        ),
        (
            ("        TaskDefinition", "        # TaskDefinition"),
            "the AppSpec: missing `TaskDefinition`: expected `<TASK_DEFINITION>`",
        ),
        (
            ("\"web\"", "wbe"),
            "the AppSpec, line 8: `ContainerName` is `wbe`: the task definition has no such \
             container; the nearest name is `web`",
        ),
        (
            ("\"web\"", "something"),
            "the AppSpec, line 8: `ContainerName` is `something`: the task definition has no such \
             container",
        ),
    ] {
        assert_eq!(reasons(SAME, change, &NAMES), expected);
    }
}

#[test]
fn what_is_wrong_with_the_action_is_said() {
    assert_eq!(
        reasons(SAME, SAME, &["IMAGE1_NAME", "<B>", "", "IMAGE1_NAME", "C"]),
        "the action: it names 5 images, but at most 4 are replaced\n  \
         the action: `Image2ContainerName` is `<B>`: write it without `<` and `>`\n  \
         the action: `Image3ContainerName` is empty\n  \
         the action: `Image4ContainerName` is `IMAGE1_NAME`, the same as an earlier one\n  \
         the task definition: no container has the image `<C>`"
    );
}
