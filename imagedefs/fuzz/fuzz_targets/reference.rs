//! Any text as an image reference.

#![no_main]

use imagedefs::{ImageDefinitions, ImageUri};

use imagedefs::promotion::Promotion;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let image = match text.parse::<ImageUri>() {
        Ok(image) => image,
        Err(error) => return assert!(!error.problems().is_empty()),
    };
    let mut joined = image.repository().to_owned();
    joined.extend(image.tag().map(|tag| format!(":{tag}")));
    joined.extend(image.digest().map(|digest| format!("@{digest}")));
    assert_eq!(joined, text);
    assert!(image.registry().is_none_or(|registry| text.starts_with(registry)));

    let mut definitions = ImageDefinitions::new();
    definitions.insert_tagged("web", text).unwrap();
    let there = Promotion::new("444455556666", "eu-central-1").unwrap().allow_tagged();
    if let Ok(promoted) = definitions.promote(&there) {
        let promoted = promoted.get("web").unwrap();
        let registry = promoted.ecr().unwrap();
        assert_eq!((registry.account(), registry.region()), ("444455556666", "eu-central-1"));
        assert_eq!((promoted.tag(), promoted.digest()), (image.tag(), image.digest()));
    }
});
