//! Files that one process writes and another reads: plans and handles.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ending::BoxError;

/// Reads a file that [`save`] wrote.
///
/// # Errors
/// Fails if the file can't be read or its content is invalid.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<T, BoxError> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("can't read {}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Writes one line of JSON to a file and replaces its content. Only the owner can read a new file,
/// since a plan contains the environment variables of a task definition.
///
/// # Errors
/// Fails if the file can't be written.
pub fn save(path: &Path, content: &impl Serialize) -> Result<(), BoxError> {
    let line = serde_json::to_string(content)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || writeln!(options.open(path)?, "{line}");
    write().map_err(|error| format!("can't write {}: {error}", path.display()).into())
}
