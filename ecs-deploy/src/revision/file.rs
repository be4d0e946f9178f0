//! Task definitions in files: reads them within a limit, and replaces them atomically.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::error::repr::Repr;
use crate::revision::Revision;
use crate::revision::check::format::decode;
use crate::revision::document::invalid;

impl Revision {
    /// Reads a file in the forms of `FromStr`, in UTF-8 or UTF-16. Blocks, but never waits for a
    /// writer: a pipe or a device is refused.
    ///
    /// # Errors
    /// Returns [`File`](crate::ErrorKind::File) if the file can't be read, isn't a regular file or
    /// has more than 4 MiB, or an error of `FromStr`.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let name = path.as_ref().display().to_string();
        match read_regular(path.as_ref()) {
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
    /// link stays a link. Only the owner can read a file that didn't exist, since a task definition
    /// may have secrets in its environment variables.
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

/// Reads a regular file. The open file is checked, because the path may name another one by then.
fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let mut options = OpenOptions::new();
    options.read(true);
    // Opening a pipe without a writer would wait for one.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(not_regular());
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("it has more than {LARGEST} bytes")));
    }
    Ok(bytes)
}

fn not_regular() -> io::Error {
    io::Error::other("not a regular file")
}

/// ECS takes task definitions up to 64 KiB (service quotas); a file may have more white space.
const LARGEST: u64 = 4 * 1024 * 1024;

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let target = existing(fs::canonicalize(path))?.unwrap_or_else(|| path.to_owned());
    let old: Option<Metadata> = existing(fs::metadata(&target))?;
    // Renaming onto `/dev/stdout` would replace the device.
    if old.as_ref().is_some_and(|it| !it.is_file()) {
        return Err(not_regular());
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

/// Creates a file that only the owner can read.
fn temporary_in(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().prefix(".taskdef-").suffix(".tmp").tempfile_in(folder)
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

        // The owner alone can read a new file.
        let new = folder.path().join("new.json");
        revision().write(&new).unwrap();
        assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o600);
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

    /// None of these waits, and none costs memory.
    #[cfg(unix)]
    #[test]
    fn only_a_regular_file_within_the_limit_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let problem = |path: &Path| {
            let error = Revision::read(path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::File);
            assert_eq!(error.to_string(), format!("`{}` couldn't be read", path.display()));
            std::error::Error::source(&error).unwrap().to_string()
        };
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        for path in [&pipe, Path::new("/dev/zero"), folder.path()] {
            assert_eq!(problem(path), "not a regular file");
        }
        let sparse = folder.path().join("sparse");
        File::create(&sparse).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(problem(&sparse), "it has more than 4194304 bytes");
    }
}
