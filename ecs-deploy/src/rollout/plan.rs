//! [`Plan`]: a preview of a rollout, to approve before it changes anything.

mod record;

use std::fmt;

use tokio::time::Instant;

use crate::ecs::limit::deadline;
use crate::ecs::update::Update;
use crate::error::Error;
use crate::model::description::running;
use crate::model::finding::{Finding, RefusedKinds};
use crate::names::arn::short;
use crate::names::service::Service;
use crate::outside::Outside;
use crate::report::Story;
use crate::revision::Revision;
use crate::revision::diff::Diff;
use crate::rollout::launch::{Baseline, Launch};
use crate::rollout::request::DeploymentRequest;
use crate::rollout::roll_out::RollOut;

/// A preview of a rollout: the change, the findings and the calls. `Display` prints several lines
/// for people.
///
/// It includes the findings of a [check of the images](crate::RollOut). To check them again when
/// the plan is applied, ask for the check again.
///
/// It implements serde both ways: a plan can be saved, approved, and
/// [applied](crate::Deployer::apply) by another process. Applying it fails if the service runs
/// another task definition by then. A saved plan contains the whole task definition with the values
/// of its environment variables: protect it like those.
///
/// ```no_run
/// use ecs_deploy::plan::Plan;
/// use ecs_deploy::{Deployer, Revision, Service};
///
/// # async fn dry_run(deployer: Deployer, service: Service, revision: Revision)
/// #     -> Result<(), Box<dyn std::error::Error>> {
/// let plan = deployer.roll_out(&service, revision).plan().await?;
/// print!("{plan}");
/// std::fs::write("plan.json", serde_json::to_string(&plan)?)?;
///
/// let plan: Plan = serde_json::from_str(&std::fs::read_to_string("plan.json")?)?;
/// let deployed = deployer.apply(&plan).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Plan {
    pub(crate) service: Service,
    /// The ARN of the task definition that the service runs now.
    pub(crate) running: Option<String>,
    pub(crate) revision: Revision,
    pub(crate) update: Update,
    pub(crate) findings: Vec<Finding>,
    pub(crate) refused: RefusedKinds,
    pub(crate) is_unchanged: bool,
}

impl RollOut {
    /// Returns a preview of the rollout without changing anything;
    /// [`Deployer::apply`](crate::Deployer::apply) applies it. It calls DescribeServices, unless
    /// [`Deployer::current`](crate::Deployer::current) has just done so, and DescribeTaskDefinition
    /// for a revision from a file.
    ///
    /// # Errors
    /// Returns the errors of [`Deployer::current`](crate::Deployer::current). Findings that prevent
    /// the rollout aren't errors here; they are [in the plan](Plan::refused).
    ///
    /// # Cancellation
    /// The future may be dropped at any time.
    pub async fn plan(self) -> Result<Plan, Error> {
        let (request, mut revision, terms) = self.into_parts();
        // The events of a plan have no reader.
        let story = Story::default();
        let deadline = deadline(Instant::now(), terms.time_left());
        let launch = Launch::new(&request, &story, deadline, terms.timeout);
        let Baseline { description, .. } = launch.look(&mut revision).await?;
        let is_unchanged = launch.is_unchanged(&description, &revision);
        let (findings, update) = match is_unchanged {
            true => (Vec::new(), Update::default()),
            false => {
                let findings = launch.findings(&description, &revision).await;
                (findings, launch.update(&description, &revision))
            }
        };
        let running = running(&description).map(str::to_owned);
        let DeploymentRequest { service, refused, .. } = request;
        Ok(Plan { service, running, revision, update, findings, refused, is_unchanged })
    }
}

impl Plan {
    /// Returns the service.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Returns the ARN of the task definition that the service ran when the plan was made, if any.
    pub fn running(&self) -> Option<&str> {
        self.running.as_deref()
    }

    /// Returns the changes to the task definition.
    pub fn diff(&self) -> Diff {
        self.revision.diff()
    }

    /// Returns all findings: those that prevent the rollout and those that are only warnings.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Returns the findings that prevent the rollout when the plan is applied, unless they are
    /// tolerated or gone by then.
    pub fn refused(&self) -> impl Iterator<Item = &Finding> {
        self.findings().iter().filter(|it| self.refused.contains(it))
    }

    /// Returns whether the plan changes nothing: the service runs the revision already, or is
    /// deploying it.
    pub fn is_empty(&self) -> bool {
        self.is_unchanged
    }

    /// Returns the operations of ECS that applying the plan calls, in order, up to the response
    /// that names the deployment. After that, the rollout calls DescribeServices every 2 to 5
    /// seconds, and other operations only when something looks wrong. A concurrent registration in
    /// the same family costs one more DescribeServices.
    pub fn calls(&self) -> Vec<&'static str> {
        let mut calls = vec!["DescribeServices"];
        if self.revision.needs_registration() && !self.is_empty() {
            calls.push("RegisterTaskDefinition");
        }
        if !self.is_empty() {
            calls.push("UpdateService");
        }
        calls
    }

    /// Returns the same text as `Display`, with the change [in colors](Diff::colored).
    pub fn colored(&self) -> impl fmt::Display + '_ {
        fmt::from_fn(|f| self.print(f, &self.diff().colored()))
    }

    fn print(&self, f: &mut fmt::Formatter<'_>, diff: &dyn fmt::Display) -> fmt::Result {
        let Self { service, running, update, .. } = self;
        writeln!(
            f,
            "{service} runs {}",
            Outside::new(running.as_deref().map_or("nothing", short))
        )?;
        if self.is_empty() {
            return writeln!(f, "nothing changes");
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

/// Prints the plan in lines, such as:
///
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

/// Leaves out the values of the environment variables.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("service", self.service())
            .field("running", &self.running())
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

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
        let running = revision.arn().map(str::to_owned);
        let findings = vec![Finding::desired_count_zero()];
        let service = "demo/web".parse().unwrap();
        let (refused, is_unchanged) = (RefusedKinds::default(), false);
        Plan { service, running, revision, update, findings, refused, is_unchanged }
    }

    #[test]
    fn it_shows_the_change_what_was_found_and_the_calls() {
        let rest = "with: forceNewDeployment=true\n\
                    warning: the desired count is 0: the rollout can't show whether the revision runs\n\
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

    #[test]
    fn what_is_saved_is_restored() {
        let mut plan = plan();
        plan.revision.container_mut("web").unwrap().set_env("TOKEN", "secret");
        let saved = serde_json::to_value(&plan).unwrap();
        let arn = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:1";
        let registered =
            r#"{"family":"web","containerDefinitions":[{"name":"web","image":"web:1"}]}"#;
        // The one thing that is saved with what the environment variables hold.
        let members = r#"{"family":"web","containerDefinitions":[{"name":"web","image":"web:2","environment":[{"name":"TOKEN","value":"secret"}]}]}"#;
        assert_eq!(
            saved,
            serde_json::json!({
                "version": 1,
                "service": "demo/web",
                "running": arn,
                "revision": {
                    "members": members,
                    "registered": { "arn": arn, "members": registered },
                },
                "update": { "forceNewDeployment": true },
                "findings": [{
                    "kind": "desiredCountZero",
                    "text": "the desired count is 0: the rollout can't show whether the revision runs",
                }],
                "refused": [
                    "expressMode", "foreignRole", "imageMissing", "imageWrongPlatform",
                    "invalidTaskDefinition", "memberDropped", "noProgress", "serviceMismatch",
                ],
                "isUnchanged": false,
            })
        );
        let restored: Plan = serde_json::from_value(saved).unwrap();
        assert_eq!(restored.to_string(), plan.to_string());
        assert!(!restored.to_string().contains("secret"));
    }

    /// A later build may know more kinds. Applying the plan looks for all findings again.
    #[test]
    fn a_finding_of_an_unknown_kind_is_dropped() {
        let mut saved = serde_json::to_value(plan()).unwrap();
        saved["findings"][0]["kind"] = "futureKind".into();
        saved["refused"] = serde_json::json!(["futureKind", "noProgress"]);
        let restored: Plan = serde_json::from_value(saved).unwrap();
        assert!(restored.findings().is_empty());
        assert_eq!(
            restored.refused.kinds().collect::<Vec<_>>(),
            [crate::model::finding::FindingKind::NoProgress]
        );
    }
}
