//! A layer, complete.

use bytes::Bytes;

/// A complete layer.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) size: u64,
    /// The content, in the pieces in which it came; `None` if content isn't kept.
    pub(crate) content: Option<Vec<Bytes>>,
    /// Whether it went into the archive with the last image that needed it.
    pub(crate) archived: bool,
}
