//! Files that one process writes and another reads: plans and handles.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ending::BoxError;
use crate::input::read_text;

/// Reads a file that [`save`] wrote.
///
/// # Errors
/// Fails if the file can't be read, isn't a regular file or has more than 16 MiB, or if its content
/// is invalid.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<T, BoxError> {
    let text = read_text(path)?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Writes one line of JSON to a file that only the owner can read, since a plan contains the
/// environment variables of a task definition.
///
/// An existing file is replaced in one step: after a failure, such as a full disk, the old content
/// is still there. A symbolic link is replaced too, not followed.
///
/// # Errors
/// Fails if the file can't be written, or if something other than a file has its name.
pub fn save(path: &Path, content: &impl Serialize) -> Result<(), BoxError> {
    let line = serde_json::to_string(content)?;
    replace(path, &line).map_err(|error| format!("can't write {}: {error}", path.display()).into())
}

fn replace(path: &Path, line: &str) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(old) if !old.is_file() && !old.is_symlink() => {
            return Err(io::Error::other("not a regular file"));
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    // A temporary file is private to its owner.
    let mut temporary =
        tempfile::Builder::new().prefix(".saved-").suffix(".tmp").tempfile_in(folder)?;
    writeln!(temporary, "{line}")?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|failure| failure.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_file_is_private_and_replaced_in_one_step() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = tempfile::tempdir().unwrap();
        let [path, link, elsewhere] =
            ["plan", "link", "elsewhere"].map(|name| folder.path().join(name));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        fs::hard_link(&path, folder.path().join("other")).unwrap();
        fs::write(&elsewhere, "theirs").unwrap();
        symlink(&elsewhere, &link).unwrap();
        for path in [&path, &link] {
            save(path, &"new").unwrap();
            let metadata = fs::symlink_metadata(path).unwrap();
            assert!(metadata.is_file());
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::read_to_string(path).unwrap(), "\"new\"\n");
            assert_eq!(load::<String>(path).unwrap(), "new");
        }
        assert_eq!(fs::read_to_string(folder.path().join("other")).unwrap(), "old");
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "theirs");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
    }

    #[test]
    fn a_failure_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("folder");
        fs::create_dir(&path).unwrap();
        let error = save(&path, &"new").unwrap_err().to_string();
        assert_eq!(error, format!("can't write {}: not a regular file", path.display()));
        let nowhere = folder.path().join("missing/plan");
        let error = save(&nowhere, &"new").unwrap_err().to_string();
        assert!(error.starts_with(&format!("can't write {}: ", nowhere.display())), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
