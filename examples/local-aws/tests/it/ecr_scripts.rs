//! What only a script brings about: layers collected, uploads expired, images archived, keys
//! refused, and the choices where implementations differ.

use aws_sdk_ecr::operation::initiate_layer_upload::InitiateLayerUploadError;
use aws_sdk_ecr::types::{
    DescribeImagesFilter, ImageFailureCode, ImageStatus, ImageStatusFilter, ListImagesFilter,
};
use local_aws::MissingLayers;

use crate::ecr::{REPOSITORY, World, digest, refusal, refused, violated};
use crate::ecr_images::{OCI, OCI_INDEX, index, manifest};
use crate::ecr_lookups::{by_digest, by_tag};

impl World {
    /// What ECR says of one layer.
    async fn availability(&self, digest: &str) -> String {
        let [(_, said)] = &self.check(vec![digest.to_owned()]).await.unwrap()[..] else { panic!() };
        said.clone()
    }

    async fn status(&self, manifest: &str) -> ImageStatus {
        self.describe(manifest).await.image_status().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn layers_that_no_image_refers_to_are_collected() {
    let world = World::new().await;
    let image = world.image("a").await;
    world.put(&image).send().await.unwrap();
    let (kept, loose) = (digest("layer of a"), world.push_layer(b"loose").await);
    world.local.collect_layers();
    assert_eq!(world.availability(&kept).await, "AVAILABLE");
    assert_eq!(world.availability(&digest("config of a")).await, "AVAILABLE");
    assert_eq!(world.availability(&loose).await, "UNAVAILABLE");
    // An image that is gone needs none.
    let delete = world.ecr.batch_delete_image().repository_name(REPOSITORY);
    delete.image_ids(by_digest(&digest(&image))).send().await.unwrap();
    world.local.collect_layers();
    assert_eq!(world.availability(&kept).await, "UNAVAILABLE");
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_expired_is_not_found() {
    let world = World::new().await;
    let upload = world.start_upload().await;
    world.send(&upload, 0, b"layer").await.unwrap();
    world.local.expire_uploads();
    let (code, _) = world.send(&upload, 5, b"layer").await.unwrap_err();
    assert_eq!(code, "UploadNotFoundException");
    let (code, _) = world.complete(&upload, &digest("layer")).await.unwrap_err();
    assert_eq!(code, "UploadNotFoundException");
    world.push_layer(b"layer").await;
}

#[tokio::test(start_paused = true)]
async fn a_missing_layer_is_reported_in_either_way() {
    let world = World::new().await;
    let (there, absent) = (world.push_layer(b"layer").await, digest("absent"));
    world.local.set_missing_layers(MissingLayers::Failure);
    let checked = world.check(vec![absent.clone(), there.clone()]).await.unwrap();
    let said = |digest: &str, said: &str| (digest.to_owned(), said.to_owned());
    assert_eq!(checked, [said(&there, "AVAILABLE"), said(&absent, "MissingLayerDigest")]);
    world.local.set_missing_layers(MissingLayers::Unavailable);
    assert_eq!(world.availability(&absent).await, "UNAVAILABLE");
}

#[tokio::test(start_paused = true)]
async fn an_archived_image_can_not_be_got() {
    let world = World::new().await;
    let (image, other) = (world.image("a").await, world.image("b").await);
    world.put(&image).image_tag("1.0").send().await.unwrap();
    world.put(&other).image_tag("2.0").send().await.unwrap();
    assert!(world.local.archive_image(REPOSITORY, "1.0"));
    assert!(!world.local.archive_image(REPOSITORY, "absent"));
    assert!(!world.local.archive_image("absent", "1.0"));

    let get = world.ecr.batch_get_image().repository_name(REPOSITORY).image_ids(by_tag("1.0"));
    let got = get.send().await.unwrap();
    assert_eq!(got.images().len(), 0);
    assert_eq!(got.failures()[0].failure_code(), Some(&ImageFailureCode::ImageInaccessible));
    assert_eq!(world.status(&image).await, ImageStatus::Archived);
    assert_eq!(world.status(&other).await, ImageStatus::Active);
}

#[tokio::test(start_paused = true)]
async fn archived_images_are_listed_when_they_are_asked_for() {
    let world = World::new().await;
    for (name, tag) in [("a", "old"), ("b", "new")] {
        world.put(&world.image(name).await).image_tag(tag).send().await.unwrap();
    }
    assert!(world.local.archive_image(REPOSITORY, "old"));
    for (status, expected) in [
        (None, &["new"][..]),
        (Some(ImageStatusFilter::Active), &["new"]),
        (Some(ImageStatusFilter::Archived), &["old"]),
        (Some(ImageStatusFilter::Activating), &[]),
        (Some(ImageStatusFilter::Any), &["new", "old"]),
    ] {
        let filter = ListImagesFilter::builder().set_image_status(status.clone()).build();
        let list = world.ecr.list_images().repository_name(REPOSITORY).filter(filter);
        let listed = list.send().await.unwrap();
        let mut tags: Vec<_> = listed.image_ids().iter().flat_map(|it| it.image_tag()).collect();
        tags.sort_unstable();
        assert_eq!(tags, expected, "{status:?}");
        let filter = DescribeImagesFilter::builder().set_image_status(status.clone()).build();
        let describe = world.ecr.describe_images().repository_name(REPOSITORY).filter(filter);
        let described = describe.send().await.unwrap();
        let mut tags: Vec<_> =
            described.image_details().iter().flat_map(|it| it.image_tags()).collect();
        tags.sort_unstable();
        assert_eq!(tags, expected, "{status:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_layer_is_archived_with_the_last_image_that_needs_it() {
    let world = World::new().await;
    let (config, shared) = (world.push_layer(b"config").await, world.push_layer(b"shared").await);
    let own = world.push_layer(b"own").await;
    let one = manifest(OCI, &config, &[&shared, &own]);
    let two = manifest(OCI, &config, &[&shared]);
    for image in [&one, &two] {
        world.put(image).send().await.unwrap();
    }
    assert!(world.local.archive_image(REPOSITORY, &digest(&one)));
    assert_eq!(world.availability(&own).await, "ARCHIVED");
    assert_eq!(world.availability(&shared).await, "AVAILABLE");
    assert!(world.local.archive_image(REPOSITORY, &digest(&two)));
    assert_eq!(world.availability(&shared).await, "ARCHIVED");
    // Layers in the archive aren't collected.
    world.local.collect_layers();
    assert_eq!(world.availability(&own).await, "ARCHIVED");
}

#[tokio::test(start_paused = true)]
async fn pushing_an_archived_image_restores_it() {
    let world = World::new().await;
    let image = world.image("a").await;
    world.put(&image).image_tag("1.0").send().await.unwrap();
    let index = index(OCI_INDEX, &[&digest(&image)]);
    assert!(world.local.archive_image(REPOSITORY, "1.0"));
    // All of it, layers first, then the image itself, then what refers to the image.
    let error = world.put(&image).image_tag("1.0").send().await.unwrap_err();
    assert_eq!(refusal(error).0, "LayersNotFoundException");
    assert_eq!(world.image("a").await, image);
    assert_eq!(world.availability(&digest("layer of a")).await, "AVAILABLE");
    let error = world.put(&index).send().await.unwrap_err();
    assert_eq!(refusal(error).0, "ReferencedImagesNotFoundException");
    world.put(&image).image_tag("1.0").send().await.unwrap();
    assert_eq!(world.status(&image).await, ImageStatus::Active);
    world.put(&index).send().await.unwrap();
    let error = world.put(&image).image_tag("1.0").send().await.unwrap_err();
    assert_eq!(refusal(error).0, "ImageAlreadyExistsException");
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_refuses_all_that_needs_it() {
    let world = World::new().await;
    let ecr = &world.ecr;
    let image = world.image("a").await;
    world.put(&image).image_tag("1.0").send().await.unwrap();
    let upload = world.start_upload().await;
    world.local.set_kms_error(REPOSITORY, Some("DisabledException"));
    world.local.set_kms_error("other", Some("AccessDeniedException"));

    let error = ecr.initiate_layer_upload().repository_name(REPOSITORY).send().await.unwrap_err();
    let InitiateLayerUploadError::KmsException(error) = error.into_service_error() else {
        panic!()
    };
    assert_eq!(error.kms_error(), Some("DisabledException"));
    assert_eq!(
        error.message(),
        Some(
            "The repository with name 'team/app' could not use its KMS key: KMS answered \
             'DisabledException'"
        )
    );
    let delete = ecr.delete_repository().repository_name(REPOSITORY).force(true).send().await;
    let create = ecr.create_repository().repository_name("other").send().await;
    let codes = [
        world.send(&upload, 0, b"layer").await.unwrap_err().0,
        world.complete(&upload, &digest("layer")).await.unwrap_err().0,
        refusal(world.put(&image).image_tag("2.0").send().await.unwrap_err()).0,
        refusal(delete.unwrap_err()).0,
        refusal(create.unwrap_err()).0,
    ];
    assert_eq!(codes, ["KmsException"; 5]);
    let get = ecr.batch_get_image().repository_name(REPOSITORY).image_ids(by_tag("1.0"));
    let got = get.send().await.unwrap();
    assert_eq!(got.failures()[0].failure_code(), Some(&ImageFailureCode::KmsError));

    world.local.set_kms_error(REPOSITORY, None);
    world.send(&upload, 0, b"layer").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_image_has_as_many_layers_as_it_may() {
    let world = World::new().await;
    let config = world.push_layer(b"config").await;
    let layer = world.push_layer(b"layer").await;
    let of = |layers: usize| manifest(OCI, &config, &vec![&*layer; layers]);
    // Any number of layers is allowed without a script.
    world.put(&of(1000)).send().await.unwrap();
    world.local.limit_layers_per_image(300);
    world.put(&of(300)).send().await.unwrap();
    let error = world.put(&of(301)).send().await.unwrap_err();
    assert_eq!(
        refusal(error),
        violated("ImageManifest", "Limit on number of layers per image exceeded")
    );
}

#[tokio::test(start_paused = true)]
async fn an_image_has_1_000_tags_at_the_most() {
    let world = World::new().await;
    let (full, other) = (world.image("full").await, world.image("other").await);
    for tag in 0..1000 {
        world.put(&full).image_tag(format!("t{tag}")).send().await.unwrap();
    }
    let error = world.put(&full).image_tag("more").send().await.unwrap_err();
    assert_eq!(
        refusal(error),
        refused(
            "LimitExceededException",
            "Adding tag 'more' to an image in the repository with name 'team/app' in registry \
             with id '123456789012' exceeds the maximum allowed number of tags per image which is \
             '1000'"
        )
    );
    // A tag that moves away makes room.
    world.put(&other).image_tag("t0").send().await.unwrap();
    world.put(&full).image_tag("more").send().await.unwrap();
}
