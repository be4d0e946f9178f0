//! The parts that are measured alone.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

mod definitions;
mod images;
mod names;
mod pushes;
mod task_definitions;

criterion_main!(parts);

criterion_group! {
    name = parts;
    // Half a minute for all of them, where criterion's defaults take five.
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = names::names, definitions::definitions, images::images, pushes::pushes,
        task_definitions::task_definitions
}

/// For what calls the emulator in process: nothing of it waits.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
