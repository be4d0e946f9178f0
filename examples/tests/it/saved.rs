//! Tests of the files that the programs save and load: plans, logins, checkpoints.

#![cfg(unix)]

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Ended, Program, URI, Workplace, served};

const PLAN: [&str; 8] =
    ["--aws", "--cluster", "demo", "--service", "web", "--image", "web=nginx:2", "--plan"];

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn assert_failed(ended: &Ended, problem: &str) {
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.ends_with(&format!("error: {problem}\n")), "{}", ended.stderr);
}

#[tokio::test]
async fn a_plan_replaces_a_file_that_others_can_read() {
    let (server, folder) = (served().await, TempDir::new().unwrap());
    let path = folder.path().join("plan.json");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let reader = File::open(&path).unwrap();
    let plan = Program::deploy().with(&PLAN).with(&[path.to_str().unwrap()]);
    let ended = plan.on(&server).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // The old file isn't changed, so that its readers don't get the secrets.
    assert_eq!(std::io::read_to_string(reader).unwrap(), "old");
    assert_eq!(names(folder.path()), ["plan.json"]);
}

#[tokio::test]
async fn a_plan_is_not_saved_through_a_link_or_over_a_device() {
    let (server, folder) = (served().await, TempDir::new().unwrap());
    let other = folder.path().join("other");
    fs::write(&other, "old").unwrap();
    let link = folder.path().join("link");
    symlink("other", &link).unwrap();
    let null = Path::new("/dev/null");
    for (path, problem) in
        [(link.as_path(), "it is a symbolic link"), (null, "it is not a regular file")]
    {
        let path = path.to_str().unwrap();
        let ended = Program::deploy().with(&PLAN).with(&[path]).on(&server).run().await;
        assert_failed(&ended, &format!("can't write {path}: {problem}"));
    }
    assert_eq!(fs::read_to_string(&other).unwrap(), "old");
    assert_eq!(names(folder.path()), ["link", "other"]);
}

#[tokio::test]
async fn a_plan_that_is_a_pipe_or_too_large_is_not_read() {
    let (server, folder) = (served().await, TempDir::new().unwrap());
    let [pipe, sparse] = ["pipe", "sparse"].map(|name| folder.path().join(name));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    File::create(&sparse).unwrap().set_len(2 << 30).unwrap();
    let size = "it has 2147483648 bytes, more than the limit of 16777216";
    for (path, problem) in [
        (pipe.as_path(), "it is a named pipe, not a regular file"),
        (&sparse, size),
        (folder.path(), "it is a folder, not a regular file"),
        (Path::new("/dev/zero"), "it is a device, not a regular file"),
    ] {
        let path = path.to_str().unwrap();
        let apply = Program::deploy().with(&["--aws", "--apply", path]);
        let ended = apply.on(&server).run().await;
        assert_failed(&ended, &format!("can't read {path}: {problem}"));
        let follow = Program::deploy_events().with(&["--aws", "--resume", path]);
        let ended = follow.on(&server).run().await;
        assert_failed(&ended, &format!("can't read {path}: {problem}"));
    }
}

/// Real processes: nothing but the file system is between them.
#[tokio::test]
async fn twenty_logins_at_once_lose_none() {
    let (server, folder) = (served().await, TempDir::new().unwrap());
    let path = folder.path().join("config.json");
    let mut logins = tokio::task::JoinSet::new();
    for account in 100_000_000_000_u64..100_000_000_020 {
        let registry = format!("{account}.dkr.ecr.us-east-1.amazonaws.com");
        let arguments = ["--aws", "--config", path.to_str().unwrap(), &registry];
        logins.spawn(Program::login().with(&arguments).on(&server).run());
    }
    for ended in logins.join_all().await {
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
    let config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(config["auths"].as_object().unwrap().len(), 20);
    assert_eq!(names(folder.path()), ["config.json"]);
}

#[tokio::test]
async fn a_checkpoint_without_a_name_is_bad_usage() {
    let workplace = Workplace::new();
    for arguments in [&["--checkpoint", ""][..], &["--checkpoint="]] {
        let push = Program::push().with(arguments).with(&[workplace.image(), URI]);
        let ended = push.run().await;
        assert_eq!(ended.code, 2);
        let problem = "error: a value is required for '--checkpoint <FILE>' but none was supplied";
        assert!(ended.stderr.starts_with(problem), "{}", ended.stderr);
    }
}
