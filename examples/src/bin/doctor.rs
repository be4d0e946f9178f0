//! Explains and repairs problems of image definitions.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use examples::{
    BoxError, Checkup, ReportFormat, Story, checkups_as_annotations, checkups_as_json,
    parse_arguments, run,
};
use imagedefs::detail::ImageDetail;
use imagedefs::diagnosis::Diagnosis;
use imagedefs::{ImageDefinitions, Severity};

/// Explain the problems of the files for CodePipeline's ECS actions, and repair imagedefinitions.json
/// if the repair is certain.
///
/// A file is an imagedefinitions.json, an imageDetail.json, or an artifact zip with one of them. The
/// program shows all problems, each with its line, cause and cure, the error message of CodePipeline
/// or ECS if it is known, and the repair of --fix. Warnings, such as the tag `latest`, are not
/// failures. A file name that is nearly the expected one is a failure, since CodePipeline doesn't
/// find the file.
///
/// --fix replaces the file with the repaired one in one step. It only changes the places of the
/// errors. If an error has no certain repair, the file stays unchanged.
///
/// The program calls no service.
#[derive(Debug, Parser)]
#[command(
    after_help = "Exit code: 0 all files are valid, 1 a file is invalid or unreadable, 2 bad \
                        usage. Warnings don't change it."
)]
struct Arguments {
    /// Repair the files in place. Zip files, image details and stdin stay unchanged
    #[arg(long)]
    fix: bool,

    /// The name that the ECS action looks for: its `FileName`
    #[arg(long, value_name = "NAME", default_value = ImageDefinitions::FILE_NAME)]
    file_name: String,

    /// The format of the report
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: ReportFormat,

    /// The files to check; `-` is stdin [default: the file name]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run(async { doctor(parse_arguments()) }).await
}

fn doctor(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { fix, file_name, format, mut files } = arguments;
    if files.is_empty() {
        files.push(PathBuf::from(&file_name));
    }
    let output = Story::on_stdout();
    // The report is the result of the program: it fails if the report is lost.
    let tell = |text: &str| output.result(text);
    let mut checkups = Vec::new();
    for file in &files {
        let mut checkup = Checkup::new(file, &file_name);
        let mut repairs = Vec::new();
        if fix && !checkup.is_valid() {
            repairs = repair(file)?;
            if !repairs.is_empty() {
                checkup = Checkup::new(file, &file_name);
            }
        }
        if matches!(format, ReportFormat::Text) {
            repairs.iter().try_for_each(|line| tell(line))?;
            tell(&checkup.report)?;
            let is_broken = checkup.findings.iter().any(|it| it.severity == Severity::Error);
            if fix && is_broken {
                tell("not repaired: some problems have no certain repair")?;
            }
        }
        checkups.push(checkup);
    }
    match format {
        ReportFormat::Github => tell(checkups_as_annotations(&checkups).trim_end())?,
        ReportFormat::Json => tell(&serde_json::to_string_pretty(&checkups_as_json(&checkups))?)?,
        ReportFormat::Text => {}
    }
    let invalid: Vec<String> =
        checkups.iter().filter(|it| !it.is_valid()).map(|it| format!("`{}`", it.name)).collect();
    if invalid.is_empty() {
        return Ok(());
    }
    Err(format!("CodePipeline would not accept {}", invalid.join(" and ")).into())
}

/// Repairs a file and returns a line for each repair, or nothing if a repair isn't certain.
fn repair(file: &Path) -> Result<Vec<String>, BoxError> {
    if file.file_name().is_some_and(|name| name == ImageDetail::FILE_NAME) {
        return Ok(Vec::new());
    }
    let Ok(diagnosis) = Diagnosis::read(file) else { return Ok(Vec::new()) };
    let has_errors = diagnosis.problems().iter().any(|it| it.severity() == Severity::Error);
    if !has_errors {
        return Ok(Vec::new());
    }
    let Ok(correction) = diagnosis.fix() else { return Ok(Vec::new()) };
    correction.write(file)?;
    let repairs = diagnosis.problems().iter().filter_map(|problem| {
        let place = format!("{}:{}:{}", file.display(), problem.line(), problem.column());
        Some(format!("{place}: repaired: {}: {}", problem.what(), problem.repair()?))
    });
    Ok(repairs.collect())
}
