//! A file with secrets in it, replaced in one step.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process;

use zeroize::Zeroizing;

/// What a path stands for, which needn't exist: a symbolic link is to stay one.
pub(super) fn target(path: &Path) -> io::Result<PathBuf> {
    // As many as Linux follows.
    const MOST_LINKS: usize = 40;
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::symlink_metadata(&target) {
            Ok(metadata) if metadata.is_symlink() => {}
            // Renaming onto a device would replace it.
            Ok(metadata) if !metadata.is_file() => {
                return Err(io::Error::other("it is no regular file"));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => return Ok(target),
        }
        target = folder_of(&target).join(fs::read_link(&target)?);
    }
    Err(io::Error::other("it is a symbolic link to itself"))
}

/// The content; empty where there is no file.
pub(super) fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    match fs::read_to_string(path) {
        Ok(content) => Ok(Zeroizing::new(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Zeroizing::default()),
        Err(error) => Err(error),
    }
}

/// Puts a file in the place of another, or makes it and its folder: for the owner alone.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    create_folder(folder_of(path))?;
    let (temporary, mut file) = Temporary::beside(path)?;
    file.write_all(content)?;
    // The content before the name, so that a crash doesn't leave an empty file.
    file.sync_all()?;
    // Windows renames no open file.
    drop(file);
    temporary.rename(path)?;
    sync_folder(path);
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

/// Makes the new name last. The content is safe already, and some file systems can't do this, so
/// that a failure is none of the login.
fn sync_folder(path: &Path) {
    if cfg!(unix)
        && let Ok(folder) = File::open(folder_of(path))
    {
        let _ = folder.sync_all();
    }
}

/// A file that is removed when dropped.
struct Temporary(Option<PathBuf>);

impl Temporary {
    fn beside(target: &Path) -> io::Result<(Self, File)> {
        let Some(name) = target.file_name() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path has no file name"));
        };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // From the start: it must not be readable for a moment, either.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut count = 0;
        loop {
            let mut hidden = OsString::from(".");
            hidden.push(name);
            hidden.push(format!(".{}-{count}.tmp", process::id()));
            let path = target.with_file_name(hidden);
            match options.open(&path) {
                Ok(file) => return Ok((Self(Some(path)), file)),
                // Left behind by a killed process that had the same number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => count += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn rename(mut self, target: &Path) -> io::Result<()> {
        if let Some(path) = &self.0 {
            fs::rename(path, target)?;
        }
        // What it would remove has gone.
        self.0 = None;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}
