//! [`Shared`]: an image's own files, and folders of blobs that several images share.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::image::files::Files;
use crate::image::source::{Piece, Source};
use crate::image::store::Store;
use crate::names::digest::Digest;

/// The files of an image, and the folders to search for what it lacks.
pub(super) struct Shared<'a> {
    files: &'a Files,
    folders: &'a [PathBuf],
}

impl<'a> Shared<'a> {
    /// Checks that each folder exists.
    pub(super) fn open(files: &'a Files, folders: &'a [PathBuf]) -> Result<Self, Error> {
        for folder in folders {
            fs::read_dir(folder).map_err(|error| Error::io(folder, error))?;
        }
        Ok(Self { files, folders })
    }
}

impl Store for Shared<'_> {
    fn subject(&self) -> &str {
        self.files.subject()
    }

    fn find(&self, digest: &Digest) -> Result<Option<Piece>, Error> {
        if let Some(piece) = self.files.find(digest)? {
            return Ok(Some(piece));
        }
        for folder in self.folders {
            for blobs in ["sha256", "blobs/sha256"] {
                if let Some(piece) = file(&folder.join(blobs).join(digest.hex()))? {
                    return Ok(Some(piece));
                }
            }
        }
        Ok(None)
    }

    fn place(&self, digest: &Digest) -> String {
        self.files.place(digest)
    }
}

fn file(path: &Path) -> Result<Option<Piece>, Error> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {
            let source = Source::from_path(path.to_owned());
            Ok(Some(Piece { source, size: metadata.len() }))
        }
        Ok(_) => Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(path, error)),
    }
}
