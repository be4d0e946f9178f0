//! Reading a layer in parts, and its digest on the way.

use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::image::{Blob, Content};
use crate::names::Digest;

/// A layer's content with its hash. Every byte is hashed once, however often it is read.
#[derive(Debug)]
pub(crate) struct PartReader {
    content: Content,
    blob: Blob,
    hashed: u64,
    hasher: Sha256,
}

impl PartReader {
    pub(crate) fn open(blob: Blob) -> Result<Self, Error> {
        let content = blob.source.open().map_err(|error| Error::unreadable(&blob.source, error))?;
        Ok(Self { content, blob, hashed: 0, hasher: Sha256::new() })
    }

    /// Reads `len` bytes from `first` on, which is nothing that hasn't been read up to there.
    pub(crate) fn read(&mut self, first: u64, len: usize) -> Result<Vec<u8>, Error> {
        debug_assert!(first <= self.hashed, "the digest can't leave bytes out");
        let Blob { layer, source } = &self.blob;
        let mut content = vec![0; len];
        let read = self.content.read_at(first, &mut content);
        let read = read.map_err(|error| Error::unreadable(source, error))?;
        if read < len {
            let found = first + read as u64;
            return Err(Error::blob_size(source, layer.digest(), layer.size(), found));
        }
        let end = first + len as u64;
        if end > self.hashed {
            // In bounds: `hashed` lies between `first` and the end of what has been read.
            self.hasher.update(&content[(self.hashed - first) as usize..]);
            self.hashed = end;
        }
        Ok(content)
    }

    /// Whether all that was read is what the descriptor says. Called when all of it has been read.
    pub(crate) fn verify(self) -> Result<(), Error> {
        let expected = self.blob.layer.digest();
        let found = Digest::from_hash(&self.hasher.finalize());
        if found == *expected {
            Ok(())
        } else {
            Err(Error::blob_mismatch(&self.blob.source, expected, &found))
        }
    }
}
