//! [`Folder`]: the format of skopeo's `dir:` transport and of `podman save --format docker-dir`.
//!
//! The manifest is `manifest.json`, and the blobs are files that are named by their digests.

use bytes::Bytes;
use oci_spec::image::Descriptor;
use serde_json::Value;

use crate::error::Error;
use crate::image::files::{Choice, Files};
use crate::image::image_name::ImageId;
use crate::image::reader;
use crate::image::source::Piece;
use crate::image::store::{FileLookup, Store};
use crate::image::wanted::Wanted;
use crate::names::digest::Digest;
use crate::outside::Outside;

/// A `dir:` folder, or a tar of one.
pub(super) struct Folder<'a> {
    files: &'a Files,
    /// Where the blobs are that the folder lacks.
    shared: &'a dyn Store,
    manifest: Bytes,
}

impl<'a> Folder<'a> {
    /// Returns the folder that this `manifest.json` describes.
    pub(super) fn new(files: &'a Files, shared: &'a dyn Store, manifest: &[u8]) -> Self {
        Self { files, shared, manifest: Bytes::copy_from_slice(manifest) }
    }

    /// Returns whether the content of a `manifest.json` is a manifest, not the list of `docker
    /// save`.
    pub(super) fn is_manifest(text: &[u8]) -> bool {
        let json: Value = serde_json::from_slice(text).unwrap_or_default();
        json.get("schemaVersion").is_some()
    }

    /// Returns the image. It has no name, so only its digest or its id can be asked for.
    pub(super) fn root(&self, wanted: &Wanted) -> Result<Descriptor, Error> {
        let digest = Digest::from_content(&self.manifest);
        if let Choice::Named(name) = &wanted.choice {
            let json: Value = serde_json::from_slice(&self.manifest).unwrap_or_default();
            let config = json["config"]["digest"].as_str().and_then(|it| it.parse().ok());
            let is =
                |id: ImageId<'_>| id.is(&digest) || config.as_ref().is_some_and(|it| id.is(it));
            if !ImageId::from_name(name).is_some_and(is) {
                let problem = format!(
                    "it has no image `{}`, only {digest} without a name",
                    Outside::new(name)
                );
                return Err(Error::image(self.files.subject(), problem));
            }
        }
        // The reader finds out the type of a manifest that doesn't state it.
        Ok(reader::descriptor("", &digest, self.manifest.len() as u64))
    }
}

impl Store for Folder<'_> {
    fn subject(&self) -> &str {
        self.files.subject()
    }

    fn find(&self, digest: &Digest) -> Result<Option<Piece>, Error> {
        if Digest::from_content(&self.manifest) == *digest {
            return Ok(Some(Piece::from_bytes(self.manifest.clone())));
        }
        let hex = digest.hex();
        // The names of blobs, of the manifests of an index, and of blobs in version 1.0.
        for name in [hex.to_owned(), format!("{hex}.manifest.json"), format!("{hex}.tar")] {
            if let FileLookup::File(piece) = self.files.find_file(&name)? {
                return Ok(Some(piece));
            }
        }
        self.shared.find(digest)
    }

    fn place(&self, digest: &Digest) -> String {
        format!(": expected {}", self.files.path(digest.hex()))
    }
}
