//! [`Plan`]: what a rollout would do, to be looked at before it does it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::deployer::Deployer;
use crate::ecs::update::Update;
use crate::error::{Error, Repr};
use crate::model::handle::{restored, saved};
use crate::names::service::Service;
use crate::revision::diff::Diff;
use crate::revision::{Revision, short};
use crate::rollout::launch::Expected;
use crate::rollout::preflight::{Finding, FindingKind, Refused};
use crate::rollout::roll_out::RollOut;

/// What a rollout would do: the change, what a first look found, and the calls. `Display` shows it
/// to people, several lines of it.
///
/// What a [check of the images](crate::RollOut) found is in it; to check them again when it is
/// applied, ask for it again.
///
/// It can be [saved](Self::to_json), approved by somebody, and [applied](Deployer::apply) by
/// another process; that is refused where the service runs another task definition by then.
///
/// ```no_run
/// use ecs_deploy::{Deployer, Plan, Revision, Service};
///
/// # async fn dry_run(deployer: Deployer, service: Service, revision: Revision)
/// #     -> Result<(), Box<dyn std::error::Error>> {
/// let plan = deployer.roll_out(&service, revision).plan().await?;
/// print!("{plan}");
/// std::fs::write("plan.json", plan.to_json())?;
///
/// let plan: Plan = std::fs::read_to_string("plan.json")?.parse()?;
/// let deployed = deployer.apply(&plan).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Plan {
    pub(crate) service: Service,
    /// The ARN of the task definition that the service runs now.
    pub(crate) running: String,
    pub(crate) revision: Revision,
    pub(crate) update: Update,
    pub(crate) findings: Vec<Finding>,
    pub(crate) refused: Refused,
    pub(crate) is_unchanged: bool,
}

/// As it is saved.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Saved {
    service: Service,
    running: String,
    revision: Value,
    update: Update,
    /// Kinds and texts.
    findings: Vec<(String, String)>,
    refused: Vec<String>,
    is_unchanged: bool,
}

impl Deployer {
    /// Does what `plan` says. Before anything is changed, the service is looked at again:
    /// [`Outdated`](crate::ErrorKind::Outdated) where it runs another task definition than when the
    /// plan was made, or where there was nothing to do and now there is. Nothing happens until the
    /// returned [`RollOut`] is awaited, whose terms are set anew.
    pub fn apply(&self, plan: &Plan) -> RollOut {
        let Plan { service, running, revision, update, refused, is_unchanged, .. } = plan.clone();
        let expected = Expected::Planned { running, is_unchanged };
        RollOut::new(self.clone(), service, revision).planned(update, refused, expected)
    }
}

impl Plan {
    /// The service.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// The ARN of the task definition that the service ran when the plan was made.
    pub fn running(&self) -> &str {
        &self.running
    }

    /// What it changes of the task definition.
    pub fn diff(&self) -> Diff {
        self.revision.diff()
    }

    /// What a first look found, be it refused or only worth knowing.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The findings with which applying it ends before it begins, unless they are tolerated or
    /// gone by then.
    pub fn refused(&self) -> impl Iterator<Item = &Finding> {
        self.findings().iter().filter(|it| self.refused.contains(it))
    }

    /// Whether it changes nothing: the service runs the revision already, or is about to.
    pub fn is_empty(&self) -> bool {
        self.is_unchanged
    }

    /// The operations of ECS that applying it calls, in their order, up to the answer that names
    /// the deployment. After that, it is DescribeServices every 2 to 5 seconds, and the rest only
    /// when something looks wrong. A revision of the family that somebody else registers meanwhile
    /// takes one more DescribeServices.
    pub fn calls(&self) -> Vec<&'static str> {
        let mut calls = vec!["DescribeServices"];
        if self.revision.is_changed() {
            calls.push("RegisterTaskDefinition");
        }
        if !self.is_empty() {
            calls.push("UpdateService");
        }
        calls
    }

    /// One line of JSON, which parsing reads. The whole task definition is in it, and so what its
    /// environment variables hold: keep it as you keep that.
    pub fn to_json(&self) -> String {
        let kind_and_text = |it: &Finding| (it.kind().name().to_owned(), it.to_string());
        saved(&Saved {
            service: self.service.clone(),
            running: self.running.clone(),
            revision: self.revision.save(),
            update: self.update.clone(),
            findings: self.findings.iter().map(kind_and_text).collect(),
            refused: self.refused.names().map(str::to_owned).collect(),
            is_unchanged: self.is_unchanged,
        })
    }

    /// What `Display` shows, with the change [in colors](Diff::colored).
    pub fn colored(&self) -> impl fmt::Display + '_ {
        fmt::from_fn(|f| self.print(f, &self.diff().colored()))
    }

    fn print(&self, f: &mut fmt::Formatter<'_>, diff: &dyn fmt::Display) -> fmt::Result {
        let Self { service, running, update, .. } = self;
        writeln!(f, "{service} runs {}", short(running))?;
        if self.is_empty() {
            return writeln!(f, "nothing is to be changed");
        }
        for line in diff.to_string().lines() {
            writeln!(f, "  {line}")?;
        }
        if !update.is_empty() {
            writeln!(f, "with: {update}")?;
        }
        for finding in self.findings() {
            let what = if self.refused.contains(finding) { "refused" } else { "warning" };
            writeln!(f, "{what}: {finding}")?;
        }
        writeln!(f, "calls: {}", self.calls().join(", "))
    }
}

/// What [`Plan::to_json`] returns.
impl FromStr for Plan {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let saved: Saved = restored(text, WHAT)?;
        let revision = Revision::restore(&saved.revision).ok_or_else(|| {
            let problem = "its revision isn't one".to_owned();
            Error::from(Repr::Unreadable { what: WHAT, problem })
        })?;
        // A later version may know more kinds; what it finds is looked for again.
        let finding =
            |(kind, text): (String, String)| Some(Finding::new(FindingKind::named(&kind)?, text));
        Ok(Self {
            service: saved.service,
            running: saved.running,
            revision,
            update: saved.update,
            findings: saved.findings.into_iter().filter_map(finding).collect(),
            refused: saved.refused.iter().filter_map(|it| FindingKind::named(it)).collect(),
            is_unchanged: saved.is_unchanged,
        })
    }
}

/// ```text
/// demo/web runs web:1
///   containers.web.image
///     - 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:1
///     + 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:2
/// warning: the deployment circuit breaker is off: …
/// calls: DescribeServices, RegisterTaskDefinition, UpdateService
/// ```
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(f, &self.diff())
    }
}

/// Without what the environment variables hold.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("service", self.service())
            .field("running", &self.running())
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

const WHAT: &str = "plan";

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let definition = r#"{
            "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:1",
            "family": "web",
            "containerDefinitions": [{ "name": "web", "image": "web:1" }]
        }"#;
        let mut revision = Revision::described(definition, "[]");
        revision.set_images([("web", "web:2")]).unwrap();
        let mut update = Update::default();
        update.force();
        let running = revision.arn().unwrap().to_owned();
        let findings = vec![Finding::desired_count_zero()];
        let service = "demo/web".parse().unwrap();
        let (refused, is_unchanged) = (Refused::default(), false);
        Plan { service, running, revision, update, findings, refused, is_unchanged }
    }

    #[test]
    fn it_shows_the_change_what_was_found_and_the_calls() {
        let rest = "with: forceNewDeployment=true\n\
                    warning: the service wants no tasks: nothing will show whether the revision runs\n\
                    calls: DescribeServices, RegisterTaskDefinition, UpdateService\n";
        let plan = plan();
        assert_eq!(
            plan.to_string(),
            format!(
                "demo/web runs web:1\n  containers.web.image\n    - web:1\n    + web:2\n{rest}"
            )
        );
        assert_eq!(
            plan.colored().to_string(),
            format!(
                "demo/web runs web:1\n  containers.web.image\n  \x1b[31m  - web:1\x1b[0m\n  \
                 \x1b[32m  + web:2\x1b[0m\n{rest}"
            )
        );
    }
}
