//! Random deployments, scripts and stops at random times: the views of a service agree.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use aws_sdk_ecs::types::{
    DeploymentAlarms, DeploymentCircuitBreaker, DeploymentConfiguration,
    DeploymentEarlySuccessCriteria, DeploymentLifecycleHook, DeploymentLifecycleHookAction,
    DeploymentLifecycleHookStage, DeploymentLifecycleHookTargetType, DeploymentStrategy,
    DesiredStatus, Service, ServiceDeployment, ServiceRevisionCleanup, Task,
};
use local_aws::{AlarmState, HealthCheck, RollbackId, Script};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::ecs_demo::{Demo, pass};

#[derive(Debug, Clone)]
enum Action {
    Alarm(AlarmState, u64),
    Configure { strategy: usize, breaker: (bool, bool), alarms: bool, early: usize },
    Continue(DeploymentLifecycleHookAction),
    Deploy(Script),
    Desire(i32),
    Force(Script),
    Percentages(i32, i32),
    RollbackId(RollbackId),
    StopDeployment,
    StopTask,
    Wait(u64),
}

fn script() -> impl Strategy<Value = Script> {
    select(vec![
        Script::Crash { exit_code: 1 },
        Script::Flaky { exit_code: 1 },
        Script::Healthy,
        Script::Healthy,
        Script::Healthy,
        Script::CommandNotFound,
        Script::ImageMissing,
        Script::OutOfMemory,
        Script::SecretDenied,
        Script::Slow { pulling: Duration::from_secs(100) },
        Script::Unhealthy { by: HealthCheck::Container },
        Script::Unhealthy { by: HealthCheck::LoadBalancer },
        Script::Unplaceable,
    ])
}

fn action() -> impl Strategy<Value = Action> {
    let hook = select(vec![
        DeploymentLifecycleHookAction::Continue,
        DeploymentLifecycleHookAction::Rollback,
    ]);
    prop_oneof![
        1 => (select(vec![AlarmState::Alarm, AlarmState::Ok]), 0..300u64)
            .prop_map(|(state, after)| Action::Alarm(state, after)),
        2 => (0..5usize, any::<(bool, bool)>(), any::<bool>(), 0..3usize).prop_map(
            |(strategy, breaker, alarms, early)| {
                Action::Configure { strategy, breaker, alarms, early }
            }
        ),
        1 => hook.prop_map(Action::Continue),
        4 => script().prop_map(Action::Deploy),
        2 => (0..6i32).prop_map(Action::Desire),
        2 => script().prop_map(Action::Force),
        1 => (select(vec![0, 50, 100]), select(vec![100, 150, 200]))
            .prop_map(|(minimum, maximum)| Action::Percentages(minimum, maximum)),
        1 => select(vec![RollbackId::New, RollbackId::Reused]).prop_map(Action::RollbackId),
        2 => Just(Action::StopDeployment),
        1 => Just(Action::StopTask),
        4 => prop_oneof![1..60u64, 60..3000u64].prop_map(Action::Wait),
    ]
}

fn configuration(
    strategy: usize,
    (enable, rollback): (bool, bool),
    alarms: bool,
    early: usize,
) -> DeploymentConfiguration {
    let breaker = DeploymentCircuitBreaker::builder().enable(enable).rollback(rollback).build();
    let alarms = DeploymentAlarms::builder()
        .alarm_names("errors")
        .enable(alarms)
        .rollback(rollback)
        .build()
        .unwrap();
    let hook = DeploymentLifecycleHook::builder()
        .target_type(DeploymentLifecycleHookTargetType::Pause)
        .lifecycle_stages(DeploymentLifecycleHookStage::PostScaleUp)
        .build();
    let cleanup = [ServiceRevisionCleanup::Blocking, ServiceRevisionCleanup::Deferred];
    let criteria = DeploymentEarlySuccessCriteria::builder()
        .enable(strategy == 0 && early < 2)
        .healthy_percent(100)
        .set_source_service_revision_cleanup(cleanup.get(early).cloned());
    let (strategy, hooks) = match strategy {
        1 => (DeploymentStrategy::BlueGreen, Vec::new()),
        2 => (DeploymentStrategy::Linear, Vec::new()),
        3 => (DeploymentStrategy::Canary, Vec::new()),
        4 => (DeploymentStrategy::BlueGreen, vec![hook]),
        _ => (DeploymentStrategy::Rolling, Vec::new()),
    };
    DeploymentConfiguration::builder()
        .strategy(strategy)
        .bake_time_in_minutes(3)
        .set_lifecycle_hooks(Some(hooks))
        .deployment_circuit_breaker(breaker)
        .early_success_criteria(criteria.build())
        .alarms(alarms)
        .build()
}

/// What is refused changes nothing; that it is, is tested elsewhere.
async fn act(demo: &Demo, action: Action) {
    match action {
        Action::Alarm(state, after) => {
            demo.local.set_alarm("errors", state, Duration::from_secs(after));
        }
        Action::Configure { strategy, breaker, alarms, early } => {
            demo.configure(configuration(strategy, breaker, alarms, early)).await;
        }
        Action::Continue(action) => {
            let deployment = demo.service_deployment().await;
            for hook in deployment.lifecycle_hook_details() {
                let go_on = demo.ecs.continue_service_deployment().action(action.clone());
                let arn = deployment.service_deployment_arn().unwrap();
                let go_on = go_on.service_deployment_arn(arn).hook_id(hook.hook_id().unwrap());
                let _ = go_on.send().await;
            }
        }
        Action::Deploy(script) => {
            demo.local.script("demo", "web", script);
            demo.deploy().await;
        }
        Action::Desire(count) => {
            demo.update().desired_count(count).send().await.unwrap();
        }
        Action::Force(script) => {
            demo.local.script("demo", "web", script);
            demo.update().force_new_deployment(true).send().await.unwrap();
        }
        Action::Percentages(minimum, maximum) => {
            let percentages = DeploymentConfiguration::builder()
                .minimum_healthy_percent(minimum)
                .maximum_percent(maximum);
            demo.configure(percentages.build()).await;
        }
        Action::RollbackId(id) => demo.local.set_rollback_id(id),
        Action::StopDeployment => {
            let arn = demo.service().await.current_service_deployment.unwrap();
            let _ = demo.ecs.stop_service_deployment().service_deployment_arn(arn).send().await;
        }
        Action::StopTask => {
            let list = demo.ecs.list_tasks().cluster("demo").send().await.unwrap();
            if let Some(task) = list.task_arns().first() {
                demo.ecs.stop_task().cluster("demo").task(task).send().await.unwrap();
            }
        }
        Action::Wait(seconds) => pass(seconds).await,
    }
}

/// All that there is to see of the service, at one instant.
struct View {
    service: Service,
    deployment: ServiceDeployment,
    /// All service deployments' statuses, the newest first.
    statuses: Vec<String>,
    /// What it is meant to do comes first.
    tasks: Vec<(DesiredStatus, Task)>,
}

impl View {
    async fn of(demo: &Demo) -> Self {
        let list = demo.ecs.list_service_deployments().cluster("demo").service("web");
        let list = list.max_results(100).send().await.unwrap();
        let statuses = list.service_deployments().iter();
        let statuses = statuses.map(|it| it.status().unwrap().as_str().to_owned()).collect();
        let mut tasks = Vec::new();
        for status in [DesiredStatus::Running, DesiredStatus::Stopped] {
            let list = demo.ecs.list_tasks().cluster("demo").desired_status(status.clone());
            let pages = list.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
            for arns in pages.unwrap().chunks(100) {
                let describe = demo.ecs.describe_tasks().cluster("demo");
                let output = describe.set_tasks(Some(arns.to_vec())).send().await.unwrap();
                let found = output.tasks.unwrap().into_iter();
                tasks.extend(found.map(|task| (status.clone(), task)));
            }
        }
        let deployment = demo.service_deployment().await;
        Self { service: demo.service().await, deployment, statuses, tasks }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        self.check_deployments()?;
        self.check_counts()?;
        self.check_service_deployments()?;
        self.check_tasks()?;
        self.check_events()
    }

    fn check_deployments(&self) -> Result<(), TestCaseError> {
        let deployments = self.service.deployments();
        let primaries: Vec<_> =
            deployments.iter().filter(|it| it.status() == Some("PRIMARY")).collect();
        prop_assert_eq!(primaries.len(), 1);
        prop_assert_eq!(deployments[0].status(), Some("PRIMARY"));
        prop_assert_eq!(primaries[0].task_definition(), self.service.task_definition());
        prop_assert_eq!(primaries[0].desired_count, self.service.desired_count);
        let ids: HashSet<_> = deployments.iter().map(|it| it.id().unwrap()).collect();
        prop_assert_eq!(ids.len(), deployments.len());
        for deployment in deployments {
            let reason = deployment.rollout_state_reason().unwrap();
            let words = match deployment.rollout_state().unwrap().as_str() {
                "COMPLETED" => &["completed."][..],
                "FAILED" => &["failed.", "failed to start.", "detected.", "stopped."],
                _ => &["in progress.", "rolling back to deploymentId"],
            };
            prop_assert!(words.iter().any(|word| reason.contains(word)), "{deployment:?}");
        }
        Ok(())
    }

    /// The counts are those of the tasks that a deployment has started.
    fn check_counts(&self) -> Result<(), TestCaseError> {
        let mut running: BTreeMap<&str, i32> = BTreeMap::new();
        let mut pending: BTreeMap<&str, i32> = BTreeMap::new();
        for (_, task) in &self.tasks {
            let started_by = task.started_by().unwrap();
            match task.last_status().unwrap() {
                "RUNNING" => *running.entry(started_by).or_default() += 1,
                "PROVISIONING" | "PENDING" => *pending.entry(started_by).or_default() += 1,
                _ => {}
            }
        }
        prop_assert_eq!(self.service.running_count, running.values().sum::<i32>());
        prop_assert_eq!(self.service.pending_count, pending.values().sum::<i32>());
        for deployment in self.service.deployments() {
            let id = deployment.id().unwrap();
            prop_assert_eq!(deployment.running_count, running.remove(id).unwrap_or(0));
            prop_assert_eq!(deployment.pending_count, pending.remove(id).unwrap_or(0));
        }
        prop_assert!(running.is_empty() && pending.is_empty(), "{running:?} {pending:?}");
        Ok(())
    }

    fn check_service_deployments(&self) -> Result<(), TestCaseError> {
        let Self { service, deployment, statuses, .. } = self;
        let arn = deployment.service_deployment_arn();
        prop_assert_eq!(service.current_service_deployment(), arn);
        let status = deployment.status().unwrap().as_str();
        prop_assert_eq!(status, &statuses[0]);
        let is_open = |status: &str| {
            status == "PENDING" || status.ends_with("IN_PROGRESS") || status.ends_with("REQUESTED")
        };
        prop_assert!(!statuses[1..].iter().any(|status| is_open(status)), "{statuses:?}");
        prop_assert_eq!(deployment.finished_at().is_none(), is_open(status));
        let target = deployment.target_service_revision().unwrap();
        let number = target.arn().unwrap().rsplit('/').next().unwrap();
        let primary = &service.deployments()[0];
        let is_primary = primary.id() == Some(&format!("ecs-svc/{number}"));
        let rollout = primary.rollout_state().unwrap().as_str();
        let agrees = match status {
            "PENDING" | "IN_PROGRESS" | "ROLLBACK_REQUESTED" => {
                is_primary && rollout == "IN_PROGRESS"
            }
            "SUCCESSFUL" => is_primary && rollout == "COMPLETED",
            "STOPPED" => is_primary && rollout == "FAILED",
            "ROLLBACK_IN_PROGRESS" => !is_primary && rollout == "IN_PROGRESS",
            "ROLLBACK_SUCCESSFUL" => !is_primary && rollout == "COMPLETED",
            "ROLLBACK_FAILED" => !is_primary && rollout == "FAILED",
            _ => false,
        };
        prop_assert!(agrees, "{status}, and of the PRIMARY {rollout}: {primary:?}");
        prop_assert_eq!(
            deployment.rollback().is_some(),
            status.starts_with("ROLLBACK_") && status != "ROLLBACK_REQUESTED"
        );
        if is_primary {
            prop_assert_eq!(target.running_task_count, primary.running_count);
            prop_assert_eq!(target.pending_task_count, primary.pending_count);
            prop_assert_eq!(target.requested_task_count, primary.desired_count);
            // What fails later isn't the finished deployment's failure any more.
            let breaker = deployment.deployment_circuit_breaker().unwrap();
            prop_assert!(!is_open(status) || breaker.failure_count == primary.failed_tasks);
        }
        let joined: Vec<_> = service
            .current_service_revisions()
            .iter()
            .map(|it| it.arn().unwrap().rsplit('/').next().unwrap())
            .collect();
        let numbers: Vec<_> =
            service.deployments().iter().map(|it| &it.id().unwrap()["ecs-svc/".len()..]).collect();
        prop_assert_eq!(joined, numbers);
        Ok(())
    }

    fn check_tasks(&self) -> Result<(), TestCaseError> {
        for (desired, task) in &self.tasks {
            let is_over = *desired == DesiredStatus::Stopped;
            prop_assert_eq!(task.stop_code().is_some(), is_over, "{:?}", task);
            prop_assert_eq!(task.stopped_reason().is_some(), is_over, "{:?}", task);
            let is_stopped = task.last_status() == Some("STOPPED");
            prop_assert_eq!(task.stopped_at().is_some(), is_stopped, "{:?}", task);
            let exits = task.containers().iter().any(|it| it.exit_code().is_some());
            prop_assert_eq!(exits, is_stopped && task.started_at().is_some(), "{:?}", task);
        }
        Ok(())
    }

    fn check_events(&self) -> Result<(), TestCaseError> {
        let events = self.service.events();
        prop_assert!(events.len() <= 100);
        let ids: HashSet<_> = events.iter().map(|event| event.id().unwrap()).collect();
        prop_assert_eq!(ids.len(), events.len());
        let times: Vec<_> = events.iter().map(|event| *event.created_at().unwrap()).collect();
        prop_assert!(times.windows(2).all(|pair| pair[0] >= pair[1]), "{times:?}");
        Ok(())
    }
}

#[test]
fn whatever_happens_the_views_agree_at_every_instant() {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) };
    proptest!(config, |(
        steps in vec((action(), 0..90u64), 1..16)
    )| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let demo = Demo::new();
            for (action, seconds) in steps {
                act(&demo, action).await;
                View::of(&demo).await.check()?;
                pass(seconds).await;
                View::of(&demo).await.check()?;
            }
            // Two days later every timeout is over, and so is the deployment, unless it waits for
            // what never comes.
            pass(2 * 24 * 3600).await;
            View::of(&demo).await.check()
        })?;
    });
}
