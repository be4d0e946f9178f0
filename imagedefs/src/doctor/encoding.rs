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
        if content.len() > MAX_BYTES {
            let what = format!("the file has more than {MAX_BYTES} bytes");
            let flaw = Flaw::new(0, ProblemKind::TooLarge, what);
            return Self { text: Cow::Borrowed(""), is_whole: false, flaws: vec![flaw] };
        }
        // Without a mark, the zero bytes reveal UTF-16: the first character of JSON is ASCII.
        let mut decoding = match content {
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

    fn utf16(content: &[u8], unit: fn([u8; 2]) -> u16) -> Self {
        let pairs = content.chunks_exact(2);
        let has_rest = !pairs.remainder().is_empty();
        let units = pairs.map(|pair| unit([pair[0], pair[1]]));
        let text = char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}'));
        let text = text.skip_while(|character| *character == '\u{feff}').collect::<String>();
        let is_certain = !has_rest && !text.contains('\u{fffd}');
        let flaw = Flaw::new(0, ProblemKind::Utf16, "the file is UTF-16");
        let repair = is_certain.then(|| Repair::structure("the file is written as UTF-8"));
        let flaws = vec![Flaw { repair, ..flaw }];
        Self { text: Cow::Owned(text), is_whole: true, flaws }
    }

    fn utf8(content: &'a [u8]) -> Self {
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
