//! Tests of tokens and time: renewal, expiry, and wrong clocks.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_types::sdk_config::TimeSource;
use ecr_push::ErrorKind;
use ecr_push::login::TokenProvider;
use local_aws::{Fault, LocalAws, When};
use tokio::time::{Instant, advance};

use crate::token::{CALL, HOUR, SECOND};
use crate::world::repository;

/// An emulator, and a machine whose clock can be set.
struct World {
    local: LocalAws,
    clock: Clock,
    provider: TokenProvider,
}

/// A clock that follows tokio's time, as the emulator's clock does.
#[derive(Debug, Clone)]
struct Clock {
    started: Instant,
    at_start: Arc<Mutex<SystemTime>>,
}

impl Clock {
    fn set_forward(&self, by: Duration) {
        *self.at_start.lock().unwrap() += by;
    }

    fn set_back(&self, by: Duration) {
        *self.at_start.lock().unwrap() -= by;
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        *self.at_start.lock().unwrap() + self.started.elapsed()
    }
}

impl World {
    fn new() -> Self {
        let local = LocalAws::new();
        let at_start = Arc::new(Mutex::new(SystemTime::now()));
        let clock = Clock { started: Instant::now(), at_start };
        let config = local.sdk_config().into_builder().time_source(clock.clone()).build();
        Self { local, clock, provider: TokenProvider::new(&config) }
    }

    async fn password(&self) -> Result<String, ErrorKind> {
        let token = self.provider.token(&repository()).await;
        token.map(|token| token.password().to_owned()).map_err(|error| error.kind())
    }

    fn calls(&self) -> usize {
        self.local.journal().count(CALL)
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_in_its_last_hour() {
    let world = World::new();
    let first = world.password().await.unwrap();
    advance(11 * HOUR - 5 * SECOND).await;
    assert_eq!(world.password().await.unwrap(), first);
    assert_eq!(world.calls(), 1);
    advance(10 * SECOND).await;
    let second = world.password().await.unwrap();
    assert_ne!(second, first);
    assert_eq!(world.password().await.unwrap(), second);
    assert_eq!(world.calls(), 2);
    // The new token is valid for twelve hours.
    advance(10 * HOUR).await;
    assert_eq!(world.password().await.unwrap(), second);
    assert_eq!(world.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn while_one_renews_it_the_others_have_it() {
    let world = World::new();
    let first = world.password().await.unwrap();
    advance(11 * HOUR + SECOND).await;
    world.local.inject(When::every(CALL), Fault::Delay(SECOND));
    let repository = repository();
    let mut renewing = Box::pin(world.provider.token(&repository));
    assert!(tokio::time::timeout(SECOND / 2, &mut renewing).await.is_err());
    let asked = Instant::now();
    assert_eq!(world.password().await.unwrap(), first);
    assert_eq!(asked.elapsed(), Duration::ZERO);
    assert_ne!(renewing.await.unwrap().password(), first);
    assert_eq!(world.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_leaves_the_valid_token() {
    let world = World::new();
    let first = world.password().await.unwrap();
    advance(11 * HOUR + SECOND).await;
    world.local.inject(When::every(CALL), Fault::ExpiredToken);
    // The caller asks every second until the token expires, but the provider makes few calls.
    for _ in 0..3590 {
        assert_eq!(world.password().await.unwrap(), first);
        advance(SECOND).await;
    }
    let renewals = world.calls() - 1;
    assert!((60..=66).contains(&renewals), "{renewals}");
    advance(10 * SECOND).await;
    assert_eq!(world.password().await, Err(ErrorKind::ExpiredToken));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_hangs_is_given_up() {
    let world = World::new();
    let first = world.password().await.unwrap();
    advance(11 * HOUR + SECOND).await;
    world.local.inject(When::nth(CALL, 2), Fault::Delay(HOUR));
    let asked = Instant::now();
    assert_eq!(world.password().await.unwrap(), first);
    assert_eq!(asked.elapsed().as_secs(), 5);
    // The timed-out renewal counts as a failure.
    assert_eq!(world.password().await.unwrap(), first);
    assert_eq!(world.calls(), 2);
    advance(SECOND).await;
    assert_ne!(world.password().await.unwrap(), first);
    assert_eq!(world.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_has_expired_when_it_comes_is_an_error() {
    let world = World::new();
    world.local.inject(When::every(CALL), Fault::ExpiredToken);
    let error = world.provider.token(&repository()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ExpiredToken);
    assert_eq!(error.operation(), Some(CALL));
    let text = error.to_string();
    assert!(
        text.starts_with("ECR in us-east-1 returned a token that expired at 20")
            && text.ends_with(
                "Z: set the clock, or check which endpoint answers if the clock is right"
            )
            && text.contains("Z, but this machine's clock shows 20"),
        "{text}"
    );
    // The number of calls doesn't depend on how often the caller asks within a minute.
    for _ in 0..600 {
        assert_eq!(world.password().await, Err(ErrorKind::ExpiredToken));
        advance(SECOND / 10).await;
    }
    assert_eq!(world.calls(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_far_ahead_is_the_error_s_subject() {
    let world = World::new();
    world.clock.set_forward(24 * HOUR);
    let error = world.provider.token(&repository()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ExpiredToken);
    assert_eq!(world.calls(), 1);
    // With the right clock, the next token is valid.
    world.clock.set_back(24 * HOUR);
    advance(SECOND).await;
    world.password().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_prolongs_nothing() {
    let world = World::new();
    let first = world.password().await.unwrap();
    world.clock.set_back(6 * HOUR);
    advance(10 * HOUR).await;
    assert_eq!(world.password().await.unwrap(), first);
    advance(HOUR + SECOND).await;
    assert_ne!(world.password().await.unwrap(), first);
    assert_eq!(world.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_behind_prolongs_nothing() {
    let world = World::new();
    world.clock.set_back(6 * HOUR);
    let first = world.password().await.unwrap();
    // On this clock, the token seems to last eighteen hours.
    advance(11 * HOUR + SECOND).await;
    assert_ne!(world.password().await.unwrap(), first);
    assert_eq!(world.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_forward_renews() {
    let world = World::new();
    let first = world.password().await.unwrap();
    world.clock.set_forward(11 * HOUR + HOUR / 2);
    let second = world.password().await.unwrap();
    assert_ne!(second, first);
    assert_eq!(world.calls(), 2);
    // On this clock, the token lasts half an hour, so it is renewed after three quarters of that.
    advance(HOUR / 3).await;
    assert_eq!(world.password().await.unwrap(), second);
    advance(HOUR / 10).await;
    assert_ne!(world.password().await.unwrap(), second);
    assert_eq!(world.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn no_token_is_handed_out_after_its_end() {
    let world = World::new();
    let first = world.password().await.unwrap();
    advance(12 * HOUR + SECOND).await;
    world.local.inject(When::nth(CALL, 2), Fault::ExpiredToken);
    assert_eq!(world.password().await, Err(ErrorKind::ExpiredToken));
    advance(SECOND).await;
    assert_ne!(world.password().await.unwrap(), first);
}
