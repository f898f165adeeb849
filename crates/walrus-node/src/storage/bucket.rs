//! Slivers in a bucket of an S3-compatible object store, for nodes whose data outgrows their disks.
//!
//! A sliver is a file first, as it is without a bucket, and counts as stored from then on. One
//! task, the [`Mover`], uploads files and lets the index know; only then may a file go. What is
//! left to upload and to delete is written in the index, so neither a crash nor a bucket that is
//! away for days loses any of it.
//!
//! The name of an object is used once: it ends in a number drawn when the sliver was stored. So a
//! request that arrives late, after its sender gave up on it, never touches a later sliver; at
//! worst it leaves an object nobody knows, which the scrub deletes.
//!
//! The bucket is not trusted. What it gives is compared with the checksum in the index; what it has
//! lost or changed counts as missing, and comes back from other nodes.

mod cache;
mod client;
mod names;
mod strays;

use std::{path::Path, sync::OnceLock};

use bytes::Bytes;
use stdx::Mutex;
use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};
use tracing::{info, warn};
use walrus_core::ObjectId;

use super::{
    Index, Medium, SliverKey, Storage, StorageError,
    index::{BucketRecord, ObjectName, SliverEntry},
    run_blocking,
};

pub use client::BucketOptions;
pub(super) use strays::forget_claim;

use cache::Cache;
use client::Client;
pub(super) use client::{Failure, Object};
use strays::Strays;

/// Objects read at a time; more wait for their turn.
const READS_MAX: usize = 64;

/// A bucket, and the files of slivers that are in it as well.
pub(super) struct Bucket {
    pub(super) client: Client,
    pub(super) cache: Cache,
    pub(super) reads: Semaphore,
    write_ahead_bytes_max: u64,
    /// Objects the index has lost, listed when they are needed first; `None` if there are none.
    strays: Mutex<Option<Strays>>,
    /// Told when there is something to upload or to delete.
    pub(super) work: Notify,
    /// What the bucket should say of its owner.
    identity: OnceLock<String>,
    /// Since when and why the bucket does not answer.
    away: Mutex<Option<Away>>,
    counters: Mutex<BucketCounters>,
}

#[derive(Debug, Clone)]
struct Away {
    since: Instant,
    reason: String,
}

/// What was done with a bucket since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BucketCounters {
    /// Objects written.
    pub uploads: u64,
    /// Objects deleted.
    pub deletions: u64,
    /// Objects read.
    pub reads: u64,
    /// Reads that a local file answered.
    pub cache_hits: u64,
    /// Objects that were gone or changed.
    pub lost: u64,
    /// Requests that failed.
    pub failures: u64,
}

/// How a bucket is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketState {
    /// Its name and prefix.
    pub place: String,
    /// Slivers that wait to be uploaded, and their bytes.
    pub pending_uploads: u64,
    /// Bytes of them.
    pub pending_upload_bytes: u64,
    /// Bytes that may wait.
    pub write_ahead_bytes_max: u64,
    /// Bytes of slivers kept in files although the bucket has them.
    pub cached_bytes: u64,
    /// Bytes that may be kept so.
    pub cache_bytes_max: u64,
    /// Since how many seconds the bucket does not answer, and why.
    pub unavailable: Option<(u64, String)>,
    /// What was done.
    pub counters: BucketCounters,
}

impl BucketRecord {
    fn new(place: String) -> Self {
        let mut owner = [0; 16];
        rand::RngCore::fill_bytes(&mut ambient::rng(), &mut owner);
        Self {
            owner,
            place,
            is_claimed: false,
            has_strays: false,
        }
    }

    /// What the bucket says of its owner.
    fn text(&self, system_object: ObjectId) -> String {
        format!(
            "Slivers of a Walrus node.\nsystem object: {system_object}\nowner: {}\n",
            hex::encode(self.owner)
        )
    }
}

impl Bucket {
    /// Prepares the way to the bucket and looks at what is cached. Sends nothing.
    pub(super) fn open(
        options: &BucketOptions,
        root: &Path,
        medium: &Medium,
    ) -> Result<Self, StorageError> {
        if matches!(medium, Medium::Simulated(_)) {
            return Err(StorageError::Bucket("a simulated disk has none".into()));
        }
        Ok(Self {
            client: Client::new(options)?,
            cache: Cache::open(root, options.cache_bytes)?,
            reads: Semaphore::new(READS_MAX),
            write_ahead_bytes_max: options.write_ahead_bytes,
            strays: Mutex::default(),
            work: Notify::new(),
            identity: OnceLock::new(),
            away: Mutex::default(),
            counters: Mutex::default(),
        })
    }

    /// Files of slivers the bucket has as well.
    pub(super) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Says that there is something to upload or to delete.
    pub(super) fn wake(&self) {
        self.work.notify_one();
    }

    /// Refuses a write if too much waits to be uploaded.
    pub(super) fn check_space(&self, waiting: u64, bytes: u64) -> Result<(), StorageError> {
        let max = self.write_ahead_bytes_max;
        if waiting.saturating_add(bytes) > max {
            return Err(StorageError::WriteAheadFull { waiting, max });
        }
        Ok(())
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut BucketCounters)) {
        count(&mut self.counters.lock());
    }

    /// Notes that the bucket has answered.
    pub(super) fn answered(&self) {
        if let Some(away) = self.away.lock().take() {
            let secs = away.since.elapsed().as_secs();
            info!(secs, "the bucket answers again");
        }
    }

    /// Notes that a request failed for a reason that may go away; says so once.
    pub(super) fn failed(&self, reason: String) -> StorageError {
        self.count(|counters| counters.failures += 1);
        let mut away = self.away.lock();
        if away.is_none() {
            warn!(
                reason,
                "the bucket does not answer: slivers that are only there cannot be read, and uploads wait"
            );
        }
        let since = away.as_ref().map_or_else(Instant::now, |away| away.since);
        *away = Some(Away {
            since,
            reason: reason.clone(),
        });
        StorageError::BucketAway(reason)
    }
}

impl Bucket {
    /// A sliver from its file, if it has one that is intact.
    pub(super) fn cached(&self, key: &SliverKey, entry: &SliverEntry) -> Option<Bytes> {
        let bytes = self.cache.read(key)?;
        let bytes = entry.intact(Some(Bytes::from(bytes)));
        if bytes.is_some() {
            self.count(|counters| counters.cache_hits += 1);
        } else {
            self.cache.remove(key);
        }
        bytes
    }

    /// Fails if the bucket is not the one with this storage's slivers any more: then nothing in it
    /// is lost.
    pub(super) async fn check_identity(&self) -> Result<(), StorageError> {
        let found = self.client.identity().await;
        match found {
            Ok(text) if text.as_ref() == self.identity.get() => {
                self.answered();
                Ok(())
            }
            Ok(_) => Err(self.failed(format!(
                "{} does not say any more that it holds slivers of this storage",
                self.client.place()
            ))),
            Err(Failure::Away(reason) | Failure::Refused(reason)) => Err(self.failed(reason)),
        }
    }
}

impl Storage {
    /// Claims the configured bucket, or checks that it is this storage's. Without one, does
    /// nothing.
    ///
    /// A bucket that says something else stops the start; one that does not answer only if it is
    /// new.
    pub async fn claim_bucket(&self, system_object: ObjectId) -> Result<(), StorageError> {
        let Some(bucket) = self.bucket.clone() else {
            return Ok(());
        };
        let place = bucket.client.place();
        let recorded = match self.with_index(Index::bucket_record).await? {
            Some(record) => Some(record),
            // After the index was lost.
            None => strays::remembered_claim(self.path())?,
        };
        let mut record = recorded.unwrap_or_else(|| BucketRecord::new(place.clone()));
        if !record.is_claimed {
            // First the number: a crash after the bucket has it must not make the bucket a
            // stranger's.
            self.record_bucket(record.clone()).await?;
        }
        let expected = record.text(system_object);
        // The first to say so is right: there is one network and one number.
        let _ = bucket.identity.set(expected.clone());
        bucket.set_strays(record.has_strays);
        let refuse = |reason: &str| Err(StorageError::Bucket(format!("{place} {reason}")));
        match bucket.client.identity().await {
            Ok(Some(text)) if text == expected => bucket.answered(),
            Ok(Some(_)) => {
                return refuse(
                    "says that it holds the slivers of another storage. Name another bucket or prefix. If it is the bucket of \
                     this node whose disk was lost, empty it: what it held comes back from other nodes",
                );
            }
            Ok(None) if record.is_claimed => {
                return refuse(&format!(
                    "does not say that it holds slivers of this storage, which are in {}. Configure that one, or run \
                     `walrus-node db forget-bucket`: what was there comes back from other nodes",
                    record.place
                ));
            }
            Ok(None) => bucket
                .client
                .put_identity(&expected)
                .await
                .map_err(|failure| StorageError::Bucket(failure.to_string()))?,
            Err(Failure::Away(reason)) if record.is_claimed => {
                bucket.failed(reason);
                return Ok(());
            }
            Err(failure) => return Err(StorageError::Bucket(failure.to_string())),
        }
        record.is_claimed = true;
        record.place = place;
        strays::remember_claim(self.path(), &record)?;
        self.record_bucket(record).await
    }

    async fn record_bucket(&self, record: BucketRecord) -> Result<(), StorageError> {
        self.with_index(move |index| index.set_bucket_record(&record))
            .await
    }

    /// How the bucket is doing; `None` without one.
    pub fn bucket_state(&self) -> Option<BucketState> {
        let bucket = self.bucket.as_ref()?;
        let waiting = self.index.waiting();
        let away = bucket.away.lock().clone();
        Some(BucketState {
            place: bucket.client.place(),
            pending_uploads: waiting.slivers,
            pending_upload_bytes: waiting.bytes,
            write_ahead_bytes_max: bucket.write_ahead_bytes_max,
            cached_bytes: bucket.cache.bytes(),
            cache_bytes_max: bucket.cache.bytes_max(),
            unavailable: away.map(|away| (away.since.elapsed().as_secs(), away.reason)),
            counters: *bucket.counters.lock(),
        })
    }

    /// Has objects deleted that the index does not know; returns how many there are. Without a
    /// bucket there are none.
    pub async fn collect_bucket_orphans(&self) -> Result<usize, StorageError> {
        let Some(bucket) = self.bucket.clone() else {
            return Ok(0);
        };
        let mut orphans = 0;
        let mut pages = bucket.client.pages();
        while let Some(page) = futures::StreamExt::next(&mut pages).await {
            let page = page.map_err(|failure| bucket.failed(failure.to_string()))?;
            let page: Vec<ObjectName> = page.into_iter().map(|(name, _)| name).collect();
            let known = self.index.clone();
            orphans += run_blocking(move || known.delete_unknown_objects(&page)).await??;
        }
        bucket.answered();
        self.forget_strays().await?;
        if orphans > 0 {
            bucket.wake();
        }
        Ok(orphans)
    }
}
