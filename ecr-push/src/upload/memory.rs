//! The bound on what all pushes of a pusher have in memory, and the buffers themselves.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room for parts, in bytes rather than in layers, since two parts of 10 MiB weigh as much as ten
/// of 2 MiB; and for layers in number, since each has a file and a connection open.
#[derive(Debug)]
pub(crate) struct Memory {
    /// A permit is a KiB.
    permits: Arc<Semaphore>,
    limit_kib: u32,
    uploads: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    /// What ECR asked for last, so that it is known before the next upload begins.
    part_size: AtomicU64,
    buffers: Mutex<Buffers>,
}

/// Unless a pusher is told otherwise: six parts of 10 MiB, as base64. On a link of 1 Gbit/s whose
/// round trips take 80 ms, that was faster than two, four and nine (`benches`): fewer leave it idle,
/// and of ten layers, nine end together and the tenth goes alone. Six are also two layers to each of
/// three repositories.
pub(crate) const DEFAULT_LIMIT: u64 = 82 * 1024 * 1024;

/// Small layers would be hundreds at once otherwise, each with a file and a connection. On a line
/// of 100 ms, 16 start 160 uploads a second, which is over ECR's default quota of 100 already.
const UPLOADS: usize = 16;

/// How many large layers are sent at once by the registry's protocol.
const STREAMS: usize = 4;

/// What AWS's examples show; corrected by the first answer.
const USUAL_PART_SIZE: u64 = 10 * 1024 * 1024;

impl Memory {
    pub(crate) fn new(limit: u64) -> Self {
        let limit_kib = u32::try_from(limit / 1024).unwrap_or(u32::MAX).max(1);
        Self {
            permits: Arc::new(Semaphore::new(limit_kib as usize)),
            limit_kib,
            uploads: Arc::new(Semaphore::new(UPLOADS)),
            streams: Arc::new(Semaphore::new(UPLOADS)),
            part_size: AtomicU64::new(USUAL_PART_SIZE),
            buffers: Mutex::default(),
        }
    }

    /// Waits until there is room for a layer that goes to so many repositories: for one part of at
    /// most `part_size` bytes for each of them, whose body takes `body` bytes.
    pub(crate) async fn reserve(
        self: &Arc<Self>,
        body: u64,
        part_size: u64,
        repositories: usize,
    ) -> Room {
        let capacity = capacity(body);
        // A part that is over the limit on its own goes alone.
        let kib = (capacity / 1024).saturating_mul(repositories);
        let kib = u32::try_from(kib).unwrap_or(u32::MAX).min(self.limit_kib);
        // The semaphores are never closed, so that these are never `None`. Always in this order:
        // whoever waits for the second has the first, and whoever has both waits for nothing.
        let upload = self.uploads.clone().acquire_owned().await.ok();
        let sending = self.permits.clone().acquire_many_owned(kib).await.ok();
        self.lock().rooms += 1;
        let held = Arc::new(RoomPermits { memory: self.clone(), _permits: [upload, sending] });
        Room { held, capacity, part_size }
    }

    /// Waits until one more upload may begin of a layer that is sent straight from its file.
    pub(crate) async fn place_to_upload(&self) -> Option<OwnedSemaphorePermit> {
        // Never closed, so that this is never `None`.
        self.uploads.clone().acquire_owned().await.ok()
    }

    /// Waits for the turn of such a layer, of `size` bytes, to send: it ends when what this returns is
    /// dropped. Few large ones fill any line, small ones don't. Whoever waits has a place to upload;
    /// whoever has a turn waits for nothing.
    pub(crate) async fn turn_to_send(&self, size: u64) -> Option<OwnedSemaphorePermit> {
        let weight = if size < USUAL_PART_SIZE { 1 } else { UPLOADS / STREAMS };
        self.streams.clone().acquire_many_owned(weight as u32).await.ok()
    }

    pub(crate) fn usual_part_size(&self) -> u64 {
        self.part_size.load(Ordering::Relaxed)
    }

    /// Notes the size of parts that ECR asks for.
    pub(crate) fn learn_part_size(&self, part_size: u64) {
        self.part_size.store(part_size, Ordering::Relaxed);
    }

    /// How many bytes of buffers are in use.
    #[cfg(test)]
    pub(crate) fn used(&self) -> u64 {
        self.lock().used as u64
    }

    /// The most bytes of buffers that there ever were, in use or not.
    #[cfg(test)]
    pub(crate) fn peak(&self) -> u64 {
        self.lock().peak as u64
    }

    fn lock(&self) -> MutexGuard<'_, Buffers> {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room for the parts of one layer, given back when it is dropped and the last of its buffers is.
#[derive(Debug)]
pub(crate) struct Room {
    held: Arc<RoomPermits>,
    capacity: usize,
    /// The largest part that there is room for.
    pub(crate) part_size: u64,
}

/// What keeps others out. A request that was given up may hold its body for a moment longer than
/// the layer that it is of.
#[derive(Debug)]
struct RoomPermits {
    memory: Arc<Memory>,
    _permits: [Option<OwnedSemaphorePermit>; 2],
}

impl Drop for RoomPermits {
    fn drop(&mut self) {
        self.memory.lock().leave();
    }
}

impl Room {
    /// An empty buffer for a part that is sent, which goes back to the pool when it is dropped.
    pub(crate) fn buffer(&self) -> Buffer {
        self.buffer_with(None)
    }

    /// A buffer for a part beside those that are sent, if nobody else waits for the room that it
    /// takes.
    pub(crate) fn buffer_ahead(&self) -> Option<Buffer> {
        let kib = u32::try_from(self.capacity / 1024).unwrap_or(u32::MAX);
        let ahead = self.held.memory.permits.clone().try_acquire_many_owned(kib).ok()?;
        Some(self.buffer_with(Some(ahead)))
    }

    fn buffer_with(&self, ahead: Option<OwnedSemaphorePermit>) -> Buffer {
        let content = self.held.memory.lock().take(self.capacity);
        Buffer { content, ahead, held: self.held.clone() }
    }
}

/// A part's buffer.
#[derive(Debug)]
pub(crate) struct Buffer {
    pub(crate) content: Vec<u8>,
    /// While the part before it is sent, which has the layer's own room.
    ahead: Option<OwnedSemaphorePermit>,
    held: Arc<RoomPermits>,
}

impl Buffer {
    /// Its turn has come to be sent: it takes the layer's own room, and leaves the other to whoever
    /// waits for it.
    pub(crate) fn moves_up(&mut self) {
        self.ahead = None;
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.content
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.held.memory.lock().put_back(std::mem::take(&mut self.content));
    }
}

/// Buffers of several MiB are reused, because fresh ones cost more than what is done with them:
/// the system hands them out page by page. With the last layer, all are given back: between pushes,
/// a pusher holds nothing.
#[derive(Debug, Default)]
struct Buffers {
    /// How many layers there is room for at the moment.
    rooms: usize,
    idle: Vec<Vec<u8>>,
    used: usize,
    #[cfg(test)]
    peak: usize,
}

impl Buffers {
    fn take(&mut self, capacity: usize) -> Vec<u8> {
        let fitting = self.idle.iter().position(|buffer| buffer.capacity() == capacity);
        let mut buffer = match fitting {
            Some(at) => self.idle.swap_remove(at),
            None => {
                // Of another size, from other layers: they make room rather than stand by.
                self.idle.clear();
                Vec::with_capacity(capacity)
            }
        };
        buffer.clear();
        self.used += buffer.capacity();
        #[cfg(test)]
        {
            let idle: usize = self.idle.iter().map(Vec::capacity).sum();
            self.peak = self.peak.max(self.used + idle);
        }
        buffer
    }

    fn put_back(&mut self, buffer: Vec<u8>) {
        self.used = self.used.saturating_sub(buffer.capacity());
        self.idle.push(buffer);
    }

    fn leave(&mut self) {
        self.rooms -= 1;
        if self.rooms == 0 {
            self.idle.clear();
        }
    }
}

/// How large a buffer for a body of so many bytes is. In steps, so that layers of nearly the same size
/// share theirs.
fn capacity(body: u64) -> usize {
    let len = usize::try_from(body).unwrap_or(usize::MAX / 2);
    let step = if len > 1024 * 1024 { 64 * 1024 } else { 8 * 1024 };
    len.next_multiple_of(step)
}

#[cfg(test)]
mod tests;
