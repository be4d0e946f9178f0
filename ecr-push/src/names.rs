//! Where an image goes and what it is called: [`Repository`], [`Tag`], [`Digest`].

mod digest;
mod host;
mod repository;
mod tag;
mod text;

pub use digest::Digest;
pub(crate) use host::Endpoint;
pub use repository::Repository;
pub use tag::Tag;

#[cfg(test)]
mod tests;
