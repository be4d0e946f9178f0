//! [`Diff`]: the changes from one task definition to the next.

use std::collections::BTreeSet;
use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::outside::Outside;
use crate::revision::Revision;
use crate::revision::canonical::Node;

/// The differences between two task definitions, in a fixed order; empty if they are the same.
///
/// It contains only differences that matter to ECS. It ignores the order of lists such as
/// environment variables and ports, and the members that ECS adds at registration. A file in git
/// therefore shows no difference from the revision that was registered from it.
///
/// `Display` prints each change in two or three lines: its place, the old value, the new value.
///
/// ```text
/// containers.web.image
///   - 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:1
///   + 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:2
/// containers.web.environment.LOG
///   + ***
/// ```
///
/// The values of environment variables are masked, because a diff ends up in logs;
/// [`with_values`](Self::with_values) shows them. Secrets are shown, because a task definition
/// contains only the place of a secret. All other values are shown too, including commands, labels
/// and options of the log driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diff {
    changes: Vec<Change>,
}

/// One difference.
///
/// `Display` quotes the text of task definitions and cuts it after 2 KiB. The methods and serde's
/// formats have it unquoted.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    path: String,
    before: Option<String>,
    after: Option<String>,
    is_masked: bool,
}

impl Diff {
    /// Returns the changes from `before` to `after`, registered or not.
    ///
    /// ```
    /// use ecs_deploy::Revision;
    /// use ecs_deploy::diff::Diff;
    ///
    /// let before: Revision = r#"{
    ///     "family": "web",
    ///     "containerDefinitions": [{ "name": "web", "image": "web:1", "essential": true }]
    /// }"#
    /// .parse()?;
    /// let mut after = before.clone();
    /// after.set_images([("web", "web:2")])?;
    /// assert_eq!(
    ///     Diff::between(&before, &after).to_string(),
    ///     "containers.web.image\n  - web:1\n  + web:2\n"
    /// );
    /// # Ok::<(), ecs_deploy::Error>(())
    /// ```
    pub fn between(before: &Revision, after: &Revision) -> Self {
        Self::new(Some(&before.canonical()), &after.canonical())
    }

    /// Returns whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Returns the changes, ordered by their place in the task definition.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Shows the values of environment variables, which may be unsuitable for a log.
    pub fn with_values(mut self) -> Self {
        for change in &mut self.changes {
            change.is_masked = false;
        }
        self
    }

    /// Returns a colored form for a terminal, with red and green by ANSI escapes. The caller
    /// decides whether the output is a terminal and whether the user wants colors (`NO_COLOR`).
    pub fn colored(&self) -> impl fmt::Display + '_ {
        fmt::from_fn(|f| self.changes.iter().try_for_each(|change| change.print(f, &COLORS)))
    }

    fn new(before: Option<&Node>, after: &Node) -> Self {
        let mut changes = Vec::new();
        compare(&mut Vec::new(), before, Some(after), &mut changes);
        Self { changes }
    }
}

impl Revision {
    /// Returns the differences from the revision that this is a copy of or based on; everything if
    /// there is no such revision.
    pub fn diff(&self) -> Diff {
        Diff::new(self.base_canonical().as_ref(), &self.canonical())
    }
}

impl Change {
    /// Returns the place of the change: the names of the members, outermost first. Elements of a
    /// list have their name or another key, as in `containers.web.portMappings.8080/tcp.name`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the old value: a string without quotes, any other value as JSON; `None` if it was
    /// added. The value of an environment variable is `***` unless [`Diff::with_values`] was
    /// called.
    pub fn before(&self) -> Option<&str> {
        self.shown(&self.before)
    }

    /// Returns the new value in the same form; `None` if it was removed.
    pub fn after(&self) -> Option<&str> {
        self.shown(&self.after)
    }

    fn shown<'a>(&self, value: &'a Option<String>) -> Option<&'a str> {
        value.as_deref().map(|value| if self.is_masked { MASK } else { value })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>, colors: &Colors) -> fmt::Result {
        match self.path.starts_with(|c: char| c.is_ascii_alphabetic()) {
            true => writeln!(f, "{}", Outside::new(&self.path))?,
            // No member of ECS begins like this: the line must not begin with it either.
            false => writeln!(f, "`{}`", Outside::new(&self.path))?,
        }
        for (sign, color, text) in
            [('-', colors.before, self.before()), ('+', colors.after, self.after())]
        {
            if let Some(text) = text {
                write!(f, "{color}  {sign} ")?;
                writeln!(f, "{}{}", Outside::new(text), colors.end)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.changes.iter().try_for_each(|change| change.fmt(f))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(f, &PLAIN)
    }
}

/// Masks values like `Display`.
impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut change = serializer.serialize_struct("Change", 3)?;
        change.serialize_field("path", &self.path)?;
        change.serialize_field("before", &self.before())?;
        change.serialize_field("after", &self.after())?;
        change.end()
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("path", &self.path)
            .field("before", &self.before())
            .field("after", &self.after())
            .finish()
    }
}

struct Colors {
    before: &'static str,
    after: &'static str,
    end: &'static str,
}

const PLAIN: Colors = Colors { before: "", after: "", end: "" };
const COLORS: Colors = Colors { before: "\x1b[31m", after: "\x1b[32m", end: "\x1b[0m" };
pub(super) const MASK: &str = "***";

fn compare(
    path: &mut Vec<String>,
    before: Option<&Node>,
    after: Option<&Node>,
    changes: &mut Vec<Change>,
) {
    let (old, new) = match (before, after) {
        (before, after) if before == after => return,
        (Some(Node::Branch(old)), Some(Node::Branch(new))) => (Some(old), Some(new)),
        // An added or removed object is shown by its parts, because some of them are masked.
        (Some(Node::Branch(old)), None) => (Some(old), None),
        (None, Some(Node::Branch(new))) => (None, Some(new)),
        (before, after) => {
            let text = |node: Option<&Node>| node.map(Node::text);
            let (mut old, mut new) = (text(before), text(after));
            // The string "512" and the number 512 differ by their quotes alone.
            if old == new {
                let json = |node: Option<&Node>| node.map(|it| it.to_json().to_string());
                (old, new) = (json(before), json(after));
            }
            let (path, is_masked) = (path.join("."), is_masked(path));
            changes.push(Change { path, before: old, after: new, is_masked });
            return;
        }
    };
    let names: BTreeSet<&String> =
        [old, new].into_iter().flatten().flat_map(|members| members.keys()).collect();
    for name in names {
        path.push(match (path.is_empty(), name.as_str()) {
            (true, "containerDefinitions") => CONTAINERS.to_owned(),
            _ => name.clone(),
        });
        compare(path, old.and_then(|it| it.get(name)), new.and_then(|it| it.get(name)), changes);
        path.pop();
    }
}

/// Returns whether a value is masked: environment variables, and objects that may contain them.
pub(super) fn is_masked(path: &[String]) -> bool {
    path.first().is_some_and(|first| first == CONTAINERS)
        && path.get(2).is_none_or(|member| member == "environment")
}

pub(super) const CONTAINERS: &str = "containers";

/// Prints text in one line, with control characters escaped so that a terminal doesn't obey them.
#[cfg(test)]
mod tests;
