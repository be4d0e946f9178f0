//! [`Archive`]: the entries of a tar archive: in place in a file, or kept from a stream.

mod decode;
mod input;
mod walk;

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;

use crate::error::Error;
use crate::file::open_regular;
use crate::image::archive::decode::{Decoded, Format, MAGIC, NotDecoded, decoded};
use crate::image::archive::input::{FileInput, StreamInput, TarInput};
use crate::image::archive::walk::{End, Item, Walk, joined};
use crate::image::packed::Codec;
use crate::image::positioned::read_full_at;
use crate::image::store::FileLookup;
use crate::tasks::Stop;

/// The index of a tar archive's entries.
pub(super) struct Archive {
    subject: String,
    entries: HashMap<String, Item>,
    end: End,
}

/// How the content of a stream is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keep<'a> {
    /// The format in which uncompressed content is stored.
    pub(super) codec: Codec,
    pub(super) stop: &'a Stop,
}

/// Linux follows the same number of links.
const MAX_LINKS: usize = 40;

impl Archive {
    /// Reads the headers of a file of `len` bytes. If the file is compressed as a whole, reads it
    /// like a stream.
    pub(super) fn open(path: &Path, len: u64, keep: Keep<'_>) -> Result<Self, Error> {
        let mut first = [0; MAGIC];
        let file = open_regular(path).map_err(|error| Error::io(path, error))?;
        let read = read_full_at(&file, 0, &mut first).map_err(|error| Error::io(path, error))?;
        let subject = path.display().to_string();
        if Format::of(&first[..read]).is_some() {
            let file = open_regular(path).map_err(|error| Error::io(path, error))?;
            return Self::from_stream(subject, Box::new(file), keep);
        }
        Self::walk(subject, &mut FileInput::open(path, len)?)
    }

    /// Reads a stream to its end, and keeps its entries in a temporary file.
    pub(super) fn from_stream(
        subject: String,
        reader: Box<dyn Read + Send>,
        keep: Keep<'_>,
    ) -> Result<Self, Error> {
        let Decoded { reader, packing } = match decoded(reader) {
            Ok(decoded) => decoded,
            Err(NotDecoded::Io(error)) => return Err(unreadable(&subject, error)),
            Err(NotDecoded::Unsupported(format)) => {
                let name = format.name();
                let problem = format!(
                    "it is compressed with {name}, and this build can't decompress that: enable the \
                     feature `{name}` of ecr-push, or decompress it with `{name} -dc` first"
                );
                return Err(Error::image(&subject, problem));
            }
        };
        let name = subject.clone();
        let mut input = StreamInput::new(&name, reader, packing, keep.codec, keep.stop);
        let archive = Self::walk(subject, &mut input)?;
        let describes = |name: &&str| archive.entries.contains_key(*name);
        if archive.end == End::Unmarked && !["index.json", "manifest.json"].iter().any(describes) {
            let problem = format!(
                "it was cut off: it ended without an end marker after {} bytes",
                input.position()
            );
            return Err(Error::image(&name, problem));
        }
        Ok(archive)
    }

    fn walk(subject: String, input: &mut dyn TarInput) -> Result<Self, Error> {
        let (entries, end) = Walk::new(&subject, input).run()?;
        Ok(Self { subject, entries, end })
    }

    /// Returns the entry of this name, after following its links.
    pub(super) fn find(&self, name: &str) -> Result<FileLookup, Error> {
        let wrong = |problem: &str| {
            let problem = format!("its entry `{}` {problem}", name.escape_debug());
            Err(Error::image(&self.subject, problem))
        };
        let Some(mut current) = joined("", name) else {
            return wrong("points outside the archive");
        };
        for _ in 0..MAX_LINKS {
            match self.entries.get(&current) {
                None => return Ok(FileLookup::Missing),
                Some(Item::File(piece)) => return Ok(FileLookup::File(piece.clone())),
                Some(Item::Link(target)) => current.clone_from(target),
                Some(Item::LinkToNothing) => return wrong("is a link to a missing entry"),
                Some(Item::Other) => return Ok(FileLookup::Other),
            }
        }
        wrong(&format!("is a chain of more than {MAX_LINKS} links"))
    }

    /// Returns the folder at the top that has a file of this name.
    pub(super) fn below(&self, name: &str) -> Option<String> {
        let folders = self.entries.keys().filter_map(|entry| entry.split_once('/'));
        folders.filter(|(_, rest)| *rest == name).map(|(folder, _)| folder.to_owned()).min()
    }

    /// Returns a possible reason for a missing entry.
    pub(super) fn hint(&self) -> &'static str {
        match self.end {
            End::Marked => "",
            End::Unmarked => ", and the archive has no end marker: it may have been cut off",
        }
    }
}

/// Builds the error of a stream that can't be read.
fn unreadable(subject: &str, error: io::Error) -> Error {
    Error::image_caused(subject, "it can't be read", error)
}
