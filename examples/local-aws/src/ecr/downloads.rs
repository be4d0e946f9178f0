//! GetDownloadUrlForLayer, and what its URL serves.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::core::Context;
use crate::ecr::{Ecr, On, constraints};
use crate::error::AwsError;
use crate::local::LocalAws;

/// Where a layer is served: what comes after the host in its URL.
#[derive(Debug, PartialEq, Eq)]
struct BlobPath {
    account: String,
    region: String,
    repository: String,
    digest: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GetDownloadUrlForLayer {
    pub(super) registry_id: Option<String>,
    pub(super) repository_name: String,
    layer_digest: String,
}

impl GetDownloadUrlForLayer {
    pub(super) fn new(on: On<'_>, digest: &str) -> Self {
        Self {
            registry_id: Some(on.registry.to_owned()),
            repository_name: on.repository.to_owned(),
            layer_digest: digest.to_owned(),
        }
    }
}

impl BlobPath {
    /// The path of a GET; `None` where it isn't that of a layer.
    fn parse(path: &str) -> Option<Self> {
        let (account, rest) = path.strip_prefix(PREFIX)?.split_once('/')?;
        let (region, rest) = rest.split_once('/')?;
        constraints::check_registry(account).ok()?;
        // A repository's name has slashes of its own.
        let (repository, digest) = rest.rsplit_once('/')?;
        Some(Self {
            account: account.to_owned(),
            region: region.to_owned(),
            repository: repository.to_owned(),
            digest: digest.to_owned(),
        })
    }
}

impl std::fmt::Display for BlobPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { account, region, repository, digest } = self;
        write!(f, "{PREFIX}{account}/{region}/{repository}/{digest}")
    }
}

impl Ecr {
    pub(crate) fn download_url(
        &mut self,
        input: GetDownloadUrlForLayer,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        // ECR's service model.
        constraints::check_digest("layerDigest", &input.layer_digest)?;
        let caller = context.caller;
        let account = &caller.account;
        let repository =
            self.repository(input.registry_id.as_deref(), &input.repository_name, context)?;
        let (digest, name) = (&input.layer_digest, &repository.name);
        let place =
            format!("the repository with name '{name}' in the registry with id '{account}'");
        let Some(layer) = repository.layers.get(digest) else {
            // Users report the wording.
            let message = format!("The layer with digest '{digest}' does not exist within {place}");
            return Err(AwsError::new("LayersNotFoundException", message));
        };
        // ECR's API reference: there are URLs only for layers that an image refers to. That an
        // archived one is refused alike, and the words of it, are inferred.
        let referred = repository.images.values().any(|it| it.manifest.blobs.contains(digest));
        if !referred || layer.archived {
            let message = format!("The layer with digest '{digest}' is not accessible in {place}");
            return Err(AwsError::new("LayerInaccessibleException", message));
        }
        let path = BlobPath {
            account: account.clone(),
            region: caller.region.clone(),
            repository: name.clone(),
            digest: digest.clone(),
        };
        Ok(json!({ "downloadUrl": format!("{}{path}", base_url(context)), "layerDigest": digest }))
    }

    /// The content of a layer, in the pieces in which it came.
    pub(crate) fn blob(&self, repository: &str, digest: &str) -> Option<Vec<Bytes>> {
        self.repositories.get(repository)?.layers.get(digest)?.content.clone()
    }
}

/// Answers a GET of a layer's URL; `None` where the path isn't that of a layer. It needs no
/// signature of its own: on AWS, the URL is signed.
pub(crate) fn serve(local: &LocalAws, path: &str) -> Option<Response<Bytes>> {
    let BlobPath { account, region, repository, digest } = BlobPath::parse(path)?;
    let blob = local.in_place(&account, &region, |place| place.ecr.blob(&repository, &digest));
    // Put together here, where the emulator's state is unlocked again.
    Some(respond(blob.map(whole)))
}

fn respond(blob: Option<Bytes>) -> Response<Bytes> {
    let (status, content_type, body) = match blob {
        Some(blob) => (StatusCode::OK, "application/octet-stream", blob),
        // S3's API reference, of the error NoSuchKey.
        None => (
            StatusCode::NOT_FOUND,
            "application/xml",
            Bytes::from_static(
                b"<Error><Code>NoSuchKey</Code>\
                  <Message>The specified key does not exist.</Message></Error>",
            ),
        ),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

pub(crate) fn whole(mut pieces: Vec<Bytes>) -> Bytes {
    if pieces.len() == 1 { pieces.remove(0) } else { pieces.concat().into() }
}

/// The listener's; without one, the bucket that ECR keeps layers in, as AWS documents it for VPC
/// endpoints.
fn base_url(context: &Context<'_>) -> String {
    if let Some(url) = &context.settings.base_url {
        return url.clone();
    }
    let caller = context.caller;
    let (region, suffix) = (&caller.region, caller.partition().dns_suffix);
    format!("https://prod-{region}-starport-layer-bucket.s3.{region}.{suffix}")
}

const PREFIX: &str = "/v2-blobs/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_layer() {
        let path = BlobPath {
            account: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            repository: "team/app".to_owned(),
            digest: "sha256:00".to_owned(),
        };
        assert_eq!(path.to_string(), "/v2-blobs/123456789012/us-east-1/team/app/sha256:00");
        assert_eq!(BlobPath::parse(&path.to_string()), Some(path));
        for other in
            ["/", "/v2-blobs/", "/v2-blobs/1/us-east-1/app", "/v2/1/us-east-1/app/sha256:0"]
        {
            assert_eq!(BlobPath::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_layer_is_served_whole() {
        let pieces = [&b"lay"[..], b"er"].map(Bytes::from_static).to_vec();
        let response = respond(Some(whole(pieces)));
        assert_eq!((response.status(), &response.body()[..]), (StatusCode::OK, &b"layer"[..]));
        assert_eq!(respond(None).status(), StatusCode::NOT_FOUND);
    }
}
