use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::definitions::ImageDefinitions;
use crate::error::Error;

/// "The maximum file size limit ... is 100 KB" (CodePipeline user guide, quotas). That a KB is 1024
/// bytes is a guess on the side of accepting; [`SAFE_BYTES`] is the other reading.
pub(crate) const MAX_BYTES: usize = 102_400;
pub(crate) const SAFE_BYTES: usize = 100_000;

/// Reads to the end, but never more than one byte beyond [`MAX_BYTES`], by which the caller can tell
/// that it is too large.
pub(crate) fn read_limited(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of a small file.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    let cannot_read = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Error::not_found(path, Vec::new(), error),
        _ => Error::read(format!("`{}`", path.display()), error),
    };
    let bytes = File::open(path).and_then(read_limited).map_err(cannot_read)?;
    if bytes.len() > MAX_BYTES {
        let what = format!("it has more than {MAX_BYTES} bytes");
        return Err(cannot_read(io::Error::new(io::ErrorKind::InvalidData, what)));
    }
    String::from_utf8(bytes)
        .map_err(|_| cannot_read(io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8")))
}

/// Puts a file in the place of another in one step: whoever reads the path sees all of the old
/// content or all of the new, also after a crash.
///
/// A file that is already there passes its permissions on, and a symbolic link stays one.
pub(crate) fn replace(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
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
        return Err(io::Error::other("it is there already and no regular file"));
    }

    let (temporary, mut file) = Temporary::beside(&target)?;
    fill(&mut file)?;
    if let Some(metadata) = old {
        file.set_permissions(metadata.permissions())?;
    }
    file.sync_all()?;
    // Windows renames no open file.
    drop(file);
    temporary.rename(&target)?;
    sync_folder(&target);
    Ok(())
}

/// The names in the same folder that someone may have meant by this one.
pub(crate) fn similar_names(path: &Path) -> Vec<String> {
    let Some(wanted) = path.file_name().map(|name| name.to_string_lossy()) else {
        return Vec::new();
    };
    let Ok(entries) = fs::read_dir(folder_of(path)) else {
        return Vec::new();
    };
    let mut names = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_similar(name, &wanted))
        .collect::<Vec<_>>();
    names.sort();
    names
}

/// The file's name, if it is nearly the one that CodePipeline looks for.
pub(crate) fn near_miss(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy();
    is_similar(&name, ImageDefinitions::FILE_NAME).then(|| name.into_owned())
}

/// Whether it is another name, and could be a mistyped one.
fn is_similar(name: &str, wanted: &str) -> bool {
    // Two for the default name, so that `imageredefinitions.json` is found, which someone really
    // wrote, and none for names so short that one is nearly any other.
    let max_distance = wanted.len() / 8;
    name != wanted && distance(&name.to_lowercase(), &wanted.to_lowercase()) <= max_distance
}

/// The name that was perhaps meant by another.
pub(crate) fn nearest<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Two letters in the wrong order are two errors; in a long name, more than four make another.
    let max_distance = (1 + wanted.len() / 3).min(4);
    names
        .into_iter()
        .map(|name| (distance(&name.to_lowercase(), &wanted.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= max_distance)
        .min()
        .map(|(_, name)| name)
}

/// How many bytes have to be inserted, removed or changed (Levenshtein).
pub(crate) fn distance(one: &str, other: &str) -> usize {
    let mut row = (0..=other.len()).collect::<Vec<_>>();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes the new name last. The content is safe already, and some file systems can't do this, so
/// that a failure is none of the write.
fn sync_folder(path: &Path) {
    if cfg!(unix)
        && let Ok(folder) = File::open(folder_of(path))
    {
        let _ = folder.sync_all();
    }
}

/// A file that is removed when dropped.
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
                // Left behind by a killed process that had the same number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn rename(self, target: &Path) -> io::Result<()> {
        fs::rename(&self.0, target)?;
        // What it would remove has gone.
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

    #[test]
    fn distance_counts_edits() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "ab", 2),
            ("imagedefinition.json", "imagedefinitions.json", 1),
            ("imageredefinitions.json", "imagedefinitions.json", 2),
            ("image_definitions.json", "imagedefinitions.json", 1),
            ("imagedetail.json", "imagedefinitions.json", 8),
        ] {
            assert_eq!(distance(one, other), expected, "{one}, {other}");
            assert_eq!(distance(other, one), expected, "{other}, {one}");
        }
    }
}
