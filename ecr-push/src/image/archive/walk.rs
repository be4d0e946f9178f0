//! [`Walk`]: a single pass through a tar archive.
//!
//! The `tar` crate parses the headers, but not the sequence of entries: its own iterator treats the
//! end of a truncated file as the end of the archive, and reads names of any length into memory.

use std::collections::HashMap;

use tar::{EntryType, Header, PaxExtensions};

use crate::error::Error;
use crate::image::archive::input::TarInput;
use crate::image::source::Piece;

const BLOCK: u64 = 512;

/// An image's archive has up to three entries per layer. This limit is that of a file system.
const MAX_ENTRIES: usize = 100_000;

/// The limit of all names together, in bytes.
const MAX_NAMES: usize = 16 * 1024 * 1024;

/// The limit of a long name or a PAX header, in bytes: paths have at most 4096.
const MAX_EXTENSION: u64 = 1024 * 1024;

/// A pass through the archive.
pub(super) struct Walk<'a> {
    subject: &'a str,
    input: &'a mut dyn TarInput,
    entries: HashMap<String, Item>,
    names: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Item {
    File(Piece),
    /// A symbolic link to another name in the archive.
    Link(String),
    /// A link out of the archive, or a hard link to an entry that hasn't occurred before it.
    LinkToNothing,
    /// A directory, a device, or another special entry.
    Other,
}

/// The end of an archive: with or without the marker that a writer adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Marked,
    /// The file ends between two entries. Some writers omit the marker.
    Unmarked,
}

/// The properties of an entry that the headers before it state.
#[derive(Default)]
struct Extensions {
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    pax_name: Option<Vec<u8>>,
    pax_link: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(subject: &'a str, input: &'a mut dyn TarInput) -> Self {
        Self { subject, input, entries: HashMap::new(), names: 0 }
    }

    /// Returns the entries by name, and the kind of the archive's end.
    pub(super) fn run(mut self) -> Result<(HashMap<String, Item>, End), Error> {
        let end = self.walk()?;
        if end == End::Marked {
            self.input.finish()?;
        }
        Ok((self.entries, end))
    }

    fn walk(&mut self) -> Result<End, Error> {
        let mut extensions = Extensions::default();
        loop {
            let mut block = [0; BLOCK as usize];
            let start = self.input.position();
            match self.input.read(&mut block)? {
                0 if start == 0 => return Err(self.empty()),
                0 => return Ok(End::Unmarked),
                read if read < block.len() && start == 0 => {
                    return Err(self.wrong("it is not a tar archive"));
                }
                read if read < block.len() => return Err(self.cut_off(start)),
                _ => {}
            }
            if is_zero(&block) {
                return Ok(End::Marked);
            }
            let header = Header::from_byte_slice(&block);
            if !has_checksum(header) {
                return Err(if start == 0 {
                    self.wrong("it is not a tar archive")
                } else {
                    self.damaged(start)
                });
            }
            let kind = header.entry_type();
            let describes_next = kind.is_pax_local_extensions()
                || kind.is_pax_global_extensions()
                || kind.is_gnu_longname()
                || kind.is_gnu_longlink();
            let size = match extensions.size {
                Some(size) if !describes_next => size,
                _ => header.entry_size().map_err(|_| self.damaged(start))?,
            };
            let end = (start + BLOCK).checked_add(size);
            let end = end.filter(|end| self.input.len().is_none_or(|len| *end <= len));
            let end = end.ok_or_else(|| self.cut_off(start))?;
            if describes_next {
                self.extend(&mut extensions, kind, start, size)?;
            } else {
                self.add(header, start, size, std::mem::take(&mut extensions))?;
            }
            // The entry's content that wasn't needed, and the padding after it. The last padding
            // may be missing.
            let rest = end - self.input.position();
            if self.input.skip(rest)? < rest {
                return Err(self.cut_off(start));
            }
            self.input.skip(end.next_multiple_of(BLOCK) - end)?;
        }
    }

    /// Reads the header that describes the next entry. Its own header is at byte `start`.
    fn extend(
        &mut self,
        extensions: &mut Extensions,
        kind: EntryType,
        start: u64,
        size: u64,
    ) -> Result<(), Error> {
        // Global headers hold comments and times; they can't name a single entry.
        if kind.is_pax_global_extensions() {
            return Ok(());
        }
        if size > MAX_EXTENSION {
            return Err(self.damaged(start));
        }
        // The check above bounds the size.
        let mut content = vec![0; size as usize];
        if self.input.read(&mut content)? < content.len() {
            return Err(self.cut_off(start));
        }
        if kind.is_gnu_longname() {
            extensions.long_name = Some(until_zero(content));
        } else if kind.is_gnu_longlink() {
            extensions.long_link = Some(until_zero(content));
        } else {
            for extension in PaxExtensions::new(&content) {
                let extension = extension.map_err(|_| self.damaged(start))?;
                let value = extension.value_bytes();
                match extension.key_bytes() {
                    b"path" => extensions.pax_name = Some(value.to_owned()),
                    b"linkpath" => extensions.pax_link = Some(value.to_owned()),
                    b"size" => {
                        let size = extension.value().ok().and_then(|text| text.parse().ok());
                        extensions.size = Some(size.ok_or_else(|| self.damaged(start))?);
                    }
                    key if key.starts_with(b"GNU.sparse.") => extensions.sparse = true,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        header: &Header,
        start: u64,
        size: u64,
        extensions: Extensions,
    ) -> Result<(), Error> {
        let Extensions { long_name, long_link, pax_name, pax_link, sparse, .. } = extensions;
        let name = pax_name.or(long_name).unwrap_or_else(|| header.path_bytes().into_owned());
        let kind = header.entry_type();
        // An image can't refer to a name that isn't UTF-8, because JSON can't contain one.
        let Ok(name) = String::from_utf8(name) else {
            return Ok(());
        };
        let shown = name.escape_debug();
        if sparse || kind.is_gnu_sparse() {
            let problem = format!("its entry `{shown}` is sparse: write it without `--sparse`");
            return Err(self.wrong(problem));
        }
        let is_file = kind.is_file() || kind.is_contiguous();
        // Here some tar programs skip the content, and others parse it as a header.
        if size > 0 && !is_file && kind.as_byte().is_ascii_digit() {
            let problem = format!("its entry `{shown}` is not a file, but has {size} bytes");
            return Err(self.wrong(problem));
        }
        let Some(key) = joined("", &name) else {
            return Ok(());
        };
        self.names += key.len();
        if self.entries.len() == MAX_ENTRIES || self.names > MAX_NAMES {
            let problem = format!(
                "it has more than {MAX_ENTRIES} entries or names of more than {MAX_NAMES} bytes, \
                 too many for an image"
            );
            return Err(self.wrong(problem));
        }
        let link = || {
            let link = pax_link.or(long_link);
            let link = link.or_else(|| header.link_name_bytes().map(|link| link.into_owned()));
            link.and_then(|link| String::from_utf8(link).ok())
        };
        let item = if is_file && !name.ends_with('/') {
            let piece = self.input.content(&key, size)?;
            Item::File(piece.ok_or_else(|| self.cut_off(start))?)
        } else if kind.is_hard_link() {
            // A hard link means the current entry of the name; later entries don't change it.
            let target = link().and_then(|target| joined("", &target));
            let target = target.and_then(|target| self.entries.get(&target).cloned());
            target.unwrap_or(Item::LinkToNothing)
        } else if kind.is_symlink() {
            let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
            let target = link().filter(|target| !target.starts_with('/'));
            match target.and_then(|target| joined(folder, &target)) {
                Some(target) => Item::Link(target),
                None => Item::LinkToNothing,
            }
        } else {
            Item::Other
        };
        // The last entry of a name counts, as in an extraction.
        self.entries.insert(key, item);
        Ok(())
    }

    fn empty(&self) -> Error {
        self.wrong(match self.input.len() {
            Some(_) => "it is empty",
            None => "it is empty: the program that writes it may have failed",
        })
    }

    fn wrong(&self, problem: impl Into<String>) -> Error {
        Error::image(self.subject, problem)
    }

    fn damaged(&self, at: u64) -> Error {
        self.wrong(format!("it is damaged: expected a tar header at byte {at}"))
    }

    fn cut_off(&self, at: u64) -> Error {
        let len = self.input.len().unwrap_or_else(|| self.input.position());
        self.wrong(format!("it was cut off: the entry at byte {at} exceeds its {len} bytes"))
    }
}

fn is_zero(block: &[u8]) -> bool {
    block.iter().all(|byte| *byte == 0)
}

/// Checks the sum of all bytes; the bytes of the checksum field itself count as spaces.
fn has_checksum(header: &Header) -> bool {
    let bytes = header.as_bytes();
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    let expected = sum(&bytes[..148]) + 8 * u32::from(b' ') + sum(&bytes[156..]);
    header.cksum().is_ok_and(|found| found == expected)
}

fn until_zero(mut name: Vec<u8>) -> Vec<u8> {
    if let Some(end) = name.iter().position(|byte| *byte == 0) {
        name.truncate(end);
    }
    name
}

/// Resolves `name` relative to `folder`; `None` if the result is outside the archive.
pub(super) fn joined(folder: &str, name: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
