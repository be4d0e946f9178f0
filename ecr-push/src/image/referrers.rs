//! Referrers: signatures, SBOMs and other artifacts that `index.json` lists beside their image.

use std::collections::HashSet;

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
    let images = rest.iter().filter(|it| it.cosign_kind() == Some("image")).count();
    // A referrer may refer to another one, such as the signature of an SBOM.
    loop {
        let before = rest.len();
        let mut left = Vec::new();
        for candidate in rest {
            let of_cosign = images == 0 && candidate.is_of_cosign();
            if of_cosign || subject(&reader, &candidate).is_some_and(|it| known.contains(&it)) {
                known.insert(candidate.listed.digest.clone());
                match referrers {
                    ReferrerUse::LeaveOut => graph.notices.push(left_out(&reader, &candidate)),
                    ReferrerUse::Push => take(store, &candidate, graph)?,
                }
            } else {
                left.push(candidate);
            }
        }
        if left.len() == before {
            return Ok(());
        }
        rest = left;
    }
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
    let known: HashSet<Digest> = graph.blobs.iter().map(|it| it.layer.digest.clone()).collect();
    graph.blobs.extend(blobs.into_iter().filter(|it| !known.contains(&it.layer.digest)));
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
