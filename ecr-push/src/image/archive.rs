//! [`Archive`]: the positions of the entries in a tar file, for reading them in place.

mod walk;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::error::Error;
use crate::image::archive::walk::{End, Item, Walk, joined};
use crate::image::source::{Piece, Source};
use crate::image::store::FileLookup;

/// The index of a tar file's entries.
pub(super) struct Archive {
    subject: String,
    path: Arc<Path>,
    entries: HashMap<String, Item>,
    end: End,
}

/// Linux follows the same number of links.
const MAX_LINKS: usize = 40;

impl Archive {
    /// Reads the headers of a file of `len` bytes.
    pub(super) fn open(path: &Path, len: u64) -> Result<Self, Error> {
        let source = Source::from_path(path.to_owned());
        let content = source.open().map_err(|error| Error::io(path, error))?;
        let subject = path.display().to_string();
        let (entries, end) = Walk::new(&subject, path, content, len).run()?;
        Ok(Self { subject, path: path.into(), entries, end })
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
                Some(Item::File { start, size }) => {
                    let source = Source::File { path: self.path.clone(), start: *start };
                    return Ok(FileLookup::File(Piece { source, size: *size }));
                }
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
