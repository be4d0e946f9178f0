//! The progress of a rollout: the changes, then a line for each event.

use ecs_deploy::events::Events;
use ecs_deploy::plan::Plan;
use ecs_deploy::{Deployed, Deployer, Error, OnFailure, Revision, Service};

use crate::story::Story;

/// Rolls a revision out, shows its progress, and rolls it back if it fails.
///
/// # Errors
/// Fails like the rollout itself.
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

/// Shows the difference between the revision and the one that it is based on.
pub fn show_diff(revision: &Revision, story: &Story) {
    let diff = revision.diff();
    match revision.arn() {
        Some(arn) if diff.is_empty() => story.tell(format!("no changes to {arn}")),
        _ if story.has_colors() => story.tell(diff.colored().to_string().trim_end()),
        _ => story.tell(diff.to_string().trim_end()),
    }
}

/// Formats a plan, with colors if the output has them.
pub fn plan_text(plan: &Plan, story: &Story) -> String {
    let text = if story.has_colors() { plan.colored().to_string() } else { plan.to_string() };
    text.trim_end().to_owned()
}

/// Shows the events of a rollout until it ends.
///
/// # Errors
/// Fails like the rollout itself.
pub async fn show_events(mut events: Events, story: &Story) -> Result<Deployed, Error> {
    while let Some(event) = events.next().await {
        story.tell(format!("  {event}"));
    }
    events.finish().await
}
