//! Tests of `Transport::Registry`, by its requests on the wire.

use std::error::Error as _;
use std::fs;

use aws_sdk_ecr::Client;
use ecr_push::events::Event;
use ecr_push::settings::NewRepository;
use ecr_push::transport::{RegistryEndpoint, Transport};
use ecr_push::{Error, ErrorKind, Image, Push, Pushed, Pusher, Repository};
use local_aws::LocalAws;

use crate::layout::{Layout, digest};
use crate::v2::{Quirk, V2};
use crate::world::{URI, repository};

const MIB: usize = 1024 * 1024;

/// The emulator's API with the repository, and a registry beside it.
pub(crate) struct World {
    local: LocalAws,
    pub(crate) v2: V2,
    pusher: Pusher,
}

impl World {
    pub(crate) async fn new() -> Self {
        let local = LocalAws::new();
        let client = Client::new(&local.sdk_config());
        client.create_repository().repository_name("demo/web").send().await.unwrap();
        let (v2, pusher) = V2::beside(&local);
        Self { local, v2, pusher }
    }

    pub(crate) async fn prepare(&self, layout: &Layout) -> Push {
        let image = Image::open(layout.path()).await.unwrap();
        let push = self.pusher.push(&image, &repository()).transport(Transport::Registry);
        push.tag("1.0".parse().unwrap())
    }

    pub(crate) async fn push(&self, layout: &Layout) -> Result<Pushed, Error> {
        self.prepare(layout).await.await
    }

    /// Pushes to a registry that isn't ECR.
    pub(crate) async fn push_elsewhere(&self, layout: &Layout) -> Result<Pushed, Error> {
        let image = Image::open(layout.path()).await.unwrap();
        let endpoint: RegistryEndpoint = "http://127.0.0.1:5000".parse().unwrap();
        let pusher = self.pusher.clone().registry_endpoint(endpoint.anonymous());
        let push = pusher.push(&image, &repository()).transport(Transport::Registry);
        push.tag("1.0".parse().unwrap()).await
    }

    /// Returns the API calls.
    fn calls(&self) -> Vec<String> {
        let journal = self.local.journal();
        let calls = journal.operations().into_iter().map(str::to_owned);
        calls.filter(|operation| operation != "CreateRepository").collect()
    }

    /// Checks that every blob of the image has arrived, byte for byte, and that the tag points to
    /// the image.
    pub(crate) fn has(&self, layout: &Layout, pushed: &Pushed) {
        assert_eq!(self.v2.tagged("1.0").as_deref(), Some(pushed.digest().as_str()));
        let manifest = fs::read(layout.blob_path(pushed.digest().as_str())).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        let layers = manifest["layers"].as_array().unwrap().iter();
        for blob in layers.chain([&manifest["config"]]) {
            let digest = blob["digest"].as_str().unwrap();
            let stored = self.v2.blob(digest).unwrap_or_default();
            assert!(stored == fs::read(layout.blob_path(digest)).unwrap(), "{digest}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn small_layers_take_two_requests_and_large_ones_as_many_as_are_planned() {
    let world = World::new().await;
    let layout = Layout::image(&[100, 6 * MIB, 51 * MIB]);
    let plan = world.prepare(&layout).await.plan().await.unwrap();
    let pushed = world.push(&layout).await.unwrap();
    world.has(&layout, &pushed);
    let mut sent = world.v2.journal();
    sent.sort();
    assert_eq!(
        sent,
        [
            "PATCH upload 0-52428799",
            "PATCH upload 0-6291455",
            "PATCH upload 52428800-53477375",
            "POST upload",
            "POST upload",
            "POST upload",
            "POST upload",
            "PUT manifest",
            "PUT upload",
            "PUT upload",
            "PUT upload",
            "PUT upload",
        ]
    );
    assert_eq!(pushed.calls(), 12 + 3, "2 calls of the API look up, and 1 looks up again");
    assert_eq!(plan.bytes(), pushed.bytes_sent());
    assert_eq!(pushed.bytes_read(), pushed.bytes_sent());
    assert_eq!((pushed.layers_sent(), pushed.layers_skipped()), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_there_is_asked_of_the_api() {
    let world = World::new().await;
    world.push(&Layout::image(&[100])).await.unwrap();
    let mut calls = world.calls();
    calls.sort();
    let survey = ["BatchCheckLayerAvailability", "BatchGetImage", "BatchGetImage"];
    assert_eq!(calls[..3], survey);
    assert_eq!(calls[3..], ["GetAuthorizationToken"]);
    assert_eq!(world.v2.count("HEAD"), 0);
}

#[tokio::test(start_paused = true)]
async fn another_registry_is_asked_itself_and_first_for_the_image() {
    let world = World::new().await;
    let layout = Layout::image(&[100, 200]);
    let first = world.push_elsewhere(&layout).await.unwrap();
    world.has(&layout, &first);
    assert_eq!(world.v2.count("HEAD blob"), 3);
    let before = world.v2.journal().len();
    let again = world.push_elsewhere(&layout).await.unwrap();
    assert_eq!(world.v2.journal()[before..], ["HEAD manifest", "HEAD manifest"]);
    assert_eq!((again.layers_sent(), again.layers_skipped(), again.calls()), (0, 3, 2));
    assert_eq!(world.calls(), [""; 0], "nothing of AWS is called");
    assert_eq!(world.v2.logins(), vec![None; before + 2]);
    assert_eq!(world.v2.hosts(), ["127.0.0.1:5000"]);
}

#[tokio::test(start_paused = true)]
async fn the_token_goes_to_the_registry_and_nowhere_else() {
    let world = World::new().await;
    world.push(&Layout::image(&[100])).await.unwrap();
    assert_eq!(world.v2.hosts(), [repository().host()]);
    assert!(world.v2.logins().iter().all(|login| login.as_ref().unwrap().starts_with("Basic ")));

    for location in ["https://evil.example/v2/x", "//evil.example/v2/x"] {
        let world = World::new().await;
        world.v2.quirk("POST upload", 1, Quirk::Location(Some(location)));
        let error = world.push(&Layout::image(&[100])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(error.to_string().contains("upload location"), "{error}");
        assert_eq!(world.v2.hosts(), [repository().host()]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_may_answer_under_the_registrys_own_name() {
    let world = World::new().await;
    let own =
        "https://123456789012.dkr.ecr.us-east-1.amazonaws.com/v2/demo/web/blobs/uploads/upload-1";
    world.v2.quirk("POST upload", 1, Quirk::Location(Some(own)));
    let layout = Layout::image(&[100]);
    let image = Image::open(layout.path()).await.unwrap();
    let endpoint: RegistryEndpoint = "https://vpce.example".parse().unwrap();
    let pusher = world.pusher.clone().registry_endpoint(endpoint);
    let push = pusher.push(&image, &repository()).transport(Transport::Registry);
    let pushed = push.tag("1.0".parse().unwrap()).await.unwrap();
    world.has(&layout, &pushed);
    assert_eq!(world.v2.hosts(), ["vpce.example"]);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_refused_is_renewed_once() {
    const EXPIRED: &str = "Your authorization token has expired. Reauthenticate and try again.";
    for (refusal, renewed) in [
        (Quirk::Refuse(401, "UNAUTHORIZED", "Not Authorized"), true),
        (Quirk::Refuse(403, "DENIED", EXPIRED), true),
        (Quirk::Refuse(403, "DENIED", "not authorized to perform: ecr:PutImage"), false),
    ] {
        let world = World::new().await;
        world.v2.quirk("PATCH upload", 1, refusal);
        let layout = Layout::image(&[6 * MIB]);
        let pushed = world.push(&layout).await;
        let tokens = world.local.journal().count("GetAuthorizationToken");
        if renewed {
            world.has(&layout, &pushed.unwrap());
            assert_eq!(tokens, 2);
        } else {
            assert_eq!(pushed.unwrap_err().kind(), ErrorKind::AccessDenied);
            assert_eq!(tokens, 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_always_refused_is_said_to_be() {
    let world = World::new().await;
    for nth in 1..=4 {
        world.v2.quirk("POST upload", nth, Quirk::Refuse(401, "UNAUTHORIZED", "Not Authorized"));
    }
    let error = world.push(&Layout::image(&[6 * MIB])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(error.to_string().ends_with("was not accepted with these credentials"), "{error}");
    assert_eq!(error.source().unwrap().to_string(), "UNAUTHORIZED: Not Authorized");
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_on_the_way_is_made_good() {
    for (kind, quirk) in [
        ("POST upload", Quirk::Drop),
        ("POST upload", Quirk::LoseAnswer),
        ("POST upload", Quirk::Refuse(500, "", "")),
        ("POST upload", Quirk::Refuse(429, "TOOMANYREQUESTS", "Rate exceeded")),
        ("PATCH upload", Quirk::Drop),
        ("PATCH upload", Quirk::LoseAnswer),
        ("PATCH upload", Quirk::DropAfter(1_000_000)),
        ("PATCH upload", Quirk::Location(None)),
        ("PATCH upload", Quirk::Refuse(503, "", "")),
        ("PATCH upload", Quirk::Refuse(404, "BLOB_UPLOAD_UNKNOWN", "gone")),
        ("PATCH upload", Quirk::Refuse(416, "BLOB_UPLOAD_INVALID", "no word on where it is")),
        ("PUT upload", Quirk::Drop),
        ("PUT upload", Quirk::Refuse(404, "BLOB_UPLOAD_UNKNOWN", "gone")),
        ("PUT upload", Quirk::Refuse(400, "DIGEST_INVALID", "something else arrived")),
        ("PUT manifest", Quirk::Drop),
        ("PUT manifest", Quirk::LoseAnswer),
        ("PUT manifest", Quirk::Refuse(500, "", "")),
    ] {
        let world = World::new().await;
        world.v2.quirk(kind, 1, quirk.clone());
        let layout = Layout::image(&[6 * MIB]);
        let pushed =
            world.push(&layout).await.unwrap_or_else(|it| panic!("{kind}, {quirk:?}: {it}"));
        world.has(&layout, &pushed);
    }
}

#[tokio::test(start_paused = true)]
async fn no_byte_is_sent_twice_that_ecr_says_it_has() {
    let world = World::new().await;
    world.v2.quirk("PATCH upload", 2, Quirk::DropAfter(MIB));
    let layout = Layout::image(&[60 * MIB]);
    let pushed = world.push(&layout).await.unwrap();
    world.has(&layout, &pushed);
    let sent: Vec<String> =
        world.v2.journal().into_iter().filter(|request| request.starts_with("PATCH")).collect();
    // The SDK retries the second request. The registry rejects the retry and reports the upload's
    // position.
    assert_eq!(
        sent,
        [
            "PATCH upload 0-52428799",
            "PATCH upload 52428800-62914559",
            "PATCH upload 52428800-62914559",
            "PATCH upload 53477376-62914559",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_keeps_breaking_says_what_that_may_mean() {
    let world = World::new().await;
    for nth in 1..=3 {
        world.v2.quirk("PATCH upload", nth, Quirk::Drop);
    }
    let layout = Layout::image(&[6 * MIB]);
    let error = world.push(&layout).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.is_retryable());
    let image = Image::open(layout.path()).await.unwrap();
    let layer = image.layers().max_by_key(|layer| layer.size()).unwrap().digest();
    assert_eq!(
        error.to_string(),
        format!(
            "UploadLayerPart of {layer} on {URI} was cut off: if this happens each time, the \
             repository may be missing, or the policy may lack `ecr:InitiateLayerUpload`, \
             `ecr:UploadLayerPart` or `ecr:CompleteLayerUpload` on \
             arn:aws:ecr:us-east-1:123456789012:repository/demo/web; `Transport::Api` reports which"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn refusals_have_their_kinds() {
    type Case = (&'static str, Quirk, ErrorKind);
    let cases: [Case; 6] = [
        ("POST upload", Quirk::Refuse(404, "NAME_UNKNOWN", "x"), ErrorKind::RepositoryNotFound),
        ("POST upload", Quirk::Refuse(403, "DENIED", "not authorized"), ErrorKind::AccessDenied),
        ("PUT upload", Quirk::Refuse(403, "DENIED", "not authorized"), ErrorKind::AccessDenied),
        (
            "PUT manifest",
            Quirk::Refuse(405, "UNSUPPORTED", "Invalid parameter at 'ImageManifest'"),
            ErrorKind::Service,
        ),
        (
            "PUT manifest",
            Quirk::Refuse(
                400,
                "TAG_INVALID",
                "The image tag '1.0' already exists in the 'demo/web' repository and cannot be \
                 overwritten because the tag is immutable.",
            ),
            ErrorKind::TagImmutable,
        ),
        ("PUT manifest", Quirk::Refuse(404, "BLOB_UNKNOWN", "gone"), ErrorKind::Protocol),
    ];
    for (kind, quirk, expected) in cases {
        let world = World::new().await;
        for nth in 1..=2 {
            world.v2.quirk(kind, nth, quirk.clone());
        }
        let error = world.push(&Layout::image(&[100])).await.unwrap_err();
        assert_eq!(error.kind(), expected, "{error}");
        let operation = match kind {
            "POST upload" => "InitiateLayerUpload",
            "PUT upload" => "CompleteLayerUpload",
            _ => "PutImage",
        };
        assert_eq!(error.operation(), Some(operation));
    }
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_changed_is_named_and_not_stored() {
    for size in [1000, 6 * MIB] {
        let world = World::new().await;
        let layout = Layout::image(&[size]);
        let image = Image::open(layout.path()).await.unwrap();
        let layer = image.layers().find(|layer| layer.size() == size as u64).unwrap();
        let path = layout.blob_path(layer.digest().as_str());
        let mut content = fs::read(&path).unwrap();
        content[500] ^= 1;
        fs::write(&path, &content).unwrap();
        let push = world.pusher.push(&image, &repository()).transport(Transport::Registry);
        let error = push.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BlobMismatch);
        assert!(error.to_string().contains(&digest(&content)), "{error}");
        assert_eq!(world.v2.blob(layer.digest().as_str()), None);
        assert_eq!(world.v2.count("PUT manifest"), 0);
        assert_eq!(world.v2.count("POST upload"), 2, "the layer and the config");
    }
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_was_cut_off_is_named() {
    let world = World::new().await;
    let layout = Layout::image(&[6 * MIB]);
    let image = Image::open(layout.path()).await.unwrap();
    let layer = image.layers().max_by_key(|layer| layer.size()).unwrap();
    fs::write(layout.blob_path(layer.digest().as_str()), vec![0; MIB]).unwrap();
    let error =
        world.pusher.push(&image, &repository()).transport(Transport::Registry).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BlobMismatch);
    let problem = format!("blob {} has 1048576 bytes instead of 6291456", layer.digest());
    assert!(error.to_string().starts_with(&problem), "{error}");
}

#[tokio::test(start_paused = true)]
async fn layers_of_another_repository_are_mounted_and_the_others_sent() {
    let world = World::new().await;
    let layout = Layout::image(&[100, 6 * MIB]);
    let image = Image::open(layout.path()).await.unwrap();
    let large = image.layers().max_by_key(|layer| layer.size()).unwrap();
    world.v2.has_elsewhere(large.digest().as_str());
    let base: Repository =
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/base".parse().unwrap();
    let push = world.prepare(&layout).await.mount_from(&base);
    let policy = push.policy().to_string();
    assert!(policy.contains("ecr:GetDownloadUrlForLayer"), "{policy}");
    assert!(policy.contains(&base.arn()), "{policy}");
    let mut events = push.events();
    let mut mounted = Vec::new();
    while let Some(event) = events.next().await {
        if let Event::LayerMounted { layer, .. } = event {
            mounted.push(layer);
        }
    }
    let pushed = events.finish().await.unwrap();
    assert_eq!(mounted, std::slice::from_ref(large));
    assert_eq!((pushed.layers_mounted(), pushed.layers_sent()), (1, 2));
    assert!(pushed.bytes_sent() < MIB as u64);
    assert_eq!(world.v2.count("PATCH"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_mount_that_is_refused_is_an_upload() {
    let world = World::new().await;
    for nth in 1..=2 {
        world.v2.quirk("POST mount", nth, Quirk::Refuse(403, "DENIED", "not authorized"));
    }
    let base: Repository =
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/base".parse().unwrap();
    let layout = Layout::image(&[6 * MIB]);
    let pushed = world.prepare(&layout).await.mount_from(&base).await.unwrap();
    world.has(&layout, &pushed);
    assert_eq!(pushed.layers_mounted(), 0);
    assert_eq!((world.v2.count("POST mount"), world.v2.count("POST upload")), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn options_that_do_not_go_together_send_nothing() {
    let world = World::new().await;
    let layout = Layout::image(&[100]);
    let image = Image::open(layout.path()).await.unwrap();
    let there: Repository =
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/demo/base".parse().unwrap();
    let here: Repository =
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/base".parse().unwrap();
    let endpoint: RegistryEndpoint = "http://127.0.0.1:5000".parse().unwrap();
    let elsewhere = world.pusher.clone().registry_endpoint(endpoint.login("a", "b"));
    let by_registry = world.pusher.push(&image, &repository()).transport(Transport::Registry);
    for (push, problem) in [
        (
            by_registry.clone().checkpoint("x"),
            "nothing was pushed: `checkpoint` needs `Transport::Api`: the registry's protocol \
             can't resume the uploads of another process",
        ),
        (
            by_registry.mount_from(&there),
            "nothing was pushed: can't mount layers of \
             123456789012.dkr.ecr.eu-west-1.amazonaws.com/demo/base: it is in another account or \
             region",
        ),
        (
            world.pusher.push(&image, &repository()).mount_from(&here),
            "nothing was pushed: `mount_from` needs `Transport::Registry`: ECR's API can't mount \
             layers",
        ),
        (
            elsewhere
                .push(&image, &repository())
                .transport(Transport::Registry)
                .create_repository(NewRepository::default()),
            "nothing was pushed: `create_repository` needs ECR's API, which a registry with \
             another login doesn't have",
        ),
    ] {
        assert_eq!(push.plan().await.unwrap_err().to_string(), problem);
        let error = push.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidOptions);
        assert_eq!(error.to_string(), problem);
    }
    assert_eq!(world.calls(), [""; 0]);
    assert_eq!(world.v2.journal(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_missing_repository_is_created_by_the_api() {
    let local = LocalAws::new();
    let (v2, pusher) = V2::beside(&local);
    let layout = Layout::image(&[100]);
    let image = Image::open(layout.path()).await.unwrap();
    let push = pusher.push(&image, &repository()).transport(Transport::Registry);
    let error = push.clone().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RepositoryNotFound);
    assert_eq!(v2.journal(), [""; 0]);
    push.create_repository(NewRepository::default()).await.unwrap();
    assert_eq!(local.journal().count("CreateRepository"), 1);
}
