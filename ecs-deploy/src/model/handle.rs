//! [`Handle`]: a deployment that has begun, to be followed by whoever has it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use aws_sdk_ecs::types::{DeploymentRolloutState, DeploymentStrategy, Service as Description};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Repr};
use crate::names::service::Service;
use crate::revision::{Revision, short};
use crate::watch::fold::{primary, running};

/// A deployment that has begun: all that is needed to follow it, also from another process.
///
/// `Display` prints one line of JSON, which parsing reads: a CI job can save it, and a later one
/// take the watch up with [`Deployer::follow`](crate::Deployer::follow). It holds names, ids and
/// images, and nothing of the task definition that could be secret.
///
/// ```
/// use ecs_deploy::{Deployed, Deployer, Event, Handle, RollOut};
///
/// async fn begin(roll_out: RollOut) -> Option<String> {
///     let mut events = roll_out.events();
///     while let Some(event) = events.next().await {
///         if let Event::Started(handle) = event {
///             return Some(handle.to_string());
///         }
///     }
///     None
/// }
///
/// async fn end(deployer: &Deployer, saved: &str) -> Result<Deployed, ecs_deploy::Error> {
///     deployer.follow(saved.parse()?).await
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Handle(Box<Followed>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Followed {
    pub(crate) service: Service,
    /// The ARN of the revision that it brings.
    pub(crate) revision: String,
    /// Such as `ecs-svc/1234567890123456789`.
    pub(crate) deployment: String,
    /// The ARN of the newer view on it, as far as ECS has told.
    pub(crate) service_deployment: Option<String>,
    pub(crate) images: Vec<(String, String)>,
    /// Whether it goes by stages, or stops at hooks: only the newer view shows that.
    pub(crate) form: Form,
    /// Whether it was started for this, rather than found.
    pub(crate) origin: Origin,
    /// Deployments that were there before. One of them becoming PRIMARY again is a rollback.
    pub(crate) earlier: BTreeSet<String>,
    /// The task definition of the last deployment that was complete when it began.
    pub(crate) completed: Option<String>,
    /// What ran before it, complete or not.
    pub(crate) before: Option<String>,
    /// The ids of the service's messages that are older.
    pub(crate) messages: BTreeSet<String>,
}

/// How a deployment goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Form {
    /// A rolling update without hooks: the service itself shows all that matters.
    Rolling,
    Staged,
}

/// Where a deployment is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Origin {
    Found,
    Started,
}

impl Handle {
    /// The service.
    pub fn service(&self) -> &Service {
        &self.0.service
    }

    /// The ARN of the task definition's revision that the deployment brings.
    pub fn revision(&self) -> &str {
        &self.0.revision
    }

    /// The deployment's id, such as `ecs-svc/1234567890123456789`.
    pub fn deployment(&self) -> &str {
        &self.0.deployment
    }

    /// Of the PRIMARY deployment of `description`, if it is one of `revision`. `before` is the
    /// service as it was before the deployment began, where it was only just started.
    pub(crate) fn new(
        service: &Service,
        revision: &Revision,
        description: &Description,
        before: Option<&Description>,
    ) -> Option<Self> {
        running(description).filter(|it| Some(*it) == revision.arn())?;
        Self::of_primary(service, description, revision.images(), before)
    }

    /// The same, whatever it is one of.
    pub(crate) fn of_primary<'a>(
        service: &Service,
        description: &Description,
        images: impl Iterator<Item = (&'a str, &'a str)>,
        before: Option<&Description>,
    ) -> Option<Self> {
        let ours = primary(description)?;
        let id = ours.id()?;
        let others = || description.deployments().iter().filter(|it| it.id() != Some(id));
        let completed = others()
            .find(|it| it.rollout_state() == Some(&DeploymentRolloutState::Completed))
            .and_then(|it| it.task_definition());
        let previous = completed.or_else(|| others().next().and_then(|it| it.task_definition()));
        let origin = match before {
            Some(before) if before.deployments().iter().all(|it| it.id() != Some(id)) => {
                Origin::Started
            }
            _ => Origin::Found,
        };
        Some(Self(Box::new(Followed {
            service: service.clone(),
            revision: ours.task_definition()?.to_owned(),
            deployment: id.to_owned(),
            service_deployment: description.current_service_deployment().map(str::to_owned),
            images: images.map(|(name, image)| (name.to_owned(), image.to_owned())).collect(),
            form: form(description),
            origin,
            earlier: others().filter_map(|it| it.id()).map(str::to_owned).collect(),
            completed: completed.map(str::to_owned),
            before: previous.map(str::to_owned),
            messages: description
                .events()
                .iter()
                .filter_map(|it| it.id())
                .map(str::to_owned)
                .collect(),
        })))
    }

    /// Of the deployment that is PRIMARY again after another one was undone. The newer view of it
    /// is from when it first was.
    pub(crate) fn returned(
        service: &Service,
        revision: &Revision,
        description: &Description,
    ) -> Option<Self> {
        let mut handle = Self::new(service, revision, description, None)?;
        handle.0.form = Form::Rolling;
        handle.0.origin = Origin::Started;
        handle.0.service_deployment = None;
        Some(handle)
    }

    pub(crate) fn followed(&self) -> &Followed {
        &self.0
    }
}

impl Followed {
    /// `FAMILY:REVISION`
    pub(crate) fn short(&self) -> &str {
        short(&self.revision)
    }

    /// What joins the deployment, its service revision and its service deployment: reported, and
    /// what other tools rely on.
    pub(crate) fn number(&self) -> &str {
        short(&self.deployment)
    }
}

/// Hooks can hold up a rolling update, too.
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

/// One line of JSON.
impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&saved(&self.0))
    }
}

/// What `Display` prints.
impl FromStr for Handle {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        restored(text, "handle").map(|it| Self(Box::new(it)))
    }
}

/// The messages' ids are noise.
impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("service", &self.0.service)
            .field("revision", &self.0.revision)
            .field("deployment", &self.0.deployment)
            .finish_non_exhaustive()
    }
}

/// Something as this crate saves it, for another process.
#[derive(Serialize, Deserialize)]
struct Saved<T> {
    version: u32,
    #[serde(flatten)]
    content: T,
}

/// Another one wouldn't understand it. A version that only adds members has the same number.
const VERSION: u32 = 1;

pub(crate) fn saved<T: Serialize>(content: &T) -> String {
    // Texts, lists and maps with names: there is nothing in them that JSON can't have.
    serde_json::to_string(&Saved { version: VERSION, content }).unwrap_or_default()
}

/// `what` it is that was saved.
pub(crate) fn restored<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<T, Error> {
    let unreadable = |problem| Error::from(Repr::Unreadable { what, problem });
    // What another version has of content needn't be what is looked for here.
    let Version { version } =
        serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
    if version != VERSION {
        return Err(unreadable(format!("it is of version {version}, not {VERSION}")));
    }
    let saved: Saved<T> =
        serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
    Ok(saved.content)
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[cfg(test)]
impl Handle {
    /// Of the PRIMARY deployment of `description`, just found.
    pub(crate) fn of(service: &Service, description: &Description) -> Self {
        let arn = primary(description).unwrap().task_definition().unwrap();
        let definition = format!(r#"{{"taskDefinitionArn":"{arn}","family":"web"}}"#);
        let revision = Revision::described(&definition, "[]");
        Self::new(service, &revision, description, None).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::Deployment;

    use super::*;
    use crate::error::ErrorKind;

    fn handle() -> Handle {
        let service = "arn:aws:ecs:eu-west-1:123456789012:service/prod/web".parse().unwrap();
        let arn = |revision| format!("arn:aws:ecs:eu-west-1:1:task-definition/web:{revision}");
        let new = Deployment::builder().id("ecs-svc/2").status("PRIMARY").task_definition(arn(2));
        let old = Deployment::builder()
            .id("ecs-svc/1")
            .status("ACTIVE")
            .task_definition(arn(1))
            .rollout_state(DeploymentRolloutState::Completed);
        let description = Description::builder().deployments(new.build()).deployments(old.build());
        Handle::of(&service, &description.build())
    }

    #[test]
    fn what_is_saved_is_restored() {
        let handle = handle();
        let saved = handle.to_string();
        assert!(!saved.contains('\n'), "{saved}");
        assert!(saved.starts_with(r#"{"version":1,"service":"arn:aws:ecs:"#), "{saved}");
        let restored: Handle = saved.parse().unwrap();
        assert_eq!(restored, handle);
        assert_eq!(restored.deployment(), "ecs-svc/2");
        assert_eq!(restored.followed().earlier, BTreeSet::from(["ecs-svc/1".to_owned()]));
    }

    #[test]
    fn what_is_no_handle_is_said_to_be_none() {
        let saved = handle().to_string();
        let newer = saved.replace(r#""version":1"#, r#""version":2"#);
        let no_service = saved.replace("service/prod/web", "service/web");
        for (text, problem) in [
            ("ecs-svc/2", "expected value at line 1 column 1"),
            (newer.as_str(), "it is of version 2, not 1"),
            (no_service.as_str(), "its ARN lacks the cluster, so name the cluster beside it"),
        ] {
            let error = text.parse::<Handle>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unreadable);
            let text = error.to_string();
            assert!(text.starts_with("the text is no handle that this version can use"), "{text}");
            assert!(text.contains(problem), "{text}");
        }
    }
}
