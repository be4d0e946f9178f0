//! [`Layer`] and [`Blob`]: a part of an image by its digest and size, and the place of its content.

use std::future::{Future, IntoFuture};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::file::open_regular;
use crate::image::source::{Piece, Source};
use crate::names::digest::Digest;
use crate::tasks::{Stop, stoppable};

/// A layer in ECR's sense: a blob that a manifest refers to, either a file system layer or a
/// config.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Layer {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

impl Layer {
    /// Returns the digest of its content.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Returns its size in bytes as stored and sent: the compressed size if it is compressed.
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// A layer, a config, or a manifest below an index: its digest, its size, and the place of its
/// content. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Blob {
    pub(crate) layer: Layer,
    pub(crate) source: Source,
}

impl Blob {
    /// Creates a blob from content in memory. It is hashed at once on the calling thread, at one to
    /// two gigabytes per second. This suits configs and manifests; keep large layers in files.
    pub fn from_bytes(content: impl Into<Vec<u8>>) -> Self {
        let content = Bytes::from(content.into());
        let layer = Layer { digest: Digest::from_content(&content), size: content.len() as u64 };
        Self { layer, source: Source::Bytes(content) }
    }

    /// Creates a blob from a file, without reading the file into memory. Await the returned value
    /// to get the blob. Before that, you can set [a part of the file](FromFile::range) or [a known
    /// digest](FromFile::known_digest).
    pub fn from_file(path: impl AsRef<Path>) -> FromFile {
        let path = path.as_ref().to_owned();
        FromFile { path, part: FileRange::All, expected: ExpectedDigest::Unknown }
    }

    /// Returns the digest of its content, which its descriptor has to contain.
    pub fn digest(&self) -> &Digest {
        &self.layer.digest
    }

    /// Returns the size of its content in bytes.
    pub fn size(&self) -> u64 {
        self.layer.size
    }
}

/// A builder that creates a blob from a file when it is awaited.
///
/// The file is hashed once, outside of the async threads. Don't change the file until it has been
/// pushed: ECR detects a change, and the push fails.
///
/// # Errors
/// Returns [`Io`](crate::ErrorKind::Io) if the file can't be read, or ends before the range does.
///
/// # Cancellation
/// Dropping the future stops the reading and leaves nothing behind.
#[derive(Debug, Clone)]
#[must_use = "a file is not read until this is awaited"]
pub struct FromFile {
    path: PathBuf,
    part: FileRange,
    expected: ExpectedDigest,
}

#[derive(Debug, Clone)]
enum FileRange {
    All,
    Range(Range<u64>),
}

#[derive(Debug, Clone)]
enum ExpectedDigest {
    Known(Digest),
    Unknown,
}

impl FromFile {
    /// Limits the blob to these bytes of the file, from the first to before the end.
    pub fn range(mut self, range: Range<u64>) -> Self {
        self.part = FileRange::Range(range);
        self
    }

    /// Trusts the caller's digest of the content and doesn't read the file now. ECR checks the
    /// digest after the upload; if it is wrong, the push fails with
    /// [`BlobMismatch`](crate::ErrorKind::BlobMismatch).
    pub fn known_digest(mut self, digest: Digest) -> Self {
        self.expected = ExpectedDigest::Known(digest);
        self
    }

    fn make(self, stop: &Stop) -> Result<Blob, Error> {
        let Self { path, part, expected } = self;
        let opened = open_regular(&path).and_then(|file| file.metadata());
        let len = opened.map_err(|error| Error::io(&path, error))?.len();
        let Range { start, end } = match part {
            FileRange::All => 0..len,
            FileRange::Range(range) if range.start <= range.end && range.end <= len => range,
            FileRange::Range(Range { start, end }) => {
                let problem = format!("it has {len} bytes, which don't contain {start}..{end}");
                let problem = io::Error::new(ErrorKind::InvalidInput, problem);
                return Err(Error::io(&path, problem));
            }
        };
        let piece = Piece { source: Source::File { path: path.into(), start }, size: end - start };
        let digest = match expected {
            ExpectedDigest::Known(digest) => digest,
            ExpectedDigest::Unknown => piece.hash(stop)?,
        };
        Ok(Blob { layer: Layer { digest, size: piece.size }, source: piece.source })
    }
}

impl IntoFuture for FromFile {
    type Output = Result<Blob, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(stoppable(move |stop| self.make(stop)))
    }
}
