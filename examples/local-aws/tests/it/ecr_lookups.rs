//! BatchGetImage, DescribeImages and ListImages: what is found, and how the rest is reported.

use aws_sdk_ecr::types::{
    DescribeImagesFilter, ImageDetail, ImageIdentifier, ListImagesFilter, TagStatus,
};
use local_aws::{Fault, When};

use crate::ecr::{REPOSITORY, World, digest, refusal, refused, violated};
use crate::ecr_images::{OCI, OCI_INDEX, index, manifest};

impl World {
    pub(crate) async fn describe(&self, manifest: &str) -> ImageDetail {
        let id = by_digest(&digest(manifest));
        let describe = self.ecr.describe_images().repository_name(REPOSITORY).image_ids(id);
        describe.send().await.unwrap().image_details()[0].clone()
    }

    /// The tags that are on the image of a manifest.
    pub(crate) async fn tags(&self, manifest: &str) -> Vec<String> {
        self.describe(manifest).await.image_tags().to_vec()
    }
}

pub(crate) fn by_digest(digest: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_digest(digest).build()
}

pub(crate) fn by_tag(tag: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_tag(tag).build()
}

pub(crate) fn by_both(digest: &str, tag: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_digest(digest).image_tag(tag).build()
}

#[tokio::test(start_paused = true)]
async fn images_are_got_by_digest_by_tag_and_by_both() {
    let world = World::new().await;
    let manifest = world.image("a").await;
    let sha = digest(&manifest);
    world.put(&manifest).image_tag("1.0").send().await.unwrap();
    for id in [by_digest(&sha), by_tag("1.0"), by_both(&sha, "1.0")] {
        let get = world.ecr.batch_get_image().repository_name(REPOSITORY).image_ids(id.clone());
        let output = get.send().await.unwrap();
        let ([image], []) = (output.images(), output.failures()) else { panic!("{output:?}") };
        assert_eq!(image.image_manifest(), Some(&*manifest));
        assert_eq!(image.image_manifest_media_type(), Some(OCI));
        let found = image.image_id().unwrap();
        assert_eq!(found.image_digest(), Some(&*sha));
        assert_eq!(found.image_tag(), id.image_tag());
    }
}

#[tokio::test(start_paused = true)]
async fn each_image_that_can_not_be_got_has_its_code() {
    let world = World::new().await;
    let (one, two) = (world.image("one").await, world.image("two").await);
    world.put(&one).image_tag("one").send().await.unwrap();
    world.put(&two).image_tag("two").send().await.unwrap();
    let cases = [
        (by_tag("absent"), "ImageNotFound"),
        (by_digest(&digest("absent")), "ImageNotFound"),
        (by_both(&digest(&one), "absent"), "ImageNotFound"),
        (by_digest("sha256:abc"), "InvalidImageDigest"),
        (by_tag("1.0+b"), "InvalidImageTag"),
        (by_both(&digest(&one), "two"), "ImageTagDoesNotMatchDigest"),
        (ImageIdentifier::builder().build(), "MissingDigestAndTag"),
    ];
    let ids = cases.iter().map(|(id, _)| id.clone()).chain([by_tag("one")]);
    let get = world.ecr.batch_get_image().repository_name(REPOSITORY);
    let output = get.set_image_ids(Some(ids.collect())).send().await.unwrap();
    assert_eq!(output.images().len(), 1);
    let failures = output.failures().iter().map(|failure| {
        assert!(failure.failure_reason().is_some());
        (failure.image_id().unwrap().clone(), failure.failure_code().unwrap().as_str())
    });
    assert_eq!(failures.collect::<Vec<_>>(), cases);
}

#[tokio::test(start_paused = true)]
async fn up_to_100_images_are_got_in_one_call() {
    let world = World::new().await;
    let ids = |n: usize| Some(vec![by_tag("x"); n]);
    let get =
        |n| world.ecr.batch_get_image().repository_name(REPOSITORY).set_image_ids(ids(n)).send();
    let describe =
        |n| world.ecr.describe_images().repository_name(REPOSITORY).set_image_ids(ids(n)).send();
    assert_eq!(get(100).await.unwrap().failures().len(), 100);
    for (n, constraint) in [
        (0, "Member must have length greater than or equal to 1"),
        (101, "Member must have length less than or equal to 100"),
    ] {
        let expected = violated("imageIds", constraint);
        assert_eq!(refusal(get(n).await.unwrap_err()), expected);
        assert_eq!(refusal(describe(n).await.unwrap_err()), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_is_described() {
    let world = World::new().await;
    let (config, layer) = (world.push_layer(b"config").await, world.push_layer(b"layer").await);
    // The same layer twice takes up its room once.
    let manifest = manifest(OCI, &config, &[&layer, &layer]);
    world.put(&manifest).image_tag("b").send().await.unwrap();
    let pushed_at = world.local.journal().calls().last().unwrap().at.as_secs_f64();
    world.put(&manifest).image_tag("a").send().await.unwrap();

    let detail = world.describe(&manifest).await;
    assert_eq!(detail.image_digest(), Some(&*digest(&manifest)));
    assert_eq!(detail.image_tags(), ["a", "b"]);
    assert_eq!(detail.image_size_in_bytes(), Some(11));
    assert_eq!(detail.image_pushed_at().unwrap().as_secs_f64(), pushed_at);
    assert_eq!(detail.image_manifest_media_type(), Some(OCI));
    assert_eq!(detail.artifact_media_type(), Some("application/vnd.oci.image.config.v1+json"));
    assert_eq!(detail.registry_id(), Some("123456789012"));
    assert_eq!(detail.repository_name(), Some(REPOSITORY));
}

#[tokio::test(start_paused = true)]
async fn an_index_has_the_size_of_its_largest_manifest() {
    let world = World::new().await;
    let (small, large) = (world.image("a").await, world.image("abc").await);
    world.put(&small).send().await.unwrap();
    world.put(&large).send().await.unwrap();
    let index = index(OCI_INDEX, &[&digest(&small), &digest(&large)]);
    world.put(&index).image_tag("latest").send().await.unwrap();
    let size = "config of abc".len() + "layer of abc".len();
    assert_eq!(world.describe(&index).await.image_size_in_bytes(), Some(size as i64));
}

#[tokio::test(start_paused = true)]
async fn describing_an_image_that_is_not_there_fails_as_a_whole() {
    let world = World::new().await;
    let manifest = world.image("a").await;
    world.put(&manifest).image_tag("1.0").send().await.unwrap();
    let describe = |id| {
        let describe = world.ecr.describe_images().repository_name(REPOSITORY);
        describe.image_ids(by_tag("1.0")).image_ids(id).send()
    };
    assert_eq!(
        refusal(describe(by_tag("absent")).await.unwrap_err()),
        refused(
            "ImageNotFoundException",
            "The image with imageId {imageDigest:'null', imageTag:'absent'} does not exist within \
             the repository with name 'team/app' in the registry with id '123456789012'"
        )
    );
    for (id, member, pattern) in [
        (by_tag("1.0+b"), "imageTag", "[a-zA-Z0-9-_.]+"),
        (by_digest("abc"), "imageDigest", "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+"),
    ] {
        assert_eq!(
            refusal(describe(id).await.unwrap_err()),
            violated(member, &format!("must satisfy regular expression '{pattern}'"))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn images_are_listed_by_tag() {
    let world = World::new().await;
    let (tagged, bare) = (world.image("tagged").await, world.image("bare").await);
    world.put(&tagged).image_tag("1.0").send().await.unwrap();
    world.put(&tagged).image_tag("latest").send().await.unwrap();
    world.put(&bare).send().await.unwrap();
    let tagged_ids = [by_both(&digest(&tagged), "1.0"), by_both(&digest(&tagged), "latest")];
    let bare_ids = [by_digest(&digest(&bare))];

    let all = world.ecr.list_images().repository_name(REPOSITORY).send().await.unwrap();
    assert_eq!(all.image_ids().len(), 3);
    for (status, ids) in [(TagStatus::Tagged, &tagged_ids[..]), (TagStatus::Untagged, &bare_ids)] {
        let filter = ListImagesFilter::builder().tag_status(status.clone()).build();
        let list = world.ecr.list_images().repository_name(REPOSITORY).filter(filter);
        assert_eq!(list.send().await.unwrap().image_ids(), ids);
        let filter = DescribeImagesFilter::builder().tag_status(status).build();
        let describe = world.ecr.describe_images().repository_name(REPOSITORY).filter(filter);
        let described = describe.send().await.unwrap();
        let [detail] = described.image_details() else { panic!("{described:?}") };
        assert_eq!(detail.image_digest(), ids[0].image_digest());
    }
}

#[tokio::test(start_paused = true)]
async fn lists_come_in_pages_of_100() {
    let world = World::new().await;
    let manifest = world.image("a").await;
    for tag in 0..101 {
        world.put(&manifest).image_tag(tag.to_string()).send().await.unwrap();
    }
    let list = || world.ecr.list_images().repository_name(REPOSITORY);
    let first = list().send().await.unwrap();
    assert_eq!(first.image_ids().len(), 100);
    let second = list().next_token(first.next_token().unwrap()).send().await.unwrap();
    assert_eq!((second.image_ids().len(), second.next_token()), (1, None));
    assert_eq!(list().max_results(1000).send().await.unwrap().image_ids().len(), 101);
    world.put(&world.image("b").await).send().await.unwrap();
    let describe = world.ecr.describe_images().repository_name(REPOSITORY).max_results(1);
    let described = describe.send().await.unwrap();
    assert_eq!(described.image_details().len(), 1);
    assert!(described.next_token().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_image_whose_answer_is_lost_has_arrived() {
    let world = World::new().await;
    let manifest = world.image("a").await;
    world.local.inject(When::nth("PutImage", 1), Fault::LoseResponse);
    let error = world.put(&manifest).image_tag("1.0").send().await.unwrap_err();
    assert_eq!(refusal(error).0, "ImageAlreadyExistsException");
    assert_eq!(world.tags(&manifest).await, ["1.0"]);
}
