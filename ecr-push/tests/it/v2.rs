//! A registry for one repository with configurable behaviour: the peculiarities of ECR's registry,
//! and the attacks of a hostile one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use ecr_push::Pusher;
use http_body_util::BodyExt as _;
use local_aws::LocalAws;
use serde_json::{Value, json};

use crate::layout::digest;
use crate::panics;

/// A deviation in the handling of one request.
#[derive(Debug, Clone)]
pub(crate) enum Quirk {
    /// The connection breaks before the registry receives anything.
    Drop,
    /// The connection breaks after this many bytes of the request's content.
    DropAfter(usize),
    /// A proxy answers with this status and HTML.
    Html(u16),
    /// The registry carries the request out, and the connection breaks.
    LoseAnswer,
    /// The registry carries the request out, and answers with this `Location` instead of the right
    /// one.
    Location(Option<&'static str>),
    /// The registry rejects the request with a status, a code and a message. The response has no
    /// body if the code is empty.
    Refuse(u16, &'static str, &'static str),
    /// The registry answers with this digest, or with none, and keeps its tags.
    Stored(Option<&'static str>),
}

#[derive(Debug, Default)]
struct State {
    blobs: BTreeMap<String, Vec<u8>>,
    elsewhere: Vec<String>,
    manifests: BTreeMap<String, Vec<u8>>,
    tags: BTreeMap<String, String>,
    uploads: BTreeMap<String, Vec<u8>>,
    begun: usize,
    /// The deviations, by the kind of request and its number within that kind.
    quirks: Vec<(&'static str, usize, Quirk)>,
    seen: BTreeMap<&'static str, usize>,
    journal: Vec<String>,
    hosts: Vec<String>,
    logins: Vec<Option<String>>,
    /// Of a chunk, only what fills whole steps of this many bytes is kept.
    step: Option<usize>,
    /// Chunks are neither read nor answered.
    stalls: bool,
    /// A mount is answered as if it had succeeded.
    mounts_lie: bool,
    /// How often each token is good.
    token_uses: Option<usize>,
    uses: BTreeMap<String, usize>,
}

/// The registry, in front of the emulator's API, which receives all other requests.
#[derive(Debug, Clone)]
pub(crate) struct V2 {
    api: SharedHttpClient,
    state: Arc<Mutex<State>>,
}

impl V2 {
    pub(crate) fn beside(local: &LocalAws) -> (Self, Pusher) {
        panics::forbid();
        let config = local.sdk_config();
        let v2 = Self { api: config.http_client().unwrap(), state: Arc::default() };
        let config = config.to_builder().http_client(v2.clone()).build();
        (v2, Pusher::new(&config))
    }

    /// Sets a deviation for the `nth` request of a kind, counted from 1. The kinds are `POST
    /// mount`, `POST upload`, `PATCH upload`, `PUT upload`, `PUT manifest`, `HEAD blob` and `HEAD
    /// manifest`.
    pub(crate) fn quirk(&self, kind: &'static str, nth: usize, quirk: Quirk) {
        self.state().quirks.push((kind, nth, quirk));
    }

    /// Keeps only whole steps of what the chunks of an upload carry.
    pub(crate) fn keeps_whole(&self, step: usize) {
        self.state().step = Some(step);
    }

    /// Stops to read and to answer chunks.
    pub(crate) fn stalls(&self) {
        self.state().stalls = true;
    }

    /// Answers mounts as if they had succeeded, and refuses manifests whose blobs are missing.
    pub(crate) fn mounts_lie(&self) {
        self.state().mounts_lie = true;
    }

    /// Rejects each token after so many requests.
    pub(crate) fn tokens_are_good_for(&self, requests: usize) {
        self.state().token_uses = Some(requests);
    }

    /// Adds this blob to another repository.
    pub(crate) fn has_elsewhere(&self, digest: &str) {
        self.state().elsewhere.push(digest.to_owned());
    }

    pub(crate) fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        self.state().blobs.get(digest).cloned()
    }

    pub(crate) fn tagged(&self, tag: &str) -> Option<String> {
        self.state().tags.get(tag).cloned()
    }

    /// Returns every request, such as `PATCH upload 0-99`.
    pub(crate) fn journal(&self) -> Vec<String> {
        self.state().journal.clone()
    }

    pub(crate) fn count(&self, kind: &str) -> usize {
        self.state().journal.iter().filter(|request| request.starts_with(kind)).count()
    }

    /// Returns the hosts that received a request.
    pub(crate) fn hosts(&self) -> Vec<String> {
        let mut hosts = self.state().hosts.clone();
        hosts.sort();
        hosts.dedup();
        hosts
    }

    /// Returns the login of each request.
    pub(crate) fn logins(&self) -> Vec<Option<String>> {
        self.state().logins.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let asked = Asked::read(&request);
        let is_stalled = self.state().stalls && asked.kind() == "PATCH upload";
        if is_stalled {
            self.state().journal.push(asked.to_string());
            return std::future::pending().await;
        }
        let body = request.into_body().collect().await.map_err(ConnectorError::user)?.to_bytes();
        tokio::task::yield_now().await;
        let mut state = self.state();
        state.hosts.push(asked.host.clone());
        state.logins.push(asked.login.clone());
        state.journal.push(asked.to_string());
        let seen = state.seen.entry(asked.kind()).or_default();
        *seen += 1;
        let nth = *seen;
        let quirk = state.quirks.iter().find(|(kind, at, _)| *kind == asked.kind() && *at == nth);
        let quirk = quirk.map(|(.., quirk)| quirk.clone());
        if let (Some(most), Some(login)) = (state.token_uses, asked.login.clone()) {
            let uses = state.uses.entry(login).or_default();
            *uses += 1;
            if *uses > most {
                return Ok(refusal(403, "DENIED", "Your authorization token has expired."));
            }
        }
        let broken = || Err(ConnectorError::io("the connection was reset".into()));
        match quirk {
            None => Ok(state.carry_out(&asked, &body)),
            Some(Quirk::Drop) => broken(),
            Some(Quirk::DropAfter(len)) => {
                state.carry_out(&asked, &body[..len]);
                broken()
            }
            Some(Quirk::LoseAnswer) => {
                state.carry_out(&asked, &body);
                broken()
            }
            Some(Quirk::Location(location)) => {
                let mut answer = state.carry_out(&asked, &body);
                answer.headers_mut().remove("location");
                if let Some(location) = location {
                    answer.headers_mut().insert("location", location);
                }
                Ok(answer)
            }
            Some(Quirk::Html(status)) => Ok(html(status)),
            Some(Quirk::Stored(digest)) => {
                let mut answer = HttpResponse::new(201.try_into().unwrap(), SdkBody::empty());
                if let Some(digest) = digest {
                    answer.headers_mut().insert("docker-content-digest", digest);
                }
                Ok(answer)
            }
            Some(Quirk::Refuse(status, code, message)) => Ok(refusal(status, code, message)),
        }
    }
}

/// A parsed request.
struct Asked {
    method: String,
    host: String,
    path: String,
    query: BTreeMap<String, String>,
    range: Option<String>,
    login: Option<String>,
}

impl Asked {
    fn read(request: &HttpRequest) -> Self {
        let (_, rest) = request.uri().split_once("://").unwrap();
        let (host, rest) = rest.split_once('/').unwrap();
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let query = query.split('&').filter_map(|pair| pair.split_once('='));
        Self {
            method: request.method().to_owned(),
            host: host.to_owned(),
            path: path.to_owned(),
            query: query.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            range: request.headers().get("content-range").map(str::to_owned),
            login: request.headers().get("authorization").map(str::to_owned),
        }
    }

    fn kind(&self) -> &'static str {
        match (self.method.as_str(), self.path.as_str()) {
            ("POST", _) if self.query.contains_key("mount") => "POST mount",
            ("POST", _) => "POST upload",
            ("PATCH", _) => "PATCH upload",
            ("PUT", path) if path.contains("/uploads/") => "PUT upload",
            ("PUT", _) => "PUT manifest",
            ("HEAD", path) if path.contains("/blobs/") => "HEAD blob",
            _ => "HEAD manifest",
        }
    }

    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap()
    }
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())?;
        match &self.range {
            Some(range) => write!(f, " {range}"),
            None => Ok(()),
        }
    }
}

impl State {
    fn has_blobs_of(&self, manifest: &[u8]) -> bool {
        let manifest: Value = serde_json::from_slice(manifest).unwrap();
        let layers = manifest["layers"].as_array().unwrap();
        let mut blobs = layers.iter().chain([&manifest["config"]]);
        blobs.all(|blob| self.blobs.contains_key(blob["digest"].as_str().unwrap()))
    }

    fn carry_out(&mut self, asked: &Asked, body: &[u8]) -> HttpResponse {
        match asked.kind() {
            "POST mount" if self.mounts_lie => {
                HttpResponse::new(201.try_into().unwrap(), SdkBody::empty())
            }
            "POST mount" | "POST upload" => match asked.query.get("mount") {
                Some(digest) if self.elsewhere.contains(digest) => {
                    self.blobs.insert(digest.clone(), Vec::new());
                    HttpResponse::new(201.try_into().unwrap(), SdkBody::empty())
                }
                _ => {
                    self.begun += 1;
                    let id = format!("upload-{}", self.begun);
                    self.uploads.insert(id.clone(), Vec::new());
                    upload(202, &id)
                }
            },
            "PATCH upload" => {
                let Some(content) = self.uploads.get_mut(asked.name()) else {
                    return refusal(404, "BLOB_UPLOAD_UNKNOWN", "no such upload");
                };
                let first: usize =
                    asked.range.as_ref().unwrap().split('-').next().unwrap().parse().unwrap();
                if first != content.len() {
                    let at = content.len();
                    let text = format!("First byte of the layer part is {first} instead of {at}");
                    return refusal(416, "BLOB_UPLOAD_INVALID", &text);
                }
                content.extend_from_slice(body);
                let step = self.step.unwrap_or(1);
                content.truncate(content.len() / step * step);
                let last = content.len().saturating_sub(1);
                // ECR answers 201 instead of 202.
                let mut answer = upload(201, asked.name());
                if asked.login.is_none() {
                    answer.headers_mut().insert("range", format!("0-{last}"));
                }
                answer
            }
            "PUT upload" => {
                let Some(mut content) = self.uploads.remove(asked.name()) else {
                    return refusal(404, "BLOB_UPLOAD_UNKNOWN", "no such upload");
                };
                if let Some(range) = &asked.range {
                    assert_eq!(range.split('-').next().unwrap(), content.len().to_string());
                }
                content.extend_from_slice(body);
                if digest(&content) != asked.query["digest"] {
                    return refusal(400, "DIGEST_INVALID", "not the digest");
                }
                self.blobs.insert(asked.query["digest"].clone(), content);
                HttpResponse::new(201.try_into().unwrap(), SdkBody::empty())
            }
            "PUT manifest" => {
                if self.mounts_lie && !self.has_blobs_of(body) {
                    return refusal(404, "BLOB_UNKNOWN", "blob unknown to registry");
                }
                let digest = digest(body);
                self.manifests.insert(digest.clone(), body.to_vec());
                if !asked.name().starts_with("sha256:") {
                    self.tags.insert(asked.name().to_owned(), digest.clone());
                }
                let mut answer = HttpResponse::new(201.try_into().unwrap(), SdkBody::empty());
                answer.headers_mut().insert("docker-content-digest", digest);
                answer
            }
            "HEAD blob" if self.blobs.contains_key(asked.name()) => {
                HttpResponse::new(200.try_into().unwrap(), SdkBody::empty())
            }
            "HEAD manifest" => {
                let name = asked.name().to_owned();
                let digest = self.tags.get(&name).cloned().unwrap_or(name);
                if !self.manifests.contains_key(&digest) {
                    return refusal(404, "", "");
                }
                let mut answer = HttpResponse::new(200.try_into().unwrap(), SdkBody::empty());
                answer.headers_mut().insert("docker-content-digest", digest);
                answer
            }
            _ => refusal(404, "", ""),
        }
    }
}

fn upload(status: u16, id: &str) -> HttpResponse {
    let mut answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
    let location = format!("/v2/demo/web/blobs/uploads/{id}");
    answer.headers_mut().insert("location", location);
    // ECR doesn't keep this header up to date.
    answer.headers_mut().insert("range", "0-0");
    answer
}

/// Returns the page of a proxy.
pub(crate) fn html(status: u16) -> HttpResponse {
    let page = "<html><head><title>Sign in to \u{1b}[31mthe network</title></head></html>";
    let mut answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(page));
    answer.headers_mut().insert("content-type", "text/html; charset=utf-8");
    answer
}

fn refusal(status: u16, code: &str, message: &str) -> HttpResponse {
    let body = match code {
        "" => SdkBody::empty(),
        code => {
            let errors = json!({ "errors": [{ "code": code, "message": message }] });
            SdkBody::from(errors.to_string())
        }
    };
    HttpResponse::new(status.try_into().unwrap(), body)
}

impl HttpConnector for V2 {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let v2 = self.clone();
        HttpConnectorFuture::new(async move { v2.answer(request).await })
    }
}

/// A connector that chooses between the registry and the API by the path.
#[derive(Debug)]
struct ByPath {
    v2: V2,
    api: SharedHttpConnector,
}

impl HttpConnector for ByPath {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match request.uri().contains("/v2/") {
            true => self.v2.call(request),
            false => self.api.call(request),
        }
    }
}

impl HttpClient for V2 {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let api = self.api.http_connector(settings, components);
        SharedHttpConnector::new(ByPath { v2: self.clone(), api })
    }
}
