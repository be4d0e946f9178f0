//! GetDownloadUrlForLayer, and what its URL serves.

use bytes::Bytes;
use http::header::{CONTENT_RANGE, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::ecr::constraints;
use crate::ecr::store::{Ecr, On};
use crate::error::AwsError;

/// The place of a layer: what comes after the host in its URL.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BlobPath {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) repository: String,
    pub(crate) digest: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GetDownloadUrlForLayer {
    pub(crate) registry_id: Option<String>,
    pub(crate) repository_name: String,
    layer_digest: String,
}

impl GetDownloadUrlForLayer {
    pub(crate) fn new(on: On<'_>, digest: &str) -> Self {
        Self {
            registry_id: Some(on.registry.to_owned()),
            repository_name: on.repository.to_owned(),
            layer_digest: digest.to_owned(),
        }
    }
}

impl BlobPath {
    /// Parses the path of a GET; `None` if it isn't the path of a layer.
    pub(crate) fn parse(path: &str) -> Option<Self> {
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
        // ECR's API reference: there are URLs only for layers that an image refers to. The refusal
        // of an archived layer and its words are inferred.
        let referred = repository.refers_to(digest);
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

/// Answers a GET of a layer's URL, of all of it or of a range. It needs no signature of its own: on
/// AWS, the URL is signed.
pub(crate) fn respond(blob: Option<Bytes>, range: Option<&HeaderValue>) -> Response<Bytes> {
    let range = range.and_then(|range| range.to_str().ok());
    let Some(blob) = blob else {
        return failure(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.");
    };
    let length = blob.len();
    match range.map_or(Wanted::All, |range| Wanted::parse(range, length)) {
        Wanted::All => response(StatusCode::OK, "application/octet-stream", blob),
        Wanted::Nothing => failure(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "InvalidRange",
            "The requested range is not satisfiable",
        ),
        Wanted::Part(first, last) => {
            let part = blob.slice(first..=last);
            let mut part = response(StatusCode::PARTIAL_CONTENT, "application/octet-stream", part);
            let range = HeaderValue::from_str(&format!("bytes {first}-{last}/{length}"));
            part.headers_mut().extend(range.ok().map(|range| (CONTENT_RANGE, range)));
            part
        }
    }
}

/// What a `Range` asks for, as RFC 9110 has it.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    All,
    Nothing,
    /// The first and the last byte.
    Part(usize, usize),
}

impl Wanted {
    /// One range of bytes. Anything else is ignored, as the RFC and S3 have it.
    fn parse(range: &str, length: usize) -> Self {
        let Some((first, last)) = range.strip_prefix("bytes=").and_then(|it| it.split_once('-'))
        else {
            return Self::All;
        };
        let (first, last) = match (first.parse(), last.parse::<usize>()) {
            (Ok(first), Ok(last)) if first <= last => (first, last),
            (Ok(first), Err(_)) if last.is_empty() => (first, usize::MAX),
            (Err(_), Ok(0)) if first.is_empty() => return Self::Nothing,
            (Err(_), Ok(suffix)) if first.is_empty() => (length.saturating_sub(suffix), usize::MAX),
            _ => return Self::All,
        };
        if first < length { Self::Part(first, last.min(length - 1)) } else { Self::Nothing }
    }
}

/// S3's API reference, "Error responses".
fn failure(status: StatusCode, code: &str, message: &str) -> Response<Bytes> {
    let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    response(status, "application/xml", body.into())
}

fn response(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Bytes> {
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
        let response = respond(Some(whole(pieces)), None);
        assert_eq!((response.status(), &response.body()[..]), (StatusCode::OK, &b"layer"[..]));
        assert_eq!(respond(None, None).status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn a_range_is_served_where_there_is_one() {
        for (range, wanted) in [
            ("bytes=0-1", Wanted::Part(0, 1)),
            ("bytes=3-", Wanted::Part(3, 4)),
            ("bytes=3-99", Wanted::Part(3, 4)),
            ("bytes=-2", Wanted::Part(3, 4)),
            ("bytes=-99", Wanted::Part(0, 4)),
            ("bytes=5-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=2-1", Wanted::All),
            ("bytes=0-1,3-4", Wanted::All),
            ("lines=0-1", Wanted::All),
        ] {
            assert_eq!(Wanted::parse(range, 5), wanted, "{range}");
        }
        assert_eq!(Wanted::parse("bytes=0-", 0), Wanted::Nothing);
        let response = respond(
            Some(Bytes::from_static(b"layer")),
            Some(&HeaderValue::from_static("bytes=1-3")),
        );
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(response.headers()[CONTENT_RANGE], "bytes 1-3/5");
        assert_eq!(&response.body()[..], b"aye");
        let response = respond(
            Some(Bytes::from_static(b"layer")),
            Some(&HeaderValue::from_static("bytes=5-")),
        );
        assert_eq!(response.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    }
}
