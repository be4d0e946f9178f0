//! [`Digest`]: the name of a blob, computed from its content.

use std::fmt;
use std::str::FromStr;

use crate::names::text::{InvalidName, NameKind, Problem, serde_as_text};

/// The SHA-256 digest of a layer or a manifest: `sha256:` and 64 lower-case hexadecimal digits.
///
/// ECR doesn't store digests of other algorithms.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(String);

impl Digest {
    /// Returns the digest's text, with its algorithm.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns only the 64 hexadecimal digits: a blob's file name in an OCI layout.
    pub(crate) fn hex(&self) -> &str {
        &self.0[SHA256.len()..]
    }

    /// Computes the digest of `content`.
    pub(crate) fn from_content(content: &[u8]) -> Self {
        use sha2::Digest as _;
        Self::from_hash(&sha2::Sha256::digest(content))
    }

    pub(crate) fn from_hash(hash: &[u8]) -> Self {
        let mut text = SHA256.to_owned();
        for byte in hash {
            text.push_str(&format!("{byte:02x}"));
        }
        Self(text)
    }
}

impl FromStr for Digest {
    type Err = InvalidName;

    /// Parses a digest.
    ///
    /// # Errors
    /// Returns an [`InvalidName`]. It says what is wrong, and gives the position in bytes, counted
    /// from 0.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let wrong = |problem| Err(InvalidName::new(NameKind::Digest, text, problem));
        let Some(hex) = text.strip_prefix(SHA256) else {
            let problem = "it does not start with `sha256:`, ECR's only algorithm";
            return wrong(Problem::with_offset(0, problem));
        };
        if let Some((at, c)) =
            hex.char_indices().find(|&(_, c)| !matches!(c, '0'..='9' | 'a'..='f'))
        {
            let at = at + SHA256.len();
            let problem = format!("{c:?} at byte {at} is not a lower-case hexadecimal digit");
            return wrong(Problem::with_offset(at, problem));
        }
        if hex.len() != 64 {
            let problem = format!("it has {} hexadecimal digits instead of 64", hex.len());
            return wrong(Problem::new(problem));
        }
        Ok(Self(text.to_owned()))
    }
}

serde_as_text!(Digest);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.0)
    }
}

const SHA256: &str = "sha256:";
