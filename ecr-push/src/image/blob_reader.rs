//! Reading a blob from its file, off the async threads.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Error;
use crate::image::blob::Blob;
use crate::image::source::Content;
use crate::tasks::{blocking, stoppable};

/// A blob's content, opened. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct BlobReader(Arc<OpenBlob>);

#[derive(Debug)]
struct OpenBlob {
    content: Content,
    blob: Blob,
    /// Buffers of pieces that nobody has any more: fresh ones cost more than reading into them.
    idle: Mutex<Vec<Vec<u8>>>,
}

impl BlobReader {
    pub(crate) async fn open(blob: Blob) -> Result<Self, Error> {
        blocking(move || {
            let content = blob.source.open();
            let content = content.map_err(|error| Error::unreadable(&blob.source, error))?;
            Ok(Self(Arc::new(OpenBlob { content, blob, idle: Mutex::default() })))
        })
        .await
    }

    /// Whether the content is what its descriptor says: for when ECR has refused what was sent of
    /// it. Reads all of it once more.
    pub(crate) async fn check(&self) -> Result<(), Error> {
        let reader = self.clone();
        stoppable(move |stop| {
            let OpenBlob { content, blob: Blob { layer, source }, .. } = &*reader.0;
            reader.0.check_size()?;
            let found = content.hash(layer.size(), stop);
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

    /// The beginning of what lies between `first` and `end`, of at most so many bytes. Blocks.
    pub(crate) fn piece(&self, first: u64, end: u64, most: usize) -> Result<ReadBuffer, Error> {
        let OpenBlob { content, blob, .. } = &*self.0;
        let mut piece =
            ReadBuffer { buffer: self.0.idle().pop().unwrap_or_default(), of: self.0.clone() };
        piece.buffer.resize(usize::try_from(end - first).unwrap_or(most).min(most), 0);
        let read = content.read_at(first, &mut piece.buffer);
        let read = read.map_err(|error| Error::unreadable(&blob.source, error))?;
        if read < piece.buffer.len() {
            self.0.check_size()?;
            // It was cut off, and has grown again since.
            let problem = io::ErrorKind::UnexpectedEof.into();
            return Err(Error::unreadable(&blob.source, problem));
        }
        Ok(piece)
    }
}

impl OpenBlob {
    /// Whether the content has been cut off.
    fn check_size(&self) -> Result<(), Error> {
        let Blob { layer, source } = &self.blob;
        let size = self.content.size().map_err(|error| Error::unreadable(source, error))?;
        if size < layer.size() {
            return Err(Error::blob_size(source, layer.digest(), layer.size(), size));
        }
        Ok(())
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Some of a blob's content, in a buffer that is used again.
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    buffer: Vec<u8>,
    of: Arc<OpenBlob>,
}

impl AsRef<[u8]> for ReadBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        self.of.idle().push(buffer);
    }
}
