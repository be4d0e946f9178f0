//! A repository that receives a push, through either protocol.

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

/// The target of a push. The protocols differ only in how they send layers. Cheap to clone.
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

    /// Prepares slow steps that change nothing, such as fetching the token, before the push needs
    /// them.
    pub(crate) async fn get_ready(&self) {
        match self {
            Self::Api(_) => {}
            Self::Registry(registry) => registry.get_ready().await,
        }
    }

    /// Returns the number of requests. Retries by the SDK don't count.
    pub(crate) fn made(&self) -> u64 {
        match self {
            Self::Api(calls) => calls.made(),
            Self::Registry(registry) => registry.made(),
        }
    }

    /// Returns the `digests` that the repository has.
    pub(crate) async fn available(&self, digests: &[&Digest]) -> Result<HashSet<Digest>, Error> {
        match self {
            Self::Api(calls) => calls.available(digests).await,
            Self::Registry(registry) => registry.available(digests).await,
        }
    }

    /// Looks up tags and images. Returns those that exist, and the image of each tag.
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

    /// Creates the repository. Returns whether it is new; a concurrent creation counts as success.
    pub(crate) async fn create_repository(&self, new: &NewRepository) -> Result<bool, Error> {
        match self {
            Self::Api(calls) => calls.create_repository(new).await,
            Self::Registry(registry) => match registry.api() {
                Some(api) => api.create_repository(new).await,
                // The push rejects this option for such a registry before it starts.
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

    /// Returns whether the protocol lacks a request that checks many blobs at once.
    pub(crate) fn asks_one_by_one(&self) -> bool {
        matches!(self, Self::Registry(registry) if registry.api().is_none())
    }
}
