//! The check that a revision's images exist and fit.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::http::{HttpRequest, HttpResponse};
use aws_sdk_ecr::config::{HttpClient, Region, RuntimeComponents, SharedHttpClient};
use aws_sdk_ecr::error::ConnectorError;
use aws_sdk_ecr::primitives::Blob;
use aws_sdk_ecs::types::{Compatibility, ContainerDefinition, LaunchType};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_types::body::SdkBody;
use ecs_deploy::image_check::{ImageCheck, ImageFinding, ImageProblem};
use ecs_deploy::{Revision, Service};
use local_aws::{Fault, LocalAws, When};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use crate::demo::Demo;

const REPOSITORY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web";
const ARN: &str = "arn:aws:ecr:us-east-1:123456789012:repository/demo/web";
const ARM: &str = r#"{"os":"linux","architecture":"arm64"}"#;
const X86: &str = r#"{"os":"linux","architecture":"amd64"}"#;

/// The demonstration with its registry.
struct World {
    demo: Demo,
    ecr: Client,
    check: ImageCheck,
}

impl World {
    fn new() -> Self {
        let demo = Demo::new();
        let config = demo.local.sdk_config();
        Self { ecr: Client::new(&config), check: ImageCheck::new(&config), demo }
    }

    /// Pushes an image with this config as `tag`, and returns its digest.
    async fn push(&self, tag: &str, config: &str) -> String {
        push(&self.ecr, "demo/web", tag, config).await
    }

    async fn push_index(&self, tag: &str, entries: &[(String, Value)]) {
        let manifests: Vec<Value> = entries
            .iter()
            .map(|(digest, platform)| {
                json!({
                    "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "digest": digest,
                    "size": 1,
                    "platform": platform,
                })
            })
            .collect();
        let media_type = "application/vnd.oci.image.index.v1+json";
        let index = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": manifests });
        put(&self.ecr, "demo/web", tag, &index.to_string()).await;
    }

    /// Returns the findings about `demo/web` with this image in its container `web`.
    async fn find(&self, image: &str) -> Vec<ImageFinding> {
        self.find_in(&self.demo.changed_to(image).await).await
    }

    async fn find_in(&self, revision: &Revision) -> Vec<ImageFinding> {
        self.demo.deployer.check_images(&self.check, revision).await
    }

    /// Returns the operations of ECR since the last call.
    async fn calls_of(&self, image: &str) -> Vec<String> {
        let revision = self.demo.changed_to(image).await;
        let before = self.demo.operations().len();
        self.find_in(&revision).await;
        self.demo.operations().split_off(before)
    }
}

async fn upload(ecr: &Client, repository: &str, content: &str) -> String {
    let start = ecr.initiate_layer_upload().repository_name(repository).send().await.unwrap();
    let id = start.upload_id().unwrap();
    ecr.upload_layer_part()
        .repository_name(repository)
        .upload_id(id)
        .part_first_byte(0)
        .part_last_byte(content.len() as i64 - 1)
        .layer_part_blob(Blob::new(content))
        .send()
        .await
        .unwrap();
    let complete = ecr.complete_layer_upload().repository_name(repository).upload_id(id);
    complete.layer_digests(digest(content)).send().await.unwrap().layer_digest.unwrap()
}

async fn put(ecr: &Client, repository: &str, tag: &str, manifest: &str) {
    let put = ecr.put_image().repository_name(repository).image_manifest(manifest);
    put.image_tag(tag).send().await.unwrap();
}

async fn push(ecr: &Client, repository: &str, tag: &str, config: &str) -> String {
    let layer = format!("the layer of {tag}");
    let blob = |media_type: &str, digest: String, size: usize| {
        json!({
            "mediaType": format!("application/vnd.oci.image.{media_type}"),
            "digest": digest,
            "size": size,
        })
    };
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob("config.v1+json", upload(ecr, repository, config).await, config.len()),
        "layers": [blob("layer.v1.tar", upload(ecr, repository, &layer).await, layer.len())],
    })
    .to_string();
    put(ecr, repository, tag, &manifest).await;
    digest(&manifest)
}

fn digest(content: &str) -> String {
    let hex: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

fn text(findings: &[ImageFinding]) -> String {
    let [finding] = findings else { panic!("{findings:?}") };
    finding.to_string()
}

#[tokio::test(start_paused = true)]
async fn an_image_that_fits_is_no_finding() {
    let world = World::new();
    let digest = world.push("2", X86).await;
    for image in [
        format!("{REPOSITORY}:2"),
        format!("{REPOSITORY}@{digest}"),
        format!("{REPOSITORY}:9@{digest}"),
    ] {
        assert_eq!(world.find(&image).await, [], "{image}");
        // The other container's image isn't in ECR, so it isn't checked.
        assert_eq!(world.calls_of(&image).await, ["BatchGetImage", "GetDownloadUrlForLayer"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_not_there_is_missing() {
    let world = World::new();
    world.push("2", X86).await;
    let absent = format!("{REPOSITORY}@sha256:{}", "00".repeat(32));
    for image in [&format!("{REPOSITORY}:3"), REPOSITORY, &absent, &format!("{REPOSITORY}s:2")] {
        let findings = world.find(image).await;
        assert_eq!(text(&findings), format!("the image {image} of web isn't in ECR"));
        assert_eq!(findings[0].problem(), &ImageProblem::Missing);
        assert!(findings[0].problem().prevents_start());
        assert_eq!(
            (findings[0].image(), findings[0].containers()),
            (image, &["web".to_owned()][..])
        );
        assert_eq!(world.calls_of(image).await, ["BatchGetImage"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_of_another_processor_does_not_fit() {
    let world = World::new();
    world.push("arm", ARM).await;
    let findings = world.find(&format!("{REPOSITORY}:arm")).await;
    assert_eq!(
        text(&findings),
        format!(
            "the image {REPOSITORY}:arm of web is for linux/arm64, but the tasks run on linux/amd64"
        )
    );
    assert!(findings[0].problem().prevents_start());
}

#[tokio::test(start_paused = true)]
async fn an_index_has_to_have_the_platform() {
    let world = World::new();
    let (arm, x86) = (world.push("arm", ARM).await, world.push("x86", X86).await);
    let platform = |architecture: &str| json!({ "os": "linux", "architecture": architecture });
    let nothing = json!({ "os": "unknown", "architecture": "unknown" });
    let arm = (arm, platform("arm64"));
    world.push_index("both", &[arm.clone(), (x86.clone(), platform("amd64"))]).await;
    world.push_index("one", &[arm.clone(), (x86.clone(), nothing)]).await;
    world.push_index("silent", &[arm, (x86, Value::Null)]).await;

    let both = format!("{REPOSITORY}:both");
    assert_eq!(world.find(&both).await, []);
    assert_eq!(world.calls_of(&both).await, ["BatchGetImage"]);
    assert_eq!(
        text(&world.find(&format!("{REPOSITORY}:one")).await),
        format!(
            "the image {REPOSITORY}:one of web is for linux/arm64, but the tasks run on linux/amd64"
        )
    );
    let silent = world.find(&format!("{REPOSITORY}:silent")).await;
    assert_eq!(
        text(&silent),
        format!(
            "the image {REPOSITORY}:silent of web couldn't be checked: its index doesn't name the \
             platform of every image"
        )
    );
    assert!(!silent[0].problem().prevents_start());
}

#[tokio::test(start_paused = true)]
async fn one_image_in_two_containers_is_looked_at_once() {
    let world = World::new();
    let mut revision = world.demo.changed_to(&format!("{REPOSITORY}:latest")).await;
    revision.set_images([("log-router", REPOSITORY)]).unwrap();
    let before = world.demo.operations().len();
    let findings = world.find_in(&revision).await;
    assert_eq!(
        text(&findings),
        format!("the image {REPOSITORY}:latest of web and log-router isn't in ECR")
    );
    assert_eq!(world.demo.operations().split_off(before), ["BatchGetImage"]);
}

#[tokio::test(start_paused = true)]
async fn where_the_tasks_run_on_nothing_known_the_image_has_only_to_be_there() {
    let world = World::new();
    world.push("arm", ARM).await;
    let image = format!("{REPOSITORY}:arm");
    let container = ContainerDefinition::builder().name("web").image(&image).memory(64).build();
    let register = world.demo.ecs.register_task_definition().family("tool");
    let register = register.requires_compatibilities(Compatibility::Ec2);
    register.container_definitions(container).send().await.unwrap();
    let create = world.demo.ecs.create_service().cluster("demo").service_name("tool");
    let create = create.task_definition("tool").desired_count(1).launch_type(LaunchType::Ec2);
    create.send().await.unwrap();
    let service = Service::new("demo", "tool").unwrap();
    let revision = world.demo.deployer.current(&service).await.unwrap();
    let before = world.demo.operations().len();
    assert_eq!(world.find_in(&revision).await, []);
    assert_eq!(world.demo.operations().split_off(before), ["BatchGetImage"]);
}

#[tokio::test(start_paused = true)]
async fn a_registry_of_another_region_or_account_is_asked_itself() {
    let world = World::new();
    let config = world.demo.local.sdk_config();
    let config = aws_sdk_ecr::config::Builder::from(&config).region(Region::new("eu-west-1"));
    let ecr = Client::from_conf(config.build());
    ecr.create_repository().repository_name("far").send().await.unwrap();
    push(&ecr, "far", "2", X86).await;
    let here = "123456789012.dkr.ecr.us-east-1.amazonaws.com/far:2";
    let there = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/far:2";
    assert_eq!(world.find(there).await, []);
    assert_eq!(text(&world.find(here).await), format!("the image {here} of web isn't in ECR"));
    let other = "210987654321.dkr.ecr.eu-west-1.amazonaws.com/far:2";
    assert_eq!(text(&world.find(other).await), format!("the image {other} of web isn't in ECR"));
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_is_missing_is_named() {
    let world = World::new();
    world.push("2", X86).await;
    let image = format!("{REPOSITORY}:2");
    let revision = world.demo.changed_to(&image).await;
    for (allowed, denied) in
        [("ecr:PutImage", "BatchGetImage"), ("ecr:BatchGetImage", "GetDownloadUrlForLayer")]
    {
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": allowed, "Resource": "*" }],
        });
        world.demo.local.set_policy(LocalAws::USER, &policy.to_string()).unwrap();
        let findings = world.find_in(&revision).await;
        assert_eq!(
            text(&findings),
            format!(
                "the image {image} of web couldn't be checked: {denied} on {ARN} isn't allowed: add \
                 {{\"Effect\":\"Allow\",\"Action\":\"ecr:{denied}\",\"Resource\":\"{ARN}\"}} to the \
                 policy: User: {} is not authorized to perform: ecr:{denied} on resource: {ARN} because no \
                 identity-based policy allows the ecr:{denied} action (AccessDeniedException)",
                LocalAws::USER
            )
        );
        assert!(!findings[0].problem().prevents_start());
    }
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_no_problem_of_the_image() {
    for (fault, why) in [
        (
            Fault::Throttle,
            format!("BatchGetImage on {ARN} was throttled: Rate exceeded (ThrottlingException)"),
        ),
        (
            Fault::ServerError,
            format!(
                "BatchGetImage on {ARN} was refused: Service encountered an internal error. \
                 (ServerException)"
            ),
        ),
    ] {
        let world = World::new();
        world.demo.local.inject(When::every("BatchGetImage"), fault);
        let findings = world.find(&format!("{REPOSITORY}:2")).await;
        assert_eq!(findings[0].problem(), &ImageProblem::Unchecked { why });
        assert!(!findings[0].problem().prevents_start());
    }
}

#[tokio::test(start_paused = true)]
async fn it_takes_30_seconds_at_most_for_all_images() {
    let world = World::new();
    let hours = Fault::Delay(Duration::from_secs(10 * 60 * 60));
    world.demo.local.inject(When::every("BatchGetImage"), hours);
    let mut revision = world.demo.changed_to(&format!("{REPOSITORY}:2")).await;
    revision.set_images([("log-router", format!("{REPOSITORY}:3"))]).unwrap();
    let began = Instant::now();
    let findings = world.find_in(&revision).await;
    assert_eq!(began.elapsed(), Duration::from_secs(30));
    let why = "ECR didn't answer within 30 s".to_owned();
    let problem = ImageProblem::Unchecked { why };
    assert_eq!(findings.iter().map(ImageFinding::problem).collect::<Vec<_>>(), [&problem; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_config_that_is_too_large_is_not_downloaded() {
    let world = World::new();
    let config = format!("{X86}{}", " ".repeat(4 * 1024 * 1024));
    world.push("2", &config).await;
    let image = format!("{REPOSITORY}:2");
    assert_eq!(
        text(&world.find(&image).await),
        format!(
            "the image {image} of web couldn't be checked: its config has {} bytes, the limit is \
             4194304",
            config.len()
        )
    );
    assert_eq!(world.calls_of(&image).await, ["BatchGetImage"]);
}

#[tokio::test(start_paused = true)]
async fn a_download_that_goes_wrong_is_explained_without_its_url() {
    let other = ARM;
    let long = format!("{X86} ");
    for (download, why) in [
        (Download::Broken, "the connection failed".to_owned()),
        (Download::Status(403), "the response has the HTTP status 403".to_owned()),
        (Download::Content(long), format!("it has more than {} bytes", X86.len())),
        (
            Download::Content(other.to_owned()),
            format!("it has the digest {} instead of {}", digest(other), digest(X86)),
        ),
    ] {
        let world = World::new();
        world.push("2", X86).await;
        let config = world.demo.local.sdk_config();
        let seen = Arc::default();
        let inner = config.http_client().unwrap();
        let client = Tampering { inner, download, seen: Arc::clone(&seen) };
        let check = ImageCheck::new(&config.into_builder().http_client(client).build());
        let image = format!("{REPOSITORY}:2");
        let revision = world.demo.changed_to(&image).await;
        let findings = world.demo.deployer.check_images(&check, &revision).await;
        assert_eq!(
            text(&findings),
            format!(
                "the image {image} of web couldn't be checked: its config couldn't be downloaded: \
                 {why}"
            )
        );
        // The application's own client downloads it once.
        let seen = seen.lock().unwrap();
        let [url] = &seen[..] else { panic!("{seen:?}") };
        assert!(url.contains("starport-layer-bucket"), "{url}");
        assert!(!format!("{findings:?}{check:?}").contains("starport-layer-bucket"));
    }
}

/// The result of a download.
#[derive(Debug, Clone)]
enum Download {
    Broken,
    Content(String),
    Status(u16),
}

/// An application's HTTP client whose downloads fail.
#[derive(Debug)]
struct Tampering {
    inner: SharedHttpClient,
    download: Download,
    /// The URLs of the downloads.
    seen: Arc<Mutex<Vec<String>>>,
}

impl HttpClient for Tampering {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(TamperingConnector {
            inner: self.inner.http_connector(settings, components),
            download: self.download.clone(),
            seen: Arc::clone(&self.seen),
        })
    }
}

#[derive(Debug)]
struct TamperingConnector {
    inner: SharedHttpConnector,
    download: Download,
    seen: Arc<Mutex<Vec<String>>>,
}

impl HttpConnector for TamperingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if request.method() != "GET" {
            return self.inner.call(request);
        }
        self.seen.lock().unwrap().push(request.uri().to_owned());
        let url = request.uri().to_owned();
        let respond = |status: u16, body: &str| {
            Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body)))
        };
        HttpConnectorFuture::ready(match &self.download {
            Download::Broken => Err(ConnectorError::io(format!("GET {url} was reset").into())),
            Download::Content(content) => respond(200, content),
            Download::Status(status) => respond(*status, "<Error/>"),
        })
    }
}
