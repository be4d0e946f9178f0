//! Tests of output that can't be written: the exit code says so, and no part of a result is taken for
//! an answer.

#![cfg(target_os = "linux")]

use std::fs::{self, File};

use crate::program::{Program, URI, Workplace, served};

const FULL: &str = "No space left on device (os error 28)";

/// Opens a file whose disk is always full.
fn full() -> Option<File> {
    Some(File::options().write(true).open("/dev/full").unwrap())
}

fn programs() -> Vec<Program> {
    vec![
        Program::check_taskdef(),
        Program::codebuild(),
        Program::definitions(),
        Program::deploy(),
        Program::deploy_events(),
        Program::deploy_from_git(),
        Program::doctor(),
        Program::ecr_event(),
        Program::fleet(),
        Program::login(),
        Program::migrate(),
        Program::multi_arch(),
        Program::multi_region(),
        Program::pipeline(),
        Program::plan(),
        Program::policy(),
        Program::promote(),
        Program::prune(),
        Program::push(),
        Program::push_events(),
        Program::rollback(),
    ]
}

#[tokio::test]
async fn help_that_could_not_be_printed_is_a_failure() {
    for program in programs() {
        let ended = program.with(&["--help"]).into_files(full(), None).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (1, ""));
    }
    for program in programs() {
        let ended = program.with(&["--help"]).into_files(None, None).await;
        assert_eq!(ended.code, 0);
        assert!(ended.stdout.contains("Usage: ") && ended.stdout.contains("Exit code: "));
    }
}

#[tokio::test]
async fn bad_usage_keeps_its_code() {
    for program in programs() {
        let ended = program.with(&["--no-such-option"]).into_files(None, full()).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    }
}

#[tokio::test]
async fn a_result_that_could_not_be_printed_is_a_failure() {
    let (server, workplace) = (served().await, Workplace::new());
    let definitions = workplace.folder.path().join("imagedefinitions.json");
    let image = format!("{URI}@sha256:{}", "7f".repeat(32));
    fs::write(&definitions, format!(r#"[{{"name":"web","imageUri":"{image}"}}]"#)).unwrap();
    let definitions = definitions.to_str().unwrap();
    let config = workplace.folder.path().join("config.json");
    let config = config.to_str().unwrap();
    let service = ["--aws", "--cluster", "demo", "--service", "web", "--image", "web=nginx:2"];
    let dry = [&service[..], &["--dry-run"]].concat();
    let programs = [
        Program::definitions().with(&["--output", "-", "--image", &format!("web={image}")]),
        Program::deploy().with(&dry),
        Program::deploy().with(&service),
        Program::deploy_events().with(&service),
        Program::login().with(&["--aws", "--config", config, URI]),
        Program::plan().with(&["--aws", workplace.image(), URI]),
        Program::policy().with(&[URI]),
        Program::push().with(&["--aws", workplace.image(), URI]),
        Program::push_events().with(&["--aws", workplace.image(), URI]),
        Program::multi_region().with(&["--aws", workplace.image(), URI]),
    ];
    for program in programs {
        let ended = program.on(&server).into_files(full(), None).await;
        assert_eq!(ended.code, 1, "{}", ended.stderr);
        let problem = format!("error: can't write the result to stdout: {FULL}\n");
        assert!(ended.stderr.ends_with(&problem), "{}", ended.stderr);
    }
    for format in ["text", "json", "github"] {
        let doctor = Program::doctor().with(&["--format", format, definitions]);
        let ended = doctor.into_files(full(), None).await;
        // GitHub's format has no line for a valid file, and an empty line is lost too.
        assert_eq!(ended.code, 1, "{format}");
        assert_eq!(ended.stderr, format!("error: can't write the result to stdout: {FULL}\n"));
    }
}

/// The work is done, and its result is complete.
#[tokio::test]
async fn progress_that_could_not_be_printed_is_a_failure() {
    let (server, workplace) = (served().await, Workplace::new());
    let push = Program::push().with(&["--aws", "--tag", "1.0", workplace.image(), URI]);
    let ended = push.on(&server).into_files(None, full()).await;
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.starts_with(&format!("{URI}@sha256:")) && ended.stdout.ends_with('\n'));
    assert_eq!(server.local().journal().count("PutImage"), 1);
}
