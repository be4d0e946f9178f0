//! BatchDeleteImage and DeleteRepository: what goes, and what has to stay.

use aws_sdk_ecr::types::ImageIdentifier;

use crate::ecr::{REPOSITORY, Refusal, World, digest, refusal, refused, violated};
use crate::ecr_images::{OCI_INDEX, index};
use crate::ecr_lookups::{by_both, by_digest, by_tag};

impl World {
    /// Deletes images; returns the ids of those that are gone, and the failures by code and words.
    async fn delete(
        &self,
        ids: impl IntoIterator<Item = ImageIdentifier>,
    ) -> Result<(Vec<ImageIdentifier>, Vec<Refusal>), Refusal> {
        let delete = self.ecr.batch_delete_image().repository_name(REPOSITORY);
        let delete = delete.set_image_ids(Some(ids.into_iter().collect()));
        let output = delete.send().await.map_err(refusal)?;
        let failures = output.failures().iter().map(|failure| {
            refused(failure.failure_code().unwrap().as_str(), failure.failure_reason().unwrap())
        });
        Ok((output.image_ids().to_vec(), failures.collect()))
    }

    /// The image ids of the whole repository.
    async fn ids(&self) -> Vec<ImageIdentifier> {
        let list = self.ecr.list_images().repository_name(REPOSITORY).send().await.unwrap();
        list.image_ids().to_vec()
    }
}

#[tokio::test(start_paused = true)]
async fn a_tag_is_deleted_by_itself_and_the_image_with_its_last() {
    let world = World::new().await;
    let manifest = world.image("a").await;
    let sha = digest(&manifest);
    for tag in ["1.0", "1.1", "latest"] {
        world.put(&manifest).image_tag(tag).send().await.unwrap();
    }
    let gone = world.delete([by_tag("1.0")]).await.unwrap();
    assert_eq!(gone, (vec![by_both(&sha, "1.0")], vec![]));
    let gone = world.delete([by_both(&sha, "1.1")]).await.unwrap();
    assert_eq!(gone, (vec![by_both(&sha, "1.1")], vec![]));
    assert_eq!(world.tags(&manifest).await, ["latest"]);
    world.delete([by_tag("latest")]).await.unwrap();
    assert_eq!(world.ids().await, []);
}

#[tokio::test(start_paused = true)]
async fn an_image_is_deleted_by_its_digest_with_all_tags() {
    let world = World::new().await;
    let (manifest, bare) = (world.image("a").await, world.image("bare").await);
    let sha = digest(&manifest);
    for tag in ["1.0", "latest"] {
        world.put(&manifest).image_tag(tag).send().await.unwrap();
    }
    world.put(&bare).send().await.unwrap();
    let (gone, failures) =
        world.delete([by_digest(&sha), by_digest(&digest(&bare))]).await.unwrap();
    assert_eq!(failures, []);
    assert_eq!(gone, [by_both(&sha, "1.0"), by_both(&sha, "latest"), by_digest(&digest(&bare))]);
    assert_eq!(world.ids().await, []);
    // Its layers outlive it, until they are collected; its tags don't.
    world.put(&manifest).image_tag("1.0").send().await.unwrap();
    assert_eq!(world.tags(&manifest).await, ["1.0"]);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_an_index_refers_to_stays() {
    let world = World::new().await;
    let child = world.image("a").await;
    let child_digest = digest(&child);
    world.put(&child).image_tag("amd64").send().await.unwrap();
    let index = index(OCI_INDEX, &[&child_digest]);
    world.put(&index).image_tag("latest").send().await.unwrap();
    let referenced =
        refused("ImageReferencedByManifestList", "Requested image referenced by manifest list");
    // Neither by digest nor by its last tag, which would take it along.
    for id in [by_digest(&child_digest), by_tag("amd64")] {
        assert_eq!(world.delete([id]).await.unwrap(), (vec![], vec![referenced.clone()]));
    }
    assert_eq!(world.tags(&child).await, ["amd64"]);
    // Any other tag goes.
    world.put(&child).image_tag("x86").send().await.unwrap();
    assert_eq!(world.delete([by_tag("x86")]).await.unwrap().1, []);
    // It can't be deleted in the same call as its index, but in the next one.
    let both = [by_tag("latest"), by_digest(&child_digest)];
    let (gone, failures) = world.delete(both).await.unwrap();
    assert_eq!((gone, failures), (vec![by_both(&digest(&index), "latest")], vec![referenced]));
    assert_eq!(world.delete([by_digest(&child_digest)]).await.unwrap().1, []);
    assert_eq!(world.ids().await, []);
}

#[tokio::test(start_paused = true)]
async fn each_image_that_can_not_be_deleted_has_its_code() {
    let world = World::new().await;
    let (one, two) = (world.image("one").await, world.image("two").await);
    world.put(&one).image_tag("one").send().await.unwrap();
    world.put(&two).image_tag("two").send().await.unwrap();
    let ids = [
        by_tag("absent"),
        by_digest("sha256:abc"),
        by_both(&digest(&one), "two"),
        ImageIdentifier::builder().build(),
        by_tag("one"),
        // Gone by now.
        by_tag("one"),
    ];
    let (gone, failures) = world.delete(ids).await.unwrap();
    assert_eq!(gone, [by_both(&digest(&one), "one")]);
    let codes: Vec<_> = failures.iter().map(|(code, _)| code.as_str()).collect();
    assert_eq!(
        codes,
        [
            "ImageNotFound",
            "InvalidImageDigest",
            "ImageTagDoesNotMatchDigest",
            "MissingDigestAndTag",
            "ImageNotFound",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn up_to_100_images_are_deleted_in_one_call() {
    let world = World::new().await;
    let ids = |n: usize| vec![by_tag("absent"); n];
    assert_eq!(world.delete(ids(100)).await.unwrap().1.len(), 100);
    for (n, constraint) in [
        (0, "Member must have length greater than or equal to 1"),
        (101, "Member must have length less than or equal to 100"),
    ] {
        assert_eq!(world.delete(ids(n)).await, Err(violated("imageIds", constraint)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_repository_with_images_is_deleted_by_force_only() {
    let world = World::new().await;
    let delete = || world.ecr.delete_repository().repository_name(REPOSITORY);
    world.put(&world.image("a").await).send().await.unwrap();
    for gentle in [delete(), delete().force(false)] {
        assert_eq!(
            refusal(gentle.send().await.unwrap_err()),
            refused(
                "RepositoryNotEmptyException",
                "The repository with name 'team/app' in registry with id '123456789012' cannot \
                 be deleted because it still contains images"
            )
        );
    }
    let deleted = delete().force(true).send().await.unwrap();
    let arn = "arn:aws:ecr:us-east-1:123456789012:repository/team/app";
    assert_eq!(deleted.repository().unwrap().repository_arn(), Some(arn));
    let again = delete().send().await.unwrap_err();
    assert_eq!(refusal(again).0, "RepositoryNotFoundException");
}

#[tokio::test(start_paused = true)]
async fn a_repository_without_images_is_deleted_with_its_layers() {
    let world = World::new().await;
    let sha = world.push_layer(b"layer").await;
    world.ecr.delete_repository().repository_name(REPOSITORY).send().await.unwrap();
    world.ecr.create_repository().repository_name(REPOSITORY).send().await.unwrap();
    assert_eq!(world.check(vec![sha.clone()]).await, Ok(vec![(sha, "UNAVAILABLE".to_owned())]));
}
