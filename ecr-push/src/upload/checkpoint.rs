//! The checkpoint file, with which a new process resumes the uploads of a killed one.
//!
//! The file holds one line of JSON for each step, appended when the step happens: an upload starts,
//! has received its bytes up to some position, or ends. It contains names, digests and upload ids,
//! which are useless without credentials. ECR has no operation that returns the position of an
//! upload, but if a part starts at the wrong byte, ECR rejects it and returns the right one.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::image::blob::Layer;
use crate::names::repository::Repository;
use crate::report::{Event, Reporter};

/// An open checkpoint. Clones write to the same file.
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
    /// `None` after a failed write.
    file: Option<File>,
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

impl Checkpoint {
    /// Opens or creates the file. If the file is not a checkpoint, `open` leaves it unchanged and
    /// reports it, and the push continues without a checkpoint.
    pub(crate) fn open(path: PathBuf, reporter: &Reporter) -> Option<Self> {
        match read(&path).and_then(|begun| Ok((rewrite(&path, &begun)?, begun))) {
            Ok((file, begun)) => Some(Self {
                path: path.into(),
                reporter: reporter.clone(),
                state: Arc::new(Mutex::new(CheckpointState { begun, file: Some(file) })),
            }),
            Err(error) => {
                ignored(&path, &error, reporter);
                None
            }
        }
    }

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

    /// Removes the file if it holds no upload that another push can resume.
    pub(crate) fn finish(self) {
        let mut state = self.lock();
        state.file = None;
        let left = read(&self.path);
        if left.is_ok_and(|left| left.is_empty()) {
            // A leftover file does no harm.
            let _ = fs::remove_file(&self.path);
        }
    }

    fn write(&self, line: &Line) {
        let mut state = self.lock();
        let Some(file) = &mut state.file else { return };
        // One write call per line, so that a killed process usually leaves only whole lines.
        let written = serde_json::to_string(line).map_err(io::Error::from);
        let written = written.and_then(|text| file.write_all(format!("{text}\n").as_bytes()));
        if let Err(error) = written {
            state.file = None;
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

/// Returns the uploads that were started and haven't ended; a missing file has none. Skips lines
/// that can't be parsed, such as the last line of a killed process.
fn read(path: &Path) -> io::Result<BTreeMap<String, UploadRecord>> {
    let mut begun: BTreeMap<String, UploadRecord> = BTreeMap::new();
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(begun),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    let none = || io::Error::new(io::ErrorKind::InvalidData, "not an ecr-push checkpoint");
    // Reading a pipe would block.
    if !metadata.is_file() || metadata.len() > MAX_SIZE {
        return Err(none());
    }
    if metadata.len() == 0 {
        return Ok(begun);
    }
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

/// Replaces the file atomically with one that holds only the usable entries, and opens it for
/// appending.
fn rewrite(path: &Path, begun: &BTreeMap<String, UploadRecord>) -> io::Result<File> {
    let mut text = serde_json::to_string(&Header { version: VERSION })?;
    text.push('\n');
    for upload in begun.values() {
        text.push_str(&serde_json::to_string(&Line::Begin(upload.clone()))?);
        text.push('\n');
    }
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map_err(|error| error.error)?;
    OpenOptions::new().append(true).open(path)
}

#[cfg(test)]
mod tests;
