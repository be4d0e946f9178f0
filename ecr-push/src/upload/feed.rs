//! [`Feed`]: the parts of a layer, read ahead while earlier ones are sent.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use tokio::task::{JoinHandle, spawn_blocking};

use crate::error::Error;
use crate::image::blob::Blob;
use crate::image::blob_reader::BlobReader;
use crate::tasks::{Stop, Wanted, joined};
use crate::upload::frame::{Frame, framed_len};
use crate::upload::link::Part;
use crate::upload::memory::{Buffer, Memory, Room};
use crate::upload::part_size::{LargeLayers, PartSizes};

/// The content of one layer, in the form in which its links send it.
#[derive(Debug)]
pub(super) enum Feed {
    /// Parts in memory, each read once for all links of ECR's API.
    Parts(PartFeed),
    /// The file, which the single link of the registry's protocol reads while it sends.
    Stream(BlobReader),
}

/// The parts of a layer for ECR's API, and their memory.
#[derive(Debug)]
pub(super) struct PartFeed {
    pub(super) reader: PartReader,
    /// Always `Some` between two parts.
    pub(super) room: Option<Room>,
    pub(super) memory: Arc<Memory>,
    pub(super) large_layers: LargeLayers,
    /// The layer's size.
    pub(super) size: u64,
    /// How many repositories the layer goes to.
    pub(super) links: usize,
}

impl Feed {
    /// Returns the size of the next part if the links request `asked` bytes.
    pub(super) fn part_size(&self, asked: u64) -> u64 {
        match self {
            Self::Parts(feed) => PartSizes::new(asked, feed.large_layers).size_for(feed.size),
            Self::Stream(_) => asked,
        }
    }

    /// Returns these bytes of the layer, once for each of `links`. Starts to read the following
    /// parts of `part_size` ahead, as far as memory allows.
    pub(super) async fn read(
        &mut self,
        bytes: Range<u64>,
        part_size: u64,
        links: usize,
    ) -> Result<Vec<Part>, Error> {
        match self {
            Self::Parts(feed) => feed.read(bytes, part_size, links).await,
            Self::Stream(_) => Ok(vec![Part::Stream(bytes)]),
        }
    }

    /// Checks the content against its descriptor. Reads all of it.
    pub(super) async fn check(&self) -> Result<(), Error> {
        match self {
            Self::Parts(feed) => feed.reader.check().await,
            Self::Stream(reader) => reader.check().await,
        }
    }
}

impl PartFeed {
    async fn read(
        &mut self,
        bytes: Range<u64>,
        part_size: u64,
        links: usize,
    ) -> Result<Vec<Part>, Error> {
        let room = match self.room.take() {
            Some(room) if part_size <= room.part_size => room,
            too_small => {
                // Releases the room before it reserves more. Two layers that each keep their room
                // while they wait for more could wait forever.
                self.reader.forget_ahead().await;
                drop(too_small);
                room(&self.memory, self.size, part_size, self.links).await
            }
        };
        let frame = self.reader.read(bytes.start, bytes.end - bytes.start, &room).await?;
        self.reader.read_ahead(bytes.end, part_size, self.size, &room);
        let mut parts: Vec<Part> = (1..links).map(|_| Part::Frame(frame.copy(&room))).collect();
        parts.push(Part::Frame(frame));
        self.room = Some(room);
        Ok(parts)
    }
}

/// Reserves the memory for one part of a layer of `size` bytes for each of its repositories.
pub(super) async fn room(
    memory: &Arc<Memory>,
    size: u64,
    part_size: u64,
    repositories: usize,
) -> Room {
    memory.reserve(framed_len(part_size.min(size)), part_size, repositories).await
}

/// A layer's parts. They are read off the async threads, on demand or ahead.
#[derive(Debug)]
pub(crate) struct PartReader {
    reader: BlobReader,
    /// The parts that are read ahead, without gaps.
    ahead: VecDeque<PartAhead>,
}

/// A part that is being read or has been read.
#[derive(Debug)]
struct PartAhead {
    bytes: Range<u64>,
    frame: JoinHandle<Result<Frame, Error>>,
    /// Dropping it stops the read.
    wanted: Wanted,
}

impl PartAhead {
    async fn finish(self) -> Result<Frame, Error> {
        // `wanted` must live until the read ends, because a stopped read returns an incomplete
        // part.
        let Self { frame, wanted: _wanted, .. } = self;
        joined(frame.await)
    }

    /// Stops the read, and returns the task so that the caller can await its end.
    fn give_up(self) -> JoinHandle<Result<Frame, Error>> {
        self.frame
    }
}

/// How many parts are read ahead. Encoding and hashing a part takes longer than a fast link takes
/// to send it, so two are prepared on two of the processor's cores.
const AHEAD: usize = 2;

/// How many bytes are read and encoded at once: a multiple of 3 for base64, and small enough for
/// the processor's cache.
const PIECE: usize = 192 * 1024;

impl PartReader {
    pub(crate) async fn open(blob: Blob) -> Result<Self, Error> {
        Ok(Self { reader: BlobReader::open(blob).await?, ahead: VecDeque::new() })
    }

    /// Returns the `len` bytes that start at `first`.
    pub(crate) async fn read(&mut self, first: u64, len: u64, room: &Room) -> Result<Frame, Error> {
        let bytes = first..first + len;
        match self.ahead.pop_front() {
            Some(ahead) if ahead.bytes == bytes => {
                let mut frame = ahead.finish().await?;
                frame.moves_up();
                Ok(frame)
            }
            other => {
                // The parts that were read ahead don't match the next part, so all of them are
                // dropped.
                self.ahead.extend(other);
                self.forget_ahead().await;
                self.start(bytes, room.buffer()).finish().await
            }
        }
    }

    /// Starts to read the parts that follow byte `next`, as far as memory allows.
    pub(crate) fn read_ahead(&mut self, next: u64, part_size: u64, size: u64, room: &Room) {
        let mut next = self.ahead.back().map_or(next, |ahead| ahead.bytes.end);
        while next < size
            && self.ahead.len() < AHEAD
            && let Some(buffer) = room.buffer_ahead()
        {
            let bytes = next..size.min(next + part_size);
            next = bytes.end;
            self.ahead.push_back(self.start(bytes, buffer));
        }
    }

    /// Drops the parts that were read ahead and releases their memory.
    pub(crate) async fn forget_ahead(&mut self) {
        let ending: Vec<_> = self.ahead.drain(..).map(PartAhead::give_up).collect();
        for frame in ending {
            // The result is discarded.
            let _ = joined(frame.await);
        }
    }

    /// Checks the content against its descriptor. Reads all of it.
    pub(crate) async fn check(&self) -> Result<(), Error> {
        self.reader.check().await
    }

    fn start(&self, bytes: Range<u64>, buffer: Buffer) -> PartAhead {
        let reader = self.reader.clone();
        let frame = Frame::new(buffer, bytes.start);
        let end = bytes.end;
        let (wanted, stop) = Wanted::new();
        let frame = spawn_blocking(move || fill(&reader, frame, end, &stop));
        PartAhead { bytes, frame, wanted }
    }
}

/// Reads into the frame up to `end`, or until the read is stopped.
fn fill(reader: &BlobReader, mut frame: Frame, end: u64, stop: &Stop) -> Result<Frame, Error> {
    while frame.bytes.end < end && !stop.is_set() {
        let piece = reader.piece(frame.bytes.end, end, PIECE)?;
        frame.push(piece.as_ref());
    }
    Ok(frame)
}
