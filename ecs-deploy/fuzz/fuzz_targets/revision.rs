//! Task definitions from any text: what is read is printed, edited and read again without loss.

#![no_main]

use ecs_deploy::Revision;
use ecs_deploy::diff::Diff;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let revision: Revision = match text.parse() {
        Ok(revision) => revision,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let printed = revision.to_string();
    let again: Revision = printed.parse().expect("what is printed can be read");
    assert_eq!(again.to_string(), printed);
    assert!(Diff::between(&revision, &again).is_empty());
    // Numbers of any size are taken, and not by serde_json.
    if let Err(error) = serde_json::from_str::<Value>(&printed) {
        assert!(error.to_string().starts_with("number out of range"), "{error}");
    }
    let mut edited = again;
    if edited.edit(|input| input.cpu = None).is_ok() {
        edited.edit(|_| {}).expect("what was edited can be edited");
    }
    for (name, image) in revision.images() {
        let mut same = revision.clone();
        same.set_images([(name, image)]).expect("the container is there");
    }
});
