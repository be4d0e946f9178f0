//! Each rule with a task definition that only it concerns.

use super::*;
use crate::revision::check::examination::Examination;

const VALID: &str = r#"{
    "family": "web",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "taskRoleArn": "arn:aws:iam::123456789012:role/ci/web",
    "executionRoleArn": "web-execution",
    "volumes": [{ "name": "scratch" }],
    "containerDefinitions": [
        {
            "name": "web",
            "image": "nginx:1",
            "memory": 256,
            "portMappings": [{ "name": "http", "containerPort": 80, "hostPort": 80 }],
            "mountPoints": [{ "sourceVolume": "scratch", "containerPath": "/tmp" }],
            "environment": [{ "name": "HTML", "value": "<b>a</b> ${HOME} 100%" }],
            "command": ["sh", "-c", "echo ${HOME}"],
            "dependsOn": [{ "containerName": "log", "condition": "START" }]
        },
        {
            "name": "log",
            "image": "fluent-bit:2",
            "memoryReservation": 64,
            "essential": false,
            "logConfiguration": { "logDriver": "json-file", "options": { "tag": "{{.Name}}" } }
        }
    ]
}"#;

/// Returns the problems of the valid text with one part replaced.
fn problems(from: &str, to: &str) -> Vec<String> {
    assert_eq!(VALID.matches(from).count(), 1, "{from}");
    let examination = Examination::new(VALID.replacen(from, to, 1).as_bytes());
    let word = |it: &Problem| match it.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    examination.problems().iter().map(|it| format!("{}: {it}", word(it))).collect()
}

#[test]
fn a_valid_task_definition_has_no_problem() {
    assert_eq!(problems("nginx:1", "nginx:1"), [""; 0]);
    assert!(Examination::new(VALID.as_bytes()).fixed().is_none());
    let described = format!(
        r#"{{"taskDefinition":{},"tags":[]}}"#,
        VALID.replacen('{', r#"{"revision":3,"status":"ACTIVE","registeredAt":1.5,"#, 1)
    );
    assert!(Examination::new(described.as_bytes()).problems().is_empty());
}

#[test]
fn each_problem_has_a_place_and_a_cure() {
    for (from, to, expected) in [
        (
            r#""image": "nginx:1""#,
            r#""image": "nginx:1", "enviroment": []"#,
            "error: `containerDefinitions[0].enviroment` isn't a member that ECS knows (did you mean `environment`?): rename it to `environment`, because ECS would drop it silently",
        ),
        (
            r#""image": "nginx:1""#,
            r#""image": "nginx:1", "gravitationalPull": 1"#,
            "warning: `containerDefinitions[0].gravitationalPull` isn't a member that this build of the SDK knows: remove it, unless it is newer than the SDK; a rollout stops if ECS drops it",
        ),
        (
            r#""memory": 256"#,
            r#""memory": "256""#,
            "error: `containerDefinitions[0].memory` is the string \"256\", but an integer is expected: write 256",
        ),
        (
            r#""cpu": "256""#,
            r#""cpu": 256"#,
            "error: `cpu` is the number 256, but a string is expected: write \"256\"",
        ),
        (
            r#""value": "<b>a</b> ${HOME} 100%""#,
            r#""value": 8080"#,
            "error: `containerDefinitions[0].environment[0].value` is a number, but a string is expected: put it in quotation marks",
        ),
        (
            r#""essential": false"#,
            r#""essential": "no""#,
            "error: `containerDefinitions[1].essential` is the string \"no\", but true or false is expected: write true or false",
        ),
        (
            r#"["sh", "-c", "echo ${HOME}"]"#,
            r#""sh""#,
            "error: `containerDefinitions[0].command` is the string \"sh\", but a list is expected: write [\"sh\"]",
        ),
        (
            "nginx:1",
            "<IMAGE1_NAME>",
            "error: `containerDefinitions[0].image` contains the placeholder `<IMAGE1_NAME>`: replace it before the deployment",
        ),
        (
            "<b>a</b> ${HOME} 100%",
            "${TOKEN}",
            "warning: `containerDefinitions[0].environment[0].value` contains the placeholder `${TOKEN}`: replace it before the deployment",
        ),
        (
            "nginx:1",
            "nginx 1",
            "error: `containerDefinitions[0].image` is \"nginx 1\" and has a character that the name of an image can't have: write REPOSITORY:TAG or REPOSITORY@sha256:…",
        ),
        (
            r#""image": "nginx:1","#,
            "",
            "error: `containerDefinitions[0].image` is missing: name the image, such as \"image\": \"nginx:1\"",
        ),
        (
            r#""family": "web""#,
            r#""family": "web.prod""#,
            "error: `family` is \"web.prod\", which isn't a valid name: use 1 to 255 letters, digits, `-` and `_`",
        ),
        (
            r#""memory": "512""#,
            r#""memory": "4 GB""#,
            "error: `memory` is 4096 MiB, which Fargate doesn't have with 256 CPU units: use 512, 1024 or 2048 MiB, or change `cpu`",
        ),
        (
            r#""cpu": "256""#,
            r#""cpu": "300""#,
            "error: `cpu` is 300 CPU units, which Fargate doesn't have: use 256, 512, 1024, 2048, 4096, 8192 or 16384",
        ),
        (
            r#""cpu": "256""#,
            r#""cpu": "half""#,
            "error: `cpu` is \"half\", which isn't a size: write CPU units such as \"256\", or vCPUs such as \"0.25 vCPU\"",
        ),
        (
            r#""cpu": "256","#,
            "",
            "error: `cpu` is missing, but Fargate requires it: set it for the whole task, such as \"cpu\": \"256\" with \"memory\": \"512\"",
        ),
        (
            r#""networkMode": "awsvpc""#,
            r#""networkMode": "bridge""#,
            "error: `networkMode` is \"bridge\", but Fargate has only awsvpc: write \"networkMode\": \"awsvpc\"",
        ),
        (
            r#""networkMode": "awsvpc","#,
            "",
            "error: `networkMode` is missing, which means bridge, but Fargate has only awsvpc: write \"networkMode\": \"awsvpc\"",
        ),
        (
            "role/ci/web",
            "user/web",
            "error: `taskRoleArn` is \"arn:aws:iam::123456789012:user/web\", which isn't a role: write the role's ARN, such as arn:aws:iam::123456789012:role/web, or its name without a path",
        ),
        (
            r#""memory": 256"#,
            r#""memory": 1024"#,
            "error: `containerDefinitions[0].memory` is 1024 MiB, but the whole task has 512 MiB: lower it, or raise the task's `memory`",
        ),
        (
            r#""memory": 256"#,
            r#""memory": 256, "memoryReservation": 300"#,
            "error: `containerDefinitions[0].memoryReservation` is 300 MiB, but the container's `memory` is 256 MiB: lower it, or raise `memory`",
        ),
        (
            r#""hostPort": 80"#,
            r#""hostPort": 8080"#,
            "error: `containerDefinitions[0].portMappings[0].hostPort` is 8080, but in the network mode awsvpc it has to be the `containerPort`, 80: remove it",
        ),
        (
            r#""containerPort": 80, "hostPort": 80"#,
            r#""containerPort": 80000"#,
            "error: `containerDefinitions[0].portMappings[0].containerPort` is 80000, which isn't a port: use 1 to 65535",
        ),
        (
            r#""hostPort": 80 }"#,
            r#""hostPort": 80 }, { "name": "http", "containerPort": 81 }"#,
            "error: `containerDefinitions[0].portMappings[1].name` is `http`, like another port's: give each port a name of its own",
        ),
        (
            r#""sourceVolume": "scratch""#,
            r#""sourceVolume": "scrach""#,
            "error: `containerDefinitions[0].mountPoints[0].sourceVolume` names the volume `scrach`, which doesn't exist (did you mean `scratch`?): correct the name, or add the volume",
        ),
        (
            r#""containerName": "log""#,
            r#""containerName": "logger""#,
            "error: `containerDefinitions[0].dependsOn[0].containerName` names the container `logger`, which doesn't exist: correct the name, or add the container",
        ),
        (
            r#""condition": "START""#,
            r#""condition": "HEALTHY""#,
            "warning: `containerDefinitions[0].dependsOn[0]` waits until `log` is healthy, but it has no `healthCheck`; ECS ignores that of the image: add a `healthCheck` there, or wait for START",
        ),
        (
            r#""memoryReservation": 64,
            "essential": false"#,
            r#""memoryReservation": 64, "essential": false,
            "dependsOn": [{ "containerName": "log", "condition": "START" }]"#,
            "error: `containerDefinitions[1].dependsOn` make `log` wait for itself: remove one dependency of the circle",
        ),
        (
            r#""volumes": [{ "name": "scratch" }]"#,
            r#""volumes": [{ "name": "scratch" }, { "name": "scratch" }]"#,
            "error: `volumes[1].name` is `scratch`, like another volume's: give each volume a name of its own",
        ),
        (
            r#""name": "log""#,
            r#""name": "log.1""#,
            "error: `containerDefinitions[0].dependsOn[0].containerName` names the container `log`, which doesn't exist: correct the name, or add the container",
        ),
        (
            r#"100%" }"#,
            r#"100%" }, { "name": "HTML", "value": "" }"#,
            "warning: `containerDefinitions[0].environment[1].name` is `HTML`, like another variable's: remove one of them, because ECS keeps only one",
        ),
        (
            r#""image": "nginx:1""#,
            r#""image": "nginx:1", "secrets": [{ "name": "HTML", "valueFrom": "arn:a" }]"#,
            "error: `containerDefinitions[0].secrets[0].name` is `HTML`, like another variable's or secret's: remove one of them, because ECS refuses both",
        ),
        (
            r#""family": "web","#,
            "",
            "error: `family` is missing: add \"family\": \"NAME\", the name of the task definition",
        ),
    ] {
        assert_eq!(problems(from, to).first().map(String::as_str), Some(expected), "{to}");
    }
}

#[test]
fn no_essential_container_is_found() {
    let all = VALID.replacen(r#""name": "web","#, r#""name": "web", "essential": false,"#, 1);
    let found = Examination::new(all.as_bytes());
    assert_eq!(
        found.problems()[0].to_string(),
        "`containerDefinitions` have no essential container: remove \"essential\": false from at \
         least one of them"
    );
    let waits = VALID
        .replace(r#""condition": "START""#, r#""condition": "SUCCESS""#)
        .replace(r#""essential": false"#, r#""essential": true"#);
    assert_eq!(
        Examination::new(waits.as_bytes()).problems()[0].to_string(),
        "`containerDefinitions[0].dependsOn[0]` waits for the end of `log`, which is essential: its \
         end stops the task: set \"essential\": false there, or wait for START or HEALTHY"
    );
}

#[test]
fn all_problems_are_found_at_once_with_their_lines() {
    let broken = VALID
        .replace("nginx:1", "${IMAGE}")
        .replace(r#""memory": 256"#, r#""memory": "256""#)
        .replace(r#""name": "log""#, r#""Name": "log""#);
    let examination = Examination::new(broken.as_bytes());
    let found: Vec<(Option<usize>, Option<usize>, ProblemKind)> =
        examination.problems().iter().map(|it| (it.line(), it.column(), it.kind())).collect();
    assert_eq!(
        found,
        [
            (Some(13), Some(13), ProblemKind::Placeholder),
            (Some(14), Some(13), ProblemKind::Type),
            (Some(19), Some(29), ProblemKind::Reference),
            (Some(21), Some(9), ProblemKind::Missing),
            (Some(22), Some(13), ProblemKind::UnknownMember),
        ]
    );
    let fixed = examination.fixed().unwrap();
    let expected = broken
        .replace("\"memory\": \"256\"", "\"memory\": 256")
        .replace("\"Name\": \"log\"", "\"name\": \"log\"");
    assert_eq!(fixed, expected);
    let left = Examination::new(fixed.as_bytes());
    assert_eq!(left.problems().len(), 1);
    assert!(!left.is_valid() && left.fixed().is_none());
}

#[test]
fn a_repair_never_makes_a_duplicate() {
    for members in
        [r#""enviroment": [], "environment": []"#, r#""enviroment": [], "enviromnent": []"#]
    {
        let text = VALID.replacen(
            r#""image": "nginx:1""#,
            &format!(r#""image": "nginx:1", {members}"#),
            1,
        );
        // The valid text has variables already.
        let text = text.replacen(
            r#""environment": [{ "name": "HTML", "value": "<b>a</b> ${HOME} 100%" }],"#,
            "",
            1,
        );
        let examination = Examination::new(text.as_bytes());
        assert!(!examination.is_valid());
        assert_eq!(examination.fixed(), None, "{members}");
    }
}

#[test]
fn other_formats_are_named_with_their_cure() {
    for (text, expected) in [
        (
            "",
            "expected a value, found the end of the text: it is empty: fetch one with `aws ecs describe-task-definition`",
        ),
        (
            "family: web\ncontainerDefinitions:\n- name: web\n",
            "expected a value, found 'f': it is YAML: convert it to JSON, for example with `yq -o=json . FILE`",
        ),
        (
            "{\n  // a\n  \"family\": \"web\"\n}",
            "expected a member's name in double quotes, found '/': JSON has no comments: remove them, for example with `yq -o=json . FILE`",
        ),
        (
            "// a\n{}",
            "expected a value, found '/': JSON has no comments: remove them, for example with `yq -o=json . FILE`",
        ),
        (
            "{\n  \"family\": \"web\",\n}",
            "expected a member's name in double quotes, found '}': JSON allows no comma before a closing bracket: remove it",
        ),
        (
            "{\"a\": [1, ]}",
            "expected a value, found ']': JSON allows no comma before a closing bracket: remove it",
        ),
        (
            "{'family': 'web'}",
            "expected a member's name in double quotes, found '\\'': JSON has only double quotes: replace the single ones",
        ),
        (
            "{\u{201c}family\u{201d}: 1}",
            "expected a member's name in double quotes, found '\u{201c}': a word processor replaced the quotes: type them again as \"",
        ),
        (
            "{ family: 'web' }",
            "expected a member's name in double quotes, found 'f': it is Jsonnet or JSON5: render it to JSON first",
        ),
        (
            "local a = 1;\n{}",
            "expected a value, found 'l': it is Jsonnet or JSON5: render it to JSON first",
        ),
        (
            "<html>",
            "expected a value, found '<': it is HTML or XML: the download failed, perhaps for a missing login",
        ),
        (
            "{\"family\" \"web\"}",
            "expected `:` after a member's name, found '\"': correct the JSON there",
        ),
        (
            "[{\"name\":\"web\"}]",
            "it is a list, such as the container definitions alone: write {\"family\": \"NAME\", \"containerDefinitions\": […]} around it",
        ),
        ("1", "it isn't an object: write a task definition"),
        (
            "{\"Family\":\"web\",\"ContainerDefinitions\":[]}",
            "`ContainerDefinitions` is CloudFormation's spelling: the API's `family` and `containerDefinitions` are expected",
        ),
        (
            "{\"AWSTemplateFormatVersion\":\"2010-09-09\",\"Resources\":{}}",
            "`Resources` is CloudFormation's spelling: the API's `family` and `containerDefinitions` are expected",
        ),
    ] {
        let examination = Examination::new(text.as_bytes());
        let found: Vec<String> = examination.problems().iter().map(ToString::to_string).collect();
        assert_eq!(found, [expected], "{text}");
        assert!(!examination.is_valid() && examination.fixed().is_none());
    }
    let large = Examination::new(&vec![b' '; 5 * 1024 * 1024]);
    assert_eq!(large.problems()[0].kind(), ProblemKind::Size);
}

#[test]
fn what_ecs_accepted_before_is_no_new_problem() {
    let definition = VALID
        .replacen('{', r#"{"taskDefinitionArn":"arn:aws:ecs:eu-west-1:123456789012:task-definition/web:1","newer":1,"#, 1)
        .replace("nginx:1", "Odd/Image");
    let mut revision = Revision::described(&definition, "[]");
    assert_eq!(revision.check().len(), 2);
    revision.container_mut("log").unwrap().set_image("fluent-bit:3");
    assert!(revision.new_problems().is_empty());
    revision.container_mut("log").unwrap().set_image("Fluent/bit");
    assert_eq!(revision.new_problems().len(), 1);
}
