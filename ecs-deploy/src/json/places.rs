//! The places of members and elements in a JSON text.

use std::collections::BTreeMap;
use std::ops::Range;

/// The bytes of a member or an element in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The member's name with its quotes; `None` for an element of a list.
    pub(crate) name: Option<Range<usize>>,
    pub(crate) value: Range<usize>,
}

impl Place {
    /// Returns the byte at which it begins.
    pub(crate) fn start(&self) -> usize {
        self.name.as_ref().unwrap_or(&self.value).start
    }
}

/// Returns the places by their paths, such as `containerDefinitions[0].image`, of a text that
/// [`Json::parse`](crate::json::value::Json::parse) accepts. The whole text has the empty path.
pub(crate) fn places(text: &str) -> BTreeMap<String, Place> {
    let mut scanner = Scanner { text, at: 0, path: String::new(), places: BTreeMap::new() };
    scanner.value(None);
    scanner.places
}

/// Returns the line and the column of a byte, from 1; the column counts characters.
pub(crate) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit_once('\n').map_or(before, |(_, line)| line);
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    path: String,
    places: BTreeMap<String, Place>,
}

impl Scanner<'_> {
    fn value(&mut self, name: Option<Range<usize>>) {
        self.skip_space();
        let start = self.at;
        match self.peek() {
            Some(b'{') => self.list(b'}'),
            Some(b'[') => self.list(b']'),
            Some(b'"') => _ = self.string(),
            _ => {
                while self.peek().is_some_and(|it| !b",]} \t\r\n".contains(&it)) {
                    self.at += 1;
                }
            }
        }
        let place = Place { name, value: start..self.at };
        self.places.insert(self.path.clone(), place);
    }

    /// Scans the members of an object or the elements of a list, up to its end.
    fn list(&mut self, close: u8) {
        self.at += 1;
        for index in 0.. {
            self.skip_space();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    self.skip_space();
                }
                Some(byte) if byte == close => {
                    self.at += 1;
                    break;
                }
                Some(_) => {}
                None => break,
            }
            let length = self.path.len();
            if close == b']' {
                self.path.push_str(&format!("[{index}]"));
                self.value(None);
            } else {
                let name = self.string();
                let dot = if length == 0 { "" } else { "." };
                let decoded: String =
                    serde_json::from_str(&self.text[name.clone()]).unwrap_or_default();
                self.path.push_str(dot);
                self.path.push_str(&decoded);
                self.skip_space();
                // The colon.
                self.at += 1;
                self.value(Some(name));
            }
            self.path.truncate(length);
        }
    }

    /// Scans a string, and returns its bytes with the quotes.
    fn string(&mut self) -> Range<usize> {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                break;
            }
        }
        self.at = self.at.min(self.text.len());
        start..self.at
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|it| b" \t\r\n".contains(&it)) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::value::Json;

    #[test]
    fn every_part_has_its_place() {
        let text = "{ \"a\": [1, {\"b\\n\" : \"x,]\"}],\n\"c\":{}, \"é\": true }";
        Json::parse(text).unwrap();
        let found: Vec<(String, String)> = places(text)
            .into_iter()
            .map(|(path, place)| (path, text[place.value].to_owned()))
            .collect();
        let expected = [
            ("", text),
            ("a", "[1, {\"b\\n\" : \"x,]\"}]"),
            ("a[0]", "1"),
            ("a[1]", "{\"b\\n\" : \"x,]\"}"),
            ("a[1].b\n", "\"x,]\""),
            ("c", "{}"),
            ("é", "true"),
        ];
        assert_eq!(found, expected.map(|(path, value)| (path.to_owned(), value.to_owned())));
        let start = places(text)["c"].start();
        assert_eq!(line_and_column(text, start), (2, 1));
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "[\\[\\]{}\",:a1\\\\ ]{0,30}") {
            if Json::parse(&text).is_ok() {
                places(&text);
            }
        }
    }
}
