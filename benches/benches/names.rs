//! The names that every push and every event is full of.

use std::hint::black_box;

use criterion::Criterion;
use ecr_push::{Digest, Repository, Tag};
use imagedefs::ImageUri;

pub(crate) fn names(criterion: &mut Criterion) {
    let repository = "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/team/shop/web";
    let digest = format!("sha256:{:064x}", 7);
    let image = format!("{repository}@{digest}");
    let mut group = criterion.benchmark_group("names");
    group.bench_function("repository", |bencher| {
        bencher.iter(|| black_box(repository).parse::<Repository>());
    });
    group.bench_function("digest", |bencher| {
        bencher.iter(|| black_box(&digest).parse::<Digest>());
    });
    group.bench_function("tag", |bencher| {
        bencher.iter(|| black_box("1.4.2-rc.1_build.7").parse::<Tag>());
    });
    group.bench_function("image", |bencher| {
        bencher.iter(|| black_box(&image).parse::<ImageUri>());
    });
    group.finish();
}
