//! A server that takes any push and keeps nothing: the API of ECR and the registry's V2 HTTP
//! protocol. It reads and drops, so that what is measured is the client. It checks nothing, which
//! the emulator is there for.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

type BoxError = Box<dyn Error + Send + Sync>;

/// Answers a request that a push makes; any other, with 400 and a line on stderr.
pub async fn answer<B>(request: Request<B>) -> Response<Full<Bytes>>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let (head, body) = request.into_parts();
    let target = head.headers.get("x-amz-target").and_then(|it| it.to_str().ok());
    let operation = target.and_then(|it| it.split_once('.')).map(|(_, operation)| operation);
    let answered = match operation {
        Some(operation) => api(operation, body).await,
        None => v2(&head, body).await,
    };
    answered.unwrap_or_else(|error| {
        eprintln!("{} {}: {error}", head.method, head.uri);
        status(StatusCode::BAD_REQUEST)
    })
}

/// The operations of ECR's API that a push calls.
async fn api<B>(operation: &str, body: B) -> Result<Response<Full<Bytes>>, BoxError>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    if operation == "UploadLayerPart" {
        let (beginning, end) = drop_the_middle(body).await?;
        // In the end first, which has all of it: the beginning may end within the number.
        let last = last_byte(&end).or_else(|| last_byte(&beginning)).ok_or("no partLastByte")?;
        return Ok(reply(&json!({ "lastByteReceived": last })));
    }
    let input: Value =
        serde_json::from_slice(&body.collect().await.map_err(Into::into)?.to_bytes())?;
    Ok(reply(&match operation {
        "BatchCheckLayerAvailability" => {
            let digests = input["layerDigests"].as_array().ok_or("no layerDigests")?;
            let layer =
                |digest| json!({ "layerDigest": digest, "layerAvailability": "UNAVAILABLE" });
            json!({ "layers": digests.iter().map(layer).collect::<Vec<_>>() })
        }
        "BatchGetImage" => {
            let ids = input["imageIds"].as_array().ok_or("no imageIds")?;
            let failure = |id| json!({ "imageId": id, "failureCode": "ImageNotFound" });
            json!({ "images": [], "failures": ids.iter().map(failure).collect::<Vec<_>>() })
        }
        "CompleteLayerUpload" => json!({ "layerDigest": input["layerDigests"][0] }),
        "InitiateLayerUpload" => json!({ "uploadId": upload_id(), "partSize": 10 * 1024 * 1024 }),
        "PutImage" => {
            let manifest = input["imageManifest"].as_str().ok_or("no imageManifest")?;
            let digest = digest(manifest.as_bytes());
            json!({ "image": { "imageId": { "imageDigest": digest, "imageTag": input["imageTag"] } } })
        }
        other => return Err(format!("{other} isn't what a push needs").into()),
    }))
}

/// The registry's protocol, as far as a push needs it.
async fn v2<B>(head: &http::request::Parts, body: B) -> Result<Response<Full<Bytes>>, BoxError>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let path = head.uri.path();
    match head.method {
        Method::GET if path == "/v2/" => Ok(status(StatusCode::OK)),
        Method::GET | Method::HEAD => Ok(status(StatusCode::NOT_FOUND)),
        Method::PATCH => {
            let received = drop_all(body).await?;
            let response = Response::builder().status(StatusCode::ACCEPTED).header(LOCATION, path);
            // The answer's range covers all that the upload holds, not only this request.
            let range = head.headers.get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
            let last = range.and_then(|range| range.rsplit_once('-')?.1.parse::<usize>().ok());
            let range = format!("0-{}", last.unwrap_or(received.saturating_sub(1)));
            Ok(response.header(RANGE, range).body(Full::default())?)
        }
        Method::POST => {
            let location = format!("{}/{}", path.trim_end_matches('/'), upload_id());
            let response = Response::builder().status(StatusCode::ACCEPTED);
            Ok(response.header(LOCATION, location).body(Full::default())?)
        }
        Method::PUT if path.contains("/manifests/") => {
            let digest = digest(&body.collect().await.map_err(Into::into)?.to_bytes());
            let response = Response::builder().status(StatusCode::CREATED).header(LOCATION, path);
            Ok(response.header("docker-content-digest", digest).body(Full::default())?)
        }
        Method::PUT => {
            drop_all(body).await?;
            let response = Response::builder().status(StatusCode::CREATED).header(LOCATION, path);
            Ok(response.body(Full::default())?)
        }
        _ => Ok(status(StatusCode::METHOD_NOT_ALLOWED)),
    }
}

/// How much of a part's body is kept: what is before and after its content, whatever the
/// repository's name.
const EDGE: usize = 4096;

/// The beginning and the end of a part's body: clients write the numbers there or there.
async fn drop_the_middle<B>(mut body: B) -> Result<(BytesMut, BytesMut), BoxError>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let (mut beginning, mut end) = (BytesMut::new(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(Into::into)?.into_data() {
            let rest = EDGE - beginning.len();
            beginning.extend_from_slice(&data[..rest.min(data.len())]);
            end.extend_from_slice(&data[data.len().saturating_sub(EDGE)..]);
            end = end.split_off(end.len().saturating_sub(EDGE));
        }
    }
    Ok((beginning, end))
}

async fn drop_all<B>(mut body: B) -> Result<usize, BoxError>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let mut received = 0;
    while let Some(frame) = body.frame().await {
        received += frame.map_err(Into::into)?.into_data().map_or(0, |data| data.len());
    }
    Ok(received)
}

fn last_byte(edge: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(edge);
    let (_, number) = text.split_once("\"partLastByte\":")?;
    let end = number.find(|it: char| !it.is_ascii_digit()).unwrap_or(number.len());
    number[..end].parse().ok()
}

fn upload_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("00000000-0000-0000-0000-{:012}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn digest(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

fn reply(value: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(value.to_string()));
    let json = http::HeaderValue::from_static("application/x-amz-json-1.1");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_LENGTH, http::HeaderValue::from_static("0"));
    response
}
