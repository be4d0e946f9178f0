//! Images: where they come from, what they consist of, and what becomes of them before a push.
//!
//! [`Image::open`](crate::Image::open) finds out which kind of container a path is, reads the manifests
//! and configs, and checks that every blob is there; [`Open`] has its options: which image, which
//! [platforms](Platform), which [`Compression`]. [`Image::new`](crate::Image::new) takes the manifest
//! and the [blobs](Blob) from a program that builds images itself.

mod archive;
pub(crate) mod blob;
pub(crate) mod blob_reader;
mod codec;
mod compression;
mod docker;
mod files;
pub(crate) mod graph;
mod in_memory;
mod layout;
mod media_types;
mod open;
mod platform;
mod reader;
mod rewrite;
mod select;
pub(crate) mod source;
mod store;

pub use self::blob::{Blob, FromFile, Layer};
pub use self::compression::Compression;
pub use self::open::Open;
pub use self::platform::Platform;
