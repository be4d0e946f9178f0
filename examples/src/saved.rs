//! Files that one process writes and another reads: plans and handles.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

use crate::ending::BoxError;
use crate::input::read_text;

/// Reads a file that [`save`] wrote.
///
/// # Errors
/// Fails if the file can't be read or its content is invalid.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<T, BoxError> {
    serde_json::from_str(&read_text(path)?)
        .map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Writes one line of JSON to a file and replaces its content in one step: after a failure the file
/// is unchanged. Only the owner can read the file, since a plan contains the environment variables
/// of a task definition.
///
/// # Errors
/// Fails if the file can't be written, or if the path is a link or anything else than a regular
/// file.
pub fn save(path: &Path, content: &impl Serialize) -> Result<(), BoxError> {
    let line = serde_json::to_string(content)?;
    replace(path, &format!("{line}\n"))
        .map_err(|problem| format!("can't write {}: {problem}", path.display()).into())
}

fn replace(path: &Path, text: &str) -> Result<(), BoxError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        // A rename would replace a link or a device itself.
        Ok(metadata) if metadata.is_symlink() => return Err("it is a symbolic link".into()),
        Ok(_) => return Err("it is not a regular file".into()),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // A temporary file has mode 0600, and is removed if a later step fails.
    let mut temporary = NamedTempFile::with_prefix_in(".saved-", folder)?;
    temporary.write_all(text.as_bytes())?;
    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    Ok(())
}
