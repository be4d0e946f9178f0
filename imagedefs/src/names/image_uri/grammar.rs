//! The grammar of image references, and the further rules of ECS and ECR.

use crate::names::ecr::EcrRegistry;
use crate::names::image_uri::digest::{check_digest, find_misplaced, is_sha256};
use crate::text::flaw::{Flaw, Quoted};
use crate::text::foreign::find_foreign;
use crate::text::placeholder::{find_unexpanded, is_null};
use crate::text::problem_kind::ProblemKind;

/// Returns all that is wrong with a reference.
pub(crate) fn check(text: &str) -> Vec<Flaw> {
    let flaw = |offset, kind, what: String| vec![Flaw::new(offset, kind, what)];
    if text.is_empty() {
        return flaw(0, ProblemKind::EmptyReference, "the image reference is empty".into());
    }
    if is_null(text) {
        let what = format!("the image reference is {}", Quoted(text));
        return flaw(0, ProblemKind::NullText, what);
    }
    let unexpanded = find_unexpanded(text, ProblemKind::Unexpanded);
    if !unexpanded.is_empty() {
        return unexpanded;
    }
    if let Some((offset, kind, what)) = find_foreign(text, "the image reference") {
        return flaw(offset, kind, what);
    }
    let is_allowed = |other: char| other.is_ascii_alphanumeric() || "-_:./#@".contains(other);
    if let Some((offset, character)) = text.char_indices().find(|(_, other)| !is_allowed(*other)) {
        let character = character.escape_debug();
        let what = format!("invalid character `{character}` in the image reference");
        return flaw(offset, ProblemKind::ReferenceCharacter, what);
    }

    let mut flaws = Vec::new();
    let (start, reference) = match text.split_once("://") {
        None => (0, text),
        Some((scheme, reference)) => {
            let what = format!("the image reference begins with {}", Quoted(scheme));
            flaws.push(Flaw::new(0, ProblemKind::Scheme, what));
            (scheme.len() + "://".len(), reference)
        }
    };
    if let Some(flaw) = find_misplaced(reference) {
        flaws.push(Flaw { offset: start + flaw.offset, ..flaw });
        return flaws;
    }
    let parts = Parts::new(reference);
    let mut push = |start: usize, flaw: Option<Flaw>| {
        flaws.extend(flaw.map(|flaw| Flaw { offset: start + flaw.offset, ..flaw }));
    };
    push(start, check_repository(&parts));
    if let Some(tag) = parts.tag {
        push(start + parts.repository.len() + ":".len(), check_tag(tag));
    }
    if let Some(digest) = parts.digest {
        push(text.len() - digest.len(), check_digest(digest));
    }
    let len = reference.split('@').next().unwrap_or_default().len();
    if len > MAX_LEN {
        let what = format!("the image reference has {len} characters before any digest");
        flaws.push(Flaw::new(start + MAX_LEN, ProblemKind::ReferenceTooLong, what));
    }
    flaws
}

const MAX_LEN: usize = 255;
const MAX_TAG_LEN: usize = 128;

pub(crate) struct Parts<'a> {
    pub(crate) repository: &'a str,
    pub(crate) tag: Option<&'a str>,
    pub(crate) digest: Option<&'a str>,
}

impl<'a> Parts<'a> {
    pub(crate) fn new(reference: &'a str) -> Self {
        let (named, digest) = match reference.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (reference, None),
        };
        // A colon before the last slash belongs to a port.
        match named.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => {
                Self { repository, tag: Some(tag), digest }
            }
            _ => Self { repository: named, tag: None, digest },
        }
    }
}

/// Splits a repository into the host with its port, if the first component is one, and the path.
pub(crate) fn split_registry(repository: &str) -> (Option<&str>, &str) {
    let is_host = |first: &str| {
        first == "localhost" || first.contains(|c: char| c == '.' || c == ':' || c.is_uppercase())
    };
    match repository.split_once('/') {
        Some((first, path)) if is_host(first) => (Some(first), path),
        _ => (None, repository),
    }
}

fn check_repository(parts: &Parts<'_>) -> Option<Flaw> {
    let Parts { repository, tag, .. } = parts;
    let invalid =
        |offset, what: String| Some(Flaw::new(offset, ProblemKind::InvalidReference, what));
    // The first part looks like a host with a port if the tag has a slash.
    if let Some((name, rest)) = repository.split_once(':')
        && !name.contains(['/', '.'])
        && name != "localhost"
        && rest.contains(['/', ':'])
        && !rest.starts_with(|c: char| c.is_ascii_digit() || c == '/')
        && !is_null(rest.split('/').next().unwrap_or_default())
    {
        return Some(separated_tag(name.len() + ":".len(), rest, *tag));
    }
    if is_sha256(repository) || (*repository == "sha256" && tag.is_some_and(is_sha256)) {
        return invalid(0, "a digest without a repository and `@`".into());
    }
    let (registry, path) = split_registry(repository);
    let start = match registry {
        Some(registry) => {
            if let Some(finding) = check_registry(registry) {
                return Some(finding);
            }
            registry.len() + "/".len()
        }
        None if EcrRegistry::from_host(repository) != Ok(None) => {
            let what = "missing repository after the ECR host";
            return Some(Flaw::new(0, ProblemKind::EcrHost, what));
        }
        None => 0,
    };
    if let Some((before, rest)) = path.split_once(':') {
        // A tag has no slash, so `Parts` left it with the repository.
        return Some(separated_tag(start + before.len() + ":".len(), rest, *tag));
    }
    let mut offset = start;
    for component in path.split('/') {
        if component.is_empty() {
            let what = "empty part in the repository name";
            return Some(Flaw::new(offset, ProblemKind::EmptyPart, what));
        }
        if is_null(component) {
            let what = format!("a part of the repository name is {}", Quoted(component));
            return Some(Flaw::new(offset, ProblemKind::NullText, what));
        }
        if offset > 0 && is_registry(component, registry) {
            let what = format!("the repository name has the registry {} again", Quoted(component));
            return Some(Flaw::new(offset, ProblemKind::RepeatedRegistry, what));
        }
        if let Some((at, what)) = check_component(component) {
            return invalid(offset + at, what);
        }
        offset += component.len() + "/".len();
    }
    None
}

/// Returns the flaw of a tag that has a separator of references: its first part is with the
/// repository, its last one is the tag.
fn separated_tag(offset: usize, first: &str, last: Option<&str>) -> Flaw {
    let tag = last.map_or_else(|| first.to_owned(), |last| format!("{first}:{last}"));
    let separator = tag.find(['/', ':']).map_or("/", |at| &tag[at..=at]);
    let what = format!("the tag {} has a `{separator}`", Quoted(&tag));
    Flaw::new(offset, ProblemKind::BranchTag, what)
}

/// Whether a component is the registry again, or a registry of ECR behind one that has no copies of
/// its images. Other hosts can be a part of the name: a pull-through cache rule can have the prefix
/// `docker.io`, and a proxy can have the host of ECR as the name of a project.
fn is_registry(component: &str, registry: Option<&str>) -> bool {
    let is_hub = matches!(registry, None | Some("docker.io" | "index.docker.io"));
    let is_of_ecr = |host: &str| EcrRegistry::from_host(host) != Ok(None);
    component.contains('.')
        && (registry == Some(component)
            || is_of_ecr(component) && (is_hub || registry.is_some_and(is_of_ecr)))
}

fn check_registry(registry: &str) -> Option<Flaw> {
    let invalid =
        |offset, what: String| Some(Flaw::new(offset, ProblemKind::InvalidReference, what));
    let (host, port) = registry.split_once(':').unwrap_or((registry, "0"));
    if let Some((offset, part)) =
        [(0, host), (host.len() + 1, port)].into_iter().find(|(_, part)| is_null(part))
    {
        let what = format!("a part of the registry is {}", Quoted(part));
        return Some(Flaw::new(offset, ProblemKind::NullText, what));
    }
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return invalid(host.len() + 1, format!("invalid port {}", Quoted(port)));
    }
    let is_label = |label: &str| {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(is_inner) && label.trim_matches('-') == label
    };
    if let Some(relative) = host.strip_suffix('.')
        && EcrRegistry::from_host(relative) != Ok(None)
    {
        let what = "dot at the end of the ECR host";
        return Some(Flaw::new(relative.len(), ProblemKind::EcrHost, what));
    }
    if !host.split('.').all(is_label) {
        // An unset variable leaves an empty account or region.
        if let Err(flaw) = EcrRegistry::from_host(host) {
            return Some(flaw);
        }
        return invalid(0, format!("invalid host name {}", Quoted(host)));
    }
    if registry != host && EcrRegistry::from_host(host) != Ok(None) {
        let what = format!("port {} after an ECR host: ECR hosts have no port", Quoted(port));
        return Some(Flaw::new(host.len() + 1, ProblemKind::EcrHost, what));
    }
    EcrRegistry::from_host(host).err()
}

/// Checks a component: lower-case letters and digits, joined by one `.`, one or two `_`, or any
/// number of `-`.
fn check_component(component: &str) -> Option<(usize, String)> {
    let is_known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    if let Some((at, character)) = component.char_indices().find(|(_, c)| !is_known(*c)) {
        let what = if character.is_ascii_uppercase() {
            format!("capital letter in the repository name {}", Quoted(component))
        } else {
            format!("invalid character `{character}` in the repository name {}", Quoted(component))
        };
        return Some((at, what));
    }
    // Checks what separates the letters and digits: nothing at both ends, a separator elsewhere.
    let ends = [0, component.len()];
    let mut at = 0;
    for joint in component.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        let is_at_end = ends.contains(&at) || ends.contains(&(at + joint.len()));
        let is_allowed = matches!(joint, "." | "_" | "__") || joint.bytes().all(|b| b == b'-');
        if !joint.is_empty() && (is_at_end || !is_allowed) {
            let what = if is_at_end {
                format!(
                    "the part {} of the repository begins or ends with {}",
                    Quoted(component),
                    Quoted(joint)
                )
            } else {
                format!(
                    "invalid separator {} in the repository name {}",
                    Quoted(joint),
                    Quoted(component)
                )
            };
            return Some((at, what));
        }
        at += joint.len() + 1;
    }
    None
}

fn check_tag(tag: &str) -> Option<Flaw> {
    let invalid = |offset, what: String| Some(Flaw::new(offset, ProblemKind::InvalidTag, what));
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if tag.is_empty() {
        return Some(Flaw::new(0, ProblemKind::EmptyReference, "the tag is empty"));
    }
    if is_null(tag) {
        let what = format!("the tag is {}", Quoted(tag));
        return Some(Flaw::new(0, ProblemKind::NullText, what));
    }
    if let Some(at) = tag.bytes().position(|byte| !is_allowed(byte)) {
        return invalid(at, format!("invalid character {} in the tag", Quoted(&tag[at..=at])));
    }
    if tag.starts_with(['.', '-']) {
        return invalid(0, format!("the tag begins with {}", Quoted(&tag[..1])));
    }
    if tag.len() > MAX_TAG_LEN {
        return invalid(MAX_TAG_LEN, format!("the tag has {} characters", tag.len()));
    }
    None
}
