//! [`Store`]: where the content of a digest is.

use crate::error::Error;
use crate::image::source::Piece;
use crate::names::digest::Digest;

/// Where the content of a digest is.
pub(super) trait Store {
    /// For messages: by what the image is known.
    fn subject(&self) -> &str;

    /// The content, unchecked; `None` where there is none.
    fn find(&self, digest: &Digest) -> Result<Option<Piece>, Error>;

    /// For messages: where there would be the content, and isn't. Empty where there is no place to
    /// look at.
    fn place(&self, _digest: &Digest) -> String {
        String::new()
    }
}

/// ECR's service model: `imageManifest` has at most 4194304 characters. Whatever is larger in the
/// place of a manifest is not read into memory.
pub(super) const MAX_MANIFEST: u64 = 4 * 1024 * 1024;

/// What there is of a name.
pub(super) enum FileLookup {
    File(Piece),
    Missing,
    /// A directory, a device, …
    Other,
}
