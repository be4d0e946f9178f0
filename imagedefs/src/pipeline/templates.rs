//! The templates of a blue/green deployment.

mod app_spec;
mod mismatch;
mod task_definition;
mod yaml_lines;

use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::pipeline::templates::app_spec::AppSpec;
use crate::pipeline::templates::mismatch::{Mismatch, Place, TASK_DEFINITION_PLACEHOLDER};
use crate::pipeline::templates::task_definition::TaskDefinition;
use crate::text::flaw::Quoted;

/// The two templates of a blue/green deployment by CodeDeploy, checked against each other and
/// against the configuration of the pipeline's action `CodeDeployToECS` (CodePipeline user guide,
/// ECS and CodeDeploy blue-green action).
///
/// The action replaces exact placeholders: images in `taskdef.json`, and the new task definition in
/// `appspec.yaml`. Without a placeholder, it registers a task definition whose image is
/// `<IMAGE1_NAME>`, or deploys a fixed revision.
///
/// ```
/// use imagedefs::templates::BlueGreenTemplates;
///
/// let task_definition = r#"{
///     "family": "shop",
///     "containerDefinitions": [
///         {"name": "web", "image": "<IMAGE1_NAME>"},
///         {"name": "log", "image": "public.ecr.aws/aws-observability/aws-for-fluent-bit:2.32.0"}
///     ]
/// }"#;
/// let app_spec = r#"
/// version: 0.0
/// Resources:
///   - TargetService:
///       Type: AWS::ECS::Service
///       Properties:
///         TaskDefinition: <TASK_DEFINITION>
///         LoadBalancerInfo:
///           ContainerName: "web"
///           ContainerPort: 80
/// "#;
/// let templates = BlueGreenTemplates::new(task_definition, app_spec, ["IMAGE1_NAME"])?;
/// assert_eq!(templates.containers("IMAGE1_NAME").collect::<Vec<_>>(), ["web"]);
/// # Ok::<(), imagedefs::Error>(())
/// ```
///
/// The task definition is parsed as JSON. The AppSpec is YAML or JSON, and only its placeholders
/// and the values of `TaskDefinition` and `ContainerName` are checked: enough to find these
/// mistakes, but not every mistake. A value may be on the next line, in quotes or in a block, and
/// have a tag, an anchor or an alias. Comments that begin with `#` are skipped. Both texts may begin
/// with a byte order mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlueGreenTemplates {
    /// The placeholder and the container of each image, in the order of the task definition.
    images: Vec<(String, String)>,
}

impl BlueGreenTemplates {
    /// The default of the action's `TaskDefinitionTemplatePath`, `taskdef.json`.
    pub const TASK_DEFINITION_FILE_NAME: &str = "taskdef.json";

    /// The default of the action's `AppSpecTemplatePath`, `appspec.yaml`.
    pub const APP_SPEC_FILE_NAME: &str = "appspec.yaml";

    /// The placeholder for the new task definition in the AppSpec, `<TASK_DEFINITION>`.
    pub const TASK_DEFINITION: &str = TASK_DEFINITION_PLACEHOLDER;

    /// The maximum number of images that an action replaces.
    pub const MAX_IMAGES: usize = 4;

    /// Parses the texts of both templates.
    ///
    /// `image_names` are the values of `Image1ContainerName` to `Image4ContainerName` in the
    /// action's configuration, without `<` and `>`. Despite their name, they are placeholders: they
    /// need not match the name of a container.
    ///
    /// # Errors
    ///
    /// `InvalidTemplates`; the message lists all mismatches, with their lines.
    pub fn new<N: AsRef<str>>(
        task_definition: &str,
        app_spec: &str,
        image_names: impl IntoIterator<Item = N>,
    ) -> Result<Self, Error> {
        let names =
            image_names.into_iter().map(|name| name.as_ref().to_owned()).collect::<Vec<_>>();
        let (names, mut mismatches) = check_names(&names);
        let task_definition = TaskDefinition::read(task_definition);
        let app_spec = AppSpec::read(app_spec);
        mismatches.extend(task_definition.check(&names));
        mismatches.extend(app_spec.check(&names, &task_definition));
        if mismatches.is_empty() {
            return Ok(Self { images: task_definition.into_images() });
        }
        let what = "the templates of the blue/green deployment do not match";
        let reasons = mismatches.iter().map(ToString::to_string);
        Err(Error::refused(ErrorKind::InvalidTemplates, what, reasons))
    }

    /// Returns the containers that get the image of a placeholder, which is given without `<` and
    /// `>`.
    pub fn containers(&self, image_name: &str) -> impl Iterator<Item = &str> {
        let images = self.images.iter().filter(move |(name, _)| name == image_name);
        images.map(|(_, container)| container.as_str())
    }
}

/// Splits the names into the usable ones, and what is wrong with the others.
fn check_names(names: &[String]) -> (Vec<String>, Vec<Mismatch>) {
    let (mut usable, mut mismatches) = (Vec::new(), Vec::new());
    let mut find = |what| mismatches.push(Mismatch::new(Place::Action, what));
    if names.len() > BlueGreenTemplates::MAX_IMAGES {
        let (count, most) = (names.len(), BlueGreenTemplates::MAX_IMAGES);
        find(format!("it names {count} images, but at most {most} are replaced"));
    }
    for (number, name) in (1..).zip(names) {
        let quoted = Quoted(name);
        if name.is_empty() {
            find(format!("`Image{number}ContainerName` is empty"));
        } else if name.starts_with('<') || name.ends_with('>') {
            find(format!("`Image{number}ContainerName` is {quoted}: write it without `<` and `>`"));
        } else if usable.contains(name) {
            find(format!("`Image{number}ContainerName` is {quoted}, the same as an earlier one"));
        } else {
            usable.push(name.clone());
        }
    }
    (usable, mismatches)
}

#[cfg(test)]
mod tests;
