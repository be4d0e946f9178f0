//! What ECR reads of a manifest before it takes it: its type, and all that it refers to.

use serde::Deserialize;
use serde_json::Value;

use crate::ecr::constraints::violated;
use crate::error::AwsError;

/// A manifest that ECR would look at: what it is, and what must be there already.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Manifest {
    pub(crate) media_type: String,
    /// The config's media type, or the artifact's own.
    pub(crate) artifact_media_type: Option<String>,
    /// Digests of the config and the layers.
    pub(crate) blobs: Vec<String>,
    /// Digests of the layers among them that may be absent: their content is elsewhere.
    pub(crate) foreign: Vec<String>,
    /// Digests of the manifests that an index lists.
    pub(crate) children: Vec<String>,
}

/// The types that ECR's user guide lists: Docker schema 2 and OCI, manifest and list or index.
const MANIFESTS: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
];
const INDEXES: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: Option<String>,
    digest: String,
    /// Required by both formats, so that a manifest without it is refused; that ECR doesn't hold
    /// it against the layer's own size is inferred.
    #[serde(rename = "size")]
    _size: u64,
    #[serde(default)]
    urls: Vec<String>,
}

/// The layer types whose content a registry may not distribute: OCI image specification, "Non-
/// Distributable Layers", and Docker's schema 2.
const FOREIGN: [&str; 4] = [
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
];

impl Manifest {
    /// `given` is the request's `imageManifestMediaType`: ECR's service model requires it if the
    /// manifest itself has no media type. The refusal of a contradiction is inferred.
    pub(crate) fn parse(text: &str, given: Option<&str>) -> Result<Self, AwsError> {
        let json: Value = serde_json::from_str(text).map_err(|_| invalid_syntax())?;
        let own = json.get("mediaType").and_then(Value::as_str);
        let media_type = match (own, given) {
            (Some(own), Some(given)) if own != given => {
                return Err(invalid(format!(
                    "manifest has media type '{own}', the request '{given}'"
                )));
            }
            (Some(media_type), _) | (None, Some(media_type)) => media_type.to_owned(),
            (None, None) => return Err(invalid("media type is missing".to_owned())),
        };
        if json.get("schemaVersion").and_then(Value::as_u64) != Some(2) {
            return Err(invalid("schemaVersion must be 2".to_owned()));
        }
        check_members(&json)?;
        let mut manifest = Self {
            media_type,
            artifact_media_type: None,
            blobs: Vec::new(),
            foreign: Vec::new(),
            children: Vec::new(),
        };
        if MANIFESTS.contains(&manifest.media_type.as_str()) {
            lacks(&json, "manifests")?;
            let config: Descriptor = member(&json, "config")?;
            let artifact = json.get("artifactType").and_then(Value::as_str);
            manifest.artifact_media_type =
                artifact.map(str::to_owned).or_else(|| config.media_type.clone());
            manifest.blobs.push(config.digest);
            let layers: Vec<Descriptor> = member(&json, "layers")?;
            // Reported, with these words: werf/werf#2558, moby/buildkit#4331.
            if layers.is_empty() {
                return Err(invalid("Image has to have at least 1 layer".to_owned()));
            }
            let foreign = layers.iter().filter(|layer| layer.is_foreign());
            manifest.foreign = foreign.map(|layer| layer.digest.clone()).collect();
            manifest.blobs.extend(layers.into_iter().map(|layer| layer.digest));
        } else if INDEXES.contains(&manifest.media_type.as_str()) {
            lacks(&json, "config")?;
            lacks(&json, "layers")?;
            let children: Vec<Descriptor> = member(&json, "manifests")?;
            manifest.children = children.into_iter().map(|child| child.digest).collect();
        } else {
            return Err(invalid(format!("unsupported media type '{}'", manifest.media_type)));
        }
        Ok(manifest)
    }

    /// How many layers it has: all but the config, which comes first. An index has none.
    pub(crate) fn layers(&self) -> usize {
        self.blobs.len().saturating_sub(1)
    }

    /// Users report the words.
    pub(crate) fn too_many_layers() -> AwsError {
        invalid("Limit on number of layers per image exceeded".to_owned())
    }
}

impl Descriptor {
    /// ECR's user guide, "Amazon ECR interface VPC endpoints", considerations for Windows images:
    /// such layers aren't pushed, and nodes fetch them from elsewhere. Inferred: a layer needs
    /// `urls` for that.
    fn is_foreign(&self) -> bool {
        let media_type = self.media_type.as_deref().unwrap_or_default();
        FOREIGN.contains(&media_type) && !self.urls.is_empty()
    }
}

/// Reported: ECR calls JSON invalid that has members which it doesn't know (moby/buildkit#6171).
/// Which members those are is reported one by one, and named beside each.
fn check_members(json: &Value) -> Result<(), AwsError> {
    let has = |descriptor: &Value, name: &str| descriptor.get(name).is_some_and(|it| !it.is_null());
    let (config, subject) = (&json["config"], &json["subject"]);
    let descriptors = |name: &str| json[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let (layers, manifests) = (descriptors("layers"), descriptors("manifests"));
    // moby/moby#47661, of Docker 25.0.0 to 25.0.5 and 26.0.0.
    let platform_of_config = has(config, "platform");
    // goharbor/acceleration-service#353.
    let annotated_config = has(config, "annotations");
    // dragonflyoss/nydus#1691.
    let platform_of_subject = has(subject, "platform");
    // aws/containers-roadmap#2439.
    let features = manifests.iter().any(|it| has(&it["platform"], "features"));
    // sigstore/sigstore-js#1058. Inferred: it holds for each media type in a manifest.
    let has_parameter = |media_type: &Value| media_type.as_str().is_some_and(|it| it.contains(';'));
    let parameter = [config, subject]
        .into_iter()
        .chain(layers)
        .chain(manifests)
        .any(|it| has_parameter(&it["mediaType"]) || has_parameter(&it["artifactType"]))
        || has_parameter(&json["artifactType"]);
    if platform_of_config || annotated_config || platform_of_subject || features || parameter {
        return Err(invalid_syntax());
    }
    Ok(())
}

/// The OCI image specification tells registries to refuse a text that could be read as a manifest
/// and as an index. That ECR does is inferred.
fn lacks(json: &Value, name: &str) -> Result<(), AwsError> {
    match json.get(name) {
        None | Some(Value::Null) => Ok(()),
        Some(_) => Err(invalid(format!("'{name}' contradicts the media type"))),
    }
}

fn member<T: serde::de::DeserializeOwned>(json: &Value, name: &str) -> Result<T, AwsError> {
    json.get(name)
        .cloned()
        .and_then(|value| serde_json::from_value(value).ok())
        .ok_or_else(|| invalid(format!("'{name}' is missing or has the wrong form")))
}

fn invalid_syntax() -> AwsError {
    invalid("Invalid JSON syntax".to_owned())
}

/// Users report the member's name with a capital here, and `Invalid JSON syntax`; the other
/// reasons are inferred.
fn invalid(what: String) -> AwsError {
    violated("ImageManifest", &what)
}
