//! Repairs where it is certain what was meant: as few bytes as possible change, so that the rest of
//! the text, its indentation too, stays as its author has it.

use std::ops::Range;

use crate::names::container_name::ContainerName;
use crate::names::image_uri::ImageUri;
use crate::text::flaw::Flaw;
use crate::text::problem::ProblemKind;

/// How often [`apply`] has something to do at most.
pub(crate) const LAYERS: usize = 2;

/// What is done about a flaw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repair {
    pub(crate) done: &'static str,
    layer: Layer,
    edits: Vec<Edit>,
}

impl Repair {
    /// To make of the text an array of objects.
    pub(crate) fn of_structure(done: &'static str) -> Self {
        Self { done, layer: Layer::Structure, edits: Vec::new() }
    }

    /// Within an array of objects.
    pub(crate) fn of_content(done: &'static str) -> Self {
        Self { done, layer: Layer::Content, edits: Vec::new() }
    }

    pub(crate) fn delete(self, offset: usize, len: usize) -> Self {
        self.replace(offset..offset + len, "")
    }

    pub(crate) fn insert(self, offset: usize, text: &str) -> Self {
        self.replace(offset..offset, text)
    }

    pub(crate) fn replace(mut self, range: Range<usize>, text: &str) -> Self {
        self.edits.push(Edit { range, text: text.to_owned() });
        self
    }
}

/// Applies the repairs of the outermost layer that has any; those of the inner one are found anew
/// in the result, since an element that has to go may be the only one of its array before, and
/// isn't any more after.
///
/// None: there is nothing to do.
pub(crate) fn apply<'a>(text: &str, repairs: impl Iterator<Item = &'a Repair>) -> Option<String> {
    let repairs = repairs.filter(|repair| !repair.edits.is_empty()).collect::<Vec<_>>();
    let layer = repairs.iter().map(|repair| repair.layer).min()?;
    let mut edits = repairs
        .iter()
        .filter(|repair| repair.layer == layer)
        .flat_map(|repair| &repair.edits)
        .collect::<Vec<_>>();
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut repaired = String::with_capacity(text.len() + edits.len());
    let mut reached = 0;
    for Edit { range, text: new } in edits {
        // What is in something that is left out needs no repair.
        if range.start < reached {
            continue;
        }
        repaired.push_str(&text[reached..range.start]);
        repaired.push_str(new);
        reached = range.end;
    }
    repaired.push_str(&text[reached..]);
    Some(repaired)
}

/// The image that a reference with flaws was certainly meant to be, and what is done to each of
/// them.
pub(crate) fn mend_image(text: &str, flaws: &[Flaw]) -> Option<(ImageUri, Vec<&'static str>)> {
    let mut mended = text.to_owned();
    let mut done = Vec::new();
    for Flaw { kind, .. } in flaws {
        let (new, what) = match kind {
            ProblemKind::EcrHost => (lower_host(&mended)?, "the host is written in lower case"),
            ProblemKind::InvalidDigest => lower_digest(&mended)?,
            ProblemKind::ReferenceCharacter => (mended.trim().to_owned(), WHITE_SPACE),
            ProblemKind::Scheme => (without_scheme(&mended)?, "it is left out"),
            _ => return None,
        };
        mended = new;
        done.push(what);
    }
    Some((ImageUri::parse(&mended).ok()?, done))
}

/// The same for the name of a container.
pub(crate) fn mend_name(text: &str, flaws: &[Flaw]) -> Option<(ContainerName, Vec<&'static str>)> {
    Some((ContainerName::parse(text.trim()).ok()?, vec![WHITE_SPACE; flaws.len()]))
}

const WHITE_SPACE: &str = "the white space around it is left out";

/// What can be read without having made sense of the rest comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    Structure,
    Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Edit {
    range: Range<usize>,
    text: String,
}

/// Domain names are the same in capitals.
fn lower_host(text: &str) -> Option<String> {
    let (host, path) = text.split_once('/')?;
    Some(format!("{}/{path}", host.to_ascii_lowercase()))
}

/// Hexadecimal digits are the same in capitals, and there is only one algorithm that has 64 of them.
fn lower_digest(text: &str) -> Option<(String, &'static str)> {
    let (named, digest) = text.split_once('@')?;
    match digest.strip_prefix("sha256:") {
        Some(_) => Some((
            format!("{named}@{}", digest.to_ascii_lowercase()),
            "the digest is written in lower case",
        )),
        None => Some((format!("{named}@sha256:{digest}"), "`sha256:` is put in front of it")),
    }
}

/// Only in front of a host of ECR: `https://hub.docker.com/…` is a page, not a registry.
fn without_scheme(text: &str) -> Option<String> {
    let (_, reference) = text.split_once("://")?;
    let image = ImageUri::parse(reference).ok()?;
    let is_ecr = image.ecr().is_some() || image.registry() == Some("public.ecr.aws");
    is_ecr.then(|| reference.to_owned())
}
