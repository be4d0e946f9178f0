//! A small OCI image for demonstrations: two gzip layers, a config and a manifest.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use oci_spec::image::{
    Arch, ConfigBuilder, Descriptor, Digest, HistoryBuilder, ImageConfigurationBuilder,
    ImageIndexBuilder, ImageManifestBuilder, MediaType, OciLayoutBuilder, Os, RootFsBuilder,
};
use serde_json::to_vec;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::ending::BoxError;

/// A demonstration image as an OCI layout in a folder.
///
/// One layer contains the running program, the other a folder of files. The image is reproducible:
/// it contains no times and no users, so the same program makes the same digest. It is only made
/// for pushing: it has no C library, so a dynamically linked program doesn't start in it.
#[derive(Debug)]
pub struct DemoImage {
    path: PathBuf,
    /// Removes the folder when this value is dropped, unless the caller chose the folder.
    _temporary: Option<TempDir>,
}

/// The second layer.
const SITE: [(&str, &[u8]); 3] = [
    ("srv/www/health.txt", b"ok\n"),
    ("srv/www/index.html", include_bytes!("demo/index.html")),
    ("srv/www/robots.txt", b"User-agent: *\nDisallow: /\n"),
];

const PROGRAM: &str = "usr/local/bin/web";

impl DemoImage {
    /// Makes the image in a temporary folder, which is removed when this value is dropped. Blocks
    /// for a moment, since it compresses a whole executable.
    ///
    /// # Errors
    /// Fails if the executable can't be read or the folder can't be written.
    pub fn temporary() -> Result<Self, BoxError> {
        let folder = TempDir::with_prefix("demo-image-")?;
        write(folder.path(), &[])?;
        Ok(Self { path: folder.path().to_owned(), _temporary: Some(folder) })
    }

    /// Makes the image in a new folder at `path` and keeps it. With `programs`, the image contains
    /// only these, and starts the first one.
    ///
    /// # Errors
    /// Fails like [`temporary`](Self::temporary), and if `path` already exists.
    pub fn create(path: &Path, programs: &[PathBuf]) -> Result<Self, BoxError> {
        fs::create_dir(path)
            .map_err(|error| format!("can't create the folder {}: {error}", path.display()))?;
        write(path, programs)?;
        Ok(Self { path: path.to_owned(), _temporary: None })
    }

    /// Returns the folder of the layout.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn write(folder: &Path, programs: &[PathBuf]) -> Result<(), BoxError> {
    let layout = LayoutWriter::new(folder)?;
    if let Some(first) = programs.first() {
        let layer = layout.layer(|tar| {
            programs.iter().try_for_each(|it| append_program(tar, &path_in_image(it), it))
        })?;
        return layout.image(&path_in_image(first), &[("the programs", layer)]);
    }
    let program = layout.layer(|tar| append_program(tar, PROGRAM, &std::env::current_exe()?))?;
    let site = layout.layer(|tar| {
        for (path, mut content) in SITE {
            let size = content.len() as u64;
            append(tar, path, 0o644, size, &mut content)?;
        }
        Ok(())
    })?;
    layout.image(PROGRAM, &[("the program", program), ("its files", site)])
}

fn path_in_image(program: &Path) -> String {
    format!("usr/local/bin/{}", program.file_name().unwrap_or_default().to_string_lossy())
}

fn append_program(
    tar: &mut tar::Builder<&mut dyn io::Write>,
    path: &str,
    program: &Path,
) -> io::Result<()> {
    let mut program = File::open(program)?;
    let size = program.metadata()?.len();
    append(tar, path, 0o755, size, &mut program)
}

struct LayoutWriter<'a> {
    root: &'a Path,
}

struct Layer {
    descriptor: Descriptor,
    /// The digest of the uncompressed archive, for the config.
    diff_id: String,
}

impl<'a> LayoutWriter<'a> {
    fn new(root: &'a Path) -> Result<Self, BoxError> {
        fs::create_dir_all(root.join("blobs/sha256"))?;
        OciLayoutBuilder::default()
            .image_layout_version("1.0.0")
            .build()?
            .to_file(root.join("oci-layout"))?;
        Ok(Self { root })
    }

    /// Writes a compressed layer as a stream, so that its size doesn't matter.
    fn layer(
        &self,
        fill: impl FnOnce(&mut tar::Builder<&mut dyn io::Write>) -> io::Result<()>,
    ) -> Result<Layer, BoxError> {
        let partial = self.root.join("layer.partial");
        let compressed = Hashing::new(File::create(&partial)?);
        // Leaves name and time out of the header, so that the same content has the same digest.
        let gzip = GzBuilder::new().write(compressed, Compression::fast());
        let mut archive = Hashing::new(gzip);
        let mut tar = tar::Builder::new(&mut archive as &mut dyn io::Write);
        fill(&mut tar)?;
        tar.finish()?;
        drop(tar);
        let diff_id = archive.digest();
        let mut compressed = archive.inner.finish()?;
        compressed.flush()?;
        let (digest, size) = (compressed.digest(), compressed.written);
        fs::rename(&partial, self.blob_path(&digest))?;
        let descriptor = describe(MediaType::ImageLayerGzip, size, &digest)?;
        Ok(Layer { descriptor, diff_id })
    }

    fn image(&self, program: &str, layers: &[(&str, Layer)]) -> Result<(), BoxError> {
        let history = |(what, _): &(&str, Layer)| {
            HistoryBuilder::default().created_by(format!("ADD {what}")).build()
        };
        let config = ImageConfigurationBuilder::default()
            .architecture(Arch::default())
            .os(Os::Linux)
            .config(ConfigBuilder::default().entrypoint(vec![format!("/{program}")]).build()?)
            .rootfs(
                RootFsBuilder::default()
                    .typ("layers")
                    .diff_ids(layers.iter().map(|(_, it)| it.diff_id.clone()).collect::<Vec<_>>())
                    .build()?,
            )
            .history(layers.iter().map(history).collect::<Result<Vec<_>, _>>()?)
            .build()?;
        let descriptors: Vec<_> = layers.iter().map(|(_, it)| it.descriptor.clone()).collect();
        let manifest = ImageManifestBuilder::default()
            .schema_version(2_u32)
            .media_type(MediaType::ImageManifest)
            .config(self.blob(MediaType::ImageConfig, &to_vec(&config)?)?)
            .layers(descriptors)
            .build()?;
        let index = ImageIndexBuilder::default()
            .schema_version(2_u32)
            .media_type(MediaType::ImageIndex)
            .manifests(vec![self.blob(MediaType::ImageManifest, &to_vec(&manifest)?)?])
            .build()?;
        index.to_file(self.root.join("index.json"))?;
        Ok(())
    }

    fn blob(&self, media_type: MediaType, content: &[u8]) -> Result<Descriptor, BoxError> {
        let digest = digest(Sha256::new_with_prefix(content));
        fs::write(self.blob_path(&digest), content)?;
        describe(media_type, content.len() as u64, &digest)
    }

    fn blob_path(&self, digest: &str) -> PathBuf {
        self.root.join("blobs").join(digest.replace(':', "/"))
    }
}

fn describe(media_type: MediaType, size: u64, digest: &str) -> Result<Descriptor, BoxError> {
    Ok(Descriptor::new(media_type, size, digest.parse::<Digest>()?))
}

fn append(
    tar: &mut tar::Builder<&mut dyn io::Write>,
    path: &str,
    mode: u32,
    size: u64,
    content: &mut dyn Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    tar.append_data(&mut header, path, content)
}

/// A writer that hashes and counts the bytes.
struct Hashing<W> {
    inner: W,
    hasher: Sha256,
    written: u64,
}

impl<W> Hashing<W> {
    fn new(inner: W) -> Self {
        Self { inner, hasher: Sha256::new(), written: 0 }
    }

    fn digest(&self) -> String {
        digest(self.hasher.clone())
    }
}

impl<W: io::Write> io::Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn digest(hasher: Sha256) -> String {
    let hex: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
