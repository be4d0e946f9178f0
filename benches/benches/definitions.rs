//! Reading and printing `imagedefinitions.json`.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use imagedefs::ImageDefinitions;
use imagedefs::diagnosis::Diagnosis;

pub(crate) fn definitions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("imagedefs");
    for count in [3, 100] {
        let definitions = example(count);
        let text = definitions.to_string();
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("parse/{count}"), |bencher| {
            bencher.iter(|| black_box(&text).parse::<ImageDefinitions>());
        });
        group.bench_function(format!("print/{count}"), |bencher| {
            bencher.iter(|| black_box(&definitions).to_string());
        });

        // Every reference with a flaw: the most that there can be to say about a file of this size.
        let broken = text.replace("sha256:", "sha512:");
        group.bench_function(format!("diagnose/{count}"), |bencher| {
            bencher.iter(|| Diagnosis::new(black_box(&broken)));
        });
    }
    group.finish();
}

fn example(count: usize) -> ImageDefinitions {
    let mut definitions = ImageDefinitions::new();
    for index in 0..count {
        let repository = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/service";
        let image = format!("{repository}-{index}@sha256:{index:064x}");
        definitions.insert(format!("service-{index}"), image).expect("a valid definition");
    }
    definitions
}
