//! The files of an image, in a directory or in an archive, and the choice among several images.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::file::check_regular;
use crate::image::archive::{Archive, Keep};
use crate::image::source::{Piece, Source};
use crate::image::store::{FileLookup, MAX_MANIFEST, Store};
use crate::names::digest::Digest;

/// Files by name, and blobs by digest, as in every OCI layout.
pub(super) struct Files {
    subject: String,
    place: Place,
}

enum Place {
    Archive(Archive),
    Directory(PathBuf),
}

/// The choice among several images.
#[derive(Debug, Clone)]
pub(super) enum Choice {
    Named(String),
    Only,
}

impl Files {
    pub(super) fn open(path: &Path, keep: Keep<'_>) -> Result<Self, Error> {
        let metadata = fs::metadata(path).map_err(|error| Error::io(path, error))?;
        let subject = path.display().to_string();
        let place = if metadata.is_dir() {
            Place::Directory(path.to_owned())
        } else if is_pipe(&metadata) {
            let pipe = File::open(path).map_err(|error| Error::io(path, error))?;
            return Self::from_stream(subject, Box::new(pipe), keep);
        } else {
            // A device has no end.
            check_regular(path, &metadata).map_err(|error| Error::io(path, error))?;
            Place::Archive(Archive::open(path, metadata.len(), keep)?)
        };
        Ok(Self { subject, place })
    }

    /// Reads an archive from a stream to its end.
    pub(super) fn from_stream(
        subject: String,
        reader: Box<dyn Read + Send>,
        keep: Keep<'_>,
    ) -> Result<Self, Error> {
        let archive = Archive::from_stream(subject.clone(), reader, keep)?;
        Ok(Self { subject, place: Place::Archive(archive) })
    }

    pub(super) fn is_archive(&self) -> bool {
        matches!(self.place, Place::Archive(_))
    }

    pub(super) fn find_file(&self, name: &str) -> Result<FileLookup, Error> {
        match &self.place {
            Place::Archive(archive) => archive.find(name),
            Place::Directory(root) => {
                let path = root.join(name);
                match fs::metadata(&path) {
                    Ok(metadata) if metadata.is_file() => Ok(FileLookup::File(Piece {
                        source: Source::from_path(path),
                        size: metadata.len(),
                    })),
                    Ok(metadata) if metadata.is_dir() => Ok(FileLookup::Other),
                    Ok(metadata) => {
                        check_regular(&path, &metadata).map_err(|error| Error::io(&path, error))?;
                        Ok(FileLookup::Other)
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        Ok(FileLookup::Missing)
                    }
                    Err(error) => Err(Error::io(&path, error)),
                }
            }
        }
    }

    /// Reads one of the files that describe the others; `None` if it is missing.
    pub(super) fn read_small(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        match self.find_file(name)? {
            FileLookup::File(piece) if piece.size <= MAX_MANIFEST => piece.read().map(Some),
            FileLookup::Missing => Ok(None),
            FileLookup::File(Piece { size, .. }) => {
                let place = self.path(name);
                let problem =
                    format!("{place} has {size} bytes, more than the limit of {MAX_MANIFEST}");
                Err(Error::image(&self.subject, problem))
            }
            FileLookup::Other => {
                let problem = format!("{} is not a file of at most 4 MiB", self.path(name));
                Err(Error::image(&self.subject, problem))
            }
        }
    }

    /// Returns the folder at the top that has a file of this name.
    pub(super) fn below(&self, name: &str) -> Result<Option<String>, Error> {
        match &self.place {
            Place::Archive(archive) => Ok(archive.below(name)),
            Place::Directory(root) => {
                let entries = fs::read_dir(root).map_err(|error| Error::io(root, error))?;
                let mut folders: Vec<String> = entries
                    .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                    .filter(|folder| root.join(folder).join(name).is_file())
                    .collect();
                folders.sort();
                Ok(folders.into_iter().next())
            }
        }
    }

    /// Returns the place of a file for messages.
    pub(super) fn path(&self, name: &str) -> String {
        match &self.place {
            Place::Archive(_) => format!("its entry `{}`", name.escape_debug()),
            Place::Directory(root) => root.join(name).display().to_string(),
        }
    }
}

impl Store for Files {
    fn subject(&self) -> &str {
        &self.subject
    }

    fn find(&self, digest: &Digest) -> Result<Option<Piece>, Error> {
        let name = blob_name(digest);
        match self.find_file(&name)? {
            FileLookup::File(piece) => Ok(Some(piece)),
            FileLookup::Missing => Ok(None),
            FileLookup::Other => {
                let problem = format!("its blob {digest} is not a file: {}", self.path(&name));
                Err(Error::image(&self.subject, problem))
            }
        }
    }

    fn place(&self, digest: &Digest) -> String {
        let name = blob_name(digest);
        match &self.place {
            Place::Archive(archive) => format!(": expected the entry `{name}`{}", archive.hint()),
            Place::Directory(_) => format!(": expected the file {}", self.path(&name)),
        }
    }
}

/// Returns whether a path leads to a named pipe.
#[cfg(unix)]
pub(super) fn is_pipe(metadata: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    metadata.file_type().is_fifo()
}

#[cfg(not(unix))]
pub(super) fn is_pipe(_metadata: &Metadata) -> bool {
    false
}

fn blob_name(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}
