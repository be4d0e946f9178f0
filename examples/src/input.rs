//! The text of a file or of stdin.

use std::fs::File;
use std::io::{Read, stdin};
use std::path::Path;

use crate::ending::BoxError;

/// Reads a file, or stdin if the path is `-`.
///
/// # Errors
/// Fails if the file can't be read, isn't UTF-8 or is larger than any document of AWS.
pub fn read_text(path: &Path) -> Result<String, BoxError> {
    if path == Path::new("-") {
        return read_to_limit(stdin())
            .map_err(|problem| format!("can't read stdin: {problem}").into());
    }
    let problem = |problem: String| format!("can't read {}: {problem}", path.display());
    // A pipe would block until it has a writer.
    let is_file = std::fs::metadata(path).map_err(|error| problem(error.to_string()))?.is_file();
    if !is_file {
        return Err(problem("not a regular file; use - for stdin".to_owned()).into());
    }
    let file = File::open(path).map_err(|error| problem(error.to_string()))?;
    read_to_limit(file).map_err(|reason| problem(reason).into())
}

/// The events of EventBridge and the files of CodePipeline are smaller.
const MAX_BYTES: usize = 1024 * 1024;

fn read_to_limit(reader: impl Read) -> Result<String, String> {
    let mut text = String::new();
    let mut limited = reader.take(MAX_BYTES as u64 + 1);
    limited.read_to_string(&mut text).map_err(|error| error.to_string())?;
    if text.len() > MAX_BYTES {
        return Err(format!("it has more than {MAX_BYTES} bytes"));
    }
    Ok(text)
}
