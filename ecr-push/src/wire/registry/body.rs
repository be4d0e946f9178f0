//! The content of a request, read from its file while the request is sent.

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
use crate::tasks::joined;

/// The content of one layer, shared by all its requests.
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
    /// The turn to send. It ends when the last piece is handed to the connection, so that another
    /// layer uses the link while this one waits for its response.
    turn: Mutex<Option<OwnedSemaphorePermit>>,
    /// The reason why the content could not be read. The HTTP client's error has less detail.
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

    /// Returns a body with the bytes from `first` to `end`. The SDK may send it several times.
    pub(crate) fn body(&self, first: u64, end: u64) -> SdkBody {
        let content = self.clone();
        SdkBody::retryable(move || {
            SdkBody::from_body_1_x(Stream { content: content.clone(), at: first, end, ahead: None })
        })
    }

    /// Holds the turn until the next body is sent completely or the turn is replaced.
    pub(crate) fn set_turn(&self, turn: Option<OwnedSemaphorePermit>) {
        *lock(&self.shared.turn) = turn;
    }

    /// Returns the reason why a body ended early, if it did.
    pub(crate) fn failure(&self) -> Option<Error> {
        lock(&self.shared.failure).take()
    }

    fn read(&self, first: u64, end: u64) -> JoinHandle<Result<Bytes, Error>> {
        let reader = self.reader.clone();
        spawn_blocking(move || reader.piece(first, end, PIECE).map(Bytes::from_owner))
    }
}

/// One transmission of the content. It reads the next piece while the previous one is sent.
struct Stream {
    content: LayerContent,
    at: u64,
    end: u64,
    ahead: Option<JoinHandle<Result<Bytes, Error>>>,
}

/// How many bytes are read at once: enough to make the handover between threads cheap.
const PIECE: usize = 512 * 1024;

/// The interval of progress events in bytes, the same as for the API's parts.
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
        let read = joined(ready!(Pin::new(reading).poll(context)));
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

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::error::kind::ErrorKind;
    use crate::image::blob::Blob;

    fn poll(body: &mut SdkBody) -> Poll<Option<Result<usize, String>>> {
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(body).poll_frame(&mut context).map(|frame| {
            frame.map(|frame| {
                let frame = frame.map_err(|error| error.to_string())?;
                Ok(frame.into_data().map_or(0, |data| data.len()))
            })
        })
    }

    /// A connection polls its request's body until it notices that the runtime was shut down.
    #[test]
    fn a_body_that_outlives_its_runtime_ends_with_an_error_and_stays_ended() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let repository: Repository =
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web".parse().unwrap();
        let blob = Blob::from_bytes(vec![7; 3 * PIECE]);
        let layer = blob.layer.clone();
        let reader = runtime.block_on(BlobReader::open(blob)).unwrap();
        let content = LayerContent::new(reader, &layer, &repository, &Reporter::default());
        let mut body = content.body(0, layer.size());
        let first = runtime.block_on(std::future::poll_fn(|context| {
            Pin::new(&mut body).poll_frame(context).map(|frame| frame.is_some_and(|it| it.is_ok()))
        }));
        assert!(first);
        let handle = runtime.handle().clone();
        drop(runtime);
        let _entered = handle.enter();
        let mut ended = Vec::new();
        for _ in 0..5 {
            ended.push(poll(&mut body));
        }
        // The piece that was read ahead may have been read before the shutdown.
        ended.retain(|it| *it != Poll::Ready(Some(Ok(PIECE))));
        let text = Error::shut_down().to_string();
        assert_eq!(ended[0], Poll::Ready(Some(Err(text))));
        assert!(ended.len() >= 4 && ended[1..].iter().all(|it| *it == Poll::Ready(None)));
        assert_eq!(content.failure().unwrap().kind(), ErrorKind::Cancelled);
        let hint = http_body::Body::size_hint(&body);
        assert_eq!(hint.exact(), Some(0));
    }
}
