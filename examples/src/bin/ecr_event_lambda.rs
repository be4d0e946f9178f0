//! The handler of a Lambda function that deploys the images of ECR events.

use std::env;

use ecs_deploy::Deployer;
use examples::{
    BoxError, ContainerServices, EventDecision, EventRule, Session, Story, deploy_images,
    parse_event,
};
use imagedefs::containers::ContainerMap;
use imagedefs::rule::NamePattern;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};

/// The configuration of the function, from its environment variables.
struct Settings {
    rule: EventRule,
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
            rule: EventRule::new(containers, tags)?,
            services: ContainerServices::new(None, &services)?,
        })
    }

    async fn handle(&self, payload: &Value) -> Result<Value, BoxError> {
        let story = Story::on_stderr();
        let event = parse_event(&payload.to_string())?;
        let definitions = match self.rule.decide(&event)? {
            EventDecision::Deploy(definitions) => definitions,
            EventDecision::Ignore(reason) => {
                story.tell(format!("ignored: {reason}"));
                return Ok(json!({ "ignored": reason }));
            }
        };
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
