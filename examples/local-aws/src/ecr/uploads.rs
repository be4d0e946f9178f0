//! The operations of the upload protocol.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::context::{Blobs, Context};
use crate::ecr::constraints;
use crate::ecr::hashing::Hashing;
use crate::ecr::store::layer::Layer;
use crate::ecr::store::upload::{Upload, contradiction, out_of_order};
use crate::ecr::store::{Ecr, On};
use crate::error::AwsError;
use crate::wire::{malformed, parse};

/// ECR's service model: `layerPartBlob` holds at most 20 MiB.
const MAX_PART: usize = 20 * 1024 * 1024;

/// How much the uploads in progress may keep in memory before the old ones end, in bytes.
const MOST_KEPT: u64 = 1024 * 1024 * 1024;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// An upload, as the registry names it.
#[derive(Debug)]
pub(crate) struct UploadName {
    pub(crate) registry: String,
    pub(crate) repository: String,
    pub(crate) id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct InitiateLayerUpload {
    pub(crate) registry_id: Option<String>,
    pub(crate) repository_name: String,
}

#[derive(Debug)]
pub(crate) struct UploadLayerPart {
    pub(crate) registry_id: Option<String>,
    pub(crate) repository_name: String,
    upload_id: String,
    first: i64,
    last: i64,
    content: Bytes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CompleteLayerUpload {
    pub(crate) registry_id: Option<String>,
    pub(crate) repository_name: String,
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
            content: content.into(),
        })
    }
}

impl UploadName {
    pub(crate) fn new(on: On<'_>, id: &str) -> Self {
        let owned = str::to_owned;
        Self { registry: owned(on.registry), repository: owned(on.repository), id: owned(id) }
    }
}

impl InitiateLayerUpload {
    pub(crate) fn new(on: On<'_>) -> Self {
        Self {
            registry_id: Some(on.registry.to_owned()),
            repository_name: on.repository.to_owned(),
        }
    }
}

impl CompleteLayerUpload {
    pub(crate) fn new(on: On<'_>, id: &str, digest: &str) -> Self {
        Self {
            registry_id: Some(on.registry.to_owned()),
            repository_name: on.repository.to_owned(),
            upload_id: id.to_owned(),
            layer_digests: vec![digest.to_owned()],
        }
    }
}

impl UploadLayerPart {
    pub(crate) fn corrupt(&mut self) {
        let mut content = self.content.to_vec();
        if let Some(byte) = content.first_mut() {
            *byte ^= 1;
        }
        self.content = content.into();
    }

    pub(crate) fn halve(&mut self) {
        if self.content.len() > 1 {
            self.content.truncate(self.content.len() / 2);
            self.last = self.first + self.content.len() as i64 - 1;
        }
    }
}

impl Ecr {
    pub(crate) fn initiate_upload(
        &mut self,
        input: InitiateLayerUpload,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let id = context.ids.uuid();
        self.drop_forgotten_uploads(context.now);
        let upload = Upload {
            began: context.now,
            parts: Vec::new(),
            size: 0,
            hashing: Hashing::default(),
            // Decided once for the whole layer.
            content: match context.settings.blobs {
                Blobs::Count => None,
                Blobs::Keep => Some(Vec::new()),
            },
            first_patch: None,
        };
        let repository = self.decrypted_repository(
            input.registry_id.as_deref(),
            &input.repository_name,
            context,
        )?;
        repository.uploads.insert(id.clone(), upload);
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
        let repository = self.decrypted_repository(
            input.registry_id.as_deref(),
            &input.repository_name,
            context,
        )?;
        let Some(upload) = repository.uploads.get_mut(upload_id) else {
            return Err(upload_not_found(upload_id, &repository.name, &account));
        };
        let said = |error: AwsError| {
            let error = error
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
            return Err(said(out_of_order(first, upload.size)));
        }
        // The last byte is inclusive: AWS's CLI example sends 0 to 8323314 for 8323315 bytes. That
        // a range which contradicts the content is refused is inferred.
        if content.is_empty() || last.checked_sub(first) != Some(content.len() as u64 - 1) {
            return Err(said(contradiction(content.len() as u64, first, last)));
        }
        upload.grow(content.len() as u64)?;
        if let Some(kept) = &mut upload.content {
            kept.push(content.clone());
        }
        context.deferred.push(upload.hashing.append(content.clone()));
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
        let repository = self.decrypted_repository(
            input.registry_id.as_deref(),
            &input.repository_name,
            context,
        )?;
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
        // Reported: a part that is too small is refused here, not when it arrives.
        if all_but_last.iter().any(|&size| size < context.settings.min_part_size) {
            return Err(AwsError::new(
                "LayerPartTooSmallException",
                "All layer parts except the last part should be at least 5MB",
            ));
        }
        let digest = upload.hashing.digest();
        if !input.layer_digests.contains(&digest) {
            return Err(AwsError::new(
                "InvalidLayerException",
                "None of the provided layer digests match the calculated layer digest",
            ));
        }
        // AWS documents that pushing an archived image again restores it at once: that its layers
        // are taken again is inferred.
        if repository.layers.get(&digest).is_some_and(|layer| !layer.archived) {
            return Err(AwsError::new(
                "LayerAlreadyExistsException",
                format!(
                    "Layer with digest '{digest}' already exists in the repository with name \
                     '{name}' in the registry with id '{account}'"
                ),
            ));
        }
        if let Some(Upload { size, content, .. }) = repository.uploads.remove(upload_id) {
            repository.layers.insert(digest.clone(), Layer { size, content, archived: false });
        }
        Ok(json!({
            "registryId": account,
            "repositoryName": name,
            "uploadId": upload_id,
            "layerDigest": digest,
        }))
    }

    /// An upload for what has to be encrypted, or the refusals that there are.
    pub(crate) fn upload(
        &mut self,
        name: &UploadName,
        context: &Context<'_>,
    ) -> Result<&mut Upload, AwsError> {
        let UploadName { registry, repository, id } = name;
        let account = &context.caller.account;
        let found = self.decrypted_repository(Some(registry), repository, context)?;
        found.uploads.get_mut(id).ok_or_else(|| upload_not_found(id, repository, account))
    }

    /// Ends the uploads that are never completed, so that they don't fill the memory: after a day,
    /// or after an hour if all of them keep too much. How long one lasts on ECR isn't documented.
    fn drop_forgotten_uploads(&mut self, now: Timestamp) {
        let kept = self.repositories.values().flat_map(|it| it.uploads.values());
        let kept: u64 = kept.map(Upload::kept).sum();
        let longest = if kept > MOST_KEPT { HOUR } else { HOUR * 24 };
        for repository in self.repositories.values_mut() {
            repository.uploads.retain(|_, upload| now.since(upload.began) <= longest);
        }
    }

    /// Ends every upload in progress. How long one lasts isn't documented.
    pub(crate) fn expire_uploads(&mut self) {
        for repository in self.repositories.values_mut() {
            repository.uploads.clear();
        }
    }
}

/// ECR's service model: 0 or more.
fn byte_number(member: &str, number: i64) -> Result<u64, AwsError> {
    u64::try_from(number).map_err(|_| {
        constraints::violated(member, "Member must have value greater than or equal to 0")
    })
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
    use crate::context::{Deferred, Ids, MIN_PART_SIZE, Settings};
    use crate::ecr::store::upload::{MAX_LAYER, MAX_PARTS};
    use crate::tokens::Tokens;

    /// Runs `test` on an ECR with the repository `app`.
    fn with_repository<T>(test: impl FnOnce(Ecr, &mut Context<'_>) -> T) -> T {
        let caller = Caller::local("us-east-1");
        let (now, mut ids, settings) = (Clock::new().now(), Ids::default(), Settings::default());
        let (mut tokens, mut deferred) = (Tokens::default(), Deferred::default());
        let mut context = Context {
            caller: &caller,
            now,
            ids: &mut ids,
            settings: &settings,
            tokens: &mut tokens,
            deferred: &mut deferred,
        };
        let mut ecr = Ecr::default();
        ecr.create_repository(parse(br#"{ "repositoryName": "app" }"#).unwrap(), &mut context)
            .unwrap();
        test(ecr, &mut context)
    }

    /// Returns how many of some uploads are left after a new one, which follows them by these times.
    fn left(kept: u64, after: &[Duration]) -> Vec<usize> {
        with_repository(|mut ecr, context| {
            let began = context.now;
            let mut left = Vec::new();
            for &time in after {
                context.now = began + time;
                let input = parse(br#"{ "repositoryName": "app" }"#).unwrap();
                ecr.initiate_upload(input, context).unwrap();
                let uploads = &mut ecr.repository(None, "app", context).unwrap().uploads;
                left.push(uploads.len());
                // The size is enough for the rule: nothing of it is kept here.
                uploads.values_mut().for_each(|upload| upload.size = kept);
            }
            left
        })
    }

    #[tokio::test]
    async fn uploads_that_are_never_completed_end() {
        let minute = Duration::from_secs(60);
        let times = [Duration::ZERO, HOUR, HOUR * 23, HOUR * 24 + minute, HOUR * 25, HOUR * 72];
        assert_eq!(left(1, &times), [1, 2, 3, 3, 4, 1]);
        // They keep too much.
        assert_eq!(left(MOST_KEPT + 1, &times), [1, 2, 1, 1, 2, 1]);
    }

    /// Here rather than through a client, because that many requests take seconds.
    #[tokio::test]
    async fn a_layer_of_52_000_mib_in_4_200_parts_is_the_largest() {
        with_repository(|mut ecr, context| {
            for (parts, size, expected) in [
                (MAX_PARTS - 1, 1, Ok(())),
                (MAX_PARTS, 1, Err("LimitExceededException")),
                (1, MAX_LAYER - 1, Ok(())),
                (1, MAX_LAYER, Err("LimitExceededException")),
            ] {
                let id = context.ids.uuid();
                let hashing = Hashing::default();
                let upload = Upload {
                    began: context.now,
                    parts: vec![MIN_PART_SIZE; parts],
                    size,
                    hashing,
                    content: None,
                    first_patch: None,
                };
                let repository = ecr.repository(None, "app", context).unwrap();
                repository.uploads.insert(id.clone(), upload);
                let part = json!({
                    "repositoryName": "app",
                    "uploadId": id,
                    "partFirstByte": size,
                    "partLastByte": size,
                    "layerPartBlob": "AA==",
                });
                let part = UploadLayerPart::parse(part.to_string().as_bytes()).unwrap();
                let answer = ecr.upload_part(part, context);
                assert_eq!(answer.map(drop).map_err(|error| error.code), expected);
            }
        });
    }
}
