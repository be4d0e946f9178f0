//! Manifests, tags and mounted layers by the registry endpoint.

use aws_sdk_ecr::types::{EncryptionConfiguration, EncryptionType, ImageTagMutability};
use aws_smithy_types::body::SdkBody;
use local_aws::LocalAws;
use serde_json::{Value, json};

use crate::ecr::{World, digest};
use crate::ecr_images::{OCI, OCI_INDEX, index, manifest};
use crate::v2::{Answer, Registry, blob, manifests, problem};

const MIB: usize = 1024 * 1024;

#[tokio::test(start_paused = true)]
async fn a_manifest_that_isn_t_accepted_isn_t_found() {
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    let image = world.image("a").await;
    world.put(&image).image_tag("1.0").send().await.unwrap();
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let both = format!("{docker}, {OCI};q=0.5");
    for accept in [OCI, "*/*", "application/*", &both] {
        for method in ["GET", "HEAD"] {
            let headers = [("accept", accept)];
            let target = manifests("1.0");
            let got = registry.call(method, &target, &headers, SdkBody::empty()).await.unwrap();
            assert_eq!((got.status, got.header("content-type")), (200, Some(OCI)), "{accept}");
        }
    }
    let headers = [("accept", docker)];
    let got = registry.call("GET", &manifests("1.0"), &headers, SdkBody::empty()).await.unwrap();
    let message = format!("Requested image is a {OCI}, which isn't accepted");
    assert_eq!(got.refusal(), problem(404, "MANIFEST_UNKNOWN", &message));
}

#[tokio::test(start_paused = true)]
async fn a_manifest_is_held_to_the_rules_of_put_image() {
    let world = World::with(ImageTagMutability::Immutable).await;
    let registry = Registry::new(&world).await;
    let put = async |reference: &str, manifest: &str| {
        registry.put(reference, manifest).await.unwrap().refusal()
    };
    let layer = registry.push(b"layer").await;
    let whole = manifest(OCI, &layer, &[&layer]);
    assert_eq!(
        put("1.0", "{").await,
        problem(
            405,
            "UNSUPPORTED",
            "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON \
             syntax'"
        )
    );
    let place = "required for pushing image into repository with name 'team/app' in the registry \
                 with id '123456789012' do not exist";
    let absent = digest("absent");
    assert_eq!(
        put("1.0", &manifest(OCI, &layer, &[&absent])).await,
        problem(404, "MANIFEST_BLOB_UNKNOWN", &format!("Layers with digests '[{absent}]' {place}"))
    );
    let children = index(OCI_INDEX, &[&absent]);
    let headers = [("content-type", OCI_INDEX)];
    let refused = registry.call("PUT", &manifests("1.0"), &headers, children).await.unwrap();
    assert_eq!(
        refused.refusal(),
        problem(404, "MANIFEST_BLOB_UNKNOWN", &format!("Images with digests '[{absent}]' {place}"))
    );
    let refused = put(&absent, &whole).await;
    assert_eq!((refused.0, refused.1.as_str()), (400, "DIGEST_INVALID"));
    let refused = put("not+a+tag", &whole).await;
    assert_eq!((refused.0, refused.1.as_str()), (405, "UNSUPPORTED"));
    let large = format!("{whole}{}", " ".repeat(4 * MIB));
    assert_eq!(
        put("1.0", &large).await,
        problem(
            405,
            "UNSUPPORTED",
            "Invalid parameter at 'imageManifest' failed to satisfy constraint: 'Member must have \
             length less than or equal to 4194304'"
        )
    );

    // The same image under the tag succeeds again; another one is refused.
    for _ in 0..2 {
        let answer = registry.put("1.0", &whole).await.unwrap();
        assert_eq!(answer.header("docker-content-digest"), Some(digest(&whole).as_str()));
        assert_eq!(answer.status, 201);
    }
    let other = manifest(OCI, &layer, &[&layer, &layer]);
    assert_eq!(
        put("1.0", &other).await,
        problem(
            400,
            "TAG_INVALID",
            "The image tag '1.0' already exists in the 'team/app' repository and cannot be \
             overwritten because the tag is immutable."
        )
    );
    assert_eq!(registry.put(&digest(&other), &other).await.unwrap().status, 201);
}

#[tokio::test(start_paused = true)]
async fn what_can_t_be_read_says_why() {
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    let image = world.image("a").await;
    world.put(&image).image_tag("1.0").send().await.unwrap();
    assert_eq!(
        registry.get(&manifests("2.0")).await.refusal(),
        problem(404, "MANIFEST_UNKNOWN", "Requested image not found")
    );
    assert_eq!(
        registry.get(&manifests("a+b")).await.refusal(),
        problem(400, "TAG_INVALID", "Invalid image tag")
    );
    assert_eq!(registry.head(&manifests("a+b")).await.status, 400);
    let loose = registry.push(b"loose").await;
    assert_eq!(registry.head(&blob(&loose)).await.status, 200);
    let refused = registry.get(&blob(&loose)).await.refusal();
    assert_eq!((refused.0, refused.1.as_str()), (404, "BLOB_UNKNOWN"));
    assert_eq!(
        registry.get(&blob(&digest("absent"))).await.refusal(),
        problem(404, "BLOB_UNKNOWN", "blob unknown to registry")
    );

    world.local.set_kms_error("team/app", Some("DisabledException"));
    assert_eq!(
        registry.get(&manifests("1.0")).await.refusal(),
        problem(403, "DENIED", "KMS refused the key")
    );
    world.local.set_kms_error("team/app", None);
    assert!(world.local.archive_image("team/app", "1.0"));
    assert_eq!(
        registry.get(&manifests("1.0")).await.refusal(),
        problem(404, "MANIFEST_UNKNOWN", "Requested image is archived")
    );
    assert_eq!(registry.head(&blob(&digest("layer of a"))).await.status, 404);
    // Pushing it again brings it back.
    registry.push(b"config of a").await;
    registry.push(b"layer of a").await;
    assert_eq!(registry.put("1.0", &image).await.unwrap().status, 201);
    assert_eq!(registry.get(&manifests("1.0")).await.body, image.into_bytes());
}

#[tokio::test(start_paused = true)]
async fn an_image_is_deleted_with_its_last_tag() {
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    let image = world.image("a").await;
    let delete = async |reference: &str| {
        registry.call("DELETE", &manifests(reference), &[], SdkBody::empty()).await.unwrap()
    };
    for tag in ["1.0", "latest"] {
        registry.put(tag, &image).await.unwrap();
    }
    assert_eq!(delete("latest").await.status, 202);
    assert_eq!(registry.head(&manifests("latest")).await.status, 404);
    assert_eq!(registry.head(&manifests("1.0")).await.status, 200);
    assert_eq!(delete(&digest(&image)).await.status, 202);
    assert_eq!(delete("1.0").await.refusal().1, "MANIFEST_UNKNOWN");
}

#[tokio::test(start_paused = true)]
async fn tags_come_in_pages() {
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    let image = world.image("a").await;
    world.put(&image).send().await.unwrap();
    let tags = |answer: &Answer| {
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body["name"], "team/app");
        body["tags"].as_array().unwrap().len()
    };
    let none = registry.get("/v2/team/app/tags/list").await;
    assert_eq!((none.status, tags(&none), none.header("link")), (200, 0, None));
    assert_eq!(none.header("content-type"), Some("text/plain; charset=utf-8"));
    for number in 0..105 {
        world.put(&image).image_tag(format!("t{number}")).send().await.unwrap();
    }
    // A hundred by default.
    let first = registry.get("/v2/team/app/tags/list").await;
    assert_eq!(tags(&first), 100);
    let link = first.header("link").unwrap();
    let next = link.strip_prefix("<https://123456789012.dkr.ecr.us-east-1.amazonaws.com");
    let next = next.unwrap().strip_suffix(">; rel=\"next\"").unwrap();
    let second = registry.get(next).await;
    assert_eq!((tags(&second), second.header("link")), (5, None));

    let first = registry.get("/v2/team/app/tags/list?n=60").await;
    assert_eq!(tags(&first), 60);
    let link = first.header("link").unwrap();
    assert!(link.contains("n=60"), "{link}");
    let refused = |answer: Answer, member: &str, constraint: &str| {
        let message =
            format!("Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'");
        assert_eq!(answer.refusal(), problem(405, "UNSUPPORTED", &message));
    };
    let answer = registry.get("/v2/team/app/tags/list?n=10000").await;
    refused(answer, "maxResults", "Member must have value less than or equal to 1000");
    // `last` isn't the last tag, as it would be elsewhere.
    let answer = registry.get("/v2/team/app/tags/list?last=t99").await;
    refused(answer, "nextToken", "must be a token from an earlier answer");
}

/// POSTs a mount of what `team/app` has into `other`.
async fn mount(registry: &Registry, digest: &str) -> Answer {
    let target = format!("/v2/other/blobs/uploads/?mount={digest}&from=team%2Fapp");
    registry.call("POST", &target, &[], SdkBody::empty()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_layer_is_mounted_where_the_setting_and_an_image_allow_it() {
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    world.ecr.create_repository().repository_name("other").send().await.unwrap();
    let setting = "BLOB_MOUNTING";
    let is = async || world.ecr.get_account_setting().name(setting).send().await.unwrap();
    assert_eq!(is().await.value(), Some("DISABLED"));
    let image = world.image("a").await;
    world.put(&image).send().await.unwrap();
    let (layer, loose) = (digest("layer of a"), registry.push(b"loose").await);

    let answer = mount(&registry, &layer).await;
    assert_eq!(answer.status, 202);
    let location = answer.header("location").unwrap();
    assert!(location.contains("/v2/other/blobs/uploads/"), "{location}");

    let put = world.ecr.put_account_setting().name(setting).value("ENABLED");
    assert_eq!(put.send().await.unwrap().value(), Some("ENABLED"));
    assert_eq!(is().await.value(), Some("ENABLED"));
    let answer = mount(&registry, &layer).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("docker-content-digest"), Some(layer.as_str()));
    let location = answer.header("location").unwrap();
    assert!(location.ends_with(&format!("/v2/other/blobs/{layer}")), "{location}");
    assert!(world.local.layer("other", &layer).is_some_and(|kept| kept == "layer of a"));

    // No image refers to it; it isn't there at all.
    assert_eq!(mount(&registry, &loose).await.status, 202);
    assert_eq!(mount(&registry, &digest("absent")).await.status, 202);
    let last = world.local.journal();
    assert_eq!(last.operations().last(), Some(&"V2.MountBlob"));

    // The right to read the other repository is missing.
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Action": "ecr:*",
        "Resource": "arn:aws:ecr:us-east-1:123456789012:repository/other",
    }] });
    world.local.set_policy(LocalAws::USER, &policy.to_string()).unwrap();
    assert_eq!(mount(&registry, &layer).await.status, 202);
}

#[tokio::test(start_paused = true)]
async fn a_layer_isn_t_mounted_across_keys() {
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    let kms = EncryptionConfiguration::builder().encryption_type(EncryptionType::Kms);
    let create = world.ecr.create_repository().repository_name("other");
    create.encryption_configuration(kms.build().unwrap()).send().await.unwrap();
    let image = world.image("a").await;
    world.put(&image).send().await.unwrap();
    let put = world.ecr.put_account_setting().name("BLOB_MOUNTING");
    put.value("ENABLED").send().await.unwrap();
    assert_eq!(mount(&registry, &digest("layer of a")).await.status, 202);
}
