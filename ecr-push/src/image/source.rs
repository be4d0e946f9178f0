//! The source of a blob's bytes, and reads from any position.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::file::open_regular;
use crate::image::packed::{PackedBlocks, PackedReader};
use crate::image::positioned::read_full_at;
use crate::names::digest::Digest;
use crate::tasks::Stop;

/// The place of a blob's content. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// Content in memory.
    Bytes(Bytes),
    /// Content that isn't in the image: a repository may have it, or the `urls` of a foreign layer
    /// lead to it.
    Elsewhere,
    /// Content in a file, starting at a byte.
    File { path: Arc<Path>, start: u64 },
    /// Content that is stored compressed in a temporary file.
    Packed { blocks: Arc<PackedBlocks>, of: Arc<str> },
    /// Content in an unnamed file, starting at a byte. The file is deleted with the last clone.
    Temporary { file: Arc<File>, start: u64, of: Arc<str> },
}

impl Source {
    /// Returns the source for a whole file.
    pub(crate) fn from_path(path: PathBuf) -> Self {
        Self::File { path: path.into(), start: 0 }
    }

    /// Opens the content for reading.
    ///
    /// # Errors
    /// Returns an error if the file can't be opened, or the content isn't in the image.
    pub(crate) fn open(&self) -> io::Result<Content> {
        Ok(Content(match self {
            Self::Bytes(bytes) => Medium::Bytes(bytes.clone()),
            Self::Elsewhere => return Err(io::ErrorKind::NotFound.into()),
            Self::File { path, start } => {
                Medium::File { file: Arc::new(open_regular(path)?), start: *start }
            }
            Self::Packed { blocks, .. } => Medium::Packed(PackedReader::new(blocks.clone())),
            Self::Temporary { file, start, .. } => {
                Medium::File { file: file.clone(), start: *start }
            }
        }))
    }
}

/// Names the place in messages.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(_) => f.write_str("the content given in memory"),
            Self::Elsewhere => f.write_str("content that is not in the image"),
            Self::File { path, start: 0 } => write!(f, "the file {}", path.display()),
            Self::File { path, start } => {
                write!(f, "the file {} from byte {start} on", path.display())
            }
            Self::Packed { of, .. } | Self::Temporary { of, .. } => {
                write!(f, "the temporary file of {of}")
            }
        }
    }
}

/// Content of a known size; its digest may be unknown.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) source: Source,
    pub(crate) size: u64,
}

impl Piece {
    pub(crate) fn from_bytes(content: Bytes) -> Self {
        let size = content.len() as u64;
        Self { source: Source::Bytes(content), size }
    }

    /// Returns whether both are the same bytes of the same file.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        match (&self.source, &other.source) {
            (
                Source::File { path, start },
                Source::File { path: other_path, start: other_start },
            ) => path == other_path && start == other_start && self.size == other.size,
            (Source::Packed { blocks, .. }, Source::Packed { blocks: other, .. }) => {
                Arc::ptr_eq(blocks, other)
            }
            (
                Source::Temporary { file, start, .. },
                Source::Temporary { file: other_file, start: other_start, .. },
            ) => Arc::ptr_eq(file, other_file) && start == other_start && self.size == other.size,
            _ => false,
        }
    }

    /// Reads all of it into memory. The caller has checked that it is small.
    pub(crate) fn read(&self) -> Result<Vec<u8>, Error> {
        let mut content = vec![0; usize::try_from(self.size).unwrap_or(usize::MAX)];
        let read = self.source.open().and_then(|opened| opened.read_at(0, &mut content));
        content.truncate(read.map_err(|error| Error::unreadable(&self.source, error))?);
        Ok(content)
    }

    /// Returns its first bytes, which identify the format.
    pub(crate) fn magic(&self) -> Result<[u8; 8], Error> {
        let mut first = [0; 8];
        let len = self.size.min(8) as usize;
        let read = self.source.open().and_then(|opened| opened.read_at(0, &mut first[..len]));
        read.map_err(|error| Error::unreadable(&self.source, error))?;
        Ok(first)
    }

    /// Returns its digest. Reads all of it, or stops early if `stop` is set.
    pub(crate) fn hash(&self, stop: &Stop) -> Result<Digest, Error> {
        if let Source::Packed { blocks, .. } = &self.source {
            return Ok(blocks.content.clone());
        }
        let hashed = self.source.open().and_then(|content| content.hash(self.size, stop));
        hashed.map_err(|error| Error::unreadable(&self.source, error))
    }
}

/// The opened content of a blob.
#[derive(Debug)]
pub(crate) struct Content(Medium);

#[derive(Debug)]
enum Medium {
    Bytes(Bytes),
    File { file: Arc<File>, start: u64 },
    Packed(PackedReader),
}

impl Content {
    /// Returns the number of bytes; in a part of a file, from its start to the file's end.
    pub(crate) fn size(&self) -> io::Result<u64> {
        match &self.0 {
            Medium::Bytes(bytes) => Ok(bytes.len() as u64),
            Medium::File { file, start } => Ok(file.metadata()?.len().saturating_sub(*start)),
            Medium::Packed(packed) => Ok(packed.content_size()),
        }
    }

    /// Returns the digest of its first `size` bytes. Reads all of them, or stops early if `stop` is
    /// set. Blocks.
    pub(crate) fn hash(&self, size: u64, stop: &Stop) -> io::Result<Digest> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1024 * 1024];
        let mut at = 0;
        while at < size && !stop.is_set() {
            let len = (size - at).min(buffer.len() as u64) as usize;
            let read = self.read_at(at, &mut buffer[..len])?;
            if read < len {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            hasher.update(&buffer[..len]);
            at += len as u64;
        }
        Ok(Digest::from_hash(&hasher.finalize()))
    }

    /// Reads from `position`, counted from the blob's first byte, until `buffer` is full or the
    /// content ends, and returns the number of bytes. Blocks.
    pub(crate) fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.0 {
            Medium::Bytes(bytes) => {
                let from = usize::try_from(position).unwrap_or(usize::MAX).min(bytes.len());
                let len = buffer.len().min(bytes.len() - from);
                buffer[..len].copy_from_slice(&bytes[from..from + len]);
                Ok(len)
            }
            Medium::File { file, start } => read_full_at(file, start + position, buffer),
            Medium::Packed(packed) => packed.read_at(position, buffer),
        }
    }
}
