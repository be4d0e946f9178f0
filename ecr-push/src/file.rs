//! Files on disk: regular ones only, read up to a limit, locked, and replaced in one step.
//!
//! A path may name anything by the time it is opened: a pipe that blocks its reader, a device
//! without an end. So a file is opened without waiting, and the opened handle is checked.

pub(crate) mod lock;
pub(crate) mod replace;

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::outside::Outside;

/// The failure of a path that names something else than a regular file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{}\" is {found}, not a regular file", Outside::from_path(path))]
pub(crate) struct NotRegular {
    path: PathBuf,
    found: &'static str,
}

/// The failure of a file that is too large to be read into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it has {size} bytes, more than the limit of {limit}")]
struct TooLarge {
    size: u64,
    limit: u64,
}

impl NotRegular {
    /// Returns this failure if it is the reason of `error`.
    pub(crate) fn among(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl From<NotRegular> for io::Error {
    fn from(problem: NotRegular) -> Self {
        Self::new(io::ErrorKind::InvalidInput, problem)
    }
}

/// Opens a regular file for reading, without waiting.
///
/// # Errors
/// Returns [`NotRegular`] if the path names something else, and otherwise the system's error.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    opened(path, OpenOptions::new().read(true), Links::Follow)
}

/// Reads a whole regular file of at most `limit` bytes; `None` if it is missing.
///
/// # Errors
/// Returns the errors of [`open_regular`], and the size and the limit if the file is larger.
pub(crate) fn read_regular(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    match open_regular(path) {
        Ok(file) => read_opened(&file, limit).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads an opened file, in the same way.
fn read_opened(file: &File, limit: u64) -> io::Result<Vec<u8>> {
    let size = file.metadata()?.len();
    check_size(size, limit)?;
    // With a byte to spare the end is found without moving the content, which may be a secret, to
    // larger memory.
    let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    // The file may grow meanwhile, and the size of a file in /proc is unknown.
    file.take(limit + 1).read_to_end(&mut content)?;
    check_size(content.len() as u64, limit)?;
    Ok(content)
}

/// Returns an error with both numbers if `size` is above `limit`.
pub(crate) fn check_size(size: u64, limit: u64) -> io::Result<()> {
    if size > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, TooLarge { size, limit }));
    }
    Ok(())
}

/// Returns an error unless `metadata`, found at `path`, is that of a regular file.
pub(crate) fn check_regular(path: &Path, metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(NotRegular { path: path.to_owned(), found: name(metadata.file_type()) }.into())
}

/// The handling of a symbolic link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    Follow,
    Refuse,
}

/// Opens `path`, and checks what was opened.
fn opened(path: &Path, options: &mut OpenOptions, links: Links) -> io::Result<File> {
    if links == Links::Refuse
        && let Ok(metadata) = fs::symlink_metadata(path)
    {
        check_regular(path, &metadata)?;
    }
    #[cfg(unix)]
    {
        let follow = if links == Links::Refuse { libc::O_NOFOLLOW } else { 0 };
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY | follow;
        std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags);
    }
    match options.open(path) {
        Ok(file) => {
            check_regular(path, &file.metadata()?)?;
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
        Err(error) => {
            // A socket, a pipe to write to, and a folder to write to can't be opened at all.
            if let Ok(metadata) = fs::metadata(path) {
                check_regular(path, &metadata)?;
            }
            Err(error)
        }
    }
}

fn name(found: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if found.is_fifo() {
            return "a named pipe";
        }
        if found.is_socket() {
            return "a socket";
        }
        if found.is_char_device() || found.is_block_device() {
            return "a device";
        }
    }
    if found.is_dir() {
        "a folder"
    } else if found.is_symlink() {
        "a symbolic link"
    } else {
        "a special file"
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    use super::*;

    fn fifo(path: &Path) {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    #[test]
    fn what_is_not_a_regular_file_is_named_without_waiting() {
        let folder = tempfile::TempDir::new().unwrap();
        let [pipe, socket, link, directory] =
            ["pipe", "socket", "link", "directory"].map(|name| folder.path().join(name));
        fifo(&pipe);
        let _listener = UnixListener::bind(&socket).unwrap();
        symlink("pipe", &link).unwrap();
        fs::create_dir(&directory).unwrap();
        for (path, found) in [
            (pipe.as_path(), "a named pipe"),
            (&socket, "a socket"),
            (&link, "a named pipe"),
            (&directory, "a folder"),
            (Path::new("/dev/zero"), "a device"),
        ] {
            let error = read_regular(path, 10).unwrap_err();
            assert_eq!(error.to_string(), format!("{path:?} is {found}, not a regular file"));
            assert!(NotRegular::among(&error).is_some());
        }
    }

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("file");
        assert_eq!(read_regular(&path, 4).unwrap(), None);
        fs::write(&path, "abcd").unwrap();
        assert_eq!(read_regular(&path, 4).unwrap().as_deref(), Some(b"abcd".as_slice()));
        let error = read_regular(&path, 3).unwrap_err();
        assert_eq!(error.to_string(), "it has 4 bytes, more than the limit of 3");
        // A sparse file takes no space on disk, and would take memory.
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let error = read_regular(&path, 1024).unwrap_err();
        assert_eq!(error.to_string(), "it has 1099511627776 bytes, more than the limit of 1024");
    }

    /// Its size is unknown before it is read.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_of_the_kernel_is_read_up_to_its_limit_too() {
        let path = Path::new("/proc/self/status");
        assert!(read_regular(path, 1024 * 1024).unwrap().unwrap().len() > 100);
        let error = read_regular(path, 10).unwrap_err();
        assert_eq!(error.to_string(), "it has 11 bytes, more than the limit of 10");
    }
}
