//! Reading a layer in parts, and its digest on the way.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};

use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::image::Blob;
use crate::names::Digest;

/// A layer's file with a cursor. Every byte is hashed once, however often it is read.
#[derive(Debug)]
pub(crate) struct PartReader {
    file: File,
    blob: Blob,
    position: u64,
    hashed: u64,
    hasher: Sha256,
}

impl PartReader {
    pub(crate) fn open(blob: Blob) -> Result<Self, Error> {
        let file = File::open(&blob.path).map_err(|error| Error::io(&blob.path, error))?;
        Ok(Self { file, blob, position: 0, hashed: 0, hasher: Sha256::new() })
    }

    /// Reads `len` bytes from `first` on, which is nothing that hasn't been read up to there.
    pub(crate) fn read(&mut self, first: u64, len: usize) -> Result<Vec<u8>, Error> {
        debug_assert!(first <= self.hashed, "the digest can't leave bytes out");
        let path = &self.blob.path;
        if first != self.position {
            self.file.seek(SeekFrom::Start(first)).map_err(|error| Error::io(path, error))?;
        }
        let mut content = vec![0; len];
        self.file.read_exact(&mut content).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => {
                let found = self.file.metadata().map_or(first, |metadata| metadata.len());
                Error::blob_size(path, self.blob.layer.digest(), self.blob.layer.size(), found)
            }
            _ => Error::io(path, error),
        })?;
        self.position = first + len as u64;
        if self.position > self.hashed {
            // In bounds: `hashed` lies between `first` and the end of what has been read.
            self.hasher.update(&content[(self.hashed - first) as usize..]);
            self.hashed = self.position;
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
            Err(Error::blob_mismatch(&self.blob.path, expected, &found))
        }
    }
}
