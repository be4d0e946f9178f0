//! The text forms of a task definition: ECS's response, and the AWS CLI's files.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use aws_sdk_ecs::types::{Tag, TaskDefinition};

use crate::error::Error;
use crate::error::repr::Repr;
use crate::json::parse::Flaw;
use crate::json::sdk;
use crate::json::value::{Json, Object};
use crate::outside::Outside;
use crate::revision::check::format::cure;
use crate::revision::{Base, Revision};

impl Revision {
    /// Converts the SDK's type: the response to the caller's own DescribeTaskDefinition, or a value
    /// that the caller built. If `definition` has an ARN, the result is a copy of a registered
    /// revision.
    ///
    /// The conversion is lossless only within the SDK's model: its types lack members that are
    /// newer than this build of the SDK. [`Deployer::revision`](crate::Deployer::revision) doesn't
    /// have this limit.
    ///
    /// # Errors
    /// Returns [`InvalidTaskDefinition`](crate::ErrorKind::InvalidTaskDefinition), as `FromStr`
    /// does.
    pub fn from_sdk(definition: &TaskDefinition, tags: &[Tag]) -> Result<Self, Error> {
        let revision = || -> Result<Self, String> {
            let mut members = sdk::to_json(definition)?;
            let tags = tags.iter().map(|tag| sdk::to_json(tag).map(Json::Object));
            let mut description = Object::default();
            description.insert("tags", tags.collect::<Result<Vec<_>, _>>()?);
            adopt_tags(&mut members, description);
            strip(&mut members);
            check(&members)?;
            let is_inactive = definition.status().is_some_and(|it| is_inactive(it.as_str()));
            let arn = definition.task_definition_arn().map(str::to_owned);
            let base = arn.map(|arn| Base { arn, is_inactive, members: members.clone() });
            Ok(Self { members, base, source: None })
        };
        revision().map_err(|problem| invalid("the SDK's value", problem))
    }

    /// Converts the response to an operation that returns a task definition and its tags.
    pub(crate) fn from_response(
        mut response: Object,
        operation: &'static str,
    ) -> Result<Self, Error> {
        let Some(Json::Object(mut members)) = response.remove("taskDefinition") else {
            return Err(Error::protocol(operation, "it has no task definition".to_owned()));
        };
        let Some(Json::String(arn)) = members.remove("taskDefinitionArn") else {
            return Err(Error::protocol(operation, "its task definition has no ARN".to_owned()));
        };
        let is_inactive = members.text("status").is_some_and(is_inactive);
        adopt_tags(&mut members, response);
        strip(&mut members);
        let base = Some(Base { arn, is_inactive, members: members.clone() });
        Ok(Self { members, base, source: None })
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let explained = |flaw: Flaw| {
            let (line, column) = flaw.place();
            match cure(text, line, column) {
                Some(cure) => format!("{flaw}: {cure}"),
                None => flaw.to_string(),
            }
        };
        let mut document = match Json::parse(text).map_err(explained)? {
            Json::Object(document) => document,
            Json::Array(_) => {
                return Err("it is an array, such as the container definitions alone, instead of \
                            an object with `family` and `containerDefinitions`"
                    .to_owned());
            }
            _ => return Err("it isn't an object".to_owned()),
        };
        let mut members = match document.get("taskDefinition") {
            Some(Json::Object(inner)) if document.get("family").is_none() => {
                let mut inner = inner.clone();
                document.remove("taskDefinition");
                adopt_tags(&mut inner, document);
                inner
            }
            _ => document,
        };
        strip(&mut members);
        check(&members)?;
        Ok(Self { members, base: None, source: None })
    }
}

/// Parses the text of a task definition in a form that the AWS CLI reads or prints:
///
/// - the input of `aws ecs register-task-definition --cli-input-json`;
/// - the output of `aws ecs describe-task-definition`, with its `tags` if the command had
///   `--include TAGS`; otherwise the new revision has no tags;
/// - only the `taskDefinition` object of that output.
///
/// It leaves out the nine members that ECS adds. All other members stay, including those that this
/// build of the SDK doesn't know; ECS validates them at the registration. A byte-order mark is
/// ignored.
///
/// ```
/// use ecs_deploy::Revision;
///
/// let revision: Revision = r#"{
///     "family": "web",
///     "containerDefinitions": [{ "name": "web", "image": "web:1", "memory": 512 }]
/// }"#
/// .parse()?;
/// assert_eq!((revision.family(), revision.arn()), ("web", None));
/// # Ok::<(), ecs_deploy::Error>(())
/// ```
///
/// # Errors
/// Returns [`InvalidTaskDefinition`](crate::ErrorKind::InvalidTaskDefinition) if the text isn't
/// JSON or has a member twice (with the line and the column), if `family` or `containerDefinitions`
/// is missing, if two containers have the same name, or if it has CloudFormation's spelling. The
/// error names YAML, comments and other forms with their cure.
/// [`Examination`](crate::check::Examination) finds all problems at once.
impl FromStr for Revision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text).map_err(|problem| invalid("the text", problem))
    }
}

/// Prints the first of the three forms that `FromStr` parses: the input of `aws ecs
/// register-task-definition --cli-input-json`, in lines and indented as the AWS CLI does. It
/// contains the values of environment variables.
impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.members.to_pretty())
    }
}

/// Checks that the members can be edited, and finds certain errors. ECS validates the rest.
pub(super) fn check(members: &Object) -> Result<(), String> {
    if let Some((what, expected)) = capitals(members) {
        return Err(format!("{what}, but {expected}"));
    }
    match members.get("family") {
        None | Some(Json::Null) => return Err("it has no `family`".to_owned()),
        Some(Json::String(family)) if family.is_empty() => {
            return Err(
                "its `family` is empty, as in a skeleton that still has to be filled in".to_owned()
            );
        }
        Some(Json::String(_)) => {}
        Some(_) => return Err("its `family` isn't a string".to_owned()),
    }
    let containers = match members.get("containerDefinitions") {
        None | Some(Json::Null) => return Err("it has no `containerDefinitions`".to_owned()),
        Some(Json::Array(containers)) if containers.is_empty() => {
            return Err("its `containerDefinitions` are empty".to_owned());
        }
        Some(Json::Array(containers)) => containers,
        Some(_) => return Err("its `containerDefinitions` aren't an array".to_owned()),
    };
    let mut names = BTreeSet::new();
    for (at, container) in containers.iter().enumerate() {
        let Some(container) = container.as_object() else {
            return Err(format!("`containerDefinitions[{at}]` isn't an object"));
        };
        match container.get("name") {
            Some(Json::String(name)) if !name.is_empty() => {
                if !names.insert(name) {
                    return Err(format!("two containers are named `{}`", Outside::new(name)));
                }
            }
            _ if container.get("Name").is_some() => {
                return Err(format!(
                    "`containerDefinitions[{at}].Name` is CloudFormation's spelling, but the API's \
                     `name` is expected"
                ));
            }
            _ => return Err(format!("`containerDefinitions[{at}]` has no name")),
        }
    }
    Ok(())
}

/// Returns the problem and the expected form of members in CloudFormation's spelling.
pub(super) fn capitals(members: &Object) -> Option<(String, &'static str)> {
    const CAPITALS: [&str; 4] = ["ContainerDefinitions", "Family", "Properties", "Resources"];
    let name = CAPITALS.into_iter().find(|name| members.get(name).is_some())?;
    let what = format!("`{name}` is CloudFormation's spelling");
    Some((what, "the API's `family` and `containerDefinitions` are expected"))
}

pub(super) fn invalid(what: &str, problem: String) -> Error {
    Repr::InvalidTaskDefinition { what: what.to_owned(), problem }.into()
}

/// Moves the tags into the task definition; a description has them beside it.
fn adopt_tags(members: &mut Object, mut description: Object) {
    if let Some(Json::Array(mut tags)) = description.remove("tags") {
        // API reference of Tag: keys with this prefix, in any case, are reserved for AWS.
        tags.retain(|tag| {
            let key = tag.as_object().and_then(|tag| tag.text("key")).unwrap_or_default();
            !key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
        });
        members.insert("tags", tags);
    }
}

/// Returns whether ECS refuses deployments of a revision with this status (service model: ACTIVE,
/// INACTIVE or DELETE_IN_PROGRESS).
fn is_inactive(status: &str) -> bool {
    status != "ACTIVE"
}

pub(super) fn strip(members: &mut Object) {
    for name in READ_ONLY {
        members.remove(name);
    }
    // ECS refuses an empty list of tags, although it returns one.
    if members.get("tags").and_then(Json::as_array).is_some_and(Vec::is_empty) {
        members.remove("tags");
    }
}

/// The members of TaskDefinition that RegisterTaskDefinition's input lacks (service model).
pub(super) const READ_ONLY: [&str; 9] = [
    "compatibilities",
    "deleteRequestedAt",
    "deregisteredAt",
    "registeredAt",
    "registeredBy",
    "requiresAttributes",
    "revision",
    "status",
    "taskDefinitionArn",
];
