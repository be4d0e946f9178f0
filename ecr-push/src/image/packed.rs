//! [`PackedBlocks`]: content that is stored compressed, block by block, and readable from any
//! position.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::{Decompress, FlushDecompress};

use crate::image::positioned::read_full_at;
use crate::names::digest::Digest;

/// The format of a compressed layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    /// One gzip member; each block ends at a byte boundary (`Z_SYNC_FLUSH`).
    Gzip,
    /// One frame for each block.
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Codec {
    /// Returns the suffix in media types.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
        }
    }
}

/// The block size. The digest of a compressed layer depends on it, as it does on the levels.
pub(super) const BLOCK: usize = 1024 * 1024;

/// Compressed content in a temporary file.
#[derive(Debug)]
pub(crate) struct PackedBlocks {
    pub(super) file: Arc<File>,
    /// Where the compressed content starts in the file.
    pub(super) start: u64,
    pub(super) codec: Codec,
    /// The digest and the size of the compressed content.
    pub(super) digest: Digest,
    pub(super) size: u64,
    /// Where each block ends, counted from `start`. The first one starts at `header`.
    pub(super) ends: Vec<u64>,
    pub(super) header: u64,
    /// The digest and the size of the uncompressed content.
    pub(super) content: Digest,
    pub(super) content_size: u64,
}

impl PackedBlocks {
    /// Returns an uncompressed block.
    fn block(&self, number: usize) -> io::Result<Vec<u8>> {
        let start = match number {
            0 => self.header,
            _ => self.ends[number - 1],
        };
        let len = usize::try_from(self.ends[number] - start).map_err(io::Error::other)?;
        let mut packed = vec![0; len];
        if read_full_at(&self.file, self.start + start, &mut packed)? < len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let len = (self.content_size - (number * BLOCK) as u64).min(BLOCK as u64) as usize;
        let content = match self.codec {
            Codec::Gzip => inflate(&packed, len)?,
            #[cfg(feature = "zstd")]
            Codec::Zstd => zstd::bulk::decompress(&packed, len)?,
        };
        if content.len() == len { Ok(content) } else { Err(io::ErrorKind::InvalidData.into()) }
    }
}

/// A reader of packed content. It keeps the block that it decompressed last.
#[derive(Debug)]
pub(super) struct PackedReader {
    blocks: Arc<PackedBlocks>,
    last: Mutex<Option<(usize, Vec<u8>)>>,
}

impl PackedReader {
    pub(super) fn new(blocks: Arc<PackedBlocks>) -> Self {
        Self { blocks, last: Mutex::default() }
    }

    /// Returns the size of the uncompressed content.
    pub(super) fn content_size(&self) -> u64 {
        self.blocks.content_size
    }

    /// Reads from `position` of the uncompressed content until `buffer` is full or the content ends,
    /// and returns the number of bytes.
    pub(super) fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let mut filled = 0;
        while filled < buffer.len() {
            let at = position + filled as u64;
            if at >= self.blocks.content_size {
                break;
            }
            let number = usize::try_from(at / BLOCK as u64).map_err(io::Error::other)?;
            let block = match last.take() {
                Some((other, block)) if other == number => block,
                _ => self.blocks.block(number)?,
            };
            let from = (at % BLOCK as u64) as usize;
            let len = (block.len() - from).min(buffer.len() - filled);
            buffer[filled..filled + len].copy_from_slice(&block[from..from + len]);
            filled += len;
            *last = Some((number, block));
        }
        Ok(filled)
    }
}

/// Decompresses a deflate block of `len` bytes.
fn inflate(packed: &[u8], len: usize) -> io::Result<Vec<u8>> {
    let mut decompress = Decompress::new(false);
    let mut content = Vec::with_capacity(len);
    loop {
        let (read, before) = (decompress.total_in(), content.len());
        let rest = usize::try_from(read).map_err(io::Error::other)?;
        decompress.decompress_vec(&packed[rest..], &mut content, FlushDecompress::None)?;
        let stands = decompress.total_in() == read && content.len() == before;
        if content.len() == len || stands {
            return Ok(content);
        }
    }
}
