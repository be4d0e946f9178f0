//! [`Diff`]: what changes from one task definition to the next.

use std::collections::BTreeSet;
use std::fmt::{self, Write};

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::revision::Revision;
use crate::revision::canonical::Node;

/// The differences between two task definitions, in a fixed order; empty where there are none.
///
/// It has what makes a difference to ECS, and no more: not the order of what has none, such as
/// environment variables and ports, nor the members that ECS adds to what was registered. So a file
/// that is kept in git shows nothing against the revision that was registered from it.
///
/// Prints each change in two or three lines: where it is, what was there, what is there now.
///
/// ```text
/// containers.web.image
///   - 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:1
///   + 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:2
/// containers.web.environment.LOG
///   + ***
/// ```
///
/// The values of environment variables are masked, since a diff ends up in logs;
/// [`with_values`](Self::with_values) shows them. Secrets are shown, because all that a task
/// definition has of one is where it is kept; and so is everything else, commands, labels and
/// options of the log driver included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diff {
    changes: Vec<Change>,
}

/// One difference.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    path: String,
    before: Option<String>,
    after: Option<String>,
    is_masked: bool,
}

impl Diff {
    /// What changes from what `before` holds to what `after` does, registered or not.
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

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The changes, by their place in the task definition.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// With the values of environment variables, which may hold what isn't for a log.
    pub fn with_values(mut self) -> Self {
        for change in &mut self.changes {
            change.is_masked = false;
        }
        self
    }

    /// Prints it for a terminal, in red and green by ANSI escapes. Whether there is a terminal, and
    /// whether the user wants colors (`NO_COLOR`), is for the caller to find out.
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
    /// The differences from the revision that this is a copy of or based on; everything, if it is
    /// neither.
    pub fn diff(&self) -> Diff {
        Diff::new(self.base_canonical().as_ref(), &self.canonical())
    }
}

impl Change {
    /// Where: the members' names from the outside in, the elements of a list by their name or what
    /// else tells them apart, such as `containers.web.portMappings.8080/tcp.name`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What was there: text as it is, everything else as JSON; `None` where nothing was. `***` for
    /// the value of an environment variable, unless [`Diff::with_values`] was called.
    pub fn before(&self) -> Option<&str> {
        self.shown(&self.before)
    }

    /// What is there now, in the same form; `None` where it was removed.
    pub fn after(&self) -> Option<&str> {
        self.shown(&self.after)
    }

    fn shown<'a>(&self, value: &'a Option<String>) -> Option<&'a str> {
        value.as_deref().map(|value| if self.is_masked { MASK } else { value })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>, colors: &Colors) -> fmt::Result {
        print_text(f, &self.path)?;
        f.write_char('\n')?;
        for (sign, color, text) in
            [('-', colors.before, self.before()), ('+', colors.after, self.after())]
        {
            if let Some(text) = text {
                write!(f, "{color}  {sign} ")?;
                print_text(f, text)?;
                writeln!(f, "{}", colors.end)?;
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

/// Masked as in `Display`.
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
const MASK: &str = "***";

fn compare(
    path: &mut Vec<String>,
    before: Option<&Node>,
    after: Option<&Node>,
    changes: &mut Vec<Change>,
) {
    let (old, new) = match (before, after) {
        (before, after) if before == after => return,
        (Some(Node::Branch(old)), Some(Node::Branch(new))) => (Some(old), Some(new)),
        // What comes or goes as a whole is shown by its parts, too, some of which are masked.
        (Some(Node::Branch(old)), None) => (Some(old), None),
        (None, Some(Node::Branch(new))) => (None, Some(new)),
        (before, after) => {
            changes.push(Change {
                path: path.join("."),
                before: before.map(Node::text),
                after: after.map(Node::text),
                is_masked: is_masked(path),
            });
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

/// Environment variables, and whatever may hold them.
fn is_masked(path: &[String]) -> bool {
    path.first().is_some_and(|first| first == CONTAINERS)
        && path.get(2).is_none_or(|member| member == "environment")
}

const CONTAINERS: &str = "containers";

/// In one line, and without what a terminal would obey.
fn print_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.chars().try_for_each(|c| match c.is_control() {
        true => write!(f, "{}", c.escape_debug()),
        false => f.write_char(c),
    })
}

#[cfg(test)]
mod tests;
