//! The names of a push: repositories, tags and digests, parsed from text.
//!
//! A [`Repository`](crate::Repository), a [`Tag`](crate::Tag) and a [`Digest`](crate::Digest)
//! implement `FromStr`, `Display` and serde, and print exactly the text that they parsed. Every
//! value is valid. [`InvalidName`] says what is wrong with a text that isn't, and at which byte.
//!
//! ```
//! use ecr_push::Tag;
//!
//! let error = "v1+build".parse::<Tag>().unwrap_err();
//! assert_eq!(error.offset(), Some(2));
//! ```

pub(crate) mod digest;
pub(crate) mod host;
pub(crate) mod repository;
pub(crate) mod tag;
pub(crate) mod text;

pub use self::text::InvalidName;

#[cfg(test)]
mod tests;
