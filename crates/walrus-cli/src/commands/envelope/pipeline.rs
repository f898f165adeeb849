//! Chunks of a source, changed on several threads: while some are changed, the next ones are read
//! and the ones before are written. A few chunks of memory go round.

use std::{
    io::{self, BufRead, Write},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use walrus_seal::envelope::{ChunkPosition, EnvelopeError};

/// More threads would wait for the disk.
const WORKERS_MAX: usize = 4;
/// Chunks for each thread that changes them: one in its hands, one before and one behind it.
const CHUNKS_PER_WORKER: usize = 3;
/// Chunks that may wait at one place.
const WAITING_MAX: usize = 1;

/// A part of an envelope, or of its content.
pub(super) struct Stretch<R> {
    pub(super) source: R,
    /// Length of a full chunk of the source, in bytes.
    pub(super) chunk_length: usize,
    /// Number of the first chunk.
    pub(super) first: u64,
    /// Whether nothing comes after the source.
    pub(super) is_end: bool,
}

/// A chunk on its way, or why there is none.
type Step = anyhow::Result<(ChunkPosition, Vec<u8>)>;

impl<R: BufRead + Send> Stretch<R> {
    /// Changes every chunk and writes it, in order, up to the first one that fails. The number of
    /// bytes that were written.
    pub(super) fn run(
        self,
        out: &mut impl Write,
        change: impl Fn(ChunkPosition, &mut Vec<u8>) -> Result<(), EnvelopeError> + Sync,
    ) -> anyhow::Result<u64> {
        let workers =
            thread::available_parallelism().map_or(1, |count| count.get().min(WORKERS_MAX));
        let change = &change;
        thread::scope(|scope| {
            let (free, taken) = sync_channel(workers * CHUNKS_PER_WORKER);
            for _ in 0..workers * CHUNKS_PER_WORKER {
                free.send(Vec::new()).expect("the receiver is here");
            }
            let (mut to_workers, mut from_workers) = (Vec::new(), Vec::new());
            for _ in 0..workers {
                let (to_worker, read) = sync_channel(WAITING_MAX);
                let (changed, from_worker) = sync_channel(WAITING_MAX);
                to_workers.push(to_worker);
                from_workers.push(from_worker);
                scope.spawn(move || work(&read, &changed, change));
            }
            scope.spawn(move || self.read(&taken, &to_workers));
            let written = write(&from_workers, &free, out);
            // Now the others find nobody any more, and end too.
            drop((from_workers, free));
            written
        })
    }

    /// Gives the chunks to the workers in turns: at least one, which is empty if the source is.
    fn read(mut self, free: &Receiver<Vec<u8>>, workers: &[SyncSender<Step>]) {
        for (index, worker) in (self.first..).zip(workers.iter().cycle()) {
            let Ok(mut chunk) = free.recv() else {
                return;
            };
            let read = self.fill(&mut chunk);
            let goes_on = matches!(read, Ok(false));
            let step = read.map(|is_over| {
                let is_last = is_over && self.is_end;
                (ChunkPosition { index, is_last }, chunk)
            });
            if worker.send(step.map_err(Into::into)).is_err() || !goes_on {
                return;
            }
        }
    }

    /// Reads a chunk, which is shorter only at the end of the source. Whether the source is over.
    fn fill(&mut self, chunk: &mut Vec<u8>) -> io::Result<bool> {
        // What is in memory is overwritten: to clear it first would take as long as to encrypt it.
        chunk.resize(self.chunk_length, 0);
        let mut length = 0;
        while length < self.chunk_length {
            match self.source.read(&mut chunk[length..]) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        chunk.truncate(length);
        Ok(self.source.fill_buf()?.is_empty())
    }
}

/// Changes the chunks of one worker.
fn work(
    read: &Receiver<Step>,
    changed: &SyncSender<Step>,
    change: impl Fn(ChunkPosition, &mut Vec<u8>) -> Result<(), EnvelopeError>,
) {
    for step in read {
        let step = step.and_then(|(position, mut chunk)| {
            change(position, &mut chunk)?;
            Ok((position, chunk))
        });
        let failed = step.is_err();
        if changed.send(step).is_err() || failed {
            return;
        }
    }
}

/// Takes the chunks from the workers in turns and writes them.
fn write(
    workers: &[Receiver<Step>],
    free: &SyncSender<Vec<u8>>,
    out: &mut impl Write,
) -> anyhow::Result<u64> {
    let mut written = 0;
    for worker in workers.iter().cycle() {
        // All were written, or a thread has panicked, which the scope notices.
        let Ok(step) = worker.recv() else {
            break;
        };
        let (_, chunk) = step?;
        out.write_all(&chunk)?;
        written += chunk.len() as u64;
        // After the last chunk nobody needs it.
        let _ = free.send(chunk);
    }
    Ok(written)
}
