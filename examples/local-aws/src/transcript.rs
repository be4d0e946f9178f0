//! Every answer in a file, for a witness that holds them against AWS's own models.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::sync::LazyLock;

use bytes::Bytes;
use http::Response;
use serde_json::json;

/// The file that `LOCAL_AWS_ANSWERS` names, for all emulators of all processes.
static FILE: LazyLock<Option<File>> = LazyLock::new(|| {
    let path = std::env::var_os("LOCAL_AWS_ANSWERS")?;
    let opened = OpenOptions::new().append(true).create(true).open(&path);
    Some(opened.unwrap_or_else(|error| panic!("LOCAL_AWS_ANSWERS: {}: {error}", path.display())))
});

/// Appends an answer, as a line of JSON.
pub(crate) fn record(service: &str, operation: &str, response: &Response<Bytes>) {
    let Some(mut file) = FILE.as_ref() else { return };
    let line = json!({
        "service": service,
        "operation": operation,
        "status": response.status().as_u16(),
        "body": String::from_utf8_lossy(response.body()),
    });
    // Each line is written in one piece, so that the lines of several processes don't mix.
    if let Err(error) = file.write_all(format!("{line}\n").as_bytes()) {
        panic!("LOCAL_AWS_ANSWERS: {error}");
    }
}
