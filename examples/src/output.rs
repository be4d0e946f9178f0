//! The check of an output file before the work begins.

use std::path::Path;

use crate::ending::BoxError;

/// Checks that a program can write this file later, so that it fails before the first change.
///
/// # Errors
/// Fails if the path is a folder, or if its folder is missing or read-only.
pub fn check_writable(path: &Path) -> Result<(), BoxError> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let problem = if path.is_dir() {
        "it is a folder".to_owned()
    } else {
        match tempfile::Builder::new().prefix(".writable-").tempfile_in(folder) {
            Ok(_) => return Ok(()),
            Err(error) => error.to_string(),
        }
    };
    Err(format!("can't write {}: {problem}", path.display()).into())
}
