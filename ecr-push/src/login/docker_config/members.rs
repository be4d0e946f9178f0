//! A JSON object whose members keep their order and their exact text.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

#[derive(Default)]
pub(super) struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    /// Parses an object. Empty text is an object without members, as Docker reads an empty file.
    ///
    /// # Errors
    /// Returns what is wrong and its position, without any of the text: it may be a secret.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(text).map_err(|error| match error.classify() {
            Category::Syntax | Category::Eof => {
                let problem = error.to_string();
                let place = format!(" at line {} column {}", error.line(), error.column());
                let problem = problem.strip_suffix(&place).unwrap_or(&problem);
                format!("line {}, column {}: {problem}", error.line(), error.column())
            }
            Category::Data | Category::Io => "it is not a JSON object".to_owned(),
        })
    }

    /// Returns the last member of this name, as most JSON readers do.
    pub(super) fn value(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().rfind(|(it, _)| it == name).map(|(_, value)| &**value)
    }

    /// Sets a member in its place, or appends it.
    pub(super) fn set(&mut self, name: &str, value: Box<RawValue>) {
        match self.0.iter_mut().rfind(|(it, _)| it == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Prints the object as Docker does, with tabs, for a value at this depth.
    pub(super) fn to_raw(&self, depth: usize) -> Box<RawValue> {
        let (outer, inner) = ("\t".repeat(depth), "\t".repeat(depth + 1));
        let members: Vec<String> =
            self.0.iter().map(|(name, value)| format!("{inner}{}: {value}", text(name))).collect();
        if members.is_empty() {
            return raw("{}".to_owned());
        }
        raw(format!("{{\n{}\n{outer}}}", members.join(",\n")))
    }
}

/// Returns a text as a JSON string.
pub(super) fn text(text: &str) -> Box<RawValue> {
    raw(serde_json::Value::from(text).to_string())
}

/// Wraps text that was composed of JSON and therefore is JSON.
fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).unwrap_or_else(|_| unreachable!("the text is composed of JSON"))
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problem(text: &str) -> String {
        Members::parse(text).err().unwrap()
    }

    #[test]
    fn what_is_broken_is_said_with_its_place() {
        assert_eq!(problem("{\n\t\"a\": }"), "line 2, column 7: expected value");
        assert_eq!(problem("{\"a\": 1"), "line 1, column 7: EOF while parsing an object");
        assert_eq!(problem("{} x"), "line 1, column 4: trailing characters");
        assert_eq!(problem("\"secret\""), "it is not a JSON object");
        assert_eq!(problem("[]"), "it is not a JSON object");
    }

    #[test]
    fn the_text_of_a_member_stays() {
        let members = Members::parse(r#"{"z": 1.50, "A": {"b" :[ ]}, "é": "\u00e9"}"#).unwrap();
        assert_eq!(
            members.to_raw(0).get(),
            "{\n\t\"z\": 1.50,\n\t\"A\": {\"b\" :[ ]},\n\t\"é\": \"\\u00e9\"\n}"
        );
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(9999), "]".repeat(9999));
        assert_eq!(Members::parse(&deep).unwrap().to_raw(0).get().len(), 2 * 9999 + 10);
        assert_eq!(Members::parse(" \n").unwrap().to_raw(0).get(), "{}");
    }

    #[test]
    fn of_two_of_the_same_name_the_last_counts() {
        let mut members = Members::parse(r#"{"a": 1, "a": 2, "b": 3}"#).unwrap();
        assert_eq!(members.value("a").unwrap().get(), "2");
        members.set("a", text("x\"y"));
        members.set("c", text("z"));
        assert_eq!(
            members.to_raw(0).get(),
            "{\n\t\"a\": 1,\n\t\"a\": \"x\\\"y\",\n\t\"b\": 3,\n\t\"c\": \"z\"\n}"
        );
    }

    proptest! {
        #[test]
        fn what_it_prints_it_reads(pairs in prop::collection::vec((".*", ".*"), 0..5)) {
            let members: Vec<_> = pairs.iter().map(|(a, b)| (a.clone(), text(b))).collect();
            let printed = Members(members).to_raw(0);
            let read = Members::parse(printed.get()).unwrap();
            let again = read.to_raw(0);
            prop_assert_eq!(again.get(), printed.get());
            prop_assert_eq!(read.0.len(), pairs.len());
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = Members::parse(&text);
        }
    }
}
