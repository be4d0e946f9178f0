//! Layers: which exist, and the upload protocol with its one cursor per upload.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::core::Context;
use crate::ecr::repositories::Repository;
use crate::ecr::{Ecr, constraints};
use crate::error::AwsError;
use crate::wire::{malformed, parse};

/// A complete layer.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) size: u64,
}

/// An upload in progress.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    /// Sizes of the parts, in order: all but the last must have reached the minimum at the end.
    parts: Vec<u64>,
    /// How many bytes have arrived: the first byte that the next part must have.
    size: u64,
    hasher: Sha256,
}

/// ECR's service model: `layerPartBlob` holds at most 20 MiB.
const MAX_PART: usize = 20 * 1024 * 1024;

/// ECR's Service Quotas page: 5 MiB for every part but the last. Users report that it is refused
/// at CompleteLayerUpload, not when the part arrives.
const MIN_PART: u64 = 5 * 1024 * 1024;

/// ECR's Service Quotas page: layer parts, and the size of a layer, 52,000 MiB.
const MAX_PARTS: usize = 4_200;
const MAX_LAYER: u64 = 52_000 * 1024 * 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct BatchCheckLayerAvailability {
    pub(super) registry_id: Option<String>,
    pub(super) repository_name: String,
    layer_digests: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct InitiateLayerUpload {
    pub(super) registry_id: Option<String>,
    pub(super) repository_name: String,
}

#[derive(Debug)]
pub(crate) struct UploadLayerPart {
    pub(super) registry_id: Option<String>,
    pub(super) repository_name: String,
    upload_id: String,
    first: i64,
    last: i64,
    content: Vec<u8>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CompleteLayerUpload {
    pub(super) registry_id: Option<String>,
    pub(super) repository_name: String,
    upload_id: String,
    layer_digests: Vec<String>,
}

impl UploadLayerPart {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, AwsError> {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Wire<'a> {
            registry_id: Option<String>,
            repository_name: String,
            upload_id: String,
            part_first_byte: i64,
            part_last_byte: i64,
            // Borrowed from the body: base64 holds nothing that JSON escapes, but for a `\/`.
            #[serde(borrow)]
            layer_part_blob: Cow<'a, str>,
        }
        let wire: Wire<'_> = parse(body)?;
        let content = base64_simd::STANDARD
            .decode_to_vec(wire.layer_part_blob.as_bytes())
            .map_err(|_| malformed("layerPartBlob is not base64"))?;
        Ok(Self {
            registry_id: wire.registry_id,
            repository_name: wire.repository_name,
            upload_id: wire.upload_id,
            first: wire.part_first_byte,
            last: wire.part_last_byte,
            content,
        })
    }
}

impl Ecr {
    pub(crate) fn check_layers(
        &mut self,
        input: BatchCheckLayerAvailability,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        // ECR's service model, of the list and of each text in it.
        constraints::check_length("layerDigests", input.layer_digests.len(), 1..=100)?;
        for digest in &input.layer_digests {
            constraints::check_length("layerDigests", digest.len(), 0..=1000)?;
        }
        let repository =
            self.repository(input.registry_id.as_deref(), &input.repository_name, context)?;
        let mut layers = Vec::new();
        let mut failures = Vec::new();
        for digest in &input.layer_digests {
            if !constraints::is_sha256(digest) {
                failures.push(json!({
                    "layerDigest": digest,
                    "failureCode": "InvalidLayerDigest",
                    "failureReason": "Layer digest is not valid",
                }));
                continue;
            }
            // An absent layer is listed as UNAVAILABLE: AWS's own containerd resolver relies on it.
            layers.push(match repository.layers.get(digest) {
                Some(layer) => json!({
                    "layerDigest": digest,
                    "layerAvailability": "AVAILABLE",
                    "layerSize": layer.size,
                }),
                None => json!({ "layerDigest": digest, "layerAvailability": "UNAVAILABLE" }),
            });
        }
        Ok(json!({ "layers": layers, "failures": failures }))
    }

    pub(crate) fn initiate_upload(
        &mut self,
        input: InitiateLayerUpload,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let id = context.ids.uuid();
        let repository =
            self.repository(input.registry_id.as_deref(), &input.repository_name, context)?;
        repository.uploads.insert(id.clone(), Upload::default());
        Ok(json!({ "uploadId": id, "partSize": context.settings.part_size }))
    }

    pub(crate) fn upload_part(
        &mut self,
        input: UploadLayerPart,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let UploadLayerPart { upload_id, first, last, content, .. } = &input;
        constraints::check_length("layerPartBlob", content.len(), 0..=MAX_PART)?;
        constraints::check_upload_id(upload_id)?;
        let first = byte_number("partFirstByte", *first)?;
        let last = byte_number("partLastByte", *last)?;
        let account = context.caller.account.clone();
        let repository =
            self.repository(input.registry_id.as_deref(), &input.repository_name, context)?;
        let Some(upload) = repository.uploads.get_mut(upload_id) else {
            return Err(upload_not_found(upload_id, &repository.name, &account));
        };
        let invalid = |message: String| {
            let error = AwsError::new("InvalidLayerPartException", message)
                .member("registryId", account.clone())
                .member("repositoryName", input.repository_name.clone())
                .member("uploadId", upload_id.clone());
            // Absent before the first part. That AWS leaves it out then is inferred.
            match upload.size.checked_sub(1) {
                Some(last) => error.member("lastValidByteReceived", last),
                None => error,
            }
        };
        if first != upload.size {
            return Err(invalid(format!(
                "First byte of the layer part is {first} instead of {}",
                upload.size
            )));
        }
        // The last byte is inclusive: AWS's CLI example sends 0 to 8323314 for 8323315 bytes. That
        // a range which contradicts the content is refused is inferred.
        if content.is_empty() || last.checked_sub(first) != Some(content.len() as u64 - 1) {
            return Err(invalid(format!(
                "Layer part has {} bytes, and says that it is bytes {first} to {last}",
                content.len()
            )));
        }
        check_quotas(upload.parts.len() + 1, last + 1)?;
        upload.parts.push(content.len() as u64);
        upload.size += content.len() as u64;
        upload.hasher.update(content);
        Ok(json!({
            "registryId": account,
            "repositoryName": input.repository_name,
            "uploadId": upload_id,
            "lastByteReceived": last,
        }))
    }

    pub(crate) fn complete_upload(
        &mut self,
        input: CompleteLayerUpload,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let upload_id = &input.upload_id;
        // ECR's service model.
        constraints::check_upload_id(upload_id)?;
        constraints::check_length("layerDigests", input.layer_digests.len(), 1..=100)?;
        for digest in &input.layer_digests {
            constraints::check_digest("layerDigests", digest)?;
        }
        let account = &context.caller.account;
        let repository =
            self.repository(input.registry_id.as_deref(), &input.repository_name, context)?;
        let name = repository.name.clone();
        let Some(upload) = repository.uploads.get(upload_id) else {
            return Err(upload_not_found(upload_id, &name, account));
        };
        let Some((_, all_but_last)) = upload.parts.split_last() else {
            return Err(AwsError::new(
                "EmptyUploadException",
                format!(
                    "Layer upload with id '{upload_id}' in the repository with name '{name}' in \
                     the registry with id '{account}' cannot be completed because it does not \
                     have any parts"
                ),
            ));
        };
        if all_but_last.iter().any(|&size| size < MIN_PART) {
            return Err(AwsError::new(
                "LayerPartTooSmallException",
                "All layer parts except the last part should be at least 5MB",
            ));
        }
        let digest = format!("sha256:{}", hex(&upload.hasher.clone().finalize()));
        if !input.layer_digests.contains(&digest) {
            return Err(AwsError::new(
                "InvalidLayerException",
                "None of the provided layer digests match the calculated layer digest",
            ));
        }
        if repository.layers.contains_key(&digest) {
            return Err(AwsError::new(
                "LayerAlreadyExistsException",
                format!(
                    "Layer with digest '{digest}' already exists in the repository with name \
                     '{name}' in the registry with id '{account}'"
                ),
            ));
        }
        let size = upload.size;
        repository.uploads.remove(upload_id);
        repository.layers.insert(digest.clone(), Layer { size });
        Ok(json!({
            "registryId": account,
            "repositoryName": name,
            "uploadId": upload_id,
            "layerDigest": digest,
        }))
    }
}

impl Ecr {
    /// Removes the layers that no image refers to, which may happen at any time (ECR API
    /// reference, LayerInaccessibleException).
    pub(crate) fn collect_layers(&mut self) {
        for repository in self.repositories.values_mut() {
            let Repository { layers, images, .. } = repository;
            layers.retain(|digest, _| images.values().any(|image| image.refers_to(digest)));
        }
    }

    /// Ends every upload in progress. How long one lasts isn't documented.
    pub(crate) fn expire_uploads(&mut self) {
        for repository in self.repositories.values_mut() {
            repository.uploads.clear();
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// ECR's service model: 0 or more.
fn byte_number(member: &str, number: i64) -> Result<u64, AwsError> {
    u64::try_from(number).map_err(|_| {
        constraints::violated(member, "Member must have value greater than or equal to 0")
    })
}

/// ECR's service model lists LimitExceeded for UploadLayerPart: that it is these quotas which it
/// means is inferred.
fn check_quotas(parts: usize, size: u64) -> Result<(), AwsError> {
    if parts > MAX_PARTS {
        return Err(AwsError::new(
            "LimitExceededException",
            format!("A layer can't have more than {MAX_PARTS} parts"),
        ));
    }
    if size > MAX_LAYER {
        return Err(AwsError::new(
            "LimitExceededException",
            format!("A layer can't have more than {MAX_LAYER} bytes"),
        ));
    }
    Ok(())
}

fn upload_not_found(id: &str, repository: &str, account: &str) -> AwsError {
    AwsError::new(
        "UploadNotFoundException",
        format!(
            "The upload with id '{id}' does not exist in the repository with name '{repository}' \
             in the registry with id '{account}'"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::Caller;
    use crate::clock::Clock;
    use crate::core::{Deferred, Ids, Settings};

    /// Here rather than through a client, because that many requests take seconds.
    #[tokio::test]
    async fn a_layer_of_52_000_mib_in_4_200_parts_is_the_largest() {
        let caller = Caller::local("us-east-1");
        let (now, mut ids, settings) = (Clock::new().now(), Ids::default(), Settings::default());
        let mut deferred = Deferred::default();
        let mut context = Context {
            caller: &caller,
            now,
            ids: &mut ids,
            settings: &settings,
            deferred: &mut deferred,
        };
        let mut ecr = Ecr::default();
        ecr.create_repository(parse(br#"{ "repositoryName": "app" }"#).unwrap(), &mut context)
            .unwrap();
        for (parts, size, expected) in [
            (MAX_PARTS - 1, 1, Ok(())),
            (MAX_PARTS, 1, Err("LimitExceededException")),
            (1, MAX_LAYER - 1, Ok(())),
            (1, MAX_LAYER, Err("LimitExceededException")),
        ] {
            let id = context.ids.uuid();
            let upload = Upload { parts: vec![MIN_PART; parts], size, hasher: Sha256::new() };
            let repository = ecr.repository(None, "app", &context).unwrap();
            repository.uploads.insert(id.clone(), upload);
            let part = json!({
                "repositoryName": "app",
                "uploadId": id,
                "partFirstByte": size,
                "partLastByte": size,
                "layerPartBlob": "AA==",
            });
            let part = UploadLayerPart::parse(part.to_string().as_bytes()).unwrap();
            let answer = ecr.upload_part(part, &mut context);
            assert_eq!(answer.map(drop).map_err(|error| error.code), expected);
        }
    }
}
