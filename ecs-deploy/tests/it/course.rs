//! The course of a rollout: its events and calls, and the delay of its outcome.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{DeploymentConfiguration, DesiredStatus, ServiceDeployment};
use ecs_deploy::events::Event;
use ecs_deploy::{Deployed, Error, RollOut};

use crate::demo::Demo;

/// The longest interval between two lookups of the service, in seconds.
pub(crate) const TICK: f64 = 5.0;

/// The course of a rollout.
pub(crate) struct Course {
    pub(crate) outcome: Result<Deployed, Error>,
    pub(crate) events: Vec<Event>,
    /// The number of calls of each operation, from RegisterTaskDefinition on.
    pub(crate) calls: BTreeMap<String, usize>,
    /// The time of the last call, in seconds.
    pub(crate) end: f64,
    /// The time of the first event about a failed task.
    pub(crate) told: Option<f64>,
    pub(crate) duration: f64,
}

impl Course {
    pub(crate) async fn of(demo: &Demo, roll_out: RollOut) -> Self {
        let before = demo.local.journal().calls().len();
        let mut events = roll_out.events();
        let (mut story, mut told) = (Vec::new(), None);
        while let Some(event) = events.next().await {
            if matches!(event, Event::TaskFailed { .. }) {
                told = told.or(demo.local.journal().calls().last().map(|it| it.at.as_secs_f64()));
            }
            story.push(event);
        }
        let journal = demo.local.journal();
        let made = &journal.calls()[before..];
        let mut calls = BTreeMap::new();
        for call in made {
            *calls.entry(call.operation.to_string()).or_default() += 1;
        }
        let (first, last) = (made.first().unwrap().at, made.last().unwrap().at);
        Self {
            outcome: events.finish().await,
            events: story,
            calls,
            end: last.as_secs_f64(),
            told,
            duration: last.since(first).as_secs_f64(),
        }
    }

    #[track_caller]
    pub(crate) fn error(&self) -> &Error {
        self.outcome.as_ref().unwrap_err()
    }

    /// The stages that were reported, in their order.
    pub(crate) fn stages(&self) -> Vec<String> {
        let stages = self.events.iter().filter(|it| matches!(it, Event::Stage { .. }));
        stages.map(Event::to_string).collect()
    }

    /// Returns the calls without the lookups of the service, which come every 2 to 5 seconds.
    #[track_caller]
    pub(crate) fn assert_calls(&self, others: &[(&str, usize)]) {
        let mut calls = self.calls.clone();
        let looks = calls.remove("DescribeServices").unwrap_or_default() as f64;
        let (fewest, most) = ((self.duration / TICK).floor(), self.duration / 2.0 + 2.0);
        assert!((fewest..=most).contains(&looks), "{looks} looks in {} s", self.duration);
        let others = others.iter().map(|(operation, count)| ((*operation).to_owned(), *count));
        assert_eq!(calls, others.collect());
    }

    /// Asserts that the outcome was known one lookup after `decided`.
    #[track_caller]
    pub(crate) fn assert_known_after(&self, decided: f64) {
        let late = self.end - decided;
        assert!((0.0..=TICK).contains(&late), "known {late} s after it was decided");
    }

    /// Asserts that the first failed task was reported one lookup after it stopped.
    pub(crate) async fn assert_cause_known(&self, demo: &Demo) {
        let list = demo.ecs.list_tasks().cluster("demo").desired_status(DesiredStatus::Stopped);
        let arns = list.send().await.unwrap().task_arns;
        let tasks = demo.ecs.describe_tasks().cluster("demo").set_tasks(arns).send().await.unwrap();
        let stopped = tasks.tasks().iter().filter_map(|it| it.stopped_at());
        let first = stopped.map(|at| at.as_secs_f64()).fold(f64::INFINITY, f64::min);
        let late = self.told.unwrap() - first;
        assert!((0.0..=TICK).contains(&late), "told {late} s after the first task had stopped");
    }
}

/// Returns the newest service deployment, as ECS describes it.
pub(crate) async fn newest(demo: &Demo) -> ServiceDeployment {
    let list = demo.ecs.list_service_deployments().cluster("demo").service("web");
    let arn = list.send().await.unwrap().service_deployments()[0].service_deployment_arn.clone();
    let describe =
        demo.ecs.describe_service_deployments().set_service_deployment_arns(arn.map(|it| vec![it]));
    describe.send().await.unwrap().service_deployments.unwrap().remove(0)
}

pub(crate) async fn configure(demo: &Demo, configuration: DeploymentConfiguration) {
    let update = demo.ecs.update_service().cluster("demo").service("web");
    update.deployment_configuration(configuration).send().await.unwrap();
}

pub(crate) async fn changed(demo: &Demo) -> RollOut {
    demo.deployer.roll_out(&demo.service, demo.changed().await)
}

/// The calls of a rollout without failed tasks.
pub(crate) const CHANGE: [(&str, usize); 2] = [("RegisterTaskDefinition", 1), ("UpdateService", 1)];

pub(crate) async fn finished(demo: &Demo) -> f64 {
    newest(demo).await.finished_at().unwrap().as_secs_f64()
}

pub(crate) async fn rolled_back_at(demo: &Demo) -> f64 {
    let deployment = newest(demo).await;
    deployment.rollback().unwrap().started_at().unwrap().as_secs_f64()
}
