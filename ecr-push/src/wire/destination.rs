//! A repository that is pushed to, by whichever protocol.

use std::collections::HashSet;
use std::sync::Arc;

use crate::error::Error;
use crate::image::graph::Manifest;
use crate::names::digest::Digest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::wire::answers::{ImageLookup, PutAnswer};
use crate::wire::api::Calls;
use crate::wire::new_repository::NewRepository;
use crate::wire::registry::Registry;

/// Layers go differently by each protocol; all else that a push does is the same. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Destination {
    Api(Arc<Calls>),
    Registry(Arc<Registry>),
}

impl Destination {
    pub(crate) fn repository(&self) -> &Repository {
        match self {
            Self::Api(calls) => calls.repository(),
            Self::Registry(registry) => registry.repository(),
        }
    }

    /// Sees to what takes time and changes nothing, before it is needed.
    pub(crate) async fn get_ready(&self) {
        match self {
            Self::Api(_) => {}
            Self::Registry(registry) => registry.get_ready().await,
        }
    }

    /// How many requests there were; the SDK's retries of one count as one.
    pub(crate) fn made(&self) -> u64 {
        match self {
            Self::Api(calls) => calls.made(),
            Self::Registry(registry) => registry.made(),
        }
    }

    /// Those of `digests` that the repository has.
    pub(crate) async fn available(&self, digests: &[&Digest]) -> Result<HashSet<Digest>, Error> {
        match self {
            Self::Api(calls) => calls.available(digests).await,
            Self::Registry(registry) => registry.available(digests).await,
        }
    }

    /// Which of these tags and images there are, and what the tags are on.
    pub(crate) async fn look_up(
        &self,
        tags: &[Tag],
        digests: &[&Digest],
    ) -> Result<ImageLookup, Error> {
        match self {
            Self::Api(calls) => calls.look_up(tags, digests).await,
            Self::Registry(registry) => registry.look_up(tags, digests).await,
        }
    }

    /// Creates the repository; whoever else has done so meanwhile is welcome. Returns whether it is
    /// new.
    pub(crate) async fn create_repository(&self, new: &NewRepository) -> Result<bool, Error> {
        match self {
            Self::Api(calls) => calls.create_repository(new).await,
            Self::Registry(registry) => match registry.api() {
                Some(api) => api.create_repository(new).await,
                // A push with that option was refused before it began.
                None => Ok(false),
            },
        }
    }

    pub(crate) async fn put_manifest(
        &self,
        manifest: &Manifest,
        tag: Option<&Tag>,
    ) -> Result<PutAnswer, Error> {
        match self {
            Self::Api(calls) => calls.put_manifest(manifest, tag).await,
            Self::Registry(registry) => registry.put_manifest(manifest, tag).await,
        }
    }

    /// Whether there is no call for many blobs at once.
    pub(crate) fn asks_one_by_one(&self) -> bool {
        matches!(self, Self::Registry(registry) if registry.api().is_none())
    }
}
