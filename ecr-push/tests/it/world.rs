//! An emulator with a repository, and what the tests ask of it.

use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::{Image, ImageIdentifier, ImageTagMutability};
use ecr_push::{Error, Pushed, Pusher, Repository, Tag};
use local_aws::LocalAws;

use crate::layout::Layout;

pub(crate) const URI: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web";

pub(crate) struct World {
    pub(crate) local: LocalAws,
    pub(crate) client: Client,
    pub(crate) pusher: Pusher,
}

impl World {
    /// With the repository `demo/web`, whose tags may move.
    pub(crate) async fn new() -> Self {
        Self::with(ImageTagMutability::Mutable).await
    }

    pub(crate) async fn with(mutability: ImageTagMutability) -> Self {
        let world = Self::empty();
        let create = world.client.create_repository().repository_name("demo/web");
        create.image_tag_mutability(mutability).send().await.unwrap();
        world
    }

    pub(crate) fn empty() -> Self {
        let local = LocalAws::new();
        let config = local.sdk_config();
        Self { client: Client::new(&config), pusher: Pusher::new(&config), local }
    }

    pub(crate) async fn push(&self, layout: &Layout, tags: &[&str]) -> Result<Pushed, Error> {
        let image = ecr_push::Image::open(layout.path()).await?;
        let mut push = self.pusher.push(&image, &repository());
        for tag in tags {
            push = push.tag(tag.parse::<Tag>()?);
        }
        push.await
    }

    /// The digest that a tag is on.
    pub(crate) async fn tagged(&self, tag: &str) -> Option<String> {
        let image = self.get(ImageIdentifier::builder().image_tag(tag).build()).await?;
        Some(image.image_id()?.image_digest()?.to_owned())
    }

    /// The text of the manifest with this digest.
    pub(crate) async fn manifest(&self, digest: &str) -> Option<String> {
        let image = self.get(ImageIdentifier::builder().image_digest(digest).build()).await?;
        Some(image.image_manifest()?.to_owned())
    }

    async fn get(&self, id: ImageIdentifier) -> Option<Image> {
        let get = self.client.batch_get_image().repository_name("demo/web").image_ids(id);
        get.send().await.unwrap().images.unwrap_or_default().into_iter().next()
    }

    /// The push's calls, without those that made and look at the world.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.local
            .journal()
            .operations()
            .into_iter()
            .filter(|operation| !matches!(*operation, "CreateRepository" | "BatchGetImage"))
            .map(str::to_owned)
            .collect()
    }
}

pub(crate) fn repository() -> Repository {
    URI.parse().unwrap()
}
