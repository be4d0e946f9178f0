//! The selection of an image in an OCI layout: its marker file and its `index.json`.

use oci_spec::image::{Descriptor, ImageIndex};
use serde_json::Value;

use crate::error::Error;
use crate::image::files::{Choice, Files, is_short_for};
use crate::image::store::Store as _;

const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The whole reference, which Docker and containerd write beside the tag.
const FULL_NAME: &str = "io.containerd.image.name";

/// Returns the descriptor of the selected image in `index.json`.
pub(super) fn root(files: &Files, choice: &Choice) -> Result<Descriptor, Error> {
    let wrong = |problem: String| Error::image(files.subject(), problem);
    let no_layout = "it is not an OCI layout, which has the files `oci-layout` and `index.json`";
    let read = |name| files.read_small(name)?.ok_or_else(|| wrong(no_layout.to_owned()));
    let marker = read("oci-layout")?;
    let version = serde_json::from_slice::<Value>(&marker).ok();
    match version.as_ref().and_then(|json| json.get("imageLayoutVersion")?.as_str()) {
        Some(version) if version.starts_with("1.") => {}
        Some(version) => {
            return Err(wrong(format!(
                "its layout has version {version}, only 1.0.0 is supported"
            )));
        }
        None => return Err(wrong("its file `oci-layout` has no version".to_owned())),
    }
    let index: ImageIndex = serde_json::from_slice(&read("index.json")?)
        .map_err(|error| Error::image_caused(files.subject(), "its index.json is broken", error))?;
    choose(index.manifests(), choice).map_err(wrong)
}

fn choose(listed: &[Descriptor], choice: &Choice) -> Result<Descriptor, String> {
    let fitting: Vec<&Descriptor> = match choice {
        Choice::Named(name) => listed.iter().filter(|descriptor| is(descriptor, name)).collect(),
        Choice::Only => listed.iter().collect(),
    };
    // An image with several names is listed several times.
    let one = fitting.windows(2).all(|pair| pair[0].digest() == pair[1].digest());
    match (choice, fitting.as_slice()) {
        (_, [first, ..]) if one => Ok((*first).clone()),
        _ if listed.is_empty() => Err("its index.json lists no image".to_owned()),
        (Choice::Named(name), []) => Err(format!(
            "its index.json has no image `{}`, it has {}",
            name.escape_debug(),
            names(&listed.iter().collect::<Vec<_>>())
        )),
        (Choice::Named(name), several) => Err(format!(
            "its index.json has {} images `{}`, name one by its digest: {}",
            several.len(),
            name.escape_debug(),
            digests(several)
        )),
        (Choice::Only, several) => Err(format!(
            "its index.json lists {} images, name one: {}",
            several.len(),
            names(several)
        )),
    }
}

fn is(descriptor: &Descriptor, name: &str) -> bool {
    descriptor.digest().to_string() == name
        || annotation(descriptor, REF_NAME) == Some(name)
        || annotation(descriptor, FULL_NAME).is_some_and(|full| is_short_for(name, full))
}

fn annotation<'a>(descriptor: &'a Descriptor, key: &str) -> Option<&'a str> {
    descriptor.annotations().as_ref()?.get(key).map(String::as_str)
}

fn names(descriptors: &[&Descriptor]) -> String {
    let names: Vec<String> = descriptors
        .iter()
        .map(|descriptor| {
            let name = annotation(descriptor, FULL_NAME).or(annotation(descriptor, REF_NAME));
            match name {
                Some(name) => format!("`{}`", name.escape_debug()),
                None => format!("unnamed {}", descriptor.digest()),
            }
        })
        .collect();
    names.join(", ")
}

fn digests(descriptors: &[&Descriptor]) -> String {
    let digests: Vec<String> =
        descriptors.iter().map(|descriptor| descriptor.digest().to_string()).collect();
    digests.join(", ")
}
