//! Tests of one push to several repositories, in other regions and accounts.

use std::time::Duration;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::Region;
use ecr_push::events::Event;
use ecr_push::{ErrorKind, Image, Pusher, Repository};
use local_aws::{Fault, LocalAws, When};

use crate::layout::Layout;
use crate::world::{World, repository};

const MIB: usize = 1024 * 1024;

/// Creates the same repository in other regions.
async fn others(world: &World, regions: &[&str]) -> Vec<Repository> {
    let mut others = Vec::new();
    for region in regions {
        let config = world.local.sdk_config();
        let config = config.to_builder().region(Region::new((*region).to_owned())).build();
        let create = Client::new(&config).create_repository().repository_name("demo/web");
        create.send().await.unwrap();
        let uri = format!("123456789012.dkr.ecr.{region}.amazonaws.com/demo/web");
        others.push(uri.parse().unwrap());
    }
    others
}

#[tokio::test(start_paused = true)]
async fn every_blob_is_read_once() {
    let world = World::new().await;
    let others = others(&world, &["eu-west-1", "ap-south-1"]).await;
    let layout = Layout::image(&[25 * MIB, 100]);
    let image = Image::open(layout.path()).await.unwrap();
    let push = world.pusher.push(&image, &repository()).tag("1.0".parse().unwrap());
    let push = others.iter().fold(push, |push, other| push.also_to(other));
    let before = world.local.journal().calls().len();
    let pushed = push.await.unwrap();

    let size: u64 = image.layers().map(ecr_push::image::Layer::size).sum();
    assert_eq!(pushed.bytes_read(), size);
    assert_eq!(pushed.bytes_sent(), 3 * size);
    // 2 look up, 9 and 2 send three layers of 3, 1 and 1 parts, 1 looks up again, and 1 puts.
    let each = 2 + 3 + 5 + 3 + 1 + 1;
    assert_eq!(pushed.calls(), 3 * each);
    assert_eq!(world.local.journal().calls().len() - before, 3 * each as usize);
    let regions: Vec<&str> =
        pushed.repositories().iter().map(|to| to.repository().region()).collect();
    assert_eq!(regions, ["us-east-1", "eu-west-1", "ap-south-1"]);
    for to in pushed.repositories() {
        assert_eq!(to.image_uri(), format!("{}@{}", to.repository(), image.digest()));
        assert_eq!(to.layers_sent(), 3);
        assert_eq!(to.tags().len(), 1);
    }
    assert_eq!(pushed.image_uri(), pushed.repositories()[0].image_uri());
}

#[tokio::test(start_paused = true)]
async fn each_gets_what_it_lacks() {
    let world = World::new().await;
    let others = others(&world, &["eu-west-1"]).await;
    world.push(&Layout::image(&[100, 200]), &[]).await.unwrap();
    let layout = Layout::image(&[100, 200, 300]);
    let image = Image::open(layout.path()).await.unwrap();
    let pushed = world.pusher.push(&image, &repository()).also_to(&others[0]).await.unwrap();
    let sent: Vec<usize> = pushed.repositories().iter().map(|to| to.layers_sent()).collect();
    assert_eq!(sent, [2, 4]);
    assert_eq!(pushed.layers_skipped(), 2);
}

/// A failed upload in one repository recovers there, and the other repository receives no byte
/// twice.
#[tokio::test(start_paused = true)]
async fn one_that_loses_its_upload_catches_up() {
    let world = World::new().await;
    let others = others(&world, &["eu-west-1"]).await;
    let layout = Layout::image(&[45 * MIB]);
    let image = Image::open(layout.path()).await.unwrap();
    // Affects one region only: the fourth part is the second one in either region.
    world.local.inject(When::nth("UploadLayerPart", 5), Fault::ExpireUploads);
    let pushed = world
        .pusher
        .push(&image, &repository())
        .also_to(&others[0])
        .tag("1.0".parse().unwrap())
        .await
        .unwrap();
    let mut sent: Vec<u64> = pushed.repositories().iter().map(|to| to.bytes_sent()).collect();
    sent.sort_unstable();
    let size: u64 = image.layers().map(ecr_push::image::Layer::size).sum();
    assert_eq!(sent[0], size);
    assert!(sent[1] > size && sent[1] <= 2 * size, "{sent:?}");
    assert_eq!(world.tagged("1.0").await.as_deref(), Some(pushed.digest().as_str()));
}

#[tokio::test(start_paused = true)]
async fn no_tag_moves_anywhere_before_every_layer_is_everywhere() {
    let world = World::new().await;
    let others = others(&world, &["eu-west-1"]).await;
    // The other region responds slowly.
    let slow = |body: &[u8]| String::from_utf8_lossy(body).contains("demo/web");
    world
        .local
        .inject(When::matching("UploadLayerPart", slow), Fault::Delay(Duration::from_secs(5)));
    let layout = Layout::image(&[100]);
    let image = Image::open(layout.path()).await.unwrap();
    let push = world.pusher.push(&image, &repository()).also_to(&others[0]);
    let mut events = push.tag("1.0".parse().unwrap()).events();
    let (mut finished, mut tagged) = (0, 0);
    while let Some(event) = events.next().await {
        match event {
            Event::LayerFinished { .. } => {
                assert_eq!(tagged, 0);
                finished += 1;
            }
            Event::Tagged { .. } => tagged += 1,
            _ => {}
        }
    }
    events.finish().await.unwrap();
    assert_eq!((finished, tagged), (4, 2));
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_is_named_and_nothing_is_tagged() {
    let world = World::new().await;
    let missing: Repository =
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/demo/web".parse().unwrap();
    let layout = Layout::image(&[100]);
    let image = Image::open(layout.path()).await.unwrap();
    let push = world.pusher.push(&image, &repository()).also_to(&missing);
    let error = push.tag("1.0".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RepositoryNotFound);
    assert!(error.to_string().contains("region eu-west-1"), "{error}");
    assert_eq!(world.tagged("1.0").await, None);
}

#[tokio::test(start_paused = true)]
async fn another_account_is_reached_with_its_own_credentials() {
    let world = World::new().await;
    let assumed = assume(&world.local, "arn:aws:iam::210987654321:role/pusher").await;
    Client::new(&assumed).create_repository().repository_name("demo/web").send().await.unwrap();
    let there: Repository =
        "210987654321.dkr.ecr.us-east-1.amazonaws.com/demo/web".parse().unwrap();
    let layout = Layout::image(&[100]);
    let image = Image::open(layout.path()).await.unwrap();

    let error = world.pusher.push(&image, &there).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RepositoryNotFound);
    let pusher = Pusher::new(&world.local.sdk_config()).for_account_of(&there, &assumed);
    let pushed = pusher.push(&image, &repository()).also_to(&there).await.unwrap();
    assert_eq!(pushed.repositories()[1].layers_sent(), 2);
}

/// Returns the configuration of a role, as `aws_config::sts::AssumeRoleProvider` provides it.
async fn assume(local: &LocalAws, role: &str) -> aws_types::SdkConfig {
    let config = local.sdk_config();
    let assume = aws_sdk_sts::Client::new(&config).assume_role();
    let answer = assume.role_arn(role).role_session_name("push").send().await.unwrap();
    let given = answer.credentials().unwrap();
    let credentials = aws_sdk_ecr::config::Credentials::new(
        given.access_key_id(),
        given.secret_access_key(),
        Some(given.session_token().to_owned()),
        None,
        "test",
    );
    let provider = aws_sdk_ecr::config::SharedCredentialsProvider::new(credentials);
    config.to_builder().credentials_provider(provider).build()
}
