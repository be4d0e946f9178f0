//! [`Wanted`]: the image that the caller wants from a path.

use crate::error::Error;
use crate::image::files::Choice;
use crate::image::platform::Platform;

/// The image that the caller wants, and what of it.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) choice: Choice,
    pub(super) index: IndexUse,
    /// Empty for all platforms.
    pub(super) platforms: Vec<Platform>,
    pub(super) referrers: ReferrerUse,
}

/// The use of a layout's `index.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IndexUse {
    /// A table of contents, unless all its entries are platforms of one image without a name.
    Auto,
    /// The index of the image.
    Image,
}

/// The use of what refers to the image, such as its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReferrerUse {
    LeaveOut,
    Push,
}

/// The reason for which one of an archive's tables of contents doesn't lead to an image.
#[derive(Debug)]
pub(super) enum Unread {
    /// It leads to several images, and the caller has to choose, or it can't be read at all. Another
    /// table doesn't help.
    Final(Error),
    /// It is broken, or doesn't have the image. Another table may have it.
    Unusable(Error),
}

impl Unread {
    pub(super) fn error(self) -> Error {
        match self {
            Self::Final(error) | Self::Unusable(error) => error,
        }
    }
}
