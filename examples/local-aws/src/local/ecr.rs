//! What a test or a demonstration decides about ECR from outside.

use bytes::Bytes;

use crate::ecr::downloads::whole;
use crate::ecr::{MissingLayers, RefusedUploads};
use crate::local::LocalAws;

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

    /// The content of a layer, even if no image refers to it; `None` if it is missing or isn't
    /// kept.
    pub fn layer(&self, repository: &str, digest: &str) -> Option<Bytes> {
        self.in_region(Self::REGION, |place| place.ecr.blob(repository, digest)).map(whole)
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
