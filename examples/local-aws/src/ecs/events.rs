//! Service events: what the scheduler tells people.

use std::time::Duration;

use super::store::event::Event;
use super::store::service::Service;
use super::workload::TargetGroup;
use super::world::World;
use crate::clock::Timestamp;

impl Service {
    pub(crate) fn record(&mut self, text: String, at: Timestamp, world: &mut World<'_>) {
        let message = format!("(service {}) {text}", self.name);
        self.events.push_front(Event { id: world.ids.uuid(), at, message });
        // AWS documentation: the last 100 events are returned.
        self.events.truncate(100);
    }

    /// AWS documentation: an event that comes again and again is left out for up to six hours.
    pub(crate) fn record_once(&mut self, text: &str, at: Timestamp, world: &mut World<'_>) {
        const SUPPRESSED: Duration = Duration::from_secs(6 * 60 * 60);
        let is_recent = self
            .events
            .iter()
            .any(|event| event.message.ends_with(text) && at.since(event.at) < SUPPRESSED);
        if !is_recent {
            self.record(text.to_owned(), at, world);
        }
    }

    /// Records a change of so many targets, if the service has a target group.
    pub(crate) fn record_targets(
        &mut self,
        what: &str,
        count: usize,
        at: Timestamp,
        world: &mut World<'_>,
    ) {
        if let Some(group) = self.target_group().filter(|_| count > 0) {
            let text = format!("{what} {count} targets in (target-group {})", group.arn);
            self.record(text, at, world);
        }
    }

    pub(crate) fn target_group(&self) -> Option<&TargetGroup> {
        self.deployments.front()?.revision.workload.target_group.as_ref()
    }
}
