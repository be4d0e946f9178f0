//! Verdicts and events from sequences of descriptions.

use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::ServiceEvent;

use super::*;
use crate::names::service::Service;
use crate::watch::identify::found;

/// Builds a service from lines `id status state task-definition running`, PRIMARY first; `-` means
/// that the state is missing.
fn service(deployments: &[&str]) -> Description {
    let deployments = deployments.iter().map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        let [id, status, state, task_definition, running] = fields[..] else { panic!("{line}") };
        let state = (state != "-").then(|| DeploymentRolloutState::from(state));
        Deployment::builder()
            .id(id)
            .status(status)
            .task_definition(format!(
                "arn:aws:ecs:us-east-1:123456789012:task-definition/{task_definition}"
            ))
            .running_count(running.parse().unwrap())
            .set_rollout_state(state)
            .build()
    });
    Description::builder()
        .status("ACTIVE")
        .desired_count(2)
        .set_deployments(Some(deployments.collect()))
        .build()
}

fn verdict(deployments: &[&str]) -> Verdict {
    let start = service(&["n PRIMARY IN_PROGRESS web:2 0", "m ACTIVE COMPLETED web:1 2"]);
    settled(&start, &service(deployments))
}

/// Returns the verdict after as many equal descriptions as count as proof.
fn settled(start: &Description, description: &Description) -> Verdict {
    let mut watch = watching(start);
    let verdicts: Vec<Verdict> =
        (0..ABSENT_LOOKS).map(|_| watch.observe(description, None).verdict).collect();
    verdicts.into_iter().next_back().unwrap()
}

fn watching(start: &Description) -> Watch {
    Watch::new(&found(&Service::new("demo", "web").unwrap(), start))
}

/// Returns a rollback by the deployment `m`.
fn rolled_back(reason: &str) -> Verdict {
    rolled_back_by("m", reason)
}

fn rolled_back_by(by: &str, reason: &str) -> Verdict {
    let cause = match reason {
        "" => RollbackCause::Unknown,
        _ => RollbackCause::CircuitBreaker,
    };
    let (to, by, reason) = (Some("web:1".to_owned()), by.to_owned(), reason.to_owned());
    Verdict::RolledBack { to, by, reason, cause }
}

#[test]
fn ours_is_complete_only_when_ecs_says_so() {
    let old = "m ACTIVE COMPLETED web:1 1";
    assert_eq!(verdict(&["n PRIMARY IN_PROGRESS web:2 2"]), Verdict::Pending);
    assert_eq!(verdict(&["n PRIMARY COMPLETED web:2 2"]), Verdict::Completed);
    // ECS reports success while old tasks still run.
    assert_eq!(verdict(&["n PRIMARY COMPLETED web:2 2", old]), Verdict::Completed);
}

#[test]
fn a_stable_service_that_runs_the_old_revision_is_no_success() {
    assert_eq!(verdict(&["m PRIMARY COMPLETED web:1 2"]), rolled_back(""));
}

#[test]
fn a_description_from_before_our_deployment_decides_nothing() {
    let start = service(&["n PRIMARY IN_PROGRESS web:2 0", "m ACTIVE COMPLETED web:1 2"]);
    let stale = service(&["m PRIMARY COMPLETED web:1 2"]);
    let mut watch = watching(&start);
    for _ in 0..3 {
        assert_eq!(watch.observe(&start, None).verdict, Verdict::Pending);
        assert_eq!(watch.observe(&stale, None).verdict, Verdict::Pending);
        assert_eq!(watch.observe(&stale, None).verdict, Verdict::Pending);
    }
}

#[test]
fn a_rollback_shows_at_once() {
    let start = service(&["n PRIMARY IN_PROGRESS web:2 0", "m ACTIVE COMPLETED web:1 2"]);
    let after = service(&["m PRIMARY IN_PROGRESS web:1 2", "n ACTIVE IN_PROGRESS web:2 0"]);
    assert_eq!(watching(&start).observe(&after, None).verdict, rolled_back(""));
}

#[test]
fn a_rollback_to_a_deployment_with_a_new_id_is_one_too() {
    let new = "n ACTIVE FAILED web:2 0";
    assert_eq!(verdict(&["o PRIMARY IN_PROGRESS web:1 2", new]), rolled_back_by("o", ""));
    let mut description = service(&["o PRIMARY IN_PROGRESS web:1 2"]);
    let mut start = service(&["n PRIMARY IN_PROGRESS web:2 0", "m ACTIVE COMPLETED web:1 2"]);
    let reason = "ECS deployment circuit breaker: rolling back to deploymentId o.";
    let renamed = Deployment::builder()
        .id("o")
        .status("PRIMARY")
        .task_definition("arn:aws:ecs:us-east-1:123456789012:task-definition/web:1")
        .rollout_state_reason(reason)
        .build();
    description.deployments = Some(vec![renamed]);
    assert_eq!(settled(&start, &description), rolled_back_by("o", reason));
    // A forced deployment has the same revision before and after.
    start = service(&["n PRIMARY IN_PROGRESS web:1 0", "m ACTIVE COMPLETED web:1 2"]);
    let after = service(&["m PRIMARY IN_PROGRESS web:1 2", "n ACTIVE FAILED web:1 0"]);
    assert_eq!(settled(&start, &after), rolled_back(""));
}

#[test]
fn the_reason_is_ours_and_never_what_the_new_primary_says_of_itself() {
    let start = service(&["n PRIMARY IN_PROGRESS web:2 0", "m ACTIVE COMPLETED web:1 2"]);
    let said = |deployments: &[&str], words: [&str; 2]| {
        let mut description = service(deployments);
        for (deployment, words) in description.deployments.iter_mut().flatten().zip(words) {
            deployment.rollout_state_reason = Some(words.to_owned());
        }
        description
    };
    let completed = "ECS deployment m completed.";
    let after = said(&["m PRIMARY COMPLETED web:1 2"], [completed, ""]);
    assert_eq!(settled(&start, &after), rolled_back(""));
    let progress = "ECS deployment n in progress.";
    let both = ["m PRIMARY COMPLETED web:1 2", "n ACTIVE IN_PROGRESS web:2 0"];
    assert_eq!(settled(&start, &said(&both, [completed, progress])), rolled_back(""));
    let failed = "ECS deployment circuit breaker: tasks failed to start.";
    let both = ["m PRIMARY COMPLETED web:1 2", "n ACTIVE FAILED web:2 0"];
    assert_eq!(settled(&start, &said(&both, [completed, failed])), rolled_back(failed));
    // The failed deployment shows once, and is gone when the rollback is proven.
    let mut watch = watching(&start);
    watch.observe(&said(&["n PRIMARY FAILED web:2 0"], [failed, ""]), None);
    watch.observe(&after, None);
    watch.observe(&after, None);
    assert_eq!(watch.observe(&after, None).verdict, rolled_back(failed));
}

#[test]
fn an_unknown_primary_is_unclear() {
    let unclear = Verdict::Unclear {
        by: "o".to_owned(),
        task_definition: "web:3".to_owned(),
        reason: String::new(),
    };
    let old = "n ACTIVE IN_PROGRESS web:2 1";
    assert_eq!(verdict(&["o PRIMARY IN_PROGRESS web:3 0", old]), unclear);
    assert_eq!(verdict(&["o PRIMARY COMPLETED web:3 2"]), unclear);
}

/// A late lookup shows ours as complete, and another deployment after it.
#[test]
fn complete_and_then_replaced_is_complete() {
    let theirs = "o PRIMARY IN_PROGRESS web:3 0";
    assert_eq!(verdict(&[theirs, "n ACTIVE COMPLETED web:2 2"]), Verdict::Completed);
}

#[test]
fn failed_while_primary_is_failed() {
    let failed = Verdict::Failed { reason: String::new(), cause: RollbackCause::Unknown };
    assert_eq!(verdict(&["n PRIMARY FAILED web:2 0", "m ACTIVE COMPLETED web:1 2"]), failed);
}

#[test]
fn without_a_state_it_is_complete_when_nothing_else_runs() {
    let old = "m ACTIVE - web:1 1";
    assert_eq!(verdict(&["n PRIMARY - web:2 1", old]), Verdict::Pending);
    assert_eq!(verdict(&["n PRIMARY - web:2 1"]), Verdict::Pending);
    assert_eq!(verdict(&["n PRIMARY - web:2 2", old]), Verdict::Pending);
    assert_eq!(verdict(&["n PRIMARY - web:2 2"]), Verdict::Completed);
}

#[test]
fn a_state_that_is_yet_to_be_invented_is_no_end() {
    assert_eq!(verdict(&["n PRIMARY BAKING web:2 2"]), Verdict::Pending);
    assert_eq!(verdict(&[]), Verdict::Pending);
}

#[test]
fn a_deleted_service_is_gone() {
    let start = service(&["n PRIMARY IN_PROGRESS web:2 0"]);
    let deleted = Description::builder().status("INACTIVE").build();
    let verdict = watching(&start).observe(&deleted, None).verdict;
    assert_eq!(verdict, Verdict::Gone { status: "INACTIVE".to_owned() });
}

#[test]
fn messages_are_told_once_and_in_order() {
    let event = |id: &str, text: &str| {
        let at = DateTime::from_secs(0);
        ServiceEvent::builder().id(id).message(text).created_at(at).build()
    };
    let with = |events: Vec<ServiceEvent>| {
        let mut description = service(&["n PRIMARY IN_PROGRESS web:2 0"]);
        description.events = Some(events);
        description
    };
    let mut watch = watching(&with(vec![event("1", "old")]));
    let later = with(vec![event("3", "b"), event("2", "a"), event("1", "old")]);
    let messages = |observation: Observation| -> Vec<Event> {
        let all = observation.events.into_iter();
        all.filter(|event| matches!(event, Event::Message { .. })).collect()
    };
    let expected = ["a", "b"].map(|text| Event::Message { text: text.to_owned() });
    assert_eq!(messages(watch.observe(&later, None)), expected);
    assert_eq!(messages(watch.observe(&later, None)), []);
}

#[test]
fn tasks_failed_only_when_more_have() {
    let with = |failed: i32| {
        let mut description = service(&[]);
        let ours = Deployment::builder()
            .id("n")
            .status("PRIMARY")
            .task_definition("arn:aws:ecs:us-east-1:123456789012:task-definition/web:2")
            .failed_tasks(failed);
        description.deployments = Some(vec![ours.build()]);
        description
    };
    let mut watch = watching(&with(0));
    let failed = [0, 2, 2, 3, 0, 1].map(|failed| watch.observe(&with(failed), None).is_worrying);
    assert_eq!(failed, [false, true, false, true, false, true]);
}

/// Returns the events about old tasks, and whether the last description shows that they drain.
fn draining(descriptions: &[Description]) -> (Vec<Event>, bool) {
    let start = service(&["n PRIMARY IN_PROGRESS web:2 0", "m ACTIVE COMPLETED web:1 2"]);
    let mut watch = watching(&start);
    let mut events = Vec::new();
    for description in descriptions {
        events.extend(watch.observe(description, None).events);
    }
    events.retain(|it| matches!(it, Event::Draining { .. }));
    (events, watch.progress().unwrap().is_draining())
}

#[test]
fn old_tasks_drain_once_all_new_ones_run() {
    let new = "n PRIMARY IN_PROGRESS web:2 2";
    let old = |running: u32| service(&[new, &format!("m ACTIVE COMPLETED web:1 {running}")]);
    let events = [2, 1, 0].map(|old| Event::Draining { old });
    assert_eq!(draining(&[old(2), old(2), old(1), old(0)]), (events.to_vec(), true));
    // With a Classic Load Balancer, ECS reports no state.
    let classic = service(&["n PRIMARY - web:2 2", "m ACTIVE - web:1 1"]);
    assert_eq!(draining(&[classic]), (vec![Event::Draining { old: 1 }], true));
    // One of the new tasks is gone again.
    let fewer = service(&["n PRIMARY IN_PROGRESS web:2 1", "m ACTIVE COMPLETED web:1 1"]);
    let events = vec![Event::Draining { old: 2 }];
    assert_eq!(draining(&[old(2), fewer]), (events, false));
}

#[test]
fn nothing_drains_while_new_tasks_are_missing_or_fail() {
    let old = "m ACTIVE COMPLETED web:1 2";
    let mut failing = service(&["n PRIMARY IN_PROGRESS web:2 2", old]);
    failing.deployments.as_mut().unwrap()[0].failed_tasks = 1;
    let mut pending = service(&["n PRIMARY IN_PROGRESS web:2 2", old]);
    pending.deployments.as_mut().unwrap()[0].pending_count = 1;
    let mut unwanted = service(&["n PRIMARY IN_PROGRESS web:2 2", old]);
    unwanted.desired_count = 0;
    for description in [
        failing,
        pending,
        unwanted,
        service(&["n PRIMARY IN_PROGRESS web:2 1", old]),
        service(&["n PRIMARY IN_PROGRESS web:2 2"]),
        service(&["n PRIMARY COMPLETED web:2 2", old]),
        service(&["n PRIMARY FAILED web:2 2", old]),
        service(&["m PRIMARY IN_PROGRESS web:1 2", "n ACTIVE IN_PROGRESS web:2 2"]),
    ] {
        assert_eq!(draining(&[description]), (vec![], false));
    }
}
