//! The API calls of a layer's upload: start, send a part, complete.

use aws_sdk_ecr::config::Intercept;
use aws_sdk_ecr::operation::complete_layer_upload::CompleteLayerUploadError as CompleteError;
use aws_sdk_ecr::operation::upload_layer_part::UploadLayerPartError;

use crate::aws::failure::describe;
use crate::aws::retries::Attempts;
use crate::error::Error;
use crate::names::digest::Digest;
use crate::wire::answers::{CompleteAnswer, NewUpload, PartAnswer};
use crate::wire::api::Calls;
use crate::wire::checks;

impl Calls {
    pub(crate) async fn start_upload(&self) -> Result<NewUpload, Error> {
        const OPERATION: &str = "InitiateLayerUpload";
        let answer = call!(self, initiate_layer_upload, "InitiateLayerUpload")
            .send()
            .await
            .map_err(|error| self.failure(OPERATION, error))?;
        checks::new_upload(&answer).map_err(|problem| self.unusable(OPERATION, problem))
    }

    /// Sends a part. `body` replaces the request's body.
    pub(crate) async fn send_part(
        &self,
        upload_id: &str,
        body: impl Intercept + 'static,
    ) -> Result<PartAnswer, Error> {
        const OPERATION: &str = "UploadLayerPart";
        let answer = call!(self, upload_layer_part, "UploadLayerPart", upload_id: upload_id)
            .interceptor(body)
            .send()
            .await;
        match answer {
            Ok(answer) => {
                let received = checks::last_received(&answer);
                let last = received.map_err(|problem| self.unusable(OPERATION, problem))?;
                Ok(PartAnswer::Received { last })
            }
            Err(error) => match error.as_service_error() {
                Some(UploadLayerPartError::InvalidLayerPartException(invalid)) => {
                    let last_valid = invalid.last_valid_byte_received();
                    let last_valid = last_valid.and_then(|byte| byte.try_into().ok());
                    Ok(match last_valid {
                        Some(last_valid) => PartAnswer::OutOfOrder { last_valid },
                        None => PartAnswer::Refused(describe(&error)),
                    })
                }
                Some(UploadLayerPartError::UploadNotFoundException(_)) => Ok(PartAnswer::Gone),
                _ => Err(self.failure(OPERATION, error)),
            },
        }
    }

    pub(crate) async fn complete(
        &self,
        upload_id: &str,
        digest: &Digest,
    ) -> Result<CompleteAnswer, Error> {
        let answer = call!(
            self, complete_layer_upload, "CompleteLayerUpload",
            upload_id: upload_id, layer_digests: digest.as_str()
        )
        .send()
        .await;
        let error = match answer {
            Ok(answer) => {
                return match checks::completed(digest, &answer) {
                    Ok(()) => Ok(CompleteAnswer::Complete),
                    Err(problem) => Err(self.unusable("CompleteLayerUpload", problem)),
                };
            }
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(CompleteError::LayerAlreadyExistsException(_)) => Ok(CompleteAnswer::Complete),
            Some(CompleteError::UploadNotFoundException(_)) => {
                let is_there = self.available(&[digest]).await?.contains(digest);
                Ok(CompleteAnswer::after_loss(is_there))
            }
            Some(CompleteError::InvalidLayerException(_)) => {
                Ok(CompleteAnswer::wrong_content(describe(&error)))
            }
            Some(
                CompleteError::LayerPartTooSmallException(_)
                | CompleteError::EmptyUploadException(_),
            ) => Ok(CompleteAnswer::refused(describe(&error))),
            _ => Err(self.failure("CompleteLayerUpload", error)),
        }
    }
}
