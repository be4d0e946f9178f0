//! GetDownloadUrlForLayer, and what is kept of a layer.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use aws_sdk_ecr::Client;
use local_aws::{Blobs, LocalAws};

use crate::ecr::{REPOSITORY, Refusal, World, digest, refusal, refused, violated};

const MIB: usize = 1024 * 1024;

impl World {
    async fn download_url(&self, digest: &str) -> Result<String, Refusal> {
        let get = self.ecr.get_download_url_for_layer().repository_name(REPOSITORY);
        let output = get.layer_digest(digest).send().await.map_err(refusal)?;
        assert_eq!(output.layer_digest(), Some(digest));
        Ok(output.download_url.unwrap())
    }
}

/// What is answered to a GET without any signature.
fn get(url: &str) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let head = format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(start_paused = true)]
async fn a_layer_of_an_image_has_a_url() {
    let world = World::new().await;
    let image = world.image("a").await;
    world.put(&image).send().await.unwrap();
    for content in ["layer of a", "config of a"] {
        let url = world.download_url(&digest(content)).await.unwrap();
        assert_eq!(
            url,
            format!(
                "https://prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com/v2-blobs/\
                 123456789012/us-east-1/team/app/{}",
                digest(content)
            )
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_served_url_gives_the_bytes_to_whoever_has_it() {
    let server = LocalAws::start().await.unwrap();
    let local = server.local().clone();
    let world = World { ecr: Client::new(&local.sdk_config()), local };
    world.ecr.create_repository().repository_name(REPOSITORY).send().await.unwrap();
    world.put(&world.image("a").await).send().await.unwrap();
    let url = world.download_url(&digest("layer of a")).await.unwrap();
    let answer = get(&url);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\nlayer of a"), "{answer}");
    let absent = get(&url.replace(&digest("layer of a"), &digest("absent")));
    assert!(absent.starts_with("HTTP/1.1 404 "), "{absent}");
}

#[tokio::test(start_paused = true)]
async fn a_layer_without_an_image_has_no_url() {
    let world = World::new().await;
    let (absent, loose) = (digest("absent"), world.push_layer(b"loose").await);
    let place = "the repository with name 'team/app' in the registry with id '123456789012'";
    assert_eq!(
        world.download_url(&absent).await,
        Err(refused(
            "LayersNotFoundException",
            &format!("The layer with digest '{absent}' does not exist within {place}")
        ))
    );
    let inaccessible = |digest: &str| {
        Err(refused(
            "LayerInaccessibleException",
            &format!("The layer with digest '{digest}' is not accessible in {place}"),
        ))
    };
    assert_eq!(world.download_url(&loose).await, inaccessible(&loose));
    assert_eq!(
        world.download_url("latest").await,
        Err(violated(
            "layerDigest",
            "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"
        ))
    );
    world.put(&world.image("a").await).image_tag("1.0").send().await.unwrap();
    assert!(world.local.archive_image(REPOSITORY, "1.0"));
    let archived = digest("layer of a");
    assert_eq!(world.download_url(&archived).await, inaccessible(&archived));
}

#[tokio::test(start_paused = true)]
async fn a_layer_is_kept_to_the_byte() {
    let world = World::new().await;
    let content = [vec![1; 5 * MIB], b"the end".to_vec()].concat();
    let upload = world.start_upload().await;
    world.send(&upload, 0, &content[..5 * MIB]).await.unwrap();
    world.send(&upload, 5 * MIB, &content[5 * MIB..]).await.unwrap();
    let sha = world.complete(&upload, &digest(&content)).await.unwrap();
    assert!(world.local.layer(REPOSITORY, &sha).is_some_and(|kept| kept == content));
    assert_eq!(world.local.layer(REPOSITORY, &digest("absent")), None);
    assert_eq!(world.local.layer("absent", &sha), None);
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_is_only_counted_is_not_kept() {
    let world = World::new().await;
    let before = world.start_upload().await;
    world.local.set_blobs(Blobs::Count);
    let sha = world.push_layer(b"layer").await;
    assert_eq!(world.local.layer(REPOSITORY, &sha), None);
    assert_eq!(world.check(vec![sha.clone()]).await, Ok(vec![(sha, "AVAILABLE".to_owned())]));
    // An upload is kept or not as a whole.
    world.send(&before, 0, b"other").await.unwrap();
    let kept = world.complete(&before, &digest("other")).await.unwrap();
    assert_eq!(world.local.layer(REPOSITORY, &kept).as_deref(), Some(&b"other"[..]));
}
