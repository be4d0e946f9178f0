//! What this process holds at one moment, by Linux's /proc: memory, descriptors, threads and files.

use std::fs;
use std::io;
use std::path::Path;

/// What the process holds at one moment.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Held {
    /// Resident memory, in KiB.
    pub memory: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// Threads.
    pub threads: u64,
    /// Files and folders in a folder of temporary files, those below included.
    pub files: u64,
}

impl Held {
    /// Reads what the process holds now. `folder` is the folder of temporary files.
    ///
    /// # Errors
    /// Fails without /proc, or if `folder` can't be read.
    pub fn now(folder: &Path) -> io::Result<Self> {
        let status = fs::read_to_string("/proc/self/status")?;
        let figure = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
            number.ok_or_else(|| io::Error::other(format!("/proc/self/status has no {name}")))
        };
        Ok(Self {
            memory: figure("VmRSS:")?,
            descriptors: fs::read_dir("/proc/self/fd")?.count() as u64,
            threads: figure("Threads:")?,
            files: count(folder)?,
        })
    }

    /// Returns the median of each figure.
    pub fn median(samples: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> u64| {
            let mut figures: Vec<u64> = samples.iter().map(figure).collect();
            figures.sort_unstable();
            figures.get(figures.len() / 2).copied().unwrap_or_default()
        };
        Self {
            memory: of(|held| held.memory),
            descriptors: of(|held| held.descriptors),
            threads: of(|held| held.threads),
            files: of(|held| held.files),
        }
    }
}

fn count(folder: &Path) -> io::Result<u64> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let Ok(entry) = entry else { continue };
        files += 1;
        // A folder can be removed between two calls.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            files += count(&entry.path()).unwrap_or_default();
        }
    }
    Ok(files)
}
