//! [`ForeignLayers`]: the setting for layers that registries don't store.

use std::collections::HashSet;

use crate::image::graph::Graph;
use crate::names::digest::Digest;

/// Decides whether a push sends foreign layers; see
/// [`Push::foreign_layers`](crate::Push::foreign_layers).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ForeignLayers {
    /// Leaves them out. Nodes fetch them from the `urls` in the manifest.
    #[default]
    LeaveOut,
    /// Sends those whose content is in the image, so that nodes need no access to their `urls`. The
    /// license of a Windows base image may forbid that.
    Send,
}

impl ForeignLayers {
    /// Returns the layers that the push doesn't send to a repository that lacks them.
    pub(crate) fn left_out(self, graph: &Graph) -> HashSet<Digest> {
        let mut foreign = graph.foreign_layers();
        if self == Self::Send {
            let absent: HashSet<&Digest> = graph.absent().collect();
            foreign.retain(|digest| absent.contains(digest));
        }
        foreign
    }
}
