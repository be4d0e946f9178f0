//! The decoders of archives that are compressed as a whole.

use std::io::{self, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

/// A reader of an archive, decompressed if it is compressed as a whole.
pub(super) struct Decoded {
    pub(super) reader: Box<dyn Read + Send>,
    /// The name of the compression.
    pub(super) packing: Option<&'static str>,
}

/// The reason for which an archive can't be decoded.
pub(super) enum NotDecoded {
    Io(io::Error),
    /// The build lacks the feature that decodes it.
    Unsupported(Format),
}

/// A format that compresses whole archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Bzip2,
    Gzip,
    Xz,
    Zstd,
}

/// How many bytes identify a format.
pub(super) const MAGIC: usize = 10;

impl Format {
    /// Returns the format of content that starts with `first`; `None` if it isn't compressed.
    pub(super) fn of(first: &[u8]) -> Option<Self> {
        // pigz and pzstd write these too: zstd data can start with a skippable frame.
        let is_skippable =
            first.len() >= 4 && first[0] & 0xf0 == 0x50 && first[1..4] == *b"\x2a\x4d\x18";
        // A tar can start with `BZh9`, as the name of its first entry, but not with all of this.
        let is_bzip2 = first.starts_with(b"BZh")
            && first.get(3).is_some_and(u8::is_ascii_digit)
            && [b"1AY&SY".as_slice(), b"\x17\x72\x45\x38\x50\x90"]
                .iter()
                .any(|block| first[4..].starts_with(block));
        if first.starts_with(b"\x1f\x8b") {
            Some(Self::Gzip)
        } else if first.starts_with(b"\x28\xb5\x2f\xfd") || is_skippable {
            Some(Self::Zstd)
        } else if first.starts_with(b"\xfd7zXZ\0") {
            Some(Self::Xz)
        } else {
            is_bzip2.then_some(Self::Bzip2)
        }
    }

    /// Returns its name, which is also that of the program that decompresses it, and of the crate's
    /// feature.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bzip2 => "bzip2",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        }
    }
}

/// Detects the format of a stream by its first bytes, and decodes it.
pub(super) fn decoded(mut reader: Box<dyn Read + Send>) -> Result<Decoded, NotDecoded> {
    let mut first = Vec::with_capacity(MAGIC);
    reader.by_ref().take(MAGIC as u64).read_to_end(&mut first).map_err(NotDecoded::Io)?;
    let format = Format::of(&first);
    let reader = BufReader::with_capacity(BUFFER, Cursor::new(first).chain(reader));
    let Some(format) = format else {
        return Ok(Decoded { reader: Box::new(reader), packing: None });
    };
    let decoder: Box<dyn Read + Send> = match format {
        Format::Gzip => Box::new(MultiGzDecoder::new(reader)),
        #[cfg(feature = "bzip2")]
        Format::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(reader)),
        #[cfg(feature = "xz")]
        Format::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(reader, true, XZ_MEMORY)),
        #[cfg(feature = "zstd")]
        Format::Zstd => {
            Box::new(zstd::stream::read::Decoder::with_buffer(reader).map_err(NotDecoded::Io)?)
        }
        #[allow(unreachable_patterns, reason = "with all features, every format is decoded")]
        format => return Err(NotDecoded::Unsupported(format)),
    };
    Ok(Decoded { reader: decoder, packing: Some(format.name()) })
}

const BUFFER: usize = 256 * 1024;

/// The memory for decoding xz, in KiB. Its highest preset takes 65 MiB.
#[cfg(feature = "xz")]
const XZ_MEMORY: u32 = 128 * 1024;
