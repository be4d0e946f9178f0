//! [`Link`]: the requests of one layer's upload to one repository, through either protocol.

use std::ops::Range;

use crate::error::Error;
use crate::image::blob::Layer;
use crate::names::repository::Repository;
use crate::upload::frame::{Ending, Frame};
use crate::upload::memory::Memory;
use crate::upload::part_size::{CHUNK, SMALL, STEP};
use crate::wire::answers::{CompleteAnswer, NewUpload, PartAnswer};
use crate::wire::api::Calls;
use crate::wire::registry::Registry;
use crate::wire::registry::body::LayerContent;

/// An upload that the server knows, with the calls to send and complete it.
#[derive(Debug)]
pub(super) enum Link<'a> {
    Api(ApiLink<'a>),
    Registry(RegistryLink<'a>),
}

/// An upload through ECR's API: it has an id, and its parts are made in memory.
#[derive(Debug)]
pub(super) struct ApiLink<'a> {
    pub(super) calls: &'a Calls,
    pub(super) upload: NewUpload,
}

/// An upload through the registry's own protocol: each response names the location of the next
/// request, and the content is read from the file while it is sent.
#[derive(Debug)]
pub(super) struct RegistryLink<'a> {
    pub(super) registry: &'a Registry,
    pub(super) memory: &'a Memory,
    pub(super) content: LayerContent,
    pub(super) location: String,
    pub(super) tail: Tail,
}

/// How the end of a layer is sent through the registry's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// In a request before the completing one, as Docker does.
    Before,
    /// With the completing request, because the registry may keep only whole steps of other
    /// requests.
    WithCompletion,
}

/// The content of one request. A [`Feed`](crate::upload::feed::Feed) makes it for its own links.
#[derive(Debug)]
pub(super) enum Part {
    /// An encoded part in memory.
    Frame(Frame),
    /// A range of the file's bytes.
    Stream(Range<u64>),
}

impl Part {
    pub(super) fn bytes(&self) -> &Range<u64> {
        match self {
            Self::Frame(frame) => &frame.bytes,
            Self::Stream(bytes) => bytes,
        }
    }
}

impl Link<'_> {
    pub(super) fn repository(&self) -> &Repository {
        match self {
            Self::Api(link) => link.calls.repository(),
            Self::Registry(link) => link.registry.repository(),
        }
    }

    /// Returns the server's name for the upload: its id or its location.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Api(link) => &link.upload.id,
            Self::Registry(link) => &link.location,
        }
    }

    /// Returns the part size that the server requests.
    pub(super) fn part_size(&self) -> u64 {
        match self {
            Self::Api(link) => link.upload.part_size,
            Self::Registry(_) => CHUNK,
        }
    }

    /// Returns the byte of a layer of `size` bytes at which the last request that only sends
    /// content ends.
    pub(super) fn sending_end(&self, size: u64) -> u64 {
        match self {
            Self::Api(_) => size,
            Self::Registry(_) if size <= SMALL => 0,
            Self::Registry(link) if link.tail == Tail::WithCompletion => size - size % STEP,
            Self::Registry(_) => size,
        }
    }

    /// Sends a part of `layer`.
    pub(super) async fn send(&mut self, part: Part, layer: &Layer) -> Result<PartAnswer, Error> {
        match (self, part) {
            (Self::Api(link), Part::Frame(frame)) => link.send(frame).await,
            (Self::Registry(link), Part::Stream(bytes)) => link.send(bytes, layer).await,
            (Self::Api(_) | Self::Registry(_), _) => {
                unreachable!("a feed makes the parts of its own links")
            }
        }
    }

    /// Waits for a turn to send if the completing request carries the content of `layer` from byte
    /// `next`.
    pub(super) async fn get_ready_to_complete(&self, layer: &Layer, next: u64) {
        if let Self::Registry(link) = self
            && next < layer.size()
        {
            link.content.set_turn(link.memory.turn_to_send(layer.size()).await);
        }
    }

    /// Completes the upload of `layer`, with its content from byte `next`.
    pub(super) async fn complete(&self, layer: &Layer, next: u64) -> Result<CompleteAnswer, Error> {
        match self {
            Self::Api(link) => link.calls.complete(&link.upload.id, layer.digest()).await,
            Self::Registry(link) => {
                let size = layer.size();
                let rest = (next < size).then_some((&link.content, next..size));
                let answer = link.registry.complete(&link.location, layer.digest(), rest).await?;
                link.content.set_turn(None);
                Ok(answer)
            }
        }
    }

    /// Notes that the server kept less than it was sent.
    pub(super) fn note_short(&mut self) {
        if let Self::Registry(link) = self {
            link.tail = Tail::WithCompletion;
        }
    }

    /// Starts another upload in place of this one.
    pub(super) async fn restart(&mut self) -> Result<(), Error> {
        self.note_short();
        match self {
            Self::Api(link) => link.upload = link.calls.start_upload().await?,
            Self::Registry(link) => link.location = link.registry.start_upload().await?,
        }
        Ok(())
    }
}

impl ApiLink<'_> {
    async fn send(&self, frame: Frame) -> Result<PartAnswer, Error> {
        let repository = self.calls.repository();
        let body = frame.into_body(&Ending {
            registry: repository.account(),
            repository: repository.name(),
            upload_id: &self.upload.id,
        });
        self.calls.send_part(&self.upload.id, body).await
    }
}

impl RegistryLink<'_> {
    async fn send(&mut self, bytes: Range<u64>, layer: &Layer) -> Result<PartAnswer, Error> {
        self.content.set_turn(self.memory.turn_to_send(layer.size()).await);
        let Self { registry, content, location, .. } = self;
        let answer = registry.send_chunk(location, content, bytes.start, bytes.end).await?;
        content.set_turn(None);
        Ok(answer)
    }
}
