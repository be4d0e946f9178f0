//! Reading a layer part by part, ahead of the line.

use tokio::task::{JoinHandle, spawn_blocking};

use crate::blob_reader::{BlobReader, SharedReader};
use crate::error::Error;
use crate::frame::Frame;
use crate::image::Blob;
use crate::memory::Room;
use crate::tasks::joined;

/// A layer's content, read off the async threads: a part when it is asked for, or ahead.
#[derive(Debug)]
pub(crate) struct Parts {
    /// Whoever reads ahead is waited for first.
    reader: SharedReader,
    ahead: Option<JoinHandle<Result<Frame, Error>>>,
}

impl Parts {
    pub(crate) async fn open(blob: Blob) -> Result<Self, Error> {
        Ok(Self { reader: SharedReader::open(blob).await?, ahead: None })
    }

    /// The `len` bytes from `first` on.
    pub(crate) async fn read(&mut self, first: u64, len: u64, room: &Room) -> Result<Frame, Error> {
        if let Some(ahead) = self.ahead.take() {
            let frame = joined(ahead.await).await?;
            if frame.bytes == (first..first + len) {
                return Ok(frame);
            }
        }
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

    /// Whether the content is what the descriptor says: reads all of it.
    pub(crate) async fn check(&self) -> Result<(), Error> {
        self.reader.check().await
    }

    fn start(&self, first: u64, len: u64, room: &Room) -> JoinHandle<Result<Frame, Error>> {
        let reader = self.reader.clone();
        let frame = Frame::new(room.buffer(), first);
        spawn_blocking(move || fill(&mut reader.lock(), frame, len))
    }
}

/// Reads `len` bytes into the frame.
fn fill(reader: &mut BlobReader, mut frame: Frame, len: u64) -> Result<Frame, Error> {
    let end = frame.bytes.end + len;
    while frame.bytes.end < end {
        let piece = reader.piece(frame.bytes.end, end)?;
        frame.push(piece);
    }
    Ok(frame)
}
