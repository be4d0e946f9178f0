//! The place of Docker's configuration: its symbolic links, its folder, its content.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::file::replace::folder_of;
use crate::file::{check_regular, read_regular};

/// The maximum size of the file. Real ones have a few KiB.
const MAX_SIZE: u64 = 4 * 1024 * 1024;

/// Resolves symbolic links, so that a link stays a link. The target doesn't have to exist.
pub(super) fn target(path: &Path) -> io::Result<PathBuf> {
    // Linux follows the same number of links.
    const MOST_LINKS: usize = 40;
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::symlink_metadata(&target) {
            Ok(metadata) if metadata.is_symlink() => {}
            // A rename onto a device would replace the device.
            Ok(metadata) => {
                check_regular(&target, &metadata)?;
                return Ok(target);
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) => return Ok(target),
        }
        target = folder_of(&target).join(fs::read_link(&target)?);
    }
    Err(io::Error::other("it is a symbolic link to itself"))
}

/// Returns the content; empty text if the file is missing.
pub(super) fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    let content = read_regular(path, MAX_SIZE)?.unwrap_or_default();
    String::from_utf8(content).map(Zeroizing::new).map_err(|invalid| {
        let at = invalid.utf8_error().valid_up_to();
        drop(Zeroizing::new(invalid.into_bytes()));
        io::Error::new(io::ErrorKind::InvalidData, format!("invalid UTF-8 at byte {at}"))
    })
}

/// Creates the file's folder if it is missing. Only the owner can access what it creates.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder_of(path))
}
