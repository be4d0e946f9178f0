//! [`ImageCheck`]: whether a revision's images are there and fit, before anything is deployed.

mod blob;
mod manifest;
mod platform;
mod reference;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::Region;
use aws_sdk_ecr::error::ProvideErrorMetadata as _;
use aws_sdk_ecr::types::{ImageFailureCode, ImageIdentifier};
use aws_types::SdkConfig;
use tokio::time::{Instant, timeout_at};

use self::manifest::Manifest;
use self::platform::{Needs, Platform};
use self::reference::{EcrImage, Endpoint, Pick};
use crate::deployer::Deployer;
use crate::error::Error;
use crate::revision::Revision;
use crate::rollout::preflight::{Finding, FindingKind};

/// Looks whether the images of a [`Revision`] are in Amazon ECR, and whether they are made for the
/// processor and the operating system that its tasks run on: the two mistakes that a rollout takes
/// minutes to find out, because ECS tries again and again to pull what isn't there.
///
/// What the tasks run on is the task definition's `runtimePlatform`; for Fargate alone it is
/// Linux on X86_64 where nothing is said (AWS documentation on the runtime platform). On other
/// capacity, what isn't said isn't known, and not compared.
///
/// Images of other registries, ECR Public among them, are not looked at. Clones share their
/// clients.
///
/// # Permissions
/// `ecr:BatchGetImage` on the repositories, and `ecr:GetDownloadUrlForLayer` for images that aren't
/// an index of several platforms. Where they are missing, that is a finding, with the statement to
/// add; a repository of another account has to allow it by its own policy, too.
///
/// ```no_run
/// use ecs_deploy::{Deployer, ImageCheck, Service};
///
/// # async fn deploy(config: &aws_types::SdkConfig, service: Service)
/// #     -> Result<(), ecs_deploy::Error> {
/// let deployer = Deployer::new(config);
/// let mut revision = deployer.current(&service).await?;
/// revision.set_images([("web", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:2")])?;
/// for finding in deployer.check_images(&ImageCheck::new(config), &revision).await {
///     eprintln!("{finding}");
///     if finding.problem().prevents_start() {
///         return Ok(());
///     }
/// }
/// deployer.roll_out(&service, revision).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ImageCheck {
    config: SdkConfig,
    clients: Arc<Mutex<HashMap<Endpoint, Client>>>,
}

impl ImageCheck {
    /// With the credentials and the HTTP client of `config`. The region is each registry's own.
    pub fn new(config: &SdkConfig) -> Self {
        Self { config: config.clone(), clients: Arc::default() }
    }

    pub(crate) async fn check(&self, revision: &Revision) -> Vec<ImageFinding> {
        let deadline = Instant::now() + LONGEST;
        let needs = Needs::of(revision);
        let mut images: Vec<(EcrImage<'_>, &str, Vec<String>)> = Vec::new();
        for (container, text) in revision.images() {
            let Some(image) = EcrImage::parse(text) else { continue };
            match images.iter_mut().find(|(known, ..)| *known == image) {
                Some((_, _, containers)) => containers.push(container.to_owned()),
                None => images.push((image, text, vec![container.to_owned()])),
            }
        }
        let mut findings = Vec::new();
        for (image, text, containers) in images {
            let client = self.client(&image);
            let look = look(&client, &image, &needs);
            let late = |_| {
                let why = format!("ECR didn't answer within {} s", LONGEST.as_secs());
                Err(ImageProblem::Unchecked { why })
            };
            if let Err(problem) = timeout_at(deadline, look).await.unwrap_or_else(late) {
                findings.push(ImageFinding { image: text.to_owned(), containers, problem });
            }
        }
        findings
    }

    /// The client for the image's registry.
    fn client(&self, image: &EcrImage<'_>) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let make = |endpoint: &Endpoint| {
            let region = Region::new(endpoint.region.clone());
            let mut config = aws_sdk_ecr::config::Builder::from(&self.config).region(region);
            // What the configuration asks for stays: a host of the ordinary kind forbids neither.
            if endpoint.is_fips {
                config = config.use_fips(true);
            }
            if endpoint.is_dual_stack {
                config = config.use_dual_stack(true);
            }
            Client::from_conf(config.build())
        };
        clients.entry(image.endpoint()).or_insert_with_key(make).clone()
    }
}

impl Deployer {
    /// What is wrong with the images of `revision`, or couldn't be checked; empty where all is well.
    /// Nothing is changed by it, and nothing that goes wrong here is an error: a finding says what
    /// and why, once for each image.
    ///
    /// It takes one BatchGetImage for each image that is in ECR, and for one that isn't an index of
    /// several platforms a GetDownloadUrlForLayer and a download of a few kilobytes; 30 seconds at
    /// most in all.
    ///
    /// # Cancellation
    /// It may be dropped at any time.
    pub async fn check_images(&self, check: &ImageCheck, revision: &Revision) -> Vec<ImageFinding> {
        check.check(revision).await
    }
}

/// What [`Deployer::check_images`] found out about an image. `Display` is one line for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFinding {
    image: String,
    containers: Vec<String>,
    problem: ImageProblem,
}

impl ImageFinding {
    /// The image, as the task definition names it.
    pub fn image(&self) -> &str {
        &self.image
    }

    /// The containers that are made of it, in the order of the task definition.
    pub fn containers(&self) -> &[String] {
        &self.containers
    }

    /// What is wrong with it.
    pub fn problem(&self) -> &ImageProblem {
        &self.problem
    }
}

/// As a rollout takes it.
impl From<ImageFinding> for Finding {
    fn from(finding: ImageFinding) -> Self {
        let kind = match &finding.problem {
            ImageProblem::Missing => FindingKind::ImageMissing,
            ImageProblem::Unchecked { .. } => FindingKind::ImageUnchecked,
            ImageProblem::WrongPlatform { .. } => FindingKind::ImageWrongPlatform,
        };
        Self::new(kind, finding.to_string())
    }
}

impl fmt::Display for ImageFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { image, containers, problem } = self;
        write!(f, "the image {image} of {} {problem}", containers.join(" and "))
    }
}

/// What is wrong with an image. `Display` goes on where "the image X" began.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ImageProblem {
    /// The repository has no such image, or the registry no such repository. Push it, or correct its
    /// name.
    ///
    /// For an image behind a pull through cache rule, ECR looks into the other registry itself, and
    /// says only then that there is none. That this needs no other permission than BatchGetImage is
    /// inferred.
    Missing,
    /// It couldn't be found out, which says nothing about the image.
    Unchecked {
        /// Why, and what to do about it.
        why: String,
    },
    /// It is for other platforms than the one that the tasks run on. Build it for that, or correct
    /// the task definition's `runtimePlatform`.
    WrongPlatform {
        /// The platforms that it is for, such as `linux/arm64`.
        has: Vec<String>,
        /// What the tasks run on; where only one of both is known, that.
        wants: String,
    },
}

impl ImageProblem {
    /// Whether no task can start with it: it is certain that the image is missing or doesn't fit.
    pub fn prevents_start(&self) -> bool {
        match self {
            Self::Missing | Self::WrongPlatform { .. } => true,
            Self::Unchecked { .. } => false,
        }
    }
}

impl fmt::Display for ImageProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("isn't in ECR"),
            Self::Unchecked { why } => write!(f, "couldn't be checked: {why}"),
            Self::WrongPlatform { has, wants } => {
                write!(f, "is for {}, and the tasks run on {wants}", has.join(", "))
            }
        }
    }
}

async fn look(client: &Client, image: &EcrImage<'_>, needs: &Needs) -> Result<(), ImageProblem> {
    let text = manifest(client, image).await?;
    if needs.are_unknown() {
        return Ok(());
    }
    let has = match Manifest::parse(&text).map_err(unchecked)? {
        Manifest::Image { config, size } => {
            let json = blob::fetch(client, image, &config, size).await?;
            vec![Platform::of_config(&json).map_err(unchecked)?]
        }
        Manifest::Index { platforms, is_complete } => {
            if !is_complete && !platforms.iter().any(|it| needs.are_met_by(it)) {
                let why = "its index doesn't say which platforms all of its images are for";
                return Err(unchecked(why.to_owned()));
            }
            platforms
        }
    };
    if has.iter().any(|platform| needs.are_met_by(platform)) {
        return Ok(());
    }
    let has = has.iter().map(Platform::to_string).collect();
    Err(ImageProblem::WrongPlatform { has, wants: needs.to_string() })
}

/// The manifest or index that the image's name leads to.
async fn manifest(client: &Client, image: &EcrImage<'_>) -> Result<String, ImageProblem> {
    let id = match image.pick {
        Pick::Digest(digest) => ImageIdentifier::builder().image_digest(digest),
        Pick::Tag(tag) => ImageIdentifier::builder().image_tag(tag),
    };
    let output = client
        .batch_get_image()
        .registry_id(image.account)
        .repository_name(image.repository)
        .image_ids(id.build())
        .set_accepted_media_types(Some(manifest::MEDIA_TYPES.map(str::to_owned).to_vec()))
        .send()
        .await;
    let output = match output {
        Ok(output) => output,
        Err(error) if error.code() == Some("RepositoryNotFoundException") => {
            return Err(ImageProblem::Missing);
        }
        Err(error) => return Err(refused("BatchGetImage", image, error)),
    };
    if let Some(text) = output.images().iter().find_map(|it| it.image_manifest()) {
        return Ok(text.to_owned());
    }
    match output.failures().first() {
        Some(failure) if failure.failure_code() == Some(&ImageFailureCode::ImageNotFound) => {
            Err(ImageProblem::Missing)
        }
        Some(failure) => {
            let code = failure.failure_code().map_or("no code", ImageFailureCode::as_str);
            let reason = failure.failure_reason().unwrap_or("ECR gives no reason");
            Err(unchecked(format!("{reason} ({code})")))
        }
        None => Err(unchecked("ECR's answer has neither an image nor a failure".to_owned())),
    }
}

fn unchecked(why: String) -> ImageProblem {
    ImageProblem::Unchecked { why }
}

/// A call that ECR refused or didn't answer.
fn refused<E>(
    operation: &'static str,
    image: &EcrImage<'_>,
    error: aws_sdk_ecr::error::SdkError<E, aws_sdk_ecr::config::http::HttpResponse>,
) -> ImageProblem
where
    E: aws_sdk_ecr::error::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let arn = image.arn();
    let error = Error::api(operation, &arn, error);
    // One text for all: a finding has no source.
    let why = match std::error::Error::source(&error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    unchecked(why)
}

/// For all images: they are to be looked at, not waited for.
const LONGEST: Duration = Duration::from_secs(30);
