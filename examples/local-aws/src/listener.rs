//! The front for programs: HTTP/1.1 on the loopback interface.

mod guard;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, HOST};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::core::Reply;
use crate::error::AwsError;
use crate::link::{Line, pause};
use crate::local::LocalAws;
use crate::orders;
use crate::registry::{self, Registry};
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
        let accepting = tokio::spawn(accept(listener, address.ip(), local.clone()));
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

impl LocalAws {
    /// An empty emulator that listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If the operating system has no free port.
    pub async fn start() -> std::io::Result<Server> {
        Self::new().listen(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Serves this emulator over HTTP at `address`, until the returned [`Server`] is dropped.
    ///
    /// # Errors
    /// If the address is taken, or isn't an address of this machine.
    pub async fn listen(&self, address: SocketAddr) -> std::io::Result<Server> {
        let server = Server::bind(self.clone(), address).await?;
        self.in_core(|core, _| core.settings.base_url = Some(server.endpoint_url()));
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// How long the listener pauses after a failed accept, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The pauses after failed accepts that follow each other, each twice as long as the one before.
#[derive(Debug)]
struct Pauses(Duration);

impl Pauses {
    fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}

async fn accept(listener: TcpListener, listens_on: IpAddr, local: LocalAws) {
    let mut connections = JoinSet::new();
    let mut pauses = Pauses(FIRST_PAUSE);
    loop {
        // A failed accept is the peer's doing, or a passing lack of file descriptors: then each
        // attempt fails at once, and without a pause the loop would spin.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(pauses.next()).await;
            continue;
        };
        pauses = Pauses(FIRST_PAUSE);
        let _ = stream.set_nodelay(true);
        let local = local.clone();
        connections.spawn(async move {
            let line = local.line();
            let service =
                service_fn(move |request| answer(local.clone(), line.clone(), listens_on, request));
            // A peer may break off in the middle of a request: the server doesn't fail for that.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(
    local: LocalAws,
    line: Line,
    listens_on: IpAddr,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Broken> {
    if let Err(problem) = guard::check(request.headers(), listens_on) {
        return Ok(refused(&problem));
    }
    if registry::is_path(request.uri().path()) {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let registry = host.and_then(Registry::of_host).unwrap_or_else(Registry::local);
        return send(registry::serve(&local, &line, registry, request).await).await;
    }
    let (parts, body) = request.into_parts();
    let announced = body.size_hint().lower();
    // If the length is announced, the body needn't be read at all.
    if announced > MAX_REQUEST_BYTES as u64 {
        return Ok(too_large());
    }
    let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let stall = target.and_then(|target| local.breaks_mid_body(target, announced));
    let breaks_at = stall.map(|_| announced / 2);
    let body = match receive(body, &local, &line, breaks_at).await {
        Ok(body) => body,
        Err(Broken::TooLarge) => return Ok(too_large()),
        Err(broken) => {
            if let Broken::Stalled { received } = broken {
                local.in_core(|core, now| core.record_stalled(target, received, now));
            }
            pause(stall.unwrap_or_default()).await;
            return Err(broken);
        }
    };
    line.round_trip().await;
    if parts.uri.path() == orders::PATH {
        if parts.method != Method::GET
            && let Err(problem) = guard::check_json(&parts.headers)
        {
            return Ok(refused(&problem));
        }
        return Ok(orders::answer(&local, &parts.method, &body).map(Full::new));
    }
    send(local.answer(Request::from_parts(parts, body))).await
}

async fn send(reply: Reply) -> Result<Response<Full<Bytes>>, Broken> {
    match reply {
        Reply::Answer(response, delay) => {
            pause(delay).await;
            Ok(response.map(Full::new))
        }
        Reply::Lost(delay) => {
            pause(delay).await;
            Err(Broken::AsScripted)
        }
    }
}

/// Reads the body as fast as the line lets it through, up to the byte at which the connection
/// breaks.
async fn receive(
    mut body: Incoming,
    local: &LocalAws,
    line: &Line,
    breaks_at: Option<u64>,
) -> Result<Bytes, Broken> {
    // Announced by the client, and bounded above; what isn't announced grows with what comes.
    let mut received = BytesMut::with_capacity(body.size_hint().lower() as usize);
    loop {
        let Ok(frame) = local.piece(body.frame()).await else {
            return Err(Broken::Stalled { received: received.len() as u64 });
        };
        let Some(frame) = frame else { break };
        let Ok(data) = frame.map_err(|_| Broken::MidRequest)?.into_data() else { continue };
        line.receive(data.len() as u64).await;
        received.extend_from_slice(&data);
        if breaks_at.is_some_and(|at| received.len() as u64 >= at) {
            return Err(Broken::AsScripted);
        }
        if received.len() > MAX_REQUEST_BYTES {
            return Err(Broken::TooLarge);
        }
    }
    Ok(received.freeze())
}

/// The connection closes after it, because the rest of the body can't be read as a request. The
/// code is inferred; the status is HTTP's.
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

/// The answer to a web page. The connection closes after it, because the body isn't read.
fn refused(problem: &str) -> Response<Full<Bytes>> {
    let mut response = orders::error(StatusCode::FORBIDDEN, problem).map(Full::new);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Makes hyper close the connection without an answer.
#[derive(Debug)]
enum Broken {
    AsScripted,
    MidRequest,
    Stalled { received: u64 },
    TooLarge,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Broken::AsScripted => "the connection breaks, as scripted",
            Broken::MidRequest => "the client broke off in the middle of its request",
            Broken::Stalled { .. } => "the body of the request stalled for too long",
            Broken::TooLarge => "the request is too large",
        })
    }
}

impl std::error::Error for Broken {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_after_failed_accepts_grow_to_a_second() {
        let mut pauses = Pauses(FIRST_PAUSE);
        let pauses: Vec<u128> = (0..10).map(|_| pauses.next().as_millis()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    }
}
