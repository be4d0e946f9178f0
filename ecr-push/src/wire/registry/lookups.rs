//! What a repository has, by the registry's own protocol: a request for each blob and manifest, unless
//! ECR's API can be asked.

use std::collections::HashSet;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::names::digest::Digest;
use crate::names::tag::Tag;
use crate::wire::answers::{ImageLookup, MEDIA_TYPES};
use crate::wire::registry::Registry;
use crate::wire::registry::http::Request;

/// How many requests there are at once where each blob is asked for by itself.
const AT_ONCE: usize = 8;

impl Registry {
    /// Those of `digests` that the repository has.
    pub(crate) async fn available(&self, digests: &[&Digest]) -> Result<HashSet<Digest>, Error> {
        let Some(api) = &self.api else { return self.available_each(digests).await };
        match api.available(digests).await {
            Err(denied) if denied.kind() == ErrorKind::AccessDenied => {
                // ECR may allow it here all the same. If it doesn't, the API says better why.
                self.available_each(digests).await.map_err(|_| denied)
            }
            answer => answer,
        }
    }

    async fn available_each(&self, digests: &[&Digest]) -> Result<HashSet<Digest>, Error> {
        let digests: Vec<Digest> = digests.iter().map(|&digest| digest.clone()).collect();
        let heads = digests.into_iter().map(|digest| async move {
            let is_there = self.has_blob(&digest).await?;
            Ok::<_, Error>(is_there.then_some(digest))
        });
        let found: Vec<_> = stream::iter(heads).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn has_blob(&self, digest: &Digest) -> Result<bool, Error> {
        const OPERATION: &str = "BatchCheckLayerAvailability";
        let request = Request::new(OPERATION, "HEAD", self.path(&format!("blobs/{digest}")));
        match self.send(&request).await {
            Ok(_) => Ok(true),
            // To where it is.
            Err(failure) if failure.refusal().is_some_and(|refusal| refusal.status == 307) => {
                Ok(true)
            }
            Err(failure) if failure.refusal().is_some_and(|refusal| refusal.status == 404) => {
                Ok(false)
            }
            Err(failure) => Err(self.failure(OPERATION, failure).about(digest)),
        }
    }

    /// Which of these tags and images there are, and what the tags are on.
    pub(crate) async fn look_up(
        &self,
        tags: &[Tag],
        digests: &[&Digest],
    ) -> Result<ImageLookup, Error> {
        if let Some(api) = &self.api {
            return api.look_up(tags, digests).await;
        }
        let tags = tags.iter().map(|tag| (Some(tag.clone()), tag.to_string()));
        let names: Vec<_> =
            tags.chain(digests.iter().map(|digest| (None, digest.to_string()))).collect();
        let heads = names.into_iter().map(|(tag, name)| async move {
            let at = self.manifest_at(&name).await?;
            Ok::<_, Error>((tag, at))
        });
        let mut answers = stream::iter(heads).buffer_unordered(AT_ONCE);
        let mut found = ImageLookup::default();
        while let Some((tag, at)) = answers.try_next().await? {
            match (tag, at) {
                (_, ManifestLookup::Nothing) => {}
                (Some(tag), ManifestLookup::Digest(digest)) => {
                    found.tags.insert(tag, digest);
                }
                (Some(tag), ManifestLookup::Unknown) => {
                    found.unknown.insert(tag);
                }
                (None, ManifestLookup::Digest(digest)) => {
                    found.images.insert(digest);
                }
                // It is put again, which does no harm.
                (None, ManifestLookup::Unknown) => {}
            }
        }
        found.images.extend(found.tags.values().cloned());
        Ok(found)
    }

    async fn manifest_at(&self, name: &str) -> Result<ManifestLookup, Error> {
        const OPERATION: &str = "BatchGetImage";
        let request = Request::new(OPERATION, "HEAD", self.path(&format!("manifests/{name}")))
            .header("accept", MEDIA_TYPES.join(", "));
        match self.send(&request).await {
            Ok(answer) => {
                let digest = answer.digest.and_then(|digest| digest.parse().ok());
                Ok(digest.map_or(ManifestLookup::Unknown, ManifestLookup::Digest))
            }
            Err(failure) if failure.refusal().is_some_and(|refusal| refusal.status == 404) => {
                Ok(ManifestLookup::Nothing)
            }
            Err(failure) => Err(self.failure(OPERATION, failure).about(name)),
        }
    }
}

/// What a name of a manifest is on.
enum ManifestLookup {
    Digest(Digest),
    Nothing,
    /// Something of which the registry doesn't say the digest.
    Unknown,
}
