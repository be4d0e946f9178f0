//! Checks task definitions without AWS, and makes the certain repairs.

use std::io::{Read as _, Write as _, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use ecs_deploy::check::{Examination, Problem, Severity};
use examples::{BoxError, ReportFormat, Story, annotation, is_stdin, parse_arguments, run};
use serde_json::{Value, json};

/// Check task definitions for Amazon ECS without a call to AWS: all problems at once, each with its
/// line, cause and cure.
///
/// A file has the format of `aws ecs register-task-definition --cli-input-json` or of `aws ecs
/// describe-task-definition`, in UTF-8 or UTF-16. The program finds members that ECS doesn't know
/// and would drop silently, values of the wrong type, placeholders that weren't replaced, invalid
/// images, names and ports, sizes that Fargate doesn't have, and references to missing containers
/// and volumes. It names YAML, JSON with comments and CloudFormation's spelling. Warnings are no
/// failures.
///
/// --fix corrects misspelled members and values of the wrong type if the correction is certain. It
/// replaces the file in one step and changes nothing else in it.
///
/// A rollout makes the same checks before it registers anything.
#[derive(Debug, Parser)]
#[command(
    after_help = "Exit code: 0 all files are valid, 1 a file is invalid or unreadable, 2 bad \
                        usage. Warnings don't change it."
)]
struct Arguments {
    /// Repair the files in place. Stdin stays as it is
    #[arg(long)]
    fix: bool,

    /// The format of the report
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: ReportFormat,

    /// The files to check; `-` is stdin
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run(async { check(parse_arguments()) }).await
}

fn check(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { fix, format, files } = arguments;
    let output = Story::on_stdout();
    let (mut invalid, mut reports) = (Vec::new(), Vec::new());
    for file in &files {
        let name = if is_stdin(file) { "stdin".to_owned() } else { file.display().to_string() };
        let mut examination = examine(file)?;
        let mut repaired = Vec::new();
        // A repair can uncover another one, such as a type inside a misspelled member.
        while fix
            && !is_stdin(file)
            && let Some(text) = examination.fixed()
        {
            let found = examination.problems().iter().filter(|it| it.is_repairable());
            repaired.extend(found.cloned());
            replace(file, &text)?;
            examination = examine(file)?;
        }
        if !examination.is_valid() {
            invalid.push(format!("`{name}`"));
        }
        match format {
            ReportFormat::Github => {
                let lines = examination.problems().iter().map(|it| annotation_of(&name, it));
                lines.for_each(|line| output.tell(line));
            }
            ReportFormat::Json => reports.push(json!({
                "file": name,
                "isValid": examination.is_valid(),
                "problems": examination.problems().iter().map(entry).collect::<Vec<_>>(),
            })),
            ReportFormat::Text => {
                for problem in &repaired {
                    output.tell(format!("{}: repaired: {problem}", place(&name, problem)));
                }
                for problem in examination.problems() {
                    output.tell(text(&name, problem));
                }
                if examination.problems().is_empty() {
                    output.tell(format!("{name}: no problem"));
                }
            }
        }
    }
    if let ReportFormat::Json = format {
        output.tell(serde_json::to_string_pretty(&reports)?);
    }
    match invalid.is_empty() {
        true => Ok(()),
        false => Err(format!("ECS would refuse or change {}", invalid.join(" and ")).into()),
    }
}

fn examine(file: &Path) -> Result<Examination, BoxError> {
    if is_stdin(file) {
        let mut bytes = Vec::new();
        let read = stdin().take(MAX_BYTES).read_to_end(&mut bytes);
        read.map_err(|error| format!("can't read stdin: {error}"))?;
        return Ok(Examination::new(&bytes));
    }
    Ok(Examination::read(file)?)
}

/// More than a task definition may have, so that the report can say so.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// Replaces a file in one step, and keeps its permissions.
fn replace(file: &Path, text: &str) -> Result<(), BoxError> {
    let failed = |error: std::io::Error| -> BoxError {
        format!("can't write {}: {error}", file.display()).into()
    };
    let file = file.canonicalize().map_err(failed)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let permissions = std::fs::metadata(&file).map_err(failed)?.permissions();
    let mut temporary =
        tempfile::Builder::new().prefix(".taskdef-").tempfile_in(folder).map_err(failed)?;
    temporary.write_all(text.as_bytes()).map_err(failed)?;
    temporary.as_file().set_permissions(permissions).map_err(failed)?;
    temporary.persist(&file).map_err(|error| failed(error.error))?;
    Ok(())
}

fn place(name: &str, problem: &Problem) -> String {
    match (problem.line(), problem.column()) {
        (Some(line), Some(column)) => format!("{name}:{line}:{column}"),
        _ => name.to_owned(),
    }
}

fn word(problem: &Problem) -> &'static str {
    match problem.severity() {
        Severity::Warning => "warning",
        _ => "error",
    }
}

fn text(name: &str, problem: &Problem) -> String {
    let at = match problem.path() {
        "" => String::new(),
        path => format!("`{path}` "),
    };
    let repair = if problem.is_repairable() { "\n  --fix repairs it" } else { "" };
    format!(
        "{}: {}: {at}{}\n  cause: {}\n  cure: {}{repair}",
        place(name, problem),
        word(problem),
        problem.what(),
        problem.cause(),
        problem.cure()
    )
}

fn entry(problem: &Problem) -> Value {
    let mut entry = json!(problem);
    entry["cause"] = json!(problem.cause());
    entry["isRepairable"] = json!(problem.is_repairable());
    entry
}

fn annotation_of(name: &str, problem: &Problem) -> String {
    let place = problem.line().zip(problem.column());
    annotation(word(problem), name, place, None, &problem.to_string())
}
