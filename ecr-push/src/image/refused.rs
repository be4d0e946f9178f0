//! The members of manifests that ECR refuses, as users report. AWS doesn't document them.

use serde_json::Value;

/// A part of a manifest that ECR is reported to refuse.
struct Refused {
    what: &'static str,
    report: &'static str,
    find: fn(&Value) -> bool,
    /// Removes it from a manifest that is written anew. `None` if it can't be left out.
    remove: Option<fn(&mut Value)>,
}

const REFUSED: [Refused; 6] = [
    Refused {
        what: "`platform` in the descriptor of its config",
        report: "moby/moby#47661",
        find: |manifest| has(&manifest["config"], "platform"),
        remove: Some(|manifest| remove(&mut manifest["config"], "platform")),
    },
    Refused {
        what: "`annotations` in the descriptor of its config",
        report: "goharbor/acceleration-service#353",
        find: |manifest| has(&manifest["config"], "annotations"),
        remove: Some(|manifest| remove(&mut manifest["config"], "annotations")),
    },
    Refused {
        what: "`platform` in its `subject`",
        report: "dragonflyoss/nydus#1691",
        find: |manifest| has(&manifest["subject"], "platform"),
        remove: Some(|manifest| remove(&mut manifest["subject"], "platform")),
    },
    Refused {
        what: "`features` in the platform of a manifest",
        report: "aws/containers-roadmap#2439",
        find: |index| descriptors(index, "manifests").any(|it| has(&it["platform"], "features")),
        remove: Some(|index| {
            for descriptor in index["manifests"].as_array_mut().into_iter().flatten() {
                remove(&mut descriptor["platform"], "features");
            }
        }),
    },
    Refused {
        what: "a media type with a parameter",
        report: "sigstore/sigstore-js#1058",
        find: has_parameter,
        remove: None,
    },
    Refused {
        what: "an empty list of layers",
        report: "werf/werf#2558",
        find: |manifest| manifest["layers"].as_array().is_some_and(Vec::is_empty),
        remove: None,
    },
];

/// Describes each part of a manifest that ECR is reported to refuse.
pub(crate) fn reported(text: &str) -> Vec<String> {
    let json: Value = serde_json::from_str(text).unwrap_or_default();
    let found = REFUSED.iter().filter(|refused| (refused.find)(&json));
    found
        .map(|Refused { what, report, remove, .. }| {
            let cure = match remove {
                Some(_) => ": build the image without it",
                None => "",
            };
            format!("users report that ECR refuses {what} ({report}){cure}")
        })
        .collect()
}

/// Describes each part that [`drop_refused`] removes.
pub(super) fn dropped(manifest: &Value) -> Vec<String> {
    let found = REFUSED.iter().filter(|it| it.remove.is_some() && (it.find)(manifest));
    found
        .map(|Refused { what, report, .. }| {
            format!("left out: {what}, which ECR refuses according to users ({report})")
        })
        .collect()
}

/// Removes the members that ECR is reported to refuse from a manifest that is written anew.
pub(super) fn drop_refused(manifest: &mut Value) {
    for Refused { find, remove, .. } in &REFUSED {
        if let Some(remove) = remove
            && find(manifest)
        {
            remove(manifest);
        }
    }
}

fn has(descriptor: &Value, member: &str) -> bool {
    descriptor.get(member).is_some_and(|value| !value.is_null())
}

fn remove(descriptor: &mut Value, member: &str) {
    if let Some(members) = descriptor.as_object_mut() {
        members.remove(member);
    }
}

fn descriptors<'a>(manifest: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> {
    manifest[member].as_array().into_iter().flatten()
}

fn has_parameter(manifest: &Value) -> bool {
    let has = |value: &Value| value.as_str().is_some_and(|text| text.contains(';'));
    [&manifest["config"], &manifest["subject"]]
        .into_iter()
        .chain(descriptors(manifest, "layers"))
        .chain(descriptors(manifest, "manifests"))
        .any(|it| has(&it["mediaType"]) || has(&it["artifactType"]))
        || has(&manifest["artifactType"])
}
