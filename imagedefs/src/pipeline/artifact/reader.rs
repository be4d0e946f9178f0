//! Artifacts of CodePipeline, to be read.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use crate::definitions::ImageDefinitions;
use crate::doctor::diagnosis::Diagnosis;
use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::file::{self, MAX_BYTES};
use crate::nearest::nearest;
use crate::pipeline::artifact::wrong_with;
use crate::pipeline::detail::ImageDetail;
use crate::pipeline::detail::diagnosis::DetailDiagnosis;
use crate::text::flaw::Quoted;

/// A zip file to read, as CodePipeline passes it from stage to stage.
///
/// The archive is not trusted. Nothing is unpacked to disk: files are read one at a time, by name,
/// into memory, and up to a size that the caller gives, regardless of the size in the archive.
/// Opening an archive fails if it has
///
/// - more than [`MAX_FILES`](Self::MAX_FILES) files,
/// - a file whose path leads out of it, or is absolute,
/// - two files with one name, of which readers take one or the other.
///
/// The memory for the list of files is proportional to the size of the archive.
#[derive(Debug)]
pub struct ArtifactReader {
    archive: ZipArchive<Storage>,
    /// The name of the archive in messages.
    name: String,
    /// The path of the archive, if it is a file.
    path: Option<String>,
    /// The path and index of each file, in the order of the archive, without folders.
    files: Vec<(String, usize)>,
}

impl ArtifactReader {
    /// The maximum number of files in an archive. It is CodePipeline's limit for an object in S3
    /// (CodePipeline user guide, quotas).
    pub const MAX_FILES: usize = 100_000;

    /// Opens a file.
    ///
    /// # Errors
    ///
    /// `InvalidArtifact`, `NotFound`, `Read`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = file::open(path)?;
        let storage = Storage::File(BufReader::new(file));
        let mut reader = Self::new(storage, format!("`{}`", path.display()))?;
        reader.path = Some(path.to_string_lossy().into_owned());
        Ok(reader)
    }

    /// Opens an archive in memory, such as the body of an object in S3.
    ///
    /// # Errors
    ///
    /// `InvalidArtifact`.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Error> {
        Self::new(Storage::Memory(Cursor::new(bytes)), "the artifact".to_owned())
    }

    /// Returns the paths of the files, in the order of the archive. No path leads out of it,
    /// but a name can have characters that a terminal obeys.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(name, _)| name.as_str())
    }

    /// Reads image definitions. `file_name` is [`ImageDefinitions::FILE_NAME`], or the `FileName`
    /// of the action's configuration.
    ///
    /// # Errors
    ///
    /// `InvalidDefinitions`, with all problems of the content; `NotFound`, with the nearest name;
    /// `InvalidArtifact`, `Read`.
    pub fn definitions(&mut self, file_name: &str) -> Result<ImageDefinitions, Error> {
        // One more byte than allowed reveals that the file is too large.
        let bytes = self.read_up_to(file_name, MAX_BYTES + 1)?;
        let definitions = Diagnosis::new(bytes).into_definitions();
        definitions.map_err(|error| error.in_file(Path::new(file_name)))
    }

    /// Examines image definitions. Reports name them as `ZIP:FILE_NAME`, or `FILE_NAME` for an
    /// archive in memory.
    ///
    /// # Errors
    ///
    /// `NotFound`, with the nearest name; `InvalidArtifact`, `Read`.
    pub fn diagnosis(&mut self, file_name: &str) -> Result<Diagnosis, Error> {
        let bytes = self.read_up_to(file_name, MAX_BYTES + 1)?;
        Ok(Diagnosis::new(bytes).with_name(self.entry_name(file_name)))
    }

    /// Examines the image detail, and names it in the same way.
    ///
    /// # Errors
    ///
    /// `NotFound`, with the nearest name; `InvalidArtifact`, `Read`.
    pub fn detail_diagnosis(&mut self) -> Result<DetailDiagnosis, Error> {
        let bytes = self.read_up_to(ImageDetail::FILE_NAME, MAX_BYTES + 1)?;
        Ok(DetailDiagnosis::new(bytes).with_name(self.entry_name(ImageDetail::FILE_NAME)))
    }

    /// Reads the image detail.
    ///
    /// # Errors
    ///
    /// `InvalidImageDetail`, `InvalidArtifact`, `NotFound`, `Read`.
    pub fn image_detail(&mut self) -> Result<ImageDetail, Error> {
        let bytes = self.read(ImageDetail::FILE_NAME, MAX_BYTES)?;
        String::from_utf8_lossy(&bytes).parse()
    }

    /// Reads a file of at most `max_bytes` bytes.
    ///
    /// # Errors
    ///
    /// `NotFound`, with the nearest name; `InvalidArtifact` for a file that is larger, encrypted,
    /// damaged, or compressed by a method that CodePipeline does not use; `Read`.
    pub fn read(&mut self, name: &str, max_bytes: usize) -> Result<Vec<u8>, Error> {
        let bytes = self.read_up_to(name, max_bytes.saturating_add(1))?;
        if bytes.len() > max_bytes {
            let what = format!("cannot read {} in {}", Quoted(name), self.name);
            let reason = format!("it has more than {max_bytes} bytes");
            return Err(Error::refused(ErrorKind::InvalidArtifact, what, [reason]));
        }
        Ok(bytes)
    }

    fn new(storage: Storage, name: String) -> Result<Self, Error> {
        let archive = ZipArchive::new(storage).map_err(|error| failed(name.clone(), error))?;
        let refused = |reason: String| {
            let what = format!("cannot use {name}");
            Error::refused(ErrorKind::InvalidArtifact, what, [reason])
        };
        if archive.len() > Self::MAX_FILES {
            let (count, most) = (archive.len(), Self::MAX_FILES);
            return Err(refused(format!("it has {count} files, more than {most}")));
        }
        if archive.has_duplicate_names() {
            return Err(refused("two files in it have the same name".to_owned()));
        }
        let mut files = Vec::new();
        for index in 0..archive.len() {
            let path = match archive.name_for_index(index) {
                Some(Ok(path)) => path.into_owned(),
                _ => return Err(refused("the name of a file in it is not UTF-8".to_owned())),
            };
            if let Some(reason) = wrong_with(path.strip_suffix('/').unwrap_or(&path)) {
                let path = Quoted(&path);
                return Err(refused(format!("file {path}: {reason}")));
            }
            if !path.ends_with('/') {
                files.push((path, index));
            }
        }
        Ok(Self { archive, name, path: None, files })
    }

    fn entry_name(&self, file_name: &str) -> String {
        match &self.path {
            Some(path) => format!("{path}:{file_name}"),
            None => file_name.to_owned(),
        }
    }

    fn read_up_to(&mut self, name: &str, max_bytes: usize) -> Result<Vec<u8>, Error> {
        let Some((_, index)) = self.files.iter().find(|(path, _)| path == name) else {
            return Err(self.not_found(name));
        };
        let what = || format!("{} in {}", Quoted(name), self.name);
        let file = self.archive.by_index(*index).map_err(|error| failed(what(), error))?;
        let mut bytes = Vec::new();
        file.take(max_bytes as u64)
            .read_to_end(&mut bytes)
            .map_err(|error| failed(what(), ZipError::Io(error)))?;
        Ok(bytes)
    }

    fn not_found(&self, name: &str) -> Error {
        let mut what = format!("file {} not found in {}", Quoted(name), self.name);
        let in_folder = |path: &&str| path.rsplit('/').next() == Some(name);
        if let Some(path) = self.names().find(in_folder) {
            what.push_str(&format!(
                ": it has {}, but the file has to be in the root, without the folder that it was \
                 zipped from",
                Quoted(path)
            ));
        } else if let Some(path) = nearest(name, self.names()) {
            what.push_str(&format!(": the nearest name is {}", Quoted(path)));
        }
        Error::refused(ErrorKind::NotFound, what, [])
    }
}

/// Separates failures of the disk from faults of the archive.
fn failed(what: String, error: ZipError) -> Error {
    let reason = match error {
        ZipError::Io(error) if error.raw_os_error().is_some() => return Error::read(what, error),
        ZipError::Io(error) => error.to_string(),
        other => other.to_string(),
    };
    let what = format!("cannot read {what}");
    Error::refused(ErrorKind::InvalidArtifact, what, [reason])
}

#[derive(Debug)]
enum Storage {
    File(BufReader<File>),
    Memory(Cursor<Vec<u8>>),
}

impl Read for Storage {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Memory(bytes) => bytes.read(buffer),
        }
    }
}

impl Seek for Storage {
    fn seek(&mut self, position: io::SeekFrom) -> io::Result<u64> {
        match self {
            Self::File(file) => file.seek(position),
            Self::Memory(bytes) => bytes.seek(position),
        }
    }
}
