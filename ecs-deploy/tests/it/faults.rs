//! Faults during a rollout that must not change its outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_ecs::config::retry::RetryConfig;
use aws_sdk_ecs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecs::error::BoxError;
use ecs_deploy::{Deployer, ErrorKind};
use local_aws::Script;

use crate::demo::Demo;

/// Replaces the responses to some calls of an operation, counted from the first.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    operation: &'static str,
    calls: std::ops::Range<usize>,
    status: u16,
    body: &'static str,
    count: Arc<AtomicUsize>,
    /// Whether the current call has the fault. A deployer makes one call at a time.
    is_due: Arc<AtomicBool>,
}

impl Fault {
    pub(crate) fn new(
        operation: &'static str,
        calls: std::ops::Range<usize>,
        status: u16,
        body: &'static str,
    ) -> Self {
        Self { operation, calls, status, body, count: Arc::default(), is_due: Arc::default() }
    }

    /// Returns a deployer whose requests all have this fault and one attempt each.
    pub(crate) fn deployer(&self, demo: &Demo) -> Deployer {
        let config = demo.local.sdk_config();
        let config = aws_sdk_ecs::config::Builder::from(&config)
            .retry_config(RetryConfig::disabled())
            .interceptor(self.clone());
        Deployer::from(Client::from_conf(config.build()))
    }
}

/// The operation of the current call.
pub(crate) fn operation_of<'a>(context: &'a BeforeTransmitInterceptorContextRef<'_>) -> &'a str {
    let target = context.request().headers().get("x-amz-target").unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default()
}

impl Intercept for Fault {
    fn name(&self) -> &'static str {
        "Fault"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let is_meant = operation_of(context) == self.operation
            && self.calls.contains(&self.count.fetch_add(1, Ordering::Relaxed));
        self.is_due.store(is_meant, Ordering::Relaxed);
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.is_due.load(Ordering::Relaxed) {
            let mut response = HttpResponse::new(self.status.try_into()?, self.body.into());
            response.headers_mut().insert("x-amzn-requestid", "a-request");
            *context.response_mut() = response;
        }
        Ok(())
    }
}

const THROTTLED: &str = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;
const DENIED: &str = r#"{"__type":"AccessDeniedException","message":"User: x is not authorized"}"#;
const BROKEN: &str = r#"{"__type":"ServerException","message":"Service Unavailable"}"#;
const MISSING: &str = r#"{"services":[],"failures":[{"arn":"a","reason":"MISSING"}]}"#;

#[tokio::test(start_paused = true)]
async fn throttling_errors_and_a_passing_gap_never_end_the_wait() {
    for (status, body) in [(400, THROTTLED), (500, BROKEN), (200, MISSING)] {
        let demo = Demo::new();
        // The first call is the one of `current`.
        let deployer = Fault::new("DescribeServices", 1..6, status, body).deployer(&demo);
        let revision = demo.changed().await;
        let deployed = deployer.roll_out(&demo.service, revision).await.unwrap();
        let elapsed = deployed.elapsed().as_secs();
        assert!((86..=106).contains(&elapsed), "{body}: {elapsed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stays_missing_ends_it() {
    let demo = Demo::new();
    let deployer = Fault::new("DescribeServices", 0..usize::MAX, 200, MISSING).deployer(&demo);
    let error = deployer.roll_out(&demo.service, demo.changed().await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ServiceNotFound);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_no_longer_allowed_ends_it() {
    let demo = Demo::new();
    let deployer = Fault::new("DescribeServices", 2..usize::MAX, 400, DENIED).deployer(&demo);
    let error = deployer.roll_out(&demo.service, demo.changed().await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    let lost = std::error::Error::source(&error).unwrap();
    // AWS's message doesn't name the account in this case.
    assert_eq!(
        lost.to_string(),
        "DescribeServices on demo/web isn't allowed: add {\"Effect\":\"Allow\",\"Action\":\
         \"ecs:DescribeServices\",\"Resource\":\"arn:aws:ecs:us-east-1:*:service/demo/web\"} to \
         the policy"
    );
    let source = lost.source().unwrap();
    assert_eq!(source.to_string(), "User: x is not authorized (AccessDeniedException)");
    assert_eq!(error.request_id(), Some("a-request"));
}

#[tokio::test(start_paused = true)]
async fn without_the_optional_permissions_the_outcome_is_the_same() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    let deployer = Fault::new("ListTasks", 0..usize::MAX, 400, DENIED).deployer(&demo);
    let error = deployer.roll_out(&demo.service, demo.changed().await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RolledBack);
    assert_eq!(error.task_failures(), []);
    assert_eq!(
        error.to_string(),
        "ECS rolled the deployment of web:2 to demo/web back to web:1: ECS deployment circuit breaker: rolling back to \
         deploymentId "
            .to_owned()
            + error.to_string().rsplit(' ').next().unwrap()
    );

    let demo = Demo::new();
    let denied = Fault::new("ListServiceDeployments", 0..usize::MAX, 400, DENIED).deployer(&demo);
    let first = demo.changed_to("a:1").await;
    let later = async {
        tokio::time::sleep(std::time::Duration::from_secs(20)).await;
        demo.deployer.roll_out(&demo.service, demo.changed_to("a:2").await).await
    };
    let (first, second) = tokio::join!(denied.roll_out(&demo.service, first), later);
    assert_eq!(first.unwrap_err().kind(), ErrorKind::Superseded);
    second.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_newer_view_that_lags_behind_is_waited_for_but_not_after_the_last_try() {
    let demo = Demo::new();
    demo.local.set_service_deployment_lag(std::time::Duration::from_secs(3600));
    let empty = r#"{"serviceDeployments":[]}"#;
    let empty = Fault::new("DescribeServiceDeployments", 0..usize::MAX, 200, empty);
    let deployer = empty.deployer(&demo);
    let first = demo.changed_to("a:1").await;
    let later = async {
        tokio::time::sleep(std::time::Duration::from_secs(20)).await;
        let update = demo.ecs.update_service().cluster("demo").service("web");
        update.force_new_deployment(true).send().await.unwrap();
    };
    let (first, ()) = tokio::join!(deployer.roll_out(&demo.service, first).into_future(), later);
    assert_eq!(first.unwrap_err().kind(), ErrorKind::Superseded);
    demo.running().await;
    let journal = demo.local.journal();
    let calls = journal.calls();
    let tries: Vec<_> =
        calls.iter().filter(|it| it.operation == "ListServiceDeployments").collect();
    assert_eq!(tries.len(), 4);
    assert_eq!(tries[3].at.since(tries[0].at).as_secs(), 6);
    assert_eq!(calls.last().unwrap().at.since(tries[3].at).as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn concurrent_registrations_are_waited_out() {
    const BUSY: &str = r#"{"__type":"ClientException","message":"Too many concurrent attempts to create a new revision of the specified family."}"#;
    let demo = Demo::new();
    let deployer = Fault::new("RegisterTaskDefinition", 0..3, 400, BUSY).deployer(&demo);
    deployer.roll_out(&demo.service, demo.changed().await).await.unwrap();
    let deployer = Fault::new("RegisterTaskDefinition", 0..99, 400, BUSY).deployer(&demo);
    let error = deployer.roll_out(&demo.service, demo.changed_to("a:1").await).await.unwrap_err();
    assert_eq!(error.operation(), Some("RegisterTaskDefinition"));
    assert_eq!(error.to_string(), "RegisterTaskDefinition on web was refused");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_makes_no_sense_is_said_to() {
    let demo = Demo::new();
    let deployer =
        Fault::new("DescribeTaskDefinition", 0..1, 200, r#"{"taskDefinition":{}}"#).deployer(&demo);
    let error = deployer.current(&demo.service).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(
        error.to_string(),
        "invalid response to DescribeTaskDefinition: its task definition has no ARN"
    );
}
