//! [`Open`]: a builder that opens an image in any of the supported formats.

use std::future::{Future, IntoFuture};
use std::path::{Path, PathBuf};
use std::pin::Pin;

use crate::error::Error;
use crate::image::compression::{self, Compression};
use crate::image::files::{Choice, Files};
use crate::image::graph::{Graph, Image};
use crate::image::platform::Platform;
use crate::image::store::{FileLookup, Store};
use crate::image::{docker, layout, reader, select};
use crate::tasks::{Stop, stoppable};

impl Image {
    /// Opens the image at `path`. The content decides which of these formats it is:
    ///
    /// - the directory of an OCI image layout, as written by `skopeo copy … oci:DIR`, `docker
    ///   buildx build --output type=oci,tar=false,dest=DIR` and `crane pull --format=oci`;
    /// - an OCI archive, which is a tar of such a directory: `skopeo copy … oci-archive:FILE`,
    ///   `docker buildx build --output type=oci,dest=FILE`;
    /// - the output of `docker save`, also in the form that kaniko, Bazel and ko write.
    ///
    /// Archives are read in place; nothing is extracted. Await the returned value to get the image.
    /// Before that, you can choose [an image by its name](Open::named), [its
    /// platforms](Open::platform), and [the compression of its layers](Open::compression).
    pub fn open(path: impl AsRef<Path>) -> Open {
        Open::new(path.as_ref())
    }
}

/// A builder that opens an image when it is awaited.
///
/// # Errors
/// - [`Io`](crate::ErrorKind::Io): the path or a file can't be read, or a compressed layer can't be
///   written into a temporary file.
/// - [`InvalidImage`](crate::ErrorKind::InvalidImage): the path holds no image, several images, or
///   not the requested image; a blob is missing, or a manifest is broken.
/// - [`BlobMismatch`](crate::ErrorKind::BlobMismatch): a manifest, a config or a layer that is
///   being compressed has another digest than its descriptor says, or any blob has another size.
/// - [`Unsupported`](crate::ErrorKind::Unsupported): a manifest is larger than ECR's limit.
///
/// Blobs that ECR can't store, such as empty ones, are an error of the push, before it sends its
/// first byte.
///
/// # Cancellation
/// Dropping the future stops reading and compressing, and deletes the temporary files.
#[derive(Debug, Clone)]
#[must_use = "an image is not opened until this is awaited"]
pub struct Open {
    path: PathBuf,
    choice: Choice,
    platforms: Vec<Platform>,
    compression: Compression,
}

impl Open {
    fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            choice: Choice::Only,
            platforms: Vec::new(),
            compression: Compression::default(),
        }
    }

    /// Selects the image of this name if there are several. A name is an annotation in a layout's
    /// `index.json` (`org.opencontainers.image.ref.name`, such as a tag, or
    /// `io.containerd.image.name`), an argument of `docker save`, such as `web:1.4.2`, or a digest.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.choice = Choice::Named(name.into());
        self
    }

    /// Selects this platform; several calls select several. Without a call, the image keeps all its
    /// platforms. The content of other platforms may be missing.
    ///
    /// A platform without a variant selects the image without a variant, or else the only image
    /// with any variant; `linux/arm64` and `linux/arm64/v8` are the same.
    ///
    /// - For one platform, the result is its manifest, unchanged, without an index. AWS Lambda
    ///   requires this, because it doesn't run images from an index.
    /// - For several platforms, the result is a new index with them and their attestations, as
    ///   BuildKit writes them (`vnd.docker.reference.digest`). It keeps all other members of the
    ///   index.
    /// - If all platforms are selected, the index stays unchanged.
    ///
    /// If the image isn't in an index, its config has to name this platform.
    pub fn platform(mut self, platform: Platform) -> Self {
        self.platforms.push(platform);
        self
    }

    /// Sets how uncompressed layers are compressed. By default, only the layers that `docker save`
    /// left uncompressed are compressed.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    fn read(&self, stop: &Stop) -> Result<Graph, Error> {
        let files = Files::open(&self.path)?;
        let has = |name| files.find_file(name).map(|found| matches!(found, FileLookup::File(_)));
        let is_layout = !files.is_archive() || has("index.json")?;
        // Since Docker 25, `docker save` also writes a layout.
        let by_docker = has("manifest.json")?;
        let graph = if is_layout {
            let root = layout::root(&files, &self.choice)?;
            self.read_graph(&files, &root)?
        } else if by_docker {
            let (memory, root) = docker::read(&files, &self.choice, stop)?;
            self.read_graph(&memory, &root)?
        } else {
            let problem = "the tar archive holds neither `index.json`, as an OCI layout does, nor \
                           `manifest.json`, as `docker save` writes it";
            return Err(Error::image(files.subject(), problem));
        };
        match self.compression.codec(by_docker) {
            Some(codec) => compression::compress(files.subject(), graph, codec, stop),
            None => Ok(graph),
        }
    }

    fn read_graph(
        &self,
        store: &dyn Store,
        root: &oci_spec::image::Descriptor,
    ) -> Result<Graph, Error> {
        if self.platforms.is_empty() {
            return reader::read(store, root);
        }
        let selected = select::select(store, root, &self.platforms)?;
        reader::read(&selected, &selected.root)
    }
}

impl IntoFuture for Open {
    type Output = Result<Image, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let graph = stoppable(move |stop| self.read(stop)).await?;
            Ok(Image::from_graph(graph))
        })
    }
}
