//! Tests of pushes that end in the middle, and of the push that resumes them.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use ecr_push::events::Event;
use ecr_push::{Image, Push, Pushed, Pusher};
use local_aws::{Fault, When};

use crate::layout::Layout;
use crate::world::{World, repository};

const MIB: usize = 1024 * 1024;

/// An emulator, an image with one large layer, and a path for the checkpoint.
struct Scene {
    world: World,
    layout: Layout,
}

impl Scene {
    async fn new() -> Self {
        Self { world: World::new().await, layout: Layout::image(&[45 * MIB]) }
    }

    fn file(&self) -> PathBuf {
        self.layout.path().join("push.checkpoint")
    }

    /// Prepares a push with a new pusher, like another process.
    async fn push(&self) -> Push {
        let image = Image::open(self.layout.path()).await.unwrap();
        let pusher = Pusher::new(&self.world.local.sdk_config());
        let push = pusher.push(&image, &repository()).tag("1.0".parse().unwrap());
        push.checkpoint(self.file())
    }

    /// Pushes until exactly 20 MiB of the large layer have arrived.
    async fn cut_off(&self) {
        let mut events = self.push().await.events();
        while let Some(event) = events.next().await {
            if matches!(event, Event::LayerProgress { sent, .. } if sent == 20 * MIB as u64) {
                return;
            }
        }
        panic!("the push ended first");
    }

    /// Changes a byte of the large layer, or changes it back. Returns the layer's digest.
    async fn change(&self, at: usize) -> String {
        let image = Image::open(self.layout.path()).await.unwrap();
        let layer = image.layers().max_by_key(|layer| layer.size()).unwrap().digest().to_string();
        let path = self.layout.blob_path(&layer);
        let mut content = std::fs::read(&path).unwrap();
        content[at] ^= 1;
        std::fs::write(&path, content).unwrap();
        layer
    }

    /// Opens the large layer's file for writing.
    async fn large_layer(&self) -> File {
        let image = Image::open(self.layout.path()).await.unwrap();
        let layer = image.layers().max_by_key(|layer| layer.size()).unwrap();
        let path = self.layout.blob_path(layer.digest().as_str());
        File::options().write(true).open(path).unwrap()
    }

    /// Pushes to the end. Returns the outcome, and the byte from which the push resumed.
    async fn finish(&self) -> (Pushed, Option<u64>) {
        let mut events = self.push().await.events();
        let mut resumed = None;
        while let Some(event) = events.next().await {
            if let Event::LayerResumed { sent, .. } = event {
                resumed = Some(sent);
            }
        }
        let pushed = events.finish().await.unwrap();
        let tagged = self.world.tagged("1.0").await;
        assert_eq!(tagged.as_deref(), Some(pushed.digest().as_str()));
        (pushed, resumed)
    }
}

#[tokio::test(start_paused = true)]
async fn another_process_goes_on_in_the_middle_of_a_layer() {
    let scene = Scene::new().await;
    scene.cut_off().await;
    let text = std::fs::read_to_string(scene.file()).unwrap();
    for secret in ["AKIALOCALAWSEXAMPLE", "local-aws", "AWS4"] {
        assert!(!text.contains(secret), "{text}");
    }
    let (pushed, resumed) = scene.finish().await;
    assert_eq!(resumed, Some(20 * MIB as u64));
    assert_eq!(pushed.bytes_sent() / MIB as u64, 25);
    assert!(!scene.file().exists(), "the file was not removed");
}

/// The process is killed while ECR completes the layer.
#[tokio::test(start_paused = true)]
async fn a_layer_that_had_all_arrived_is_only_completed() {
    let scene = Scene::new().await;
    let hour = Fault::Delay(Duration::from_secs(3600));
    scene.world.local.inject(When::every("CompleteLayerUpload"), Fault::Reset);
    scene.world.local.inject(When::every("CompleteLayerUpload"), hour);
    scene.push().await.await.unwrap_err();
    scene.world.local.clear_faults();
    let parts = scene.world.local.journal().count("UploadLayerPart");
    let (pushed, resumed) = scene.finish().await;
    assert!(resumed.is_some());
    assert_eq!(pushed.bytes_sent(), 0);
    assert_eq!(scene.world.local.journal().count("UploadLayerPart"), parts);
}

/// A power failure can lose lines of the file, but not the bytes that ECR has received.
#[tokio::test(start_paused = true)]
async fn several_parts_that_were_not_noted_are_not_sent_again() {
    let scene = Scene::new().await;
    scene.cut_off().await;
    let text = std::fs::read_to_string(scene.file()).unwrap();
    let kept: Vec<&str> = text.lines().filter(|line| !line.contains("{\"sent\":")).collect();
    std::fs::write(scene.file(), kept.join("\n") + "\n").unwrap();
    let (pushed, resumed) = scene.finish().await;
    assert_eq!(resumed, Some(0));
    // The first part reveals that two parts have arrived.
    assert_eq!(pushed.bytes_sent() / MIB as u64, 35);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_ecr_never_gave_is_survived() {
    let scene = Scene::new().await;
    scene.cut_off().await;
    let text = std::fs::read_to_string(scene.file()).unwrap();
    // Changes every id: they differ only in their number.
    std::fs::write(scene.file(), text.replace("-0000-4000-8000-", "-")).unwrap();
    let (pushed, resumed) = scene.finish().await;
    assert!(resumed.is_some());
    // ECR rejects the first part, and then the push sends all parts.
    assert_eq!(pushed.bytes_sent() / MIB as u64, 10 + 45);
}

#[tokio::test(start_paused = true)]
async fn without_the_file_it_begins_anew() {
    let scene = Scene::new().await;
    scene.cut_off().await;
    std::fs::remove_file(scene.file()).unwrap();
    let (pushed, resumed) = scene.finish().await;
    assert_eq!(resumed, None);
    assert_eq!(pushed.bytes_sent() / MIB as u64, 45);
}

#[tokio::test(start_paused = true)]
async fn a_part_that_was_not_noted_is_not_sent_again() {
    let scene = Scene::new().await;
    scene.cut_off().await;
    // The process was killed after ECR's response and before it wrote the line.
    let text = std::fs::read_to_string(scene.file()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let kept = lines[..lines.len() - 1].join("\n") + "\n{\"sent\":{\"upl";
    std::fs::write(scene.file(), kept).unwrap();
    let (pushed, resumed) = scene.finish().await;
    assert_eq!(resumed, Some(10 * MIB as u64));
    // The push sends the part. ECR rejects it and reports the upload's position, and the push skips
    // the part.
    assert_eq!(pushed.bytes_sent() / MIB as u64, 35);
    let errors = scene.world.local.journal();
    let errors: Vec<_> = errors.calls().iter().filter_map(|call| call.error.as_deref()).collect();
    assert_eq!(errors, ["InvalidLayerPartException"]);
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_has_expired_meanwhile_begins_anew() {
    let scene = Scene::new().await;
    scene.cut_off().await;
    scene.world.local.expire_uploads();
    // The upload expires a second time during the push, which recovers again.
    let parts = scene.world.local.journal().count("UploadLayerPart");
    scene.world.local.inject(When::nth("UploadLayerPart", parts + 4), Fault::ExpireUploads);
    let (pushed, resumed) = scene.finish().await;
    assert_eq!(resumed, Some(20 * MIB as u64));
    assert!(pushed.bytes_sent() > 45 * MIB as u64);
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_changed_since_then_is_named() {
    let scene = Scene::new().await;
    scene.cut_off().await;
    let layer = scene.change(30 * MIB).await;
    let error = scene.push().await.await.unwrap_err();
    assert_eq!(error.kind(), ecr_push::ErrorKind::BlobMismatch);
    assert!(error.to_string().contains(&layer), "{error}");
    assert_eq!(scene.world.local.journal().count("PutImage"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_was_cut_off_since_then_is_named_with_its_size() {
    let scene = Scene::new().await;
    scene.cut_off().await;
    let push = scene.push().await;
    scene.large_layer().await.set_len(10 * MIB as u64).unwrap();
    let error = push.await.unwrap_err();
    assert_eq!(error.kind(), ecr_push::ErrorKind::BlobMismatch);
    assert!(error.to_string().contains("has 10485760 bytes instead of 47185920"), "{error}");
}

/// The push doesn't read again what ECR has received.
#[tokio::test(start_paused = true)]
async fn what_changed_after_it_was_sent_makes_no_difference() {
    let scene = Scene::new().await;
    scene.cut_off().await;
    scene.change(MIB).await;
    let (pushed, _) = scene.finish().await;
    assert_eq!(pushed.bytes_sent() / MIB as u64, 25);
}

/// The first process sent damaged bytes and then ended for another reason.
#[tokio::test(start_paused = true)]
async fn a_layer_that_was_repaired_since_then_is_sent_anew() {
    let scene = Scene::new().await;
    scene.change(MIB).await;
    scene.cut_off().await;
    scene.change(MIB).await;
    let (pushed, resumed) = scene.finish().await;
    assert_eq!(resumed, Some(20 * MIB as u64));
    assert_eq!(pushed.bytes_sent() / MIB as u64, 25 + 45);
}

/// ECR has rejected the content, so the next push has no upload to resume.
#[tokio::test(start_paused = true)]
async fn a_layer_that_was_repaired_after_it_was_named_is_sent_anew() {
    let scene = Scene::new().await;
    scene.change(MIB).await;
    scene.push().await.await.unwrap_err();
    scene.change(MIB).await;
    let (pushed, resumed) = scene.finish().await;
    assert_eq!(resumed, None);
    assert_eq!(pushed.bytes_sent() / MIB as u64, 45);
    assert_eq!(scene.world.local.journal().count("CompleteLayerUpload"), 1 + 1 + 1);
}

#[tokio::test(start_paused = true)]
async fn a_file_of_somebody_else_is_left_alone() {
    let scene = Scene::new().await;
    std::fs::write(scene.file(), "precious").unwrap();
    let (pushed, _) = scene.finish().await;
    assert_eq!(pushed.layers_sent(), 2);
    assert_eq!(std::fs::read_to_string(scene.file()).unwrap(), "precious");
}

/// The second push does without it, and the first one isn't disturbed.
#[tokio::test(start_paused = true)]
async fn a_file_in_use_is_left_to_the_push_that_uses_it() {
    let scene = Scene::new().await;
    let mut first = scene.push().await.events();
    while let Some(event) = first.next().await {
        if matches!(event, Event::LayerProgress { .. }) {
            break;
        }
    }
    let text = std::fs::read_to_string(scene.file()).unwrap();
    let mut second = scene.push().await.events();
    let mut reasons = Vec::new();
    while let Some(event) = second.next().await {
        if let Event::CheckpointIgnored { path, reason, .. } = event {
            assert_eq!(path, scene.file());
            reasons.push(reason);
        }
    }
    second.finish().await.unwrap();
    assert_eq!(reasons, ["another push is using it: each concurrent push needs its own"]);
    assert!(std::fs::read_to_string(scene.file()).unwrap().starts_with(&text));
    first.finish().await.unwrap();
    assert!(!scene.file().exists(), "the file was not removed");
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_without_a_name_is_bad_usage() {
    let scene = Scene::new().await;
    let error = scene.push().await.checkpoint("").await.unwrap_err();
    assert_eq!(error.kind(), ecr_push::ErrorKind::InvalidOptions);
    assert_eq!(
        error.to_string(),
        "nothing was pushed: the path of `checkpoint` is empty: name a file"
    );
}

/// Dropping a push ends it at once, and the next push sends the rest.
#[tokio::test(start_paused = true)]
async fn a_push_that_was_dropped_is_finished_by_the_next() {
    let scene = Scene::new().await;
    let small = Layout::image(&[100, 45 * MIB]);
    let image = Image::open(small.path()).await.unwrap();
    let mut events = scene.world.pusher.push(&image, &repository()).events();
    while let Some(event) = events.next().await {
        if matches!(event, Event::LayerFinished { .. }) {
            break;
        }
    }
    drop(events);
    let pushed = scene.world.push(&small, &["1.0"]).await.unwrap();
    assert!(pushed.layers_skipped() > 0);
    assert_eq!(scene.world.tagged("1.0").await.as_deref(), Some(pushed.digest().as_str()));
}
