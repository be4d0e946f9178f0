//! The digest of an image reference, at its place and elsewhere.

use crate::text::flaw::{Flaw, Quoted};
use crate::text::placeholder::is_null;
use crate::text::problem_kind::ProblemKind;

/// Finds a whole digest at the end that does not follow a single `@`.
pub(super) fn find_misplaced(reference: &str) -> Option<Flaw> {
    let named = before_digest(reference)?;
    let what = if named.ends_with(ALGORITHM) {
        "`sha256:` in front of the digest twice"
    } else if named.ends_with(':') {
        "`:` in front of the digest, not `@`"
    } else if named.is_empty() || named.ends_with('@') {
        return None;
    } else {
        "missing `@` in front of the digest"
    };
    let offset = named.trim_end_matches(':').len();
    Some(Flaw::new(offset, ProblemKind::MisplacedDigest, what))
}

/// Moves the digest of such a reference to its place. `None` if the repository is uncertain.
pub(crate) fn with_placed_digest(reference: &str) -> Option<String> {
    let named = before_digest(reference)?;
    let digest = &reference[reference.len() - ALGORITHM.len() - SHA256_LEN..];
    let once = named.trim_end_matches(ALGORITHM);
    // A repository can end with `sha256` too.
    let is_certain = once == named || once.ends_with(['@', ':']);
    let repository = once.strip_suffix(['@', ':']).unwrap_or(once);
    let is_whole = !repository.ends_with(['/', '@', ':']);
    (is_certain && is_whole).then(|| format!("{repository}@{digest}"))
}

/// Returns what stands in front of `sha256:` and 64 digits at the end.
fn before_digest(reference: &str) -> Option<&str> {
    let start = reference.len().checked_sub(SHA256_LEN)?;
    let hex = reference.get(start..).filter(|hex| is_sha256(hex))?;
    reference.strip_suffix(hex)?.strip_suffix(ALGORITHM)
}

const ALGORITHM: &str = "sha256:";

/// Checks what follows the `@`.
pub(super) fn check_digest(digest: &str) -> Option<Flaw> {
    let invalid = |offset, what: String| Some(Flaw::new(offset, ProblemKind::InvalidDigest, what));
    if digest.is_empty() {
        return Some(Flaw::new(0, ProblemKind::EmptyReference, "the digest is empty"));
    }
    if is_null(digest) {
        let what = format!("the digest is {}", Quoted(digest));
        return Some(Flaw::new(0, ProblemKind::NullText, what));
    }
    let Some((algorithm, hex)) = digest.split_once(':') else {
        return invalid(0, "missing `sha256:` in front of the digest".into());
    };
    if algorithm != "sha256" {
        let what = format!("unsupported digest algorithm {}", Quoted(algorithm));
        return Some(Flaw::new(0, ProblemKind::DigestAlgorithm, what));
    }
    let start = algorithm.len() + ":".len();
    if is_null(hex) {
        let what = format!("the digest is {}", Quoted(hex));
        return Some(Flaw::new(start, ProblemKind::NullText, what));
    }
    if let Some(at) = hex.bytes().position(|byte| !is_hex(byte)) {
        return invalid(
            start + at,
            format!("invalid character {} in the digest", Quoted(&hex[at..=at])),
        );
    }
    if hex.len() != SHA256_LEN {
        return invalid(start, format!("the digest has {} digits instead of 64", hex.len()));
    }
    None
}

const SHA256_LEN: usize = 64;

pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == SHA256_LEN && text.bytes().all(is_hex)
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}
