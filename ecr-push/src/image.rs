//! Images to push: their sources, their content, and the changes to them before a push.
//!
//! [`Image::open`](crate::Image::open) detects the format of a path, reads the manifests and
//! configs, and finds every blob that the image has. [`Open`] has its options: the image, the
//! [platforms](Platform), and the [`Compression`]. [`Image::new`](crate::Image::new) takes the
//! manifest and the [blobs](Blob) from a program that builds images itself.

mod archive;
pub(crate) mod blob;
pub(crate) mod blob_reader;
mod candidate;
mod codec;
pub(crate) mod compression;
mod docker;
mod docker_table;
mod files;
mod folder;
mod foreign;
pub(crate) mod graph;
mod image_name;
mod in_memory;
mod index_json;
mod layout;
mod media_types;
mod mistakes;
mod open;
pub(crate) mod opened;
mod packed;
mod platform;
mod positioned;
mod reader;
mod referrers;
pub(crate) mod refused;
mod rewrite;
mod select;
mod shared;
pub(crate) mod source;
mod store;
mod stream;
mod tables;
mod wanted;

pub use self::blob::{Blob, FromFile, Layer};
pub use self::compression::Compression;
pub use self::open::Open;
pub use self::platform::Platform;
