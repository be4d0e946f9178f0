//! [`Examination`]: the check of a text that is to be a task definition, and its repair.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::error::Error;
use crate::error::repr::Repr;
use crate::json::places::{Place, line_and_column, places};
use crate::json::value::{Json, Object};
use crate::revision::check::examine;
use crate::revision::check::format::{cure, decode};
use crate::revision::check::problem::{Problem, ProblemKind, Repair, Severity};
use crate::revision::document::{capitals, strip};

/// The result of a check of a file that is to be a task definition: all problems at once, each with
/// its place, cause and cure. Makes no call to AWS.
///
/// It accepts the three forms that [`Revision`](crate::Revision) reads, in UTF-8 or UTF-16. It names
/// other formats, such as YAML, JSON with comments and CloudFormation's spelling.
///
/// ```
/// use ecs_deploy::check::Examination;
///
/// let examination = Examination::new(
///     br#"{"family": "web", "containerDefinitions": [
///         {"name": "web", "image": "web:1", "memory": "512", "enviroment": []}
///     ]}"#,
/// );
/// let lines: Vec<Option<usize>> = examination.problems().iter().map(|it| it.line()).collect();
/// assert_eq!(lines, [Some(2), Some(2)]);
/// let fixed = examination.fixed().unwrap();
/// assert!(fixed.contains("\"memory\": 512, \"environment\": []"));
/// ```
#[derive(Debug, Clone)]
pub struct Examination {
    text: String,
    places: BTreeMap<String, Place>,
    problems: Vec<Problem>,
}

impl Examination {
    /// Checks the bytes of a file.
    pub fn new(bytes: &[u8]) -> Self {
        if bytes.len() > LARGEST {
            let what = format!("the file has {} bytes, which is no task definition", bytes.len());
            let cure = "a task definition has at most 65536 bytes";
            let problem = Problem::new(ProblemKind::Size, "", what, cure);
            return Self::failed(String::new(), problem);
        }
        match decode(bytes) {
            Ok(text) => Self::of_text(text),
            Err(problem) => {
                let (what, cure) = problem.split_once(": ").unwrap_or((&problem, ""));
                let problem = Problem::new(ProblemKind::Format, "", what, cure);
                Self::failed(String::new(), problem)
            }
        }
    }

    /// Checks a file. Blocks.
    ///
    /// # Errors
    /// Returns [`File`](crate::ErrorKind::File) if the file can't be read.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let name = path.as_ref().display().to_string();
        match fs::read(path) {
            Ok(bytes) => Ok(Self::new(&bytes)),
            Err(source) => Err(Repr::File { path: name, action: "read", source }.into()),
        }
    }

    /// Returns all problems, ordered by their place.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Returns whether there are no errors; warnings may remain.
    pub fn is_valid(&self) -> bool {
        self.problems.iter().all(|it| it.severity() == Severity::Warning)
    }

    /// Returns the text with the certain repairs: misspelled members with one near name, and values
    /// of another type that mean the same. Everything else stays as it is. `None` if no problem has
    /// a certain repair. Problems may remain: examine the result.
    pub fn fixed(&self) -> Option<String> {
        let mut edits: Vec<(std::ops::Range<usize>, String)> = Vec::new();
        for problem in &self.problems {
            let Some(place) = self.places.get(problem.path()) else { continue };
            match problem.repair() {
                Some(Repair::Rename(name)) if !self.has_sibling(problem.path(), name) => {
                    if let Some(range) = place.name.clone() {
                        edits.push((range, format!("\"{name}\"")));
                    }
                }
                Some(Repair::Replace(json)) => edits.push((place.value.clone(), json.clone())),
                _ => {}
            }
        }
        if edits.is_empty() {
            return None;
        }
        // From the end, so that the earlier ranges stay valid. A range inside a replaced one is
        // repaired by the next examination.
        edits.sort_by_key(|(range, _)| std::cmp::Reverse((range.start, range.end)));
        let (mut text, mut next) = (self.text.clone(), usize::MAX);
        for (range, replacement) in edits {
            if range.end <= next {
                next = range.start;
                text.replace_range(range, &replacement);
            }
        }
        Some(text)
    }

    fn of_text(text: String) -> Self {
        let json = match Json::parse(&text) {
            Ok(json) => json,
            Err(flaw) => {
                let (line, column) = flaw.place();
                let cure = cure(&text, line, column).unwrap_or("correct the JSON there");
                let problem = Problem::new(ProblemKind::Format, "", flaw.problem(), cure);
                return Self::failed(text, problem.at(line, column));
            }
        };
        let places = places(&text);
        let (prefix, mut members) = match root(json) {
            Ok(root) => root,
            Err(problem) => return Self::failed(text, problem.at(1, 1)),
        };
        strip(&mut members);
        let problems = match capitals(&members) {
            Some((what, cure)) => vec![Problem::new(ProblemKind::Format, "", what, cure)],
            None => structure(&members).into_iter().chain(examine(&members)).collect(),
        };
        let located = |problem: Problem| {
            let problem = problem.below(prefix);
            let place = places.get(problem.path()).or_else(|| places.get(parent(problem.path())));
            let (line, column) = line_and_column(&text, place.map_or(0, Place::start));
            problem.at(line, column)
        };
        let mut problems: Vec<Problem> = problems.into_iter().map(located).collect();
        problems.sort_by_key(|it| (it.line(), it.column()));
        Self { text, places, problems }
    }

    fn failed(text: String, problem: Problem) -> Self {
        Self { text, places: BTreeMap::new(), problems: vec![problem] }
    }

    fn has_sibling(&self, path: &str, name: &str) -> bool {
        let sibling = match path.rsplit_once('.') {
            Some((parent, _)) => format!("{parent}.{name}"),
            None => name.to_owned(),
        };
        let same = |problem: &Problem| {
            problem.path() != path
                && parent(problem.path()) == parent(path)
                && problem.repair() == Some(&Repair::Rename(name.to_owned()))
        };
        self.places.contains_key(&sibling) || self.problems.iter().any(same)
    }
}

/// More than any task definition has, so that the check stays quick.
const LARGEST: usize = 4 * 1024 * 1024;

/// Returns the members to register, and the prefix of their places.
fn root(json: Json) -> Result<(&'static str, Object), Box<Problem>> {
    let format =
        |what: &str, cure: &str| Box::new(Problem::new(ProblemKind::Format, "", what, cure));
    match json {
        Json::Object(mut document) => match document.get("taskDefinition") {
            Some(Json::Object(inner)) if document.get("family").is_none() => {
                let inner = inner.clone();
                document.remove("taskDefinition");
                Ok(("taskDefinition.", inner))
            }
            _ => Ok(("", document)),
        },
        Json::Array(_) => Err(format(
            "it is a list, such as the container definitions alone",
            "write {\"family\": \"NAME\", \"containerDefinitions\": […]} around it",
        )),
        _ => Err(format("it isn't an object", "write a task definition")),
    }
}

/// The members without which it isn't a task definition.
fn structure(members: &Object) -> Vec<Problem> {
    let missing =
        |path: String, what: &str, cure: &str| Problem::new(ProblemKind::Missing, path, what, cure);
    let mut problems = Vec::new();
    match members.get("family") {
        None | Some(Json::Null) => {
            let cure = "add \"family\": \"NAME\", the name of the task definition";
            problems.push(missing("family".to_owned(), "is missing", cure));
        }
        _ => {}
    }
    let containers = match members.get("containerDefinitions") {
        None | Some(Json::Null) => {
            let cure = "add the containers, as `aws ecs describe-task-definition` prints them";
            problems.push(missing("containerDefinitions".to_owned(), "is missing", cure));
            return problems;
        }
        Some(Json::Array(containers)) => containers,
        Some(_) => return problems,
    };
    if containers.is_empty() {
        problems.push(missing("containerDefinitions".to_owned(), "is empty", "add a container"));
    }
    let mut names = std::collections::BTreeSet::new();
    for (at, container) in containers.iter().enumerate() {
        let Some(container) = container.as_object() else { continue };
        let path = format!("containerDefinitions[{at}].name");
        match container.get("name") {
            None | Some(Json::Null) => {
                problems.push(missing(path, "is missing", "name the container"));
            }
            Some(Json::String(name)) if !names.insert(name) => {
                let what = format!("is `{}`, like another container's", name.escape_debug());
                let cure = "give each container a name of its own";
                problems.push(Problem::new(ProblemKind::Duplicate, path, what, cure));
            }
            _ => {}
        }
    }
    problems
}

/// Returns the place around a place.
fn parent(path: &str) -> &str {
    path.rfind(['.', '[']).map_or("", |at| &path[..at])
}
