//! A push into the emulator, in process: its plan, and one part on its way.

use benches::layout::Layout;
use criterion::{BatchSize, Criterion, Throughput};
use ecr_push::settings::{LookUp, NewRepository};
use ecr_push::{Image, Push, Pusher};
use local_aws::{Blobs, LocalAws};
use tempfile::TempDir;

use crate::runtime;

const PART: u64 = 10 * 1024 * 1024;

pub(crate) fn pushes(criterion: &mut Criterion) {
    let runtime = runtime();
    let open = |layers: &[u64]| {
        let folder = TempDir::new().expect("a folder");
        Layout::write(folder.path(), layers).expect("a layout");
        let image = runtime.block_on(async { Image::open(folder.path()).await });
        (folder, image.expect("an image"))
    };

    let (_folder, image) = open(&[4096; 100]);
    let push = push(&image);
    runtime.block_on(push.clone().into_future()).expect("a push");
    let mut group = criterion.benchmark_group("push");
    group.bench_function("plan/100", |bencher| {
        bencher.iter(|| runtime.block_on(push.plan()).expect("a plan"));
    });

    // The frame, which the crate keeps to itself, by what it is part of: a layer of one part is
    // read, encoded, hashed for its signature and signed; and decoded, and its content hashed, by the
    // emulator, which keeps nothing.
    let (_folder, image) = open(&[PART]);
    group.throughput(Throughput::Bytes(PART));
    group.bench_function("part/10MiB", |bencher| {
        let prepare = || self::push(&image).look_up(LookUp::Never);
        let carry_out = |push: Push| runtime.block_on(push.into_future()).expect("a push");
        bencher.iter_batched(prepare, carry_out, BatchSize::PerIteration);
    });
    group.finish();
}

/// A push into an emulator of its own, where there is nothing so far.
fn push(image: &Image) -> Push {
    let local = LocalAws::new();
    local.set_blobs(Blobs::Count);
    let repository = "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web";
    let repository = repository.parse().expect("a repository");
    let push = Pusher::new(&local.sdk_config()).push(image, &repository);
    push.create_repository(NewRepository::default())
}
