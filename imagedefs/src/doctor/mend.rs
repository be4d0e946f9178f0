//! Names and references with flaws that have only one possible meaning.

use crate::names::container_name::ContainerName;
use crate::names::image_uri::ImageUri;
use crate::names::image_uri::digest::with_placed_digest;
use crate::text::flaw::Flaw;
use crate::text::problem_kind::ProblemKind;

/// Returns the only image that a reference with flaws can mean, and the repair of each flaw.
pub(crate) fn mend_image(text: &str, flaws: &[Flaw]) -> Option<(ImageUri, Vec<&'static str>)> {
    let mut mended = text.to_owned();
    let mut done = Vec::new();
    for Flaw { kind, .. } in flaws {
        let (new, what) = match kind {
            ProblemKind::EcrHost => (lower_host(&mended)?, "the host is written in lower case"),
            ProblemKind::InvalidDigest => lower_digest(&mended)?,
            ProblemKind::MisplacedDigest => {
                (with_placed_digest(&mended)?, "`@sha256:` is written in front of the digest")
            }
            ProblemKind::ReferenceCharacter => (mended.trim().to_owned(), WHITE_SPACE),
            ProblemKind::Scheme => (without_scheme(&mended)?, "the scheme is removed"),
            _ => return None,
        };
        mended = new;
        done.push(what);
    }
    Some((ImageUri::parse(&mended).ok()?, done))
}

/// Does the same for the name of a container.
pub(crate) fn mend_name(text: &str, flaws: &[Flaw]) -> Option<(ContainerName, Vec<&'static str>)> {
    Some((ContainerName::parse(text.trim()).ok()?, vec![WHITE_SPACE; flaws.len()]))
}

/// Returns the member whose name is nearly `key`, or `key` itself.
pub(crate) fn meant_by(key: &str) -> Option<&'static str> {
    let letters = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    match letters.to_ascii_lowercase().as_str() {
        "container" | "containername" | "name" => Some("name"),
        "image" | "imageuri" | "imageurl" | "uri" | "url" => Some("imageUri"),
        _ => None,
    }
}

const WHITE_SPACE: &str = "the white space around the value is removed";

/// Converts the host to lower case: case does not count in domain names.
fn lower_host(text: &str) -> Option<String> {
    let (host, path) = text.split_once('/')?;
    Some(format!("{}/{path}", host.to_ascii_lowercase()))
}

/// Converts the digest to lower case, or adds its algorithm: case does not count in hexadecimal
/// digits, and SHA-256 is the only supported algorithm with 64 of them.
fn lower_digest(text: &str) -> Option<(String, &'static str)> {
    let (named, digest) = text.split_once('@')?;
    match digest.strip_prefix("sha256:") {
        Some(_) => Some((
            format!("{named}@{}", digest.to_ascii_lowercase()),
            "the digest is written in lower case",
        )),
        None => {
            Some((format!("{named}@sha256:{digest}"), "`sha256:` is added in front of the digest"))
        }
    }
}

/// Removes the scheme in front of a host of ECR. Other URLs can be pages:
/// `https://hub.docker.com/…` is not a registry.
fn without_scheme(text: &str) -> Option<String> {
    let (_, reference) = text.split_once("://")?;
    let image = ImageUri::parse(reference).ok()?;
    let is_ecr = image.ecr().is_some() || image.registry() == Some("public.ecr.aws");
    is_ecr.then(|| reference.to_owned())
}
