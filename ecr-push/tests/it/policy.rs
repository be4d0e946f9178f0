//! Tests of the printed policy: it is sufficient, and each of its actions is necessary.

use std::collections::BTreeSet;

use ecr_push::outcome::TagChange;
use ecr_push::policy::PushPolicy;
use ecr_push::settings::{LookUp, NewRepository};
use ecr_push::{ErrorKind, Image, Push};
use local_aws::LocalAws;
use serde_json::{Value, json};

use crate::layout::Layout;
use crate::world::{World, repository};

fn set_policy(world: &World, policy: &str) {
    world.local.set_policy(LocalAws::USER, policy).unwrap();
}

/// Returns the policy without one of its actions.
fn without(policy: &PushPolicy, action: &str) -> String {
    let mut document: Value = serde_json::from_str(&policy.to_string()).unwrap();
    for statement in document["Statement"].as_array_mut().unwrap() {
        if let Some(actions) = statement["Action"].as_array_mut() {
            actions.retain(|other| other != action);
        }
    }
    document.to_string()
}

async fn prepared(world: &World, layout: &Layout) -> Push {
    let image = Image::open(layout.path()).await.unwrap();
    world.pusher.push(&image, &repository()).tag("1.0".parse().unwrap())
}

/// Returns the actions that the run under its own policy used.
fn called(world: &World) -> BTreeSet<String> {
    let journal = world.local.journal();
    journal.operations().into_iter().map(|operation| format!("ecr:{operation}")).collect()
}

#[tokio::test(start_paused = true)]
async fn each_option_runs_under_just_its_policy() {
    let layout = Layout::image(&[100]);
    type Options = fn(Push) -> Push;
    let cases: [(Options, bool); 4] = [
        (|push| push, true),
        (|push| push.look_up(LookUp::Never), true),
        (|push| push.create_repository(NewRepository::default()), false),
        (|push| push.create_repository(NewRepository::default().tag("a", "b")), false),
    ];
    for (options, exists) in cases {
        let world = || async {
            match exists {
                true => World::new().await,
                false => World::empty(),
            }
        };
        let here = world().await;
        let push = options(prepared(&here, &layout).await);
        let policy = push.policy();
        set_policy(&here, &policy.to_string());
        push.await.unwrap();

        let actions: BTreeSet<String> =
            policy.permissions().iter().map(|it| it.action().to_owned()).collect();
        // The action has no operation of its own: CreateRepository needs it for tags.
        let mut needed = called(&here);
        needed.extend(actions.get("ecr:TagResource").cloned());
        if exists {
            needed.remove("ecr:CreateRepository");
        }
        assert_eq!(actions, needed);

        for action in &actions {
            let here = world().await;
            set_policy(&here, &without(&policy, action));
            let outcome = options(prepared(&here, &layout).await).await;
            if action == "ecr:BatchGetImage" {
                // Without this action, the push loses only the lookup.
                assert_eq!(outcome.unwrap().tags()[0].change(), expected_change(exists));
                continue;
            }
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AccessDenied, "{action}");
            let statement = json!({
                "Effect": "Allow", "Action": action, "Resource": repository().arn(),
            });
            let missing = error.missing_statement().unwrap();
            assert_eq!(serde_json::from_str::<Value>(&missing).unwrap(), statement);
            assert!(error.to_string().ends_with(&format!("add {missing} to the policy")));
            // With that statement added, the push succeeds.
            let mut document: Value = serde_json::from_str(&without(&policy, action)).unwrap();
            document["Statement"].as_array_mut().unwrap().push(statement);
            set_policy(&here, &document.to_string());
            options(prepared(&here, &layout).await).await.unwrap();
        }
    }
}

/// Returns the change without the lookup. A new repository has no tags.
fn expected_change(exists: bool) -> &'static TagChange {
    if exists { &TagChange::Set } else { &TagChange::Created }
}

#[tokio::test(start_paused = true)]
async fn without_looking_up_an_immutable_tag_of_another_image_is_said_to_be_taken() {
    let world = World::with(aws_sdk_ecr::types::ImageTagMutability::Immutable).await;
    prepared(&world, &Layout::image(&[100])).await.await.unwrap();
    let other = Layout::image(&[200]);
    let push = prepared(&world, &other).await;
    set_policy(&world, &without(&push.policy(), "ecr:BatchGetImage"));
    let error = push.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TagImmutable);
    let hint = "or allow `ecr:BatchGetImage` to see which image it refers to";
    assert!(error.to_string().ends_with(hint), "{error}");
    // Pushing the same image again succeeds: ECR distinguishes the two cases.
    prepared(&world, &Layout::image(&[100])).await.await.unwrap();
}
