//! [`Stream`]: a reader that the clones of an [`Open`](crate::image::Open) share.

use std::fmt;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Error;

/// A reader that can be taken once.
#[derive(Clone)]
pub(super) struct Stream(Arc<Mutex<Option<Box<dyn Read + Send>>>>);

impl Stream {
    /// The name in messages.
    pub(super) const NAME: &str = "the image stream";

    pub(super) fn new(reader: Box<dyn Read + Send>) -> Self {
        Self(Arc::new(Mutex::new(Some(reader))))
    }

    /// Returns the reader. An error if it was taken before.
    pub(super) fn take(&self) -> Result<Box<dyn Read + Send>, Error> {
        let reader = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        reader.ok_or_else(|| {
            Error::image(Self::NAME, "it was read before: use the image that was opened from it")
        })
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}
