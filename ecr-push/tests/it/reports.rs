//! Tests of plans, outcomes and errors that a program saves and reads again.

use ecr_push::Pushed;
use ecr_push::outcome::TagChange;
use ecr_push::plan::Plan;
use serde_json::{Value, json};

use crate::layout::Layout;
use crate::world::{URI, World, repository};

/// Returns the error of reading the value as another version.
fn refused<T: serde::de::DeserializeOwned + std::fmt::Debug>(mut json: Value) -> String {
    json["version"] = 2.into();
    serde_json::from_value::<T>(json).unwrap_err().to_string()
}

const OTHER: &str = "version 2 is not supported: this build reads version 1";

#[tokio::test(start_paused = true)]
async fn an_outcome_is_saved_and_read() {
    let world = World::new().await;
    let first = world.push(&Layout::image(&[100]), &["latest"]).await.unwrap();
    let pushed = world.push(&Layout::image(&[100, 200]), &["1.0", "latest"]).await.unwrap();
    let json = serde_json::to_value(&pushed).unwrap();
    assert_eq!(
        json,
        json!({
            "version": 1,
            "digest": pushed.digest(),
            "bytesRead": pushed.bytes_read(),
            "elapsedSeconds": pushed.elapsed().as_secs_f64(),
            "repositories": [{
                "repository": URI,
                "imageUri": format!("{URI}@{}", pushed.digest()),
                "tags": [
                    { "tag": "1.0", "change": "created" },
                    { "tag": "latest", "change": { "moved": { "from": first.digest() } } },
                ],
                "layersSent": 2,
                "layersMounted": 0,
                "layersSkipped": 1,
                "layersLeftOut": 0,
                "bytesSent": pushed.bytes_sent(),
                "calls": pushed.calls(),
            }],
        })
    );
    let text = serde_json::to_string(&pushed).unwrap();
    assert!(text.starts_with(r#"{"version":1,"digest":"sha256:"#), "{text}");
    assert_eq!(serde_json::from_str::<Pushed>(&text).unwrap(), pushed);
    assert_eq!(refused::<Pushed>(json.clone()), OTHER);

    let mut nowhere = json;
    nowhere["repositories"] = json!([]);
    let problem = serde_json::from_value::<Pushed>(nowhere).unwrap_err().to_string();
    assert_eq!(problem, "`repositories` is empty");
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_saved_and_read() {
    let world = World::new().await;
    world.push(&Layout::image(&[100]), &["latest"]).await.unwrap();
    let image = ecr_push::Image::open(Layout::image(&[100, 0]).path()).await.unwrap();
    let push = world.pusher.push(&image, &repository()).tag("latest".parse().unwrap());
    let plan = push.plan().await.unwrap();
    let change = plan.repositories()[0].tags()[0].change();
    assert!(matches!(change, TagChange::Moved { .. }), "{change}");

    let text = serde_json::to_string(&plan).unwrap();
    assert!(text.starts_with(r#"{"version":1,"image":"sha256:"#), "{text}");
    let read: Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(read, plan);
    assert_eq!(read.to_string(), plan.to_string());
    assert_eq!(refused::<Plan>(serde_json::to_value(&plan).unwrap()), OTHER);
}
