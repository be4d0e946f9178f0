//! Tests of the lookup of the caller's own registry.

use std::error::Error as _;

use aws_types::region::Region;
use ecr_push::{ErrorKind, Repository};
use local_aws::{Fault, LocalAws, When};

use crate::world::URI;

#[tokio::test(start_paused = true)]
async fn the_account_is_the_caller_s_and_the_region_the_configuration_s() {
    let local = LocalAws::new();
    let repository = Repository::from_caller(&local.sdk_config(), "demo/web").await.unwrap();
    assert_eq!(repository.as_str(), URI);
    assert_eq!(local.journal().operations(), ["GetCallerIdentity"]);
}

#[tokio::test(start_paused = true)]
async fn the_region_decides_the_partition() {
    let local = LocalAws::new();
    let config =
        local.sdk_config().into_builder().region(Region::from_static("cn-north-1")).build();
    let repository = Repository::from_caller(&config, "web").await.unwrap();
    assert_eq!(repository.as_str(), "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/web");
    assert_eq!(repository.arn(), "arn:aws-cn:ecr:cn-north-1:123456789012:repository/web");
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_is_found_before_the_call() {
    let local = LocalAws::new();
    let error = Repository::from_caller(&local.sdk_config(), "Web").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRepository);
    assert_eq!(
        error.to_string(),
        "invalid ECR repository URI `ACCOUNT.dkr.ecr.us-east-1.amazonaws.com/Web`: 'W' at byte 40 \
         is not allowed in the name, names are lower case"
    );
    for region in [None, Some(Region::from_static(""))] {
        let mut config = local.sdk_config().into_builder();
        config.set_region(region);
        let error = Repository::from_caller(&config.build(), "web").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert_eq!(
            error.to_string(),
            "no region is configured, and every registry belongs to one: set AWS_REGION, or \
             `region` in the profile"
        );
    }
    assert_eq!(local.journal().calls(), []);
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_a_matter_of_the_network() {
    let local = LocalAws::new();
    local.inject(When::every("GetCallerIdentity"), Fault::Reset);
    let error = Repository::from_caller(&local.sdk_config(), "web").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert_eq!(error.operation(), Some("GetCallerIdentity"));
    assert!(error.is_retryable());
    assert_eq!(error.to_string(), "GetCallerIdentity in us-east-1 got no answer");
}

#[tokio::test(start_paused = true)]
async fn credentials_that_sts_does_not_know_are_a_matter_of_credentials() {
    let local = LocalAws::new();
    // A temporary key by its prefix, but one that the emulator never issued.
    let unknown = aws_sdk_ecr::config::Credentials::new("ASIAUNKNOWN", "x", None, None, "test");
    let provider = aws_sdk_ecr::config::SharedCredentialsProvider::new(unknown);
    let config = local.sdk_config().into_builder().credentials_provider(provider).build();
    let error = Repository::from_caller(&config, "web").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert_eq!(
        error.to_string(),
        "GetCallerIdentity in us-east-1 was not accepted with these credentials"
    );
    assert_eq!(
        error.source().unwrap().to_string(),
        "InvalidClientTokenId: The security token included in the request is invalid."
    );
}
