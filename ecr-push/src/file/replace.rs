//! The atomic replacement of a file that only its owner may read.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::file::check_regular;

/// The new content of a file, in a temporary file beside it. Dropping it removes the temporary file.
#[derive(Debug)]
pub(crate) struct Replacement(NamedTempFile);

/// The beginning of a temporary file's name, after a dot and the name of the file.
const MARK: &str = ".ecr-push-";
const SUFFIX: &str = ".tmp";

impl Replacement {
    /// Writes the content beside `path`. Only the owner can access the file.
    ///
    /// # Errors
    /// Fails if `path` names something else than a regular file: the rename would replace a link or
    /// a device.
    pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(metadata) => check_regular(path, &metadata)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let prefix = prefix(path)?;
        // `tempfile` creates it with mode 0600, so that the file is never readable for others, and
        // removes it if a later step fails.
        let mut temporary =
            tempfile::Builder::new().prefix(&prefix).suffix(SUFFIX).tempfile_in(folder_of(path))?;
        temporary.write_all(content)?;
        // The content reaches the disk before the name, so that a crash doesn't leave an empty
        // file.
        temporary.as_file().sync_all()?;
        Ok(Self(temporary))
    }

    /// Returns the file, positioned at its end.
    pub(crate) fn file(&self) -> &File {
        self.0.as_file()
    }

    /// Puts it in the place of `path`.
    pub(crate) fn persist(self, path: &Path) -> io::Result<File> {
        let file = self.0.persist(path).map_err(|failure| failure.error)?;
        sync_folder(folder_of(path));
        Ok(file)
    }
}

/// Removes what a killed process left of its replacements of `path`. The caller holds the lock of
/// `path`, so that no other process has one now.
pub(crate) fn remove_stale(path: &Path) {
    let (Ok(prefix), Ok(entries)) = (prefix(path), fs::read_dir(folder_of(path))) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let bytes = name.as_encoded_bytes();
        if bytes.starts_with(prefix.as_encoded_bytes())
            && bytes.ends_with(SUFFIX.as_bytes())
            && entry.file_type().is_ok_and(|found| found.is_file())
        {
            // Nothing depends on it.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Returns the name of a file beside `path` that belongs to this crate.
pub(crate) fn hidden(path: &Path, suffix: impl AsRef<OsStr>) -> io::Result<OsString> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path has no file name"));
    };
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(suffix);
    Ok(hidden)
}

/// Returns the folder of a file.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn prefix(path: &Path) -> io::Result<OsString> {
    hidden(path, MARK)
}

/// Makes the new name durable. A failure is not an error: the content is safe already, and some
/// file systems don't support this call.
fn sync_folder(folder: &Path) {
    if cfg!(unix)
        && let Ok(folder) = File::open(folder)
    {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<OsString> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    fn replace(path: &Path, content: &[u8]) -> io::Result<File> {
        Replacement::write(path, content)?.persist(path)
    }

    #[test]
    fn what_can_not_be_replaced_leaves_nothing_behind() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("config.json");
        fs::create_dir(&path).unwrap();
        let error = replace(&path, b"new").unwrap_err();
        assert_eq!(error.to_string(), format!("{path:?} is a folder, not a regular file"));
        assert_eq!(names(folder.path()), ["config.json"]);
        assert!(path.is_dir());
    }

    /// The rename fails if the folder is replaced meanwhile.
    #[test]
    fn a_rename_that_fails_leaves_nothing_behind() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("config.json");
        let replacement = Replacement::write(&path, b"new").unwrap();
        fs::create_dir(&path).unwrap();
        replacement.persist(&path).unwrap_err();
        assert_eq!(names(folder.path()), ["config.json"]);
    }

    #[test]
    fn what_a_killed_process_left_behind_is_removed_and_nothing_else() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("config.json");
        let stale = ".config.json.ecr-push-a1B2c3.tmp";
        let others = [
            ".config.json.tmp",
            ".config.json123",
            ".other.json.ecr-push-a1B2c3.tmp",
            "config.json",
        ];
        for name in others.iter().chain([&stale]) {
            fs::write(folder.path().join(name), "token").unwrap();
        }
        fs::create_dir(folder.path().join(".config.json.ecr-push-folder.tmp")).unwrap();
        remove_stale(&path);
        let mut left = others.to_vec();
        left.push(".config.json.ecr-push-folder.tmp");
        left.sort_unstable();
        assert_eq!(names(folder.path()), left);
    }

    #[test]
    fn a_temporary_file_is_recognisable_and_in_the_folder() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("config.json");
        let replacement = Replacement::write(&path, b"new").unwrap();
        let name = names(folder.path()).remove(0).into_string().unwrap();
        assert!(name.starts_with(".config.json.ecr-push-") && name.ends_with(".tmp"), "{name}");
        // A killed process doesn't drop it.
        std::mem::forget(replacement);
        remove_stale(&path);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_path_without_a_name_is_an_error() {
        let problem = Replacement::write(Path::new("no/such/folder/.."), b"new").unwrap_err();
        assert_eq!(problem.to_string(), "the path has no file name");
    }

    #[cfg(unix)]
    #[test]
    fn it_is_for_the_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("config.json");
        for _ in 0..2 {
            replace(&path, b"secret").unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::TempDir::new().unwrap();
        let [path, other] = ["link", "other"].map(|name| folder.path().join(name));
        fs::write(&other, "old").unwrap();
        std::os::unix::fs::symlink("other", &path).unwrap();
        let error = replace(&path, b"secret").unwrap_err();
        assert_eq!(error.to_string(), format!("{path:?} is a symbolic link, not a regular file"));
        assert_eq!(fs::read(&other).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["link", "other"]);
    }
}
