//! The reading and the atomic replacement of a file with secrets.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// Resolves symbolic links, so that a link stays a link. The target doesn't have to exist.
pub(super) fn target(path: &Path) -> io::Result<PathBuf> {
    // Linux follows the same number of links.
    const MOST_LINKS: usize = 40;
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::symlink_metadata(&target) {
            Ok(metadata) if metadata.is_symlink() => {}
            // A rename onto a device would replace the device.
            Ok(metadata) if !metadata.is_file() => {
                return Err(io::Error::other("it is not a regular file"));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => return Ok(target),
        }
        target = folder_of(&target).join(fs::read_link(&target)?);
    }
    Err(io::Error::other("it is a symbolic link to itself"))
}

/// Returns the content; empty text if the file is missing.
pub(super) fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    match fs::read_to_string(path) {
        Ok(content) => Ok(Zeroizing::new(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Zeroizing::default()),
        Err(error) => Err(error),
    }
}

/// Replaces a file, or creates it and its folder. Only the owner can access what it creates.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path has no file name"));
    };
    let folder = folder_of(path);
    create_folder(folder)?;
    let mut prefix = OsString::from(".");
    prefix.push(name);
    // `tempfile` creates it with mode 0600, so that the file is never readable for others, and
    // removes it if a later step fails.
    let mut temporary =
        tempfile::Builder::new().prefix(&prefix).suffix(".tmp").tempfile_in(folder)?;
    temporary.write_all(content)?;
    // The content reaches the disk before the name, so that a crash doesn't leave an empty file.
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|failure| failure.error)?;
    sync_folder(folder);
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes the new name durable. A failure doesn't fail the login: the content is safe already, and
/// some file systems don't support this call.
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
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn what_can_not_be_replaced_leaves_nothing_behind() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("config.json");
        fs::create_dir(&path).unwrap();
        replace(&path, b"new").unwrap_err();
        assert_eq!(names(folder.path()), ["config.json"]);
        assert!(path.is_dir());
    }

    #[test]
    fn a_file_that_a_killed_process_left_behind_is_no_obstacle() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("config.json");
        fs::write(folder.path().join(".config.json.tmp"), "old").unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()).len(), 2);
    }

    #[test]
    fn a_path_without_a_name_is_an_error() {
        let problem = replace(Path::new(".."), b"new").unwrap_err();
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
}
