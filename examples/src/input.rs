//! The text of a file or of stdin, within a limit.

use std::fs::OpenOptions;
use std::io::{self, Read, stdin};
use std::path::Path;

use crate::ending::BoxError;

/// The largest text that the programs read.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Reads a file, or stdin if the path is `-`.
///
/// # Errors
/// Fails if the file can't be read, isn't a regular file, has more than 16 MiB or isn't UTF-8.
pub fn read_text(path: &Path) -> Result<String, BoxError> {
    if path == Path::new("-") {
        return within_limit(stdin().lock())
            .map_err(|error| format!("can't read stdin: {error}").into());
    }
    read_file(path).map_err(|error| format!("can't read {}: {error}", path.display()).into())
}

/// Reads a regular file. The open file is checked, because the path may name another one by then.
fn read_file(path: &Path) -> io::Result<String> {
    let mut options = OpenOptions::new();
    options.read(true);
    // Opening a pipe without a writer would wait for one.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file; use - for stdin"));
    }
    within_limit(file)
}

fn within_limit(source: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    source.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("it has more than {LARGEST} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8"))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    /// None of these waits, and none costs memory.
    #[cfg(unix)]
    #[test]
    fn only_a_regular_file_within_the_limit_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let problem = |path: &Path| {
            let text = read_text(path).unwrap_err().to_string();
            text.replace(&format!("can't read {}: ", path.display()), "")
        };
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [&pipe, Path::new("/dev/zero"), folder.path()] {
            assert_eq!(problem(path), "not a regular file; use - for stdin");
        }
        let sparse = folder.path().join("sparse");
        File::create(&sparse).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(problem(&sparse), "it has more than 16777216 bytes");
        let binary = folder.path().join("binary");
        fs::write(&binary, b"\xff").unwrap();
        assert_eq!(problem(&binary), "not UTF-8");
    }
}
