//! The text of a task that ECS doesn't place.

use super::*;
use crate::error::tests::service;

#[test]
fn only_capacity_may_be_there_later() {
    let cpu = "no container instance has enough free CPU units";
    for (reason, retryable, explanation) in [
        (
            "RESOURCE:MEMORY (arn:a)",
            true,
            ": no container instance has enough free memory (3 attempts in 15 s)",
        ),
        ("RESOURCE:CPU", true, &format!(": {cpu} (3 attempts in 15 s)")),
        (
            "RESOURCE:ENI",
            true,
            ": no container instance has a free network interface (3 attempts in 15 s)",
        ),
        ("RESOURCE:GPU", true, ": no container instance has enough free GPUs (3 attempts in 15 s)"),
        (
            "RESOURCE:PORTS",
            true,
            ": a host port of the task is in use on every container instance (3 attempts in 15 s)",
        ),
        (
            "RESOURCE:FUTURE",
            true,
            ": no container instance has the resource free (3 attempts in 15 s)",
        ),
        (
            "AGENT (arn:a); AGENT (arn:b)",
            true,
            ": the agent of the container instance isn't connected (3 attempts in 15 s)",
        ),
        ("Capacity is unavailable at this time.", true, " (3 attempts in 15 s)"),
        ("ATTRIBUTE", false, ": no container instance has an attribute that the task needs"),
        ("MISSING", false, ""),
    ] {
        let (service, revision) = (service(), "web:8".to_owned());
        let (placement, within) = (Placement::new(reason.to_owned()), Duration::from_secs(15));
        let attempts = if retryable { 3 } else { 1 };
        let error: Error =
            TaskRepr::NotPlaced { service, revision, placement, attempts, within }.into();
        assert_eq!(error.is_retryable(), retryable, "{reason}");
        assert_eq!(
            error.to_string(),
            format!("couldn't start a task of web:8 for prod/web: {reason}{explanation}")
        );
    }
}
