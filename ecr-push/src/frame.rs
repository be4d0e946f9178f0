//! The body of an UploadLayerPart request, written once and in place.
//!
//! The SDK makes three copies of a part on its way to the line: the content, its base64, and the
//! JSON around that, each in fresh memory. Here the content is read in small pieces straight into
//! the base64 of the request's body, in a buffer that is used again. The names and numbers before
//! it are written when they are known, into space that was left for them.

use std::ops::Range;

use base64_simd::STANDARD;
use bytes::Bytes;
use serde_json::Value;

use crate::memory::{Buffer, Room};

/// A part of a layer, encoded.
#[derive(Debug)]
pub(crate) struct Frame {
    buffer: Buffer,
    /// The bytes of the layer that are in it.
    pub(crate) bytes: Range<u64>,
}

/// What comes before the content in the body.
#[derive(Debug)]
pub(crate) struct Header<'a> {
    pub(crate) registry: &'a str,
    pub(crate) repository: &'a str,
    pub(crate) upload_id: &'a str,
}

/// An id that doesn't fit into the space for it, from a service that isn't ECR.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct HeaderTooLong;

/// What is left for the names and numbers: a repository's name has at most 256 characters, an
/// upload's id is a UUID.
const HEAD: usize = 1024;

const TAIL: &[u8] = b"\"}";

/// How many bytes the body for so many bytes of content takes at most, with the space before it.
pub(crate) fn framed_len(content: u64) -> u64 {
    content.div_ceil(3).saturating_mul(4).saturating_add((HEAD + TAIL.len()) as u64)
}

impl Frame {
    /// A frame without content so far, that begins with the layer's byte `first`.
    pub(crate) fn new(mut buffer: Buffer, first: u64) -> Self {
        buffer.content.clear();
        buffer.content.resize(HEAD, b' ');
        Self { buffer, bytes: first..first }
    }

    /// Adds content; all but the last piece of a frame are multiples of 3, so that base64 pads
    /// nothing in between.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        debug_assert!((self.bytes.end - self.bytes.start).is_multiple_of(3));
        STANDARD.encode_append(piece, &mut self.buffer.content);
        self.bytes.end += piece.len() as u64;
    }

    /// The same content for another header.
    pub(crate) fn copy(&self, room: &Room) -> Self {
        let mut buffer = room.buffer();
        buffer.content.clear();
        buffer.content.extend_from_slice(&self.buffer.content);
        Self { buffer, bytes: self.bytes.clone() }
    }

    /// The whole body. Its memory goes back to the pool with its last clone.
    pub(crate) fn into_body(mut self, header: &Header<'_>) -> Result<Bytes, HeaderTooLong> {
        let Header { registry, repository, upload_id } = header;
        // Inclusive: AWS's CLI example sends 0 to 8323314 for 8323315 bytes.
        let (first, last) = (self.bytes.start, self.bytes.end.saturating_sub(1));
        let head = format!(
            r#"{{"registryId":{},"repositoryName":{},"uploadId":{},"partFirstByte":{first},"partLastByte":{last},"layerPartBlob":""#,
            Value::from(*registry),
            Value::from(*repository),
            Value::from(*upload_id),
        );
        let start = HEAD.checked_sub(head.len()).ok_or(HeaderTooLong)?;
        let content = &mut self.buffer.content;
        content[start..HEAD].copy_from_slice(head.as_bytes());
        content.extend_from_slice(TAIL);
        Ok(Bytes::from_owner(self.buffer).slice(start..))
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

    const HEADER: Header<'_> =
        Header { registry: "123456789012", repository: "demo/web", upload_id: "id-\"1" };

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
            let body = frame.into_body(&HEADER).unwrap();
            prop_assert_eq!(&copy.into_body(&HEADER).unwrap(), &body);
            let parsed: Value = serde_json::from_slice(&body).unwrap();
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

    #[test]
    fn an_id_without_end_is_refused() {
        let room = room(3);
        let frame = Frame::new(room.buffer(), 0);
        let upload_id = &"x".repeat(HEAD);
        assert_eq!(frame.into_body(&Header { upload_id, ..HEADER }), Err(HeaderTooLong));
    }
}
