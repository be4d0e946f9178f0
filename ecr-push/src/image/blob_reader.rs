//! A blob reader that keeps file reads off the async threads.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Error;
use crate::image::blob::Blob;
use crate::image::source::Content;
use crate::tasks::{blocking, stoppable};

/// An open blob. Clones share the content and the buffers.
#[derive(Debug, Clone)]
pub(crate) struct BlobReader(Arc<OpenBlob>);

#[derive(Debug)]
struct OpenBlob {
    content: Content,
    blob: Blob,
    /// The buffers of dropped pieces. Allocating a new one costs more than reading into it.
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

    /// Checks the content against its descriptor, after ECR rejected the bytes that were sent.
    /// Reads the whole content once more.
    pub(crate) async fn check(&self) -> Result<(), Error> {
        let reader = self.clone();
        stoppable(move |stop| {
            let OpenBlob { content, blob: Blob { layer, source }, .. } = &*reader.0;
            reader.0.check_size()?;
            let found = content.hash(layer.size(), stop);
            let found = found.map_err(|error| Error::unreadable(source, error))?;
            // Cancelled: the result is discarded.
            if found == *layer.digest() || stop.is_set() {
                Ok(())
            } else {
                Err(Error::blob_mismatch(source, layer.digest(), &found))
            }
        })
        .await
    }

    /// Reads up to `most` bytes of the range from `first` to `end`. Blocks.
    pub(crate) fn piece(&self, first: u64, end: u64, most: usize) -> Result<ReadBuffer, Error> {
        let OpenBlob { content, blob, .. } = &*self.0;
        let mut piece =
            ReadBuffer { buffer: self.0.idle().pop().unwrap_or_default(), of: self.0.clone() };
        piece.buffer.resize(usize::try_from(end - first).unwrap_or(most).min(most), 0);
        let read = content.read_at(first, &mut piece.buffer);
        let read = read.map_err(|error| Error::unreadable(&blob.source, error))?;
        if read < piece.buffer.len() {
            self.0.check_size()?;
            // The file was truncated and has grown again since.
            let problem = io::ErrorKind::UnexpectedEof.into();
            return Err(Error::unreadable(&blob.source, problem));
        }
        Ok(piece)
    }
}

impl OpenBlob {
    /// Returns an error if the content was truncated.
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

/// A range of a blob's content, in a reused buffer.
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
