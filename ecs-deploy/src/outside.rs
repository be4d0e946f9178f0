//! [`Outside`]: text from servers and files, quoted wherever it is shown.

use std::error::Error as StdError;
use std::fmt;

/// Text that comes from outside: from ECS, from another server, or from a file.
///
/// `Display` makes it harmless in a terminal and in the log of a CI system. It writes control
/// characters, line breaks, bidirectional controls and invisible characters as escapes, breaks
/// workflow commands (`##[error]`, `##vso[…]`, and `::` at the start), and cuts text that is longer
/// than 2 KiB. [`raw`](Self::raw) returns the text unchanged.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Outside<T = String>(T);

/// The length in bytes from which shown text is cut.
const LIMIT: usize = 2 * 1024;

impl<T: AsRef<str>> Outside<T> {
    pub(crate) fn new(text: T) -> Self {
        Self(text)
    }

    /// Returns the text as it came. It must not be printed.
    pub(crate) fn raw(&self) -> &str {
        self.0.as_ref()
    }
}

impl<T: AsRef<str>> Outside<T> {
    /// Returns the text for the start of a message: a name that ECS could have given as it is, any
    /// other text behind `what`, so that a line never begins with it.
    pub(crate) fn named(&self, what: &str) -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_:/.".contains(c);
        match self.raw().starts_with(|c: char| c.is_ascii_alphanumeric())
            && self.raw().chars().all(is_plain)
        {
            true => self.to_string(),
            false => format!("{what} `{self}`"),
        }
    }
}

impl<T: AsRef<str>> fmt::Display for Outside<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.raw();
        if text.len() <= LIMIT {
            return write_quoted(text, f);
        }
        write_quoted(&text[..text.floor_char_boundary(LIMIT)], f)?;
        write!(f, "… ({} bytes in all)", text.len())
    }
}

/// Quotes as `Display` does, because programs print errors with `{:?}`.
impl<T: AsRef<str>> fmt::Debug for Outside<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outside({self})")
    }
}

/// Returns a whole message with every part that a terminal or a CI system could take for an order
/// quoted. It isn't cut, because most of it is our own text. Quoting twice changes nothing.
pub(crate) fn quoted(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    // Writing to a string doesn't fail.
    let _ = write_quoted(message, &mut text);
    text
}

/// An error of another library, as the quoted text of its chain: its text can come from outside.
#[derive(Debug, Clone)]
pub(crate) struct Quoted {
    text: Outside,
    source: Option<Box<Quoted>>,
}

impl Quoted {
    pub(crate) fn new(error: &(dyn StdError + 'static)) -> Self {
        let source = error.source().map(|source| Box::new(Self::new(source)));
        Self { text: Outside(error.to_string()), source }
    }
}

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl StdError for Quoted {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

fn write_quoted(text: &str, out: &mut impl fmt::Write) -> fmt::Result {
    let mut plain = 0;
    let start = text.len() - text.trim_start().len();
    for (at, c) in text.char_indices() {
        let is_order = (c == '#' && starts_command(&text[at..]))
            || (at == start && text[at..].starts_with("::"));
        if !is_order && !is_hidden(c) {
            continue;
        }
        out.write_str(&text[plain..at])?;
        plain = at + c.len_utf8();
        match c {
            '\n' | '\r' | '\t' => write!(out, "{}", c.escape_default())?,
            _ => write!(out, "{}", c.escape_unicode())?,
        }
    }
    out.write_str(&text[plain..])
}

/// Returns a JSON document in which the strings have no character and no workflow command that a
/// terminal or a CI system could take for an order. JSON's own escapes keep the values the same.
pub(crate) fn escaped_json(document: &str) -> String {
    let mut escaped = String::with_capacity(document.len());
    for (at, c) in document.char_indices() {
        // Outside of strings, JSON has line breaks as its only control characters.
        let is_order = c == '#' && starts_command(&document[at..]);
        if c == '\n' || !(is_order || is_hidden(c)) {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            escaped.push_str(&format!("\\u{unit:04x}"));
        }
    }
    escaped
}

/// Returns whether a character is invisible, breaks the line, or orders the terminal about.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Returns whether a command of a CI system starts here: `##[error]`, `##vso[…]`, `##teamcity[…]`.
/// The runners recognise them anywhere in a line.
fn starts_command(text: &str) -> bool {
    let rest = text.strip_prefix("##").unwrap_or_default();
    rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).starts_with('[')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_orders_a_terminal_about_is_escaped() {
        for (raw, shown) in [
            ("plain text, ünïcode `and` \"quotes\" \\", "plain text, ünïcode `and` \"quotes\" \\"),
            ("a\nb\r\tc", r"a\nb\r\tc"),
            ("\u{1b}[31mred\u{7}\u{0}\u{7f}", r"\u{1b}[31mred\u{7}\u{0}\u{7f}"),
            ("\u{9b}31m\u{85}", r"\u{9b}31m\u{85}"),
            ("a\u{2028}b\u{2029}", r"a\u{2028}b\u{2029}"),
            ("\u{61c}\u{200e}\u{200f}", r"\u{61c}\u{200e}\u{200f}"),
            ("\u{202a}\u{202e}\u{2066}\u{2069}", r"\u{202a}\u{202e}\u{2066}\u{2069}"),
            ("\u{200b}\u{200d}\u{2060}\u{feff}", r"\u{200b}\u{200d}\u{2060}\u{feff}"),
            ("\u{e0001}\u{e007f}", r"\u{e0001}\u{e007f}"),
        ] {
            assert_eq!(Outside::new(raw).to_string(), shown);
            assert_eq!(Outside::new(raw).raw(), raw);
        }
    }

    #[test]
    fn workflow_commands_are_broken() {
        for (raw, shown) in [
            ("##[error]x", r"\u{23}#[error]x"),
            ("a ##[group]x", r"a \u{23}#[group]x"),
            ("##vso[task.setvariable]x", r"\u{23}#vso[task.setvariable]x"),
            ("a ##VSO[task]", r"a \u{23}#VSO[task]"),
            ("###[error]", r"#\u{23}#[error]"),
            ("##teamcity[x]", r"\u{23}#teamcity[x]"),
            ("## heading", "## heading"),
            ("::set-output name=a::b", r"\u{3a}:set-output name=a::b"),
            ("  ::error::x", r"  \u{3a}:error::x"),
            ("\u{3000}::error::x", "\u{3000}\\u{3a}:error::x"),
            ("a\n::error::x", r"a\n::error::x"),
            ("a::b", "a::b"),
        ] {
            assert_eq!(Outside::new(raw).to_string(), shown);
        }
    }

    #[test]
    fn long_text_is_cut_and_its_length_told() {
        let whole = "x".repeat(LIMIT);
        assert_eq!(Outside::new(&whole).to_string(), whole);
        let cut = Outside::new(format!("{whole}x")).to_string();
        assert_eq!(cut, format!("{whole}… (2049 bytes in all)"));
        let cut = Outside::new("ü".repeat(2000)).to_string();
        assert_eq!(cut, format!("{}… (4000 bytes in all)", "ü".repeat(1024)));
        let odd = format!("a{}", "ü".repeat(2000));
        assert!(Outside::new(odd).to_string().ends_with("ü… (4001 bytes in all)"));
        assert_eq!(quoted(&"\n".repeat(3000)).len(), 6000, "a message isn't cut");
    }

    #[test]
    fn a_chain_of_errors_is_quoted_link_by_link() {
        #[derive(Debug, thiserror::Error)]
        #[error("a\n{0}")]
        struct Link(&'static str, #[source] std::io::Error);

        let chain = Quoted::new(&Link("::error", std::io::Error::other("b\u{1b}[2J")));
        assert_eq!(chain.to_string(), r"a\n::error");
        assert_eq!(chain.source().unwrap().to_string(), r"b\u{1b}[2J");
    }

    #[test]
    fn a_line_begins_with_a_name_or_with_our_words() {
        for (raw, shown) in [
            ("web:7", "web:7"),
            ("arn:aws:ecs:eu-west-1:1:service/a/b", "arn:aws:ecs:eu-west-1:1:service/a/b"),
            ("all is well", "the task `all is well`"),
            ("::error::x", r"the task `\u{3a}:error::x`"),
            ("", "the task ``"),
        ] {
            assert_eq!(Outside::new(raw).named("the task"), shown);
        }
    }

    #[test]
    fn a_document_keeps_its_values() {
        let value = "a\u{9b}\u{202e}\u{e0001}\u{7f} ##[error] ##vso[x] # \n\u{1b}";
        let document = serde_json::to_string_pretty(&serde_json::json!({ "a": value })).unwrap();
        let escaped = escaped_json(&document);
        assert_eq!(
            escaped,
            "{\n  \"a\": \"a\\u009b\\u202e\\udb40\\udc01\\u007f \\u0023#[error] \\u0023#vso[x] # \
             \\n\\u001b\"\n}"
        );
        let same: serde_json::Value = serde_json::from_str(&escaped).unwrap();
        assert_eq!(same["a"], value);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_one_harmless_line(raw in ".*|[#:\\[vso \u{1b}\n\u{2028}a]{0,40}") {
            let shown = Outside::new(&raw).to_string();
            prop_assert!(!shown.contains(is_hidden), "{shown:?}");
            prop_assert!(!shown.contains("##[") && !shown.contains("##vso["), "{shown:?}");
            prop_assert!(!shown.trim_start().starts_with("::"), "{shown:?}");
            prop_assert_eq!(quoted(&shown), shown);
        }
    }
}
