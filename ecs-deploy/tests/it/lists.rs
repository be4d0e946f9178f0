//! Lists that never end: each is an error instead of a wait.

use std::sync::{Arc, Mutex};

use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextMut,
    BeforeTransmitInterceptorContextRef,
};
use aws_sdk_ecs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecs::error::BoxError;
use ecs_deploy::{Deployer, ErrorKind};
use serde_json::{Value, json};

use crate::demo::Demo;
use crate::faults::operation_of;

/// Gives every page of one list a token for a further one.
#[derive(Debug, Clone)]
struct Endless {
    operation: &'static str,
    kind: Kind,
    /// The operation of the current call, and the number of pages.
    state: Arc<Mutex<(String, usize)>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// The pages are empty, and each has another token.
    Empty,
    /// Each page has the same token.
    SameToken,
}

impl Endless {
    fn deployer(&self, demo: &Demo) -> Deployer {
        let config = demo.local.sdk_config();
        let config = aws_sdk_ecs::config::Builder::from(&config).interceptor(self.clone());
        Deployer::from(Client::from_conf(config.build()))
    }
}

impl Intercept for Endless {
    fn name(&self) -> &'static str {
        "Endless"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        operation_of(context).clone_into(&mut self.state.lock().unwrap().0);
        Ok(())
    }

    /// The emulator doesn't know the tokens.
    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.request().body().bytes().unwrap_or_default();
        let Ok(mut body) = serde_json::from_slice::<Value>(body) else { return Ok(()) };
        if body.as_object_mut().and_then(|it| it.remove("nextToken")).is_some() {
            let body = body.to_string();
            let request = context.request_mut();
            request.headers_mut().insert("content-length", body.len().to_string());
            *request.body_mut() = body.into();
        }
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut state = self.state.lock().unwrap();
        if state.0 != self.operation {
            return Ok(());
        }
        state.1 += 1;
        let mut page: Value = serde_json::from_slice(context.response().body().bytes().unwrap())?;
        page["nextToken"] = match self.kind {
            Kind::Empty => {
                page.as_object_mut().unwrap().values_mut().for_each(|it| *it = json!([]));
                json!(state.1.to_string())
            }
            Kind::SameToken => json!("again"),
        };
        context.response_mut().headers_mut().remove("content-length");
        *context.response_mut().body_mut() = page.to_string().into();
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_without_an_end_ends() {
    for (operation, of) in [
        ("ListClusters", "us-east-1"),
        ("ListServices", "arn:aws:ecs:us-east-1:123456789012:cluster/demo"),
        ("ListServiceDeployments", "demo/web"),
        ("ListTaskDefinitions", "web"),
        ("ListTasks", "arn:aws:ecs:us-east-1:123456789012:cluster/demo"),
    ] {
        for (kind, problem, pages) in [
            (Kind::Empty, "100 pages in a row are empty", 100),
            (Kind::SameToken, "a page has the token of an earlier one", 2),
        ] {
            let demo = Demo::new();
            // Pruning lists the uses only if there is something to deregister.
            for image in ["a:2", "a:3"] {
                let mut revision = demo.changed_to(image).await;
                demo.deployer.register(&mut revision).await.unwrap();
            }
            let endless = Endless { operation, kind, state: Arc::default() };
            let deployer = endless.deployer(&demo);
            let error = match operation {
                "ListServiceDeployments" => deployer.roll_back(&demo.service).await.unwrap_err(),
                _ => deployer.prune("web").keep(1).plan().await.unwrap_err(),
            };
            assert_eq!(error.kind(), ErrorKind::Protocol, "{operation} {kind:?}: {error}");
            let mut text = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                text = cause.to_string();
                source = cause.source();
            }
            assert_eq!(
                text,
                format!("invalid response to {operation}: the list of {of} doesn't end: {problem}")
            );
            assert_eq!(endless.state.lock().unwrap().1, pages, "{operation} {kind:?}");
        }
    }
}
