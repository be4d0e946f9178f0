//! Tests of tokens: the number of calls, and the handling of failures.

use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ecr_push::login::{DockerConfig, Token, TokenProvider};
use ecr_push::{ErrorKind, Repository};
use local_aws::{Fault, LocalAws, When};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, advance, timeout};

use crate::world::repository;

pub(crate) const CALL: &str = "GetAuthorizationToken";
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

fn emulator() -> (LocalAws, TokenProvider) {
    let local = LocalAws::new();
    let provider = TokenProvider::new(&local.sdk_config());
    (local, provider)
}

fn calls(local: &LocalAws) -> usize {
    local.journal().count(CALL)
}

fn passwords<'a>(tokens: impl IntoIterator<Item = &'a Token>) -> Vec<&'a str> {
    let mut passwords: Vec<_> = tokens.into_iter().map(Token::password).collect();
    passwords.dedup();
    passwords
}

#[tokio::test(start_paused = true)]
async fn a_token_is_for_the_repository_s_registry() {
    let (local, provider) = emulator();
    let token = provider.token(&repository()).await.unwrap();
    assert_eq!(token.user(), "AWS");
    assert!(token.password().starts_with("local-aws-"));
    assert_eq!(token.registry(), "123456789012.dkr.ecr.us-east-1.amazonaws.com");
    let lasts = token.expires_at().duration_since(std::time::SystemTime::now()).unwrap();
    assert!((11 * HOUR..=12 * HOUR).contains(&lasts), "{lasts:?}");
    assert_eq!(
        format!("{token:?}"),
        "Token(AWS:<redacted>@123456789012.dkr.ecr.us-east-1.amazonaws.com)"
    );
    assert!(!format!("{provider:?}").contains("local-aws-"));
    assert_eq!(local.journal().operations(), [CALL]);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_for_all_registries_of_a_region() {
    let (local, provider) = emulator();
    let token = async |uri: &str| {
        let repository: Repository = uri.parse().unwrap();
        provider.token(&repository).await.unwrap()
    };
    let one = token("123456789012.dkr.ecr.us-east-1.amazonaws.com/web").await;
    let other = token("210987654321.dkr.ecr.us-east-1.amazonaws.com/api").await;
    assert_eq!(one.password(), other.password());
    assert_eq!(other.registry(), "210987654321.dkr.ecr.us-east-1.amazonaws.com");
    assert_eq!(calls(&local), 1);
    let far = token("123456789012.dkr.ecr.eu-west-1.amazonaws.com/web").await;
    let fips = token("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com/web").await;
    assert_eq!(passwords([&one, &far, &fips]).len(), 3);
    assert_eq!(calls(&local), 3);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_callers_make_one_call() {
    let (local, provider) = emulator();
    local.inject(When::every(CALL), Fault::Delay(SECOND));
    let mut callers = JoinSet::new();
    for _ in 0..100 {
        let provider = provider.clone();
        callers.spawn(async move { provider.token(&repository()).await.unwrap() });
    }
    let tokens = callers.join_all().await;
    assert_eq!(tokens.len(), 100);
    assert_eq!(passwords(&tokens).len(), 1);
    assert_eq!(calls(&local), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_to_all_who_wait_for_it() {
    let (local, provider) = emulator();
    // The call is slow, and the policy denies it.
    local.set_policy(LocalAws::USER, &allowing("ecr:PutImage", "*")).unwrap();
    let mut callers = JoinSet::new();
    for _ in 0..100 {
        let provider = provider.clone();
        callers.spawn(async move { provider.token(&repository()).await.unwrap_err().kind() });
    }
    assert_eq!(callers.join_all().await, [ErrorKind::AccessDenied; 100]);
    assert_eq!(calls(&local), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_takes_nothing_from_the_others() {
    let (local, provider) = emulator();
    local.inject(When::every(CALL), Fault::Delay(10 * SECOND));
    let mut others = JoinSet::new();
    let first = {
        let provider = provider.clone();
        tokio::spawn(async move { provider.token(&repository()).await })
    };
    tokio::time::sleep(SECOND).await;
    for _ in 0..10 {
        let provider = provider.clone();
        others.spawn(async move { provider.token(&repository()).await.unwrap() });
    }
    tokio::time::sleep(SECOND).await;
    first.abort();
    let started = Instant::now();
    let tokens = others.join_all().await;
    assert_eq!(passwords(&tokens).len(), 1);
    assert_eq!(started.elapsed().as_secs(), 8);
    assert_eq!(calls(&local), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_is_not_polled_holds_up_nobody() {
    let (local, provider) = emulator();
    local.inject(When::every(CALL), Fault::Delay(SECOND));
    let repository = repository();
    let mut stuck = Box::pin(provider.token(&repository));
    assert!(timeout(SECOND / 2, &mut stuck).await.is_err());
    let token = provider.token(&repository).await.unwrap();
    assert_eq!(stuck.await.unwrap().password(), token.password());
    assert_eq!(calls(&local), 1);
}

#[tokio::test(start_paused = true)]
async fn the_call_ends_with_the_last_who_waits() {
    let (local, provider) = emulator();
    local.inject(When::nth(CALL, 1), Fault::Delay(HOUR));
    assert!(timeout(SECOND, provider.token(&repository())).await.is_err());
    assert_eq!(calls(&local), 1);
    // A cancelled call isn't a failure and leaves no state behind: the second call is made at once.
    let asked = Instant::now();
    provider.token(&repository()).await.unwrap();
    assert_eq!(asked.elapsed(), Duration::ZERO);
    assert_eq!(calls(&local), 2);
}

#[test]
fn a_call_that_is_lost_with_its_runtime_is_made_again() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap()
    };
    let (local, provider) = emulator();
    local.inject(When::nth(CALL, 1), Fault::Delay(HOUR));
    let repository = repository();
    let mut call = Box::pin(provider.token(&repository));
    let first = runtime();
    assert!(first.block_on(async { timeout(SECOND, &mut call).await }).is_err());
    drop(first);
    runtime().block_on(call).unwrap();
    assert_eq!(calls(&local), 2);
}

/// Another thread may still poll.
#[test]
fn a_call_after_the_end_of_its_runtime_fails() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let handle = runtime.handle().clone();
    drop(runtime);
    let _entered = handle.enter();
    let (_, provider) = emulator();
    let repository = repository();
    let call = std::pin::pin!(provider.token(&repository));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(ended) = call.poll(&mut context) else {
        panic!("it waits for a runtime that has ended");
    };
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_there_is_a_pause() {
    let (local, provider) = emulator();
    // The SDK's three attempts count as one call.
    local.set_policy(LocalAws::USER, &allowing("ecr:PutImage", "*")).unwrap();
    let mut made = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(250) {
        let before = calls(&local);
        let error = provider.token(&repository()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AccessDenied);
        if calls(&local) > before {
            made.push(begun.elapsed().as_secs());
        }
        advance(SECOND / 4).await;
    }
    assert_eq!(made, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
    // The first success clears the failures.
    local.set_policy(LocalAws::USER, &allowing(&format!("ecr:{CALL}"), "*")).unwrap();
    advance(60 * SECOND).await;
    provider.token(&repository()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_missing_permission_is_on_everything() {
    let (local, provider) = emulator();
    let on_the_repository = allowing(&format!("ecr:{CALL}"), &repository().arn());
    local.set_policy(LocalAws::USER, &on_the_repository).unwrap();
    let error = provider.token(&repository()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert_eq!(error.operation(), Some(CALL));
    assert_eq!(
        error.to_string(),
        "GetAuthorizationToken in us-east-1 is not allowed: add \
         {\"Effect\":\"Allow\",\"Action\":\"ecr:GetAuthorizationToken\",\"Resource\":\"*\"} to the \
         policy; the action can't be limited to one repository"
    );
    assert_eq!(
        error.missing_statement().unwrap(),
        r#"{"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"}"#
    );
    assert_eq!(
        error.source().unwrap().to_string(),
        "AccessDeniedException: User: arn:aws:iam::123456789012:user/local is not authorized to \
         perform: ecr:GetAuthorizationToken on resource: * because no identity-based policy \
         allows the ecr:GetAuthorizationToken action"
    );
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_is_replaced_once() {
    let (local, provider) = emulator();
    let first = provider.token(&repository()).await.unwrap();
    provider.invalidate(&first);
    let second = provider.token(&repository()).await.unwrap();
    assert_ne!(first.password(), second.password());
    assert_eq!(calls(&local), 2);
    // Other callers report the same first token as rejected, after it was replaced.
    provider.invalidate(&first);
    provider.invalidate(&first.clone());
    let third = provider.token(&repository()).await.unwrap();
    assert_eq!(second.password(), third.password());
    assert_eq!(calls(&local), 2);
}

#[tokio::test(start_paused = true)]
async fn no_password_is_logged() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    // While there is just one subscriber, tracing lets the thread that reaches an event first decide
    // whether anybody wants it, and that may be the thread of another test.
    let _second = tracing::Dispatch::new(log.clone());
    let (local, provider) = emulator();
    let token = provider.token(&repository()).await.unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    DockerConfig::from_path(folder.path().join("config.json")).log_in(&token).await.unwrap();
    local.inject(When::every(CALL), Fault::ExpiredToken);
    provider.invalidate(&token);
    provider.token(&repository()).await.unwrap_err();
    let log = log.text();
    assert!(log.contains("got a token") && log.contains("could not get a token"), "{log}");
    let secrets = ["local-aws-", &base64_simd::STANDARD.encode_to_string("AWS:local-aws-")];
    for secret in secrets {
        assert!(!log.contains(secret), "{log}");
    }
}

/// Collects everything that this crate logs.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("ecr_push")
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        span.record(&mut self.clone());
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

impl tracing::field::Visit for Log {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0.lock().unwrap().push_str(&format!("{field}={value:?}\n"));
    }
}

fn allowing(action: &str, resource: &str) -> String {
    json!({
        "Version": "2012-10-17",
        "Statement": { "Effect": "Allow", "Action": action, "Resource": resource },
    })
    .to_string()
}
