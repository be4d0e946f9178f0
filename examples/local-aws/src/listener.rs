//! The front for programs: HTTP/1.1 on the loopback interface.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::core::Reply;
use crate::error::AwsError;
use crate::local::LocalAws;
use crate::wire::json_response;

/// The largest request that AWS would take is a part of 20 MiB in base64; this is beyond it.
const MAX_REQUEST_BYTES: usize = 64 * 1024 * 1024;

/// An emulator that listens. Dropping it closes the listener and every connection.
#[derive(Debug)]
pub struct Server {
    local: LocalAws,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn bind(local: LocalAws, address: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, local.clone()));
        Ok(Self { local, address, accepting })
    }

    /// The emulator behind the listener.
    pub fn local(&self) -> &LocalAws {
        &self.local
    }

    /// What `AWS_ENDPOINT_URL` has to be.
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The variables that point any AWS client of this machine at the emulator. The keys are made
    /// up: any will do.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint_url()),
            ("AWS_REGION", LocalAws::REGION.to_owned()),
            // What boto3 reads instead.
            ("AWS_DEFAULT_REGION", LocalAws::REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIALOCALAWSEXAMPLE".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        ]
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, local: LocalAws) {
    let mut connections = JoinSet::new();
    loop {
        // A failed accept is the peer's doing, or a passing lack of file descriptors.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let local = local.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| answer(local.clone(), request));
            // A peer that breaks off mid-request is no failure of the server's.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(
    local: LocalAws,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Broken> {
    let (parts, body) = request.into_parts();
    // Where the length is announced, not a byte of it need be read.
    if body.size_hint().lower() > MAX_REQUEST_BYTES as u64 {
        return Ok(too_large());
    }
    match Limited::new(body, MAX_REQUEST_BYTES).collect().await {
        Ok(body) => match local.answer(Request::from_parts(parts, body.to_bytes())) {
            Reply::Answer(response) => Ok(response.map(Full::new)),
            Reply::Lost => Err(Broken::AsScripted),
        },
        Err(error) if error.is::<LengthLimitError>() => Ok(too_large()),
        Err(_) => Err(Broken::MidRequest),
    }
}

/// The connection closes with it: what of the body is still to come is no request. The code is
/// inferred, the status is HTTP's.
fn too_large() -> Response<Full<Bytes>> {
    let error = AwsError::new(
        "RequestEntityTooLargeException",
        format!("The request has more than {MAX_REQUEST_BYTES} bytes"),
    )
    .status(StatusCode::PAYLOAD_TOO_LARGE);
    let mut response = json_response(Err(&error), "").map(Full::new);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Makes hyper close the connection without an answer.
#[derive(Debug)]
enum Broken {
    AsScripted,
    MidRequest,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Broken::AsScripted => "the connection breaks, as scripted",
            Broken::MidRequest => "the client broke off in the middle of its request",
        })
    }
}

impl std::error::Error for Broken {}
