//! ECR's token, its repositories, and what all of its operations have in common.

use std::time::Duration;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::error::ProvideErrorMetadata;
use aws_sdk_ecr::operation::put_image::builders::PutImageFluentBuilder;
use aws_sdk_ecr::primitives::Blob;
use aws_sdk_ecr::types::{
    EncryptionConfiguration, EncryptionType, ImageIdentifier, ImageScanningConfiguration,
    ImageTagMutability, Tag,
};
use local_aws::LocalAws;
use sha2::{Digest as _, Sha256};

pub(crate) const REPOSITORY: &str = "team/app";

/// An emulator with one repository, and the short forms of the calls that most tests make.
pub(crate) struct World {
    pub(crate) local: LocalAws,
    pub(crate) ecr: Client,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(ImageTagMutability::Mutable).await
    }

    pub(crate) async fn with(mutability: ImageTagMutability) -> Self {
        let local = LocalAws::new();
        let ecr = Client::new(&local.sdk_config());
        let create = ecr.create_repository().repository_name(REPOSITORY);
        create.image_tag_mutability(mutability).send().await.unwrap();
        Self { local, ecr }
    }

    pub(crate) async fn start_upload(&self) -> String {
        let started = self.ecr.initiate_layer_upload().repository_name(REPOSITORY).send().await;
        started.unwrap().upload_id.unwrap()
    }

    /// Sends a part with the range that it has at `first`.
    pub(crate) async fn send(
        &self,
        upload: &str,
        first: usize,
        content: &[u8],
    ) -> Result<i64, Refusal> {
        let part = self.ecr.upload_layer_part().repository_name(REPOSITORY).upload_id(upload);
        let part = part
            .part_first_byte(first as i64)
            .part_last_byte((first + content.len()) as i64 - 1)
            .layer_part_blob(Blob::new(content));
        part.send().await.map(|output| output.last_byte_received.unwrap()).map_err(refusal)
    }

    pub(crate) async fn complete(&self, upload: &str, digest: &str) -> Result<String, Refusal> {
        let complete = self.ecr.complete_layer_upload().repository_name(REPOSITORY);
        let complete = complete.upload_id(upload).layer_digests(digest);
        complete.send().await.map(|output| output.layer_digest.unwrap()).map_err(refusal)
    }

    /// Uploads a layer in one part, and returns its digest.
    pub(crate) async fn push_layer(&self, content: &[u8]) -> String {
        let upload = self.start_upload().await;
        self.send(&upload, 0, content).await.unwrap();
        self.complete(&upload, &digest(content)).await.unwrap()
    }

    pub(crate) fn put(&self, manifest: &str) -> PutImageFluentBuilder {
        self.ecr.put_image().repository_name(REPOSITORY).image_manifest(manifest)
    }
}

/// The code and the message of a refusal.
pub(crate) type Refusal = (String, String);

pub(crate) fn refusal(error: impl ProvideErrorMetadata) -> Refusal {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    (text(error.code()), text(error.message()))
}

pub(crate) fn refused(code: &str, message: &str) -> Refusal {
    (code.to_owned(), message.to_owned())
}

/// The refusal of a member's value.
pub(crate) fn violated(member: &str, constraint: &str) -> Refusal {
    refused(
        "InvalidParameterException",
        &format!("Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"),
    )
}

pub(crate) fn digest(content: impl AsRef<[u8]>) -> String {
    let hex: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[tokio::test(start_paused = true)]
async fn a_token_lasts_for_12_hours_on_the_clock() {
    let world = World::new().await;
    let token = async || {
        let output = world.ecr.get_authorization_token().send().await.unwrap();
        let [data] = output.authorization_data() else { panic!("{output:?}") };
        data.clone()
    };
    let first = token().await;
    assert_eq!(
        first.proxy_endpoint(),
        Some("https://123456789012.dkr.ecr.us-east-1.amazonaws.com")
    );
    let decoded = base64_simd::STANDARD.decode_to_vec(first.authorization_token().unwrap());
    let decoded = String::from_utf8(decoded.unwrap()).unwrap();
    assert!(decoded.strip_prefix("AWS:").is_some_and(|password| !password.is_empty()), "{decoded}");

    tokio::time::advance(Duration::from_secs(3600)).await;
    let second = token().await;
    assert_ne!(first.authorization_token(), second.authorization_token());
    let at =
        |data: &aws_sdk_ecr::types::AuthorizationData| data.expires_at().unwrap().as_secs_f64();
    assert!((3600.0..3601.0).contains(&(at(&second) - at(&first))));
    let now = world.local.journal().calls().last().unwrap().at.as_secs_f64();
    assert!((at(&second) - now - 12.0 * 3600.0).abs() < 0.01);
}

#[tokio::test(start_paused = true)]
async fn a_token_names_the_registries_that_were_asked_for() {
    let world = World::new().await;
    let token = |ids: Vec<String>| {
        let token = world.ecr.get_authorization_token();
        #[allow(deprecated, reason = "ECR still takes the member")]
        let token = token.set_registry_ids(Some(ids));
        token.send()
    };
    let output = token(vec!["111111111111".to_owned(), "222222222222".to_owned()]).await.unwrap();
    let endpoints: Vec<_> =
        output.authorization_data().iter().map(|it| it.proxy_endpoint().unwrap()).collect();
    assert_eq!(
        endpoints,
        [
            "https://111111111111.dkr.ecr.us-east-1.amazonaws.com",
            "https://222222222222.dkr.ecr.us-east-1.amazonaws.com",
        ]
    );
    for (ids, expected) in [
        (vec![], violated("registryIds", "Member must have length greater than or equal to 1")),
        (
            vec!["123456789012".to_owned(); 11],
            violated("registryIds", "Member must have length less than or equal to 10"),
        ),
        (
            vec!["12345".to_owned()],
            violated("registryId", "must satisfy regular expression '[0-9]{12}'"),
        ),
    ] {
        assert_eq!(refusal(token(ids).await.unwrap_err()), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_repository_is_created_once() {
    let world = World::new().await;
    let again = world.ecr.create_repository().repository_name(REPOSITORY).send().await;
    assert_eq!(
        refusal(again.unwrap_err()),
        refused(
            "RepositoryAlreadyExistsException",
            "The repository with name 'team/app' already exists in the registry with id \
             '123456789012'"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_repository_is_described_as_it_was_created() {
    let world = World::with(ImageTagMutability::Immutable).await;
    let output =
        world.ecr.describe_repositories().repository_names(REPOSITORY).send().await.unwrap();
    let [repository] = output.repositories() else { panic!("{output:?}") };
    assert_eq!(
        repository.repository_arn(),
        Some("arn:aws:ecr:us-east-1:123456789012:repository/team/app")
    );
    assert_eq!(
        repository.repository_uri(),
        Some("123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app")
    );
    assert_eq!(repository.registry_id(), Some(LocalAws::ACCOUNT));
    assert_eq!(repository.image_tag_mutability(), Some(&ImageTagMutability::Immutable));
    let created = repository.created_at().unwrap().as_secs_f64();
    assert_eq!(created, world.local.journal().calls()[0].at.as_secs_f64());

    let absent = world.ecr.describe_repositories().repository_names("absent").send().await;
    assert_eq!(refusal(absent.unwrap_err()).0, "RepositoryNotFoundException");
    let none = world.ecr.describe_repositories().set_repository_names(Some(vec![])).send().await;
    assert_eq!(
        refusal(none.unwrap_err()),
        violated("repositoryNames", "Member must have length greater than or equal to 1")
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_repository_was_created_with_is_remembered() {
    let world = World::new().await;
    let kms = EncryptionConfiguration::builder().encryption_type(EncryptionType::Kms);
    let kms = kms.kms_key("alias/images").build().unwrap();
    let scanning = ImageScanningConfiguration::builder().scan_on_push(true).build();
    let tag = Tag::builder().key("team").value("a").build().unwrap();
    let create = world.ecr.create_repository().repository_name("other");
    let create = create.encryption_configuration(kms.clone()).tags(tag.clone());
    #[allow(deprecated, reason = "ECR still takes the member")]
    let create = create.image_scanning_configuration(scanning.clone());
    create.send().await.unwrap();
    let describe = world.ecr.describe_repositories().repository_names("other");
    let output = describe.repository_names(REPOSITORY).send().await.unwrap();
    let [repository, plain] = output.repositories() else { panic!("{output:?}") };
    assert_eq!(repository.encryption_configuration(), Some(&kms));
    assert_eq!(repository.image_scanning_configuration(), Some(&scanning));
    let aes256 = EncryptionConfiguration::builder().encryption_type(EncryptionType::Aes256);
    assert_eq!(plain.encryption_configuration(), Some(&aes256.build().unwrap()));
    let unscanned = ImageScanningConfiguration::builder().scan_on_push(false).build();
    assert_eq!(plain.image_scanning_configuration(), Some(&unscanned));

    let arn = repository.repository_arn().unwrap();
    let tags = world.ecr.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
    assert_eq!(tags.tags(), [tag]);
    let absent = world.ecr.list_tags_for_resource().resource_arn(format!("{arn}s")).send().await;
    assert_eq!(refusal(absent.unwrap_err()).0, "RepositoryNotFoundException");
    let none = world.ecr.list_tags_for_resource().resource_arn("other").send().await;
    assert_eq!(
        refusal(none.unwrap_err()),
        violated("resourceArn", "must be the ARN of a repository")
    );
}

#[tokio::test(start_paused = true)]
async fn a_repository_has_no_more_than_it_can_have() {
    let world = World::new().await;
    let create = |tags: Vec<(String, String)>| {
        let tags = tags
            .into_iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build().unwrap());
        world.ecr.create_repository().repository_name("other").set_tags(Some(tags.collect())).send()
    };
    let many = |n: usize| (0..n).map(|i| (format!("k{i}"), String::new())).collect();
    for (tags, code) in [
        (many(51), "TooManyTagsException"),
        (vec![(String::new(), "v".to_owned())], "InvalidTagParameterException"),
        (vec![("k".repeat(129), "v".to_owned())], "InvalidTagParameterException"),
        (vec![("k".to_owned(), "v".repeat(257))], "InvalidTagParameterException"),
    ] {
        assert_eq!(refusal(create(tags).await.unwrap_err()).0, code);
    }
    for key in [String::new(), "k".repeat(2049)] {
        let kms = EncryptionConfiguration::builder().encryption_type(EncryptionType::Kms);
        let kms = kms.kms_key(key).build().unwrap();
        let create = world.ecr.create_repository().repository_name("other");
        let error = create.encryption_configuration(kms).send().await.unwrap_err();
        assert_eq!(refusal(error).0, "InvalidParameterException");
    }
    let mut most = many(49);
    most.push(("k".repeat(128), "v".repeat(256)));
    create(most).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn repositories_come_in_pages() {
    let world = World::new().await;
    for name in ["a1", "b1"] {
        world.ecr.create_repository().repository_name(name).send().await.unwrap();
    }
    let page = |token: Option<String>| {
        world.ecr.describe_repositories().max_results(2).set_next_token(token).send()
    };
    let first = page(None).await.unwrap();
    let names =
        |output: &aws_sdk_ecr::operation::describe_repositories::DescribeRepositoriesOutput| {
            let names =
                output.repositories().iter().map(|it| it.repository_name().unwrap().to_owned());
            names.collect::<Vec<_>>()
        };
    assert_eq!(names(&first), ["a1", "b1"]);
    let second = page(first.next_token).await.unwrap();
    assert_eq!(names(&second), [REPOSITORY]);
    assert_eq!(second.next_token(), None);

    let forged = page(Some("17".to_owned())).await;
    assert_eq!(
        refusal(forged.unwrap_err()),
        violated("nextToken", "must be a token from an earlier answer")
    );
    for (size, bound) in [(0, "greater than or equal to 1"), (1001, "less than or equal to 1000")] {
        let refused = world.ecr.describe_repositories().max_results(size).send().await;
        assert_eq!(
            refusal(refused.unwrap_err()),
            violated("maxResults", &format!("Member must have value {bound}"))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_none_is_refused() {
    let world = World::new().await;
    let create = |name: &str| world.ecr.create_repository().repository_name(name).send();
    for (name, constraint) in [
        ("a", "Member must have length greater than or equal to 2"),
        (&"a".repeat(257), "Member must have length less than or equal to 256"),
        (
            "Team/App",
            r"must satisfy regular expression '[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*'",
        ),
    ] {
        let refused = create(name).await.unwrap_err();
        assert_eq!(refusal(refused), violated("repositoryName", constraint), "{name}");
    }
    let missing = world.ecr.create_repository().send().await;
    assert_eq!(refusal(missing.unwrap_err()).0, "InvalidParameterException");
}

#[tokio::test(start_paused = true)]
async fn a_repository_is_made_in_the_callers_own_registry() {
    let world = World::new().await;
    let create = world.ecr.create_repository().repository_name("other");
    let foreign = create.registry_id("999999999999").send().await;
    assert_eq!(
        refusal(foreign.unwrap_err()),
        violated("registryId", "must be the caller's own account")
    );
}

/// One for each operation on a repository, so that none reaches past the common checks.
#[tokio::test(start_paused = true)]
async fn no_operation_finds_a_repository_that_is_not_there() {
    let world = World::new().await;
    let ecr = &world.ecr;
    let id = "00000000-0000-4000-8000-000000000000";
    let (sha, any) = (digest(""), ImageIdentifier::builder().image_tag("x").build());
    for (registry, name, code) in [
        (LocalAws::ACCOUNT, "absent", "RepositoryNotFoundException"),
        ("999999999999", REPOSITORY, "RepositoryNotFoundException"),
        ("12345", REPOSITORY, "InvalidParameterException"),
        (LocalAws::ACCOUNT, "Absent", "InvalidParameterException"),
    ] {
        macro_rules! code {
            ($call:expr) => {
                refusal($call.registry_id(registry).repository_name(name).send().await.unwrap_err())
                    .0
            };
        }
        let part = ecr.upload_layer_part().upload_id(id).part_first_byte(0).part_last_byte(0);
        let codes = [
            code!(ecr.batch_check_layer_availability().layer_digests(&sha)),
            code!(ecr.batch_delete_image().image_ids(any.clone())),
            code!(ecr.batch_get_image().image_ids(any.clone())),
            code!(ecr.complete_layer_upload().upload_id(id).layer_digests(&sha)),
            code!(ecr.delete_repository()),
            code!(ecr.describe_images()),
            code!(ecr.get_download_url_for_layer().layer_digest(&sha)),
            code!(ecr.initiate_layer_upload()),
            code!(ecr.list_images()),
            code!(ecr.put_image().image_manifest("{}")),
            code!(ecr.put_image_tag_mutability().image_tag_mutability(ImageTagMutability::Mutable)),
            code!(part.layer_part_blob(Blob::new("x"))),
        ];
        assert_eq!(codes, [code; 12], "{registry} {name}");
    }
    let listed = ecr.list_images().repository_name("absent").send().await;
    assert_eq!(
        refusal(listed.unwrap_err()).1,
        "The repository with name 'absent' does not exist in the registry with id '123456789012'"
    );
}

#[tokio::test(start_paused = true)]
async fn regions_are_worlds_of_their_own() {
    let world = World::new().await;
    let config = world.local.sdk_config().to_builder();
    let config = config.region(aws_types::region::Region::new("cn-north-1")).build();
    let china = Client::new(&config);
    assert!(china.describe_repositories().send().await.unwrap().repositories().is_empty());
    let created = china.create_repository().repository_name(REPOSITORY).send().await.unwrap();
    let repository = created.repository().unwrap();
    assert_eq!(
        repository.repository_arn(),
        Some("arn:aws-cn:ecr:cn-north-1:123456789012:repository/team/app")
    );
    assert_eq!(
        repository.repository_uri(),
        Some("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/app")
    );
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_is_not_emulated_is_refused() {
    let world = World::new().await;
    let error = world.ecr.describe_registry().send().await.unwrap_err();
    assert_eq!(refusal(error).0, "UnknownOperationException");
}
