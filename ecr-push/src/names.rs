//! The names of things in a registry, parsed from text.
//!
//! A [`Repository`](crate::Repository), a [`Tag`](crate::Tag) and a [`Digest`](crate::Digest) implement
//! `FromStr`, `Display` and serde, and print exactly what they have read. A value that exists is
//! valid; [`InvalidName`] says what is wrong with a text that isn't.
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
