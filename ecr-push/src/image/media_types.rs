//! The media types of manifests, configs and layers, and the compression of a layer.

use crate::error::Error;
use crate::image::packed::Codec;
use crate::image::source::Piece;

pub(super) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(super) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The configs that name an image's platform.
pub(super) const CONFIGS: [&str; 2] =
    ["application/vnd.docker.container.image.v1+json", OCI_CONFIG];
/// The indexes and manifests that ECR's user guide lists ("Container image manifest format
/// support").
pub(super) const INDEXES: [&str; 2] =
    ["application/vnd.docker.distribution.manifest.list.v2+json", OCI_INDEX];
pub(super) const MANIFESTS: [&str; 2] =
    ["application/vnd.docker.distribution.manifest.v2+json", OCI_MANIFEST];

/// The types of uncompressed layers.
pub(super) const PLAIN_LAYERS: [&str; 2] =
    ["application/vnd.docker.image.rootfs.diff.tar", "application/vnd.oci.image.layer.v1.tar"];

/// The compression that a layer already has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    None,
    Zstd,
}

impl Packing {
    pub(super) fn oci_layer(self) -> &'static str {
        match self {
            Self::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::None => "application/vnd.oci.image.layer.v1.tar",
            Self::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
        }
    }
}

/// Detects the compression by the first bytes. A tar doesn't begin with any of these.
pub(super) fn packing(piece: &Piece) -> Result<Packing, Error> {
    let magic = piece.magic()?;
    Ok(if magic.starts_with(b"\x1f\x8b") {
        Packing::Gzip
    } else if magic.starts_with(b"\x28\xb5\x2f\xfd") {
        Packing::Zstd
    } else {
        Packing::None
    })
}

/// Returns the media type of a layer after its compression; `None` unless it is an uncompressed
/// tar.
pub(super) fn compressed_type(media_type: &str, codec: Codec) -> Option<String> {
    let separator = match media_type {
        "application/vnd.docker.image.rootfs.diff.tar" => '.',
        "application/vnd.oci.image.layer.v1.tar" => '+',
        _ => return None,
    };
    Some(format!("{media_type}{separator}{}", codec.name()))
}
