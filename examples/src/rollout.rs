//! A rollout on the screen: what changes, then line by line what happens.

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
    let diff = revision.diff();
    match revision.arn() {
        Some(arn) if diff.is_empty() => story.tell(format!("{arn} has these images already")),
        _ => story.tell(diff.to_string().trim_end()),
    }
    let mut events = deployer.roll_out(service, revision).on_failure(OnFailure::RollBack).events();
    while let Some(event) = events.next().await {
        story.tell(format!("  {event}"));
    }
    events.finish().await
}
