//! The content of a file or of stdin, up to a limit.

use std::fs::{File, FileType, OpenOptions};
use std::io::{Read, stdin};
use std::path::Path;

use crate::ending::BoxError;

/// The maximum size. Real plans, events and definitions have some KiB.
const MAX_SIZE: u64 = 16 * 1024 * 1024;

/// Reads a file, or stdin if the path is `-`.
///
/// # Errors
/// Fails if the file can't be read, isn't a regular file, isn't UTF-8, or has more than 16 MiB.
pub fn read_text(path: &Path) -> Result<String, BoxError> {
    if is_stdin(path) {
        return read(stdin().lock())
            .map_err(|problem| format!("can't read stdin: {problem}").into());
    }
    open_regular(path)
        .and_then(|file| {
            check_size(file.metadata().map_err(|error| error.to_string())?.len())?;
            read(file)
        })
        .map_err(|problem| format!("can't read {}: {problem}", path.display()).into())
}

/// Returns whether a path stands for stdin.
pub fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

fn read(source: impl Read) -> Result<String, String> {
    let mut text = String::new();
    let read = source.take(MAX_SIZE + 1).read_to_string(&mut text);
    let size = read.map_err(|error| error.to_string())?;
    check_size(size as u64)?;
    Ok(text)
}

fn check_size(size: u64) -> Result<(), String> {
    if size > MAX_SIZE {
        return Err(format!("it has {size} bytes, more than the limit of {MAX_SIZE}"));
    }
    Ok(())
}

/// Opens a file without waiting for the other end of a pipe, and checks what was opened.
fn open_regular(path: &Path) -> Result<File, String> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
    }
    let file = options.open(path).map_err(|error| error.to_string())?;
    let found = file.metadata().map_err(|error| error.to_string())?.file_type();
    if found.is_file() {
        return Ok(file);
    }
    Err(format!("it is {}, not a regular file", name(found)))
}

fn name(found: FileType) -> &'static str {
    #[cfg(unix)]
    if std::os::unix::fs::FileTypeExt::is_fifo(&found) {
        return "a named pipe";
    }
    if found.is_dir() { "a folder" } else { "a device" }
}
