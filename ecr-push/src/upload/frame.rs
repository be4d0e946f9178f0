//! The body of an UploadLayerPart request, written once and in place.
//!
//! On the way to the network, the SDK makes three copies of a part, each in newly allocated memory:
//! the content, its base64 form, and the JSON around that. It then hashes the last copy for the
//! signature before it sends the first byte. This module reads the content in small pieces, encodes
//! each piece directly into the request's body in a reused buffer, and hashes it while it is in the
//! processor's cache. All of that happens ahead of time, while the previous part is sent.

use std::fmt;
use std::ops::Range;

use aws_runtime::auth::PayloadSigningOverride;
use aws_sdk_ecr::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_ecr::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::BoxError;
use aws_smithy_types::body::SdkBody;
use base64_simd::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::names::digest::Digest;
use crate::upload::memory::{Buffer, Room};

/// An encoded part of a layer.
#[derive(Debug)]
pub(crate) struct Frame {
    buffer: Buffer,
    /// The hash of everything in the buffer.
    hasher: Sha256,
    /// The byte range of the layer that the frame holds.
    pub(crate) bytes: Range<u64>,
}

/// The members of the body after the content. They come last because they need not be known before
/// it is encoded. The order of JSON members has no meaning, and ECR already receives them in any
/// order: boto3 sends them in the order in which its caller writes them.
#[derive(Debug)]
pub(crate) struct Ending<'a> {
    pub(crate) registry: &'a str,
    pub(crate) repository: &'a str,
    pub(crate) upload_id: &'a str,
}

/// A complete body. Dropping the last clone returns its memory to the pool.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    /// Its SHA-256, from which SigV4 computes the signature.
    pub(crate) digest: Digest,
}

/// Replaces the body that the SDK built for a part without content.
impl Intercept for Body {
    fn name(&self) -> &'static str {
        "framed part"
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        *request.body_mut() = SdkBody::from(self.bytes.clone());
        request.headers_mut().insert("content-length", self.bytes.len().to_string());
        // The signer uses the known hash and doesn't compute it again.
        let hashed = PayloadSigningOverride::Precomputed(self.digest.hex().to_owned());
        config.interceptor_state().store_put(hashed);
        Ok(())
    }
}

/// Omits the content, which can be megabytes: the SDK logs its interceptors at level `TRACE`.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes, {})", self.bytes.len(), self.digest.as_str())
    }
}

const BEGINNING: &[u8] = br#"{"layerPartBlob":""#;

/// The space for the names and numbers. A repository name has at most 256 characters, and an upload
/// id has at most 256 bytes (the push rejects a longer one).
const ENDING: usize = 1024;

/// Returns the maximum size of the body for `content` bytes of content.
pub(crate) fn framed_len(content: u64) -> u64 {
    content.div_ceil(3).saturating_mul(4).saturating_add((BEGINNING.len() + ENDING) as u64)
}

impl Frame {
    /// Creates an empty frame that starts at the layer's byte `first`.
    pub(crate) fn new(mut buffer: Buffer, first: u64) -> Self {
        buffer.content.clear();
        buffer.content.extend_from_slice(BEGINNING);
        Self { buffer, hasher: Sha256::new_with_prefix(BEGINNING), bytes: first..first }
    }

    /// Marks the frame as the next one to send.
    pub(crate) fn moves_up(&mut self) {
        self.buffer.moves_up();
    }

    /// Appends content. Every piece except the frame's last must be a multiple of 3 bytes, so that
    /// base64 adds no padding in between.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        debug_assert!((self.bytes.end - self.bytes.start).is_multiple_of(3));
        let content = &mut self.buffer.content;
        let before = content.len();
        STANDARD.encode_append(piece, content);
        self.hasher.update(&content[before..]);
        self.bytes.end += piece.len() as u64;
    }

    /// Copies the content for another upload.
    pub(crate) fn copy(&self, room: &Room) -> Self {
        let mut buffer = room.buffer();
        buffer.content.clear();
        buffer.content.extend_from_slice(&self.buffer.content);
        Self { buffer, hasher: self.hasher.clone(), bytes: self.bytes.clone() }
    }

    /// Completes the body.
    pub(crate) fn into_body(self, ending: &Ending<'_>) -> Body {
        let Self { mut buffer, mut hasher, bytes } = self;
        let Ending { registry, repository, upload_id } = ending;
        // The last byte is inclusive: AWS's CLI example sends 0 to 8323314 for 8323315 bytes.
        let (first, last) = (bytes.start, bytes.end.saturating_sub(1));
        let ending = format!(
            r#"","registryId":{},"repositoryName":{},"uploadId":{},"partFirstByte":{first},"partLastByte":{last}}}"#,
            Value::from(*registry),
            Value::from(*repository),
            Value::from(*upload_id),
        );
        buffer.content.extend_from_slice(ending.as_bytes());
        hasher.update(ending.as_bytes());
        let digest = Digest::from_hash(&hasher.finalize());
        Body { bytes: Bytes::from_owner(buffer), digest }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::SystemTime;

    use aws_sdk_ecr::config::interceptors::BeforeTransmitInterceptorContextRef;
    use aws_types::sdk_config::TimeSource;
    use local_aws::LocalAws;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::upload::memory::Memory;

    fn room(part_size: u64) -> Room {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let memory = Arc::new(Memory::new(64 * 1024));
        runtime.block_on(memory.reserve(framed_len(part_size), part_size, 1))
    }

    const ENDING: Ending<'_> =
        Ending { registry: "123456789012", repository: "demo/web", upload_id: "id-\"1" };

    proptest! {
        #[test]
        fn it_is_the_json_that_ecr_expects(
            content in prop::collection::vec(any::<u8>(), 1..2000),
            pieces in 1..50_usize,
            first in 0..u64::from(u32::MAX),
        ) {
            let room = room(2000);
            let mut frame = Frame::new(room.buffer(), first);
            for piece in content.chunks(pieces * 3) {
                frame.push(piece);
            }
            let capacity = frame.buffer.content.capacity();
            let copy = frame.copy(&room);
            let body = frame.into_body(&ENDING);
            prop_assert!(body.bytes.len() <= capacity, "the buffer grew");
            prop_assert_eq!(&copy.into_body(&ENDING), &body);
            prop_assert_eq!(&Digest::from_content(&body.bytes), &body.digest);
            let parsed: Value = serde_json::from_slice(&body.bytes).unwrap();
            prop_assert_eq!(parsed, json!({
                "registryId": "123456789012",
                "repositoryName": "demo/web",
                "uploadId": "id-\"1",
                "partFirstByte": first,
                "partLastByte": first + content.len() as u64 - 1,
                "layerPartBlob": STANDARD.encode_to_string(&content),
            }));
        }
    }

    /// Uses a buffer without a spare byte.
    #[test]
    fn the_longest_names_fit() {
        let content = [7; 5361];
        let room = room(content.len() as u64);
        let mut frame = Frame::new(room.buffer(), u64::MAX / 2);
        frame.push(&content);
        let capacity = frame.buffer.content.capacity();
        assert!(capacity as u64 - framed_len(content.len() as u64) < 8, "{capacity}");
        let (repository, upload_id) = ("x".repeat(256), "\"".repeat(256));
        let ending =
            Ending { registry: "123456789012", repository: &repository, upload_id: &upload_id };
        let len = frame.into_body(&ending).bytes.len();
        assert!(len <= capacity, "the buffer grew from {capacity} to {len}");
    }

    /// Records the signature.
    #[derive(Debug, Clone, Default)]
    struct Signed(Arc<Mutex<String>>);

    impl Intercept for Signed {
        fn name(&self) -> &'static str {
            "signed"
        }

        fn read_before_transmit(
            &self,
            context: &BeforeTransmitInterceptorContextRef<'_>,
            _: &RuntimeComponents,
            _: &mut ConfigBag,
        ) -> Result<(), BoxError> {
            let authorization = context.request().headers().get("authorization").unwrap();
            *self.0.lock().unwrap() = authorization.to_owned();
            Ok(())
        }
    }

    #[derive(Debug)]
    struct StandingStill;

    impl TimeSource for StandingStill {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH
        }
    }

    /// If the signer ignored the hash and hashed the body itself, the signature would still be
    /// right, only later. The test therefore supplies the hash of something else.
    #[tokio::test]
    async fn the_signer_takes_the_hash_that_it_is_given() {
        let config = LocalAws::new().sdk_config().into_builder();
        let config = config.time_source(StandingStill).build();
        let client = aws_sdk_ecr::Client::new(&config);
        let mut signatures = Vec::new();
        for content in ["one", "two", "one"] {
            let signed = Signed::default();
            let (bytes, digest) =
                (Bytes::from_static(b"{}"), Digest::from_content(content.as_bytes()));
            let part = client.upload_layer_part().repository_name("demo/web").upload_id("1");
            let part = part.customize().interceptor(Body { bytes, digest });
            part.interceptor(signed.clone()).send().await.unwrap_err();
            signatures.push(signed.0.lock().unwrap().clone());
        }
        assert_eq!(signatures[0], signatures[2]);
        assert_ne!(signatures[0], signatures[1]);
    }
}
