//! [`Feed`]: where the parts of a layer come from.

use std::ops::Range;
use std::sync::Arc;

use crate::error::Error;
use crate::image::blob_reader::BlobReader;
use crate::upload::frame::framed_len;
use crate::upload::link::Part;
use crate::upload::memory::{Memory, Room};
use crate::upload::part_size::{LargeLayers, PartSizes};
use crate::upload::parts::PartReader;

/// The content of one layer, in the form in which its links send it.
#[derive(Debug)]
pub(super) enum Feed {
    /// Parts in memory, each read once for all links of ECR's API.
    Parts(PartFeed),
    /// The file, which the one link of the registry's protocol reads while it sends.
    Stream(BlobReader),
}

/// Parts, and the room that they take.
#[derive(Debug)]
pub(super) struct PartFeed {
    pub(super) reader: PartReader,
    /// Always there between two parts.
    pub(super) room: Option<Room>,
    pub(super) memory: Arc<Memory>,
    pub(super) large_layers: LargeLayers,
    /// The layer's size.
    pub(super) size: u64,
    /// How many repositories the layer goes to.
    pub(super) links: usize,
}

impl Feed {
    /// The size of the next part, of which the links ask for `asked` bytes.
    pub(super) fn part_size(&self, asked: u64) -> u64 {
        match self {
            Self::Parts(feed) => PartSizes::new(asked, feed.large_layers).size_for(feed.size),
            Self::Stream(_) => asked,
        }
    }

    /// The bytes of the layer, once for each of `links`. What follows, in parts of `part_size`, is
    /// made ahead as far as there is room.
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

    /// Whether the content is what its descriptor says: reads all of it.
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
                // Given back before asking for more: a layer that holds some while it waits for
                // more can wait for ever.
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

/// Room for one part of a layer of `size` bytes for each of its repositories.
pub(super) async fn room(
    memory: &Arc<Memory>,
    size: u64,
    part_size: u64,
    repositories: usize,
) -> Room {
    memory.reserve(framed_len(part_size.min(size)), part_size, repositories).await
}
