//! What one process saves for another: plans and handles.

use std::fmt::Display;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::str::FromStr;

use crate::ending::BoxError;

/// Reads what [`save`] wrote.
///
/// # Errors
/// Where the file can't be read, or holds something else.
pub fn load<T>(path: &Path) -> Result<T, BoxError>
where
    T: FromStr<Err: Display>,
{
    let text = fs::read_to_string(path)
        .map_err(|error| format!("{} can't be read: {error}", path.display()))?;
    text.trim_end().parse().map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Writes a line to a file, over what is there. A new file is for its owner alone, since a plan has
/// what the environment variables of a task definition hold.
///
/// # Errors
/// Where it can't be written.
pub fn save(path: &Path, line: &str) -> Result<(), BoxError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || writeln!(options.open(path)?, "{line}");
    write().map_err(|error| format!("{} can't be written: {error}", path.display()).into())
}
