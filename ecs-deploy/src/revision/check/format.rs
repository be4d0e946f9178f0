//! The formats in which people keep task definitions: which encoding it is, and what to do about a
//! text that isn't JSON.

/// Decodes UTF-8 and UTF-16 with or without a byte-order mark. PowerShell's `>` writes UTF-16.
pub(crate) fn decode(bytes: &[u8]) -> Result<String, String> {
    let units = |read: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let text = String::from_utf16(&pairs.iter().map(|it| read(*it)).collect::<Vec<_>>());
        match (rest, text) {
            ([], Ok(text)) => Ok(text),
            _ => Err("it is neither valid UTF-8 nor valid UTF-16: save it as UTF-8".to_owned()),
        }
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => decode(rest),
        [0xff, 0xfe, rest @ ..] => units(u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => units(u16::from_be_bytes, rest),
        // Without a mark, every second byte of ASCII in UTF-16 is zero.
        [first, 0, ..] if *first != 0 => units(u16::from_le_bytes, bytes),
        [0, second, ..] if *second != 0 => units(u16::from_be_bytes, bytes),
        _ => match str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => {
                Err(format!("it isn't UTF-8 from byte {}: save it as UTF-8", error.valid_up_to()))
            }
        },
    }
}

/// Returns the format of a text that isn't JSON and its cure, if it is known. `line` and `column`
/// are the place of the parser's error, from 1.
pub(crate) fn cure(text: &str, line: usize, column: usize) -> Option<&'static str> {
    let start = text.trim_start();
    if start.is_empty() {
        return Some("it is empty: fetch one with `aws ecs describe-task-definition`");
    }
    let row = text.lines().nth(line - 1).unwrap_or_default();
    let (before, after) = match row.char_indices().nth(column - 1) {
        Some((at, _)) => row.split_at(at),
        None => (row, ""),
    };
    if !start.starts_with(['{', '[']) {
        if start.starts_with('<') {
            return Some("it is HTML or XML: the download failed, perhaps for a missing login");
        }
        if start.lines().any(is_yaml) {
            return Some("it is YAML: convert it to JSON, for example with `yq -o=json . FILE`");
        }
        if start.starts_with("//") || start.starts_with("/*") {
            return Some(COMMENT);
        }
        if start.starts_with("local ") {
            return Some(JSONNET);
        }
        return None;
    }
    if after.starts_with("//") || after.starts_with("/*") || after.starts_with('#') {
        return Some(COMMENT);
    }
    if after.starts_with(['}', ']']) {
        let earlier = text.lines().take(line - 1);
        let last = earlier.chain([before]).flat_map(str::chars).filter(|it| !it.is_whitespace());
        if last.last() == Some(',') {
            return Some("JSON allows no comma before a closing bracket: remove it");
        }
    }
    if after.starts_with('\'') {
        return Some("JSON has only double quotes: replace the single ones");
    }
    if after.starts_with(['\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}']) {
        return Some("a word processor replaced the quotes: type them again as \"");
    }
    if after.starts_with(|it: char| it.is_ascii_alphabetic()) && row.contains(':') {
        return Some(JSONNET);
    }
    None
}

const COMMENT: &str = "JSON has no comments: remove them, for example with `yq -o=json . FILE`";
const JSONNET: &str = "it is Jsonnet or JSON5: render it to JSON first";

/// Returns whether a line is that of a YAML mapping, such as `family: web`.
fn is_yaml(line: &str) -> bool {
    let line = line.trim_start().trim_start_matches("- ");
    let is_key = |key: &str| {
        !key.is_empty() && key.chars().all(|it| it.is_ascii_alphanumeric() || "_-".contains(it))
    };
    line == "---"
        || line.split_once(':').is_some_and(|(key, rest)| {
            is_key(key) && (rest.is_empty() || rest.starts_with([' ', '\t', '\r']))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_of_a_text_is_read() {
        let text = "{\"family\":\"wéb\u{1f600}\"}";
        let utf_16 =
            |to: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(to).collect() };
        let (little, big) = (utf_16(u16::to_le_bytes), utf_16(u16::to_be_bytes));
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            [b"\xff\xfe", little.as_slice()].concat(),
            [b"\xfe\xff", big.as_slice()].concat(),
            little,
            big,
        ] {
            assert_eq!(decode(&bytes).as_deref(), Ok(text));
        }
        let broken = "it is neither valid UTF-8 nor valid UTF-16: save it as UTF-8";
        assert_eq!(decode(b"\xff\xfe{").unwrap_err(), broken);
        assert_eq!(decode(b"ab\xff").unwrap_err(), "it isn't UTF-8 from byte 2: save it as UTF-8");
        assert_eq!(decode(b"").as_deref(), Ok(""));
    }
}
