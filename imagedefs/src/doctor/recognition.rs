//! Texts that are something else than JSON: recognised by name, before or after they are parsed.

use crate::text::edit::Repair;
use crate::text::flaw::{Flaw, Quoted};
use crate::text::foreign::{entity, is_color};
use crate::text::json::{Document, Node, Value};
use crate::text::problem_kind::ProblemKind;

/// Recognises a text that no JSON reader needs to see.
pub(super) fn foreign_text(text: &str) -> Option<Flaw> {
    let start = text.len() - text.trim_start().len();
    let content = &text[start..];
    if content.starts_with("version https://git-lfs.github.com/spec/") {
        return Some(Flaw::new(
            start,
            ProblemKind::GitLfsPointer,
            "the file is a pointer of Git LFS",
        ));
    }
    if let Some(at) = line_with(text, "<<<<<<< ") {
        let what = "the file has the markers of a merge conflict";
        return Some(Flaw::new(at, ProblemKind::MergeConflict, what));
    }
    if let Some((at, _)) = text.match_indices('\u{1b}').find(|(at, _)| is_color(&text[*at..])) {
        let what = "the text has an escape sequence for a color";
        return Some(Flaw::new(at, ProblemKind::TerminalColor, what));
    }
    is_yaml(content).then(|| Flaw::new(start, ProblemKind::Yaml, "the file is YAML"))
}

/// Recognises quotes that are escaped for HTML, in a text that the reader could not read. Entities
/// within a string are found in its value.
pub(super) fn escaped_for_html(text: &str, document: &Document<'_>) -> Option<Flaw> {
    let at = ["&quot;", "&#34;", "&#x22;"].iter().find_map(|entity| text.find(entity))?;
    let what = format!("the text has {}", entity(&text[at..])?);
    (!document.is_complete).then(|| Flaw::new(at, ProblemKind::HtmlEntity, what))
}

/// Recognises an option of `echo` in front of the array. Also returns where the array begins.
pub(super) fn echo_option(text: &str) -> Option<(Flaw, usize)> {
    let start = text.len() - text.trim_start().len();
    let (option, rest) = text[start..].split_once(' ')?;
    let letters = option.strip_prefix('-')?;
    if letters.is_empty() || !letters.chars().all(|c| "neE".contains(c)) {
        return None;
    }
    if !rest.trim_start().starts_with(['[', '{']) {
        return None;
    }
    let what = format!("the text begins with `{option}`");
    let len = option.len() + " ".len();
    let repair = Repair::structure("the option of `echo` is removed").delete(start, len);
    let flaw = Flaw::new(start, ProblemKind::EchoOption, what).repaired(repair);
    Some((flaw, start + len))
}

/// Recognises the output of another command before or after the array, in a text that the reader
/// could not read to its end. Returns the document without that output.
pub(super) fn without_other_output<'a>(
    text: &'a str,
    document: &Document<'a>,
) -> Option<(Flaw, Document<'a>)> {
    if document.is_complete {
        return None;
    }
    let other = |at: usize, place: &str| {
        let line = text[at..].lines().next().unwrap_or_default().trim();
        let what = format!("other text {place} the array: {}", Quoted(line));
        Flaw::new(at, ProblemKind::OtherOutput, what)
    };
    if let Some((end, document)) = array_with_output(text, 0, document) {
        return Some((other(end, "after"), document));
    }
    let start = text.len() - text.trim_start().len();
    let is_array = |at: &usize| *at > start && text[at + 1..].trim_start().starts_with('{');
    let arrays = text.match_indices('[').map(|(at, _)| at).filter(is_array);
    arrays.take(MAX_ARRAYS).find_map(|at| {
        if Document::read(&text[..at]).is_complete {
            return None;
        }
        let document = Document::read_from(text, at);
        let is_array = matches!(document.values[..], [Node { value: Value::Array(_), .. }]);
        let document = match array_with_output(text, at, &document) {
            Some((_, document)) => document,
            None if document.is_complete && is_array => document,
            None => return None,
        };
        Some((other(start, "before"), document))
    })
}

/// Returns the document of an array that other output follows, and where that begins.
fn array_with_output<'a>(
    text: &'a str,
    at: usize,
    document: &Document<'a>,
) -> Option<(usize, Document<'a>)> {
    let [Node { end, value: Value::Array(_), .. }] = &document.values[..] else { return None };
    let rest = text[*end..].trim_start();
    let is_json = rest.starts_with(['[', ']', '{', '}', '"', '\'', ',', ':']);
    let document = Document::read_from(&text[..*end], at);
    (!rest.is_empty() && !is_json && document.is_complete)
        .then_some((text.len() - rest.len(), document))
}

/// The limit of the search for the array.
const MAX_ARRAYS: usize = 10;

/// Returns the place of the first line that begins with a text.
fn line_with(text: &str, start: &str) -> Option<usize> {
    text.match_indices(start).map(|(at, _)| at).find(|at| *at == 0 || text[..*at].ends_with('\n'))
}

/// Whether the first line is the beginning of a sequence or a mapping in YAML.
fn is_yaml(content: &str) -> bool {
    let mut lines =
        content.lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with('#'));
    let Some(first) = lines.next() else { return false };
    let is_key = |text: &str| {
        text.split_once(": ").map(|(key, _)| key).or(text.strip_suffix(':')).is_some_and(|key| {
            !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    };
    let names = ["name", "imageUri"];
    match first.strip_prefix("- ") {
        Some(item) => is_key(item) || item.starts_with(['{', '"', '[']),
        None if first.starts_with("---") => true,
        None => names.iter().any(|name| first.starts_with(name)) && is_key(first),
    }
}
