//! The registry endpoint, in process: a push and a pull by hand, and each of ECR's oddities.

use std::sync::{Arc, Mutex};

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_ecr::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient as _, HttpConnector as _, HttpConnectorSettings,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use local_aws::LocalAws;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use crate::ecr::{REPOSITORY, World, digest};
use crate::ecr_images::{OCI, manifest};

pub(crate) const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

/// A client of the registry that sends any request, right or wrong.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    pub(crate) local: LocalAws,
    pub(crate) components: RuntimeComponents,
    pub(crate) host: String,
    pub(crate) authorization: Option<String>,
}

/// What came back, where anything did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Registry {
    /// Calls with the token of the one user.
    pub(crate) async fn new(world: &World) -> Self {
        Self::with(&world.local, &world.ecr).await
    }

    /// Calls with the token of the principal of `ecr`.
    pub(crate) async fn with(local: &LocalAws, ecr: &Client) -> Self {
        let components = Components::default();
        let token = ecr.get_authorization_token().customize().interceptor(components.clone());
        let token = token.send().await.unwrap();
        let token = token.authorization_data()[0].authorization_token().unwrap();
        Self {
            local: local.clone(),
            components: components.0.lock().unwrap().take().unwrap(),
            host: HOST.to_owned(),
            authorization: Some(format!("Basic {token}")),
        }
    }

    /// `None` if the connection breaks.
    pub(crate) async fn call(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<SdkBody>,
    ) -> Option<Answer> {
        let uri = format!("https://{}{target}", self.host);
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let request = HttpRequest::try_from(request.body(body.into()).unwrap()).unwrap();
        let settings = HttpConnectorSettings::builder().build();
        let client = self.local.sdk_config().http_client().unwrap();
        let answer = client.http_connector(&settings, &self.components).call(request).await.ok()?;
        let headers = answer.headers().iter();
        Some(Answer {
            status: answer.status().as_u16(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: answer.body().bytes().unwrap_or_default().to_vec(),
        })
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.call("GET", target, &[], SdkBody::empty()).await.unwrap()
    }

    pub(crate) async fn head(&self, target: &str) -> Answer {
        self.call("HEAD", target, &[], SdkBody::empty()).await.unwrap()
    }

    /// Starts an upload, and returns its path.
    pub(crate) async fn start(&self) -> String {
        let started = self.call("POST", UPLOADS, &[], SdkBody::empty()).await.unwrap();
        assert_eq!(started.status, 202);
        self.path(started.header("location").unwrap())
    }

    /// A PATCH of what begins at `first`.
    pub(crate) async fn patch(&self, upload: &str, first: usize, content: &[u8]) -> Option<Answer> {
        let range = format!("{first}-{}", first + content.len() - 1);
        self.call("PATCH", upload, &[("content-range", &range)], content.to_vec()).await
    }

    pub(crate) async fn complete(&self, upload: &str, digest: &str) -> Answer {
        let target = format!("{upload}?digest={digest}");
        self.call("PUT", &target, &[], SdkBody::empty()).await.unwrap()
    }

    pub(crate) async fn push(&self, content: &[u8]) -> String {
        let upload = self.start().await;
        assert_eq!(self.patch(&upload, 0, content).await.unwrap().status, 201);
        let digest = digest(content);
        assert_eq!(self.complete(&upload, &digest).await.status, 201);
        digest
    }

    pub(crate) async fn put(&self, reference: &str, manifest: &str) -> Option<Answer> {
        let target = format!("/v2/{REPOSITORY}/manifests/{reference}");
        self.call("PUT", &target, &[("content-type", OCI)], manifest.to_owned()).await
    }

    /// What comes after the registry in a URL of its own.
    fn path(&self, url: &str) -> String {
        url.strip_prefix(&format!("https://{}", self.host)).unwrap().to_owned()
    }
}

/// What an SDK's HTTP client is called with: seen in a call.
#[derive(Debug, Clone, Default)]
struct Components(Arc<Mutex<Option<RuntimeComponents>>>);

impl Intercept for Components {
    fn name(&self) -> &'static str {
        "Components"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *self.0.lock().unwrap() = Some(components.clone());
        Ok(())
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The status, the code and the message of a refusal.
    pub(crate) fn refusal(&self) -> (u16, String, String) {
        assert_eq!(self.header("content-type"), Some("application/json; charset=utf-8"));
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        let text = |member: &str| body["errors"][0][member].as_str().unwrap().to_owned();
        (self.status, text("code"), text("message"))
    }
}

pub(crate) fn problem(status: u16, code: &str, message: &str) -> (u16, String, String) {
    (status, code.to_owned(), message.to_owned())
}

pub(crate) const UPLOADS: &str = "/v2/team/app/blobs/uploads/";

pub(crate) fn blob(digest: &str) -> String {
    format!("/v2/{REPOSITORY}/blobs/{digest}")
}

pub(crate) fn manifests(reference: &str) -> String {
    format!("/v2/{REPOSITORY}/manifests/{reference}")
}

#[tokio::test(start_paused = true)]
async fn an_image_is_pushed_and_pulled() {
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    assert_eq!(registry.get("/v2/").await.status, 200);
    let absent = registry.head(&blob(&digest("layer"))).await;
    assert_eq!((absent.status, absent.body.as_slice()), (404, &b""[..]));

    let (config, layer) = (registry.push(b"config").await, registry.push(b"layer").await);
    let there = registry.head(&blob(&layer)).await;
    assert_eq!((there.status, there.header("content-length")), (200, Some("5")));

    let manifest = manifest(OCI, &config, &[&layer]);
    let put = registry.put("1.0", &manifest).await.unwrap();
    assert_eq!(put.status, 201);
    assert_eq!(put.header("docker-content-digest"), Some(digest(&manifest).as_str()));
    assert_eq!(put.header("location"), None);

    for reference in ["1.0", &digest(&manifest)] {
        let got = registry.get(&manifests(reference)).await;
        assert_eq!((got.status, got.body), (200, manifest.clone().into_bytes()));
        let got = registry.head(&manifests(reference)).await;
        assert_eq!(got.status, 200);
        assert_eq!(got.header("docker-content-digest"), Some(digest(&manifest).as_str()));
        assert_eq!(got.header("content-length"), Some(manifest.len().to_string().as_str()));
        assert_eq!(got.body, b"");
    }
    let url = registry.get(&blob(&layer)).await;
    assert_eq!(url.status, 307);
    let bucket = "prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com";
    let path = url.header("location").unwrap().strip_prefix(&format!("https://{bucket}")).unwrap();
    let bucket = Registry { host: bucket.to_owned(), authorization: None, ..registry };
    assert_eq!(bucket.get(path).await.body, b"layer");

    let operations = world.local.journal();
    assert_eq!(
        operations.operations()[..],
        [
            "CreateRepository",
            "GetAuthorizationToken",
            "V2.Ping",
            "V2.HeadBlob",
            "V2.StartUpload",
            "V2.PatchUpload",
            "V2.PutUpload",
            "V2.StartUpload",
            "V2.PatchUpload",
            "V2.PutUpload",
            "V2.HeadBlob",
            "V2.PutManifest",
            "V2.GetManifest",
            "V2.HeadManifest",
            "V2.GetManifest",
            "V2.HeadManifest",
            "V2.GetBlob",
        ]
    );
    let patch = &operations.calls()[5];
    assert_eq!((patch.service.as_str(), patch.request_bytes), ("ecr", 6));
}

/// A path that may mean something, with what may come after it.
fn target() -> impl Strategy<Value = String> {
    let known = [
        "v2",
        "team",
        "app",
        "team/app",
        "absent",
        "blobs",
        "uploads",
        "manifests",
        "tags",
        "list",
        "1.0",
        "sha256:00",
        "00000000-0000-4000-8000-000000000001",
        "_catalog",
        "",
    ];
    let segment =
        prop_oneof![8 => select(known.to_vec()).prop_map(str::to_owned), 1 => "[!-.0-9:;@-~]{0,9}"];
    let query = select(vec![
        "",
        "?",
        "?digest=sha256:00",
        "?digest=",
        "?mount=sha256:00&from=team%2Fapp",
        "?n=-1",
        "?n=9999999999999999999",
        "?n=1&last=1",
        "?last=%00",
    ]);
    (vec(segment, 0..7), query)
        .prop_map(|(segments, query)| format!("/v2/{}{query}", segments.join("/")))
}

proptest! {
    #[test]
    fn whatever_it_is_sent_it_answers_or_hangs_up(
        calls in vec(
            (
                select(vec!["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"]),
                target(),
                prop_oneof!["[0-9]{0,20}-[0-9]{0,20}", "[ -~]{0,12}"],
                vec(any::<u8>(), 0..64),
            ),
            1..12,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let registry = Registry::new(&world).await;
            registry.start().await;
            for (method, target, range, body) in calls {
                let uri = format!("https://{HOST}{target}");
                if uri.parse::<http::Uri>().is_err() {
                    continue;
                }
                let headers = [("content-range", range.trim()), ("content-type", OCI)];
                let answer = registry.call(method, &target, &headers, body).await;
                let journal = world.local.journal();
                let operation = journal.operations().last().copied().unwrap().to_owned();
                match answer {
                    // A repository that is missing.
                    None => assert!(
                        ["V2.MountBlob", "V2.PatchUpload", "V2.PutUpload", "V2.StartUpload"]
                            .contains(&operation.as_str()),
                        "{method} {target}"
                    ),
                    Some(answer) => {
                        assert_ne!(answer.status, 500, "{method} {target}");
                        let is_error = journal.calls().last().unwrap().error.is_some();
                        assert_eq!(is_error, answer.status >= 400, "{method} {target}");
                        if is_error && method != "HEAD" && operation != "V2.Unknown" {
                            assert_eq!(answer.refusal().0, answer.status);
                        }
                    }
                }
            }
        });
    }
}
