//! Reading a blob from its file, off the async threads, and its digest on the way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::image::{Blob, Content};
use crate::names::Digest;
use crate::tasks::blocking;

/// A [`BlobReader`] for several threads, of which one at a time has use for it. Clones are the same
/// reader.
#[derive(Debug, Clone)]
pub(crate) struct SharedReader(Arc<Mutex<BlobReader>>);

impl SharedReader {
    pub(crate) async fn open(blob: Blob) -> Result<Self, Error> {
        let reader = blocking(move || BlobReader::open(blob)).await?;
        Ok(Self(Arc::new(Mutex::new(reader))))
    }

    /// Whether the content is what the descriptor says.
    pub(crate) async fn verify(&self, size: u64) -> Result<(), Error> {
        self.hash_up_to(size).await?;
        self.lock().verify()
    }

    /// Hashes what was skipped, because it had arrived before: in steps, so that a push that is
    /// dropped doesn't go on reading for long.
    pub(crate) async fn hash_up_to(&self, end: u64) -> Result<(), Error> {
        while self.lock().hashed < end {
            let reader = self.clone();
            blocking(move || reader.lock().hash_up_to(end)).await?;
        }
        Ok(())
    }

    /// Forgets what was hashed: the blob is sent once more, and checked once more.
    pub(crate) fn start_again(&self) {
        let mut reader = self.lock();
        reader.hashed = 0;
        reader.hasher = Sha256::new();
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, BlobReader> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A blob's content with its hash. Every byte is hashed once, however often it is read.
#[derive(Debug)]
pub(crate) struct BlobReader {
    content: Content,
    blob: Blob,
    hashed: u64,
    hasher: Sha256,
    /// Empty until it is needed.
    piece: Vec<u8>,
}

/// A multiple of 3 for base64, small enough for the processor's cache.
pub(crate) const PIECE: usize = 192 * 1024;

/// How much is hashed in one go of what isn't sent.
const STRIDE: u64 = 64 * 1024 * 1024;

impl BlobReader {
    fn open(blob: Blob) -> Result<Self, Error> {
        let content = blob.source.open().map_err(|error| Error::unreadable(&blob.source, error))?;
        Ok(Self { content, blob, hashed: 0, hasher: Sha256::new(), piece: Vec::new() })
    }

    /// A piece of what lies between `first` and `end`: its beginning. What comes before has been
    /// hashed.
    pub(crate) fn piece(&mut self, first: u64, end: u64) -> Result<&[u8], Error> {
        let len = piece_len(first, end);
        let mut piece = std::mem::take(&mut self.piece);
        if piece.len() < len {
            piece.resize(len, 0);
        }
        let read = self.read(first, &mut piece[..len]);
        self.piece = piece;
        read?;
        Ok(&self.piece[..len])
    }

    /// Fills `piece` with what begins at `first`.
    pub(crate) fn read(&mut self, first: u64, piece: &mut [u8]) -> Result<(), Error> {
        let Blob { layer, source } = &self.blob;
        let read = self.content.read_at(first, piece);
        let read = read.map_err(|error| Error::unreadable(source, error))?;
        if read < piece.len() {
            let found = first + read as u64;
            return Err(Error::blob_size(source, layer.digest(), layer.size(), found));
        }
        let end = first + read as u64;
        if first <= self.hashed && end > self.hashed {
            // In bounds: `hashed` lies within the piece.
            self.hasher.update(&piece[(self.hashed - first) as usize..]);
            self.hashed = end;
        }
        Ok(())
    }

    /// Hashes on towards `end`, but not much at once.
    fn hash_up_to(&mut self, end: u64) -> Result<(), Error> {
        let stop = end.min(self.hashed.saturating_add(STRIDE));
        while self.hashed < stop {
            self.piece(self.hashed, stop)?;
        }
        Ok(())
    }

    fn verify(&self) -> Result<(), Error> {
        let expected = self.blob.layer.digest();
        let found = Digest::from_hash(&self.hasher.clone().finalize());
        if found == *expected {
            Ok(())
        } else {
            Err(Error::blob_mismatch(&self.blob.source, expected, &found))
        }
    }
}

/// How long the piece is that begins at `first`.
pub(crate) fn piece_len(first: u64, end: u64) -> usize {
    usize::try_from(end - first).unwrap_or(PIECE).min(PIECE)
}
