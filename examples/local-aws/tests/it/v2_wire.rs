//! The registry endpoint on the listener, spoken to in plain HTTP.

use aws_sdk_ecr::Client;
use local_aws::{Blobs, LocalAws, Server};

use crate::ecr::{REPOSITORY, World, digest};
use crate::ecr_images::{OCI, manifest};
use crate::v2::UPLOADS;
use crate::wire::{Answer, Wire};

const MIB: usize = 1024 * 1024;

/// A served emulator with a repository, and what a client of its registry sends along.
struct Served {
    server: Server,
    world: World,
    authorization: String,
}

impl Served {
    async fn new() -> Self {
        let server = LocalAws::start().await.unwrap();
        let local = server.local().clone();
        let world = World { ecr: Client::new(&local.sdk_config()), local };
        world.ecr.create_repository().repository_name(REPOSITORY).send().await.unwrap();
        let token = world.ecr.get_authorization_token().send().await.unwrap();
        let token = token.authorization_data()[0].authorization_token().unwrap();
        let authorization = format!("Basic {token}");
        Self { server, world, authorization }
    }

    fn connect(&self) -> Wire {
        Wire::connect(&self.server)
    }

    fn send(&self, wire: &mut Wire, request: &str, body: &[u8]) -> Answer {
        self.try_send(wire, request, body).expect("an answer")
    }

    fn try_send(&self, wire: &mut Wire, request: &str, body: &[u8]) -> Option<Answer> {
        let headers = [("host", "localhost"), ("authorization", &self.authorization)];
        wire.send(request, &headers, body)
    }

    fn start(&self, wire: &mut Wire) -> String {
        let started = self.send(wire, &format!("POST {UPLOADS}"), b"");
        assert_eq!(started.status, 202);
        started.header("location").unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_image_goes_in_and_out() {
    let served = Served::new().await;
    let wire = &mut served.connect();
    // The listener can't know by which scheme it was reached.
    let upload = served.start(wire);
    assert!(upload.starts_with("/v2/team/app/blobs/uploads/"), "{upload}");
    assert_eq!(served.send(wire, &format!("PATCH {upload}"), b"layer").status, 201);
    let layer = digest("layer");
    let put = served.send(wire, &format!("PUT {upload}?digest={layer}"), b"");
    assert_eq!((put.status, put.body.as_str()), (201, ""));
    let head = served.send(wire, &format!("HEAD /v2/team/app/blobs/{layer}"), b"");
    assert_eq!((head.status, head.header("content-length")), (200, Some("5")));

    let image = manifest(OCI, &layer, &[&layer]);
    let manifests = "/v2/team/app/manifests/1.0";
    let headers = [("host", "localhost"), ("authorization", served.authorization.as_str())];
    let headers = [&headers[..], &[("content-type", OCI)]].concat();
    let put = wire.send(&format!("PUT {manifests}"), &headers, image.as_bytes()).unwrap();
    assert_eq!(put.status, 201);
    let head = served.send(wire, &format!("HEAD {manifests}"), b"");
    assert_eq!(head.header("content-length"), Some(image.len().to_string().as_str()));
    assert_eq!(head.header("docker-content-digest"), Some(digest(&image).as_str()));
    let got = served.send(wire, &format!("GET {manifests}"), b"");
    assert_eq!((got.status, got.header("docker-content-digest")), (200, None));
    assert_eq!(got.body, image);

    let found = served.send(wire, &format!("GET /v2/team/app/blobs/{layer}"), b"");
    assert_eq!(found.status, 307);
    let path = found.header("location").unwrap().strip_prefix(&served.server.endpoint_url());
    let get = format!("GET {}", path.unwrap());
    let whole = wire.send(&get, &[("host", "localhost")], b"").unwrap();
    assert_eq!((whole.status, whole.body.as_str()), (200, "layer"));
    let part = wire.send(&get, &[("host", "localhost"), ("range", "bytes=1-3")], b"").unwrap();
    assert_eq!((part.status, part.body.as_str()), (206, "aye"));
    assert_eq!(part.header("content-range"), Some("bytes 1-3/5"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_body_without_an_end_in_sight_is_taken_as_it_comes() {
    let served = Served::new().await;
    let wire = &mut served.connect();
    let upload = served.start(wire);
    let head = format!(
        "PATCH {upload} HTTP/1.1\r\nhost: localhost\r\nauthorization: {}\r\n\
         transfer-encoding: chunked\r\n\r\n",
        served.authorization
    );
    wire.write(head.as_bytes());
    wire.write(b"3\r\nlay\r\n2\r\ner\r\n0\r\n\r\n");
    let answer = wire.read().unwrap();
    assert_eq!((answer.status, answer.header("range")), (201, Some("0-4")));
    let put = served.send(wire, &format!("PUT {upload}?digest={}", digest("layer")), b"");
    assert_eq!(put.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_body_is_larger_than_any_of_the_api_s() {
    let served = Served::new().await;
    served.world.local.set_blobs(Blobs::Count);
    let content = vec![7; 70 * MIB];
    let wire = &mut served.connect();
    let upload = served.start(wire);
    let answer = served.send(wire, &format!("PATCH {upload}"), &content);
    assert_eq!((answer.status, answer.header("range")), (201, Some("0-73400319")));
    let put = served.send(wire, &format!("PUT {upload}?digest={}", digest(&content)), b"");
    assert_eq!(put.status, 201);
    let journal = served.world.local.journal();
    let bytes = journal.calls().iter().find(|call| call.operation == "V2.PatchUpload");
    assert_eq!(bytes.map(|call| call.request_bytes), Some(70 * MIB as u64));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_refusal_is_seen_by_who_is_still_sending() {
    let served = Served::new().await;
    let wire = &mut served.connect();
    let upload = served.start(wire);
    let patch = format!("PATCH {upload}");
    let refused = wire.send(&patch, &[("host", "registry.localhost:5000")], &vec![0; 8 * MIB]);
    let refused = refused.unwrap();
    assert_eq!((refused.status, refused.body.as_str()), (401, "Not Authorized\n"));
    assert_eq!(
        refused.header("www-authenticate"),
        Some("Basic realm=\"https://registry.localhost:5000/\",service=\"ecr.amazonaws.com\"")
    );
    // The same connection works with the token.
    assert_eq!(served.send(wire, &patch, b"layer").status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_breaks_off_leaves_whole_parts() {
    let served = Served::new().await;
    let wire = &mut served.connect();
    let upload = served.start(wire);
    let mut half = served.connect();
    let head = format!(
        "PATCH {upload} HTTP/1.1\r\nhost: localhost\r\nauthorization: {}\r\n\
         content-length: {}\r\n\r\n",
        served.authorization,
        20 * MIB
    );
    half.write(head.as_bytes());
    half.write(&vec![0; 11 * MIB]);
    half.end();
    assert!(half.read().is_none());
    let call = served.world.local.journal().calls().last().unwrap().clone();
    assert_eq!(call.error.as_deref(), Some("connection reset"));
    assert_eq!(call.request_bytes, 11 * MIB as u64);
    let headers = [
        ("host", "localhost"),
        ("authorization", served.authorization.as_str()),
        ("content-range", "0-4"),
    ];
    let refused = wire.send(&format!("PATCH {upload}"), &headers, b"layer").unwrap();
    assert_eq!(refused.status, 416);
    assert_eq!(
        refused.json()["errors"][0]["message"],
        "First byte of the layer part is 0 instead of 10485760"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn without_a_repository_the_connection_breaks() {
    let served = Served::new().await;
    let wire = &mut served.connect();
    assert!(served.try_send(wire, "POST /v2/absent/blobs/uploads/", b"").is_none());
    let upload = "/v2/absent/blobs/uploads/00000000-0000-4000-8000-000000000001";
    let wire = &mut served.connect();
    assert!(served.try_send(wire, &format!("PATCH {upload}"), &vec![0; 8 * MIB]).is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_host_that_is_a_registry_s_says_which() {
    let served = Served::new().await;
    let wire = &mut served.connect();
    for (host, status) in [
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com", 200),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", 400),
        ("localhost", 200),
    ] {
        let headers = [("host", host), ("authorization", served.authorization.as_str())];
        assert_eq!(wire.send("GET /v2/", &headers, b"").unwrap().status, status, "{host}");
    }
}
