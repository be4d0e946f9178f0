//! Reading a blob from its file, off the async threads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Error;
use crate::image::{Blob, Content};
use crate::tasks::{blocking, stoppable};

/// A [`BlobReader`] for several threads, of which one at a time has use for it. Clones are the same
/// reader.
#[derive(Debug, Clone)]
pub(crate) struct SharedReader(Arc<Mutex<BlobReader>>);

impl SharedReader {
    pub(crate) async fn open(blob: Blob) -> Result<Self, Error> {
        let reader = blocking(move || BlobReader::open(blob)).await?;
        Ok(Self(Arc::new(Mutex::new(reader))))
    }

    /// Whether the content is what its descriptor says: for when ECR has refused what was sent of
    /// it. Reads all of it once more.
    pub(crate) async fn check(&self) -> Result<(), Error> {
        let reader = self.clone();
        stoppable(move |stop| {
            let reader = reader.lock();
            let Blob { layer, source } = &reader.blob;
            let found = reader.content.hash(layer.size(), stop);
            let found = found.map_err(|error| Error::unreadable(source, error))?;
            // Nobody is told of what was stopped.
            if found == *layer.digest() || stop.is_set() {
                Ok(())
            } else {
                Err(Error::blob_mismatch(source, layer.digest(), &found))
            }
        })
        .await
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, BlobReader> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A blob's content.
#[derive(Debug)]
pub(crate) struct BlobReader {
    content: Content,
    blob: Blob,
    /// Empty until it is needed.
    piece: Vec<u8>,
}

/// How much is encoded at once: a multiple of 3 for base64, small enough for the processor's cache.
const PIECE: usize = 192 * 1024;

impl BlobReader {
    fn open(blob: Blob) -> Result<Self, Error> {
        let content = blob.source.open().map_err(|error| Error::unreadable(&blob.source, error))?;
        Ok(Self { content, blob, piece: Vec::new() })
    }

    /// A piece of what lies between `first` and `end`: its beginning.
    pub(crate) fn piece(&mut self, first: u64, end: u64) -> Result<&[u8], Error> {
        let len = piece_len(first, end, PIECE);
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
    pub(crate) fn read(&self, first: u64, piece: &mut [u8]) -> Result<(), Error> {
        let Blob { layer, source } = &self.blob;
        let read = self.content.read_at(first, piece);
        let read = read.map_err(|error| Error::unreadable(source, error))?;
        if read < piece.len() {
            let found = first + read as u64;
            return Err(Error::blob_size(source, layer.digest(), layer.size(), found));
        }
        Ok(())
    }
}

/// How long the piece is that begins at `first`, of pieces of at most `most`.
pub(crate) fn piece_len(first: u64, end: u64, most: usize) -> usize {
    usize::try_from(end - first).unwrap_or(most).min(most)
}
