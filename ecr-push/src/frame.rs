//! The body of an UploadLayerPart request, written once and in place.
//!
//! The SDK makes three copies of a part on its way to the line: the content, its base64, and the
//! JSON around that, each in fresh memory; and hashes the last of them for the signature, before it
//! sends the first byte. Here the content is read in small pieces straight into the base64 of the
//! request's body, in a buffer that is used again, and each piece is hashed while the processor
//! still has it at hand: ahead, while the part before is on the line.

use std::ops::Range;

use base64_simd::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::memory::{Buffer, Room};
use crate::names::Digest;

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
/// To JSON, the order of members makes no difference; the SDKs for Python and JavaScript send them
/// in the order in which a caller writes them.
#[derive(Debug)]
pub(crate) struct Ending<'a> {
    pub(crate) registry: &'a str,
    pub(crate) repository: &'a str,
    pub(crate) upload_id: &'a str,
}

/// A whole body. Its memory goes back to the pool with its last clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    /// Its SHA-256, of which SigV4 makes the signature.
    pub(crate) digest: Digest,
}

const BEGINNING: &[u8] = br#"{"layerPartBlob":""#;

/// What is left for the names and numbers: a repository's name has at most 256 characters, an
/// upload's id is a UUID.
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
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::memory::Memory;

    fn room(part_size: u64) -> Room {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let memory = Arc::new(Memory::new(64 * 1024));
        runtime.block_on(memory.reserve(u64::MAX, part_size, 1))
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
            prop_assert_eq!(&copy.into_body(&ENDING), &body);
            prop_assert_eq!(&Digest::of(&body.bytes), &body.digest);
            let parsed: Value = serde_json::from_slice(&body.bytes).unwrap();
            prop_assert_eq!(parsed, json!({
                "registryId": "123456789012",
                "repositoryName": "demo/web",
                "uploadId": "id-\"1",
                "partFirstByte": first,
                "partLastByte": first + content.len() as u64 - 1,
                "layerPartBlob": STANDARD.encode_to_string(&content),
            }));
            drop(body);
            prop_assert_eq!(room.buffer().content.capacity(), capacity, "the buffer has grown");
        }
    }
}
