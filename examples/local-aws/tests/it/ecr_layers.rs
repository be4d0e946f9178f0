//! The layer upload protocol: each of its rules, met by a client that breaks it.

use aws_sdk_ecr::primitives::Blob;
use aws_sdk_ecr::types::{LayerAvailability, LayerFailureCode};
use local_aws::{Fault, When};

use crate::ecr::{REPOSITORY, Refusal, World, digest, refusal, refused, violated};

const MIB: usize = 1024 * 1024;
const NO_UPLOAD: &str = "00000000-0000-4000-8000-0000000fffff";

impl World {
    /// Sends a part that may contradict its own range.
    async fn send_as(
        &self,
        upload: &str,
        (first, last): (i64, i64),
        content: &[u8],
    ) -> Result<i64, Refusal> {
        let part = self.ecr.upload_layer_part().repository_name(REPOSITORY).upload_id(upload);
        let part = part.part_first_byte(first).part_last_byte(last);
        let sent = part.layer_part_blob(Blob::new(content)).send().await;
        sent.map(|output| output.last_byte_received.unwrap()).map_err(refusal)
    }

    /// The digests with what ECR says of each: the layers first, then the failures.
    pub(crate) async fn check(
        &self,
        digests: Vec<String>,
    ) -> Result<Vec<(String, String)>, Refusal> {
        let check = self.ecr.batch_check_layer_availability().repository_name(REPOSITORY);
        let output = check.set_layer_digests(Some(digests)).send().await.map_err(refusal)?;
        let layers = output.layers().iter().map(|layer| {
            let availability = layer.layer_availability().unwrap().as_str();
            (layer.layer_digest().unwrap().to_owned(), availability.to_owned())
        });
        let failures = output.failures().iter().map(|failure| {
            let code = failure.failure_code().unwrap().as_str();
            (failure.layer_digest().unwrap().to_owned(), code.to_owned())
        });
        Ok(layers.chain(failures).collect())
    }
}

#[tokio::test(start_paused = true)]
async fn a_layer_of_two_parts_is_there_when_it_is_complete() {
    let world = World::new().await;
    let content = [vec![1; 5 * MIB], vec![2; 3]].concat();
    let upload = world.start_upload().await;
    // Inclusive: 5242880 bytes are 0 to 5242879.
    let sent = world.send(&upload, 0, &content[..5 * MIB]).await;
    assert_eq!(sent, Ok(5_242_879));
    assert_eq!(world.send(&upload, 5 * MIB, &content[5 * MIB..]).await, Ok(5_242_882));
    let sha = digest(&content);
    let absent = LayerAvailability::Unavailable.as_str().to_owned();
    assert_eq!(world.check(vec![sha.clone()]).await, Ok(vec![(sha.clone(), absent)]));

    assert_eq!(world.complete(&upload, &sha).await, Ok(sha.clone()));
    let check = world.ecr.batch_check_layer_availability().repository_name(REPOSITORY);
    let output = check.layer_digests(&sha).send().await.unwrap();
    let [layer] = output.layers() else { panic!("{output:?}") };
    assert_eq!(layer.layer_availability(), Some(&LayerAvailability::Available));
    assert_eq!(layer.layer_size(), Some(5_242_883));
    // The upload ends with its layer.
    assert_eq!(world.complete(&upload, &sha).await, Err(upload_not_found(&upload)));
}

#[tokio::test(start_paused = true)]
async fn an_upload_begins_with_the_part_size_that_ecr_expects() {
    let world = World::new().await;
    let size = async || {
        let started = world.ecr.initiate_layer_upload().repository_name(REPOSITORY).send().await;
        started.unwrap().part_size.unwrap()
    };
    assert_eq!(size().await, 10_485_760);
    world.local.set_part_size(5_242_880);
    assert_eq!(size().await, 5_242_880);
}

#[tokio::test(start_paused = true)]
async fn a_layer_belongs_to_its_repository() {
    let world = World::new().await;
    let sha = world.push_layer(b"layer").await;
    world.ecr.create_repository().repository_name("other").send().await.unwrap();
    let check = world.ecr.batch_check_layer_availability().repository_name("other");
    let output = check.layer_digests(sha).send().await.unwrap();
    assert_eq!(output.layers()[0].layer_availability(), Some(&LayerAvailability::Unavailable));
}

#[tokio::test(start_paused = true)]
async fn up_to_100_digests_are_checked_in_one_call() {
    let world = World::new().await;
    let digests = |n: usize| (0..n).map(|i| digest(i.to_string())).collect::<Vec<_>>();
    assert_eq!(world.check(digests(100)).await.unwrap().len(), 100);
    for (n, constraint) in [
        (0, "Member must have length greater than or equal to 1"),
        (101, "Member must have length less than or equal to 100"),
    ] {
        assert_eq!(world.check(digests(n)).await, Err(violated("layerDigests", constraint)));
    }
    assert_eq!(
        world.check(vec!["a".repeat(1001)]).await,
        Err(violated("layerDigests", "Member must have length less than or equal to 1000"))
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_no_digest_fails_by_itself() {
    let world = World::new().await;
    let sha = world.push_layer(b"layer").await;
    let upper = sha.to_uppercase().replace("SHA", "sha");
    let checked = world.check(vec![upper.clone(), sha.clone(), "latest".to_owned()]).await;
    let invalid = LayerFailureCode::InvalidLayerDigest.as_str().to_owned();
    let available = LayerAvailability::Available.as_str().to_owned();
    assert_eq!(
        checked.unwrap(),
        [(sha, available), (upper, invalid.clone()), ("latest".to_owned(), invalid)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_part_begins_where_the_last_one_ended() {
    let world = World::new().await;
    let upload = world.start_upload().await;
    world.send(&upload, 0, &[0; 10]).await.unwrap();
    // A gap, a repetition, and an overlap.
    for first in [20, 0, 5] {
        let part = world.ecr.upload_layer_part().repository_name(REPOSITORY).upload_id(&upload);
        let part = part.part_first_byte(first).part_last_byte(first + 9);
        let error = part.layer_part_blob(Blob::new([0; 10])).send().await.unwrap_err();
        let error = error.into_service_error();
        assert!(error.is_invalid_layer_part_exception(), "{error:?}");
        let aws_sdk_ecr::operation::upload_layer_part::UploadLayerPartError::InvalidLayerPartException(error) = error else {
            panic!()
        };
        assert_eq!(
            error.message(),
            Some(&*format!("First byte of the layer part is {first} instead of 10"))
        );
        assert_eq!(error.last_valid_byte_received(), Some(9));
        assert_eq!(error.upload_id(), Some(&*upload));
        assert_eq!(error.repository_name(), Some(REPOSITORY));
        assert_eq!(error.registry_id(), Some("123456789012"));
    }
    // None of them moved the cursor.
    assert_eq!(world.send(&upload, 10, &[0; 10]).await, Ok(19));
}

#[tokio::test(start_paused = true)]
async fn before_the_first_part_no_byte_is_valid() {
    let world = World::new().await;
    let upload = world.start_upload().await;
    let part = world.ecr.upload_layer_part().repository_name(REPOSITORY).upload_id(&upload);
    let part = part.part_first_byte(1).part_last_byte(1).layer_part_blob(Blob::new("x"));
    let raw = part.send().await.unwrap_err();
    let body = raw.raw_response().unwrap().body().bytes().unwrap().to_vec();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["message"], "First byte of the layer part is 1 instead of 0");
    assert_eq!(body.get("lastValidByteReceived"), None);
}

#[tokio::test(start_paused = true)]
async fn a_part_is_as_long_as_its_range() {
    let world = World::new().await;
    let upload = world.start_upload().await;
    for (first, last, length) in [(0, 10, 10), (0, 8, 10), (0, 0, 0)] {
        let content = vec![0; length];
        assert_eq!(
            world.send_as(&upload, (first, last), &content).await,
            Err(refused(
                "InvalidLayerPartException",
                &format!(
                    "Layer part has {length} bytes, and says that it is bytes {first} to {last}"
                )
            ))
        );
    }
    for (range, member) in [((-1, 8), "partFirstByte"), ((0, -1), "partLastByte")] {
        assert_eq!(
            world.send_as(&upload, range, &[0; 10]).await,
            Err(violated(member, "Member must have value greater than or equal to 0"))
        );
    }
    assert_eq!(world.send_as(&upload, (0, 9), &[0; 10]).await, Ok(9));
}

#[tokio::test(start_paused = true)]
async fn a_part_has_20_mib_at_the_most() {
    let world = World::new().await;
    let upload = world.start_upload().await;
    assert_eq!(
        world.send(&upload, 0, &vec![0; 20 * MIB + 1]).await,
        Err(violated("layerPartBlob", "Member must have length less than or equal to 20971520"))
    );
    assert_eq!(world.send(&upload, 0, &vec![0; 20 * MIB]).await, Ok(20_971_519));
}

#[tokio::test(start_paused = true)]
async fn a_short_part_before_the_last_is_refused_at_the_end() {
    let world = World::new().await;
    let upload = world.start_upload().await;
    let content = vec![0; 5 * MIB];
    world.send(&upload, 0, &content[1..]).await.unwrap();
    world.send(&upload, 5 * MIB - 1, &[0]).await.unwrap();
    assert_eq!(
        world.complete(&upload, &digest(&content)).await,
        Err(refused(
            "LayerPartTooSmallException",
            "All layer parts except the last part should be at least 5MB"
        ))
    );
}

#[tokio::test(start_paused = true)]
async fn an_upload_without_parts_is_refused_at_the_end() {
    let world = World::new().await;
    let upload = world.start_upload().await;
    assert_eq!(
        world.complete(&upload, &digest("")).await,
        Err(refused(
            "EmptyUploadException",
            &format!(
                "Layer upload with id '{upload}' in the repository with name 'team/app' in the \
                 registry with id '123456789012' cannot be completed because it does not have any \
                 parts"
            )
        ))
    );
}

#[tokio::test(start_paused = true)]
async fn a_digest_is_that_of_what_arrived() {
    let world = World::new().await;
    let upload = world.start_upload().await;
    world.send(&upload, 0, b"layer").await.unwrap();
    assert_eq!(
        world.complete(&upload, &digest("other")).await,
        Err(refused(
            "InvalidLayerException",
            "None of the provided layer digests match the calculated layer digest"
        ))
    );
    // One of several is enough, and the answer says which.
    let complete = world.ecr.complete_layer_upload().repository_name(REPOSITORY);
    let complete = complete.upload_id(&upload).layer_digests(digest("other"));
    let output = complete.layer_digests(digest("layer")).send().await.unwrap();
    assert_eq!(output.layer_digest(), Some(&*digest("layer")));
}

#[tokio::test(start_paused = true)]
async fn an_upload_ends_with_1_to_100_digests() {
    let world = World::new().await;
    let upload = world.start_upload().await;
    world.send(&upload, 0, b"layer").await.unwrap();
    let complete = |digests: Vec<String>| {
        let complete = world.ecr.complete_layer_upload().repository_name(REPOSITORY);
        complete.upload_id(&upload).set_layer_digests(Some(digests)).send()
    };
    for (digests, constraint) in [
        (vec![], "Member must have length greater than or equal to 1"),
        (vec![digest("layer"); 101], "Member must have length less than or equal to 100"),
        (
            vec!["layer".to_owned()],
            "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        ),
    ] {
        let error = complete(digests).await.unwrap_err();
        assert_eq!(refusal(error), violated("layerDigests", constraint));
    }
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_is_there_already_is_refused_at_the_end() {
    let world = World::new().await;
    let sha = world.push_layer(b"layer").await;
    let upload = world.start_upload().await;
    world.send(&upload, 0, b"layer").await.unwrap();
    assert_eq!(
        world.complete(&upload, &sha).await,
        Err(refused(
            "LayerAlreadyExistsException",
            &format!(
                "Layer with digest '{sha}' already exists in the repository with name 'team/app' \
                 in the registry with id '123456789012'"
            )
        ))
    );
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_is_not_there_is_not_found() {
    let world = World::new().await;
    let expected = Err(upload_not_found(NO_UPLOAD));
    assert_eq!(world.send(NO_UPLOAD, 0, b"x").await, expected.clone().map(|_: String| 0));
    assert_eq!(world.complete(NO_UPLOAD, &digest("x")).await, expected);
    // Nor is one of another repository.
    let upload = world.start_upload().await;
    world.ecr.create_repository().repository_name("other").send().await.unwrap();
    let complete = world.ecr.complete_layer_upload().repository_name("other");
    let elsewhere = complete.upload_id(upload).layer_digests(digest("x")).send().await;
    assert_eq!(refusal(elsewhere.unwrap_err()).0, "UploadNotFoundException");
    let malformed = "must satisfy regular expression \
        '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}'";
    let malformed = violated("uploadId", malformed);
    assert_eq!(world.send("upload", 0, b"x").await, Err(malformed.clone()));
    assert_eq!(world.complete("upload", &digest("x")).await, Err(malformed));
}

#[tokio::test(start_paused = true)]
async fn a_part_whose_answer_is_lost_has_arrived() {
    let world = World::new().await;
    let upload = world.start_upload().await;
    world.local.inject(When::nth("UploadLayerPart", 1), Fault::LoseResponse);
    // The SDK's own second attempt meets the cursor that the first one moved.
    let (code, message) = world.send(&upload, 0, b"layer").await.unwrap_err();
    assert_eq!(code, "InvalidLayerPartException");
    assert_eq!(message, "First byte of the layer part is 0 instead of 5");
    assert_eq!(world.local.journal().count("UploadLayerPart"), 2);
    assert!(world.complete(&upload, &digest("layer")).await.is_ok());
}

fn upload_not_found(id: &str) -> Refusal {
    refused(
        "UploadNotFoundException",
        &format!(
            "The upload with id '{id}' does not exist in the repository with name 'team/app' in \
             the registry with id '123456789012'"
        ),
    )
}
