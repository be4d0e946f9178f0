//! Where a blob's bytes are, and reading them from any place on.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::names::digest::Digest;
use crate::tasks::Stop;

/// Where a blob's content is. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// In memory.
    Bytes(Bytes),
    /// Not here: a foreign layer, which only a descriptor's `urls` lead to.
    Elsewhere,
    /// In a file, from a byte on.
    File { path: Arc<Path>, start: u64 },
    /// In an unnamed file, which goes away with the last clone.
    Temporary { file: Arc<File>, of: Arc<str> },
}

impl Source {
    /// A whole file.
    pub(crate) fn from_path(path: PathBuf) -> Self {
        Self::File { path: path.into(), start: 0 }
    }

    /// # Errors
    /// Where the file can't be opened, or the content is elsewhere.
    pub(crate) fn open(&self) -> io::Result<Content> {
        Ok(Content(match self {
            Self::Bytes(bytes) => Medium::Bytes(bytes.clone()),
            Self::Elsewhere => return Err(io::ErrorKind::NotFound.into()),
            Self::File { path, start } => {
                Medium::File { file: Arc::new(File::open(path)?), start: *start }
            }
            Self::Temporary { file, .. } => Medium::File { file: file.clone(), start: 0 },
        }))
    }
}

/// For messages: which place is to be looked at.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(_) => f.write_str("the content given in memory"),
            Self::Elsewhere => f.write_str("the foreign layer"),
            Self::File { path, start: 0 } => write!(f, "the file {}", path.display()),
            Self::File { path, start } => {
                write!(f, "the file {} from byte {start} on", path.display())
            }
            Self::Temporary { of, .. } => write!(f, "the temporary file of {of}"),
        }
    }
}

/// Content of a known size, whose digest need not be known.
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

    /// All of it, for what has been found to be small.
    pub(crate) fn read(&self) -> Result<Vec<u8>, Error> {
        let mut content = vec![0; usize::try_from(self.size).unwrap_or(usize::MAX)];
        let read = self.source.open().and_then(|opened| opened.read_at(0, &mut content));
        content.truncate(read.map_err(|error| Error::unreadable(&self.source, error))?);
        Ok(content)
    }

    /// Its first bytes, by which formats are told apart.
    pub(crate) fn magic(&self) -> Result<[u8; 8], Error> {
        let mut first = [0; 8];
        let len = self.size.min(8) as usize;
        let read = self.source.open().and_then(|opened| opened.read_at(0, &mut first[..len]));
        read.map_err(|error| Error::unreadable(&self.source, error))?;
        Ok(first)
    }

    /// Its digest. Reads all of it, or up to where that is no longer wanted.
    pub(crate) fn hash(&self, stop: &Stop) -> Result<Digest, Error> {
        let hashed = self.source.open().and_then(|content| content.hash(self.size, stop));
        hashed.map_err(|error| Error::unreadable(&self.source, error))
    }
}

/// A blob's content, opened.
#[derive(Debug)]
pub(crate) struct Content(Medium);

#[derive(Debug)]
enum Medium {
    Bytes(Bytes),
    File { file: Arc<File>, start: u64 },
}

impl Content {
    /// How many bytes there are, or of a part of a file, from there to its end.
    pub(crate) fn size(&self) -> io::Result<u64> {
        match &self.0 {
            Medium::Bytes(bytes) => Ok(bytes.len() as u64),
            Medium::File { file, start } => Ok(file.metadata()?.len().saturating_sub(*start)),
        }
    }

    /// The digest of its first `size` bytes. Reads all of them, or up to where that is no longer
    /// wanted. Blocks.
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

    /// Reads from `position` on, counted from the blob's first byte, until `buffer` is full or the
    /// content ends, and returns how many bytes that were. Blocks.
    pub(crate) fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.0 {
            Medium::Bytes(bytes) => {
                let from = usize::try_from(position).unwrap_or(usize::MAX).min(bytes.len());
                let len = buffer.len().min(bytes.len() - from);
                buffer[..len].copy_from_slice(&bytes[from..from + len]);
                Ok(len)
            }
            Medium::File { file, start } => {
                let mut filled = 0;
                while filled < buffer.len() {
                    let at = start + position + filled as u64;
                    match read_some_at(file, at, &mut buffer[filled..]) {
                        Ok(0) => break,
                        Ok(read) => filled += read,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(filled)
            }
        }
    }
}

/// At a place of its own each time, because clones of a source share their file's cursor.
#[cfg(unix)]
fn read_some_at(file: &File, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, position)
}

#[cfg(windows)]
fn read_some_at(file: &File, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, position)
}
