//! The rules for the task definition as a whole.

use std::collections::BTreeSet;

use crate::json::value::{Json, Object};
use crate::revision::check::parts::{NAME_CURE, has, is_name, objects};
use crate::revision::check::problem::{Problem, ProblemKind};
use crate::revision::check::size::{cpu_units, fargate_memory, is_fargate_size, memory_mib};

pub(super) fn task(members: &Object, problems: &mut Vec<Problem>) {
    if let Some(family) = members.text("family").filter(|it| !is_name(it)) {
        let what = format!("is {}, which isn't a valid name", Json::from(family));
        problems.push(Problem::new(ProblemKind::Name, "family", what, NAME_CURE));
    }
    sizes(members, problems);
    if requires_fargate(members) {
        fargate(members, problems);
    }
    for member in ["taskRoleArn", "executionRoleArn"] {
        if let Some(role) = members.text(member).filter(|role| !is_role(role)) {
            let what = format!("is {}, which isn't a role", Json::from(role));
            let cure = "write the role's ARN, such as arn:aws:iam::123456789012:role/web, or its \
                        name without a path";
            problems.push(Problem::new(ProblemKind::Role, member, what, cure));
        }
    }
    volumes(members, problems);
    let mut input = members.clone();
    input.remove("tags");
    let size = input.to_string().len();
    if size > LARGEST {
        problems.push(too_large(size));
    }
}

pub(super) fn too_large(size: usize) -> Problem {
    let what = format!("the task definition has {size} bytes, at most {LARGEST} are allowed");
    let cure = "move variables to environment files or secrets";
    Problem::new(ProblemKind::Size, "", what, cure)
}

/// The limit is reported by users of several tools, with ECS's text; the JSON without tags counts
/// (inferred).
const LARGEST: usize = 65_536;

fn requires_fargate(members: &Object) -> bool {
    let required = members.get("requiresCompatibilities").and_then(Json::as_array);
    required.into_iter().flatten().any(|it| it.as_str() == Some("FARGATE"))
}

/// Developer guide, "Amazon ECS task definition invalid CPU or memory errors".
fn sizes(members: &Object, problems: &mut Vec<Problem>) {
    let cpu = members.text("cpu").filter(|text| cpu_units(text).is_none());
    let memory = members.text("memory").filter(|text| memory_mib(text).is_none());
    for (member, text, example) in [
        ("cpu", cpu, "CPU units such as \"256\", or vCPUs such as \"0.25 vCPU\""),
        ("memory", memory, "MiB such as \"512\", or GB such as \"0.5 GB\""),
    ] {
        if let Some(text) = text {
            let what = format!("is {}, which isn't a size", Json::from(text));
            let cure = format!("write {example}");
            problems.push(Problem::new(ProblemKind::Size, member, what, cure));
        }
    }
}

/// API reference of RegisterTaskDefinition: `requiresCompatibilities`, `cpu`, `networkMode`.
fn fargate(members: &Object, problems: &mut Vec<Problem>) {
    for member in ["cpu", "memory"] {
        if !has(members, member) {
            let cure =
                "set it for the whole task, such as \"cpu\": \"256\" with \"memory\": \"512\"";
            let what = "is missing, but Fargate requires it";
            problems.push(Problem::new(ProblemKind::Missing, member, what, cure));
        }
    }
    let mode = members.text("networkMode");
    if mode != Some("awsvpc") && (mode.is_some() || !has(members, "networkMode")) {
        let what = match mode {
            Some(mode) => format!("is {}, but Fargate has only awsvpc", Json::from(mode)),
            None => "is missing, which means bridge, but Fargate has only awsvpc".to_owned(),
        };
        let cure = "write \"networkMode\": \"awsvpc\"";
        problems.push(Problem::new(ProblemKind::Fargate, "networkMode", what, cure));
    }
    let cpu = members.text("cpu").and_then(cpu_units);
    let memory = members.text("memory").and_then(memory_mib);
    let (Some(cpu), Some(memory)) = (cpu, memory) else { return };
    if is_fargate_size(cpu, memory) {
        return;
    }
    let (path, what, cure) = match fargate_memory(cpu) {
        Some((least, most, step)) => {
            let sizes = match cpu {
                256 => "512, 1024 or 2048 MiB".to_owned(),
                _ => format!("{least} to {most} MiB in steps of {step}"),
            };
            let what = format!("is {memory} MiB, which Fargate doesn't have with {cpu} CPU units");
            ("memory", what, format!("use {sizes}, or change `cpu`"))
        }
        None => {
            let what = format!("is {cpu} CPU units, which Fargate doesn't have");
            ("cpu", what, "use 256, 512, 1024, 2048, 4096, 8192 or 16384".to_owned())
        }
    };
    problems.push(Problem::new(ProblemKind::Fargate, path, what, cure));
}

fn volumes(members: &Object, problems: &mut Vec<Problem>) {
    let mut names = BTreeSet::new();
    for (at, volume) in objects(members, "volumes") {
        let Some(name) = volume.text("name") else { continue };
        let path = format!("volumes[{at}].name");
        if !is_name(name) {
            let what = format!("is {}, which isn't a valid name", Json::from(name));
            problems.push(Problem::new(ProblemKind::Name, path, what, NAME_CURE));
        } else if !names.insert(name) {
            let what = format!("is `{name}`, like another volume's");
            let cure = "give each volume a name of its own";
            problems.push(Problem::new(ProblemKind::Duplicate, path, what, cure));
        }
    }
}

/// Returns whether a text is a role's ARN or its name. Source: API references of
/// RegisterTaskDefinition and of IAM's role names.
fn is_role(role: &str) -> bool {
    let is_name = |name: &str| {
        let is_allowed = |it: u8| it.is_ascii_alphanumeric() || b"+=,.@_-".contains(&it);
        (1..=64).contains(&name.len()) && name.bytes().all(is_allowed)
    };
    let Some(arn) = role.strip_prefix("arn:") else { return is_name(role) };
    let fields: Vec<&str> = arn.splitn(5, ':').collect();
    match fields[..] {
        [_, "iam", "", account, resource] => {
            let name = resource.strip_prefix("role/").and_then(|path| path.rsplit('/').next());
            account.len() == 12
                && account.bytes().all(|it| it.is_ascii_digit())
                && name.is_some_and(is_name)
        }
        _ => false,
    }
}
