//! The JSON printer: compact for the wire, in lines for people.

use std::fmt::{self, Write};

use crate::json::value::{Json, Object};
use crate::outside::escaped_json;

/// Prints the compact form, as it is sent.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, Layout::Compact)
    }
}

/// Prints the compact form, as it is sent.
impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, Layout::Compact)
    }
}

impl Json {
    fn write(&self, out: &mut impl Write, layout: Layout) -> fmt::Result {
        match self {
            Json::Array(elements) => {
                let write = |out: &mut _, element: &Json, layout| element.write(out, layout);
                write_list(out, ['[', ']'], elements, layout, write)
            }
            Json::Bool(value) => write!(out, "{value}"),
            Json::Null => out.write_str("null"),
            Json::Number(spelling) => out.write_str(spelling),
            Json::Object(object) => object.write(out, layout),
            Json::String(text) => write_string(out, text),
        }
    }
}

impl Object {
    /// Prints it for people, with four spaces per level, as the AWS CLI does.
    pub(crate) fn to_pretty(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` can't fail.
        let _ = self.write(&mut text, Layout::Lines(0));
        escaped_json(&text)
    }

    fn write(&self, out: &mut impl Write, layout: Layout) -> fmt::Result {
        write_list(out, ['{', '}'], &self.members, layout, |out, (name, value), layout| {
            write_string(out, name)?;
            out.write_str(match layout {
                Layout::Compact => ":",
                Layout::Lines(_) => ": ",
            })?;
            value.write(out, layout)
        })
    }
}

#[derive(Clone, Copy)]
enum Layout {
    Compact,
    /// One item per line, indented by this number of levels.
    Lines(usize),
}

impl Layout {
    fn deeper(self) -> Self {
        match self {
            Layout::Compact => Layout::Compact,
            Layout::Lines(level) => Layout::Lines(level + 1),
        }
    }

    fn line(self, out: &mut impl Write) -> fmt::Result {
        match self {
            Layout::Compact => Ok(()),
            Layout::Lines(level) => write!(out, "\n{:1$}", "", 4 * level),
        }
    }
}

fn write_list<W: Write, T>(
    out: &mut W,
    [open, close]: [char; 2],
    elements: &[T],
    layout: Layout,
    write: impl Fn(&mut W, &T, Layout) -> fmt::Result,
) -> fmt::Result {
    out.write_char(open)?;
    for (at, element) in elements.iter().enumerate() {
        if at > 0 {
            out.write_char(',')?;
        }
        layout.deeper().line(out)?;
        write(out, element, layout.deeper())?;
    }
    if !elements.is_empty() {
        layout.line(out)?;
    }
    out.write_char(close)
}

fn write_string(out: &mut impl Write, text: &str) -> fmt::Result {
    // A string can always be serialized.
    out.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}
