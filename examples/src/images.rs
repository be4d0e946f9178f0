//! The program arguments that name the images of a deployment.

use std::path::{Path, PathBuf};

use clap::Args;
use imagedefs::ImageDefinitions;

use crate::ending::BoxError;

/// The images for the containers of a service.
#[derive(Debug, Args)]
#[group(skip)]
pub struct Images {
    /// The image definitions file of a build; may be given several times
    #[arg(long, value_name = "FILE")]
    definitions: Vec<PathBuf>,

    /// The image of one container; may be given several times
    #[arg(long = "image", value_name = "CONTAINER=URI", value_parser = image_of_container)]
    images: Vec<(String, String)>,
}

impl Images {
    /// Merges the files and the single images. If the arguments name none, reads
    /// imagedefinitions.json in the current folder if it exists; otherwise no image changes.
    ///
    /// # Errors
    /// Fails like [`read`](Self::read).
    pub fn read_or_default(&self) -> Result<ImageDefinitions, BoxError> {
        let is_default = self.definitions.is_empty() && self.images.is_empty();
        if is_default && Path::new(ImageDefinitions::FILE_NAME).exists() {
            return Ok(ImageDefinitions::read(ImageDefinitions::FILE_NAME)?);
        }
        self.read()
    }

    /// Merges the files and the single images.
    ///
    /// # Errors
    /// Fails if a file can't be read or is invalid, or if a container gets two images.
    pub fn read(&self) -> Result<ImageDefinitions, BoxError> {
        let mut all = ImageDefinitions::new();
        for file in &self.definitions {
            for (container, image) in &ImageDefinitions::read(file)? {
                add(&mut all, container, image)?;
            }
        }
        for (container, image) in &self.images {
            add(&mut all, container, image)?;
        }
        Ok(all)
    }
}

/// Accepts a repeated container if the image is the same.
fn add(definitions: &mut ImageDefinitions, container: &str, image: &str) -> Result<(), BoxError> {
    match definitions.get(container) {
        Some(other) if other.as_str() == image => Ok(()),
        Some(other) => Err(format!(
            "container `{container}` gets two images, {other} and {image}: remove one of them from \
             --definitions or --image"
        )
        .into()),
        None => Ok(definitions.insert_tagged(container, image)?),
    }
}

/// Parses `CONTAINER=URI`.
///
/// # Errors
/// Fails if a part is missing.
pub fn image_of_container(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((container, image)) if !container.is_empty() && !image.is_empty() => {
            Ok((container.to_owned(), image.to_owned()))
        }
        _ => Err("expected CONTAINER=URI, such as web=REPOSITORY@sha256:…".to_owned()),
    }
}
