//! A registration changes only the edited members.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use aws_sdk_ecs::config::Intercept;
use aws_sdk_ecs::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_ecs::config::{ConfigBag, RuntimeComponents};
use aws_sdk_ecs::error::BoxError;
use aws_sdk_ecs::operation::register_task_definition::RegisterTaskDefinitionInput;
use aws_sdk_ecs::types::{TaskDefinition, TaskDefinitionField};
use aws_smithy_schema::Schema;
use ecs_deploy::Revision;
use local_aws::UnknownMembers;
use serde_json::{Value, json};

use crate::demo::{Demo, NEW_IMAGE};
use crate::every_member::every_member;

#[derive(Debug, Clone, Default)]
struct Body(Arc<Mutex<Value>>);

impl Intercept for Body {
    fn name(&self) -> &'static str {
        "Body"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().ok_or("no body")?;
        *self.0.lock().unwrap() = serde_json::from_slice(body)?;
        Ok(())
    }
}

/// Returns the raw response to DescribeTaskDefinition with tags.
async fn describe(demo: &Demo, reference: &str) -> Value {
    let body = Body::default();
    demo.ecs
        .describe_task_definition()
        .task_definition(reference)
        .include(TaskDefinitionField::Tags)
        .customize()
        .interceptor(body.clone())
        .send()
        .await
        .unwrap();
    body.0.lock().unwrap().take()
}

/// Removes the members that ECS adds and those that must differ.
fn comparable(mut response: Value) -> Value {
    let definition = response["taskDefinition"].as_object_mut().unwrap();
    for name in ["revision", "taskDefinitionArn", "registeredAt", "registeredBy"] {
        assert!(definition.remove(name).is_some(), "{name}");
    }
    response
}

#[tokio::test(start_paused = true)]
async fn only_the_image_changes() {
    let demo = Demo::new();
    let mut expected = comparable(describe(&demo, "web:1").await);
    expected["taskDefinition"]["containerDefinitions"][0]["image"] = json!(NEW_IMAGE);
    let mut revision = demo.changed().await;
    assert!(demo.deployer.register(&mut revision).await.unwrap().ends_with("/web:2"));
    let registered = comparable(describe(&demo, "web:2").await);
    assert_eq!(registered, expected);
    // The serialized text is compared too: equal numbers may print differently.
    assert_eq!(registered.to_string(), expected.to_string());
}

#[tokio::test(start_paused = true)]
async fn members_that_nobody_knows_survive_at_every_level() {
    let demo = Demo::new();
    // ECS itself is newer, and knows them.
    demo.local.set_unknown_members(UnknownMembers::Kept);
    let invented = json!({
        "integer": 1,
        "big": 9_007_199_254_740_993u64,
        "float": 1.0,
        "small": 0.1,
        "text": "",
        "null": null,
        "list": [],
        "object": {},
    });
    let definition = json!({
        "family": "web",
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "invented": invented,
        "volumes": [],
        "placementConstraints": [],
        "proxyConfiguration": { "containerName": "web", "properties": [], "invented": invented },
        "runtimePlatform": { "invented": invented },
        "containerDefinitions": [{
            "name": "web",
            "image": "nginx:1",
            "invented": invented,
            "command": [],
            "environment": [{ "name": "A", "value": "", "invented": invented }],
            "healthCheck": { "command": ["CMD"], "invented": invented },
            "logConfiguration": { "logDriver": "awslogs", "options": {}, "invented": invented },
        }],
    });
    demo.runs(&definition.to_string()).await;
    let mut expected = comparable(describe(&demo, "web:2").await);
    assert_eq!(expected["taskDefinition"]["invented"], invented);
    assert_eq!(expected["tags"], json!([]));
    expected["taskDefinition"]["containerDefinitions"][0]["image"] = json!(NEW_IMAGE);

    let mut revision = demo.changed().await;
    assert_eq!(
        revision.diff().to_string(),
        format!("containers.web.image\n  - nginx:1\n  + {NEW_IMAGE}\n")
    );
    demo.deployer.register(&mut revision).await.unwrap();
    let registered = comparable(describe(&demo, "web:3").await);
    assert_eq!(registered.to_string(), expected.to_string());
}

#[tokio::test(start_paused = true)]
async fn every_member_goes_back_as_it_came() {
    let demo = Demo::new();
    demo.local.set_unknown_members(UnknownMembers::Kept);
    let (definition, input) = every_member();
    let arn = demo.runs(&definition.to_string()).await;
    let mut response = describe(&demo, &arn).await;
    let described = response["taskDefinition"].as_object_mut().unwrap();
    for name in READ_ONLY {
        described.remove(name);
    }
    // It had all members already, so nothing was added.
    let tags = response["tags"].take();
    let described = response["taskDefinition"].to_string();
    let mut both = response["taskDefinition"].take();
    both["tags"] = tags.clone();
    assert_eq!(both, definition);

    let container = "every-member";
    let old_image = r#""image":"containerDefinitions.image""#;
    assert_eq!(described.matches(old_image).count(), 1);
    let changed = described.replace(old_image, &format!(r#""image":"{NEW_IMAGE}""#));
    let expected = format!(r#"{},"tags":{tags}}}"#, changed.strip_suffix('}').unwrap());
    let sent = demo.bodies("RegisterTaskDefinition");

    let current = demo.deployer.current(&demo.service).await.unwrap();
    let mut revision = current.clone();
    revision.set_images([(container, NEW_IMAGE)]).unwrap();
    demo.deployer.register(&mut revision).await.unwrap();

    // The same holds for the SDK's types, which have all members but the invented ones.
    let mut revision = current.clone();
    revision
        .edit(|typed| {
            assert_eq!(*typed, input);
            typed.container_definitions.as_mut().unwrap()[0].image = Some(NEW_IMAGE.to_owned());
        })
        .unwrap();
    demo.deployer.register(&mut revision).await.unwrap();

    // The same holds for a file.
    let mut revision: Revision = current.to_string().parse().unwrap();
    revision.container_mut(container).unwrap().set_image(NEW_IMAGE);
    demo.deployer.register(&mut revision).await.unwrap();
    assert_eq!(*sent.lock().unwrap(), [expected.as_str(), &expected, &expected]);
}

#[test]
fn what_ecs_alone_sets_is_known_to_be() {
    let names = |schema: &'static Schema<'static>| -> BTreeSet<&str> {
        schema.members().iter().filter_map(|member| member.member_name()).collect()
    };
    let described = names(TaskDefinition::SCHEMA);
    let registered = names(RegisterTaskDefinitionInput::SCHEMA);
    let read_only: Vec<&str> = described.difference(&registered).copied().collect();
    assert_eq!(read_only, READ_ONLY);
    assert_eq!(registered.difference(&described).collect::<Vec<_>>(), [&"tags"]);
}

/// README.md and the documentation say nine.
const READ_ONLY: [&str; 9] = [
    "compatibilities",
    "deleteRequestedAt",
    "deregisteredAt",
    "registeredAt",
    "registeredBy",
    "requiresAttributes",
    "revision",
    "status",
    "taskDefinitionArn",
];
