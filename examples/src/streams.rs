//! The record of output that could not be written: to a closed pipe, or a full disk.

use std::io;
use std::sync::OnceLock;

static LOST: OnceLock<String> = OnceLock::new();

/// Records the failure of a write to the stream of this name. The first one is kept.
pub(crate) fn note(stream: &str, written: io::Result<()>) {
    if let Err(error) = written {
        let _ = LOST.set(format!("can't write to {stream}: {error}"));
    }
}

/// Returns why some output of this process could not be written, if there is such output.
pub(crate) fn lost_output() -> Option<&'static str> {
    LOST.get().map(String::as_str)
}
