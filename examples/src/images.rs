//! The images of a deployment, as arguments of a program.

use std::path::PathBuf;

use clap::Args;
use imagedefs::ImageDefinitions;

use crate::ending::BoxError;

/// Which containers get which images.
#[derive(Debug, Args)]
#[group(skip)]
pub struct Images {
    /// A file of images, as CodePipeline takes it; may be given several times
    #[arg(long, value_name = "FILE")]
    definitions: Vec<PathBuf>,

    /// The image of one container; may be given several times
    #[arg(long = "image", value_name = "CONTAINER=URI", value_parser = assignment)]
    images: Vec<(String, String)>,
}

impl Images {
    /// All of them together.
    ///
    /// # Errors
    /// Where a file can't be read, is no `imagedefinitions.json` or names no image, and where a
    /// container gets two images.
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

/// A container may be named twice, as long as it gets one image.
fn add(definitions: &mut ImageDefinitions, container: &str, image: &str) -> Result<(), BoxError> {
    match definitions.get(container) {
        Some(other) if other.as_str() == image => Ok(()),
        Some(other) => Err(format!(
            "the container `{container}` gets two images, {other} and {image}: leave one of them \
             out of --definitions and --image"
        )
        .into()),
        None => Ok(definitions.insert_tagged(container, image)?),
    }
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((container, image)) if !container.is_empty() && !image.is_empty() => {
            Ok((container.to_owned(), image.to_owned()))
        }
        _ => Err("it has to be CONTAINER=URI, such as web=REPOSITORY@sha256:…".to_owned()),
    }
}
