//! [`BodyLimit`]: the limit of the bytes that are read of a response. The SDK reads a whole body into
//! memory, of an error too.

use std::mem::replace;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aws_sdk_ecs::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_ecs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecs::error::BoxError;
use aws_smithy_types::body::SdkBody;
use http_body::{Body, Frame, SizeHint};

use crate::error::answer::TooLarge;

/// An interceptor that ends each response after [`LARGEST`](Self::LARGEST) bytes with an error.
#[derive(Debug)]
pub(crate) struct BodyLimit;

impl BodyLimit {
    /// The largest documented answers have less: 100 tasks or 10 services with their events take a
    /// few hundred kilobytes.
    pub(crate) const LARGEST: usize = 8 * 1024 * 1024;
}

impl Intercept for BodyLimit {
    fn name(&self) -> &'static str {
        "BodyLimit"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        let inner = replace(body, SdkBody::taken());
        *body = SdkBody::from_body_1_x(Limited { inner, left: Self::LARGEST });
        Ok(())
    }
}

/// A body with the number of bytes that may still come.
struct Limited {
    inner: SdkBody,
    left: usize,
}

impl Body for Limited {
    type Data = <SdkBody as Body>::Data;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, BoxError>>> {
        let frame = match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            other => return Poll::Ready(other),
        };
        let length = frame.data_ref().map_or(0, |data| data.len());
        Poll::Ready(Some(match self.left.checked_sub(length) {
            Some(left) => {
                self.left = left;
                Ok(frame)
            }
            None => Err(TooLarge { limit: BodyLimit::LARGEST }.into()),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        Body::size_hint(&self.inner)
    }
}
