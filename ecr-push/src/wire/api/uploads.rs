//! The API calls of a layer's upload: start, send a part, complete.

use aws_sdk_ecr::config::Intercept;
use aws_sdk_ecr::operation::complete_layer_upload::CompleteLayerUploadError as CompleteError;
use aws_sdk_ecr::operation::upload_layer_part::UploadLayerPartError;

use crate::aws::failure::describe;
use crate::aws::retries::Attempts;
use crate::error::Error;
use crate::names::digest::Digest;
use crate::wire::answers::{CompleteAnswer, MAX_PART, NewUpload, PartAnswer};
use crate::wire::api::Calls;

impl Calls {
    pub(crate) async fn start_upload(&self) -> Result<NewUpload, Error> {
        const OPERATION: &str = "InitiateLayerUpload";
        let answer = call!(self, initiate_layer_upload, "InitiateLayerUpload")
            .send()
            .await
            .map_err(|error| self.failure(OPERATION, error))?;
        let part_size = answer.part_size().and_then(|size| u64::try_from(size).ok());
        match (answer.upload_id(), part_size) {
            (Some(id), Some(part_size)) if part_size > 0 && is_sendable(id) => {
                Ok(NewUpload { id: id.to_owned(), part_size: part_size.min(MAX_PART) })
            }
            _ => Err(Error::protocol(
                OPERATION,
                &self.repository,
                "the response has a missing or invalid upload id or part size",
            )),
        }
    }

    /// Sends a part that ends with byte `last` and must not be empty. `body` replaces the request's
    /// body.
    pub(crate) async fn send_part(
        &self,
        upload_id: &str,
        body: impl Intercept + 'static,
        last: u64,
    ) -> Result<PartAnswer, Error> {
        const OPERATION: &str = "UploadLayerPart";
        let answer = call!(self, upload_layer_part, "UploadLayerPart", upload_id: upload_id)
            .interceptor(body)
            .send()
            .await;
        match answer {
            Ok(answer) => {
                let received = answer.last_byte_received().and_then(|byte| byte.try_into().ok());
                Ok(PartAnswer::Received { last: received.unwrap_or(last) })
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
        let Err(error) = answer else { return Ok(CompleteAnswer::Complete) };
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

/// Returns whether the id can be sent. ECR's ids are UUIDs; a part's buffer reserves 256 bytes for
/// the id.
fn is_sendable(upload_id: &str) -> bool {
    upload_id.len() <= 256 && upload_id.bytes().all(|byte| byte.is_ascii_graphic())
}
