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
use crate::image::packed::{BLOCK, Codec, PackedBlocks};
use crate::image::source::{Content, Source};
use crate::names::digest::Digest;
use crate::tasks::Stop;

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
    let Blob { layer, source } = blob;
    let packed = match source {
        // A stream has been compressed as it passed.
        Source::Packed { blocks, .. } if blocks.codec == codec => blocks.clone(),
        _ => {
            let content = source.open().map_err(|error| Error::unreadable(source, error))?;
            let mut input = BlobInput { blob, content, at: 0 };
            let mut file = TemporaryFile::new()?;
            Arc::new(pack(&mut input, layer.size, &mut file, Packer { codec, threads, stop })?)
        }
    };
    if packed.content != layer.digest {
        return Err(Error::blob_mismatch(source, &layer.digest, &packed.content));
    }
    let of = format!("the compressed layer {}", layer.digest).into();
    let source = Source::Temporary { file: packed.file.clone(), start: packed.start, of };
    let layer = Layer { digest: packed.digest.clone(), size: packed.size };
    Ok(Blob { layer, source })
}

/// Content that is read once, from its start.
pub(super) trait Input {
    /// Fills the buffer. An end of the content before that is an error.
    fn read(&mut self, buffer: &mut [u8]) -> Result<(), Error>;
}

/// The way to compress.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packer<'a> {
    pub(super) codec: Codec,
    /// The number of threads that compress beside the calling thread.
    pub(super) threads: usize,
    pub(super) stop: &'a Stop,
}

/// An unnamed temporary file to which content is appended. It is deleted with the last source that
/// reads from it.
#[derive(Debug)]
pub(super) struct TemporaryFile {
    pub(super) file: Arc<File>,
    pub(super) len: u64,
}

impl TemporaryFile {
    pub(super) fn new() -> Result<Self, Error> {
        let file = tempfile::tempfile().map_err(unwritable)?;
        Ok(Self { file: Arc::new(file), len: 0 })
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        (&*self.file).write_all(bytes).map_err(unwritable)?;
        self.len += bytes.len() as u64;
        Ok(())
    }
}

/// Compresses `size` bytes and appends the result to `file`.
pub(super) fn pack(
    input: &mut dyn Input,
    size: u64,
    file: &mut TemporaryFile,
    packer: Packer<'_>,
) -> Result<PackedBlocks, Error> {
    let Packer { codec, threads, stop } = packer;
    let mut blocks = Blocks { input, size, at: 0, hasher: Sha256::new(), ended: false };
    let mut sink = Sink::new(codec, file)?;
    thread::scope(|scope| {
        let mut workers = Vec::new();
        for _ in 0..threads {
            let (to_do, orders) = sync_channel::<Block>(AHEAD);
            let (results, done) = sync_channel(AHEAD);
            let work = move || {
                for block in orders {
                    if results.send(compress(&block, codec)).is_err() {
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
                sink.write(compress(&block, codec))?;
            }
            return Ok(());
        }
        run(&workers, &mut blocks, &mut sink, stop)
    })?;
    let content = Digest::from_hash(&blocks.hasher.finalize());
    sink.finish(content, size)
}

/// A blob as input.
struct BlobInput<'a> {
    blob: &'a Blob,
    content: Content,
    at: u64,
}

impl Input for BlobInput<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        let Blob { layer, source } = self.blob;
        let read = self.content.read_at(self.at, buffer);
        let read = read.map_err(|error| Error::unreadable(source, error))?;
        self.at += read as u64;
        if read < buffer.len() {
            return Err(Error::blob_size(source, &layer.digest, layer.size, self.at));
        }
        Ok(())
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
    sink: &mut Sink<'_>,
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

/// A reader that returns one block at a time.
struct Blocks<'a> {
    input: &'a mut dyn Input,
    size: u64,
    at: u64,
    hasher: Sha256,
    ended: bool,
}

impl Blocks<'_> {
    /// Returns the next block. Empty content has one empty block.
    fn next(&mut self, stop: &Stop) -> Result<Option<Block>, Error> {
        if self.ended {
            return Ok(None);
        }
        if stop.is_set() {
            return Err(unwritable(io::ErrorKind::Interrupted.into()));
        }
        let len = (self.size - self.at).min(BLOCK as u64) as usize;
        let mut content = vec![0; len];
        self.input.read(&mut content)?;
        self.hasher.update(&content);
        self.at += len as u64;
        self.ended = self.at == self.size;
        Ok(Some(Block { content, is_last: self.ended }))
    }
}

struct PackedBlock {
    bytes: Vec<u8>,
    /// The checksum of the uncompressed block.
    crc: Crc,
}

fn compress(block: &Block, codec: Codec) -> io::Result<PackedBlock> {
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

/// The writer of compressed content.
struct Sink<'a> {
    codec: Codec,
    file: &'a mut TemporaryFile,
    start: u64,
    header: u64,
    ends: Vec<u64>,
    hasher: Sha256,
    crc: Crc,
}

impl<'a> Sink<'a> {
    fn new(codec: Codec, file: &'a mut TemporaryFile) -> Result<Self, Error> {
        let (start, ends, crc) = (file.len, Vec::new(), Crc::new());
        let mut sink = Self { codec, file, start, header: 0, ends, hasher: Sha256::new(), crc };
        match codec {
            Codec::Gzip => sink.put(&GZIP_HEADER)?,
            #[cfg(feature = "zstd")]
            Codec::Zstd => {}
        }
        sink.header = sink.size();
        Ok(sink)
    }

    fn write(&mut self, packed: io::Result<PackedBlock>) -> Result<(), Error> {
        let PackedBlock { bytes, crc } = packed.map_err(unwritable)?;
        self.crc.combine(&crc);
        self.put(&bytes)?;
        self.ends.push(self.size());
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.append(bytes)?;
        self.hasher.update(bytes);
        Ok(())
    }

    fn size(&self) -> u64 {
        self.file.len - self.start
    }

    /// Completes the compressed form of the content.
    fn finish(mut self, content: Digest, content_size: u64) -> Result<PackedBlocks, Error> {
        match self.codec {
            Codec::Gzip => {
                let (sum, amount) = (self.crc.sum(), self.crc.amount());
                self.put(&sum.to_le_bytes())?;
                self.put(&amount.to_le_bytes())?;
            }
            #[cfg(feature = "zstd")]
            Codec::Zstd => {}
        }
        let size = self.size();
        let Self { codec, file, start, header, ends, hasher, .. } = self;
        Ok(PackedBlocks {
            file: file.file.clone(),
            start,
            codec,
            digest: Digest::from_hash(&hasher.finalize()),
            size,
            ends,
            header,
            content,
            content_size,
        })
    }
}

fn unwritable(error: io::Error) -> Error {
    Error::temporary(&std::env::temp_dir(), error)
}

#[cfg(test)]
mod tests;
