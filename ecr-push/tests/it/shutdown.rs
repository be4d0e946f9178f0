//! Tests of pushes whose runtime is shut down, or that fail, while layers are on their way.

use std::sync::Arc;
use std::time::Duration;

use ecr_push::Image;
use ecr_push::events::Event;
use ecr_push::transport::Transport;
use local_aws::{Fault, When};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use crate::layout::Layout;
use crate::world::{World, repository};

const MIB: usize = 1024 * 1024;

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap()
}

fn layout() -> Layout {
    Layout::image(&[6 * MIB, 6 * MIB + 1, 6 * MIB + 2, 6 * MIB + 3, 7 * MIB, 8 * MIB])
}

/// The panic hook fails the test.
#[test]
fn a_shutdown_in_the_middle_of_a_push_panics_nowhere() {
    let layout = layout();
    for transport in [Transport::Api, Transport::Registry] {
        for round in 0..20 {
            let runtime = runtime();
            let begun = Arc::new(Notify::new());
            let world = runtime.block_on(World::new());
            let image = runtime.block_on(async { Image::open(layout.path()).await }).unwrap();
            let mut events = world.pusher.push(&image, &repository()).transport(transport).events();
            let notify = begun.clone();
            runtime.spawn(async move {
                let mut seen = 0;
                while let Some(event) = events.next().await {
                    seen += 1;
                    if seen > round && matches!(event, Event::LayerStarted { .. }) {
                        notify.notify_one();
                    }
                }
                notify.notify_one();
            });
            runtime.block_on(begun.notified());
            if round % 2 == 0 {
                runtime.shutdown_background();
            } else {
                drop(runtime);
            }
        }
    }
}

#[test]
fn a_failure_while_other_layers_are_on_their_way_panics_nowhere() {
    let layout = layout();
    let failing = [(Transport::Api, "UploadLayerPart"), (Transport::Registry, "V2.PatchUpload")];
    for (transport, operation) in failing {
        for nth in 1..=3 {
            let runtime = runtime();
            let pushed = runtime.block_on(async {
                let world = World::new().await;
                world.local.inject(When::nth(operation, nth), Fault::LimitExceeded);
                let slow = Fault::Delay(Duration::from_millis(5));
                world.local.inject(When::every(operation), slow);
                let image = Image::open(layout.path()).await.unwrap();
                world.pusher.push(&image, &repository()).transport(transport).await
            });
            drop(runtime);
            assert!(pushed.is_err(), "{operation}, {nth}");
        }
    }
}
