//! The content of a request, read from its file while it is sent.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::error::Error;
use crate::image::blob::Layer;
use crate::image::blob_reader::BlobReader;
use crate::names::repository::Repository;
use crate::report::{Event, Reporter};
use crate::tasks::returned;

/// What all requests with the content of one layer share.
#[derive(Debug, Clone)]
pub(crate) struct LayerContent {
    reader: BlobReader,
    shared: Arc<SendState>,
}

#[derive(Debug)]
struct SendState {
    layer: Layer,
    repository: Repository,
    reporter: Reporter,
    /// To send: others have theirs as soon as the last piece is on the line, so that it isn't idle
    /// while an answer is waited for.
    turn: Mutex<Option<OwnedSemaphorePermit>>,
    /// Why the content could not be read: what the HTTP client makes of it tells less.
    failure: Mutex<Option<Error>>,
}

impl LayerContent {
    pub(crate) fn new(
        reader: BlobReader,
        layer: &Layer,
        repository: &Repository,
        reporter: &Reporter,
    ) -> Self {
        let shared = SendState {
            layer: layer.clone(),
            repository: repository.clone(),
            reporter: reporter.clone(),
            turn: Mutex::default(),
            failure: Mutex::default(),
        };
        Self { reader, shared: Arc::new(shared) }
    }

    /// A body of what lies between `first` and `end`, which the SDK may send several times.
    pub(crate) fn body(&self, first: u64, end: u64) -> SdkBody {
        let content = self.clone();
        SdkBody::retryable(move || {
            SdkBody::from_body_1_x(Stream { content: content.clone(), at: first, end, ahead: None })
        })
    }

    /// Has this turn until all of the next body is on the line, or another turn comes.
    pub(crate) fn set_turn(&self, turn: Option<OwnedSemaphorePermit>) {
        *lock(&self.shared.turn) = turn;
    }

    /// Why a body ended early, if it did.
    pub(crate) fn failure(&self) -> Option<Error> {
        lock(&self.shared.failure).take()
    }

    fn read(&self, first: u64, end: u64) -> JoinHandle<Result<Bytes, Error>> {
        let reader = self.reader.clone();
        spawn_blocking(move || reader.piece(first, end, PIECE).map(Bytes::from_owner))
    }
}

/// One sending of it. The next piece is read while the one before it is sent.
struct Stream {
    content: LayerContent,
    at: u64,
    end: u64,
    ahead: Option<JoinHandle<Result<Bytes, Error>>>,
}

/// How much is read at once: enough that handing it from thread to thread costs little.
const PIECE: usize = 512 * 1024;

/// How often it is told how far a layer is: as often as the API does in its parts.
const STEP: u64 = 10 * 1024 * 1024;

impl Body for Stream {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Self { content, at, end, ahead } = self.get_mut();
        if at == end {
            return Poll::Ready(None);
        }
        let reading = ahead.get_or_insert_with(|| content.read(*at, *end));
        let Some(read) = returned(ready!(Pin::new(reading).poll(context))) else {
            return Poll::Pending;
        };
        *ahead = None;
        let piece = match read {
            Ok(piece) => piece,
            Err(error) => {
                *at = *end;
                *lock(&content.shared.failure) = Some(error.clone());
                return Poll::Ready(Some(Err(error)));
            }
        };
        let before = *at / STEP;
        *at += piece.len() as u64;
        if at < end {
            *ahead = Some(content.read(*at, *end));
            if *at / STEP > before {
                let SendState { layer, repository, reporter, .. } = &*content.shared;
                let (repository, layer) = (repository.clone(), layer.clone());
                reporter.report(Event::LayerProgress { repository, layer, sent: *at });
            }
        } else {
            content.set_turn(None);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.at == self.end
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.end - self.at)
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
