//! Files: read up to a limit, replaced in one step, and found by a nearly correct name.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;
use crate::nearest::is_near;

/// The name that CodePipeline's ECS action looks for, unless its configuration has a `FileName`.
pub(crate) const DEFINITIONS_NAME: &str = "imagedefinitions.json";

/// "The maximum file size limit ... is 100 KB" (CodePipeline user guide, quotas). The guide does
/// not say how many bytes a KB has. 1024 accepts more; [`SAFE_BYTES`] is the other reading.
pub(crate) const MAX_BYTES: usize = 102_400;
pub(crate) const SAFE_BYTES: usize = 100_000;

/// Reads to the end, but at most one byte beyond [`MAX_BYTES`]. The extra byte tells the caller
/// that the content is too large.
pub(crate) fn read_limited(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads the content of a regular file, up to the limit of [`read_limited`].
///
/// # Errors
///
/// `NotFound`, with similar names in the same folder; `Read`.
pub(crate) fn read_definitions(path: &Path) -> Result<Vec<u8>, Error> {
    let cannot_read = |error| cannot_read(path, similar_names(path), error);
    open_regular(path).and_then(read_limited).map_err(cannot_read)
}

/// Reads the text of a small file.
///
/// # Errors
///
/// `NotFound`; `Read`, also for a file that is too large or not UTF-8.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let text = || {
        let bytes = read_limited(open_regular(path)?)?;
        if bytes.len() > MAX_BYTES {
            return Err(invalid(format!("the file has more than {MAX_BYTES} bytes")));
        }
        String::from_utf8(bytes).map_err(|_| invalid("the file is not UTF-8".to_owned()))
    };
    text().map_err(|error| cannot_read(path, Vec::new(), error))
}

/// Opens a regular file of any size.
///
/// # Errors
///
/// `NotFound`, `Read`.
#[cfg(feature = "zip")]
pub(crate) fn open(path: &Path) -> Result<File, Error> {
    open_regular(path).map_err(|error| cannot_read(path, Vec::new(), error))
}

/// Opens a regular file. A pipe or a device, which could block or never end, is an error: the type
/// of the opened file counts, because a name can change its file at any time.
fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    // Opening a pipe waits for its writer otherwise. Regular files ignore the flag.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "the path is not a regular file"))
    }
}

/// Writes a file in one step, by [`replace`].
///
/// # Errors
///
/// `Write`.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), Error> {
    replace(path, |file| file.write_all(content))
        .map_err(|error| Error::write(format!("`{}`", path.display()), error))
}

/// Returns the name of the file if it is nearly the name that CodePipeline looks for.
pub(crate) fn near_miss(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy();
    is_similar(&name, DEFINITIONS_NAME).then(|| name.into_owned())
}

/// Replaces a file in one step: a reader sees all of the old content or all of the new, also after
/// a crash.
///
/// The new file gets the permissions of the old one, and a symbolic link stays a link.
fn replace(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let target = match fs::canonicalize(path) {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    let old = match fs::metadata(&target) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    // Renaming onto `/dev/stdout` would replace the device.
    if old.as_ref().is_some_and(|metadata| !metadata.is_file()) {
        return Err(io::Error::other("the path exists and is not a regular file"));
    }

    let (temporary, mut file) = Temporary::beside(&target)?;
    // Before the content, which may be for fewer eyes than the folder.
    if let Some(metadata) = old {
        file.set_permissions(metadata.permissions())?;
    }
    fill(&mut file)?;
    file.sync_all()?;
    // Windows cannot rename an open file.
    drop(file);
    temporary.rename(&target)?;
    sync_folder(&target);
    Ok(())
}

/// `similar` are the names in the same folder that the caller may have meant.
fn cannot_read(path: &Path, similar: Vec<String>, error: io::Error) -> Error {
    if error.kind() != io::ErrorKind::NotFound {
        return Error::read(format!("`{}`", path.display()), error);
    }
    let is_about_name = !similar.is_empty() || near_miss(path).is_some();
    let expected = is_about_name.then_some(DEFINITIONS_NAME);
    Error::not_found(path, similar, expected, error)
}

/// Returns the names in the same folder that the caller may have meant.
fn similar_names(path: &Path) -> Vec<String> {
    let Some(wanted) = path.file_name().map(|name| name.to_string_lossy()) else {
        return Vec::new();
    };
    let Ok(entries) = fs::read_dir(folder_of(path)) else {
        return Vec::new();
    };
    let mut names = entries
        .take(MAX_ENTRIES)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_similar(name, &wanted))
        .collect::<Vec<_>>();
    names.sort();
    names.truncate(MAX_SIMILAR);
    names
}

/// The limits of the search for similar names, in files.
const MAX_ENTRIES: usize = 10_000;
const MAX_SIMILAR: usize = 5;

/// Whether `name` is another name than `wanted`, and may be a typing error for it.
fn is_similar(name: &str, wanted: &str) -> bool {
    // The default name allows two edits, which finds `imageredefinitions.json` (seen in practice).
    // A short name allows no edit, because it is close to many other names.
    let max_edits = wanted.len() / 8;
    name != wanted && is_near(name, wanted, max_edits)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes the new name durable. The content is already safe, and some file systems do not support
/// this, so the write succeeds even if this fails.
fn sync_folder(path: &Path) {
    if cfg!(unix)
        && let Ok(folder) = File::open(folder_of(path))
    {
        let _ = folder.sync_all();
    }
}

/// A temporary file, removed on drop.
struct Temporary(PathBuf);

impl Temporary {
    fn beside(target: &Path) -> io::Result<(Self, File)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let Some(name) = target.file_name() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path has no file name"));
        };
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let mut hidden = OsString::from(".");
            hidden.push(name);
            hidden.push(format!(".{}-{count}.tmp", process::id()));
            let path = target.with_file_name(hidden);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((Self(path), file)),
                // A killed process with the same number left it behind.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn rename(self, target: &Path) -> io::Result<()> {
        fs::rename(&self.0, target)?;
        // The temporary name no longer exists.
        std::mem::forget(self);
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_write_that_fails_halfway_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        let error = replace(&path, |file| {
            file.write_all(b"ne")?;
            Err(io::Error::other("the disk is full"))
        });
        assert_eq!(error.unwrap_err().to_string(), "the disk is full");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn reading_stops_just_beyond_the_limit() {
        assert_eq!(read_limited(io::repeat(b' ')).unwrap().len(), MAX_BYTES + 1);
    }
}
