//! Additional services on the emulator, for demonstrations with several services.

use aws_config::SdkConfig;
use aws_sdk_ecs::Client;
use ecs_deploy::{Deployer, Service};

use crate::ending::BoxError;

/// Creates copies of the emulator's service `demo/web`, each with a task definition family of its
/// own, and waits until they run.
///
/// # Errors
/// Fails if a call fails or a service already exists.
pub async fn create_services(config: &SdkConfig, names: &[&str]) -> Result<(), BoxError> {
    let (client, deployer) = (Client::new(config), Deployer::new(config));
    let web = Service::new("demo", "web")?;
    let described = client.describe_services().cluster("demo").services("web").send().await?;
    let model = described.services().first().ok_or("the emulator has no service demo/web")?;
    for name in names {
        let mut definition = deployer.current(&web).await?;
        definition.edit(|input| input.family = Some((*name).to_owned()))?;
        let arn = deployer.register(&mut definition).await?;
        client
            .create_service()
            .cluster("demo")
            .service_name(*name)
            .task_definition(arn)
            .desired_count(model.desired_count())
            .set_launch_type(model.launch_type().cloned())
            .set_platform_version(model.platform_version().map(str::to_owned))
            .set_deployment_configuration(model.deployment_configuration().cloned())
            .set_network_configuration(model.network_configuration().cloned())
            .send()
            .await?;
    }
    for name in names {
        // ECS starts a deployment when it creates a service.
        let service = Service::new("demo", *name)?;
        let revision = deployer.current(&service).await?;
        deployer.roll_out(&service, revision).await?;
    }
    Ok(())
}
