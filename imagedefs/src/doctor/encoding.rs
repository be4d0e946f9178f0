//! The text of a file's bytes: size, UTF-16, UTF-8 and byte order marks.

use std::borrow::Cow;

use crate::file::{MAX_BYTES, SAFE_BYTES};
use crate::text::edit::Repair;
use crate::text::flaw::Flaw;
use crate::text::problem_kind::ProblemKind;

/// The content of a file, decoded as far as it can be.
pub(crate) struct Decoding<'a> {
    /// The text in which offsets count. If it is incomplete, it only serves to locate flaws.
    pub(crate) text: Cow<'a, str>,
    pub(crate) is_whole: bool,
    pub(crate) flaws: Vec<Flaw>,
}

impl<'a> Decoding<'a> {
    pub(crate) fn new(content: &'a [u8]) -> Self {
        if content.starts_with(ZIP) {
            let flaw = Flaw::new(0, ProblemKind::ZipFile, "the file is a zip file");
            return Self { text: Cow::Borrowed(""), is_whole: false, flaws: vec![flaw] };
        }
        if content.len() > MAX_BYTES {
            let what = format!("the file has more than {MAX_BYTES} bytes");
            let flaw = Flaw::new(0, ProblemKind::TooLarge, what);
            return Self { text: Cow::Borrowed(""), is_whole: false, flaws: vec![flaw] };
        }
        // Without a mark, the zero bytes reveal UTF-16: the first character of JSON is ASCII.
        let mut decoding = match content {
            [0xff, 0xfe, 0, 0, ..] | [1..=255, 0, 0, 0, ..] => {
                Self::utf32(content, u32::from_le_bytes)
            }
            [0, 0, 0xfe, 0xff, ..] | [0, 0, 0, 1..=255, ..] => {
                Self::utf32(content, u32::from_be_bytes)
            }
            [0xff, 0xfe, ..] | [1..=255, 0, ..] => Self::utf16(content, u16::from_le_bytes),
            [0xfe, 0xff, ..] | [0, 1..=255, ..] => Self::utf16(content, u16::from_be_bytes),
            _ => Self::utf8(content),
        };
        if content.len() > SAFE_BYTES {
            let what = format!("the file has {} bytes", content.len());
            decoding.flaws.insert(0, Flaw::new(0, ProblemKind::LargeFile, what));
        }
        decoding
    }

    fn utf16(whole: &[u8], unit: fn([u8; 2]) -> u16) -> Self {
        let is_little = unit([1, 0]) == 1;
        let end = ascii_after(whole, is_little);
        let content = &whole[..end.unwrap_or(whole.len())];
        let pairs = content.chunks_exact(2);
        let has_rest = !pairs.remainder().is_empty();
        let units = pairs.map(|pair| unit([pair[0], pair[1]]));
        let text = char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}'));
        let text = text.skip_while(|character| *character == '\u{feff}').collect::<String>();
        if end.is_some() {
            return Self::mixed(Cow::Owned(text), "ASCII follows after UTF-16");
        }
        let is_certain = !has_rest && !text.contains('\u{fffd}');
        let flaw = Flaw::new(0, ProblemKind::Utf16, "the file is UTF-16");
        let repair = is_certain.then(|| Repair::structure("the file is written as UTF-8"));
        let flaws = vec![Flaw { repair, ..flaw }];
        Self { text: Cow::Owned(text), is_whole: true, flaws }
    }

    fn utf32(content: &'a [u8], unit: fn([u8; 4]) -> u32) -> Self {
        let (units, rest) = content.as_chunks::<4>();
        let text = units.iter().map(|bytes| char::from_u32(unit(*bytes)).unwrap_or('\u{fffd}'));
        let text = text.skip_while(|character| *character == '\u{feff}').collect::<String>();
        let is_certain = rest.is_empty() && !text.contains('\u{fffd}');
        let flaw = Flaw::new(0, ProblemKind::Utf32, "the file is UTF-32");
        let repair = is_certain.then(|| Repair::structure("the file is written as UTF-8"));
        Self { text: Cow::Owned(text), is_whole: true, flaws: vec![Flaw { repair, ..flaw }] }
    }

    /// A file that two programs wrote, one of them in UTF-16. Only a part of it can be decoded.
    fn mixed(text: Cow<'a, str>, what: &str) -> Self {
        let flaw = Flaw::new(text.len(), ProblemKind::MixedEncodings, what);
        Self { text, is_whole: false, flaws: vec![flaw] }
    }

    fn utf8(content: &'a [u8]) -> Self {
        if let Some(start) = utf16_after(content)
            && let Ok(text) = std::str::from_utf8(&content[..start])
        {
            return Self::mixed(Cow::Borrowed(text), "UTF-16 follows after other text");
        }
        let text = match std::str::from_utf8(content) {
            Ok(text) => text,
            Err(error) => {
                let offset = error.valid_up_to();
                let what = format!("invalid UTF-8: byte {:#04x}", content[offset]);
                let flaws = vec![Flaw::new(offset, ProblemKind::NotUtf8, what)];
                return Self { text: String::from_utf8_lossy(content), is_whole: false, flaws };
            }
        };
        let Some(unmarked) = text.strip_prefix('\u{feff}') else {
            return Self { text: Cow::Borrowed(text), is_whole: true, flaws: Vec::new() };
        };
        let what = "the file begins with a byte order mark";
        let repair = Repair::structure("the byte order mark is removed");
        let flaws = vec![Flaw::new(0, ProblemKind::ByteOrderMark, what).repaired(repair)];
        Self { text: Cow::Borrowed(unmarked), is_whole: true, flaws }
    }
}

/// The first bytes of a zip file that has files.
const ZIP: &[u8] = b"PK\x03\x04";

/// Returns the place at which ASCII follows UTF-16, in which every ASCII character has a zero byte.
fn ascii_after(content: &[u8], is_little: bool) -> Option<usize> {
    let zero = content.iter().rposition(|byte| *byte == 0)?;
    // The zero follows its character in one order of the bytes, and precedes it in the other.
    let start = zero + if is_little { 1 } else { 2 };
    let rest = content.get(start..)?;
    let is_text = rest.len() > 1 && rest.is_ascii() && !rest.trim_ascii().is_empty();
    is_text.then_some(start)
}

/// Returns the place at which UTF-16 follows other text: from there on, each second byte is zero.
fn utf16_after(content: &[u8]) -> Option<usize> {
    let zero = content.iter().position(|byte| *byte == 0)?;
    let rest = &content[zero..];
    let zeros = rest.iter().filter(|byte| **byte == 0).count();
    let start = zero.checked_sub(1)?;
    let start = start - if content[..start].ends_with(&[0xff, 0xfe]) { 2 } else { 0 };
    (zeros >= MIN_ZEROS && zeros * 3 > rest.len()).then_some(start)
}

/// A few zero bytes can have another cause.
const MIN_ZEROS: usize = 4;
