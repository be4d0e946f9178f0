//! Text that stands for another one: variables and tokens that were not replaced, and the words
//! that tools print for a missing value.

use crate::text::flaw::{Flaw, Quoted};
use crate::text::problem_kind::ProblemKind;

/// Finds each variable, token or placeholder that was not replaced. `kind` is that of a variable of
/// a shell.
pub(crate) fn find_unexpanded(text: &str, kind: ProblemKind) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let mut reached = 0;
    for (at, _) in text.char_indices() {
        if at < reached {
            continue;
        }
        let Some((token, len)) = Token::at(text, at) else { continue };
        // A container can be called `job__A__b`, but not `__NAME__`.
        let is_part_of_name = kind == ProblemKind::UnexpandedName && len < text.len();
        if is_part_of_name && text[at..].starts_with('_') {
            continue;
        }
        reached = at + len;
        let quoted = Quoted(&text[at..reached]);
        let is_whole = len == text.len();
        let (kind, what) = match token {
            Token::Angled if is_null_placeholder(&text[at..reached]) => {
                (ProblemKind::NullText, format!("{quoted} was not replaced"))
            }
            // A placeholder of CodeDeploy is the whole image. In a container name, all
            // placeholders are of one kind.
            Token::Angled if kind == ProblemKind::Unexpanded && is_whole => {
                (ProblemKind::Placeholder, format!("{quoted} was not replaced"))
            }
            Token::Angled if kind == ProblemKind::Unexpanded => {
                let what = format!("{quoted} is a placeholder of a documentation or a template");
                (ProblemKind::UnreplacedToken, what)
            }
            Token::Angled | Token::Shell => (kind, format!("{quoted} was not replaced")),
            Token::Masked => (
                ProblemKind::UnreplacedToken,
                format!("{quoted} is a value that a CI system masked"),
            ),
            Token::Of(tool) => {
                let what = format!("{quoted} was not replaced by {tool}");
                (ProblemKind::UnreplacedToken, what)
            }
        };
        flaws.push(Flaw::new(at, kind, what));
    }
    flaws
}

/// Whether a text consists only of words that tools print for a missing value: `None` of Python and
/// the AWS CLI, `null` of jq, `undefined` of Node.js. No image, tag or container has such a name.
pub(crate) fn is_null(text: &str) -> bool {
    let is_word = |word: &str| matches!(word, "None" | "null" | "undefined");
    text.split(['-', '_', '.']).all(is_word)
}

/// Whether `docker images` or a Go template prints this for a missing value.
fn is_null_placeholder(text: &str) -> bool {
    matches!(text, "<none>" | "<no value>" | "<nil>")
}

enum Token {
    /// `<NAME>`
    Angled,
    /// `***`
    Masked,
    /// The token of a tool.
    Of(&'static str),
    /// `$NAME`, `${NAME}`, `$(COMMAND)`
    Shell,
}

impl Token {
    /// Returns the token that begins at this byte, and its length.
    fn at(text: &str, at: usize) -> Option<(Self, usize)> {
        let rest = &text[at..];
        let up_to = |end: &str| rest.find(end).map_or(rest.len(), |found| found + end.len());
        let closed = |end: &str| rest.find(end).map(|found| found + end.len());
        let begins = |start: &str| rest.starts_with(start);
        match rest.as_bytes().first()? {
            b'$' if begins("${{") => Some((Self::Of("GitHub Actions"), up_to("}}"))),
            b'$' if begins("$${") => Some((
                Self::Of("a shell: `$$` is an escaped `$` in templates and Compose files"),
                up_to("}"),
            )),
            b'$' if begins("${Token[") => {
                Some((Self::Of("the CDK, which resolves tokens in its templates"), up_to("}")))
            }
            b'$' if begins("${") => Some((Self::Shell, up_to("}"))),
            b'$' if begins("$(") => Some((Self::Shell, up_to(")"))),
            b'$' => {
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let len = 1 + rest[1..].find(|c| !is_name(c)).unwrap_or(rest.len() - 1);
                (len > 1).then_some((Self::Shell, len))
            }
            b'<' => {
                let len = up_to(">");
                (len > 1).then_some((Self::Angled, len))
            }
            b'#' if begins("#{") => Some((Self::Of("CodePipeline or another tool"), closed("}")?)),
            b'{' if begins("{{") => Some((Self::Of("a template engine"), closed("}}")?)),
            b'%' => Some((Self::Of("cmd.exe"), enclosed(rest, "%", is_variable)?)),
            b'@' if begins("@@") => {
                Some((Self::Of("a template"), enclosed(rest, "@@", is_variable)?))
            }
            b'@' => Some((Self::Of("a template"), enclosed(rest, "@", is_constant)?)),
            b'*' if begins("***") => {
                Some((Self::Masked, rest.find(|c| c != '*').unwrap_or(rest.len())))
            }
            b'_' if !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric()) => {
                let len = enclosed(rest, "__", is_constant)?;
                let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
                (!rest[len..].starts_with(is_part)).then_some((Self::Of("a template"), len))
            }
            _ => None,
        }
    }
}

/// Returns the length of a name between two marks.
fn enclosed(rest: &str, mark: &str, is_name: fn(&str) -> bool) -> Option<usize> {
    let inner = rest.strip_prefix(mark)?;
    let end = inner.find(mark)?;
    is_name(&inner[..end]).then_some(end + 2 * mark.len())
}

fn is_variable(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_.".contains(&byte);
    name.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && name.bytes().all(is_part)
}

/// Whether a name is in capitals: a tag can be `__main__`, but hardly `__MAIN__`.
fn is_constant(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    name.bytes().next().is_some_and(|first| first.is_ascii_uppercase()) && name.bytes().all(is_part)
}
