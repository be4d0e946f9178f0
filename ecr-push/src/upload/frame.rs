//! The body of an UploadLayerPart request, written once and in place.
//!
//! The SDK makes three copies of a part on its way to the line: the content, its base64, and the
//! JSON around that, each in fresh memory; and hashes the last of them for the signature, before it
//! sends the first byte. Here the content is read in small pieces straight into the base64 of the
//! request's body, in a buffer that is used again, and each piece is hashed while the processor
//! still has it at hand: ahead, while the part before is on the line.

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

/// A part of a layer, encoded.
#[derive(Debug)]
pub(crate) struct Frame {
    buffer: Buffer,
    /// Of all that is in the buffer.
    hasher: Sha256,
    /// The bytes of the layer that are in it.
    pub(crate) bytes: Range<u64>,
}

/// What else is in the body: it comes after the content, since it need not be known before that.
/// To JSON, the order of members makes no difference, and ECR gets them in any: boto3 sends them in
/// the order in which its caller writes them.
#[derive(Debug)]
pub(crate) struct Ending<'a> {
    pub(crate) registry: &'a str,
    pub(crate) repository: &'a str,
    pub(crate) upload_id: &'a str,
}

/// A whole body. Its memory goes back to the pool with its last clone.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    /// Its SHA-256, of which SigV4 makes the signature.
    pub(crate) digest: Digest,
}

/// Sent in place of the body that the SDK has made of a part without content.
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
        // Signed as what it is, without being hashed once more.
        let hashed = PayloadSigningOverride::Precomputed(self.digest.hex().to_owned());
        config.interceptor_state().store_put(hashed);
        Ok(())
    }
}

/// Without its megabytes: the SDK writes its interceptors into logs at level `TRACE`.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes, {})", self.bytes.len(), self.digest.as_str())
    }
}

const BEGINNING: &[u8] = br#"{"layerPartBlob":""#;

/// What is left for the names and numbers: a repository's name has at most 256 characters, and no
/// upload's id of more bytes is taken.
const ENDING: usize = 1024;

/// How many bytes the body for so many bytes of content takes at most.
pub(crate) fn framed_len(content: u64) -> u64 {
    content.div_ceil(3).saturating_mul(4).saturating_add((BEGINNING.len() + ENDING) as u64)
}

impl Frame {
    /// A frame without content so far, that begins with the layer's byte `first`.
    pub(crate) fn new(mut buffer: Buffer, first: u64) -> Self {
        buffer.content.clear();
        buffer.content.extend_from_slice(BEGINNING);
        Self { buffer, hasher: Sha256::new_with_prefix(BEGINNING), bytes: first..first }
    }

    /// Its turn has come to be sent.
    pub(crate) fn moves_up(&mut self) {
        self.buffer.moves_up();
    }

    /// Adds content; all but the last piece of a frame are multiples of 3, so that base64 pads
    /// nothing in between.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        debug_assert!((self.bytes.end - self.bytes.start).is_multiple_of(3));
        let content = &mut self.buffer.content;
        let before = content.len();
        STANDARD.encode_append(piece, content);
        self.hasher.update(&content[before..]);
        self.bytes.end += piece.len() as u64;
    }

    /// The same content for another upload.
    pub(crate) fn copy(&self, room: &Room) -> Self {
        let mut buffer = room.buffer();
        buffer.content.clear();
        buffer.content.extend_from_slice(&self.buffer.content);
        Self { buffer, hasher: self.hasher.clone(), bytes: self.bytes.clone() }
    }

    /// The whole body.
    pub(crate) fn into_body(self, ending: &Ending<'_>) -> Body {
        let Self { mut buffer, mut hasher, bytes } = self;
        let Ending { registry, repository, upload_id } = ending;
        // Inclusive: AWS's CLI example sends 0 to 8323314 for 8323315 bytes.
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
            prop_assert!(body.bytes.len() <= capacity, "the buffer has grown");
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

    /// With a buffer that has no byte to spare.
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
        assert!(len <= capacity, "the buffer has grown from {capacity} to {len}");
    }

    /// Keeps the signature.
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

    /// The signature is right also where the SDK hashes the body itself, which only costs time: so
    /// it is given a hash that isn't the body's.
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
