//! A request to the registry, without its body.

use http::header::{ACCEPT, CONTENT_TYPE, HOST, LOCATION};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method};

use crate::ecr::On;
use crate::registry::answer::Answer;
use crate::registry::route::{Registry, Route};

/// A request, without its body.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) route: Route,
    pub(super) registry: Registry,
    pub(super) host: String,
    /// What comes before the path in the URLs of answers: empty if the request doesn't say by which
    /// scheme it came.
    pub(super) origin: String,
    pub(super) accept: Vec<String>,
    pub(super) content_type: Option<String>,
    pub(super) is_head: bool,
}

impl Call {
    pub(super) fn new(registry: Registry, head: &Parts) -> Self {
        let text = |name| text(&head.headers, &name);
        let host = head.uri.authority().map(|it| it.as_str()).or_else(|| text(HOST));
        let origin = match (head.uri.scheme_str(), head.uri.authority()) {
            (Some(scheme), Some(authority)) => format!("{scheme}://{authority}"),
            _ => String::new(),
        };
        let media_type = text(CONTENT_TYPE).and_then(|it| it.split(';').next()).map(str::trim);
        let accept = head.headers.get_all(ACCEPT).iter().filter_map(|it| it.to_str().ok());
        Self {
            route: Route::of(&head.method, &head.uri),
            registry,
            host: host.unwrap_or_default().to_owned(),
            origin,
            accept: accept.map(str::to_owned).collect(),
            content_type: media_type.map(str::to_owned),
            is_head: head.method == Method::HEAD,
        }
    }

    /// The repository that it is about.
    pub(super) fn on(&self) -> On<'_> {
        On { registry: &self.registry.account, repository: &self.route.repository }
    }

    pub(super) fn with_upload(&self, answer: Answer, id: &str) -> Answer {
        let Self { origin, route, .. } = self;
        answer
            .header(LOCATION, format!("{origin}/v2/{}/blobs/uploads/{id}", route.repository))
            .header(UPLOAD_ID, id)
    }

    pub(super) fn with_blob(&self, answer: Answer, digest: &str) -> Answer {
        let Self { origin, route, .. } = self;
        answer
            .header(LOCATION, format!("{origin}/v2/{}/blobs/{digest}", route.repository))
            .header(CONTENT_DIGEST, digest)
    }

    /// Whether a manifest of this type may be answered; any may if the request names none.
    pub(super) fn accepts(&self, media_type: &str) -> bool {
        let range = |accepted: &str| {
            let accepted = accepted.split(';').next().unwrap_or_default().trim();
            accepted == media_type || matches!(accepted, "*/*" | "application/*")
        };
        self.accept.is_empty() || self.accept.iter().flat_map(|it| it.split(',')).any(range)
    }
}

pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");

pub(super) fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
