//! The front for programs: HTTP/1.1 on the loopback interface.

use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::core::Reply;
use crate::local::LocalAws;

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
        Ok(Self {
            local,
            address,
            accepting,
        })
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
    pub fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint_url()),
            ("AWS_REGION", LocalAws::REGION.to_owned()),
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
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(
    local: LocalAws,
    request: Request<Incoming>,
) -> Result<http::Response<Full<Bytes>>, Broken> {
    let (parts, body) = request.into_parts();
    let response = match Limited::new(body, MAX_REQUEST_BYTES).collect().await {
        Ok(body) => match local.answer(Request::from_parts(parts, body.to_bytes())) {
            Reply::Answer(response) => response,
            Reply::Lost => return Err(Broken),
        },
        Err(_) => {
            let mut response = http::Response::new(Bytes::new());
            *response.status_mut() = http::StatusCode::PAYLOAD_TOO_LARGE;
            response
        }
    };
    Ok(response.map(Full::new))
}

/// Makes hyper close the connection without an answer.
#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection breaks, as scripted")
    }
}

impl std::error::Error for Broken {}
