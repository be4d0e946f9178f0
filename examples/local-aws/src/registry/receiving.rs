//! A body on its way into an upload: hashed as it comes, kept or dropped piece by piece, and added
//! to the upload in parts, so that gigabytes pass through a few hundred kilobytes.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::caller::Caller;
use crate::clock::Timestamp;
use crate::core::Core;
use crate::ecr::hashing::Hashing;
use crate::ecr::store::upload::{Part, contradiction, out_of_order};
use crate::ecr::uploads::UploadName;
use crate::error::AwsError;
use crate::local::LocalAws;

/// The state of a body that is being received.
#[derive(Debug)]
pub(super) struct Receiving {
    upload: UploadName,
    caller: Caller,
    /// Users report that the registry adds what it gets to the upload in parts of 10 MiB, the
    /// `partSize` of the API, and the rest when the body ends.
    part_size: u64,
    /// The digest of the upload's whole content so far; `None` until the first byte is here, since
    /// what the upload has may still be on its way into the other one.
    hasher: Option<Sha256>,
    hashing: Hashing,
    /// The first byte of the part that is on its way, and what has come of it.
    first: u64,
    length: u64,
    content: Option<Vec<Bytes>>,
    /// What `Content-Range` announced: the first and the last byte.
    range: Option<(u64, u64)>,
    ends: u64,
}

impl Receiving {
    /// Begins at the upload's cursor, if `range` begins there.
    pub(super) fn begin(
        core: &mut Core,
        upload: UploadName,
        caller: Caller,
        range: Option<(u64, u64)>,
        now: Timestamp,
    ) -> Result<Self, AwsError> {
        let part_size = core.settings.part_size.max(1);
        let (place, context) = core.at(&caller, now);
        let found = place.ecr.upload(&upload, &context)?;
        let first = found.size();
        if let Some((begins, _)) = range
            && begins != first
        {
            return Err(out_of_order(begins, first));
        }
        let (hashing, content) = (found.hashing(), found.keeps().then(Vec::new));
        Ok(Self {
            upload,
            caller,
            part_size,
            hasher: None,
            hashing,
            first,
            length: 0,
            content,
            range,
            ends: first,
        })
    }

    /// Takes the next piece of the body.
    pub(super) fn take(&mut self, local: &LocalAws, mut piece: Bytes) -> Result<(), AwsError> {
        self.ends += piece.len() as u64;
        while !piece.is_empty() {
            let room = (self.part_size - self.length).min(piece.len() as u64);
            let next = piece.split_to(room as usize);
            self.hasher.get_or_insert_with(|| self.hashing.state()).update(&next);
            self.length += room;
            if let Some(content) = &mut self.content {
                content.push(next);
            }
            if self.length == self.part_size {
                self.add(local)?;
            }
        }
        Ok(())
    }

    /// The body is over: adds what is left of it, unless its length, which may not have been known
    /// before, isn't what its range said.
    pub(super) fn end(&mut self, local: &LocalAws) -> Result<(), AwsError> {
        if let Some((first, last)) = self.range
            && last.checked_add(1) != Some(self.ends)
        {
            let length = self.ends - first;
            return Err(contradiction(length, first, last));
        }
        self.add(local)
    }

    /// Adds what has come since the last part as a part, even in the middle of the body.
    pub(super) fn add(&mut self, local: &LocalAws) -> Result<(), AwsError> {
        let Some(hasher) = self.hasher.clone().filter(|_| self.length > 0) else {
            return Ok(());
        };
        let part = Part {
            first: self.first,
            length: self.length,
            hasher,
            content: self.content.as_mut().map(std::mem::take).unwrap_or_default(),
        };
        self.first += self.length;
        self.length = 0;
        local.in_core(|core, now| {
            let (place, context) = core.at(&self.caller, now);
            place.ecr.upload(&self.upload, &context)?.add(part)
        })
    }
}
