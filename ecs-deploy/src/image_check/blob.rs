//! Download of an image's config from a signed URL that ECR returns. The URL works like a password
//! while it is valid, so neither the URL nor an error that may contain it enters any text.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::http::{HttpRequest, HttpResponse};
use aws_sdk_ecr::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_ecr::config::{ConfigBag, HttpClient as _, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::{BoxError, ConnectorError};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings};
use aws_smithy_types::byte_stream::ByteStream;
use sha2::{Digest as _, Sha256};

use crate::image_check::finding::{ImageProblem, refused, unchecked};
use crate::image_check::reference::EcrImage;

/// Downloads the config with this digest. It makes one attempt; the caller may check again.
pub(super) async fn fetch(
    client: &Client,
    image: &EcrImage<'_>,
    digest: &str,
    size: u64,
) -> Result<Vec<u8>, ImageProblem> {
    if size > LARGEST {
        return Err(unchecked(format!("its config has {size} bytes, the limit is {LARGEST}")));
    }
    let transport = Transport::default();
    let output = client
        .get_download_url_for_layer()
        .registry_id(image.host.account)
        .repository_name(image.repository)
        .layer_digest(digest)
        .customize()
        .interceptor(transport.clone())
        .send()
        .await
        .map_err(|error| refused("GetDownloadUrlForLayer", image, error))?;
    let Some(url) = output.download_url() else {
        return Err(unchecked("ECR's response has no URL for its config".to_owned()));
    };
    download(&transport, url, size)
        .await
        .and_then(|bytes| verify(bytes, digest))
        .map_err(|why| unchecked(format!("its config couldn't be downloaded: {why}")))
}

async fn download(transport: &Transport, url: &str, size: u64) -> Result<Vec<u8>, String> {
    let request = HttpRequest::get(url).map_err(|_| "ECR's URL for it is invalid".to_owned())?;
    let response = transport.send(request).await?;
    let status = response.status().as_u16();
    if status != 200 {
        return Err(format!("the response has the HTTP status {status}"));
    }
    let mut body = ByteStream::new(response.into_body());
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece.map_err(|_| "the connection broke".to_owned())?);
        if bytes.len() as u64 > size {
            return Err(format!("it has more than {size} bytes"));
        }
    }
    Ok(bytes)
}

fn verify(bytes: Vec<u8>, digest: &str) -> Result<Vec<u8>, String> {
    let hex: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    match digest.strip_prefix("sha256:") {
        Some(expected) if expected == hex => Ok(bytes),
        _ => Err(format!("it has the digest sha256:{hex} instead of {digest}")),
    }
}

/// The HTTP client of the call that returned the URL. The application configures its proxies and
/// TLS, so a second client would need the same settings.
#[derive(Debug, Clone, Default)]
struct Transport {
    components: Arc<Mutex<Option<RuntimeComponents>>>,
}

impl Transport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, String> {
        let components = self.components.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let with_client = components.and_then(|it| Some((it.http_client()?, it)));
        let Some((client, components)) = with_client else {
            return Err("the HTTP client is missing".to_owned());
        };
        let connector = client.http_connector(&HttpConnectorSettings::default(), &components);
        connector.call(request).await.map_err(|error| kind(&error).to_owned())
    }
}

impl Intercept for Transport {
    fn name(&self) -> &'static str {
        "Transport"
    }

    fn read_after_deserialization(
        &self,
        _: &AfterDeserializationInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *self.components.lock().unwrap_or_else(PoisonError::into_inner) = Some(components.clone());
        Ok(())
    }
}

fn kind(error: &ConnectorError) -> &'static str {
    if error.is_timeout() {
        "the request timed out"
    } else if error.is_io() {
        "the connection failed"
    } else {
        "the request couldn't be sent"
    }
}

/// The largest config that is read. Usual configs have a few kilobytes.
const LARGEST: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_is_what_was_asked_for() {
        let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(verify(Vec::new(), digest), Ok(Vec::new()));
        assert_eq!(
            verify(Vec::new(), "sha256:00").unwrap_err(),
            format!("it has the digest {digest} instead of sha256:00")
        );
        assert!(verify(Vec::new(), "sha512:00").is_err());
    }
}
