//! The file by which another process goes on with the uploads of one that was killed.
//!
//! A line of JSON for each step, appended as it happens: an upload begins, has arrived up to some
//! byte, ends. It holds names, digests and the ids of uploads, which are of no use without
//! credentials. ECR has no operation that tells how far an upload is; a part that is sent from the
//! wrong byte is refused with the right one.

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

/// An upload that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UploadRecord {
    repository: String,
    layer: String,
    size: u64,
    #[serde(rename = "upload")]
    pub(crate) upload_id: String,
    /// How many bytes had arrived.
    pub(crate) sent: u64,
    /// When it began, in seconds since the Unix epoch.
    begun: u64,
}

impl UploadRecord {
    /// Whether it can have come from ECR, and can still be of use.
    fn is_usable(&self, now: u64) -> bool {
        // UUIDs: ECR's service model.
        let is_id = self.upload_id.len() <= 64
            && self.upload_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        is_id && self.sent <= self.size && now.saturating_sub(self.begun) <= MAX_AGE
    }
}

/// How long ECR keeps an upload isn't documented. A day is longer than any build waits, and keeps
/// the file from growing.
const MAX_AGE: u64 = 24 * 60 * 60;

#[derive(Debug)]
struct CheckpointState {
    /// By upload id.
    begun: BTreeMap<String, UploadRecord>,
    /// `None` once it can't be written.
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

/// A checkpoint of hundreds of uploads, each part noted, is far smaller.
const MAX_SIZE: u64 = 64 * 1024 * 1024;

impl Checkpoint {
    /// Opens the file, or makes it. What is no checkpoint is left as it is, and reported: the push
    /// goes on without.
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

    /// The upload of a layer that an earlier process began. It is handed out once: should it be
    /// lost, the next upload is a new one.
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

    /// Removes the file, where there is nothing in it that another push could go on with.
    pub(crate) fn finish(self) {
        let mut state = self.lock();
        state.file = None;
        let left = read(&self.path);
        if left.is_ok_and(|left| left.is_empty()) {
            // One that stays behind does no harm.
            let _ = fs::remove_file(&self.path);
        }
    }

    fn write(&self, line: &Line) {
        let mut state = self.lock();
        let Some(file) = &mut state.file else { return };
        // In one call, so that a process that is killed leaves whole lines as a rule.
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
    tracing::warn!(path = %path.display(), reason, "the checkpoint is ignored");
    reporter.report(Event::CheckpointIgnored { path: path.to_owned(), reason });
}

/// The uploads that have begun and not ended; none where there is no file. Lines that can't be
/// read, as a process that is killed may leave its last one, don't count.
fn read(path: &Path) -> io::Result<BTreeMap<String, UploadRecord>> {
    let mut begun: BTreeMap<String, UploadRecord> = BTreeMap::new();
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(begun),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    let none = || io::Error::new(io::ErrorKind::InvalidData, "it is no checkpoint of a push");
    // A pipe would be waited for.
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
        // Of a later version of this crate: what it means is unknown, and it is somebody's.
        Ok(Header { version }) => {
            let problem = format!("its version is {version}, only {VERSION} is known");
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

/// Writes the file anew with what counts, in place of the old one at once, and returns it to be
/// appended to.
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
