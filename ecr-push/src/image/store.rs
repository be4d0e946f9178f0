//! [`Store`]: the lookup of content by its digest.

use crate::error::Error;
use crate::image::source::Piece;
use crate::names::digest::Digest;

/// A store of content by digest.
pub(super) trait Store {
    /// Returns the image's name for messages.
    fn subject(&self) -> &str;

    /// Returns the content, unchecked; `None` if it is missing.
    fn find(&self, digest: &Digest) -> Result<Option<Piece>, Error>;

    /// Describes for messages where missing content was expected. Empty if the store has no such
    /// place.
    fn place(&self, _digest: &Digest) -> String {
        String::new()
    }
}

/// ECR's service model: `imageManifest` has at most 4194304 characters. Larger content in the place
/// of a manifest is not read into memory.
pub(super) const MAX_MANIFEST: u64 = 4 * 1024 * 1024;

/// The result of a lookup by name.
pub(super) enum FileLookup {
    File(Piece),
    Missing,
    /// A directory, a device, or another special file.
    Other,
}
