//! What of ECR's behaviour is scripted: states that no request brings about, and choices where
//! implementations differ.

use std::collections::BTreeMap;

use crate::error::AwsError;

/// How BatchCheckLayerAvailability says that a layer isn't there. A right client takes both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[non_exhaustive]
pub enum MissingLayers {
    /// It is listed in `failures`, with the code `MissingLayerDigest`, as other emulators do.
    Failure,
    /// It is listed in `layers` as `UNAVAILABLE`: AWS's own client for containerd relies on it.
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
    pub(crate) layers_per_image: Option<usize>,
    pub(crate) missing_layers: MissingLayers,
    pub(crate) refused_uploads: RefusedUploads,
    /// KMS's error codes by repository.
    pub(crate) kms_errors: BTreeMap<String, String>,
}

impl Script {
    pub(crate) fn kms_error(&self, repository: &str) -> Option<&str> {
        self.kms_errors.get(repository).map(String::as_str)
    }

    /// ECR's service model has the code and the member; the words are inferred.
    pub(crate) fn check_key(&self, repository: &str) -> Result<(), AwsError> {
        let Some(error) = self.kms_error(repository) else { return Ok(()) };
        let message = format!(
            "The repository with name '{repository}' could not use its KMS key: KMS answered \
             '{error}'"
        );
        Err(AwsError::new("KmsException", message).member("kmsError", error))
    }
}
