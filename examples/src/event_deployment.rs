//! The deployment of an event's images to the services of their containers.

use ecs_deploy::{Deployer, Service};
use imagedefs::ImageDefinitions;

use crate::ending::BoxError;
use crate::rollout::show_roll_out;
use crate::story::Story;

/// The services of the containers.
#[derive(Debug)]
pub struct ContainerServices {
    /// The service of all containers that have no service of their own.
    default: Option<Service>,
    assigned: Vec<(String, Service)>,
}

impl ContainerServices {
    /// Reads the services of arguments: one service for all containers, or a
    /// `CONTAINER=CLUSTER/SERVICE` for each container.
    ///
    /// # Errors
    /// Fails if a service is invalid or missing, or if there are several for the same container.
    pub fn new(cluster: Option<&str>, services: &[String]) -> Result<Self, BoxError> {
        let (mut default, mut assigned) = (None, Vec::new());
        for text in services {
            let (container, service) = match text.split_once('=') {
                Some((container, service)) => (Some(container), service),
                None => (None, text.as_str()),
            };
            let service = match cluster {
                Some(cluster) if !service.contains('/') => Service::new(cluster, service)?,
                _ => service.parse()?,
            };
            match container {
                Some(name) if assigned.iter().any(|(other, _)| other == name) => {
                    return Err(format!("container `{name}` has several services").into());
                }
                Some(name) => assigned.push((name.to_owned(), service)),
                None if default.is_some() => {
                    return Err("several services are given for all containers: use --service \
                                CONTAINER=CLUSTER/SERVICE"
                        .into());
                }
                None => default = Some(service),
            }
        }
        if default.is_none() && assigned.is_empty() {
            return Err("no service is given: use --cluster C --service S, or --service \
                        CONTAINER=CLUSTER/SERVICE"
                .into());
        }
        Ok(Self { default, assigned })
    }

    /// Splits definitions by service.
    ///
    /// # Errors
    /// Fails if a container has no service.
    pub fn split(
        &self,
        definitions: &ImageDefinitions,
    ) -> Result<Vec<(Service, ImageDefinitions)>, BoxError> {
        let mut all: Vec<(Service, ImageDefinitions)> = Vec::new();
        for (container, image) in definitions {
            let own = self.assigned.iter().find(|(name, _)| name == container);
            let service = own.map(|(_, service)| service).or(self.default.as_ref());
            let service = service.ok_or_else(|| {
                let cure = format!("add --service {container}=CLUSTER/SERVICE");
                format!("container `{container}` has no service: {cure}")
            })?;
            let position = all.iter().position(|(other, _)| other == service);
            let position = position.unwrap_or_else(|| {
                all.push((service.clone(), ImageDefinitions::new()));
                all.len() - 1
            });
            all[position].1.insert(container, image)?;
        }
        Ok(all)
    }
}

/// Deploys the images to each service in turn. Returns the ARN of the revision of each service.
///
/// # Errors
/// Fails with the first rollout that fails.
pub async fn deploy_images(
    deployer: &Deployer,
    services: &[(Service, ImageDefinitions)],
    story: &Story,
) -> Result<Vec<String>, BoxError> {
    let mut revisions = Vec::new();
    for (service, definitions) in services {
        let mut revision = deployer.current(service).await?;
        revision.set_images(definitions)?;
        let deployed = show_roll_out(deployer, service, revision, story).await?;
        revisions.push(deployed.revision().to_owned());
    }
    Ok(revisions)
}
