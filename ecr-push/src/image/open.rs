//! [`Open`]: a builder that opens an image in any of the supported formats.

use std::fs;
use std::future::{Future, IntoFuture};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use crate::error::Error;
use crate::image::archive::Keep;
use crate::image::compression::{self, Compression};
use crate::image::files::{Choice, Files, is_pipe};
use crate::image::graph::Manifest;
use crate::image::opened::Image;
use crate::image::platform::Platform;
use crate::image::refused::dropped;
use crate::image::shared::Shared;
use crate::image::store::Store as _;
use crate::image::stream::Stream;
use crate::image::tables::Tables;
use crate::image::wanted::{IndexUse, ReferrerUse, Wanted};
use crate::tasks::{Stop, blocking, detached, stoppable};

impl Image {
    /// Opens the image at `path`. The content decides which of these formats it is:
    ///
    /// - the directory of an OCI image layout, as written by `skopeo copy … oci:DIR`, `docker
    ///   buildx build --output type=oci,tar=false,dest=DIR` and `crane pull --format=oci`;
    /// - an OCI archive, which is a tar of such a directory: `skopeo copy … oci-archive:FILE`,
    ///   `docker buildx build --output type=oci,dest=FILE`;
    /// - the output of `docker save`, also in the form that kaniko, Bazel and ko write;
    /// - a folder of skopeo's `dir:` transport, or of `podman save --format docker-dir`.
    ///
    /// Archives are read in place; nothing is extracted. An archive that is compressed as a whole,
    /// with gzip or, by the features of these names, with `bzip2`, `xz` or `zstd`, is read like [a
    /// stream](Self::from_reader), and so is a named pipe. Await the returned value to get the image.
    /// Before that, you can choose [an image by its name](Open::named), [its
    /// platforms](Open::platform), and [the compression of its layers](Open::compression).
    pub fn open(path: impl AsRef<Path>) -> Open {
        Open::new(Container::Path(path.as_ref().to_owned()))
    }

    /// Opens the image in an archive that can be read only once, such as the standard input or the
    /// output of another program: `docker save IMAGE | …`. The formats are those of the archives that
    /// [`open`](Self::open) reads, also compressed as a whole.
    ///
    /// The archive is read to its end when the returned value is awaited. Its layers are compressed
    /// as they pass, on all cores, into a temporary file in the folder that `TMPDIR` names, so the
    /// uncompressed image is never on the disk. If the push is to send a layer
    /// [uncompressed](Compression::Keep), it decompresses the layer again while it sends it. Memory
    /// use is bounded: a few MiB per core.
    ///
    /// The reader is read on a thread of its own. If the future is dropped while a read blocks, that
    /// thread ends after the read.
    pub fn from_reader(reader: impl Read + Send + 'static) -> Open {
        Open::new(Container::Stream(Stream::new(Box::new(reader))))
    }
}

/// The place of the image.
#[derive(Debug, Clone)]
enum Container {
    Path(PathBuf),
    Stream(Stream),
}

/// A builder that opens an image when it is awaited.
///
/// # Errors
/// - [`Io`](crate::ErrorKind::Io): the path or a file can't be read, or the content of a stream
///   can't be written into a temporary file.
/// - [`InvalidImage`](crate::ErrorKind::InvalidImage): the path holds no image, several images, or
///   not the requested image; its manifest is missing, or a manifest is broken.
/// - [`BlobMismatch`](crate::ErrorKind::BlobMismatch): a manifest or a config has another digest than
///   its descriptor says, or any blob has another size.
/// - [`Unsupported`](crate::ErrorKind::Unsupported): a manifest is larger than ECR's limit.
///
/// Blobs that ECR can't store, such as empty ones, and blobs that neither the image nor a repository
/// has are an error of the push, before it sends its first byte.
///
/// # Cancellation
/// Dropping the future stops reading.
#[derive(Debug, Clone)]
#[must_use = "an image is not opened until this is awaited"]
pub struct Open {
    container: Container,
    shared_blobs: Vec<PathBuf>,
    wanted: Wanted,
    compression: Compression,
}

impl Open {
    fn new(container: Container) -> Self {
        Self {
            container,
            shared_blobs: Vec::new(),
            wanted: Wanted {
                choice: Choice::Only,
                index: IndexUse::Auto,
                platforms: Vec::new(),
                referrers: ReferrerUse::LeaveOut,
            },
            compression: Compression::default(),
        }
    }

    /// Selects the image of this name if there are several. A name is an annotation in a layout's
    /// `index.json` (`org.opencontainers.image.ref.name`, such as a tag, or
    /// `io.containerd.image.name`), or an argument of `docker save`, such as `web:1.4.2`, with or
    /// without `localhost/`, `docker.io/` and `library/`. An image is also selected by its digest,
    /// or by its id, as Docker prints it: the digest of its config, or at least the first 12 digits.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.wanted.choice = Choice::Named(name.into());
        self
    }

    /// Selects this platform; several calls select several. Without a call, the image keeps all its
    /// platforms. The blobs of other platforms needn't exist.
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
    /// If the image isn't in an index, its config has to name this platform. If a layout's
    /// `index.json` lists the platforms itself, they are selected among its entries.
    pub fn platform(mut self, platform: Platform) -> Self {
        self.wanted.platforms.push(platform);
        self
    }

    /// Adds a folder with blobs that several layouts share, as `skopeo copy --dest-shared-blob-dir`
    /// writes it; several calls add several. Blobs that aren't in the image itself are read from
    /// there. The folder has the blobs in `sha256`, or in `blobs/sha256` like a layout.
    pub fn blobs(mut self, folder: impl AsRef<Path>) -> Self {
        self.shared_blobs.push(folder.as_ref().to_owned());
        self
    }

    /// Takes a layout's `index.json` itself as the index of the image, with all its entries or those
    /// of the [name](Self::named) or the [platforms](Self::platform). It is pushed to the byte if it
    /// is a valid index, and is completed otherwise.
    ///
    /// Without this option, `index.json` is only a table of contents, unless all its entries are
    /// different platforms of an image without a name.
    pub fn index(mut self) -> Self {
        self.wanted.index = IndexUse::Image;
        self
    }

    /// Takes along what refers to the image: signatures, SBOMs and other artifacts that the layout's
    /// `index.json` lists beside it, as `cosign save` and oras write them. The push puts them after
    /// the image. What cosign finds by a tag instead of a `subject` gets that tag, such as
    /// `sha256-….sig`.
    ///
    /// Without this option, they are left out, and [`Image::notices`] names them.
    ///
    /// # Errors
    /// [`InvalidImage`](crate::ErrorKind::InvalidImage) if layers are compressed: that changes the
    /// digest that the referrers are about.
    pub fn with_referrers(mut self) -> Self {
        self.wanted.referrers = ReferrerUse::Push;
        self
    }

    /// Sets how the push compresses uncompressed layers. By default, it compresses only the layers
    /// that `docker save` left uncompressed. Opening compresses nothing: the push compresses layer
    /// by layer while it sends, or [`Image::compress`] does it before.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    fn read(&self, stop: &Stop) -> Result<Image, Error> {
        let keep = Keep { codec: self.compression.stream_codec(), stop };
        let files = match &self.container {
            Container::Path(path) => Files::open(path, keep)?,
            Container::Stream(stream) => {
                Files::from_stream(Stream::NAME.to_owned(), stream.take()?, keep)?
            }
        };
        let tables = Tables::read(&files)?;
        let store = Shared::open(&files, &self.shared_blobs)?;
        let mut graph = tables.image(&files, &store, &self.wanted, stop)?;
        let pending = match self.compression.codec(tables.are_by_docker()) {
            Some(codec) => compression::find(files.subject(), &graph, codec)?,
            None => None,
        };
        if let Some(pending) = &pending {
            if pending.changes(&graph.root().digest) && !graph.referrers.is_empty() {
                let problem = "compressing its layers changes its digest, which its referrers are \
                               about: use `Compression::Keep`";
                return Err(Error::image(files.subject(), problem));
            }
            let changed = graph.manifests().iter().filter(|it| pending.changes(&it.digest));
            let lost: Vec<String> = changed.flat_map(lost_by).collect();
            graph.notices.extend(lost);
        }
        Ok(Image::from_graph(graph, pending))
    }
}

/// Returns what a manifest loses when it is written anew.
fn lost_by(manifest: &Manifest) -> Vec<String> {
    dropped(&serde_json::from_str(&manifest.text).unwrap_or_default())
}

impl IntoFuture for Open {
    type Output = Result<Image, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let waits = match &self.container {
                Container::Path(path) => {
                    let path = path.clone();
                    blocking(move || Ok(fs::metadata(path).is_ok_and(|it| is_pipe(&it)))).await?
                }
                Container::Stream(_) => true,
            };
            if !waits {
                return stoppable(move |stop| self.read(stop)).await;
            }
            let read = detached(move |stop| self.read(stop)).await;
            read.unwrap_or_else(|error| Err(Error::unreadable(&Stream::NAME, error)))
        })
    }
}
