mod app_spec;
mod task_definition;

use std::fmt;

use self::{app_spec::AppSpec, task_definition::TaskDefinition};
use crate::error::{Error, ErrorKind};
use crate::text::flaw::Quoted;

/// The two templates of a blue/green deployment by CodeDeploy, checked against each other and
/// against the configuration of the pipeline's action `CodeDeployToECS` (CodePipeline user guide,
/// ECS and CodeDeploy blue-green action).
///
/// The action puts images into `taskdef.json`, and the new task definition into `appspec.yaml`, in
/// the place of texts that have to be there to the letter. Where one isn't, it registers a task
/// definition whose image is `<IMAGE1_NAME>`, or deploys a fixed revision.
///
/// ```
/// use imagedefs::BlueGreenTemplates;
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
/// let templates = BlueGreenTemplates::parse(task_definition, app_spec, ["IMAGE1_NAME"])?;
/// assert_eq!(templates.containers("IMAGE1_NAME").collect::<Vec<_>>(), ["web"]);
/// # Ok::<(), imagedefs::Error>(())
/// ```
///
/// The task definition is read as JSON. Of the AppSpec, which is YAML or JSON, only the lines are
/// looked at that have a placeholder, `TaskDefinition` or `ContainerName` in them: enough to find
/// these mistakes, and not all that can be wrong with it. Comments that begin with `#` are left
/// out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlueGreenTemplates {
    /// Placeholder and container, in the order of the task definition.
    images: Vec<(String, String)>,
}

impl BlueGreenTemplates {
    /// `taskdef.json`: `TaskDefinitionTemplatePath` of the action, unless it has another.
    pub const TASK_DEFINITION_FILE_NAME: &str = "taskdef.json";

    /// `appspec.yaml`: `AppSpecTemplatePath` of the action, unless it has another.
    pub const APP_SPEC_FILE_NAME: &str = "appspec.yaml";

    /// `<TASK_DEFINITION>`, which stands for the new task definition in the AppSpec.
    pub const TASK_DEFINITION: &str = "<TASK_DEFINITION>";

    /// The most images that an action replaces.
    pub const MAX_IMAGES: usize = 4;

    /// Reads the texts of both.
    ///
    /// `image_names` are the values of `Image1ContainerName` to `Image4ContainerName` in the
    /// action's configuration, without `<` and `>`. They are names of placeholders, whatever they
    /// are called: no container needs to have that name.
    ///
    /// # Errors
    ///
    /// `InvalidTemplates`; the message has everything that was found, with its line.
    pub fn parse<N: AsRef<str>>(
        task_definition: &str,
        app_spec: &str,
        image_names: impl IntoIterator<Item = N>,
    ) -> Result<Self, Error> {
        let names =
            image_names.into_iter().map(|name| name.as_ref().to_owned()).collect::<Vec<_>>();
        let (names, mut findings) = check_names(&names);
        let task_definition = TaskDefinition::read(task_definition);
        let app_spec = AppSpec::read(app_spec);
        findings.extend(task_definition.check(&names));
        findings.extend(app_spec.check(&names, &task_definition));
        if findings.is_empty() {
            return Ok(Self { images: task_definition.into_images() });
        }
        let what = "the templates of the blue/green deployment don't fit";
        let reasons = findings.iter().map(ToString::to_string);
        Err(Error::refused(ErrorKind::InvalidTemplates, what, reasons))
    }

    /// The containers that get the image of a placeholder, which is named without `<` and `>`.
    pub fn containers(&self, image_name: &str) -> impl Iterator<Item = &str> {
        let images = self.images.iter().filter(move |(name, _)| name == image_name);
        images.map(|(_, container)| container.as_str())
    }
}

/// Something that is wrong, and where.
struct Finding {
    place: Place,
    what: String,
}

#[derive(Clone, Copy)]
enum Place {
    Action,
    AppSpec(Option<usize>),
    TaskDefinition(Option<usize>),
}

impl Finding {
    fn new(place: Place, what: impl Into<String>) -> Self {
        Self { place, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, line) = match self.place {
            Place::Action => ("the action", None),
            Place::AppSpec(line) => ("the AppSpec", line),
            Place::TaskDefinition(line) => ("the task definition", line),
        };
        f.write_str(file)?;
        if let Some(line) = line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// Those that can be looked for, and what is wrong with the rest.
fn check_names(names: &[String]) -> (Vec<String>, Vec<Finding>) {
    let (mut usable, mut findings) = (Vec::new(), Vec::new());
    let mut find = |what| findings.push(Finding::new(Place::Action, what));
    if names.len() > BlueGreenTemplates::MAX_IMAGES {
        let (count, most) = (names.len(), BlueGreenTemplates::MAX_IMAGES);
        find(format!("it replaces at most {most} images, and here are {count}"));
    }
    for (number, name) in (1..).zip(names) {
        let quoted = Quoted(name);
        if name.is_empty() {
            find(format!("`Image{number}ContainerName` is empty"));
        } else if name.starts_with('<') || name.ends_with('>') {
            find(format!(
                "`Image{number}ContainerName` is {quoted}, and is written without `<` and `>`"
            ));
        } else if usable.contains(name) {
            find(format!("`Image{number}ContainerName` is {quoted}, like one before it"));
        } else {
            usable.push(name.clone());
        }
    }
    (usable, findings)
}

/// The texts in angle brackets, such as placeholders are, without these.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split('<').skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once('>')?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        (!name.is_empty() && name.bytes().all(is_name)).then_some(name)
    })
}

#[cfg(test)]
mod tests;
