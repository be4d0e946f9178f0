//! Images to push: their sources, their content, and the changes to them before a push.
//!
//! [`Image::open`](crate::Image::open) detects the format of a path, reads the manifests and
//! configs, and checks that every blob exists. [`Open`] has its options: the image, the
//! [platforms](Platform), and the [`Compression`]. [`Image::new`](crate::Image::new) takes the
//! manifest and the [blobs](Blob) from a program that builds images itself.

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
