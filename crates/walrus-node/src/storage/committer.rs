//! The thread that makes writes durable, many at a time.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use stdx::{Mutex, SaturatingFrom as _};
use tokio::sync::{mpsc, oneshot};
use walrus_core::{BlobId, Epoch, ShardIndex, SliverType, hash::blake2b256};

use super::{
    Index, SliverKey, StorageError,
    bucket::Bucket,
    files::{Directory, SliverFiles, Staged, directory_of},
    index::{Location, ObjectName, SliverCounts, SliverEntry, Upload, Waiting, WriteBatch},
    read::{Local, SliverRead, load_local},
};

/// Writes that wait for the committer at most; more wait at their caller.
pub const COMMIT_QUEUE_MAX: usize = 1_024;

/// Writes made durable together at most.
pub const COMMIT_JOBS_MAX: usize = 256;

/// Bytes of index values made durable together at most (the first write of a commit may exceed it
/// alone).
const COMMIT_INLINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Slivers of a shard deleted per batch.
const DELETE_SHARD_BATCH: usize = 1_000;

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitOutcome {
    /// Durable now.
    Stored,
    /// It was there before; nothing changed.
    AlreadyStored,
    /// So many items were removed.
    Removed(usize),
}

/// Something that is added unless it is there. Additions share a batch.
pub(super) enum Addition {
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
    /// The bucket has the sliver now.
    Uploaded {
        name: ObjectName,
    },
}

impl Addition {
    pub(super) fn inline_sliver(key: SliverKey, bytes: Bytes) -> Self {
        let checksum = blake2b256(&[&bytes]);
        Self::InlineSliver {
            key,
            bytes,
            checksum,
        }
    }

    fn inline_bytes(&self) -> usize {
        match self {
            Self::Metadata { bytes, .. } | Self::InlineSliver { bytes, .. } => bytes.len(),
            Self::FileSliver { .. } | Self::Uploaded { .. } => 0,
        }
    }
}

/// Something that is taken away, alone.
pub(super) enum Removal {
    /// Everything of a blob that is not registered in the epoch.
    Unregistered { blob_id: BlobId, epoch: Epoch },
    /// A sliver whose bytes are not those stored.
    DamagedSliver { key: SliverKey },
    /// Metadata that is still what was found damaged; `None` if it could not even be read.
    DamagedMetadata {
        blob_id: BlobId,
        found: Option<Bytes>,
    },
    /// A shard with all its slivers.
    Shard { shard: ShardIndex },
    /// Files the index does not know, which go to quarantine.
    Orphans { directory: Directory },
    /// A sliver of which the bucket has other bytes than those stored, or none.
    LostObject { name: ObjectName },
    /// Everything that is only in the bucket.
    Bucket,
}

enum Work {
    Add(Addition),
    Remove(Removal),
}

struct Job<W> {
    work: W,
    done: oneshot::Sender<Result<CommitOutcome, StorageError>>,
}

/// Handle of the committer thread.
pub(super) struct Committer {
    jobs: Mutex<Option<mpsc::Sender<Job<Work>>>>,
    thread: Mutex<Option<ambient::Worker>>,
}

impl Committer {
    /// Starts the thread.
    pub(super) fn start(
        index: Arc<Index>,
        files: Arc<SliverFiles>,
        bucket: Option<Arc<Bucket>>,
    ) -> Result<Self, StorageError> {
        // The index is open and thereby locked: nobody else uses the directory.
        files.remove_temporaries()?;
        let (jobs, queue) = mpsc::channel(COMMIT_QUEUE_MAX);
        let worker = Worker {
            index,
            files,
            bucket,
        };
        let thread = ambient::spawn_worker("committer", None, worker.run(queue))
            .map_err(|error| StorageError::io("start the committer of", "storage", error))?;
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Hands an addition over and waits until it is durable.
    pub(super) async fn add(&self, addition: Addition) -> Result<CommitOutcome, StorageError> {
        self.submit(Work::Add(addition)).await
    }

    /// Hands a removal over and waits until it is durable.
    pub(super) async fn remove(&self, removal: Removal) -> Result<CommitOutcome, StorageError> {
        self.submit(Work::Remove(removal)).await
    }

    async fn submit(&self, work: Work) -> Result<CommitOutcome, StorageError> {
        let jobs = self.jobs.lock().clone().ok_or(StorageError::Closed)?;
        let (done, result) = oneshot::channel();
        jobs.send(Job { work, done })
            .await
            .map_err(|_| StorageError::Closed)?;
        drop(jobs);
        result.await.map_err(|_| StorageError::Closed)?
    }

    /// Writes waiting now.
    pub(super) fn queue_len(&self) -> usize {
        self.jobs
            .lock()
            .as_ref()
            .map_or(0, |jobs| jobs.max_capacity() - jobs.capacity())
    }

    /// Finishes the queue and ends the thread.
    pub(super) async fn stop(&self) {
        drop(self.jobs.lock().take());
        let thread = self.thread.lock().take();
        if let Some(thread) = thread
            && thread.join().await.is_err()
        {
            tracing::error!("the committer thread panicked");
        }
    }
}

struct Worker {
    index: Arc<Index>,
    files: Arc<SliverFiles>,
    bucket: Option<Arc<Bucket>>,
}

impl Worker {
    async fn run(self, mut queue: mpsc::Receiver<Job<Work>>) {
        let mut next = queue.recv().await;
        while let Some(Job { work, done }) = next.take() {
            match work {
                Work::Add(addition) => {
                    let first = Job {
                        work: addition,
                        done,
                    };
                    ambient::wait_for_device().await;
                    let (wave, other) = Self::gather(first, &mut queue);
                    self.commit(wave);
                    next = other;
                }
                Work::Remove(removal) => {
                    ambient::wait_for_device().await;
                    let result = self.perform(&removal);
                    // The requester may have gone; the work is done all the same.
                    let _ = done.send(result);
                }
            }
            if next.is_none() {
                next = queue.recv().await;
            }
        }
    }

    /// The additions that wait right behind `first`, and the job that ended them.
    fn gather(
        first: Job<Addition>,
        queue: &mut mpsc::Receiver<Job<Work>>,
    ) -> (Vec<Job<Addition>>, Option<Job<Work>>) {
        let mut bytes = first.work.inline_bytes();
        let mut wave = vec![first];
        while wave.len() < COMMIT_JOBS_MAX && bytes < COMMIT_INLINE_BYTES_MAX {
            match queue.try_recv() {
                Ok(Job {
                    work: Work::Add(work),
                    done,
                }) => {
                    bytes += work.inline_bytes();
                    wave.push(Job { work, done });
                }
                Ok(other) => return (wave, Some(other)),
                Err(_) => break,
            }
        }
        (wave, None)
    }

    /// Makes a wave of additions durable and answers its requesters.
    fn commit(&self, wave: Vec<Job<Addition>>) {
        let (additions, dones): (Vec<_>, Vec<_>) =
            wave.into_iter().map(|job| (job.work, job.done)).unzip();
        let result = self.add_all(additions);
        for (position, done) in dones.into_iter().enumerate() {
            let outcome = result
                .as_ref()
                .map(|outcomes| outcomes[position])
                .map_err(Clone::clone);
            let _ = done.send(outcome);
        }
    }

    fn add_all(&self, additions: Vec<Addition>) -> Result<Vec<CommitOutcome>, StorageError> {
        let mut wave = Wave {
            batch: self.index.durable_batch(),
            counts: self.index.sliver_counts(),
            waiting: self.index.waiting(),
            uploaded: Vec::new(),
            slivers: BTreeSet::new(),
            metadata: BTreeSet::new(),
            directories: BTreeSet::new(),
        };
        let mut outcomes = Vec::with_capacity(additions.len());
        for addition in additions {
            outcomes.push(if self.add(&mut wave, addition)? {
                CommitOutcome::Stored
            } else {
                CommitOutcome::AlreadyStored
            });
        }
        for directory in wave.directories {
            self.files.sync_directory(directory)?;
        }
        if !wave.slivers.is_empty() || !wave.uploaded.is_empty() {
            self.index.put_counts(&mut wave.batch, wave.counts);
        }
        wave.batch.commit()?;
        self.index.set_counts(wave.counts);
        let grew = wave.waiting.slivers > self.index.waiting().slivers;
        self.index.set_waiting(wave.waiting);
        if let Some(bucket) = &self.bucket {
            // On this thread: nobody else can have stored the sliver again meanwhile.
            for (key, len) in wave.uploaded {
                bucket.cache().take_over(&key, &self.files.path(&key), len);
            }
            if grew {
                bucket.wake();
            }
        }
        Ok(outcomes)
    }

    /// Adds to the wave; returns whether it was new.
    fn add(&self, wave: &mut Wave<'_>, addition: Addition) -> Result<bool, StorageError> {
        match addition {
            Addition::Metadata { blob_id, bytes } => {
                let is_new = !self.index.has_metadata(&blob_id)? && wave.metadata.insert(blob_id);
                if is_new {
                    self.index.put_metadata(&mut wave.batch, &blob_id, &bytes);
                }
                Ok(is_new)
            }
            Addition::InlineSliver {
                key,
                bytes,
                checksum,
            } => {
                let entry = SliverEntry {
                    location: Location::Inline,
                    len: u64::saturating_from(bytes.len()),
                    checksum,
                };
                let is_new = wave.is_new(&self.index, key)?;
                if is_new {
                    wave.counts.add(entry.location);
                    self.index
                        .put_sliver(&mut wave.batch, &key, &entry, Some(&bytes));
                }
                Ok(is_new)
            }
            Addition::FileSliver { key, staged } => {
                let entry = SliverEntry {
                    location: Location::File,
                    len: staged.len,
                    checksum: staged.checksum,
                };
                let is_new = wave.is_new(&self.index, key)?;
                if is_new {
                    self.files.publish(&key, staged)?;
                    wave.directories.insert(directory_of(&key));
                    wave.counts.add(entry.location);
                    self.index.put_sliver(&mut wave.batch, &key, &entry, None);
                    if self.bucket.is_some() {
                        let upload = Upload::new(entry.len);
                        self.index.put_upload(&mut wave.batch, &key, &upload);
                        wave.waiting.add(entry.len);
                    }
                }
                Ok(is_new)
            }
            Addition::Uploaded { name } => self.note_upload(wave, &name),
        }
    }

    /// Notes that the bucket has a sliver; returns whether the sliver is still wanted.
    fn note_upload(&self, wave: &mut Wave<'_>, name: &ObjectName) -> Result<bool, StorageError> {
        let key = &name.key;
        let due = self.index.upload(key)?;
        let due = due.filter(|upload| upload.number == name.number);
        let entry = self.index.sliver(key)?;
        let entry = entry.filter(|entry| entry.location == Location::File);
        if let Some(upload) = &due {
            self.index.remove_upload(&mut wave.batch, key);
            wave.waiting.remove(upload.len);
        }
        let (Some(_), Some(mut entry)) = (due, entry) else {
            self.index.put_deletion(&mut wave.batch, name);
            return Ok(false);
        };
        wave.counts.remove(entry.location);
        entry.location = Location::Bucket(name.number);
        wave.counts.add(entry.location);
        self.index.put_sliver(&mut wave.batch, key, &entry, None);
        wave.uploaded.push((*key, entry.len));
        Ok(true)
    }

    fn perform(&self, removal: &Removal) -> Result<CommitOutcome, StorageError> {
        match removal {
            Removal::Unregistered { blob_id, epoch } => self.delete_blob(*blob_id, *epoch),
            Removal::DamagedSliver { key } => self.forget_damaged(key),
            Removal::DamagedMetadata { blob_id, found } => {
                self.forget_metadata(blob_id, found.as_deref())
            }
            Removal::Shard { shard } => self.delete_shard(*shard),
            Removal::Orphans { directory } => self.quarantine_orphans(*directory),
            Removal::LostObject { name } => self.forget_object(name),
            Removal::Bucket => self.forget_bucket(),
        }
    }

    fn delete_blob(&self, blob_id: BlobId, epoch: Epoch) -> Result<CommitOutcome, StorageError> {
        // While this is held no registration can be seen, so no confirmation can be given for what
        // is deleted here.
        let _records = self.index.records.lock();
        let registered = self
            .index
            .blob(&blob_id)?
            .is_some_and(|record| record.is_registered(epoch));
        if registered {
            return Ok(CommitOutcome::Removed(0));
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

    fn forget_damaged(&self, key: &SliverKey) -> Result<CommitOutcome, StorageError> {
        // Looked at again: since it was found damaged, another reader may have had it forgotten and
        // an upload replaced it.
        let local = load_local(&self.index, &self.files, key)?;
        let Some(Local::Read(entry, SliverRead::Damaged)) = local else {
            return Ok(CommitOutcome::Removed(0));
        };
        self.remove_slivers(&[(*key, entry)], None)
    }

    fn forget_object(&self, name: &ObjectName) -> Result<CommitOutcome, StorageError> {
        let entry = self.index.sliver(&name.key)?;
        match entry.filter(|entry| entry.location == Location::Bucket(name.number)) {
            Some(entry) => self.remove_slivers(&[(name.key, entry)], None),
            None => Ok(CommitOutcome::Removed(0)),
        }
    }

    fn forget_bucket(&self) -> Result<CommitOutcome, StorageError> {
        let mut total = 0;
        loop {
            let slivers = self.index.slivers_in_bucket(DELETE_SHARD_BATCH);
            if slivers.is_empty() {
                break;
            }
            total += slivers.len();
            self.remove_slivers(&slivers, None)?;
        }
        self.index.forget_bucket()?;
        super::bucket::forget_claim(self.files.root())?;
        Ok(CommitOutcome::Removed(total))
    }

    fn forget_metadata(
        &self,
        blob_id: &BlobId,
        found: Option<&[u8]>,
    ) -> Result<CommitOutcome, StorageError> {
        // Compared again: an upload may have replaced it since it was found damaged.
        if self.index.metadata(blob_id)?.as_deref() != found {
            return Ok(CommitOutcome::Removed(0));
        }
        let mut batch = self.index.durable_batch();
        self.index.remove_metadata(&mut batch, blob_id);
        batch.commit()?;
        Ok(CommitOutcome::Removed(1))
    }

    fn delete_shard(&self, shard: ShardIndex) -> Result<CommitOutcome, StorageError> {
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
        Ok(CommitOutcome::Removed(total))
    }

    /// Removes index entries durably, then files: the other way round a crash would leave entries
    /// without bytes.
    fn remove_slivers(
        &self,
        slivers: &[(SliverKey, SliverEntry)],
        metadata: Option<BlobId>,
    ) -> Result<CommitOutcome, StorageError> {
        let mut batch = self.index.durable_batch();
        let mut counts = self.index.sliver_counts();
        let mut waiting = self.index.waiting();
        for (key, entry) in slivers {
            counts.remove(entry.location);
            self.index.remove_sliver(&mut batch, key, entry);
            let mut object = None;
            if let Location::Bucket(number) = entry.location {
                object = Some(number);
            } else if let Some(upload) = self.index.upload(key)? {
                self.index.remove_upload(&mut batch, key);
                waiting.remove(upload.len);
                // It may be in the bucket already.
                object = Some(upload.number);
            }
            if let Some(number) = object {
                let name = ObjectName { key: *key, number };
                self.index.put_deletion(&mut batch, &name);
            }
        }
        if !slivers.is_empty() {
            self.index.put_counts(&mut batch, counts);
        }
        let mut removed = slivers.len();
        if let Some(blob_id) = metadata
            && self.index.has_metadata(&blob_id)?
        {
            self.index.remove_metadata(&mut batch, &blob_id);
            removed += 1;
        }
        if removed == 0 {
            return Ok(CommitOutcome::Removed(0));
        }
        batch.commit()?;
        self.index.set_counts(counts);
        self.index.set_waiting(waiting);
        for (key, entry) in slivers {
            match (entry.location, &self.bucket) {
                (Location::File, _) => self.files.remove(key)?,
                (Location::Bucket(_), Some(bucket)) => bucket.cache().remove(key),
                _ => {}
            }
        }
        if let Some(bucket) = &self.bucket {
            bucket.wake();
        }
        Ok(CommitOutcome::Removed(removed))
    }

    fn quarantine_orphans(&self, directory: Directory) -> Result<CommitOutcome, StorageError> {
        let mut orphans = 0;
        for key in self.files.keys_in(directory)? {
            let entry = self.index.sliver(&key)?;
            match (entry.map(|entry| (entry.location, entry.len)), &self.bucket) {
                (Some((Location::File, _)), _) => {}
                // A crash came between the upload and this.
                (Some((Location::Bucket(_), len)), Some(bucket)) => {
                    bucket.cache().take_over(&key, &self.files.path(&key), len);
                }
                _ => {
                    self.files.quarantine(&key)?;
                    orphans += 1;
                }
            }
        }
        Ok(CommitOutcome::Removed(orphans))
    }
}

/// Additions on their way into one batch.
struct Wave<'a> {
    batch: WriteBatch<'a>,
    counts: SliverCounts,
    waiting: Waiting,
    /// Slivers the bucket has now, and their lengths.
    uploaded: Vec<(SliverKey, u64)>,
    slivers: BTreeSet<SliverKey>,
    metadata: BTreeSet<BlobId>,
    directories: BTreeSet<Directory>,
}

impl Wave<'_> {
    fn is_new(&mut self, index: &Index, key: SliverKey) -> Result<bool, StorageError> {
        Ok(!index.has_sliver(&key)? && self.slivers.insert(key))
    }
}
