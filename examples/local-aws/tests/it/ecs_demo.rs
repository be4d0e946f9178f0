//! The demonstration's service, and what tests of rollouts ask of it.

use std::time::Duration;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::operation::update_service::builders::UpdateServiceFluentBuilder;
use aws_sdk_ecs::types::{
    DeploymentCircuitBreaker, DeploymentConfiguration, DesiredStatus, Service, ServiceDeployment,
    Task,
};
use local_aws::LocalAws;

use crate::ecs::register_for_fargate;

/// The service of the demonstration, and what its tests ask of it.
pub(crate) struct Demo {
    pub(crate) local: LocalAws,
    pub(crate) ecs: Client,
}

impl Demo {
    pub(crate) fn new() -> Self {
        let local = LocalAws::new();
        local.create_demo();
        let ecs = Client::new(&local.sdk_config());
        Self { local, ecs }
    }

    pub(crate) async fn breaker(&self, enable: bool, rollback: bool) {
        let breaker = DeploymentCircuitBreaker::builder().enable(enable).rollback(rollback).build();
        let configuration =
            DeploymentConfiguration::builder().deployment_circuit_breaker(breaker).build();
        self.configure(configuration).await;
    }

    pub(crate) fn update(&self) -> UpdateServiceFluentBuilder {
        self.ecs.update_service().cluster("demo").service("web")
    }

    pub(crate) async fn configure(&self, configuration: DeploymentConfiguration) {
        self.update().deployment_configuration(configuration).send().await.unwrap();
    }

    /// Registers a revision, deploys it, and returns the deployment's id.
    pub(crate) async fn deploy(&self) -> String {
        let arn = register_for_fargate(&self.ecs, "web").await;
        let output = self.update().task_definition(arn).send().await.unwrap();
        output.service.unwrap().deployments()[0].id().unwrap().to_owned()
    }

    pub(crate) async fn service(&self) -> Service {
        let request = self.ecs.describe_services().cluster("demo").services("web");
        request.send().await.unwrap().services.unwrap().remove(0)
    }

    /// `STATUS rolloutState running/pending/desired failed`, one for each deployment.
    pub(crate) async fn deployments(&self) -> Vec<String> {
        let service = self.service().await;
        let line = |it: &aws_sdk_ecs::types::Deployment| {
            format!(
                "{} {} {}/{}/{} {}",
                it.status().unwrap(),
                it.rollout_state().map_or("-", |state| state.as_str()),
                it.running_count,
                it.pending_count,
                it.desired_count,
                it.failed_tasks
            )
        };
        service.deployments().iter().map(line).collect()
    }

    /// Lets time pass until the deployments show as `expected`.
    pub(crate) async fn until(&self, expected: &[&str]) {
        let mut seen = Vec::new();
        for _ in 0..3600 {
            let now = self.deployments().await;
            if now == expected {
                return;
            }
            if seen.last() != Some(&now) {
                seen.push(now);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("never {expected:?}, but {seen:#?}");
    }

    pub(crate) async fn service_deployment(&self) -> ServiceDeployment {
        let list = self.ecs.list_service_deployments().cluster("demo").service("web");
        let brief = list.send().await.unwrap().service_deployments.unwrap().remove(0);
        let arn = brief.service_deployment_arn.unwrap();
        let output = self.ecs.describe_service_deployments().service_deployment_arns(arn);
        output.send().await.unwrap().service_deployments.unwrap().remove(0)
    }

    pub(crate) async fn stopped_tasks(&self, deployment: &str) -> Vec<Task> {
        let list = self.ecs.list_tasks().cluster("demo").service_name("web");
        let arns = list.desired_status(DesiredStatus::Stopped).send().await.unwrap().task_arns;
        if arns.as_ref().is_none_or(Vec::is_empty) {
            return Vec::new();
        }
        let describe = self.ecs.describe_tasks().cluster("demo").set_tasks(arns);
        let tasks = describe.send().await.unwrap().tasks.unwrap();
        tasks.into_iter().filter(|task| task.started_by() == Some(deployment)).collect()
    }

    pub(crate) async fn status(&self) -> String {
        self.service_deployment().await.status.unwrap().as_str().to_owned()
    }

    /// The texts without the service's name, ids cut off, oldest first.
    pub(crate) async fn events(&self) -> Vec<String> {
        let service = self.service().await;
        let text = |message: &str| {
            let message = message.trim_start_matches("(service web) ");
            message.split_inclusive(": (task ").next().unwrap().to_owned()
        };
        service.events().iter().rev().map(|event| text(event.message().unwrap())).collect()
    }
}

pub(crate) async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}
