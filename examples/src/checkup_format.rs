//! The formats of a check for programs: JSON, and the annotations of GitHub Actions.

use imagedefs::Severity;
use serde_json::{Value, json};

use crate::checkup::{Checkup, Finding};
use crate::report_format::annotation;

/// All results as a JSON array.
pub fn checkups_as_json(checkups: &[Checkup]) -> Value {
    checkups.iter().map(checkup).collect()
}

/// The results as workflow commands of GitHub Actions, one line for each problem.
pub fn checkups_as_annotations(checkups: &[Checkup]) -> String {
    let lines = checkups.iter().flat_map(|checkup| {
        checkup.findings.iter().map(|finding| annotation_of(&checkup.name, finding))
    });
    lines.collect()
}

fn checkup(checkup: &Checkup) -> Value {
    let problems: Vec<Value> = checkup.findings.iter().map(problem).collect();
    json!({ "file": checkup.name, "valid": checkup.is_valid(), "problems": problems })
}

fn problem(finding: &Finding) -> Value {
    let Finding { place, severity, kind, message, cause, cure, aws_message, repair } = finding;
    let mut value = json!({ "severity": level(*severity), "kind": kind, "message": message });
    if let Some((line, column)) = place {
        value["line"] = (*line).into();
        value["column"] = (*column).into();
    }
    for (name, text) in
        [("cause", cause), ("cure", cure), ("awsMessage", aws_message), ("repair", repair)]
    {
        if let Some(text) = text {
            value[name] = (*text).into();
        }
    }
    value
}

fn annotation_of(file: &str, finding: &Finding) -> String {
    let mut message = finding.message.clone();
    for (name, text) in [("cause", finding.cause), ("cure", finding.cure)] {
        if let Some(text) = text {
            message.push_str(&format!("\n{name}: {text}"));
        }
    }
    let (level, title) = (level(finding.severity), Some(finding.kind.as_str()));
    annotation(level, file, finding.place, title, &message) + "\n"
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        _ => "error",
    }
}
