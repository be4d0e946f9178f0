//! The files that hand image definitions to CodePipeline: the JSON file and the artifact zip.

use std::path::{Path, PathBuf};

use clap::Args;
use imagedefs::artifact::Artifact;
use imagedefs::{ErrorKind, ImageDefinitions};

use crate::ending::BoxError;
use crate::output::check_writable;
use crate::story::Story;

/// The output files for image definitions.
#[derive(Debug, Args)]
#[group(skip)]
pub struct Delivery {
    /// Write the image definitions to this file
    #[arg(long, value_name = "FILE")]
    definitions: Option<PathBuf>,

    /// Write a zip file with the image definitions, an artifact for CodePipeline's S3 source
    #[arg(long, value_name = "FILE")]
    zip: Option<PathBuf>,

    /// The name of the definitions in the zip file: the `FileName` of the ECS action
    #[arg(long, value_name = "NAME", default_value = ImageDefinitions::FILE_NAME)]
    file_name: String,
}

impl Delivery {
    /// The files of a program with other arguments. The definitions can be `-`, for stdout.
    pub fn new(definitions: Option<PathBuf>, zip: Option<PathBuf>, file_name: String) -> Self {
        Self { definitions, zip, file_name }
    }

    /// Writes imagedefinitions.json if the arguments name no file.
    #[must_use]
    pub fn or_default(mut self) -> Self {
        if self.is_empty() {
            self.definitions = Some(PathBuf::from(ImageDefinitions::FILE_NAME));
        }
        self
    }

    /// The path of the definitions, or imagedefinitions.json.
    pub fn definitions(&self) -> &Path {
        self.definitions.as_deref().unwrap_or(Path::new(ImageDefinitions::FILE_NAME))
    }

    /// Whether the arguments name no file.
    pub fn is_empty(&self) -> bool {
        self.definitions.is_none() && self.zip.is_none()
    }

    /// Checks that the files can be written, before a push.
    ///
    /// # Errors
    /// Fails if a folder is missing or read-only, or if an artifact can't contain the file name.
    pub fn check(&self) -> Result<(), BoxError> {
        Artifact::new().insert(&self.file_name, [])?;
        let files = [&self.definitions, &self.zip].into_iter().flatten();
        files.filter(|it| !is_stdout(it)).try_for_each(|it| check_writable(it))
    }

    /// Writes the files.
    ///
    /// # Errors
    /// Fails if the definitions are empty or too large, or if a file can't be written.
    pub fn write(&self, definitions: &ImageDefinitions, story: &Story) -> Result<(), BoxError> {
        if let Some(file) = &self.definitions {
            if is_stdout(file) {
                story.result(definitions.to_string().trim_end())?;
            } else {
                definitions.write(file)?;
                story.tell(format!("wrote {}", file.display()));
            }
        }
        if let Some(zip) = &self.zip {
            let mut content = Vec::new();
            definitions.to_writer(&mut content)?;
            let mut artifact = Artifact::new();
            artifact.insert(&self.file_name, content)?;
            artifact.write(zip)?;
            story.tell(format!("wrote {} with {}", zip.display(), self.file_name));
        }
        Ok(())
    }
}

/// Adds a definition with a digest. The error for a tag has the option of the program as `cure`.
///
/// # Errors
/// Fails if the container or the image is invalid, if the container already has an image, or if the
/// image has no digest.
pub fn insert_by_digest(
    definitions: &mut ImageDefinitions,
    container: &str,
    image: &str,
    cure: &str,
) -> Result<(), BoxError> {
    match definitions.insert(container, image) {
        Err(error) if error.kind() == ErrorKind::MutableTag => {
            Err(format!("the image {image} of container `{container}` has no digest: {cure}")
                .into())
        }
        other => Ok(other?),
    }
}

fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}
