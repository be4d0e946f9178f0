//! What one process saves for another: plans and handles.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ending::BoxError;

/// Reads what [`save`] wrote.
///
/// # Errors
/// Where the file can't be read, or holds something else.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<T, BoxError> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("{} can't be read: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Writes one line of JSON to a file, over what is there. A new file is for its owner alone, because a
/// plan holds the values of environment variables.
///
/// # Errors
/// Where it can't be written.
pub fn save(path: &Path, content: &impl Serialize) -> Result<(), BoxError> {
    let line = serde_json::to_string(content)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || writeln!(options.open(path)?, "{line}");
    write().map_err(|error| format!("{} can't be written: {error}", path.display()).into())
}
