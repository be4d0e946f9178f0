//! The media types of manifests and configs.

pub(super) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(super) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The configs that say which platform an image is for.
pub(super) const CONFIGS: [&str; 2] =
    ["application/vnd.docker.container.image.v1+json", OCI_CONFIG];
/// The indexes and manifests that ECR's user guide lists ("Container image manifest format
/// support").
pub(super) const INDEXES: [&str; 2] =
    ["application/vnd.docker.distribution.manifest.list.v2+json", OCI_INDEX];
pub(super) const MANIFESTS: [&str; 2] =
    ["application/vnd.docker.distribution.manifest.v2+json", OCI_MANIFEST];
