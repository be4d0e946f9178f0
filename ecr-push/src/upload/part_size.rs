//! The rules for cutting a layer into parts or requests, for each transport.

use crate::wire::answers::MAX_PART;
use crate::wire::transport::Transport;

/// The rules of ECR's API for cutting layers into parts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PartSizes {
    /// The part size that ECR requests, in bytes.
    asked: u64,
    large_layers: LargeLayers,
}

/// The treatment of layers that exceed ECR's number of parts at the size that ECR requests; see
/// [`Push::large_layers`](crate::Push::large_layers).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LargeLayers {
    /// Sends such a layer in parts of up to 20 MiB, the most that the API accepts.
    GrowParts,
    /// Reports such a layer as an obstacle before the first byte is sent.
    #[default]
    Refuse,
}

/// ECR's Service Quotas page limits a layer to 4,200 parts and to 52,000 MiB. The two contradict
/// each other: with the largest part size that the page names, 10 MiB, 4,200 parts are 42,000 MiB.
pub(crate) const MAX_PARTS: u64 = 4_200;

/// How many bytes of a layer one request of the registry's protocol carries. Docker sends a layer
/// of any size in one request, so no limit of ECR matters here. A lost request is sent again from
/// its start, or from the position that ECR reports. A long request can exceed the caller's read
/// timeout, and after each request the link is idle for a round trip.
pub(crate) const CHUNK: u64 = 50 * 1024 * 1024;

/// The size up to which the completing request of the registry's protocol carries the layer, which
/// saves a request. Some reports say that ECR rejects such requests from 10 MB, others that it
/// accepts 15 GB.
pub(crate) const SMALL: u64 = 5 * 1024 * 1024;

/// What a registry that keeps only whole steps may lose of a request's end. ECR commits uploads at
/// multiples of 10 MiB (users' reports).
pub(crate) const STEP: u64 = 10 * 1024 * 1024;

impl PartSizes {
    pub(crate) fn new(asked: u64, large_layers: LargeLayers) -> Self {
        Self { asked, large_layers }
    }

    /// Returns the part size that ECR requests for every layer.
    pub(crate) fn asked(self) -> u64 {
        self.asked
    }

    /// Returns the part size of ECR's API for a layer of `size` bytes.
    pub(crate) fn size_for(self, size: u64) -> u64 {
        match self.large_layers {
            LargeLayers::GrowParts if size.div_ceil(self.asked) > MAX_PARTS => {
                const MIB: u64 = 1024 * 1024;
                size.div_ceil(MAX_PARTS).next_multiple_of(MIB).min(MAX_PART)
            }
            _ => self.asked,
        }
    }

    /// Returns how many parts of ECR's API a layer of `size` bytes has.
    pub(crate) fn count(self, size: u64) -> u64 {
        size.div_ceil(self.size_for(size))
    }

    /// Returns how many requests send a layer of `size` bytes.
    pub(crate) fn requests(self, size: u64, transport: Transport) -> u64 {
        match transport {
            Transport::Api => self.count(size),
            Transport::Registry => size.div_ceil(CHUNK),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn parts_grow_only_where_that_is_asked_for_and_needed() {
        let size = |size, large_layers| PartSizes::new(10 * MIB, large_layers).size_for(size);
        assert_eq!(size(42_000 * MIB, LargeLayers::GrowParts), 10 * MIB);
        assert_eq!(size(42_000 * MIB + 1, LargeLayers::GrowParts), 11 * MIB);
        assert_eq!(size(52_000 * MIB, LargeLayers::GrowParts), 13 * MIB);
        assert_eq!(size(52_000 * MIB, LargeLayers::Refuse), 10 * MIB);
    }
}
