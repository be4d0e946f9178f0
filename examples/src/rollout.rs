//! A rollout on the screen: what changes, then line by line what happens.

use ecs_deploy::events::Events;
use ecs_deploy::plan::Plan;
use ecs_deploy::{Deployed, Deployer, Error, OnFailure, Revision, Service};

use crate::story::Story;

/// Rolls a revision out, shows how it goes, and has it rolled back where it fails.
///
/// # Errors
/// As the rollout itself.
pub async fn show_roll_out(
    deployer: &Deployer,
    service: &Service,
    revision: Revision,
    story: &Story,
) -> Result<Deployed, Error> {
    show_diff(&revision, story);
    let roll_out = deployer.roll_out(service, revision).on_failure(OnFailure::RollBack);
    show_events(roll_out.events(), story).await
}

/// Shows what differs from what the revision is a copy of, or based on.
pub fn show_diff(revision: &Revision, story: &Story) {
    let diff = revision.diff();
    match revision.arn() {
        Some(arn) if diff.is_empty() => story.tell(format!("nothing differs from {arn}")),
        _ if story.has_colors() => story.tell(diff.colored().to_string().trim_end()),
        _ => story.tell(diff.to_string().trim_end()),
    }
}

/// What a rollout would do, as it is to be shown where the story goes.
pub fn plan_text(plan: &Plan, story: &Story) -> String {
    let text = if story.has_colors() { plan.colored().to_string() } else { plan.to_string() };
    text.trim_end().to_owned()
}

/// Shows what happens, to the end.
///
/// # Errors
/// As the rollout itself.
pub async fn show_events(mut events: Events, story: &Story) -> Result<Deployed, Error> {
    while let Some(event) = events.next().await {
        story.tell(format!("  {event}"));
    }
    events.finish().await
}
