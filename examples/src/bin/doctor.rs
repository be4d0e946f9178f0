//! Explains and repairs problems of image definitions.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use examples::{BoxError, Story, run};
use imagedefs::{Diagnosis, ImageDefinitions, ProblemKind, Severity};

/// Explain the problems of an imagedefinitions.json, and repair it if the repair is certain.
///
/// The program shows all problems, each with its line, cause and cure, the error message of
/// CodePipeline or ECS if it is known, and the repair of --fix. Warnings, such as the tag `latest`,
/// are not failures. A file name that is nearly `imagedefinitions.json` is one, since CodePipeline
/// doesn't find the file.
///
/// --fix replaces the file with the repaired one in one step. It only changes the places of the
/// errors. If an error has no certain repair, the file stays unchanged.
///
/// The program calls no service.
#[derive(Debug, Parser)]
#[command(after_help = "Exit code: 0 valid, 1 invalid or unreadable, 2 bad usage.")]
struct Arguments {
    /// Repair the files in place
    #[arg(long)]
    fix: bool,

    /// The files to check
    #[arg(value_name = "FILE", default_value = ImageDefinitions::FILE_NAME)]
    files: Vec<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run(async { doctor(&Arguments::parse()) }).await
}

fn doctor(arguments: &Arguments) -> Result<(), BoxError> {
    let story = Story::on_stdout();
    let mut broken = Vec::new();
    for file in &arguments.files {
        let mut diagnosis = Diagnosis::read(file)?;
        if arguments.fix && has_errors(&diagnosis) && diagnosis.fix().is_ok() {
            diagnosis.write_fixed(file)?;
            tell_repairs(&story, file, &diagnosis);
            diagnosis = Diagnosis::read(file)?;
        }
        // The report ends with a line break.
        story.tell(diagnosis.report().to_string().trim_end());
        if arguments.fix && has_errors(&diagnosis) {
            story.tell("not repaired: some problems have no certain repair");
        }
        if has_errors(&diagnosis) || is_misnamed(&diagnosis) {
            broken.push(format!("`{}`", file.display()));
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    Err(format!("CodePipeline would not accept {}", broken.join(" and ")).into())
}

fn tell_repairs(story: &Story, file: &Path, diagnosis: &Diagnosis) {
    for problem in diagnosis.problems() {
        if let Some(repair) = problem.repair() {
            let place = format!("{}:{}:{}", file.display(), problem.line(), problem.column());
            story.tell(format!("{place}: repaired: {}: {repair}", problem.what()));
        }
    }
}

fn has_errors(diagnosis: &Diagnosis) -> bool {
    diagnosis.problems().iter().any(|problem| problem.severity() == Severity::Error)
}

fn is_misnamed(diagnosis: &Diagnosis) -> bool {
    diagnosis.problems().iter().any(|problem| problem.kind() == ProblemKind::FileName)
}
