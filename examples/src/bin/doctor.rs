//! Explains what is wrong with image definitions, and repairs them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use examples::{BoxError, Story, run};
use imagedefs::diagnosis::Diagnosis;
use imagedefs::{ImageDefinitions, ProblemKind, Severity};

/// Explain what is wrong with an imagedefinitions.json, and repair it where that is certain.
///
/// Shows all problems at once, each with its line, its cause and its cure, with what CodePipeline
/// or ECS would say about it where that is known, and with what --fix would do. Warnings, such as
/// the tag `latest`, don't make a file broken; a name that is nearly `imagedefinitions.json` does,
/// since CodePipeline wouldn't find the file.
///
/// With --fix, the file is replaced by the repaired one, in one step. Only the places of the errors
/// change. Where one of them has no certain repair, nothing changes at all.
///
/// Calls nothing.
#[derive(Debug, Parser)]
#[command(after_help = "Exit code: 0 valid, 1 broken or not readable, 2 bad usage.")]
struct Arguments {
    /// Repair the files in place
    #[arg(long)]
    fix: bool,

    /// The files to look at
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
        if arguments.fix
            && has_errors(&diagnosis)
            && let Ok(correction) = diagnosis.fix()
        {
            correction.write(file)?;
            tell_repairs(&story, file, &diagnosis);
            diagnosis = correction.into_diagnosis();
        }
        // The report has its own line ends.
        story.tell(diagnosis.report().to_string().trim_end());
        if arguments.fix && has_errors(&diagnosis) {
            story.tell("nothing was repaired, since some of it would have to be guessed");
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
