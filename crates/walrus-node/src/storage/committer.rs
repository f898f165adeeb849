//! The thread that makes writes durable, many at a time.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use walrus_core::{BlobId, Epoch, ShardIndex, SliverType, hash::blake2b256};

use super::{
    Index, SliverKey, StorageError,
    files::{Directory, SliverFiles, Staged, directory_of},
    index::{Location, SliverEntry},
    read::{SliverRead, load_sliver},
};

/// Writes that wait for the committer at most; more wait at their caller.
pub const COMMIT_QUEUE_MAX: usize = 1_024;

/// Writes made durable together at most.
pub const COMMIT_JOBS_MAX: usize = 256;

/// Bytes of index values made durable together at most (the first write of a commit may exceed it alone).
const COMMIT_INLINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Slivers of a shard deleted per batch.
const DELETE_SHARD_BATCH: usize = 1_000;

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Durable now.
    Stored,
    /// It was there before; nothing changed.
    AlreadyStored,
    /// So many items were removed.
    Removed(usize),
}

/// Work for the committer.
pub(super) enum Write {
    Metadata {
        blob_id: BlobId,
        bytes: Bytes,
    },
    InlineSliver {
        key: SliverKey,
        bytes: Bytes,
        checksum: [u8; 32],
    },
    FileSliver {
        key: SliverKey,
        staged: Staged,
    },
    DeleteUnregistered {
        blob_id: BlobId,
        epoch: Epoch,
    },
    ForgetDamaged {
        key: SliverKey,
    },
    DeleteShard {
        shard: ShardIndex,
    },
    Sweep {
        directory: Directory,
    },
}

impl Write {
    pub(super) fn inline_sliver(key: SliverKey, bytes: Bytes) -> Self {
        let checksum = blake2b256(&[&bytes]);
        Self::InlineSliver {
            key,
            bytes,
            checksum,
        }
    }

    /// Whether the write only adds, and so may share a batch with others.
    fn adds(&self) -> bool {
        matches!(
            self,
            Self::Metadata { .. } | Self::InlineSliver { .. } | Self::FileSliver { .. }
        )
    }

    fn inline_bytes(&self) -> usize {
        match self {
            Self::Metadata { bytes, .. } | Self::InlineSliver { bytes, .. } => bytes.len(),
            _ => 0,
        }
    }
}

struct Job {
    write: Write,
    done: oneshot::Sender<Result<Outcome, StorageError>>,
}

/// Handle of the committer thread.
pub(super) struct Committer {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Committer {
    /// Starts the thread.
    pub(super) fn start(index: Arc<Index>, files: Arc<SliverFiles>) -> Result<Self, StorageError> {
        // The index is open and thereby locked: nobody else uses the directory.
        files.remove_temporaries()?;
        let (jobs, queue) = mpsc::channel(COMMIT_QUEUE_MAX);
        let worker = Worker { index, files };
        let thread = std::thread::Builder::new()
            .name("committer".into())
            .spawn(move || worker.run(queue))
            .map_err(|error| StorageError::io("start the committer of", "storage", error))?;
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Hands a write over and waits until it is durable.
    pub(super) async fn submit(&self, write: Write) -> Result<Outcome, StorageError> {
        let jobs = lock(&self.jobs).clone().ok_or(StorageError::Closed)?;
        let (done, result) = oneshot::channel();
        jobs.send(Job { write, done })
            .await
            .map_err(|_| StorageError::Closed)?;
        drop(jobs);
        result.await.map_err(|_| StorageError::Closed)?
    }

    /// Writes waiting now.
    pub(super) fn queue_len(&self) -> usize {
        lock(&self.jobs)
            .as_ref()
            .map_or(0, |jobs| jobs.max_capacity() - jobs.capacity())
    }

    /// Finishes the queue and ends the thread.
    pub(super) async fn stop(&self) {
        drop(lock(&self.jobs).take());
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread
            && super::run_blocking(move || thread.join()).await.is_err()
        {
            tracing::error!("the committer thread panicked");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Worker {
    index: Arc<Index>,
    files: Arc<SliverFiles>,
}

impl Worker {
    fn run(&self, mut queue: mpsc::Receiver<Job>) {
        let mut next = queue.blocking_recv();
        while let Some(job) = next.take() {
            if job.write.adds() {
                let mut bytes = job.write.inline_bytes();
                let mut wave = vec![job];
                while wave.len() < COMMIT_JOBS_MAX && bytes < COMMIT_INLINE_BYTES_MAX {
                    match queue.try_recv() {
                        Ok(job) if job.write.adds() => {
                            bytes += job.write.inline_bytes();
                            wave.push(job);
                        }
                        Ok(other) => {
                            next = Some(other);
                            break;
                        }
                        Err(_) => break,
                    }
                }
                self.commit(wave);
            } else {
                let result = self.perform(&job.write);
                // The requester may have gone; the work is done all the same.
                let _ = job.done.send(result);
            }
            next = next.or_else(|| queue.blocking_recv());
        }
    }

    /// Makes a wave of additions durable and answers its requesters.
    fn commit(&self, wave: Vec<Job>) {
        let (writes, dones): (Vec<_>, Vec<_>) =
            wave.into_iter().map(|job| (job.write, job.done)).unzip();
        let result = self.add_all(writes);
        for (position, done) in dones.into_iter().enumerate() {
            let outcome = result
                .as_ref()
                .map(|outcomes| outcomes[position])
                .map_err(Clone::clone);
            let _ = done.send(outcome);
        }
    }

    fn add_all(&self, writes: Vec<Write>) -> Result<Vec<Outcome>, StorageError> {
        let mut batch = self.index.durable_batch();
        let mut outcomes = Vec::with_capacity(writes.len());
        let mut new_slivers = HashSet::new();
        let mut new_metadata = HashSet::new();
        let mut directories = BTreeSet::new();
        for write in writes {
            let is_new = match write {
                Write::Metadata { blob_id, bytes } => {
                    let is_new =
                        !self.index.has_metadata(&blob_id)? && new_metadata.insert(blob_id);
                    if is_new {
                        self.index.put_metadata(&mut batch, &blob_id, &bytes);
                    }
                    is_new
                }
                Write::InlineSliver {
                    key,
                    bytes,
                    checksum,
                } => {
                    let is_new = !self.index.has_sliver(&key)? && new_slivers.insert(key);
                    if is_new {
                        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                        let entry = SliverEntry {
                            location: Location::Inline,
                            len,
                            checksum,
                        };
                        self.index
                            .put_sliver(&mut batch, &key, &entry, Some(&bytes));
                    }
                    is_new
                }
                Write::FileSliver { key, staged } => {
                    let is_new = !self.index.has_sliver(&key)? && new_slivers.insert(key);
                    if is_new {
                        let (len, checksum) = (staged.len, staged.checksum);
                        self.files.publish(&key, staged)?;
                        directories.insert(directory_of(&key));
                        let entry = SliverEntry {
                            location: Location::File,
                            len,
                            checksum,
                        };
                        self.index.put_sliver(&mut batch, &key, &entry, None);
                    }
                    is_new
                }
                Write::DeleteUnregistered { .. }
                | Write::ForgetDamaged { .. }
                | Write::DeleteShard { .. }
                | Write::Sweep { .. } => unreachable!("a wave consists of additions"),
            };
            outcomes.push(if is_new {
                Outcome::Stored
            } else {
                Outcome::AlreadyStored
            });
        }
        for directory in directories {
            self.files.sync_directory(directory)?;
        }
        batch.commit()?;
        self.index
            .count_slivers(u64::try_from(new_slivers.len()).unwrap_or(0), 0);
        Ok(outcomes)
    }

    fn perform(&self, write: &Write) -> Result<Outcome, StorageError> {
        match write {
            Write::DeleteUnregistered { blob_id, epoch } => self.delete_blob(*blob_id, *epoch),
            Write::ForgetDamaged { key } => self.forget_damaged(key),
            Write::DeleteShard { shard } => self.delete_shard(*shard),
            Write::Sweep { directory } => self.sweep(*directory),
            Write::Metadata { .. } | Write::InlineSliver { .. } | Write::FileSliver { .. } => {
                unreachable!("additions are committed in waves")
            }
        }
    }

    fn delete_blob(&self, blob_id: BlobId, epoch: Epoch) -> Result<Outcome, StorageError> {
        // While this is held no registration can be seen, so no confirmation can be given for what is deleted here.
        let _records = self.index.lock_records();
        let registered = self
            .index
            .blob(&blob_id)?
            .is_some_and(|record| record.is_registered(epoch));
        if registered {
            return Ok(Outcome::Removed(0));
        }
        let mut slivers = Vec::new();
        for (shard, _) in self.index.shards()? {
            for axis in [SliverType::Primary, SliverType::Secondary] {
                let key = SliverKey {
                    shard,
                    axis,
                    blob_id,
                };
                if let Some(entry) = self.index.sliver(&key)? {
                    slivers.push((key, entry));
                }
            }
        }
        self.remove_slivers(&slivers, Some(blob_id))
    }

    fn forget_damaged(&self, key: &SliverKey) -> Result<Outcome, StorageError> {
        // Looked at again: since it was found damaged, another reader may have had it forgotten and an upload replaced it.
        let Some((entry, SliverRead::Damaged)) = load_sliver(&self.index, &self.files, key)? else {
            return Ok(Outcome::Removed(0));
        };
        self.remove_slivers(&[(*key, entry)], None)
    }

    fn delete_shard(&self, shard: ShardIndex) -> Result<Outcome, StorageError> {
        let mut total = 0;
        loop {
            let slivers = self.index.slivers_of_shard(shard, DELETE_SHARD_BATCH)?;
            if slivers.is_empty() {
                break;
            }
            total += slivers.len();
            self.remove_slivers(&slivers, None)?;
        }
        let mut batch = self.index.durable_batch();
        self.index.remove_shard(&mut batch, shard);
        batch.commit()?;
        Ok(Outcome::Removed(total))
    }

    /// Removes index entries durably, then files: the other way round a crash would leave entries without bytes.
    fn remove_slivers(
        &self,
        slivers: &[(SliverKey, SliverEntry)],
        metadata: Option<BlobId>,
    ) -> Result<Outcome, StorageError> {
        let mut batch = self.index.durable_batch();
        for (key, entry) in slivers {
            self.index.remove_sliver(&mut batch, key, entry);
        }
        let mut removed = slivers.len();
        if let Some(blob_id) = metadata
            && self.index.has_metadata(&blob_id)?
        {
            self.index.remove_metadata(&mut batch, &blob_id);
            removed += 1;
        }
        if removed == 0 {
            return Ok(Outcome::Removed(0));
        }
        batch.commit()?;
        self.index
            .count_slivers(0, u64::try_from(slivers.len()).unwrap_or(0));
        for (key, entry) in slivers {
            if entry.location == Location::File {
                self.files.remove(key)?;
            }
        }
        Ok(Outcome::Removed(removed))
    }

    fn sweep(&self, directory: Directory) -> Result<Outcome, StorageError> {
        let mut removed = 0;
        for key in self.files.keys_in(directory)? {
            let known = self
                .index
                .sliver(&key)?
                .is_some_and(|entry| entry.location == Location::File);
            if !known {
                self.files.remove(&key)?;
                removed += 1;
            }
        }
        Ok(Outcome::Removed(removed))
    }
}
