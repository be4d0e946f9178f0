//! What the passing of time needs beside the service: the moment, the pace, the controls, and ids.

use super::controls::Controls;
use super::script::Pace;
use crate::clock::Timestamp;
use crate::context::{Context, Ids};

/// What the passing of time needs beside the service.
#[derive(Debug)]
pub(crate) struct World<'a> {
    pub(crate) ids: &'a mut Ids,
    pub(crate) pace: Pace,
    pub(crate) controls: &'a Controls,
    pub(crate) now: Timestamp,
}

impl<'a> World<'a> {
    pub(crate) fn new(context: &'a mut Context<'_>, controls: &'a Controls) -> Self {
        let pace = Pace::new(context.settings.rollout_pace);
        Self { ids: context.ids, pace, controls, now: context.now }
    }
}
