//! Referrers: signatures, SBOMs and other artifacts that `index.json` lists beside their image.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::Value;

use crate::error::Error;
use crate::image::candidate::{Candidate, candidates};
use crate::image::graph::{Graph, Referrer};
use crate::image::index_json::IndexJson;
use crate::image::reader::{self, Reader};
use crate::image::store::Store;
use crate::image::wanted::ReferrerUse;
use crate::names::digest::Digest;

/// Finds what refers to the image, and adds it or a notice about it.
pub(super) fn add(
    store: &dyn Store,
    index: &IndexJson,
    referrers: ReferrerUse,
    graph: &mut Graph,
) -> Result<(), Error> {
    let reader = Reader::new(store);
    let mut known: HashSet<Digest> =
        graph.manifests().iter().map(|manifest| manifest.digest.clone()).collect();
    let mut rest = candidates(&index.listed);
    rest.retain(|candidate| !known.contains(&candidate.listed.digest));
    let is_only_image = rest.iter().all(|it| it.cosign_kind() != Some("image"));
    // A referrer may refer to another one, such as the signature of an SBOM.
    let mut by_subject: HashMap<Digest, Vec<Candidate<'_>>> = HashMap::new();
    let mut waiting: VecDeque<Candidate<'_>> = VecDeque::new();
    for candidate in rest {
        match subject(&reader, &candidate) {
            _ if is_only_image && candidate.is_of_cosign() => waiting.push_back(candidate),
            Some(subject) if known.contains(&subject) => waiting.push_back(candidate),
            Some(subject) => by_subject.entry(subject).or_default().push(candidate),
            None => {}
        }
    }
    while let Some(candidate) = waiting.pop_front() {
        let digest = &candidate.listed.digest;
        if !known.insert(digest.clone()) {
            continue;
        }
        waiting.extend(by_subject.remove(digest).into_iter().flatten());
        match referrers {
            ReferrerUse::LeaveOut => graph.notices.push(left_out(&reader, &candidate)),
            ReferrerUse::Push => take(store, &candidate, graph)?,
        }
    }
    let mut seen = HashSet::new();
    graph.blobs.retain(|blob| seen.insert(blob.layer.digest.clone()));
    Ok(())
}

fn left_out(reader: &Reader<'_>, candidate: &Candidate<'_>) -> String {
    let described = candidate.describe(reader);
    format!("left out: {described}, which refers to the image; `--referrers` takes it along")
}

/// Returns the manifest that an artifact refers to.
fn subject(reader: &Reader<'_>, candidate: &Candidate<'_>) -> Option<Digest> {
    let loaded = reader.load(&candidate.listed.descriptor()).ok()??;
    loaded.json["subject"]["digest"].as_str()?.parse().ok()
}

/// Adds a referrer, its layers and its config.
fn take(store: &dyn Store, candidate: &Candidate<'_>, graph: &mut Graph) -> Result<(), Error> {
    let root = graph.root().digest.clone();
    let Graph { manifests, blobs, gaps, .. } = reader::read(store, &candidate.listed.descriptor())?;
    graph.blobs.extend(blobs);
    graph.gaps.manifests.extend(gaps.manifests);
    let last = manifests.len() - 1;
    for (position, manifest) in manifests.into_iter().enumerate() {
        // cosign finds its own by a tag, because they don't name their subject.
        let names_subject = serde_json::from_str::<Value>(&manifest.text)
            .is_ok_and(|json| json["subject"].is_object());
        let suffix = candidate.cosign_suffix().filter(|_| position == last && !names_subject);
        let tag = suffix.and_then(|suffix| format!("sha256-{}.{suffix}", root.hex()).parse().ok());
        graph.referrers.push(Referrer { manifest, tag });
    }
    Ok(())
}
