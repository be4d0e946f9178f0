//! Artifacts of CodePipeline, to be written.

pub(crate) mod reader;

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use crate::definitions::ImageDefinitions;
use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::file;
use crate::pipeline::detail::ImageDetail;
use crate::text::flaw::Quoted;

/// A zip file to write, as CodePipeline passes it from stage to stage.
///
/// An S3 source action takes this file unchanged, and a Lambda action has to output one. CodeBuild
/// zips the files that its buildspec lists, so write only the JSON file there.
///
/// ```
/// use imagedefs::ImageDefinitions;
/// use imagedefs::artifact::{Artifact, ArtifactReader};
///
/// let mut definitions = ImageDefinitions::new();
/// definitions.insert(
///     "web",
///     "111122223333.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:\
///      0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
/// )?;
/// let zipped = Artifact::from_definitions(&definitions)?.to_bytes()?;
///
/// let mut artifact = ArtifactReader::from_bytes(zipped)?;
/// assert_eq!(artifact.definitions(ImageDefinitions::FILE_NAME)?, definitions);
/// # Ok::<(), imagedefs::Error>(())
/// ```
///
/// The same files produce the same bytes, on every system and with every version of the compressor:
/// they are in alphabetical order, have the date 1980-01-01, where zip's time begins, and are not
/// compressed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Artifact {
    files: BTreeMap<String, Vec<u8>>,
}

impl Artifact {
    /// Creates an empty artifact.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an artifact with `imagedefinitions.json` in its root, which the ECS action reads.
    ///
    /// # Errors
    ///
    /// `Empty`, `TooLarge`.
    pub fn from_definitions(definitions: &ImageDefinitions) -> Result<Self, Error> {
        let mut content = Vec::new();
        definitions.to_writer(&mut content)?;
        let mut artifact = Self::new();
        artifact.insert(ImageDefinitions::FILE_NAME, content)?;
        Ok(artifact)
    }

    /// Creates an artifact with `imageDetail.json` in its root, which the blue/green action reads.
    /// Each image needs an artifact of its own, because the file name is fixed.
    pub fn from_detail(detail: &ImageDetail) -> Self {
        let content = detail.to_string().into_bytes();
        Self { files: BTreeMap::from([(ImageDetail::FILE_NAME.to_owned(), content)]) }
    }

    /// Adds a file. `name` is its path within the artifact, with `/` between the folders.
    ///
    /// # Errors
    ///
    /// `InvalidArtifact` if the path leads out of the artifact, has another form, or is already in
    /// the artifact.
    pub fn insert(&mut self, name: &str, content: impl Into<Vec<u8>>) -> Result<(), Error> {
        let reason = match wrong_with(name) {
            None if self.files.contains_key(name) => "the artifact already has it",
            None => {
                self.files.insert(name.to_owned(), content.into());
                return Ok(());
            }
            Some(reason) => reason,
        };
        let what = format!("cannot add the file {} to the artifact", Quoted(name));
        Err(Error::refused(ErrorKind::InvalidArtifact, what, [reason.to_owned()]))
    }

    /// Returns the bytes of the zip file.
    ///
    /// # Errors
    ///
    /// `InvalidArtifact` for a file of more than 4 GiB.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        self.zip().map_err(|error| {
            let what = "cannot zip the artifact";
            Error::refused(ErrorKind::InvalidArtifact, what, [error.to_string()])
        })
    }

    /// Writes the zip file in one step, as [`ImageDefinitions::write`] does.
    ///
    /// # Errors
    ///
    /// The errors of [`to_bytes`](Self::to_bytes); `Write`.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        file::write(path.as_ref(), &self.to_bytes()?)
    }

    fn zip(&self) -> zip::result::ZipResult<Vec<u8>> {
        // These options would otherwise depend on the machine, or on features that other crates
        // enable in `zip`.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .system(System::Unix)
            .unix_permissions(0o644);
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in &self.files {
            writer.start_file(name, options)?;
            writer.write_all(content)?;
        }
        Ok(writer.finish()?.into_inner())
    }
}

/// Returns why a path is invalid for a file in an artifact.
fn wrong_with(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("the path is empty")
    } else if name.contains('\\') {
        Some("folders are separated by `/`")
    } else if name.starts_with('/') || name.as_bytes().get(1) == Some(&b':') {
        Some("the path is absolute")
    } else if name.split('/').any(|part| part == "..") {
        Some("the path leads out of the artifact")
    } else if name.split('/').any(|part| matches!(part, "" | ".")) {
        Some("a part of the path is empty or `.`")
    } else if name.chars().any(char::is_control) {
        Some("the path has a control character")
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
