//! STS: the query protocol, through AWS's own client.

use aws_sdk_sts::Client;
use local_aws::{Fault, LocalAws};

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
    local.inject("GetCallerIdentity", 1, Fault::Throttle);
    sts.get_caller_identity().send().await.unwrap();
    assert_eq!(local.journal().count("GetCallerIdentity"), 2);
    for nth in 3..6 {
        local.inject("GetCallerIdentity", nth, Fault::Throttle);
    }
    let error = sts.get_caller_identity().send().await.unwrap_err();
    assert_eq!(refusal(error), refused("Throttling", "Rate exceeded"));
}
