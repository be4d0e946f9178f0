//! The emulator's demonstration service, prepared for these tests.

use std::sync::{Arc, Mutex};

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{DeploymentCircuitBreaker, DeploymentConfiguration};
use ecs_deploy::{Deployer, Revision, Service};
use local_aws::{Fault, LocalAws, When};

use crate::panics;

pub(crate) const NEW_IMAGE: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web:2";

pub(crate) struct Demo {
    pub(crate) local: LocalAws,
    pub(crate) ecs: Client,
    pub(crate) deployer: Deployer,
    pub(crate) service: Service,
    /// The number of calls that the setup made.
    calls: usize,
}

impl Demo {
    pub(crate) fn new() -> Self {
        panics::forbid();
        let local = LocalAws::new();
        local.create_demo();
        Self::of(local)
    }

    /// Creates it with another circuit breaker setting than on with rollback.
    pub(crate) async fn with_breaker(enable: bool, rollback: bool) -> Self {
        let demo = Self::new();
        let breaker = DeploymentCircuitBreaker::builder().enable(enable).rollback(rollback).build();
        let configuration =
            DeploymentConfiguration::builder().deployment_circuit_breaker(breaker).build();
        let update = demo.ecs.update_service().cluster("demo").service("web");
        update.deployment_configuration(configuration).send().await.unwrap();
        Self::of(demo.local)
    }

    fn of(local: LocalAws) -> Self {
        let config = local.sdk_config();
        let service = Service::new("demo", "web").unwrap();
        let calls = local.journal().calls().len();
        let (ecs, deployer) = (Client::new(&config), Deployer::new(&config));
        Self { local, ecs, deployer, service, calls }
    }

    /// Returns the current revision with a new image in `web`.
    pub(crate) async fn changed(&self) -> Revision {
        self.changed_to(NEW_IMAGE).await
    }

    pub(crate) async fn changed_to(&self, image: &str) -> Revision {
        let mut revision = self.deployer.current(&self.service).await.unwrap();
        revision.set_images([("web", image)]).unwrap();
        revision
    }

    /// Records the bodies of later calls of `operation`.
    pub(crate) fn bodies(&self, operation: &str) -> Arc<Mutex<Vec<String>>> {
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let kept = bodies.clone();
        let keep = move |body: &[u8]| {
            kept.lock().unwrap().push(String::from_utf8(body.to_vec()).unwrap());
            false
        };
        self.local.inject(When::matching(operation, keep), Fault::Reset);
        bodies
    }

    /// Registers an unchanged task definition; `None` if ECS refuses it.
    pub(crate) async fn register(&self, definition: &str) -> Option<String> {
        let body = definition.to_owned();
        let output = self
            .ecs
            .register_task_definition()
            .family("any")
            .customize()
            .mutate_request(move |request| {
                request.headers_mut().insert("content-length", body.len().to_string());
                *request.body_mut() = body.as_str().into();
            })
            .send()
            .await;
        output.ok()?.task_definition.unwrap().task_definition_arn
    }

    /// Registers an unchanged task definition, and makes the service run it.
    pub(crate) async fn runs(&self, definition: &str) -> String {
        let arn = self.register(definition).await.unwrap();
        let update = self.ecs.update_service().cluster("demo").service("web");
        update.task_definition(&arn).send().await.unwrap();
        arn
    }

    /// Returns the operations since the setup.
    pub(crate) fn operations(&self) -> Vec<String> {
        let journal = self.local.journal();
        journal.operations()[self.calls..].iter().map(|it| (*it).to_owned()).collect()
    }

    pub(crate) async fn running(&self) -> String {
        let describe = self.ecs.describe_services().cluster("demo").services("web");
        let service = describe.send().await.unwrap().services.unwrap().remove(0);
        service.task_definition.unwrap()
    }
}
