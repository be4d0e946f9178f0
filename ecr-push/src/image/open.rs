//! [`Open`]: an image out of whatever container it is in.

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
    /// Opens the image at `path`, which is one of these, found out by looking into it:
    ///
    /// - the directory of an OCI image layout, as `skopeo copy … oci:DIR`, `docker buildx build
    ///   --output type=oci,tar=false,dest=DIR` and `crane pull --format=oci` write it;
    /// - an OCI archive, which is a tar of such a directory: `skopeo copy … oci-archive:FILE`,
    ///   `docker buildx build --output type=oci,dest=FILE`;
    /// - what `docker save` writes, and what kaniko, Bazel and ko write in its form.
    ///
    /// Archives are read in place: nothing is extracted. Await what this returns for the image, or
    /// say first [which image](Open::named), [which platforms](Open::platform), and [how layers
    /// are compressed](Open::compression).
    pub fn open(path: impl AsRef<Path>) -> Open {
        Open::new(path.as_ref())
    }
}

/// An image that is going to be opened: await it.
///
/// # Errors
/// - [`Io`](crate::ErrorKind::Io): the path or a file can't be read, or a compressed layer not be
///   written into a temporary file.
/// - [`InvalidImage`](crate::ErrorKind::InvalidImage): there is no image at the path, not the one
///   that was asked for, or several; a blob is missing, or a manifest is broken.
/// - [`BlobMismatch`](crate::ErrorKind::BlobMismatch): a manifest or config has another digest, or
///   any blob another size, than its descriptor says; or a layer that is compressed on the way has
///   another digest.
/// - [`Unsupported`](crate::ErrorKind::Unsupported): a manifest is larger than ECR's limit.
///
/// Blobs that ECR can't store, such as empty ones, are an error of the push, before its first
/// byte.
///
/// # Cancellation
/// Dropping the future ends the reading and compressing; temporary files vanish.
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

    /// Takes the image of this name, where there are several: what a layout's `index.json`
    /// annotates (`org.opencontainers.image.ref.name`, such as a tag, or
    /// `io.containerd.image.name`), what `docker save` was given, such as `web:1.4.2`, or a digest.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.choice = Choice::Named(name.into());
        self
    }

    /// Takes this platform alone, or those, where it is called several times; without it, all that
    /// there are. What isn't taken need not be there.
    ///
    /// Without a variant it is the image that has none, or else the only one with any; `linux/arm64`
    /// and `linux/arm64/v8` are the same.
    ///
    /// - Of one platform, the image is its manifest, to the byte, and no index any more. That is
    ///   what AWS Lambda needs, which runs no image from an index.
    /// - Of several, a new index lists them and their attestations, as BuildKit writes them
    ///   (`vnd.docker.reference.digest`), and keeps whatever else the index said.
    /// - All that there are leave the index as it is.
    ///
    /// Where there is no index, it is checked that the config names this platform.
    pub fn platform(mut self, platform: Platform) -> Self {
        self.platforms.push(platform);
        self
    }

    /// How layers are compressed that aren't. By default, those that `docker save` has left
    /// uncompressed are, and nothing else.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    fn read(&self, stop: &Stop) -> Result<Graph, Error> {
        let files = Files::open(&self.path)?;
        let has = |name| files.find_file(name).map(|found| matches!(found, FileLookup::File(_)));
        let is_layout = !files.is_archive() || has("index.json")?;
        // From Docker 25 on, what it saves is a layout, too.
        let by_docker = has("manifest.json")?;
        let graph = if is_layout {
            let root = layout::root(&files, &self.choice)?;
            self.read_graph(&files, &root)?
        } else if by_docker {
            let (memory, root) = docker::read(&files, &self.choice, stop)?;
            self.read_graph(&memory, &root)?
        } else {
            let problem = "it is a tar archive, but of no image: there is neither `index.json` in \
                           it, as in an OCI layout, nor `manifest.json`, as `docker save` writes it";
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
