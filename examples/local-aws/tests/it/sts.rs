//! STS: the query protocol, through AWS's own client.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sts::Client;
use local_aws::{Fault, LocalAws, When};

use crate::ecr::{refusal, refused};

#[tokio::test(start_paused = true)]
async fn who_calls_is_said() {
    let local = LocalAws::new();
    let output = Client::new(&local.sdk_config()).get_caller_identity().send().await.unwrap();
    assert_eq!(output.account(), Some(LocalAws::ACCOUNT));
    assert_eq!(output.arn(), Some("arn:aws:iam::123456789012:user/local"));
    assert_eq!(output.user_id(), Some("AKIALOCALAWSEXAMPLE"));
    assert_eq!(local.journal().calls()[0].service, "sts");
}

#[tokio::test(start_paused = true)]
async fn an_action_that_is_not_emulated_is_refused() {
    let local = LocalAws::new();
    let error = Client::new(&local.sdk_config()).get_session_token().send().await.unwrap_err();
    assert_eq!(
        refusal(error),
        refused("InvalidAction", "Could not find operation GetSessionToken for version 2011-06-15")
    );
}

#[tokio::test(start_paused = true)]
async fn throttling_is_retried_and_has_the_query_protocols_code() {
    let local = LocalAws::new();
    let sts = Client::new(&local.sdk_config());
    local.inject(When::nth("GetCallerIdentity", 1), Fault::Throttle);
    sts.get_caller_identity().send().await.unwrap();
    assert_eq!(local.journal().count("GetCallerIdentity"), 2);
    for nth in 3..6 {
        local.inject(When::nth("GetCallerIdentity", nth), Fault::Throttle);
    }
    let error = sts.get_caller_identity().send().await.unwrap_err();
    assert_eq!(refusal(error), refused("Throttling", "Rate exceeded"));
}

fn at(local: &LocalAws, credentials: Credentials) -> Client {
    let config = aws_sdk_sts::config::Builder::from(&local.sdk_config());
    Client::from_conf(config.credentials_provider(credentials).build())
}

#[tokio::test(start_paused = true)]
async fn a_role_is_assumed_for_an_hour() {
    let local = LocalAws::new();
    let sts = Client::new(&local.sdk_config());
    let assume = sts.assume_role().role_arn("arn:aws:iam::210987654321:role/push");
    let assumed = assume.role_session_name("ci").send().await.unwrap();
    let user = assumed.assumed_role_user().unwrap();
    assert_eq!(user.arn(), "arn:aws:sts::210987654321:assumed-role/push/ci");
    let given = assumed.credentials().unwrap();
    let token = Some(given.session_token().to_owned());
    let credentials =
        Credentials::from_keys(given.access_key_id(), given.secret_access_key(), token);

    let role = at(&local, credentials);
    let identity = role.get_caller_identity().send().await.unwrap();
    assert_eq!(identity.account(), Some("210987654321"));
    assert_eq!(identity.arn(), Some("arn:aws:sts::210987654321:assumed-role/push/ci"));

    tokio::time::advance(Duration::from_secs(3600)).await;
    let error = role.get_caller_identity().send().await.unwrap_err();
    let message = "The security token included in the request is expired";
    assert_eq!(refusal(error), refused("ExpiredToken", message));
}

#[tokio::test(start_paused = true)]
async fn temporary_credentials_that_nobody_was_given_are_refused() {
    let local = LocalAws::new();
    for (key, token) in [("ASIAUNKNOWN", Some("x")), ("ASIAUNKNOWN", None), ("AKIA", Some("x"))] {
        let credentials = Credentials::from_keys(key, "secret", token.map(str::to_owned));
        let error = at(&local, credentials).get_caller_identity().send().await.unwrap_err();
        let message = "The security token included in the request is invalid.";
        assert_eq!(refusal(error), refused("InvalidClientTokenId", message), "{key} {token:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_role_or_no_session_is_refused() {
    let local = LocalAws::new();
    let sts = Client::new(&local.sdk_config());
    let role = "arn:aws:iam::210987654321:role/push";
    for (arn, name, seconds, message) in [
        ("push", "ci", 900, "push is invalid"),
        (
            role,
            "c i",
            900,
            "1 validation error detected: Value at 'roleSessionName' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*",
        ),
        (
            role,
            "ci",
            899,
            "1 validation error detected: Value at 'durationSeconds' failed to satisfy \
             constraint: Member must be between 900 and 43200",
        ),
    ] {
        let assume = sts.assume_role().role_arn(arn).role_session_name(name);
        let error = assume.duration_seconds(seconds).send().await.unwrap_err();
        assert_eq!(refusal(error), refused("ValidationError", message));
    }
}
