//! A repository that is pushed to, by whichever protocol.

use std::collections::HashSet;
use std::sync::Arc;

use crate::error::Error;
use crate::image::graph::{Graph, Manifest};
use crate::names::digest::Digest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::wire::api::{Calls, Found, PutAnswer};
use crate::wire::new_repository::NewRepository;
use crate::wire::registry::Registry;

/// Layers go differently by each protocol; all else that a push does is the same. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Destination {
    Api(Arc<Calls>),
    Registry(Arc<Registry>),
}

/// What is there of an image: its blobs, and its manifests and tags, each as far as that could be
/// found out.
pub(crate) struct Surveyed {
    pub(crate) available: Result<HashSet<Digest>, Error>,
    /// `None` where it was not to be looked up.
    pub(crate) found: Result<Option<Found>, Error>,
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
    pub(crate) async fn look_up(&self, tags: &[Tag], digests: &[&Digest]) -> Result<Found, Error> {
        match self {
            Self::Api(calls) => calls.look_up(tags, digests).await,
            Self::Registry(registry) => registry.look_up(tags, digests).await,
        }
    }

    /// What is there of an image.
    pub(crate) async fn survey(&self, graph: &Graph, tags: &[Tag], looks_up: bool) -> Surveyed {
        let blobs: Vec<&Digest> = graph.blobs.iter().map(|blob| blob.layer.digest()).collect();
        let manifests: Vec<&Digest> = graph.manifests().iter().map(|it| &it.digest).collect();
        let look_up = async {
            match looks_up {
                true => self.look_up(tags, &manifests).await.map(Some),
                false => Ok(None),
            }
        };
        if !self.asks_one_by_one() {
            let (available, found) =
                futures_util::future::join(self.available(&blobs), look_up).await;
            return Surveyed { available, found };
        }
        // An image that is there has all its blobs: that saves a request for each.
        let found = look_up.await;
        let root = &graph.root().digest;
        let available = match &found {
            Ok(Some(found)) if found.images.contains(root) => {
                Ok(blobs.into_iter().cloned().collect())
            }
            _ => self.available(&blobs).await,
        };
        Surveyed { available, found }
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
    fn asks_one_by_one(&self) -> bool {
        matches!(self, Self::Registry(registry) if registry.api().is_none())
    }
}
