//! The advice for denied calls, and the kinds of answers that aren't AWS's.

use std::error::Error as _;
use std::io;

use aws_sdk_ecs::error::ConnectorError;
use proptest::prelude::*;

use super::*;
use crate::error::missing_statement::Need;

const USER: &str =
    "User: arn:aws:sts::123456789012:assumed-role/ci/run is not authorized to perform:";
const ROLE: &str = "arn:aws:iam::123456789012:role/web";

/// Returns the needs of a registration in `eu-west-1`.
fn needs() -> Vec<Need> {
    let mut needs = vec![Need::new("ecs:RegisterTaskDefinition", "*")];
    let roles = [ROLE, "log"].into_iter();
    needs.extend(Need::of_definition("eu-west-1", "task-definition/web:*", roles));
    needs
}

fn denied(message: &str) -> Error {
    let error = refused(400, "AccessDeniedException", message);
    Error::needing("RegisterTaskDefinition", "web", needs(), error)
}

const REGISTER: &str = r#"{"Effect":"Allow","Action":"ecs:RegisterTaskDefinition","Resource":"*"}"#;

fn pass(resource: &str) -> String {
    format!(
        r#"{{"Effect":"Allow","Action":"iam:PassRole","Resource":{resource},"Condition":{{"StringEquals":{{"iam:PassedToService":"ecs-tasks.amazonaws.com"}}}}}}"#
    )
}

fn tag(account: &str) -> String {
    format!(
        r#"{{"Effect":"Allow","Action":"ecs:TagResource","Resource":"arn:aws:ecs:eu-west-1:{account}:task-definition/web:*","Condition":{{"StringEquals":{{"ecs:CreateAction":"RegisterTaskDefinition"}}}}}}"#
    )
}

#[test]
fn the_missing_statement_is_the_one_that_aws_selects() {
    let log = "arn:aws:iam::123456789012:role/log";
    let definition = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:*";
    for (message, policy, expected) in [
        (
            format!("{USER} iam:PassRole on resource: {ROLE} because no identity-based policy allows the iam:PassRole action"),
            "policy",
            pass(&format!("\"{ROLE}\"")),
        ),
        (
            format!("{USER} iam:PassRole on resource: {log}"),
            "policy",
            pass(&format!("\"{log}\"")),
        ),
        // A resource that the call doesn't have: both of its own.
        (
            format!("{USER} iam:PassRole on resource: arn:aws:iam::123456789012:role/admin"),
            "policy",
            pass(&format!("[\"{ROLE}\",\"arn:aws:iam::*:role/log\"]")),
        ),
        (
            format!("{USER} ecs:TagResource on resource: {definition} because no session policy allows the ecs:TagResource action"),
            "session policy",
            tag("123456789012"),
        ),
        (format!("{USER} ecs:TagResource on resource: *"), "policy", tag("*")),
        // AWS leaves these out, or encodes them.
        (
            "You are not authorized to perform this operation. Encoded authorization failure message: 3Zk".to_owned(),
            "policy",
            REGISTER.to_owned(),
        ),
        (format!("{USER} ecs:RegisterTaskDefinition"), "policy", REGISTER.to_owned()),
        (
            format!("{USER} ecs:RegisterTaskDefinition on resource: * because no identity-based policy\",\"Action\":\"* allows"),
            "policy",
            REGISTER.to_owned(),
        ),
    ] {
        let error = denied(&message);
        assert_eq!(error.missing_statement().as_ref(), Some(&expected), "{message}");
        assert_eq!(
            error.to_string(),
            format!("RegisterTaskDefinition on web isn't allowed: add {expected} to the {policy}")
        );
        serde_json::from_str::<serde_json::Value>(&expected).unwrap();
    }
}

#[test]
fn a_policy_that_isn_t_the_caller_s_is_named() {
    for (kind, named) in [
        ("permissions boundary", "a permissions boundary"),
        ("resource control policy", "a resource control policy"),
        ("resource-based policy", "a resource-based policy"),
        ("service control policy", "a service control policy"),
        ("VPC endpoint policy", "a VPC endpoint policy"),
    ] {
        let error = denied(&format!(
            "{USER} ecs:RegisterTaskDefinition on resource: * because no {kind} allows the \
             ecs:RegisterTaskDefinition action"
        ));
        assert_eq!(error.missing_statement(), None);
        assert_eq!(
            error.to_string(),
            format!(
                "RegisterTaskDefinition on web isn't allowed: {named} has to allow \
                 ecs:RegisterTaskDefinition too"
            )
        );
        let error = denied(&format!(
            "{USER} ecs:RegisterTaskDefinition on resource: * with an explicit deny in a {kind}"
        ));
        assert_eq!(error.missing_statement(), None);
        assert_eq!(
            error.to_string(),
            format!(
                "RegisterTaskDefinition on web isn't allowed: {named} denies it explicitly, and no \
                 other policy can override that"
            )
        );
    }
    let error = denied("with an explicit deny");
    assert!(error.to_string().contains("isn't allowed: a policy denies it explicitly"), "{error}");
}

#[test]
fn an_action_that_the_call_doesn_t_need_is_not_advised() {
    let error = denied(&format!("{USER} iam:CreateUser on resource: *"));
    assert_eq!(error.missing_statement(), None);
    assert_eq!(
        error.to_string(),
        "RegisterTaskDefinition on web isn't allowed: AWS names an action that the call doesn't need"
    );
    assert!(error.source().unwrap().to_string().contains("iam:CreateUser"));
}

#[test]
fn without_a_resource_of_aws_s_it_is_that_of_the_call() {
    for (region, partition) in [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")] {
        let error = refused(400, "AccessDeniedException", "");
        let error = Error::service_api("UpdateService", &service(), region, error);
        let resource = format!("arn:{partition}:ecs:{region}:*:service/prod/web");
        assert!(error.missing_statement().unwrap().contains(&resource), "{error}");
    }
    let error = refused(400, "AccessDeniedException", "");
    let error = Error::service_api("StopServiceDeployment", &service(), "eu-west-1", error);
    assert_eq!(
        error.missing_statement().unwrap(),
        r#"{"Effect":"Allow","Action":"ecs:StopServiceDeployment","Resource":["arn:aws:ecs:eu-west-1:*:service/prod/web","arn:aws:ecs:eu-west-1:*:service-deployment/prod/web/*"]}"#
    );
}

#[test]
fn a_page_is_not_a_refusal_of_ecs() {
    let page = "<html><title>403 Forbidden</title></html>";
    let metadata = aws_sdk_ecs::error::ErrorMetadata::builder().code("AccessDeniedException");
    let metadata = metadata.message("User: x is not authorized to perform: ecs:A").build();
    for (status, retryable) in
        [(403, false), (307, false), (413, false), (200, true), (429, true), (502, true)]
    {
        let mut response = HttpResponse::new(status.try_into().unwrap(), page.into());
        response.headers_mut().insert("content-type", "text/html; charset=utf-8");
        let error = UpdateServiceError::generic(metadata.clone());
        let error = SdkError::service_error(error, response);
        let error = Error::service_api("UpdateService", &service(), "eu-west-1", error);
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Network, retryable));
        assert_eq!(error.missing_statement(), None);
        assert_eq!(error.to_string(), "unreadable response to UpdateService on prod/web");
        assert_eq!(
            error.source().unwrap().to_string(),
            format!("HTTP {status}, text/html: \"403 Forbidden\", not an answer of ECS's")
        );
    }
}

#[test]
fn what_isn_t_http_is_told_from_missing_credentials() {
    for (cause, kind) in [
        ("client error (SendRequest)", ErrorKind::Network),
        ("no providers in chain provided credentials", ErrorKind::Configuration),
    ] {
        let error = ConnectorError::other(io::Error::other(cause).into(), None);
        let error: SdkError<UpdateServiceError, HttpResponse> = SdkError::dispatch_failure(error);
        let error = Error::service_api("UpdateService", &service(), "eu-west-1", error);
        assert_eq!(error.kind(), kind);
        assert_eq!(error.is_retryable(), kind == ErrorKind::Network);
    }
}

proptest! {
    /// AWS's text selects among the statements of the call, and adds nothing.
    #[test]
    fn a_statement_is_ours_whatever_aws_says(
        action in "(iam:PassRole|ecs:TagResource|ecs:RegisterTaskDefinition|.{0,10})",
        rest in ".{0,40}( on resource: (arn:aws:iam::123456789012:role/web|arn:.{0,30}))?.{0,20}",
    ) {
        let error = denied(&format!("{USER} {action}{rest}"));
        if let Some(statement) = error.missing_statement() {
            let json: serde_json::Value = serde_json::from_str(&statement).unwrap();
            let action = json["Action"].as_str().unwrap();
            prop_assert!(
                ["iam:PassRole", "ecs:TagResource", "ecs:RegisterTaskDefinition"].contains(&action)
            );
            prop_assert_eq!(&json["Effect"], "Allow");
            let resource = json["Resource"].to_string();
            prop_assert!(
                [
                    "\"*\"".to_owned(),
                    format!("\"{ROLE}\""),
                    format!("[\"{ROLE}\",\"arn:aws:iam::*:role/log\"]"),
                    "\"arn:aws:ecs:eu-west-1:*:task-definition/web:*\"".to_owned(),
                ]
                .contains(&resource),
                "{}", resource
            );
        }
    }
}
