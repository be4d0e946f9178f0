//! Members that the SDK's schema doesn't have, and values of the wrong type.

use crate::json::value::{Json, Object};
use crate::names::nearest::nearest;
use crate::revision::check::placeholder::placeholder;
use crate::revision::check::problem::{Problem, ProblemKind, Repair};
use crate::revision::check::schema::{Mismatch, MismatchKind, Type, mismatches};

pub(super) fn types(members: &Object) -> Vec<Problem> {
    mismatches(members).into_iter().map(problem).collect()
}

fn problem(Mismatch { path, what }: Mismatch) -> Problem {
    match what {
        MismatchKind::Type { expected, found } => wrong_type(path, expected, &found),
        MismatchKind::Unknown { name, known } => unknown(path, &name, &known),
    }
}

/// A name near a known one is a spelling mistake. Any other one may be newer than the SDK: what ECS
/// makes of it shows at the registration.
fn unknown(path: String, name: &str, known: &[String]) -> Problem {
    let kind = ProblemKind::UnknownMember;
    let same = known.iter().find(|it| it.eq_ignore_ascii_case(name)).map(String::as_str);
    match same.or_else(|| nearest(name, known)) {
        Some(near) => {
            let what = format!("isn't a member that ECS knows (did you mean `{near}`?)");
            let cure = format!("rename it to `{near}`, because ECS would drop it silently");
            Problem::new(kind, path, what, cure).with_repair(Some(Repair::Rename(near.to_owned())))
        }
        None => {
            let what = "isn't a member that this build of the SDK knows";
            let cure =
                "remove it, unless it is newer than the SDK; a rollout stops if ECS drops it";
            Problem::new(kind, path, what, cure).into_warning()
        }
    }
}

fn wrong_type(path: String, expected: Type, found: &Json) -> Problem {
    if let Json::String(text) = found
        && let Some(placeholder) = placeholder(text)
    {
        let what = format!("contains the placeholder `{}`", placeholder.escape_debug());
        let cure = format!("replace it with {} without quotation marks", expected.noun());
        return Problem::new(ProblemKind::Placeholder, path, what, cure);
    }
    // The value of a variable may be secret.
    let is_shown = !path.contains(".environment[");
    let found_noun = match found {
        Json::Array(_) => "a list".to_owned(),
        Json::Bool(value) => format!("{value}"),
        Json::Null => "null".to_owned(),
        Json::Number(spelling) if is_shown => format!("the number {spelling}"),
        Json::Number(_) => "a number".to_owned(),
        Json::Object(_) => "an object".to_owned(),
        Json::String(text) if is_shown && text.len() <= 40 => {
            format!("the string {}", Json::from(text.as_str()))
        }
        Json::String(_) => "a string".to_owned(),
    };
    let what = format!("is {found_noun}, but {} is expected", expected.noun());
    let right = match (expected, found) {
        (Type::String, Json::Number(spelling)) => Some(format!("\"{spelling}\"")),
        (Type::String, Json::Bool(value)) => Some(format!("\"{value}\"")),
        (Type::Integer, Json::String(text)) => {
            text.trim().parse::<i32>().ok().map(|it| it.to_string())
        }
        (Type::Boolean, Json::String(text)) => match text.trim().to_ascii_lowercase().as_str() {
            "true" => Some("true".to_owned()),
            "false" => Some("false".to_owned()),
            _ => None,
        },
        (Type::List, Json::String(_) | Json::Object(_)) => Some(format!("[{found}]")),
        _ => None,
    };
    let cure = match &right {
        Some(right) if is_shown && right.len() <= 40 => format!("write {right}"),
        Some(_) if expected == Type::String => "put it in quotation marks".to_owned(),
        Some(_) if expected == Type::List => "put it in square brackets".to_owned(),
        _ => format!("write {}", expected.noun()),
    };
    Problem::new(ProblemKind::Type, path, what, cure).with_repair(right.map(Repair::Replace))
}
