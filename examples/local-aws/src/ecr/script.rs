//! What of ECR's behaviour is scripted: states that no request brings about, and choices where
//! implementations differ.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::ecr::Ecr;
use crate::error::AwsError;
use crate::local::LocalAws;

/// How BatchCheckLayerAvailability says that a layer isn't there. A right client takes both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[non_exhaustive]
pub enum MissingLayers {
    /// In `failures`, with the code `MissingLayerDigest`, as other emulators answer.
    Failure,
    /// In `layers`, as `UNAVAILABLE`: AWS's own client for containerd relies on it.
    #[default]
    Unavailable,
}

/// What becomes of an upload to the registry endpoint whose repository isn't there, or for which a
/// permission is missing. Users report both, at different times. A right client takes both, and
/// says of a broken connection what it may mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[non_exhaustive]
pub enum RefusedUploads {
    /// It is refused, with the reason.
    Answered,
    /// The connection breaks without an answer.
    #[default]
    Dropped,
}

/// What one registry is scripted to do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    pub(super) layers_per_image: Option<usize>,
    pub(super) missing_layers: MissingLayers,
    pub(super) refused_uploads: RefusedUploads,
    /// KMS's error codes by repository.
    kms_errors: BTreeMap<String, String>,
}

/// All of these work on the registry of [`REGION`](Self::REGION).
impl LocalAws {
    /// Archives an image, as the archival storage class does, with all layers that no other image
    /// needs: it can't be got any more, until it is pushed again, layers included. `image` is a
    /// digest or a tag. Returns whether there is such an image.
    pub fn archive_image(&self, repository: &str, image: &str) -> bool {
        self.in_region(Self::REGION, |place| place.ecr.archive(repository, image))
    }

    /// Removes all layers that no image refers to, as ECR may do at any time.
    pub fn collect_layers(&self) {
        self.in_region(Self::REGION, |place| place.ecr.collect_layers());
    }

    /// Ends every upload in progress.
    pub fn expire_uploads(&self) {
        self.in_region(Self::REGION, |place| place.ecr.expire_uploads());
    }

    /// The content of a layer, of no image perhaps; `None` where it isn't there or isn't kept.
    pub fn layer(&self, repository: &str, digest: &str) -> Option<Bytes> {
        self.in_region(Self::REGION, |place| place.ecr.blob(repository, digest))
            .map(super::downloads::whole)
    }

    /// Refuses images of more than so many layers. Off unless set: ECR doesn't document its limit;
    /// users report to have met it at about 300.
    pub fn limit_layers_per_image(&self, layers: usize) {
        self.in_region(Self::REGION, |place| place.ecr.script.layers_per_image = Some(layers));
    }

    /// Decides how a layer that isn't there is reported.
    pub fn set_missing_layers(&self, missing: MissingLayers) {
        self.in_region(Self::REGION, |place| place.ecr.script.missing_layers = missing);
    }

    /// Decides what becomes of an upload to the registry endpoint that is refused for its repository
    /// or for a permission.
    pub fn set_refused_uploads(&self, refused: RefusedUploads) {
        self.in_region(Self::REGION, |place| place.ecr.script.refused_uploads = refused);
    }

    /// Lets KMS refuse the key of a repository with an error code of its own, such as
    /// `DisabledException`; `None` ends it. The repository needn't exist yet.
    pub fn set_kms_error(&self, repository: &str, kms_error: Option<&str>) {
        self.in_region(Self::REGION, |place| {
            let kms_errors = &mut place.ecr.script.kms_errors;
            match kms_error {
                Some(error) => kms_errors.insert(repository.to_owned(), error.to_owned()),
                None => kms_errors.remove(repository),
            };
        });
    }
}

impl Script {
    pub(super) fn kms_error(&self, repository: &str) -> Option<&str> {
        self.kms_errors.get(repository).map(String::as_str)
    }

    /// ECR's service model has the code and the member; the words are inferred.
    pub(super) fn check_key(&self, repository: &str) -> Result<(), AwsError> {
        let Some(error) = self.kms_error(repository) else { return Ok(()) };
        let message = format!(
            "The repository with name '{repository}' could not use its KMS key: KMS answered \
             '{error}'"
        );
        Err(AwsError::new("KmsException", message).member("kmsError", error))
    }
}

impl Ecr {
    pub(super) fn refused_uploads(&self) -> RefusedUploads {
        self.script.refused_uploads
    }

    fn archive(&mut self, repository: &str, image: &str) -> bool {
        self.repositories.get_mut(repository).is_some_and(|repository| repository.archive(image))
    }
}
