//! The printed policy is sufficient, and each of its core actions is needed. Without the other
//! actions, a rollout still reports the correct outcome.

use std::collections::BTreeSet;
use std::time::Duration;

use ecs_deploy::policy::{DeployPolicy, Permission};
use ecs_deploy::task::TaskRun;
use ecs_deploy::{Deployed, Error, ErrorKind, OnFailure};
use local_aws::{LocalAws, Script};
use serde_json::Value;
use tokio::time::sleep;

use crate::demo::{Demo, NEW_IMAGE};

fn set_policy(demo: &Demo, policy: &str) {
    demo.local.set_policy(LocalAws::USER, policy).unwrap();
}

/// Returns the policy without some of its actions.
pub(crate) fn without(policy: &DeployPolicy, actions: &[String]) -> Value {
    let mut document: Value = serde_json::from_str(&policy.to_string()).unwrap();
    let statements = document["Statement"].as_array_mut().unwrap();
    for statement in &mut *statements {
        let allowed = statement["Action"].as_array_mut().unwrap();
        allowed.retain(|action| !actions.iter().any(|gone| action == gone));
    }
    statements.retain(|statement| statement["Action"] != Value::Array(Vec::new()));
    document
}

async fn core(demo: &Demo) -> DeployPolicy {
    let revision = demo.deployer.current(&demo.service).await.unwrap();
    DeployPolicy::from_revision(&demo.service, &revision).unwrap()
}

async fn full(demo: &Demo) -> DeployPolicy {
    core(demo).await.diagnosis().service_deployments().roll_back()
}

fn actions<'a>(permissions: impl IntoIterator<Item = &'a Permission>) -> BTreeSet<String> {
    permissions.into_iter().map(|permission| permission.action().to_owned()).collect()
}

/// Runs every part of a deployment that needs permissions.
async fn deploy(demo: &Demo) -> Result<Deployed, Error> {
    let mut revision = demo.deployer.current(&demo.service).await?;
    revision.set_images([("web", NEW_IMAGE)])?;
    let roll_out = demo.deployer.roll_out(&demo.service, revision);
    roll_out.on_failure(OnFailure::RollBack).await
}

#[tokio::test(start_paused = true)]
async fn a_rollout_runs_under_just_the_core() {
    let demo = Demo::new();
    let policy = core(&demo).await;
    assert!(policy.permissions().iter().all(|permission| permission.loss().is_none()));
    set_policy(&demo, &policy.to_string());
    let calls = demo.operations().len();
    deploy(&demo).await.unwrap();
    let mut called: BTreeSet<String> =
        demo.operations()[calls..].iter().map(|operation| format!("ecs:{operation}")).collect();
    // These actions have no calls: RegisterTaskDefinition needs them for roles and tags.
    called.extend(["ecs:TagResource", "iam:PassRole"].map(str::to_owned));
    assert_eq!(actions(&policy.permissions()), called);
}

#[tokio::test(start_paused = true)]
async fn each_core_action_is_needed_and_named_when_it_is_missing() {
    let policy = core(&Demo::new()).await;
    for action in actions(&policy.permissions()) {
        let demo = Demo::new();
        let mut document = without(&policy, std::slice::from_ref(&action));
        set_policy(&demo, &document.to_string());
        let mut denials = 0;
        // With the statement from the error added, it continues until another one is missing.
        while let Err(error) = deploy(&demo).await {
            denials += 1;
            assert_eq!(error.kind(), ErrorKind::AccessDenied, "{action}");
            assert!(!error.is_retryable());
            let missing = error.missing_statement().unwrap();
            assert!(
                error.to_string().ends_with(&format!("add {missing} to the policy")),
                "{error}"
            );
            let statement: Value = serde_json::from_str(&missing).unwrap();
            assert_eq!(statement["Action"], action.as_str());
            let expected = policy.permissions().into_iter().any(|permission| {
                let condition = permission
                    .condition()
                    .map(|(operator, key, value)| statement["Condition"][operator][key] == value);
                permission.action() == action
                    && statement["Resource"] == permission.resource()
                    && condition.unwrap_or(statement.get("Condition").is_none())
            });
            assert!(expected, "{missing}");
            document["Statement"].as_array_mut().unwrap().push(statement);
            set_policy(&demo, &document.to_string());
        }
        // Each of the two roles has one.
        assert_eq!(denials, if action == "iam:PassRole" { 2 } else { 1 }, "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_role_than_the_task_s_cannot_be_passed() {
    let demo = Demo::new();
    let policy = core(&demo).await.to_string().replace("role/demo-web-execution", "role/other");
    set_policy(&demo, &policy);
    let error = deploy(&demo).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert!(error.missing_statement().unwrap().contains("role/demo-web-execution"));
}

/// The possible outcomes of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Failed,
    RolledBack,
    Success,
    Superseded,
}

impl Ending {
    const ALL: [Self; 4] = [Self::Failed, Self::RolledBack, Self::Success, Self::Superseded];

    async fn demo(self) -> Demo {
        let demo = match self {
            Self::Failed => Demo::with_breaker(true, false).await,
            _ => Demo::new(),
        };
        if matches!(self, Self::Failed | Self::RolledBack) {
            demo.local.script("demo", "web", Script::Crash { exit_code: 3 });
        }
        demo
    }

    /// Deploys under `policy`, and checks the reported outcome.
    async fn check(self, policy: &Value) {
        let demo = self.demo().await;
        set_policy(&demo, &policy.to_string());
        let other = async {
            if self == Self::Superseded {
                sleep(Duration::from_secs(20)).await;
                let update = demo.ecs.update_service().cluster("demo").service("web");
                update.force_new_deployment(true).send().await.unwrap();
            }
        };
        let (outcome, ()) = tokio::join!(deploy(&demo), other);
        let kind = outcome.as_ref().err().map(Error::kind);
        let expected = match self {
            Self::Failed => Some(ErrorKind::RolloutFailed),
            Self::RolledBack => Some(ErrorKind::RolledBack),
            Self::Success => None,
            Self::Superseded => Some(ErrorKind::Superseded),
        };
        assert_eq!(kind, expected, "{self:?} under {policy}: {outcome:?}");
        if self == Self::Failed {
            let error = outcome.unwrap_err().to_string();
            assert!(error.ends_with("; it is being rolled back to web:1"), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_what_is_optional_a_rollout_still_tells_the_truth() {
    let policy = full(&Demo::new()).await;
    let permissions = policy.permissions();
    let optional = actions(permissions.iter().filter(|permission| permission.loss().is_some()));
    assert_eq!(optional.len(), 6);
    let all: Vec<String> = optional.iter().cloned().collect();
    let mut missing: Vec<Vec<String>> = optional.into_iter().map(|action| vec![action]).collect();
    missing.extend([Vec::new(), all]);
    for ending in Ending::ALL {
        for actions in &missing {
            ending.check(&without(&policy, actions)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_option_is_enough_for_what_it_is_for() {
    for (option, operations) in [
        (
            DeployPolicy::diagnosis as fn(DeployPolicy) -> DeployPolicy,
            ["ListTasks", "DescribeTasks"].as_slice(),
        ),
        (DeployPolicy::roll_back, &["StopServiceDeployment"]),
    ] {
        let demo = Ending::Failed.demo().await;
        set_policy(&demo, &option(core(&demo).await).to_string());
        deploy(&demo).await.unwrap_err();
        let journal = demo.local.journal();
        for operation in operations {
            let mut calls = journal.calls().iter().filter(|call| call.operation == *operation);
            // A circuit breaker without rollback leaves no deployment in progress to stop.
            assert!(calls.all(|call| call.error.as_deref() != Some("AccessDeniedException")));
            assert!(journal.count(operation) > 0, "{operation}");
        }
    }
}

/// A service propagates the tags of its task definition to its tasks and to a one-off task.
async fn tagging() -> Demo {
    let demo = Demo::new();
    let update = demo.ecs.update_service().cluster("demo").service("web");
    let from = aws_sdk_ecs::types::PropagateTags::TaskDefinition;
    update.propagate_tags(from).send().await.unwrap();
    demo
}

async fn migrate(demo: &Demo) -> Result<TaskRun, Error> {
    let mut revision = demo.deployer.current(&demo.service).await?;
    revision.set_images([("web", NEW_IMAGE)])?;
    let task = demo.deployer.run_task(&demo.service, &mut revision).command(["migrate"]);
    task.timeout(Duration::from_secs(100)).await
}

#[tokio::test(start_paused = true)]
async fn a_one_off_task_runs_under_just_its_policy() {
    let policy = core(&Demo::new()).await.run_task();
    let demo = tagging().await;
    set_policy(&demo, &policy.to_string());
    migrate(&demo).await.unwrap();
    for action in ["ecs:DescribeTasks", "ecs:RunTask", "ecs:TagResource", "iam:PassRole"] {
        let demo = tagging().await;
        set_policy(&demo, &without(&policy, &[action.to_owned()]).to_string());
        let error = migrate(&demo).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AccessDenied, "{action}");
        let missing: Value = serde_json::from_str(&error.missing_statement().unwrap()).unwrap();
        assert_eq!(missing["Action"], action);
    }
    // No task runs in another cluster or of another family.
    for (allowed, other) in
        [("cluster/demo", "cluster/prod"), ("task-definition/web:*", "task-definition/webhook:*")]
    {
        let demo = Demo::new();
        set_policy(&demo, &policy.to_string().replace(allowed, other));
        let running = demo.deployer.run_registered_task(&demo.service, "web:1").await;
        let error = running.unwrap_err();
        assert_eq!(error.operation(), Some("RunTask"));
        assert_eq!(
            error.missing_statement().unwrap(),
            r#"{"Effect":"Allow","Action":"ecs:RunTask","Resource":"arn:aws:ecs:us-east-1:123456789012:task-definition/web:*"}"#
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_may_not_be_stopped_runs_on_and_is_said_to() {
    let demo = Demo::new();
    demo.local.script_task("web", Script::Healthy);
    let policy = core(&demo).await.run_task();
    set_policy(&demo, &without(&policy, &["ecs:StopTask".to_owned()]).to_string());
    let error = migrate(&demo).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let task = error.task().unwrap();
    let statement = r#"{"Effect":"Allow","Action":"ecs:StopTask","Resource":"arn:aws:ecs:us-east-1:123456789012:task/demo/*"}"#;
    assert!(
        error.to_string().ends_with(&format!(
            "; it couldn't be stopped: StopTask on {task} isn't allowed: add {statement} to the \
             policy"
        )),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_way_back_runs_under_just_its_policy() {
    let demo = Demo::new();
    demo.deployer.roll_out(&demo.service, demo.changed().await).await.unwrap();
    let policy = core(&demo).await.roll_back();
    demo.local.set_policy(LocalAws::USER, &policy.to_string()).unwrap();
    let deployed = demo.deployer.roll_back(&demo.service).await.unwrap();
    assert!(deployed.revision().ends_with("web:1"));
}
