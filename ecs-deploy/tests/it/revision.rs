//! What is registered is what was there, but for what was changed.

use std::sync::{Arc, Mutex};

use aws_sdk_ecs::config::Intercept;
use aws_sdk_ecs::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_ecs::config::{ConfigBag, RuntimeComponents};
use aws_sdk_ecs::error::BoxError;
use aws_sdk_ecs::types::TaskDefinitionField;
use serde_json::{Value, json};

use crate::demo::{Demo, NEW_IMAGE};

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

/// The raw response to DescribeTaskDefinition with tags.
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

/// The same without what ECS adds and what is bound to differ.
fn comparable(mut response: Value) -> Value {
    let definition = response["taskDefinition"].as_object_mut().unwrap();
    for name in ["revision", "taskDefinitionArn", "registeredAt", "registeredBy"] {
        assert!(definition.remove(name).is_some(), "{name}");
    }
    response
}

async fn register_raw(demo: &Demo, definition: &Value) {
    let body = definition.to_string();
    demo.ecs
        .register_task_definition()
        .family("any")
        .customize()
        .mutate_request(move |request| {
            request.headers_mut().insert("content-length", body.len().to_string());
            *request.body_mut() = body.as_str().into();
        })
        .send()
        .await
        .unwrap();
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
    // Serialized, too: a number may be equal and yet print differently.
    assert_eq!(registered.to_string(), expected.to_string());
}

#[tokio::test(start_paused = true)]
async fn members_that_nobody_knows_survive_at_every_level() {
    let demo = Demo::new();
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
    register_raw(&demo, &definition).await;
    let update = demo.ecs.update_service().cluster("demo").service("web");
    update.task_definition("web:2").send().await.unwrap();
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
