//! The text of a file or of stdin.

use std::io::{Read as _, stdin};
use std::path::Path;

use crate::ending::BoxError;

/// Reads a file, or stdin if the path is `-`.
///
/// # Errors
/// Fails if the file can't be read or isn't UTF-8.
pub fn read_text(path: &Path) -> Result<String, BoxError> {
    if path == Path::new("-") {
        let mut text = String::new();
        let read = stdin().read_to_string(&mut text);
        return read.map(|_| text).map_err(|error| format!("can't read stdin: {error}").into());
    }
    std::fs::read_to_string(path)
        .map_err(|error| format!("can't read {}: {error}", path.display()).into())
}
