//! The formats in which a check reports what it found in files.

use clap::ValueEnum;

/// The format of a report.
#[allow(clippy::exhaustive_enums, reason = "each program handles every format")]
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum ReportFormat {
    /// Workflow commands of GitHub Actions, which annotate the lines of the file
    Github,
    /// A JSON array with an object for each file
    Json,
    /// Text for people
    #[default]
    Text,
}

/// Returns a workflow command of GitHub Actions that annotates a file. `place` is the line and the
/// column.
pub fn annotation(
    level: &str,
    file: &str,
    place: Option<(usize, usize)>,
    title: Option<&str>,
    message: &str,
) -> String {
    let mut properties = format!("file={}", escape_property(file));
    if let Some((line, column)) = place {
        properties.push_str(&format!(",line={line},col={column}"));
    }
    if let Some(title) = title {
        properties.push_str(&format!(",title={title}"));
    }
    format!("::{level} {properties}::{}", escape(message))
}

/// Escapes the data of a workflow command, so that a file can't add commands of its own.
fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape(text).replace(':', "%3A").replace(',', "%2C")
}
