//! [`compress_layer`]: the compression of a layer on several threads. The result doesn't depend on
//! their number.
//!
//! The content is split into blocks of a fixed size, and each block is compressed separately. This
//! adds one or two percent of size, and makes the result independent of the scheduling.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use flate2::{Compress, Crc, FlushCompress, Status};
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::image::blob::{Blob, Layer};
use crate::image::source::{Content, Source};
use crate::names::digest::Digest;
use crate::tasks::Stop;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    /// One gzip member; each block ends at a byte boundary (`Z_SYNC_FLUSH`).
    Gzip,
    /// One frame for each block.
    #[cfg(feature = "zstd")]
    Zstd,
}

/// The block size. The digest of a compressed layer depends on it, as it does on the levels.
const BLOCK: usize = 1024 * 1024;

/// The default of gzip and Docker.
const GZIP_LEVEL: u32 = 6;

/// The default of zstd.
#[cfg(feature = "zstd")]
const ZSTD_LEVEL: i32 = 3;

/// The number of blocks that each thread holds: one that it compresses, and the next one.
const AHEAD: usize = 2;

/// Compresses a layer into a temporary file. Checks the digest of its content at the same time.
///
/// It reads, hashes and writes on the calling thread, and compresses on `threads` other threads.
/// After `stop` is set, it ends soon with an error, which is discarded.
pub(super) fn compress_layer(
    blob: &Blob,
    codec: Codec,
    threads: usize,
    stop: &Stop,
) -> Result<Blob, Error> {
    let mut blocks = Blocks::open(blob)?;
    let mut sink = Sink::new(codec)?;
    thread::scope(|scope| {
        let mut workers = Vec::new();
        for _ in 0..threads {
            let (to_do, orders) = sync_channel::<Block>(AHEAD);
            let (results, done) = sync_channel(AHEAD);
            let work = move || {
                for block in orders {
                    if results.send(pack(&block, codec)).is_err() {
                        return;
                    }
                }
            };
            // If no more threads can be started, the existing ones do the work.
            if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
            workers.push(Worker { to_do, done });
        }
        if workers.is_empty() {
            while let Some(block) = blocks.next(stop)? {
                sink.write(pack(&block, codec))?;
            }
            return Ok(());
        }
        run(&workers, &mut blocks, &mut sink, stop)
    })?;
    blocks.verify()?;
    sink.finish(&blob.layer)
}

impl Codec {
    /// Returns the suffix in media types.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
        }
    }
}

struct Worker {
    to_do: SyncSender<Block>,
    done: Receiver<io::Result<PackedBlock>>,
}

/// Hands the blocks to the workers in turn and collects the results in the same order.
fn run(
    workers: &[Worker],
    blocks: &mut Blocks<'_>,
    sink: &mut Sink,
    stop: &Stop,
) -> Result<(), Error> {
    let (mut given, mut taken) = (0, 0);
    let mut more = true;
    while more || taken < given {
        if more && given - taken < workers.len() * AHEAD {
            let Some(block) = blocks.next(stop)? else {
                more = false;
                continue;
            };
            // A missing worker has panicked; the end of the scope propagates the panic.
            if workers[given % workers.len()].to_do.send(block).is_err() {
                return Ok(());
            }
            given += 1;
        } else {
            let Ok(packed) = workers[taken % workers.len()].done.recv() else {
                return Ok(());
            };
            sink.write(packed)?;
            taken += 1;
        }
    }
    Ok(())
}

struct Block {
    content: Vec<u8>,
    is_last: bool,
}

/// A reader of a layer that returns one block at a time.
struct Blocks<'a> {
    blob: &'a Blob,
    content: Content,
    at: u64,
    hasher: Sha256,
    ended: bool,
}

impl<'a> Blocks<'a> {
    fn open(blob: &'a Blob) -> Result<Self, Error> {
        let content = blob.source.open().map_err(|error| Error::unreadable(&blob.source, error))?;
        Ok(Self { blob, content, at: 0, hasher: Sha256::new(), ended: false })
    }

    /// Returns the next block. An empty layer has one empty block.
    fn next(&mut self, stop: &Stop) -> Result<Option<Block>, Error> {
        let Blob { layer, source } = self.blob;
        let unreadable = |error| Error::unreadable(source, error);
        if self.ended {
            return Ok(None);
        }
        if stop.is_set() {
            return Err(unreadable(io::ErrorKind::Interrupted.into()));
        }
        let len = (layer.size - self.at).min(BLOCK as u64) as usize;
        let mut content = vec![0; len];
        let read = self.content.read_at(self.at, &mut content).map_err(unreadable)?;
        if read < len {
            let found = self.at + read as u64;
            return Err(Error::blob_size(source, &layer.digest, layer.size, found));
        }
        self.hasher.update(&content);
        self.at += len as u64;
        self.ended = self.at == layer.size;
        Ok(Some(Block { content, is_last: self.ended }))
    }

    fn verify(self) -> Result<(), Error> {
        let Blob { layer, source } = self.blob;
        let found = Digest::from_hash(&self.hasher.finalize());
        if found == layer.digest {
            Ok(())
        } else {
            Err(Error::blob_mismatch(source, &layer.digest, &found))
        }
    }
}

struct PackedBlock {
    bytes: Vec<u8>,
    /// The checksum of the uncompressed block.
    crc: Crc,
}

fn pack(block: &Block, codec: Codec) -> io::Result<PackedBlock> {
    let mut crc = Crc::new();
    let bytes = match codec {
        Codec::Gzip => {
            crc.update(&block.content);
            deflate(block)?
        }
        #[cfg(feature = "zstd")]
        Codec::Zstd => zstd::bulk::compress(&block.content, ZSTD_LEVEL)?,
    };
    Ok(PackedBlock { bytes, crc })
}

fn deflate(block: &Block) -> io::Result<Vec<u8>> {
    let flush = if block.is_last { FlushCompress::Finish } else { FlushCompress::Sync };
    let mut compress = Compress::new(flate2::Compression::new(GZIP_LEVEL), false);
    // The capacity exceeds the size of incompressible content, so one call is usually enough.
    let mut bytes = Vec::with_capacity(block.content.len() + block.content.len() / 512 + 1024);
    loop {
        let consumed = usize::try_from(compress.total_in()).map_err(io::Error::other)?;
        let status = compress.compress_vec(&block.content[consumed..], &mut bytes, flush)?;
        let all_read = compress.total_in() == block.content.len() as u64;
        let flushed = bytes.len() < bytes.capacity();
        match flush {
            FlushCompress::Finish if status == Status::StreamEnd => return Ok(bytes),
            FlushCompress::Sync if all_read && flushed => return Ok(bytes),
            _ => bytes.reserve(BLOCK / 8),
        }
    }
}

/// RFC 1952: deflate, no flags, no time, no extra flags, unknown operating system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// The writer of the compressed layer.
struct Sink {
    codec: Codec,
    file: File,
    hasher: Sha256,
    size: u64,
    crc: Crc,
}

impl Sink {
    fn new(codec: Codec) -> Result<Self, Error> {
        let file = tempfile::tempfile().map_err(unwritable)?;
        let mut sink = Self { codec, file, hasher: Sha256::new(), size: 0, crc: Crc::new() };
        match codec {
            Codec::Gzip => sink.put(&GZIP_HEADER)?,
            #[cfg(feature = "zstd")]
            Codec::Zstd => {}
        }
        Ok(sink)
    }

    fn write(&mut self, packed: io::Result<PackedBlock>) -> Result<(), Error> {
        let PackedBlock { bytes, crc } = packed.map_err(unwritable)?;
        self.crc.combine(&crc);
        self.put(&bytes)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(unwritable)?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Completes the file. `of` is the uncompressed layer.
    fn finish(mut self, of: &Layer) -> Result<Blob, Error> {
        match self.codec {
            Codec::Gzip => {
                let (sum, amount) = (self.crc.sum(), self.crc.amount());
                self.put(&sum.to_le_bytes())?;
                self.put(&amount.to_le_bytes())?;
            }
            #[cfg(feature = "zstd")]
            Codec::Zstd => {}
        }
        let digest = Digest::from_hash(&self.hasher.finalize());
        let of = format!("the compressed layer {}", of.digest).into();
        let source = Source::Temporary { file: Arc::new(self.file), of };
        Ok(Blob { layer: Layer { digest, size: self.size }, source })
    }
}

fn unwritable(error: io::Error) -> Error {
    Error::temporary(&std::env::temp_dir(), error)
}

#[cfg(test)]
mod tests;
