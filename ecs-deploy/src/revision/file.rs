//! Task definitions in files: reads them, and replaces them atomically.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::error::repr::Repr;
use crate::revision::Revision;
use crate::revision::check::format::decode;
use crate::revision::document::invalid;

impl Revision {
    /// Reads a file in the forms of `FromStr`, in UTF-8 or UTF-16. Blocks.
    ///
    /// # Errors
    /// Returns [`File`](crate::ErrorKind::File) if the file can't be read, or an error of `FromStr`.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let name = path.as_ref().display().to_string();
        match fs::read(path) {
            Ok(bytes) => decode(&bytes)
                .and_then(|text| Self::parse(&text))
                .map_err(|problem| invalid(&format!("`{name}`"), problem)),
            Err(source) => Err(Repr::File { path: name, action: "read", source }.into()),
        }
    }

    /// Writes the text that `Display` prints to a file. Blocks.
    ///
    /// An existing file is replaced in one step: a reader sees all of the old text or all of the
    /// new, also after a crash. The new file has the permissions of the old one, and a symbolic
    /// link stays a link.
    ///
    /// # Errors
    /// Returns [`File`](crate::ErrorKind::File) if the file can't be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        replace(path, &self.to_string()).map_err(|source| {
            let path = path.display().to_string();
            Repr::File { path, action: "written", source }.into()
        })
    }
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let target = existing(fs::canonicalize(path))?.unwrap_or_else(|| path.to_owned());
    let old: Option<Metadata> = existing(fs::metadata(&target))?;
    // Renaming onto `/dev/stdout` would replace the device.
    if old.as_ref().is_some_and(|it| !it.is_file()) {
        return Err(io::Error::other("not a regular file"));
    }
    let folder = folder_of(&target);
    let mut temporary = temporary_in(&folder)?;
    temporary.write_all(text.as_bytes())?;
    if let Some(old) = old {
        temporary.as_file().set_permissions(old.permissions())?;
    }
    temporary.as_file().sync_all()?;
    temporary.persist(&target).map_err(|failure| failure.error)?;
    sync(&folder);
    Ok(())
}

/// Returns `None` if the file is missing, and other errors unchanged.
fn existing<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn temporary_in(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".taskdef-").suffix(".tmp");
    // Temporary files are private to the user by default. Here the umask decides, as for every new
    // file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Makes the rename durable. The content is durable already, and some file systems don't support
/// this call, so a failure is ignored.
fn sync(folder: &Path) {
    if cfg!(unix)
        && let Ok(folder) = File::open(folder)
    {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::kind::ErrorKind;

    fn revision() -> Revision {
        r#"{"family":"web","containerDefinitions":[{"name":"web"}]}"#.parse().unwrap()
    }

    /// The old text still exists under another name, because the file isn't overwritten.
    #[test]
    fn a_file_is_replaced_in_one_step() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("taskdef.json"), folder.path().join("other"));
        fs::write(&path, "old").unwrap();
        fs::hard_link(&path, &other).unwrap();
        revision().write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), revision().to_string());
        assert_eq!(fs::read_to_string(&other).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("taskdef.json"), folder.path().join("link"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&path, &link).unwrap();
        revision().write(&link).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), revision().to_string());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);

        // A new file has the permissions that any new file has.
        let (new, usual) = (folder.path().join("new.json"), folder.path().join("usual"));
        revision().write(&new).unwrap();
        fs::write(&usual, "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&new), mode(&usual));
    }

    #[test]
    fn a_write_that_fails_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("folder");
        fs::create_dir(&path).unwrap();
        let error = revision().write(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::File);
        assert_eq!(error.to_string(), format!("`{}` couldn't be written", path.display()));
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(source.to_string(), "not a regular file");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
