//! Who may do what by the registry endpoint: tokens, permissions, quotas.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_ecr::Client;
use aws_smithy_types::body::SdkBody;
use aws_types::region::Region;
use local_aws::{Fault, LocalAws, RefusedUploads, When};
use serde_json::json;

use crate::ecr::{World, digest};
use crate::ecr_images::{OCI, manifest};
use crate::v2::{HOST, Registry, UPLOADS, blob, manifests, problem};

const REPOSITORY: &str = "arn:aws:ecr:us-east-1:123456789012:repository/team/app";

fn allow(local: &LocalAws, principal: &str, actions: &[&str]) {
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": actions, "Resource": REPOSITORY },
        { "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" },
    ] });
    local.set_policy(principal, &policy.to_string()).unwrap();
}

fn expired() -> (u16, String, String) {
    let message = "Your authorization token has expired. Reauthenticate and try again.";
    problem(403, "DENIED", message)
}

#[tokio::test(start_paused = true)]
async fn without_a_token_there_is_a_challenge() {
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    for authorization in [None, Some("Bearer abc".to_owned()), Some("Basic".to_owned())] {
        let answer = Registry { authorization, ..registry.clone() }.get("/v2/").await;
        assert_eq!((answer.status, answer.body.as_slice()), (401, &b"Not Authorized\n"[..]));
        assert_eq!(
            answer.header("www-authenticate"),
            Some(
                "Basic realm=\"https://123456789012.dkr.ecr.us-east-1.amazonaws.com/\",\
                 service=\"ecr.amazonaws.com\""
            )
        );
        assert_eq!(answer.header("docker-distribution-api-version"), Some("registry/2.0"));
    }
    assert_eq!(
        world.local.journal().calls().last().unwrap().error.as_deref(),
        Some("UNAUTHORIZED")
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_lasts_for_12_hours() {
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    tokio::time::advance(Duration::from_secs(12 * 3600 - 1)).await;
    assert_eq!(registry.get("/v2/").await.status, 200);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(registry.get("/v2/").await.refusal(), expired());
    // It was a token once, and another one is good beside it.
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert_eq!(Registry::new(&world).await.get("/v2/").await.status, 200);
    assert_eq!(registry.get("/v2/").await.refusal(), expired());
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_expired_by_script_opens_nothing() {
    let world = World::new().await;
    world.local.inject(When::nth("GetAuthorizationToken", 1), Fault::ExpiredToken);
    assert_eq!(Registry::new(&world).await.get("/v2/").await.refusal(), expired());
    assert_eq!(Registry::new(&world).await.get("/v2/").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_for_its_region_alone() {
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    let invalid = problem(400, "DENIED", "Your Authorization Token is invalid.");
    let host = HOST.replace("us-east-1", "eu-west-1");
    let elsewhere = Registry { host, ..registry.clone() };
    assert_eq!(elsewhere.get("/v2/").await.refusal(), invalid);
    let authorization = Some("Basic QVdTOm1hZGUtdXA=".to_owned());
    let made_up = Registry { authorization, ..registry.clone() };
    assert_eq!(made_up.get("/v2/").await.refusal(), invalid);
    // A token of another region is valid there, but the repository is missing.
    let config = aws_sdk_ecr::config::Builder::from(&world.local.sdk_config());
    let ecr = Client::from_conf(config.region(Region::from_static("eu-west-1")).build());
    let mut there = Registry::with(&world.local, &ecr).await;
    there.host = elsewhere.host;
    let refused = there.get(&manifests("1.0")).await.refusal();
    assert_eq!((refused.0, refused.1.as_str()), (404, "NAME_UNKNOWN"));
}

#[tokio::test(start_paused = true)]
async fn a_push_takes_the_actions_of_ecr_s_user_guide() {
    const ACTIONS: [&str; 6] = [
        "ecr:BatchCheckLayerAvailability",
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
        "ecr:PutImage",
        "ecr:BatchGetImage",
    ];
    let push = async |registry: &Registry| -> Option<Vec<u16>> {
        let mut seen = vec![registry.head(&blob(&digest("layer"))).await.status];
        let started = registry.call("POST", UPLOADS, &[], SdkBody::empty()).await?;
        let upload = started.header("location").unwrap().split_once(HOST).unwrap().1.to_owned();
        seen.push(registry.patch(&upload, 0, b"layer").await?.status);
        let target = format!("{upload}?digest={}", digest("layer"));
        seen.push(registry.call("PUT", &target, &[], SdkBody::empty()).await?.status);
        let manifest = manifest(OCI, &digest("layer"), &[&digest("layer")]);
        seen.push(registry.put("1.0", &manifest).await?.status);
        seen.push(registry.head(&manifests("1.0")).await.status);
        Some(seen)
    };
    for (lacking, expected) in [
        (None, Some(vec![404, 201, 201, 201, 200])),
        (Some(0), Some(vec![403, 201, 201, 201, 200])),
        // At the uploads, the connection breaks.
        (Some(1), None),
        (Some(2), None),
        (Some(3), None),
        (Some(4), Some(vec![404, 201, 201, 403, 404])),
        (Some(5), Some(vec![404, 201, 201, 201, 403])),
    ] {
        let world = World::new().await;
        let registry = Registry::new(&world).await;
        let mut actions = ACTIONS.to_vec();
        lacking.map(|action| actions.remove(action));
        allow(&world.local, LocalAws::USER, &actions);
        assert_eq!(push(&registry).await, expected, "{lacking:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pull_takes_two_actions_and_says_which_one_is_missing() {
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    let image = world.image("a").await;
    world.put(&image).image_tag("1.0").send().await.unwrap();
    let layer = blob(&digest("layer of a"));
    let denied = |action: &str| {
        let message = format!(
            "User: arn:aws:iam::123456789012:user/local is not authorized to perform: {action} on \
             resource: {REPOSITORY} because no identity-based policy allows the {action} action"
        );
        problem(403, "DENIED", &message)
    };
    allow(&world.local, LocalAws::USER, &["ecr:BatchGetImage"]);
    assert_eq!(registry.get(&manifests("1.0")).await.status, 200);
    assert_eq!(registry.get(&layer).await.refusal(), denied("ecr:GetDownloadUrlForLayer"));
    let tags = registry.get("/v2/team/app/tags/list").await;
    assert_eq!(tags.refusal(), denied("ecr:ListImages"));
    allow(&world.local, LocalAws::USER, &["ecr:GetDownloadUrlForLayer"]);
    assert_eq!(registry.get(&layer).await.status, 307);
    assert_eq!(registry.get(&manifests("1.0")).await.refusal(), denied("ecr:BatchGetImage"));
    let head = registry.head(&manifests("1.0")).await;
    assert_eq!((head.status, head.body.as_slice()), (403, &b""[..]));
}

#[tokio::test(start_paused = true)]
async fn an_upload_without_a_repository_breaks_the_connection_or_is_told() {
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    let uploads = "/v2/absent/blobs/uploads/";
    let upload = format!("{uploads}00000000-0000-4000-8000-000000000001");
    for (method, target) in [("POST", uploads), ("PATCH", &upload), ("PUT", &upload)] {
        assert_eq!(registry.call(method, target, &[], "layer").await, None, "{method}");
        let call = world.local.journal().calls().last().unwrap().clone();
        // The answer came before any byte of the body.
        let taken = if method == "POST" { 5 } else { 0 };
        assert_eq!(call.error.as_deref(), Some("connection reset"));
        assert_eq!(call.request_bytes, taken, "{method}");
    }
    let message = "The repository with name 'absent' does not exist in the registry with id \
                   '123456789012'";
    let unknown = problem(404, "NAME_UNKNOWN", message);
    // Other requests are refused with the reason in both cases.
    assert_eq!(registry.get("/v2/absent/manifests/1.0").await.refusal(), unknown);
    assert_eq!(registry.head("/v2/absent/blobs/sha256:00").await.status, 404);

    world.local.set_refused_uploads(RefusedUploads::Answered);
    for (method, target) in [("POST", uploads), ("PATCH", &upload), ("PUT", &upload)] {
        let answer = registry.call(method, target, &[], "layer").await.unwrap();
        assert_eq!(answer.refusal(), unknown, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_s_token_is_held_to_the_role_s_policy() {
    let world = World::new().await;
    let role = "arn:aws:iam::123456789012:role/pull";
    let sts = aws_sdk_sts::Client::new(&world.local.sdk_config());
    let assumed = sts.assume_role().role_arn(role).role_session_name("ci").send().await.unwrap();
    let it = assumed.credentials.unwrap();
    let credentials =
        Credentials::from_keys(it.access_key_id, it.secret_access_key, Some(it.session_token));
    let config = aws_sdk_ecr::config::Builder::from(&world.local.sdk_config());
    let ecr = Client::from_conf(config.credentials_provider(credentials).build());
    let registry = Registry::with(&world.local, &ecr).await;
    allow(&world.local, role, &["ecr:ListImages"]);
    assert_eq!(registry.get("/v2/team/app/tags/list").await.status, 200);
    let refused = registry.get(&manifests("1.0")).await.refusal();
    assert!(
        refused.2.starts_with("User: arn:aws:sts::123456789012:assumed-role/pull/ci is not"),
        "{refused:?}"
    );
    assert_eq!(Registry::new(&world).await.get(&manifests("1.0")).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn quotas_are_those_of_the_api() {
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    world.local.set_quota("InitiateLayerUpload", 2.0);
    registry.start().await;
    world.start_upload().await;
    let refused = registry.call("POST", UPLOADS, &[], SdkBody::empty()).await.unwrap();
    assert_eq!(refused.refusal(), problem(429, "TOOMANYREQUESTS", "Rate exceeded"));
    tokio::time::advance(Duration::from_secs(1)).await;
    registry.start().await;
}
