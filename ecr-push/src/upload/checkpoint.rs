//! The checkpoint file, with which a new process resumes the uploads of a killed one.
//!
//! The file holds one line of JSON for each step, appended when the step happens: an upload starts,
//! has received its bytes up to some position, or ends. It contains names, digests and upload ids,
//! which are useless without credentials. ECR has no operation that returns the position of an
//! upload, but if a part starts at the wrong byte, ECR rejects it and returns the right one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::file::check_size;
use crate::file::lock::{lock_opened, try_lock};
use crate::file::replace::{Replacement, remove_stale};
use crate::image::blob::Layer;
use crate::names::repository::Repository;
use crate::report::{Event, Reporter};

/// A checkpoint that one push holds. The file is locked until this value is dropped: other pushes
/// do without it.
#[derive(Debug)]
pub(crate) struct HeldCheckpoint(Checkpoint);

/// An open checkpoint. Clones write to the same file, until it is no longer held.
#[derive(Debug, Clone)]
pub(crate) struct Checkpoint {
    path: Arc<Path>,
    reporter: Reporter,
    state: Arc<Mutex<CheckpointState>>,
}

/// An upload that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UploadRecord {
    repository: String,
    layer: String,
    size: u64,
    #[serde(rename = "upload")]
    pub(crate) upload_id: String,
    /// How many bytes ECR had received.
    pub(crate) sent: u64,
    /// The start time, in seconds since the Unix epoch.
    begun: u64,
}

impl UploadRecord {
    /// Returns whether the entry can come from ECR and the upload may still exist.
    fn is_usable(&self, now: u64) -> bool {
        // Upload ids are UUIDs (ECR's service model).
        let is_id = self.upload_id.len() <= 64
            && self.upload_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        is_id && self.sent <= self.size && now.saturating_sub(self.begun) <= MAX_AGE
    }
}

/// The maximum age of an entry. How long ECR keeps an upload is undocumented; a day is longer than
/// any build waits, and the limit stops the file from growing.
const MAX_AGE: u64 = 24 * 60 * 60;

#[derive(Debug)]
struct CheckpointState {
    /// The uploads that haven't ended, by upload id.
    begun: BTreeMap<String, UploadRecord>,
    /// The locked file, positioned at its end; `None` when it is no longer held.
    file: Option<File>,
    /// Whether a line was lost. Nothing is written after that.
    is_broken: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Line {
    Begin(UploadRecord),
    End { upload: String },
    Sent { upload: String, bytes: u64 },
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    #[serde(rename = "ecr-push checkpoint")]
    version: u32,
}

const VERSION: u32 = 1;

/// The maximum size of the file. A checkpoint of hundreds of uploads with an entry for each part is
/// far smaller.
const MAX_SIZE: u64 = 64 * 1024 * 1024;

impl HeldCheckpoint {
    /// Opens or creates the file. If the file is not a checkpoint, or another push holds it, `open`
    /// leaves it unchanged and reports it, and the push continues without a checkpoint.
    pub(crate) fn open(path: PathBuf, reporter: &Reporter) -> Option<Self> {
        match hold(&path) {
            Ok((begun, file)) => {
                let state = CheckpointState { begun, file: Some(file), is_broken: false };
                let state = Arc::new(Mutex::new(state));
                Some(Self(Checkpoint { path: path.into(), reporter: reporter.clone(), state }))
            }
            Err(error) => {
                ignored(&path, &error, reporter);
                None
            }
        }
    }

    /// Returns the checkpoint for the uploads.
    pub(crate) fn checkpoint(&self) -> Checkpoint {
        self.0.clone()
    }

    /// Removes the file if it holds no upload that another push can resume.
    pub(crate) fn finish(self) {
        if let Some(file) = self.0.lock().file.take()
            && read(&file).is_ok_and(|left| left.is_empty())
        {
            // The lock lasts until the end of this block. A leftover file does no harm.
            let _ = fs::remove_file(&self.0.path);
        }
    }
}

/// Dropping it closes the file for all clones of the checkpoint: the aborted tasks of a push that
/// was cancelled may live a moment longer.
impl Drop for HeldCheckpoint {
    fn drop(&mut self) {
        self.0.lock().file = None;
    }
}

impl Checkpoint {
    /// Returns the upload of a layer that an earlier process started. Each entry is returned only
    /// once: if that upload is lost, the next one is new.
    pub(crate) fn take(&self, repository: &Repository, layer: &Layer) -> Option<UploadRecord> {
        let mut begun = self.lock();
        let found = begun.begun.values().find(|begun| {
            begun.repository == repository.as_str()
                && begun.layer == layer.digest().as_str()
                && begun.size == layer.size()
        });
        let found = found.cloned();
        if let Some(found) = &found {
            begun.begun.remove(&found.upload_id);
        }
        found
    }

    pub(crate) fn begin(&self, repository: &Repository, layer: &Layer, upload_id: &str) {
        self.write(&Line::Begin(UploadRecord {
            repository: repository.to_string(),
            layer: layer.digest().to_string(),
            size: layer.size(),
            upload_id: upload_id.to_owned(),
            sent: 0,
            begun: now(),
        }));
    }

    pub(crate) fn sent(&self, upload_id: &str, bytes: u64) {
        self.write(&Line::Sent { upload: upload_id.to_owned(), bytes });
    }

    pub(crate) fn end(&self, upload_id: &str) {
        self.write(&Line::End { upload: upload_id.to_owned() });
    }

    fn write(&self, line: &Line) {
        let mut state = self.lock();
        let CheckpointState { file: Some(file), is_broken: false, .. } = &mut *state else {
            return;
        };
        // One write call per line, so that a killed process usually leaves only whole lines.
        let written = serde_json::to_string(line).map_err(io::Error::from);
        let written = written.and_then(|text| file.write_all(format!("{text}\n").as_bytes()));
        if let Err(error) = written {
            state.is_broken = true;
            drop(state);
            ignored(&self.path, &error, &self.reporter);
        }
    }

    fn lock(&self) -> MutexGuard<'_, CheckpointState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn ignored(path: &Path, error: &io::Error, reporter: &Reporter) {
    let reason = error.to_string();
    tracing::warn!(path = %path.display(), reason, "ignoring the checkpoint");
    reporter.report(Event::CheckpointIgnored { path: path.to_owned(), reason });
}

/// Locks the file and reads it. Replaces it atomically with one that is locked too, and that holds
/// only the usable entries.
fn hold(path: &Path) -> io::Result<(BTreeMap<String, UploadRecord>, File)> {
    let Some(old) = try_lock(path)? else {
        let problem = "another push is using it: each concurrent push needs its own";
        return Err(io::Error::new(io::ErrorKind::WouldBlock, problem));
    };
    let begun = read(&old)?;
    let mut text = serde_json::to_string(&Header { version: VERSION })?;
    text.push('\n');
    for upload in begun.values() {
        text.push_str(&serde_json::to_string(&Line::Begin(upload.clone()))?);
        text.push('\n');
    }
    remove_stale(path);
    let new = Replacement::write(path, text.as_bytes())?;
    // It is locked before it has the name, so that no other push finds it unlocked.
    lock_opened(new.file())?;
    let file = new.persist(path)?;
    drop(old);
    Ok((begun, file))
}

/// Returns the uploads that were started and haven't ended; an empty file has none. Skips lines
/// that can't be parsed, such as the last line of a killed process.
fn read(mut file: &File) -> io::Result<BTreeMap<String, UploadRecord>> {
    let mut begun: BTreeMap<String, UploadRecord> = BTreeMap::new();
    let metadata = file.metadata()?;
    let none = || io::Error::new(io::ErrorKind::InvalidData, "not an ecr-push checkpoint");
    check_size(metadata.len(), MAX_SIZE)?;
    if metadata.len() == 0 {
        return Ok(begun);
    }
    file.seek(SeekFrom::Start(0))?;
    let mut start = [0; 32];
    let len = file.read(&mut start)?;
    if !start[..len].starts_with(br#"{"ecr-push checkpoint":"#) {
        return Err(none());
    }
    file.seek(SeekFrom::Start(0))?;
    let mut lines = BufReader::new(file).split(b'\n');
    let header = lines.next().transpose()?.unwrap_or_default();
    match serde_json::from_slice::<Header>(&header) {
        Ok(Header { version: VERSION }) => {}
        // A later version of this crate wrote the file; this build can't read it and must not
        // overwrite it.
        Ok(Header { version }) => {
            let problem = format!("unsupported version {version}: this build reads {VERSION}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        Err(_) => return Ok(begun),
    }
    let now = now();
    for line in lines {
        match serde_json::from_slice(&line?) {
            Ok(Line::Begin(upload)) if upload.is_usable(now) => {
                begun.insert(upload.upload_id.clone(), upload);
            }
            Ok(Line::Sent { upload, bytes }) => {
                if let Some(upload) = begun.get_mut(&upload) {
                    upload.sent = bytes.min(upload.size);
                }
            }
            Ok(Line::End { upload }) => {
                begun.remove(&upload);
            }
            Ok(Line::Begin(_)) | Err(_) => {}
        }
    }
    Ok(begun)
}

#[cfg(test)]
mod tests;
