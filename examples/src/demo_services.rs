//! More services on the emulator, for demonstrations that take several.

use aws_config::SdkConfig;
use aws_sdk_ecs::Client;
use ecs_deploy::{Deployer, Service};

use crate::ending::BoxError;

/// Creates services beside the emulator's own, `demo/web`: copies of it, each with a task
/// definition of its own name, and waits until they run.
///
/// # Errors
/// Those of the calls; a service that exists already is one.
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
        // Creating a service is a deployment, too.
        let service = Service::new("demo", *name)?;
        let revision = deployer.current(&service).await?;
        deployer.roll_out(&service, revision).await?;
    }
    Ok(())
}
