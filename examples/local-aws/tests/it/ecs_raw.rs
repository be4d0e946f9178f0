//! Calls of ECS in JSON of any shape, which an SDK's types wouldn't let through.

use aws_sdk_ecr::Client;
use local_aws::LocalAws;
use serde_json::Value;

use crate::v2::Registry;
use crate::wire::signed;

pub(crate) struct Raw(Registry);

impl Raw {
    pub(crate) async fn new(local: &LocalAws) -> Self {
        let registry = Registry::with(local, &Client::new(&local.sdk_config())).await;
        Self(Registry {
            host: "ecs.us-east-1.amazonaws.com".to_owned(),
            authorization: Some(signed("ecs")),
            ..registry
        })
    }

    /// The answer, or the code and the message of the refusal.
    pub(crate) async fn call(
        &self,
        operation: &str,
        body: &Value,
    ) -> Result<Value, (String, String)> {
        let target = format!("AmazonEC2ContainerServiceV20141113.{operation}");
        let headers = [("x-amz-target", target.as_str())];
        let answer = self.0.call("POST", "/", &headers, body.to_string()).await.unwrap();
        let json: Value = serde_json::from_slice(&answer.body).unwrap();
        let text = |member: &str| json[member].as_str().unwrap_or_default().to_owned();
        match answer.status {
            200 => Ok(json),
            _ => Err((text("__type"), text("message"))),
        }
    }

    /// The task definition that is described after it was registered.
    pub(crate) async fn registered(&self, definition: &Value) -> Value {
        let registered = self.call("RegisterTaskDefinition", definition).await.unwrap();
        let arn = &registered["taskDefinition"]["taskDefinitionArn"];
        let input = serde_json::json!({ "taskDefinition": arn });
        let mut described = self.call("DescribeTaskDefinition", &input).await.unwrap();
        assert_eq!(described["taskDefinition"], registered["taskDefinition"]);
        described["taskDefinition"].take()
    }
}
