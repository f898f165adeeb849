//! The key-value part of the storage.
//!
//! Keys are big-endian and raw IDs, so that iteration is in byte order; values are BCS.

mod archives;
mod batch;
mod bucket;
mod data;
mod endings;
mod event_log;
mod incomplete;
mod records;
mod tables;

use std::{
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use fjall::UserValue;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use stdx::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::error;
use walrus_core::{BlobId, Epoch, EventId, NShards, ObjectId, ShardIndex};

use super::{Medium, StorageError};
use crate::{
    chain::Committee,
    epoch::{Attestation, EpochPlan, ShardRecord},
    event_log::LogState,
};

use tables::{Database, Entry, Keyspace, Values};

pub(super) use batch::WriteBatch;
pub(super) use bucket::{BucketRecord, ObjectName, Upload, Waiting};
pub use data::{Item, ShardRange, SliverCounts};
pub(super) use data::{Location, SliverEntry};
pub use event_log::Recording;
pub use incomplete::Found;
pub use records::BlobRecords;

/// Version of the layout below. A storage of a later version is refused.
const LAYOUT_VERSION: u32 = 3;

/// The first version that says when records end. The one before has a bucket, which the first
/// version has not; they are otherwise the same.
const LAYOUT_WITH_ENDINGS: u32 = 3;

/// The first version.
const LAYOUT_VERSION_MIN: u32 = 1;

const META_IDENTITY: &str = "identity";
const META_CURSOR: &str = "cursor";
const META_EVENT_LOG: &str = "event_log";
const META_COMMITTEES: &str = "committees";
const META_NODE_ID: &str = "node_id";
const META_ATTESTATION: &str = "attestation";
const META_GC_COMPLETED: &str = "gc_completed";
const META_SLIVER_COUNTS: &str = "sliver_counts";
const META_BUCKET_SLIVERS: &str = "bucket_slivers";
const META_BUCKET: &str = "bucket";

/// Whose storage this is. Written once, compared at every start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Layout of the index.
    pub layout_version: u32,
    /// The Walrus system object; distinguishes networks.
    pub system_object: ObjectId,
    /// Number of shards of the network.
    pub n_shards: NShards,
}

impl Identity {
    /// An identity with the present layout.
    pub fn new(system_object: ObjectId, n_shards: NShards) -> Self {
        Self {
            layout_version: LAYOUT_VERSION,
            system_object,
            n_shards,
        }
    }
}

/// How far the event stream has been processed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Last checkpoint processed completely; `None` before the first.
    pub checkpoint: Option<u64>,
    /// Events of the checkpoint after it that are processed.
    pub events_of_next: u64,
    /// Number of stream elements processed: events, and one boundary for every checkpoint.
    pub next_index: u64,
    /// The last event.
    pub last_event: Option<EventId>,
}

/// Tables and counters.
pub struct Index {
    db: Database,
    meta: Keyspace,
    blobs: Keyspace,
    objects: Keyspace,
    pooled_objects: Keyspace,
    pools: Keyspace,
    endings: Keyspace,
    pool_members: Keyspace,
    metadata: Keyspace,
    slivers: Keyspace,
    sliver_data: Keyspace,
    shards: Keyspace,
    event_log: Keyspace,
    uploads: Keyspace,
    deletions: Keyspace,
    /// Where the event log stands.
    event_log_state: Mutex<LogState>,
    /// Held while blob records change, and while data is deleted because of what they say.
    pub(super) records: Mutex<()>,
    /// Changes of blob records so far, and how many of them are known to be durable.
    record_changes: AtomicU64,
    record_changes_synced: AtomicU64,
    /// Written only by the committer.
    counts: Mutex<SliverCounts>,
    /// What has to be uploaded.
    waiting: Mutex<Waiting>,
    /// Parts of the index that were asked for and found damaged.
    damaged: AtomicU64,
    /// Told when one is found.
    damage_found: Notify,
    /// Cancelled when a write fails.
    failed: CancellationToken,
    /// How the first write failed.
    failure: OnceLock<String>,
}

impl Index {
    pub(super) fn open(path: &Path, medium: &Medium) -> Result<Self, StorageError> {
        let db = Database::open(path, medium)?;
        let table = |name| db.keyspace(name, Values::Small);
        let large = |name| db.keyspace(name, Values::Large);
        let index = Self {
            meta: table("meta")?,
            blobs: table("blobs")?,
            objects: table("objects")?,
            pooled_objects: table("pooled_objects")?,
            pools: table("pools")?,
            endings: table("endings")?,
            pool_members: table("pool_members")?,
            metadata: large("metadata")?,
            slivers: table("slivers")?,
            sliver_data: large("sliver_data")?,
            shards: table("shards")?,
            event_log: table("event_log")?,
            uploads: table("uploads")?,
            deletions: table("deletions")?,
            event_log_state: Mutex::default(),
            records: Mutex::new(()),
            record_changes: AtomicU64::new(0),
            record_changes_synced: AtomicU64::new(0),
            counts: Mutex::default(),
            waiting: Mutex::default(),
            damaged: AtomicU64::new(0),
            damage_found: Notify::new(),
            failed: CancellationToken::new(),
            failure: OnceLock::new(),
            db,
        };
        index.load_counts()?;
        index.load_waiting();
        index.load_event_log()?;
        Ok(index)
    }

    /// Syncs everything written so far.
    pub(super) fn persist(&self) -> Result<(), StorageError> {
        let changes = self.record_changes.load(Ordering::SeqCst);
        self.written(self.db.persist())?;
        self.record_changes_synced
            .fetch_max(changes, Ordering::SeqCst);
        Ok(())
    }

    /// Writes what is in the journal into tables, and rewrites the tables.
    pub(super) fn compact(&self) -> Result<(), StorageError> {
        let mut tables = self.tables().into_iter();
        tables.try_for_each(|table| self.written(table.compact()))
    }

    /// Writes what is in the journal into tables, so that the next start need not read it.
    pub(super) fn flush(&self) -> Result<(), StorageError> {
        if self.has_failed() {
            return Ok(());
        }
        let mut tables = self.tables().into_iter();
        tables.try_for_each(|table| self.written(table.flush()))
    }

    /// Has what is in the journal of slivers and metadata written into their tables, without
    /// waiting for it.
    pub(super) fn settle(&self) -> Result<(), StorageError> {
        if self.has_failed() {
            return Ok(());
        }
        let mut tables = [&self.sliver_data, &self.metadata].into_iter();
        tables.try_for_each(|table| self.written(table.settle()))
    }

    fn tables(&self) -> [&Keyspace; 14] {
        [
            &self.meta,
            &self.blobs,
            &self.objects,
            &self.pooled_objects,
            &self.pools,
            &self.endings,
            &self.pool_members,
            &self.metadata,
            &self.slivers,
            &self.sliver_data,
            &self.shards,
            &self.event_log,
            &self.uploads,
            &self.deletions,
        ]
    }

    /// Syncs blob records, unless all of them are durable already.
    ///
    /// A confirmation rests on the record of its blob. Were it signed before the record is durable,
    /// a crash could take the record back, and garbage collection would see a blob nobody has
    /// registered.
    pub fn sync_records(&self) -> Result<(), StorageError> {
        if self.has_unsynced_records() {
            self.persist()?;
        }
        Ok(())
    }

    /// A batch that is durable once committed.
    pub(super) fn durable_batch(&self) -> WriteBatch<'_> {
        WriteBatch::durable(self)
    }

    /// Says that the index is of no use any more, as a write that fails does.
    pub(crate) fn give_up(&self) {
        self.failed.cancel();
    }

    /// Completes when a write has failed. The index accepts no more writes then.
    pub async fn failed(&self) {
        self.failed.cancelled().await;
    }

    /// Whether a write has failed.
    pub fn has_failed(&self) -> bool {
        self.failed.is_cancelled()
    }

    /// How the write failed after which the index accepts no more, if one has.
    pub fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// Completes when a part of the index was found damaged since this completed last.
    pub async fn damage_found(&self) {
        self.damage_found.notified().await;
    }

    /// Whether a crash could take back what the chain said about blobs.
    pub fn has_unsynced_records(&self) -> bool {
        let changes = self.record_changes.load(Ordering::SeqCst);
        self.record_changes_synced.load(Ordering::SeqCst) < changes
    }

    /// Parts of the index found damaged so far. What they held counts as missing.
    pub fn damaged(&self) -> u64 {
        self.damaged.load(Ordering::Relaxed)
    }

    fn written<T>(&self, result: Result<T, StorageError>) -> Result<T, StorageError> {
        result.map_err(|error| {
            let error = error.of_write();
            // Later failures only say that there was an earlier one.
            self.failure.get_or_init(|| error.to_string());
            self.failed.cancel();
            error
        })
    }

    /// Turns damage into absence: what cannot be read is not there, and can be stored again.
    fn readable<T>(
        &self,
        what: &'static str,
        read: Result<Option<T>, StorageError>,
    ) -> Result<Option<T>, StorageError> {
        match read {
            Err(StorageError::Damaged(_) | StorageError::Corrupt(_)) => {
                self.damaged.fetch_add(1, Ordering::Relaxed);
                self.damage_found.notify_one();
                error!("{what} in the index is damaged; it is treated as missing");
                Ok(None)
            }
            other => other,
        }
    }

    /// Whose storage this is; `None` while it is new.
    pub fn identity(&self) -> Result<Option<Identity>, StorageError> {
        get(&self.meta, META_IDENTITY, "identity")
    }

    /// Claims a new storage, or checks that it is `identity`'s.
    pub fn claim(&self, identity: &Identity) -> Result<(), StorageError> {
        let Some(found) = self.identity()? else {
            let mut batch = self.durable_batch();
            batch.insert(&self.meta, META_IDENTITY, encode(identity));
            return batch.commit();
        };
        if found == *identity {
            return Ok(());
        }
        let is_known = (LAYOUT_VERSION_MIN..=LAYOUT_VERSION).contains(&found.layout_version);
        let upgraded = Identity {
            layout_version: LAYOUT_VERSION,
            ..found.clone()
        };
        if is_known && upgraded == *identity {
            if found.layout_version < LAYOUT_WITH_ENDINGS {
                self.derive_endings()?;
            }
            let mut batch = self.durable_batch();
            batch.insert(&self.meta, META_IDENTITY, encode(identity));
            return batch.commit();
        }
        let reason = if is_known {
            format!(
                "belongs to the network with system object {} and {} shards, not to {} with {}",
                found.system_object, found.n_shards, identity.system_object, identity.n_shards
            )
        } else {
            format!(
                "has layout version {}, this node knows versions {LAYOUT_VERSION_MIN} to {LAYOUT_VERSION}",
                found.layout_version
            )
        };
        Err(StorageError::Foreign(format!(
            "the storage directory {reason}"
        )))
    }

    /// Progress of event processing.
    pub fn cursor(&self) -> Result<Cursor, StorageError> {
        Ok(get(&self.meta, META_CURSOR, "event cursor")?.unwrap_or_default())
    }

    /// The committee the node last activated, and the one before.
    pub fn committees(&self) -> Result<Option<(Committee, Option<Committee>)>, StorageError> {
        get(&self.meta, META_COMMITTEES, "committees")
    }

    /// The node this storage belongs to, once the chain has said which one that is.
    pub fn node_id(&self) -> Result<Option<ObjectId>, StorageError> {
        get(&self.meta, META_NODE_ID, "node ID")
    }

    /// The epoch this node still has to attest, if any.
    pub fn pending_attestation(&self) -> Result<Option<Epoch>, StorageError> {
        get(&self.meta, META_ATTESTATION, "pending attestation")
    }

    /// Notes that the attestation of an epoch is no longer due.
    pub fn clear_attestation(&self) -> Result<(), StorageError> {
        self.written(self.meta.remove(META_ATTESTATION))
    }

    /// The last epoch whose garbage was collected.
    pub fn gc_completed(&self) -> Result<Option<Epoch>, StorageError> {
        get(&self.meta, META_GC_COMPLETED, "garbage collection record")
    }

    /// Notes that the garbage of `epoch` is collected.
    pub fn set_gc_completed(&self, epoch: Epoch) -> Result<(), StorageError> {
        self.written(self.meta.insert(META_GC_COMPLETED, encode(&epoch)))
    }

    /// Activates a committee: its record, the shards that follow from it and the duty to attest, in
    /// one durable batch.
    pub fn activate(
        &self,
        current: &Committee,
        previous: Option<&Committee>,
        node_id: Option<ObjectId>,
        plan: &EpochPlan,
    ) -> Result<(), StorageError> {
        let mut batch = self.durable_batch();
        batch.insert(&self.meta, META_COMMITTEES, encode(&(current, previous)));
        if let Some(node_id) = node_id {
            batch.insert(&self.meta, META_NODE_ID, encode(&node_id));
        }
        for (shard, record) in &plan.shards {
            batch.insert(&self.shards, shard.0.to_be_bytes(), encode(record));
        }
        if plan.attestation == Attestation::None {
            batch.remove(&self.meta, META_ATTESTATION);
        } else {
            batch.insert(&self.meta, META_ATTESTATION, encode(&current.epoch));
        }
        batch.commit()
    }

    /// All shards with storage, ascending.
    pub fn shards(&self) -> Result<Vec<(ShardIndex, ShardRecord)>, StorageError> {
        self.shards
            .iter()
            .map(|item| {
                let (key, value) = item.into_inner()?;
                let shard = <[u8; 2]>::try_from(key.as_ref())
                    .map_err(|_| StorageError::Corrupt("shard index"))?;
                Ok((
                    ShardIndex(u16::from_be_bytes(shard)),
                    decode(&value, "shard record")?,
                ))
            })
            .collect()
    }

    /// Writes the records of shards, durably.
    pub fn set_shards<'a>(
        &self,
        shards: impl IntoIterator<Item = (&'a ShardIndex, &'a ShardRecord)>,
    ) -> Result<(), StorageError> {
        let mut batch = self.durable_batch();
        for (shard, record) in shards {
            batch.insert(&self.shards, shard.0.to_be_bytes(), encode(record));
        }
        batch.commit()
    }

    pub(super) fn remove_shard(&self, batch: &mut WriteBatch<'_>, shard: ShardIndex) {
        batch.remove(&self.shards, shard.0.to_be_bytes());
    }
}

fn get<T: DeserializeOwned>(
    table: &Keyspace,
    key: impl AsRef<[u8]>,
    what: &'static str,
) -> Result<Option<T>, StorageError> {
    table
        .get(key)?
        .map(|value| decode(&value, what))
        .transpose()
}

fn encode<T: Serialize>(value: &T) -> UserValue {
    bcs::to_bytes(value)
        .expect("records are plain data, which BCS encodes")
        .into()
}

fn decode<T: DeserializeOwned>(bytes: &[u8], what: &'static str) -> Result<T, StorageError> {
    bcs::from_bytes(bytes).map_err(|_| StorageError::Corrupt(what))
}

fn blob_id_of(key: &[u8]) -> Result<BlobId, StorageError> {
    key.try_into()
        .map(BlobId)
        .map_err(|_| StorageError::Corrupt("blob ID"))
}
