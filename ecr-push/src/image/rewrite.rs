//! [`rewritten`]: the update of changed manifests and of all manifests that refer to them.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::Value;

use crate::image::blob::Layer;
use crate::image::graph::Manifest;
use crate::image::refused::drop_refused;
use crate::names::digest::Digest;

/// Returns the manifests with the texts of those that have `changed`, and with new digests in all
/// manifests that refer to them. Children still precede the manifests that list them.
pub(super) fn rewritten(
    manifests: Vec<Manifest>,
    texts: Vec<Value>,
    mut changed: HashSet<Digest>,
) -> Vec<Manifest> {
    let positions: HashMap<String, usize> = manifests
        .iter()
        .enumerate()
        .map(|(position, manifest)| (manifest.digest.as_str().to_owned(), position))
        .collect();
    // The references between manifests. An index follows its children, but an attestation may
    // precede its subject. Cycles are impossible: a digest depends on the digests in its content.
    let mut named_by: Vec<Vec<usize>> = vec![Vec::new(); manifests.len()];
    let mut waiting: Vec<usize> = vec![0; manifests.len()];
    for (position, json) in texts.iter().enumerate() {
        let mut names: HashSet<usize> = HashSet::new();
        each_text(json, &mut |text| {
            names.extend(positions.get(text).copied().filter(|&other| other != position));
        });
        waiting[position] = names.len();
        for other in names {
            named_by[other].push(position);
        }
    }
    let mut ready: VecDeque<usize> =
        (0..manifests.len()).filter(|&position| waiting[position] == 0).collect();
    let mut old: Vec<Option<(Manifest, Value)>> =
        manifests.into_iter().zip(texts).map(Some).collect();
    let mut renamed: HashMap<String, Layer> = HashMap::new();
    let mut new = Vec::new();
    while let Some(position) = ready.pop_front() {
        let Some((mut manifest, mut json)) = old[position].take() else {
            continue;
        };
        if rename(&mut json, &renamed) {
            changed.insert(manifest.digest.clone());
        }
        if changed.contains(&manifest.digest) {
            let before = manifest.digest.as_str().to_owned();
            drop_refused(&mut json);
            // Sorting gives the same bytes in every program, for both member orders of
            // `serde_json`.
            json.sort_all_objects();
            manifest.text = json.to_string();
            manifest.digest = Digest::from_content(manifest.text.as_bytes());
            let layer = Layer { digest: manifest.digest.clone(), size: manifest.text.len() as u64 };
            renamed.insert(before, layer);
        }
        new.push(manifest);
        for &other in &named_by[position] {
            waiting[other] -= 1;
            if waiting[other] == 0 {
                ready.push_back(other);
            }
        }
    }
    new
}

fn each_text<'a>(json: &'a Value, visit: &mut impl FnMut(&'a str)) {
    match json {
        Value::String(text) => visit(text),
        Value::Array(list) => list.iter().for_each(|item| each_text(item, visit)),
        Value::Object(members) => members.values().for_each(|item| each_text(item, visit)),
        Value::Bool(_) | Value::Null | Value::Number(_) => {}
    }
}

/// Replaces old digests by new ones, with their sizes in descriptors; returns whether there were
/// any.
fn rename(json: &mut Value, renamed: &HashMap<String, Layer>) -> bool {
    match json {
        Value::String(text) => match renamed.get(text.as_str()) {
            Some(layer) => {
                layer.digest.as_str().clone_into(text);
                true
            }
            None => false,
        },
        Value::Array(list) => {
            let mut any = false;
            for item in list {
                any |= rename(item, renamed);
            }
            any
        }
        Value::Object(members) => {
            let layer = members.get("digest").and_then(Value::as_str);
            if let Some(layer) = layer.and_then(|digest| renamed.get(digest))
                && let Some(size) = members.get_mut("size")
            {
                *size = layer.size.into();
            }
            let mut any = false;
            for item in members.values_mut() {
                any |= rename(item, renamed);
            }
            any
        }
        Value::Bool(_) | Value::Null | Value::Number(_) => false,
    }
}
