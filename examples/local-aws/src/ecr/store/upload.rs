//! An upload in progress, with its one cursor.

use bytes::Bytes;
use sha2::Sha256;

use crate::clock::Timestamp;
use crate::ecr::hashing::Hashing;
use crate::error::AwsError;

/// An upload in progress.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub(crate) began: Timestamp,
    /// Sizes of the parts, in order: all but the last must have reached the minimum at the end.
    pub(crate) parts: Vec<u64>,
    /// How many bytes have arrived: the first byte that the next part must have.
    pub(crate) size: u64,
    pub(crate) hashing: Hashing,
    /// The parts themselves, if content is kept.
    pub(crate) content: Option<Vec<Bytes>>,
    /// How many bytes there were after the registry's first PATCH.
    pub(crate) first_patch: Option<u64>,
}

/// A part that was hashed on its way.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) first: u64,
    pub(crate) length: u64,
    /// The hash of the upload's content up to the end of the part.
    pub(crate) hasher: Sha256,
    /// Empty where content isn't kept.
    pub(crate) content: Vec<Bytes>,
}

/// ECR's Service Quotas page: layer parts, and the size of a layer, 52,000 MiB.
pub(crate) const MAX_PARTS: usize = 4_200;
pub(crate) const MAX_LAYER: u64 = 52_000 * 1024 * 1024;

impl Upload {
    /// How many bytes have arrived.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// How many bytes it keeps in memory.
    pub(crate) fn kept(&self) -> u64 {
        if self.keeps() { self.size } else { 0 }
    }

    pub(crate) fn hashing(&self) -> Hashing {
        self.hashing.clone()
    }

    /// Whether its content is kept.
    pub(crate) fn keeps(&self) -> bool {
        self.content.is_some()
    }

    /// Takes a part that the registry has received: if it is still the next one.
    pub(crate) fn add(&mut self, part: Part) -> Result<(), AwsError> {
        let Part { first, length, hasher, content } = part;
        if first != self.size {
            return Err(out_of_order(first, self.size));
        }
        self.grow(length)?;
        self.hashing.set(hasher);
        if let Some(kept) = &mut self.content {
            kept.extend(content);
        }
        Ok(())
    }

    /// The last byte that there was after the first PATCH, which this call may have been.
    pub(crate) fn last_of_first_patch(&mut self) -> u64 {
        self.first_patch.get_or_insert(self.size).saturating_sub(1)
    }

    pub(crate) fn grow(&mut self, length: u64) -> Result<(), AwsError> {
        check_quotas(self.parts.len() + 1, self.size + length)?;
        self.parts.push(length);
        self.size += length;
        Ok(())
    }
}

/// Users report the words.
pub(crate) fn out_of_order(first: u64, expected: u64) -> AwsError {
    invalid_part(format!("First byte of the layer part is {first} instead of {expected}"))
}

pub(crate) fn contradiction(length: u64, first: u64, last: u64) -> AwsError {
    invalid_part(format!(
        "Layer part has {length} bytes, and says that it is bytes {first} to {last}"
    ))
}

pub(crate) fn invalid_part(message: String) -> AwsError {
    AwsError::new("InvalidLayerPartException", message)
}

/// ECR's service model lists LimitExceeded for UploadLayerPart: that it is these quotas which it
/// means is inferred.
fn check_quotas(parts: usize, size: u64) -> Result<(), AwsError> {
    if parts > MAX_PARTS {
        return Err(AwsError::new(
            "LimitExceededException",
            format!("A layer can't have more than {MAX_PARTS} parts"),
        ));
    }
    if size > MAX_LAYER {
        return Err(AwsError::new(
            "LimitExceededException",
            format!("A layer can't have more than {MAX_LAYER} bytes"),
        ));
    }
    Ok(())
}
