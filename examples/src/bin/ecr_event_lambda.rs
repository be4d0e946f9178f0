//! The handler of a Lambda function that deploys the images of ECR events.

use std::env;

use ecs_deploy::Deployer;
use examples::{BoxError, ContainerServices, Session, Story, deploy_images};
use imagedefs::containers::ContainerMap;
use imagedefs::event::EcrImageEvent;
use imagedefs::rule::{Decision, DeployRule, NamePattern};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};

/// The configuration of the function, from its environment variables.
struct Settings {
    containers: ContainerMap,
    rule: DeployRule,
    services: ContainerServices,
}

impl Settings {
    /// Reads `CONTAINERS` (the container map in JSON), `TAGS` and `SERVICES` (lists with commas).
    fn from_env() -> Result<Self, BoxError> {
        let containers = variable("CONTAINERS")?.parse::<ContainerMap>()?;
        let tags = variable("TAGS")?;
        let tags = tags.split(',').map(str::parse).collect::<Result<Vec<NamePattern>, _>>()?;
        let services: Vec<String> = variable("SERVICES")?.split(',').map(str::to_owned).collect();
        Ok(Self {
            rule: DeployRule::from_containers(&containers, tags)?,
            containers,
            services: ContainerServices::new(None, &services)?,
        })
    }

    async fn handle(&self, payload: &Value) -> Result<Value, BoxError> {
        let story = Story::on_stderr();
        let event = payload.to_string().parse::<EcrImageEvent>()?;
        if let Decision::Ignore(reason) = self.rule.decide(&event) {
            story.tell(format!("ignored: {reason}"));
            return Ok(json!({ "ignored": reason.to_string() }));
        }
        let definitions = self.containers.definitions([event.image_uri()?])?;
        let services = self.services.split(&definitions)?;
        let session = Session::on_aws_in(event.region()).await?;
        let deployer = Deployer::new(session.config());
        let revisions = deploy_images(&deployer, &services, &story).await?;
        Ok(json!({ "revisions": revisions }))
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    // Fails at the start of the function, so that its configuration is checked once.
    let settings = Settings::from_env()?;
    let handler = |event: LambdaEvent<Value>| {
        let settings = &settings;
        async move { settings.handle(&event.payload).await }
    };
    lambda_runtime::run(service_fn(handler)).await
}

fn variable(name: &str) -> Result<String, BoxError> {
    match env::var(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        _ => Err(format!("the environment variable {name} is not set").into()),
    }
}
