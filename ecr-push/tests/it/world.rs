//! An emulator with a repository, and queries about its state.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::{Image as Stored, ImageIdentifier, ImageTagMutability};
use ecr_push::{Error, Image, Pushed, Pusher, Repository, Tag};
use local_aws::LocalAws;

use crate::layout::Layout;
use crate::panics;

pub(crate) const URI: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web";

pub(crate) struct World {
    pub(crate) local: LocalAws,
    pub(crate) client: Client,
    pub(crate) pusher: Pusher,
}

impl World {
    /// Returns an emulator with the repository `demo/web`, whose tags are mutable.
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
        panics::forbid();
        let local = LocalAws::new();
        let config = local.sdk_config();
        Self { client: Client::new(&config), pusher: Pusher::new(&config), local }
    }

    pub(crate) async fn push(&self, layout: &Layout, tags: &[&str]) -> Result<Pushed, Error> {
        let image = Image::open(layout.path()).await?;
        self.push_image(&image, tags).await
    }

    pub(crate) async fn push_image(&self, image: &Image, tags: &[&str]) -> Result<Pushed, Error> {
        let mut push = self.pusher.push(image, &repository());
        for tag in tags {
            push = push.tag(tag.parse::<Tag>()?);
        }
        push.await
    }

    /// Returns the digest that a tag points to.
    pub(crate) async fn tagged(&self, tag: &str) -> Option<String> {
        let image = self.get(ImageIdentifier::builder().image_tag(tag).build()).await?;
        Some(image.image_id()?.image_digest()?.to_owned())
    }

    /// Returns the text of the manifest with this digest.
    pub(crate) async fn manifest(&self, digest: &str) -> Option<String> {
        let image = self.get(ImageIdentifier::builder().image_digest(digest).build()).await?;
        Some(image.image_manifest()?.to_owned())
    }

    async fn get(&self, id: ImageIdentifier) -> Option<Stored> {
        let get = self.client.batch_get_image().repository_name("demo/web").image_ids(id);
        get.send().await.unwrap().images.unwrap_or_default().into_iter().next()
    }

    /// Pushes the image, and checks that it has arrived byte for byte, compressed as the image alone
    /// is compressed: the emulator checks the digest of every layer.
    pub(crate) async fn takes(&self, opened: &Image) {
        let pushed = self.push_image(opened, &["all"]).await.unwrap();
        let image = opened.compress().await.unwrap();
        assert_eq!(pushed.digest(), image.digest());
        let id = ImageIdentifier::builder().image_tag("all").build();
        let stored = self.get(id).await.unwrap();
        assert_eq!(stored.image_manifest(), Some(image.manifest()));
        assert_eq!(stored.image_manifest_media_type(), Some(image.media_type()));
        let again = self.push_image(opened, &["all"]).await.unwrap();
        assert_eq!(again.layers_sent(), 0);
        let there = again.layers_skipped() + again.layers_left_out();
        assert_eq!(there, image.layers().len());
    }

    /// Returns the content of a layer, as a puller downloads it over HTTP. Doesn't work in paused
    /// time.
    pub(crate) async fn layer(&self, digest: &str) -> Vec<u8> {
        let server = self.local.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        let ask = self.client.get_download_url_for_layer().repository_name("demo/web");
        let answer = ask.layer_digest(digest).send().await.unwrap();
        let url = answer.download_url().unwrap().to_owned();
        let address = server.endpoint_url().split_off("http://".len());
        let download = move || {
            let path = url.splitn(4, '/').nth(3).unwrap();
            let mut connection = TcpStream::connect(address).unwrap();
            let request =
                format!("GET /{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            connection.write_all(request.as_bytes()).unwrap();
            let mut response = Vec::new();
            connection.read_to_end(&mut response).unwrap();
            let end = response.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
            response.split_off(end + 4)
        };
        tokio::task::spawn_blocking(download).await.unwrap()
    }

    /// Returns the calls of the push, without those that set up and inspect the emulator.
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
