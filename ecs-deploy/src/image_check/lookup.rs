//! The lookup of an image in ECR: whether it exists, and whether it fits the platform of the tasks.

use aws_sdk_ecr::Client;
use aws_sdk_ecr::error::ProvideErrorMetadata as _;
use aws_sdk_ecr::types::{ImageFailureCode, ImageIdentifier};

use crate::image_check::blob;
use crate::image_check::finding::{ImageProblem, refused, unchecked};
use crate::image_check::manifest::{MEDIA_TYPES, Manifest};
use crate::image_check::platform::{Needs, Platform};
use crate::image_check::reference::{EcrImage, Pick};

pub(super) async fn look(
    client: &Client,
    image: &EcrImage<'_>,
    needs: &Needs,
) -> Result<(), ImageProblem> {
    let text = manifest(client, image).await?;
    if needs.are_unknown() {
        return Ok(());
    }
    let has = match Manifest::parse(&text).map_err(unchecked)? {
        Manifest::Image { config, size } => {
            let json = blob::fetch(client, image, &config, size).await?;
            vec![Platform::from_config(&json).map_err(unchecked)?]
        }
        Manifest::Index { platforms, is_complete } => {
            if !is_complete && !platforms.iter().any(|it| needs.are_met_by(it)) {
                let why = "its index doesn't name the platform of every image";
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

/// Returns the manifest or index that the image's name refers to.
async fn manifest(client: &Client, image: &EcrImage<'_>) -> Result<String, ImageProblem> {
    let id = match image.pick {
        Pick::Digest(digest) => ImageIdentifier::builder().image_digest(digest),
        Pick::Tag(tag) => ImageIdentifier::builder().image_tag(tag),
    };
    let output = client
        .batch_get_image()
        .registry_id(image.host.account)
        .repository_name(image.repository)
        .image_ids(id.build())
        .set_accepted_media_types(Some(MEDIA_TYPES.map(str::to_owned).to_vec()))
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
        None => Err(unchecked("ECR's response has neither an image nor a failure".to_owned())),
    }
}
