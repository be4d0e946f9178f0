//! [`Layer`] and [`Blob`]: what is sent of an image, by digest and size, and where its content is.

use std::fs;
use std::future::{Future, IntoFuture};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::image::source::{Piece, Source};
use crate::names::digest::Digest;
use crate::tasks::{Stop, stoppable};

/// What ECR calls a layer: a blob that a manifest names, be it a file system layer or the config.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Layer {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

impl Layer {
    /// The digest of its content.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Its size in bytes, as it is stored and sent: compressed, where it is.
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// A layer, a config, or a manifest below an index: its digest, its size, and where its content
/// is. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Blob {
    pub(crate) layer: Layer,
    pub(crate) source: Source,
}

impl Blob {
    /// Content in memory. It is hashed at once, on the calling thread, at one to two gigabytes a
    /// second: for configs and manifests; large layers are better left in files.
    pub fn from_bytes(content: impl Into<Vec<u8>>) -> Self {
        let content = Bytes::from(content.into());
        let layer = Layer { digest: Digest::from_content(&content), size: content.len() as u64 };
        Self { layer, source: Source::Bytes(content) }
    }

    /// The content of a file, which is not read into memory. Await what this returns for the blob;
    /// say first [which part of the file](FromFile::range) it is, or [which digest it
    /// has](FromFile::known_digest).
    pub fn from_file(path: impl AsRef<Path>) -> FromFile {
        let path = path.as_ref().to_owned();
        FromFile { path, part: FileRange::All, expected: ExpectedDigest::Unknown }
    }

    /// The digest of its content: what a descriptor has to say.
    pub fn digest(&self) -> &Digest {
        &self.layer.digest
    }

    /// The size of its content in bytes.
    pub fn size(&self) -> u64 {
        self.layer.size
    }
}

/// A blob that is going to be made of a file: await it.
///
/// The file is hashed once, off the async threads. It has to stay as it is until it has been
/// pushed: a change is found out by ECR then, and is an error.
///
/// # Errors
/// [`Io`](crate::ErrorKind::Io): the file can't be read, or ends before the range.
///
/// # Cancellation
/// Dropping the future ends the reading. Nothing is left behind.
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
    /// Only these bytes of the file: the first, and the one after the last.
    pub fn range(mut self, range: Range<u64>) -> Self {
        self.part = FileRange::Range(range);
        self
    }

    /// Takes the caller's word for the content's digest. The file isn't read now: the digest is
    /// checked by ECR when all of the blob has been sent, and where it is wrong, the push ends with
    /// [`BlobMismatch`](crate::ErrorKind::BlobMismatch).
    pub fn known_digest(mut self, digest: Digest) -> Self {
        self.expected = ExpectedDigest::Known(digest);
        self
    }

    fn make(self, stop: &Stop) -> Result<Blob, Error> {
        let Self { path, part, expected } = self;
        let metadata = fs::metadata(&path).map_err(|error| Error::io(&path, error))?;
        if !metadata.is_file() {
            let problem = io::Error::new(ErrorKind::InvalidInput, "it is no file");
            return Err(Error::io(&path, problem));
        }
        let len = metadata.len();
        let Range { start, end } = match part {
            FileRange::All => 0..len,
            FileRange::Range(range) if range.start <= range.end && range.end <= len => range,
            FileRange::Range(Range { start, end }) => {
                let problem = format!("it has {len} bytes, and {start}..{end} is no range of them");
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
