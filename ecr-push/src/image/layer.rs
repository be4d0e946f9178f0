//! [`Layer`]: what is sent of an image, by digest and size.

use serde::{Deserialize, Serialize};

use crate::names::digest::Digest;

/// What ECR calls a layer: a blob that a manifest names, be it a file system layer or the config.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Layer {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

impl Layer {
    /// The digest of its content.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Its size in bytes, as it is stored and sent: compressed, where it is.
    pub fn size(&self) -> u64 {
        self.size
    }
}
