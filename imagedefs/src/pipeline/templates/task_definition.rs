//! The task definition of a blue/green deployment, reduced to its placeholders.

use crate::nearest::nearest;
use crate::pipeline::templates::mismatch::{
    Mismatch, Place, TASK_DEFINITION_PLACEHOLDER, placeholders,
};
use crate::text::flaw::{Quoted, locate};
use crate::text::json::{Document, Member, Node, Value, member};

/// The relevant parts of a `taskdef.json`.
#[derive(Default)]
pub(super) struct TaskDefinition {
    containers: Vec<Container>,
    /// The placeholders outside the images of containers: line and name.
    strays: Vec<(usize, String)>,
    mismatches: Vec<Mismatch>,
}

struct Container {
    name: String,
    image: String,
    line: usize,
}

impl TaskDefinition {
    pub(super) fn read(text: &str) -> Self {
        let mut this = Self::default();
        // Editors on Windows write a byte order mark, which CodePipeline accepts.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let document = Document::read(text);
        for problem in locate(text, document.flaws) {
            let place = Place::TaskDefinition(Some(problem.line()));
            this.mismatches.push(Mismatch::new(place, problem.what()));
        }
        if !this.mismatches.is_empty() {
            return this;
        }
        let root = match &document.values[..] {
            [Node { value: Value::Object(members), .. }] => members,
            [] => return this.refuse("it is empty"),
            [node] if document.values.len() == 1 => {
                return this.refuse(format!("it is {}, not an object", node.value.describe()));
            }
            _ => return this.refuse("it has several values in a row"),
        };
        // Some files hold the whole response of DescribeTaskDefinition.
        if let Some(Node { value: Value::Object(_), .. }) = member(root, "taskDefinition") {
            return this.refuse(
                "it is a response of DescribeTaskDefinition: use the value of its `taskDefinition`",
            );
        }
        let Some(Node { value: Value::Array(elements), .. }) = member(root, "containerDefinitions")
        else {
            return this.refuse("missing array `containerDefinitions`");
        };
        let line_of = |offset: usize| 1 + text[..offset].matches('\n').count();
        let mut images = Vec::new();
        for element in elements {
            let Value::Object(members) = &element.value else {
                continue;
            };
            let name = match member(members, "name") {
                Some(Node { value: Value::String(name), .. }) => name.as_str(),
                _ => "",
            };
            if let Some(Node { offset, value: Value::String(image), .. }) = member(members, "image")
            {
                images.push(*offset);
                let (name, image) = (name.to_owned(), image.as_str().to_owned());
                this.containers.push(Container { name, image, line: line_of(*offset) });
            }
        }
        strings(root, &mut |offset, string| {
            if !images.contains(&offset) {
                let names = placeholders(string).map(|name| (line_of(offset), name.to_owned()));
                this.strays.extend(names);
            }
        });
        this
    }

    pub(super) fn check(&self, names: &[String]) -> Vec<Mismatch> {
        let mut mismatches = Vec::new();
        let mismatch = |line, what| Mismatch::new(Place::TaskDefinition(Some(line)), what);
        for Container { name, image, line } in &self.containers {
            let container = Quoted(name);
            let whole = image.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
            if whole.is_some_and(|whole| names.iter().any(|name| name == whole)) {
                continue;
            }
            let quoted = Quoted(image);
            if let Some(bare) = names.iter().find(|name| *name == image) {
                mismatches.push(mismatch(
                    *line,
                    format!(
                        "the image of the container {container} is {quoted}: expected `<{bare}>`"
                    ),
                ));
            } else if let Some(within) = placeholders(image).next() {
                mismatches.push(mismatch(
                    *line,
                    match nearest_or_known(within, names) {
                        PlaceholderMatch::Itself => format!(
                            "the image of the container {container} is {quoted}: expected \
                             `<{within}>` alone, which stands for the whole reference"
                        ),
                        PlaceholderMatch::Nearest(name) => format!(
                            "the image of the container {container} is {quoted}, which the action \
                         doesn't replace; it replaces `<{name}>`"
                        ),
                        PlaceholderMatch::Nothing => format!(
                            "the image of the container {container} is {quoted}, which the action \
                         doesn't replace"
                        ),
                    },
                ));
            }
        }
        for (line, name) in &self.strays {
            if format!("<{name}>") == TASK_DEFINITION_PLACEHOLDER {
                let what = "`<TASK_DEFINITION>` belongs in the AppSpec";
                mismatches.push(mismatch(*line, what.to_owned()));
            } else if names.contains(name) {
                let what = format!("`<{name}>` is outside of a container's image");
                mismatches.push(mismatch(*line, what));
            }
        }
        if self.mismatches.is_empty() {
            for name in names.iter().filter(|name| !self.mentions(name)) {
                let what = format!("no container has the image `<{name}>`");
                mismatches.push(Mismatch::new(Place::TaskDefinition(None), what));
            }
        }
        let of_text = self.mismatches.iter().map(|it| Mismatch::new(it.place, it.what.clone()));
        of_text.chain(mismatches).collect()
    }

    /// Returns whether a container has this name. `None` if the task definition is invalid.
    pub(super) fn has_container(&self, name: &str) -> Option<bool> {
        let is_known = self.mismatches.is_empty();
        is_known.then(|| self.containers.iter().any(|container| container.name == name))
    }

    pub(super) fn nearest_container(&self, name: &str) -> Option<&str> {
        nearest(name, self.containers.iter().map(|container| container.name.as_str()))
    }

    /// Returns each placeholder with its container.
    pub(super) fn into_images(self) -> Vec<(String, String)> {
        let pair = |container: Container| {
            let name = container.image.strip_prefix('<')?.strip_suffix('>')?.to_owned();
            Some((name, container.name))
        };
        self.containers.into_iter().filter_map(pair).collect()
    }

    /// Whether a container uses the placeholder. A nearly correct use counts, because it has its
    /// own mismatch.
    fn mentions(&self, name: &str) -> bool {
        self.containers.iter().any(|container| {
            let is_meant = |other: &str| other.eq_ignore_ascii_case(name);
            container.image == name || placeholders(&container.image).any(is_meant)
        })
    }

    fn refuse(mut self, what: impl Into<String>) -> Self {
        self.mismatches.push(Mismatch::new(Place::TaskDefinition(None), what));
        self
    }
}

enum PlaceholderMatch<'a> {
    Itself,
    Nearest(&'a str),
    Nothing,
}

fn nearest_or_known<'a>(name: &str, names: &'a [String]) -> PlaceholderMatch<'a> {
    if names.iter().any(|other| other == name) {
        return PlaceholderMatch::Itself;
    }
    match nearest(name, names.iter().map(String::as_str)) {
        Some(nearest) => PlaceholderMatch::Nearest(nearest),
        None => PlaceholderMatch::Nothing,
    }
}

/// Visits all strings in the values of an object, with their places.
fn strings(members: &[Member<'_>], see: &mut dyn FnMut(usize, &str)) {
    fn within(node: &Node<'_>, see: &mut dyn FnMut(usize, &str)) {
        match &node.value {
            Value::Array(elements) => elements.iter().for_each(|element| within(element, see)),
            Value::Object(members) => strings(members, see),
            Value::String(text) => see(node.offset, text.as_str()),
            Value::Boolean | Value::Null | Value::Number => {}
        }
    }
    members.iter().for_each(|member| within(&member.node, see));
}
