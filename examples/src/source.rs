//! The program arguments that choose an image and what of it is pushed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ecr_push::Image;
use ecr_push::image::Platform;

use crate::ending::BoxError;
use crate::open_image::open_image;

/// The image to push, and the options for reading it.
#[derive(Debug, Args)]
#[group(skip)]
pub struct Source {
    /// Select one of several images in the source by its name, its digest, or its id as Docker
    /// prints it. localhost/ and docker.io/library/ may be left out
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Push only this platform, such as linux/arm64 or windows/amd64:10.0.20348.1. If given several
    /// times, push an index of these platforms. AWS Lambda doesn't accept an index, and needs one
    /// platform
    #[arg(long = "platform", value_name = "OS/ARCH")]
    platforms: Vec<Platform>,

    /// Push the layout's index.json itself as the index of the image
    #[arg(long)]
    index: bool,

    /// Take along what refers to the image, such as signatures and SBOMs that the layout's
    /// index.json lists
    #[arg(long)]
    referrers: bool,

    /// Read blobs that the image lacks from this folder, as `skopeo copy --dest-shared-blob-dir`
    /// writes it; may be given several times
    #[arg(long, value_name = "FOLDER")]
    blobs: Vec<PathBuf>,

    /// Choose the compression of the layers
    #[arg(long, value_enum, value_name = "HOW", default_value_t)]
    compression: Compression,

    /// The image: a layout folder of `skopeo copy … oci:FOLDER`, or an archive of `docker save -o
    /// FILE`, `skopeo copy … oci-archive:FILE` or `docker buildx build --output
    /// type=oci,dest=FILE`; `-` reads an archive from stdin
    image: PathBuf,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Compression {
    /// Compress the uncompressed layers of `docker save` with gzip
    #[default]
    Auto,
    /// Compress all layers with gzip
    Gzip,
    /// Push all layers unchanged
    Keep,
    /// Compress all layers with zstd
    #[cfg(feature = "zstd")]
    Zstd,
}

impl From<Compression> for ecr_push::image::Compression {
    fn from(chosen: Compression) -> Self {
        match chosen {
            Compression::Auto => Self::Auto,
            Compression::Gzip => Self::Gzip,
            Compression::Keep => Self::Keep,
            #[cfg(feature = "zstd")]
            Compression::Zstd => Self::Zstd,
        }
    }
}

impl Source {
    /// Opens the image.
    ///
    /// # Errors
    /// Fails like [`Image::open`], or if the standard input is a terminal.
    pub async fn open(self) -> Result<Image, BoxError> {
        let mut open = open_image(&self.image)?.compression(self.compression.into());
        if let Some(name) = self.name {
            open = open.named(name);
        }
        for platform in self.platforms {
            open = open.platform(platform);
        }
        for folder in self.blobs {
            open = open.blobs(folder);
        }
        if self.index {
            open = open.index();
        }
        if self.referrers {
            open = open.with_referrers();
        }
        Ok(open.await?)
    }
}
