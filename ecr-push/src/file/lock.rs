//! Locks between processes. The operating system releases the lock of a process that ends, so none
//! is ever stale.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::file::replace::{folder_of, hidden};
use crate::file::{Links, opened};
use crate::outside::Outside;

/// Opens or creates a regular file and locks it; `None` if another process or another part of this
/// one holds the lock. The lock ends with the returned file. A link isn't followed.
///
/// The lock is advisory: it holds off only those that ask for it. A file system without locks
/// grants all.
pub(crate) fn try_lock(path: &Path) -> io::Result<Option<File>> {
    // Each repetition means that a holder has replaced or removed the file in between.
    for _ in 0..100 {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = opened(path, &mut options, Links::Refuse)?;
        if !lock_opened(&file)? {
            return Ok(None);
        }
        match fs::symlink_metadata(path) {
            Ok(metadata) if is_same(&file.metadata()?, &metadata) => return Ok(Some(file)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Locks an opened file. Returns whether the lock was free.
pub(crate) fn lock_opened(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// A held lock in a file of its own, beside the file that it protects. Dropping it releases the lock
/// and removes the file.
#[derive(Debug)]
pub(crate) struct LockFile {
    path: PathBuf,
    /// Keeps the lock.
    _file: File,
}

impl LockFile {
    /// Waits for the lock of `protected`, at most for `patience`. Blocks.
    pub(crate) fn wait(protected: &Path, patience: Duration) -> io::Result<Self> {
        let path = folder_of(protected).join(hidden(protected, ".ecr-push.lock")?);
        let began = Instant::now();
        loop {
            if let Some(file) = try_lock(&path)? {
                return Ok(Self { path, _file: file });
            }
            if began.elapsed() >= patience {
                let path = Outside::from_path(&path);
                let problem = format!("another process has held the lock {path} for {patience:?}");
                return Err(io::Error::new(io::ErrorKind::WouldBlock, problem));
            }
            sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // `try_lock` notices that the file is gone. Only on Unix can it tell, so the empty file
        // stays elsewhere.
        if cfg!(unix) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(unix)]
fn is_same(opened: &Metadata, named: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (opened.dev(), opened.ino()) == (named.dev(), named.ino())
}

#[cfg(not(unix))]
fn is_same(_opened: &Metadata, named: &Metadata) -> bool {
    named.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::NotRegular;

    #[test]
    fn a_lock_is_held_once_and_ends_with_its_file() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("state");
        let first = try_lock(&path).unwrap().unwrap();
        assert!(try_lock(&path).unwrap().is_none());
        drop(first);
        assert!(try_lock(&path).unwrap().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn the_lock_of_a_removed_file_does_not_count() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("state");
        let _removed = try_lock(&path).unwrap().unwrap();
        fs::remove_file(&path).unwrap();
        assert!(try_lock(&path).unwrap().is_some());
    }

    #[test]
    fn a_lock_file_says_who_waits_for_what_and_is_removed() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("config.json");
        let held = LockFile::wait(&path, Duration::ZERO).unwrap();
        let lock = folder.path().join(".config.json.ecr-push.lock");
        assert!(lock.exists());
        assert_eq!(
            LockFile::wait(&path, Duration::ZERO).unwrap_err().to_string(),
            format!("another process has held the lock {} for 0ns", lock.display())
        );
        drop(held);
        assert_eq!(lock.exists(), !cfg!(unix));
    }

    #[test]
    fn a_lock_file_of_a_killed_process_is_no_obstacle() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("config.json");
        fs::write(folder.path().join(".config.json.ecr-push.lock"), "").unwrap();
        LockFile::wait(&path, Duration::ZERO).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_link_and_a_pipe_are_not_locked() {
        let folder = tempfile::TempDir::new().unwrap();
        let [link, pipe] = ["link", "pipe"].map(|name| folder.path().join(name));
        std::os::unix::fs::symlink("elsewhere", &link).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for (path, found) in [(link, "a symbolic link"), (pipe, "a named pipe")] {
            let error = try_lock(&path).unwrap_err();
            assert!(NotRegular::among(&error).is_some());
            assert_eq!(error.to_string(), format!("{path:?} is {found}, not a regular file"));
        }
        assert!(!folder.path().join("elsewhere").exists());
    }
}
