//! Reading a layer part by part, ahead of the line, and its digest on the way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::error::Error;
use crate::frame::Frame;
use crate::image::{Blob, Content};
use crate::memory::Room;
use crate::names::Digest;
use crate::tasks::{blocking, joined};

/// A layer's content, read off the async threads: a part when it is asked for, or ahead.
#[derive(Debug)]
pub(crate) struct Parts {
    /// One thread at a time has use for it: whoever reads ahead is waited for first.
    reader: Arc<Mutex<Reader>>,
    ahead: Option<JoinHandle<Result<Frame, Error>>>,
}

impl Parts {
    pub(crate) async fn open(blob: Blob) -> Result<Self, Error> {
        let reader = blocking(move || Reader::open(blob)).await?;
        Ok(Self { reader: Arc::new(Mutex::new(reader)), ahead: None })
    }

    /// The `len` bytes from `first` on.
    pub(crate) async fn read(&mut self, first: u64, len: u64, room: &Room) -> Result<Frame, Error> {
        if let Some(ahead) = self.ahead.take() {
            let frame = joined(ahead.await).await?;
            if frame.bytes == (first..first + len) {
                return Ok(frame);
            }
        }
        self.hash_up_to(first).await?;
        joined(self.start(first, len, room).await).await
    }

    /// Begins to read the `len` bytes from `first` on, which follow what was read last.
    pub(crate) fn read_ahead(&mut self, first: u64, len: u64, room: &Room) {
        self.ahead = Some(self.start(first, len, room));
    }

    /// Gives the room back that was taken to read ahead.
    pub(crate) async fn forget_ahead(&mut self) {
        if let Some(ahead) = self.ahead.take() {
            // Whether it succeeded doesn't matter any more.
            let _ = joined(ahead.await).await;
        }
    }

    /// Forgets what was hashed: the layer is sent once more, and checked once more.
    pub(crate) async fn start_again(&mut self) {
        self.forget_ahead().await;
        let mut reader = lock(&self.reader);
        reader.hashed = 0;
        reader.hasher = Sha256::new();
    }

    /// Whether the content is what the descriptor says.
    pub(crate) async fn verify(&self, size: u64) -> Result<(), Error> {
        self.hash_up_to(size).await?;
        lock(&self.reader).verify()
    }

    /// Hashes what was skipped, because an earlier process has sent it: in steps, so that a push
    /// that is dropped doesn't go on reading for long.
    async fn hash_up_to(&self, end: u64) -> Result<(), Error> {
        while lock(&self.reader).hashed < end {
            let reader = self.reader.clone();
            blocking(move || lock(&reader).hash_up_to(end)).await?;
        }
        Ok(())
    }

    fn start(&self, first: u64, len: u64, room: &Room) -> JoinHandle<Result<Frame, Error>> {
        let reader = self.reader.clone();
        let frame = Frame::new(room.buffer(), first);
        spawn_blocking(move || lock(&reader).fill(frame, len))
    }
}

fn lock(reader: &Mutex<Reader>) -> MutexGuard<'_, Reader> {
    reader.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A layer's content with its hash. Every byte is hashed once, however often it is read.
#[derive(Debug)]
struct Reader {
    content: Content,
    blob: Blob,
    hashed: u64,
    hasher: Sha256,
    piece: Vec<u8>,
}

/// A multiple of 3 for base64, small enough for the processor's cache.
const PIECE: usize = 192 * 1024;

/// How much is hashed in one go of what isn't sent.
const STRIDE: u64 = 64 * 1024 * 1024;

impl Reader {
    fn open(blob: Blob) -> Result<Self, Error> {
        let content = blob.source.open().map_err(|error| Error::unreadable(&blob.source, error))?;
        let len = usize::try_from(blob.layer.size()).unwrap_or(PIECE).min(PIECE);
        Ok(Self { content, blob, hashed: 0, hasher: Sha256::new(), piece: vec![0; len] })
    }

    /// Reads `len` bytes into the frame. What comes before them has been hashed.
    fn fill(&mut self, mut frame: Frame, len: u64) -> Result<Frame, Error> {
        let end = frame.bytes.end + len;
        while frame.bytes.end < end {
            let piece = self.next_piece(frame.bytes.end, end)?;
            frame.push(&self.piece[..piece]);
        }
        Ok(frame)
    }

    /// Hashes on towards `end`, but not much at once.
    fn hash_up_to(&mut self, end: u64) -> Result<(), Error> {
        let stop = end.min(self.hashed.saturating_add(STRIDE));
        while self.hashed < stop {
            self.next_piece(self.hashed, stop)?;
        }
        Ok(())
    }

    /// Reads a piece of what lies between `first` and `end`, and returns its length.
    fn next_piece(&mut self, first: u64, end: u64) -> Result<usize, Error> {
        let Blob { layer, source } = &self.blob;
        let len = usize::try_from(end - first).unwrap_or(PIECE).min(self.piece.len());
        let piece = &mut self.piece[..len];
        let read = self.content.read_at(first, piece);
        let read = read.map_err(|error| Error::unreadable(source, error))?;
        if read < len {
            let found = first + read as u64;
            return Err(Error::blob_size(source, layer.digest(), layer.size(), found));
        }
        let end = first + len as u64;
        if first <= self.hashed && end > self.hashed {
            // In bounds: `hashed` lies within the piece.
            self.hasher.update(&piece[(self.hashed - first) as usize..]);
            self.hashed = end;
        }
        Ok(len)
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
