//! The rules for containers: names, images, memory, variables, ports, and what they refer to.

use std::collections::{BTreeMap, BTreeSet};

use crate::json::value::{Json, Object};
use crate::names::nearest::nearest;
use crate::revision::check::image;
use crate::revision::check::parts::{NAME_CURE, has, integer, is_name, objects};
use crate::revision::check::problem::{Problem, ProblemKind};
use crate::revision::check::size::memory_mib;

const LIST: &str = "containerDefinitions";

pub(super) fn containers(members: &Object, problems: &mut Vec<Problem>) {
    let containers: Vec<(usize, &Object)> = objects(members, LIST).collect();
    let names: Vec<String> =
        containers.iter().filter_map(|(_, it)| it.text("name").map(str::to_owned)).collect();
    for (at, container) in &containers {
        let path = format!("{LIST}[{at}]");
        own(container, &path, members, problems);
        variables(container, &path, problems);
        references(container, &path, members, &names, problems);
    }
    let is_essential = |it: &Object| it.get("essential").and_then(Json::as_bool).unwrap_or(true);
    if !containers.is_empty() && !containers.iter().any(|(_, it)| is_essential(it)) {
        let what = "have no essential container";
        let cure = "remove \"essential\": false from at least one of them";
        problems.push(Problem::new(ProblemKind::Missing, LIST, what, cure));
    }
    ports(members, &containers, problems);
    dependencies(&containers, problems);
}

/// The rules for the container's own members.
fn own(container: &Object, path: &str, members: &Object, problems: &mut Vec<Problem>) {
    let mut add = |kind, member: &str, what: String, cure: &str| {
        problems.push(Problem::new(kind, format!("{path}.{member}"), what, cure));
    };
    if let Some(name) = container.text("name").filter(|it| !is_name(it)) {
        let what = format!("is {}, which isn't a valid name", Json::from(name));
        add(ProblemKind::Name, "name", what, NAME_CURE);
    }
    match container.get("image") {
        None | Some(Json::Null) => {
            let cure = "name the image, such as \"image\": \"nginx:1\"";
            add(ProblemKind::Missing, "image", "is missing".to_owned(), cure);
        }
        Some(Json::String(name)) => {
            if let Some(flaw) = image::flaw(name) {
                let shown: String = name.chars().take(300).collect();
                let what = format!("is {} and {flaw}", Json::from(shown.as_str()));
                add(
                    ProblemKind::Image,
                    "image",
                    what,
                    "write REPOSITORY:TAG or REPOSITORY@sha256:…",
                );
            }
        }
        Some(_) => {}
    }
    let (hard, soft) = (integer(container, "memory"), integer(container, "memoryReservation"));
    let of_task = members.text("memory").and_then(memory_mib);
    if !has(members, "memory") && !has(container, "memory") && !has(container, "memoryReservation")
    {
        let what = "is missing, here and for the whole task".to_owned();
        add(ProblemKind::Missing, "memory", what, "set `memory` or `memoryReservation`, in MiB");
    }
    if let (Some(hard), Some(of_task)) = (hard, of_task)
        && u64::try_from(hard).is_ok_and(|hard| hard > of_task)
    {
        let what = format!("is {hard} MiB, but the whole task has {of_task} MiB");
        add(ProblemKind::Size, "memory", what, "lower it, or raise the task's `memory`");
    }
    if let (Some(hard), Some(soft)) = (hard, soft)
        && soft > hard
    {
        let what = format!("is {soft} MiB, but the container's `memory` is {hard} MiB");
        add(ProblemKind::Size, "memoryReservation", what, "lower it, or raise `memory`");
    }
}

/// ECS refuses a name that is a variable and a secret; of two variables it keeps one (both reported
/// by users).
fn variables(container: &Object, path: &str, problems: &mut Vec<Problem>) {
    let mut names = BTreeSet::new();
    for (at, variable) in objects(container, "environment") {
        let Some(name) = variable.text("name") else { continue };
        if !names.insert(name) {
            let what = format!("is `{}`, like another variable's", name.escape_debug());
            let cure = "remove one of them, because ECS keeps only one";
            let path = format!("{path}.environment[{at}].name");
            problems.push(Problem::new(ProblemKind::Duplicate, path, what, cure).into_warning());
        }
    }
    let mut secrets = BTreeSet::new();
    for (at, secret) in objects(container, "secrets") {
        let Some(name) = secret.text("name") else { continue };
        if names.contains(name) || !secrets.insert(name) {
            let what = format!("is `{}`, like another variable's or secret's", name.escape_debug());
            let cure = "remove one of them, because ECS refuses both";
            let path = format!("{path}.secrets[{at}].name");
            problems.push(Problem::new(ProblemKind::Duplicate, path, what, cure));
        }
    }
}

/// The names of volumes and containers.
fn references(
    container: &Object,
    path: &str,
    members: &Object,
    names: &[String],
    problems: &mut Vec<Problem>,
) {
    let volumes: Vec<String> = objects(members, "volumes")
        .filter_map(|(_, it)| it.text("name").map(str::to_owned))
        .collect();
    let mut look = |list: &str, member: &str, noun: &str, known: &[String]| {
        for (at, element) in objects(container, list) {
            let path = format!("{path}.{list}[{at}].{member}");
            let problem = match element.text(member) {
                Some(name) if !known.iter().any(|it| it == name) => {
                    let hint = nearest(name, known)
                        .map(|near| format!(" (did you mean `{}`?)", near.escape_debug()));
                    let what = format!(
                        "names the {noun} `{}`, which doesn't exist{}",
                        name.escape_debug(),
                        hint.unwrap_or_default()
                    );
                    (what, format!("correct the name, or add the {noun}"))
                }
                None if !has(element, member) => {
                    ("is missing".to_owned(), format!("name the {noun}"))
                }
                _ => continue,
            };
            problems.push(Problem::new(ProblemKind::Reference, path, problem.0, problem.1));
        }
    };
    look("mountPoints", "sourceVolume", "volume", &volumes);
    look("volumesFrom", "sourceContainer", "container", names);
    look("dependsOn", "containerName", "container", names);
}

/// API reference of PortMapping. That ECS refuses two mappings of one name, and different ports in
/// awsvpc, is reported by users.
fn ports(members: &Object, containers: &[(usize, &Object)], problems: &mut Vec<Problem>) {
    let mode = members.text("networkMode").unwrap_or("bridge");
    let mut names = BTreeSet::new();
    for (container_at, container) in containers {
        for (at, mapping) in objects(container, "portMappings") {
            let path = format!("{LIST}[{container_at}].portMappings[{at}]");
            let mut add = |kind, member: &str, what: String, cure: &str| {
                problems.push(Problem::new(kind, format!("{path}.{member}"), what, cure));
            };
            let (port, host) = (integer(mapping, "containerPort"), integer(mapping, "hostPort"));
            if let Some(port) = port.filter(|port| !(1..=65_535).contains(port)) {
                let what = format!("is {port}, which isn't a port");
                add(ProblemKind::Port, "containerPort", what, "use 1 to 65535");
            }
            if let Some(host) = host.filter(|port| !(0..=65_535).contains(port)) {
                let what = format!("is {host}, which isn't a port");
                add(ProblemKind::Port, "hostPort", what, "use 0 to 65535, or remove it");
            }
            let differs = host.is_some_and(|host| host != 0 && Some(host) != port);
            if matches!(mode, "awsvpc" | "host") && port.is_some() && differs {
                let what = format!(
                    "is {}, but in the network mode {mode} it has to be the `containerPort`, {}",
                    host.unwrap_or_default(),
                    port.unwrap_or_default()
                );
                add(ProblemKind::Port, "hostPort", what, "remove it");
            }
            if let Some(name) = mapping.text("name").filter(|name| !names.insert(*name)) {
                let what = format!("is `{}`, like another port's", name.escape_debug());
                add(ProblemKind::Duplicate, "name", what, "give each port a name of its own");
            }
        }
    }
}

/// ECS refuses a container that waits for the end of an essential one (reported by users). A circle
/// never starts.
fn dependencies(containers: &[(usize, &Object)], problems: &mut Vec<Problem>) {
    let by_name: BTreeMap<&str, &Object> =
        containers.iter().filter_map(|(_, it)| Some((it.text("name")?, *it))).collect();
    for (container_at, container) in containers {
        for (at, dependency) in objects(container, "dependsOn") {
            let name = dependency.text("containerName").unwrap_or_default();
            let Some(other) = by_name.get(name) else { continue };
            let path = format!("{LIST}[{container_at}].dependsOn[{at}]");
            let condition = dependency.text("condition").unwrap_or_default();
            let is_essential = other.get("essential").and_then(Json::as_bool).unwrap_or(true);
            if matches!(condition, "COMPLETE" | "SUCCESS") && is_essential {
                let what = format!(
                    "waits for the end of `{}`, which is essential: its end stops the task",
                    name.escape_debug()
                );
                let cure = "set \"essential\": false there, or wait for START or HEALTHY";
                let problem = Problem::new(ProblemKind::Dependency, path, what, cure);
                problems.push(problem);
            } else if condition == "HEALTHY" && !has(other, "healthCheck") {
                let what = format!(
                    "waits until `{}` is healthy, but it has no `healthCheck`; ECS ignores that of \
                     the image",
                    name.escape_debug()
                );
                let cure = "add a `healthCheck` there, or wait for START";
                let problem = Problem::new(ProblemKind::Dependency, path, what, cure);
                problems.push(problem.into_warning());
            }
        }
        if let Some(name) = container.text("name")
            && waits_for_itself(name, &by_name)
        {
            let path = format!("{LIST}[{container_at}].dependsOn");
            let what = format!("make `{}` wait for itself", name.escape_debug());
            let cure = "remove one dependency of the circle";
            problems.push(Problem::new(ProblemKind::Dependency, path, what, cure));
        }
    }
}

fn waits_for_itself(name: &str, by_name: &BTreeMap<&str, &Object>) -> bool {
    let next = |name: &str| -> Vec<String> {
        let container = by_name.get(name).into_iter();
        let names = container.flat_map(|it| objects(it, "dependsOn"));
        names.filter_map(|(_, it)| it.text("containerName").map(str::to_owned)).collect()
    };
    let (mut open, mut seen) = (next(name), BTreeSet::new());
    while let Some(other) = open.pop() {
        if other == name {
            return true;
        }
        if seen.insert(other.clone()) {
            open.extend(next(&other));
        }
    }
    false
}
