//! What one name in a tar file is, and how an archive ends.

#[derive(Debug, Clone)]
pub(super) enum Item {
    File {
        start: u64,
        size: u64,
    },
    /// A symbolic link, to another name of the archive.
    Link(String),
    /// A link out of the archive, or a hard one to what hasn't been in it.
    LinkToNothing,
    /// A directory, a device, …
    Other,
}

/// Whether the end of the archive is the one that its writer set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Marked,
    /// The file ends between two entries. Some writers leave the mark out.
    Unmarked,
}

/// The name that `name` means in `folder`; `None` where that is outside of everything.
pub(super) fn joined(folder: &str, name: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
