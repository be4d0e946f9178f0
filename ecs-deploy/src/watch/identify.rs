//! The selection of the deployment to follow: a [`Handle`] from a service's description.

use aws_sdk_ecs::types::{DeploymentStrategy, Service as Description};

use crate::model::description::{is_complete, primary, running};
use crate::model::handle::{DeploymentRecord, Form, Handle, Origin};
use crate::names::service::Service;
use crate::revision::Revision;

/// Creates a handle of the PRIMARY deployment in `description`, if it runs `revision`. `before` is
/// the service's description from before UpdateService; `None` if no deployment was started.
pub(crate) fn deployment_of(
    service: &Service,
    revision: &Revision,
    description: &Description,
    before: Option<&Description>,
) -> Option<Handle> {
    record_of(service, revision, description, before).map(Handle::new)
}

/// Creates a handle of the PRIMARY deployment of any revision.
pub(crate) fn primary_deployment(service: &Service, description: &Description) -> Option<Handle> {
    record(service, description, Vec::new(), None).map(Handle::new)
}

/// Creates a handle of the deployment that is PRIMARY again after a rollback. Its service
/// deployment is from its first rollout, so the handle leaves that out.
pub(crate) fn returned_deployment(
    service: &Service,
    revision: &Revision,
    description: &Description,
) -> Option<Handle> {
    let record = record_of(service, revision, description, None)?;
    Some(Handle::new(DeploymentRecord {
        form: Form::Rolling,
        origin: Origin::Started,
        service_deployment: None,
        ..record
    }))
}

fn record_of(
    service: &Service,
    revision: &Revision,
    description: &Description,
    before: Option<&Description>,
) -> Option<DeploymentRecord> {
    running(description).filter(|it| Some(*it) == revision.arn())?;
    let images = revision.images().map(|(name, image)| (name.to_owned(), image.to_owned()));
    record(service, description, images.collect(), before)
}

fn record(
    service: &Service,
    description: &Description,
    images: Vec<(String, String)>,
    before: Option<&Description>,
) -> Option<DeploymentRecord> {
    let ours = primary(description)?;
    let id = ours.id()?;
    let others = || description.deployments().iter().filter(|it| it.id() != Some(id));
    let completed = others().find(|it| is_complete(it)).and_then(|it| it.task_definition());
    let previous = completed.or_else(|| others().next().and_then(|it| it.task_definition()));
    let origin = match before {
        Some(before) if before.deployments().iter().all(|it| it.id() != Some(id)) => {
            Origin::Started
        }
        _ => Origin::Found,
    };
    let messages = description.events().iter().filter_map(|it| it.id());
    Some(DeploymentRecord {
        service: service.clone(),
        revision: ours.task_definition()?.to_owned(),
        deployment: id.to_owned(),
        service_deployment: description.current_service_deployment().map(str::to_owned),
        images,
        form: form(description),
        origin,
        earlier: others().filter_map(|it| it.id()).map(str::to_owned).collect(),
        completed: completed.map(str::to_owned),
        before: previous.map(str::to_owned),
        messages: messages.map(str::to_owned).collect(),
    })
}

/// Returns the form. Hooks can pause a rolling update too.
fn form(description: &Description) -> Form {
    let Some(configuration) = description.deployment_configuration() else {
        return Form::Rolling;
    };
    match configuration.strategy() {
        None | Some(DeploymentStrategy::Rolling) if configuration.lifecycle_hooks().is_empty() => {
            Form::Rolling
        }
        _ => Form::Staged,
    }
}

/// Creates a handle of the PRIMARY deployment in `description`, with the origin `Found`.
#[cfg(test)]
pub(crate) fn found(service: &Service, description: &Description) -> Handle {
    let arn = running(description).unwrap();
    let definition = format!(r#"{{"taskDefinitionArn":"{arn}","family":"web"}}"#);
    let revision = Revision::described(&definition, "[]");
    deployment_of(service, &revision, description, None).unwrap()
}
