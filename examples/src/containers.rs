//! The program arguments that name the containers of an image.

use std::path::{Path, PathBuf};

use clap::Args;
use imagedefs::containers::ContainerMap;
use imagedefs::{ImageDefinitions, ImageUri};

use crate::delivery::insert_by_digest;
use crate::ending::BoxError;

/// The containers that get an image: by name, or from a file beside the application.
#[derive(Debug, Args)]
#[group(id = "which_containers", multiple = false)]
pub struct Containers {
    /// The name of a container in the task definition that gets the image; may be given several
    /// times
    #[arg(long, value_name = "NAME")]
    container: Vec<String>,

    /// The file with the containers of each repository, in JSON such as {"shop/web": "web"} or in
    /// TOML. The application owns it
    #[arg(long, value_name = "FILE")]
    containers: Option<PathBuf>,
}

impl Containers {
    /// Whether the arguments name no containers.
    pub fn is_empty(&self) -> bool {
        self.container.is_empty() && self.containers.is_none()
    }

    /// The same as the arguments of another program; the file by default.
    pub fn as_arguments(&self) -> String {
        if self.container.is_empty() {
            let file = self.file().unwrap_or(Path::new(ContainerMap::FILE_NAME));
            return format!("--containers {}", file.display());
        }
        let flags: Vec<String> =
            self.container.iter().map(|it| format!("--container {it}")).collect();
        flags.join(" ")
    }

    /// The path of the file, if the arguments name one.
    pub fn file(&self) -> Option<&Path> {
        self.containers.as_deref()
    }

    /// Reads the file and gives each image to its containers.
    ///
    /// # Errors
    /// Fails if the file is invalid or doesn't contain a repository, if a container name is invalid
    /// or gets two images, or if an image has no digest.
    pub fn definitions(
        &self,
        images: impl IntoIterator<Item = ImageUri>,
    ) -> Result<ImageDefinitions, BoxError> {
        if let Some(file) = &self.containers {
            return Ok(ContainerMap::read(file)?.definitions(images)?);
        }
        let mut definitions = ImageDefinitions::new();
        for image in images {
            if self.container.is_empty() {
                let cure = "use --container NAME or --containers FILE";
                return Err(format!("no container for the image {}: {cure}", image.as_str()).into());
            }
            for container in &self.container {
                let cure = "use REPOSITORY@sha256:…, the output of the push";
                insert_by_digest(&mut definitions, container, image.as_str(), cure)?;
            }
        }
        Ok(definitions)
    }

    /// Reads the file, without any image.
    ///
    /// # Errors
    /// Fails if the file is invalid.
    pub fn check(&self) -> Result<(), BoxError> {
        self.definitions([]).map(|_| ())
    }
}
