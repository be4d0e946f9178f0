#![doc = include_str!("../README.md")]

mod api;
mod error;
mod events;
mod image;
mod names;
mod parts;
mod push;
mod tasks;
mod upload;

pub use crate::error::{Error, ErrorKind};
pub use crate::events::{Event, Events};
pub use crate::image::{Blob, Compression, FromFile, Image, Layer, Open, Platform};
pub use crate::names::{Digest, Repository, Tag};
pub use crate::push::{Push, Pushed, Pusher};
