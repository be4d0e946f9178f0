//! [`TarInput`]: the bytes of an archive, from a file that is read in place, or from a stream whose
//! content is kept.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;

use crate::error::Error;
use crate::image::codec::{Input, Packer, TemporaryFile, pack};
use crate::image::packed::{BLOCK, Codec};
use crate::image::source::{Content, Piece, Source};
use crate::tasks::Stop;

/// The bytes of an archive, read from its start to its end.
pub(super) trait TarInput {
    /// Returns the number of bytes that were read or skipped so far.
    fn position(&self) -> u64;

    /// Returns the size of the archive, if it is known before the end.
    fn len(&self) -> Option<u64>;

    /// Reads until `buffer` is full or the archive ends, and returns the number of bytes.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error>;

    /// Moves past up to `size` bytes, and returns how many there were.
    fn skip(&mut self, size: u64) -> Result<u64, Error>;

    /// Returns the next `size` bytes, which are the content of an entry, and moves past them. `None`
    /// if the archive ends before them.
    fn content(&mut self, name: &str, size: u64) -> Result<Option<Piece>, Error>;

    /// Reads what follows the end marker.
    fn finish(&mut self) -> Result<(), Error>;
}

/// A file that is read in place.
pub(super) struct FileInput {
    path: Arc<Path>,
    content: Content,
    len: u64,
    at: u64,
}

impl FileInput {
    /// Opens a file of `len` bytes.
    pub(super) fn open(path: &Path, len: u64) -> Result<Self, Error> {
        let source = Source::from_path(path.to_owned());
        let content = source.open().map_err(|error| Error::io(path, error))?;
        Ok(Self { path: path.into(), content, len, at: 0 })
    }
}

impl TarInput for FileInput {
    fn position(&self) -> u64 {
        self.at
    }

    fn len(&self) -> Option<u64> {
        Some(self.len)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let read = self.content.read_at(self.at, buffer);
        let read = read.map_err(|error| Error::io(&self.path, error))?;
        self.at += read as u64;
        Ok(read)
    }

    fn skip(&mut self, size: u64) -> Result<u64, Error> {
        let skipped = size.min(self.len.saturating_sub(self.at));
        self.at += skipped;
        Ok(skipped)
    }

    fn content(&mut self, _name: &str, size: u64) -> Result<Option<Piece>, Error> {
        let source = Source::File { path: self.path.clone(), start: self.at };
        Ok((self.skip(size)? == size).then_some(Piece { source, size }))
    }

    fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// A stream, which can be read once. The content of its entries is kept in a temporary file: small
/// or compressed content as it is, other content compressed.
pub(super) struct StreamInput<'a> {
    subject: &'a str,
    reader: Box<dyn Read + Send>,
    /// The name of the compression of the whole archive, if it has one.
    packing: Option<&'static str>,
    codec: Codec,
    stop: &'a Stop,
    at: u64,
    kept: Option<TemporaryFile>,
}

/// How much may follow the end marker. Writers of tars fill up the last record of up to 1 MiB.
const MAX_REST: u64 = 64 * 1024 * 1024;

impl<'a> StreamInput<'a> {
    pub(super) fn new(
        subject: &'a str,
        reader: Box<dyn Read + Send>,
        packing: Option<&'static str>,
        codec: Codec,
        stop: &'a Stop,
    ) -> Self {
        Self { subject, reader, packing, codec, stop, at: 0, kept: None }
    }

    fn failed(&self, error: io::Error) -> Error {
        match self.packing {
            Some(packing) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let problem = format!("it was cut off: its {packing} data ends too early");
                Error::image_caused(self.subject, problem, error)
            }
            Some(packing) if error.raw_os_error().is_none() => {
                Error::image_caused(self.subject, format!("its {packing} data is damaged"), error)
            }
            _ => Error::image_caused(self.subject, "it can't be read", error),
        }
    }

    /// Keeps `size` bytes, of which `first` has been read.
    fn keep(&mut self, name: &str, first: &[u8], size: u64) -> Result<Piece, Error> {
        let mut kept = match self.kept.take() {
            Some(kept) => kept,
            None => TemporaryFile::new()?,
        };
        let of: Arc<str> = format!("the entry `{}`", name.escape_debug()).into();
        let source = if first.len() as u64 == size || is_packed(first) {
            let start = kept.len;
            kept.append(first)?;
            let mut rest = size - first.len() as u64;
            let mut buffer = vec![0; BLOCK];
            while rest > 0 {
                let len = rest.min(BLOCK as u64) as usize;
                self.fill(&mut buffer[..len])?;
                kept.append(&buffer[..len])?;
                rest -= len as u64;
            }
            Source::Temporary { file: kept.file.clone(), start, of }
        } else {
            let (codec, stop) = (self.codec, self.stop);
            let threads = available_parallelism().map_or(1, usize::from);
            let packer = Packer { codec, threads, stop };
            let mut input = EntryInput { first, stream: self };
            let blocks = Arc::new(pack(&mut input, size, &mut kept, packer)?);
            Source::Packed { blocks, of }
        };
        self.kept = Some(kept);
        Ok(Piece { source, size })
    }

    /// Fills the buffer with content of an entry.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        if self.read(buffer)? < buffer.len() {
            return Err(self.cut_off());
        }
        Ok(())
    }

    fn cut_off(&self) -> Error {
        let problem = format!("it was cut off: it ended within an entry, after {} bytes", self.at);
        Error::image(self.subject, problem)
    }
}

impl TarInput for StreamInput<'_> {
    fn position(&self) -> u64 {
        self.at
    }

    fn len(&self) -> Option<u64> {
        None
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut filled = 0;
        while filled < buffer.len() {
            if self.stop.is_set() {
                return Err(self.failed(io::ErrorKind::Interrupted.into()));
            }
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        self.at += filled as u64;
        Ok(filled)
    }

    fn skip(&mut self, size: u64) -> Result<u64, Error> {
        let mut buffer = vec![0; size.min(BLOCK as u64) as usize];
        let mut skipped = 0;
        while skipped < size {
            let len = (size - skipped).min(BLOCK as u64) as usize;
            let read = self.read(&mut buffer[..len])?;
            skipped += read as u64;
            if read < len {
                break;
            }
        }
        Ok(skipped)
    }

    fn content(&mut self, name: &str, size: u64) -> Result<Option<Piece>, Error> {
        let mut first = vec![0; size.min(BLOCK as u64) as usize];
        self.fill(&mut first)?;
        self.keep(name, &first, size).map(Some)
    }

    /// Reads to the end, so that the decoder checks its checksum, and the program at the other end
    /// of a pipe can write all of its output.
    fn finish(&mut self) -> Result<(), Error> {
        self.skip(MAX_REST)?;
        Ok(())
    }
}

/// The content of an entry, of which `first` has been read from the stream.
struct EntryInput<'a, 'b> {
    first: &'a [u8],
    stream: &'a mut StreamInput<'b>,
}

impl Input for EntryInput<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        let len = buffer.len().min(self.first.len());
        let (now, later) = self.first.split_at(len);
        buffer[..len].copy_from_slice(now);
        self.first = later;
        self.stream.fill(&mut buffer[len..])
    }
}

/// Returns whether the content is compressed: compressing it again would change a layer's digest
/// for nothing.
fn is_packed(first: &[u8]) -> bool {
    first.starts_with(b"\x1f\x8b") || first.starts_with(b"\x28\xb5\x2f\xfd")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = BLOCK as u64;

    #[test]
    fn only_compressed_content_is_kept_and_it_is_read_from_any_position() {
        let stop = Stop::default();
        let text: Vec<u8> = (0..3 * MIB + 12_345).map(|at| (at % 251) as u8).collect();
        let (size, expected) = (text.len() as u64, text.clone());
        let reader = Box::new(io::Cursor::new(text));
        let mut input = StreamInput::new("image", reader, None, Codec::Gzip, &stop);
        let piece = input.content("layer", size).unwrap().unwrap();
        let kept = input.kept.as_ref().unwrap().len;
        assert!(kept < size / 10, "{kept} bytes");
        assert!(piece.read().unwrap() == expected);
        let content = piece.source.open().unwrap();
        assert_eq!(content.size().unwrap(), size);
        for from in [0, 1, MIB - 1, MIB, 2 * MIB - 3, 3 * MIB, size - 1, size, size + 1] {
            let mut buffer = [0; 7];
            let read = content.read_at(from, &mut buffer).unwrap();
            let start = usize::try_from(from.min(size)).unwrap();
            let end = expected.len().min(start + 7);
            assert_eq!(buffer[..read], expected[start..end], "from {from}");
        }
    }

    #[test]
    fn what_is_small_or_compressed_is_kept_as_it_is() {
        let stop = Stop::default();
        let packed = [b"\x1f\x8b".as_slice(), &vec![b'a'; 2 * BLOCK]].concat();
        for content in [b"small".to_vec(), Vec::new(), packed] {
            let size = content.len() as u64;
            let reader = Box::new(io::Cursor::new(content.clone()));
            let mut input = StreamInput::new("image", reader, None, Codec::Gzip, &stop);
            let piece = input.content("entry", size).unwrap().unwrap();
            assert_eq!(input.kept.as_ref().unwrap().len, size);
            assert!(piece.read().unwrap() == content);
        }
    }
}
