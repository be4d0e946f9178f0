//! Checks before a rollout that a revision's images exist and fit its platform: [`ImageCheck`].
//!
//! [`RollOut::check_images`](crate::RollOut::check_images) refuses a revision whose images prevent
//! a start; [`Deployer::check_images`](crate::Deployer::check_images) returns the [`ImageFinding`]s
//! alone.

mod blob;
mod finding;
mod lookup;
mod manifest;
mod platform;
mod reference;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::Region;
use aws_types::SdkConfig;
use tokio::time::{Instant, timeout_at};

pub use self::finding::{ImageFinding, ImageProblem};
use self::lookup::look;
use self::platform::Needs;
use self::reference::{EcrImage, Endpoint};
use crate::ecs::body_limit::BodyLimit;
use crate::revision::Revision;

/// A check that the images of a [`Revision`] are in Amazon ECR, and that they are built for the
/// processor and the operating system of its tasks. A rollout takes minutes to fail for either
/// reason, because ECS retries the pull many times.
///
/// The task definition's `runtimePlatform` names the platform of the tasks. If it is missing and
/// the revision requires Fargate only, the platform is Linux on X86_64 (AWS documentation on the
/// runtime platform). On other capacity a missing value is unknown and isn't compared.
///
/// Images in other registries, ECR Public included, aren't checked. Clones share their clients.
///
/// # Permissions
/// The check needs `ecr:BatchGetImage` on the repositories, and `ecr:GetDownloadUrlForLayer` for
/// images that aren't an index of several platforms. A missing permission is a finding with the
/// statement to add. The policy of a repository in another account must allow the actions too.
///
/// ```no_run
/// use ecs_deploy::image_check::ImageCheck;
/// use ecs_deploy::{Deployer, Service};
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
    /// Creates a check with the credentials and the HTTP client of `config`. Each call goes to the
    /// region of the image's registry.
    pub fn new(config: &SdkConfig) -> Self {
        Self { config: config.clone(), clients: Arc::default() }
    }

    pub(crate) async fn check(&self, revision: &Revision) -> Vec<ImageFinding> {
        let deadline = Instant::now() + LONGEST;
        let needs = Needs::from_revision(revision);
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
                findings.push(ImageFinding::new(text, containers, problem));
            }
        }
        findings
    }

    /// Returns the client for the image's registry.
    fn client(&self, image: &EcrImage<'_>) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let make = |endpoint: &Endpoint| {
            let region = Region::new(endpoint.region.clone());
            let mut config = aws_sdk_ecr::config::Builder::from(&self.config).region(region);
            // A plain host doesn't switch off what the configuration asks for.
            if endpoint.is_fips {
                config = config.use_fips(true);
            }
            if endpoint.is_dual_stack {
                config = config.use_dual_stack(true);
            }
            Client::from_conf(config.interceptor(BodyLimit).build())
        };
        clients.entry(image.endpoint()).or_insert_with_key(make).clone()
    }
}

/// The time limit for all images together, so that the check doesn't delay a rollout for long.
const LONGEST: Duration = Duration::from_secs(30);
