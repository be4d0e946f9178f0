//! The memory limit that all pushes of a pusher share, and the buffers themselves.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The admission of layers. Parts are limited by bytes, not by number, because two parts of 10 MiB
/// need as much memory as ten of 2 MiB. Layers are limited by number, because each has an open file
/// and connection.
#[derive(Debug)]
pub(crate) struct Memory {
    /// One permit is one KiB.
    permits: Arc<Semaphore>,
    limit_kib: u32,
    uploads: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    /// The part size that ECR requested last, used before the next upload starts.
    part_size: AtomicU64,
    buffers: Mutex<Buffers>,
}

/// The default memory limit: six parts of 10 MiB, as base64. On a link of 1 Gbit/s with a round
/// trip of 80 ms, six parts were faster than two, four and nine (`benches`). Fewer parts leave the
/// link idle; with nine, nine of ten layers end together and the tenth is sent alone. Six parts
/// also are two layers to each of three repositories.
pub(crate) const DEFAULT_LIMIT: u64 = 82 * 1024 * 1024;

/// The maximum number of concurrent uploads. Without it, hundreds of small layers would upload at
/// once, each with a file and a connection. On a link with a round trip of 100 ms, 16 concurrent
/// uploads start 160 per second, which already exceeds ECR's default quota of 100.
const UPLOADS: usize = 16;

/// The maximum number of large layers that are sent at once through the registry's protocol.
const STREAMS: usize = 4;

/// The part size in AWS's examples. The first response of ECR replaces it.
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

    /// Waits for the memory of a layer: one part of at most `part_size` bytes, whose body takes
    /// `body` bytes, for each of the repositories.
    pub(crate) async fn reserve(
        self: &Arc<Self>,
        body: u64,
        part_size: u64,
        repositories: usize,
    ) -> Room {
        let capacity = capacity(body);
        // A part that exceeds the limit is sent alone.
        let kib = (capacity / 1024).saturating_mul(repositories);
        let kib = u32::try_from(kib).unwrap_or(u32::MAX).min(self.limit_kib);
        // The semaphores are never closed, so neither result is `None`. The order prevents a
        // deadlock: a waiter for the second holds only the first, and a holder of both waits for
        // nothing.
        let upload = self.uploads.clone().acquire_owned().await.ok();
        let sending = self.permits.clone().acquire_many_owned(kib).await.ok();
        self.lock().rooms += 1;
        let held = Arc::new(RoomPermits { memory: self.clone(), _permits: [upload, sending] });
        Room { held, capacity, part_size }
    }

    /// Waits until one more layer may start its upload through the registry's protocol.
    pub(crate) async fn place_to_upload(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed, so the result is never `None`.
        self.uploads.clone().acquire_owned().await.ok()
    }

    /// Waits until such a layer, of `size` bytes, may send. Dropping the result ends its turn. A
    /// few large layers saturate any link; small ones don't. A waiter already holds a place to
    /// upload, and a layer with a turn waits for nothing else.
    pub(crate) async fn turn_to_send(&self, size: u64) -> Option<OwnedSemaphorePermit> {
        let weight = if size < USUAL_PART_SIZE { 1 } else { UPLOADS / STREAMS };
        self.streams.clone().acquire_many_owned(weight as u32).await.ok()
    }

    pub(crate) fn usual_part_size(&self) -> u64 {
        self.part_size.load(Ordering::Relaxed)
    }

    /// Records the part size that ECR requests.
    pub(crate) fn learn_part_size(&self, part_size: u64) {
        self.part_size.store(part_size, Ordering::Relaxed);
    }

    /// Returns the size of the buffers in use, in bytes.
    #[cfg(test)]
    pub(crate) fn used(&self) -> u64 {
        self.lock().used as u64
    }

    /// Returns the highest total size of all buffers so far, in bytes, idle ones included.
    #[cfg(test)]
    pub(crate) fn peak(&self) -> u64 {
        self.lock().peak as u64
    }

    fn lock(&self) -> MutexGuard<'_, Buffers> {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The memory for the parts of one layer. It is released once both the room and the last of its
/// buffers are dropped.
#[derive(Debug)]
pub(crate) struct Room {
    held: Arc<RoomPermits>,
    capacity: usize,
    /// The largest part that fits.
    pub(crate) part_size: u64,
}

/// The permits of a layer. The buffers share them, because the HTTP client may hold the body of an
/// abandoned request a moment longer than the layer exists.
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
    /// Returns an empty buffer for a part that is sent now. Dropping the buffer returns it to the
    /// pool.
    pub(crate) fn buffer(&self) -> Buffer {
        self.buffer_with(None)
    }

    /// Returns a buffer for a part that is read ahead, unless another layer waits for that memory.
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
    /// The extra permit of a part that is read ahead, while the part before it uses the layer's
    /// own.
    ahead: Option<OwnedSemaphorePermit>,
    held: Arc<RoomPermits>,
}

impl Buffer {
    /// Marks the part as the next one to send: it now uses the layer's own permit and releases the
    /// extra one.
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

/// The pool of part buffers. A buffer of several MiB is reused, because allocating a new one, which
/// the system maps page by page, costs more than filling it. The pool frees all buffers with the
/// last layer, so a pusher holds no buffer between pushes.
#[derive(Debug, Default)]
struct Buffers {
    /// The number of layers that hold a room.
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
                // The idle buffers have another size, from other layers. They are freed to make
                // room.
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

/// Returns the size of a buffer for a body of this many bytes. It is rounded up so that layers of
/// nearly the same size share buffers.
fn capacity(body: u64) -> usize {
    let len = usize::try_from(body).unwrap_or(usize::MAX / 2);
    let step = if len > 1024 * 1024 { 64 * 1024 } else { 8 * 1024 };
    len.next_multiple_of(step)
}

#[cfg(test)]
mod tests;
