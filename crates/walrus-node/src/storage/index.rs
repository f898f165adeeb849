//! The key-value part of the storage.
//!
//! Keys are big-endian and raw IDs, so that iteration is in byte order; values are BCS.

use std::{
    path::Path,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use fjall::{
    Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, OwnedWriteBatch as WriteBatch,
    PersistMode, UserValue,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use walrus_core::{BlobId, Epoch, EventId, NShards, ObjectId, ShardIndex, SliverType};

use super::{ShardRecord, SliverKey, StorageError};
use crate::{
    bookkeeping::{
        BlobRecord, Changes, EXPIRY_BATCH, ObjectRecord, PoolRecord, PooledRecord, RecordView,
        expire_object, expire_pooled_object,
    },
    chain::Committee,
};

/// Version of the layout below. A storage of another version is refused.
const LAYOUT_VERSION: u32 = 1;

const META_IDENTITY: &str = "identity";
const META_CURSOR: &str = "cursor";
const META_COMMITTEE: &str = "committee";
const META_PREVIOUS_COMMITTEE: &str = "previous_committee";
const META_ATTESTATION: &str = "attestation";
const META_GC_COMPLETED: &str = "gc_completed";

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

/// Where a sliver is and what it must look like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SliverEntry {
    pub(super) location: Location,
    pub(super) len: u64,
    pub(super) checksum: [u8; 32],
}

/// Where the bytes of a sliver are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Location {
    /// In the index.
    Inline,
    /// In its own file.
    File,
}

/// Tables and counters.
pub struct Index {
    db: Database,
    meta: Keyspace,
    blobs: Keyspace,
    objects: Keyspace,
    pooled_objects: Keyspace,
    pools: Keyspace,
    metadata: Keyspace,
    slivers: Keyspace,
    sliver_data: Keyspace,
    shards: Keyspace,
    /// Held while blob records change, and while data is deleted because of what they say.
    records: Mutex<()>,
    sliver_count: AtomicU64,
}

impl Index {
    pub(super) fn open(path: &Path) -> Result<Self, StorageError> {
        let db = Database::builder(path)
            .open()
            .map_err(|error| match error {
                fjall::Error::Locked => StorageError::Locked(path.to_owned()),
                fjall::Error::Io(source) => StorageError::io("open", path, source),
                other => other.into(),
            })?;
        let table = |name: &str| db.keyspace(name, KeyspaceCreateOptions::default);
        // Values of some KiB are written once; compaction need not move them about.
        let large = |name: &str| {
            db.keyspace(name, || {
                KeyspaceCreateOptions::default()
                    .with_kv_separation(Some(KvSeparationOptions::default()))
            })
        };
        let index = Self {
            meta: table("meta")?,
            blobs: table("blobs")?,
            objects: table("objects")?,
            pooled_objects: table("pooled_objects")?,
            pools: table("pools")?,
            metadata: large("metadata")?,
            slivers: table("slivers")?,
            sliver_data: large("sliver_data")?,
            shards: table("shards")?,
            records: Mutex::new(()),
            sliver_count: AtomicU64::new(0),
            db,
        };
        let count = index.slivers.len()?;
        index
            .sliver_count
            .store(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(index)
    }

    /// Syncs everything written so far.
    pub(super) fn persist(&self) -> Result<(), StorageError> {
        Ok(self.db.persist(PersistMode::SyncAll)?)
    }

    /// A batch that is durable once committed.
    pub(super) fn durable_batch(&self) -> WriteBatch {
        self.db.batch().durability(Some(PersistMode::SyncAll))
    }

    /// Taken by whoever changes blob records or deletes data because of them.
    pub(super) fn lock_records(&self) -> MutexGuard<'_, ()> {
        // The guarded value is (), so a panic elsewhere cannot have left it half changed.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ---- identity, cursor, committee ---------------------------------------------------------------------------

    /// Whose storage this is; `None` while it is new.
    pub fn identity(&self) -> Result<Option<Identity>, StorageError> {
        get(&self.meta, META_IDENTITY, "identity")
    }

    /// Claims a new storage, or checks that it is `identity`'s.
    pub fn claim(&self, identity: &Identity) -> Result<(), StorageError> {
        let Some(found) = self.identity()? else {
            let mut batch = self.durable_batch();
            batch.insert(&self.meta, META_IDENTITY, encode(identity));
            return Ok(batch.commit()?);
        };
        if found == *identity {
            return Ok(());
        }
        let reason = if found.layout_version != identity.layout_version {
            format!(
                "has layout version {}, this node writes version {}",
                found.layout_version, identity.layout_version
            )
        } else {
            format!(
                "belongs to the network with system object {} and {} shards, not to {} with {}",
                found.system_object, found.n_shards, identity.system_object, identity.n_shards
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

    /// Moves the cursor without any other change.
    pub fn set_cursor(&self, cursor: &Cursor) -> Result<(), StorageError> {
        Ok(self.meta.insert(META_CURSOR, encode(cursor))?)
    }

    /// The committee the node last activated, and the one before.
    pub fn committees(&self) -> Result<Option<(Committee, Option<Committee>)>, StorageError> {
        let Some(current) = get(&self.meta, META_COMMITTEE, "committee")? else {
            return Ok(None);
        };
        let previous: Option<Option<Committee>> =
            get(&self.meta, META_PREVIOUS_COMMITTEE, "committee")?;
        Ok(Some((current, previous.flatten())))
    }

    /// The epoch this node still has to attest, if any.
    pub fn pending_attestation(&self) -> Result<Option<Epoch>, StorageError> {
        get(&self.meta, META_ATTESTATION, "pending attestation")
    }

    /// Notes that the attestation of an epoch is no longer due.
    pub fn clear_attestation(&self) -> Result<(), StorageError> {
        Ok(self.meta.remove(META_ATTESTATION)?)
    }

    /// The last epoch whose garbage was collected.
    pub fn gc_completed(&self) -> Result<Option<Epoch>, StorageError> {
        get(&self.meta, META_GC_COMPLETED, "garbage collection record")
    }

    /// Notes that the garbage of `epoch` is collected.
    pub fn set_gc_completed(&self, epoch: Epoch) -> Result<(), StorageError> {
        Ok(self.meta.insert(META_GC_COMPLETED, encode(&epoch))?)
    }

    /// Activates a committee: its record, the shards that follow from it and the duty to attest, in one durable batch.
    pub fn activate(
        &self,
        current: &Committee,
        previous: Option<&Committee>,
        shards: &[(ShardIndex, ShardRecord)],
        attest: bool,
    ) -> Result<(), StorageError> {
        let mut batch = self.durable_batch();
        batch.insert(&self.meta, META_COMMITTEE, encode(current));
        batch.insert(&self.meta, META_PREVIOUS_COMMITTEE, encode(&previous));
        for (shard, record) in shards {
            batch.insert(&self.shards, shard.0.to_be_bytes(), encode(record));
        }
        if attest {
            batch.insert(&self.meta, META_ATTESTATION, encode(&current.epoch));
        } else {
            batch.remove(&self.meta, META_ATTESTATION);
        }
        Ok(batch.commit()?)
    }

    // ---- blob records ------------------------------------------------------------------------------------------

    /// The record of a blob.
    pub fn blob(&self, id: &BlobId) -> Result<Option<BlobRecord>, StorageError> {
        get(&self.blobs, id.0, "blob record")
    }

    /// The record of a blob object.
    pub fn object(&self, id: &ObjectId) -> Result<Option<ObjectRecord>, StorageError> {
        get(&self.objects, id.0, "object record")
    }

    /// The record of a blob object in a storage pool.
    pub fn pooled_object(&self, id: &ObjectId) -> Result<Option<PooledRecord>, StorageError> {
        get(&self.pooled_objects, id.0, "pooled object record")
    }

    /// The record of a storage pool.
    pub fn pool(&self, id: &ObjectId) -> Result<Option<PoolRecord>, StorageError> {
        get(&self.pools, id.0, "pool record")
    }

    /// Computes changes of blob records from the present ones and writes them together with the cursor.
    ///
    /// Nothing is synced: after a crash the events come again and lead to the same records.
    pub fn update_records(
        &self,
        cursor: &Cursor,
        change: impl FnOnce(&Self) -> Result<Changes, StorageError>,
    ) -> Result<(), StorageError> {
        let _records = self.lock_records();
        let changes = change(self)?;
        let mut batch = self.db.batch();
        self.write_changes(&mut batch, &changes);
        batch.insert(&self.meta, META_CURSOR, encode(cursor));
        Ok(batch.commit()?)
    }

    fn write_changes(&self, batch: &mut WriteBatch, changes: &Changes) {
        put_all(batch, &self.blobs, &changes.blobs, |id| id.0);
        put_all(batch, &self.objects, &changes.objects, |id| id.0);
        put_all(batch, &self.pooled_objects, &changes.pooled_objects, |id| {
            id.0
        });
        put_all(batch, &self.pools, &changes.pools, |id| id.0);
    }

    /// Takes objects and pools that ended by `epoch` out of the records; returns how many objects there were.
    ///
    /// May be interrupted and repeated: every batch leaves consistent records.
    pub fn expire_records(&self, epoch: Epoch) -> Result<usize, StorageError> {
        let mut total = 0;
        loop {
            let expired = self.expire_batch(epoch)? + self.expire_pooled_batch(epoch)?;
            if expired == 0 {
                break;
            }
            total += expired;
        }
        let mut batch = self.db.batch();
        for item in self.pools.iter() {
            let (key, value) = item.into_inner()?;
            let pool: PoolRecord = decode(&value, "pool record")?;
            if pool.end_epoch <= epoch {
                batch.remove(&self.pools, key);
            }
        }
        batch.commit()?;
        Ok(total)
    }

    fn expire_batch(&self, epoch: Epoch) -> Result<usize, StorageError> {
        let mut expired = Vec::new();
        for item in self.objects.iter() {
            let (key, value) = item.into_inner()?;
            let object: ObjectRecord = decode(&value, "object record")?;
            if object.end_epoch <= epoch {
                expired.push((key, object));
                if expired.len() == EXPIRY_BATCH {
                    break;
                }
            }
        }
        let _records = self.lock_records();
        let mut blobs = PendingBlobs::default();
        let mut batch = self.db.batch();
        for (key, object) in &expired {
            let blob = blobs.load(self, object.blob_id)?;
            if expire_object(blob, object, epoch) {
                batch.remove(&self.objects, key.clone());
            }
        }
        blobs.write(self, &mut batch);
        batch.commit()?;
        Ok(expired.len())
    }

    fn expire_pooled_batch(&self, epoch: Epoch) -> Result<usize, StorageError> {
        let _records = self.lock_records();
        let mut blobs = PendingBlobs::default();
        let mut batch = self.db.batch();
        let mut expired = 0;
        for item in self.pooled_objects.iter() {
            let (key, value) = item.into_inner()?;
            let object: PooledRecord = decode(&value, "pooled object record")?;
            let pool = self.pool(&object.pool_id)?;
            if pool.as_ref().is_some_and(|pool| pool.end_epoch > epoch) {
                continue;
            }
            let blob = blobs.load(self, object.blob_id)?;
            if expire_pooled_object(blob, &object, pool.as_ref(), epoch) {
                batch.remove(&self.pooled_objects, key);
                expired += 1;
                if expired == EXPIRY_BATCH {
                    break;
                }
            }
        }
        blobs.write(self, &mut batch);
        batch.commit()?;
        Ok(expired)
    }

    /// Calls `visit` with every blob record in ascending order of blob IDs until it returns `false`.
    pub fn for_each_blob(
        &self,
        mut visit: impl FnMut(BlobId, BlobRecord) -> Result<bool, StorageError>,
    ) -> Result<(), StorageError> {
        for item in self.blobs.iter() {
            let (key, value) = item.into_inner()?;
            if !visit(blob_id_of(&key)?, decode(&value, "blob record")?)? {
                break;
            }
        }
        Ok(())
    }

    // ---- metadata and slivers ----------------------------------------------------------------------------------

    /// Whether metadata of the blob is stored.
    pub fn has_metadata(&self, id: &BlobId) -> Result<bool, StorageError> {
        Ok(self.metadata.contains_key(id.0)?)
    }

    pub(super) fn metadata(&self, id: &BlobId) -> Result<Option<Bytes>, StorageError> {
        Ok(self.metadata.get(id.0)?.map(Bytes::from_owner))
    }

    pub(super) fn put_metadata(&self, batch: &mut WriteBatch, id: &BlobId, bytes: &[u8]) {
        batch.insert(&self.metadata, id.0, bytes);
    }

    /// Whether the sliver is stored.
    pub fn has_sliver(&self, key: &SliverKey) -> Result<bool, StorageError> {
        Ok(self.slivers.contains_key(sliver_key(key))?)
    }

    pub(super) fn sliver(&self, key: &SliverKey) -> Result<Option<SliverEntry>, StorageError> {
        get(&self.slivers, sliver_key(key), "sliver entry")
    }

    pub(super) fn inline_sliver(&self, key: &SliverKey) -> Result<Option<Bytes>, StorageError> {
        Ok(self
            .sliver_data
            .get(sliver_key(key))?
            .map(Bytes::from_owner))
    }

    pub(super) fn put_sliver(
        &self,
        batch: &mut WriteBatch,
        key: &SliverKey,
        entry: &SliverEntry,
        inline: Option<&[u8]>,
    ) {
        batch.insert(&self.slivers, sliver_key(key), encode(entry));
        if let Some(bytes) = inline {
            batch.insert(&self.sliver_data, sliver_key(key), bytes);
        }
    }

    pub(super) fn remove_sliver(
        &self,
        batch: &mut WriteBatch,
        key: &SliverKey,
        entry: &SliverEntry,
    ) {
        batch.remove(&self.slivers, sliver_key(key));
        if entry.location == Location::Inline {
            batch.remove(&self.sliver_data, sliver_key(key));
        }
    }

    pub(super) fn remove_metadata(&self, batch: &mut WriteBatch, id: &BlobId) {
        batch.remove(&self.metadata, id.0);
    }

    pub(super) fn count_slivers(&self, added: u64, removed: u64) {
        self.sliver_count.fetch_add(added, Ordering::Relaxed);
        self.sliver_count.fetch_sub(removed, Ordering::Relaxed);
    }

    /// Number of slivers stored.
    pub fn sliver_count(&self) -> u64 {
        self.sliver_count.load(Ordering::Relaxed)
    }

    /// Up to `limit` slivers of a shard, in order of axis and blob ID.
    pub(super) fn slivers_of_shard(
        &self,
        shard: ShardIndex,
        limit: usize,
    ) -> Result<Vec<(SliverKey, SliverEntry)>, StorageError> {
        self.slivers
            .prefix(shard.0.to_be_bytes())
            .take(limit)
            .map(|item| {
                let (key, value) = item.into_inner()?;
                Ok((parse_sliver_key(&key)?, decode(&value, "sliver entry")?))
            })
            .collect()
    }

    /// Blob IDs above `after` for which metadata or a sliver of `shards` is stored, ascending; at most about `limit`.
    pub fn stored_blobs(
        &self,
        after: Option<BlobId>,
        shards: &[ShardIndex],
        limit: usize,
    ) -> Result<Vec<BlobId>, StorageError> {
        use std::ops::Bound;
        let lower = |prefix: &[u8]| match after {
            Some(id) => Bound::Excluded([prefix, &id.0].concat()),
            None => Bound::Included(prefix.to_vec()),
        };
        let mut found = std::collections::BTreeSet::new();
        for item in self
            .metadata
            .range((lower(&[]), Bound::Unbounded))
            .take(limit)
        {
            found.insert(blob_id_of(&item.key()?)?);
        }
        for shard in shards {
            for axis in [SliverType::Primary, SliverType::Secondary] {
                let prefix = sliver_prefix(*shard, axis);
                let upper = [prefix.as_slice(), &[0xff; 32]].concat();
                let range = (lower(&prefix), Bound::Included(upper));
                for item in self.slivers.range(range).take(limit) {
                    found.insert(parse_sliver_key(&item.key()?)?.blob_id);
                }
            }
        }
        // Beyond the smallest `limit` some tables may not have been read far enough.
        Ok(found.into_iter().take(limit).collect())
    }

    // ---- shards ------------------------------------------------------------------------------------------------

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

    /// Writes the record of one shard, durably.
    pub fn set_shard(&self, shard: ShardIndex, record: ShardRecord) -> Result<(), StorageError> {
        let mut batch = self.durable_batch();
        batch.insert(&self.shards, shard.0.to_be_bytes(), encode(&record));
        Ok(batch.commit()?)
    }

    pub(super) fn remove_shard(&self, batch: &mut WriteBatch, shard: ShardIndex) {
        batch.remove(&self.shards, shard.0.to_be_bytes());
    }
}

impl RecordView for Index {
    type Error = StorageError;

    fn blob(&self, id: &BlobId) -> Result<Option<BlobRecord>, StorageError> {
        Self::blob(self, id)
    }

    fn object(&self, id: &ObjectId) -> Result<Option<ObjectRecord>, StorageError> {
        Self::object(self, id)
    }

    fn pooled_object(&self, id: &ObjectId) -> Result<Option<PooledRecord>, StorageError> {
        Self::pooled_object(self, id)
    }

    fn pool(&self, id: &ObjectId) -> Result<Option<PoolRecord>, StorageError> {
        Self::pool(self, id)
    }
}

/// Blob records changed several times within one batch.
#[derive(Default)]
struct PendingBlobs(std::collections::BTreeMap<BlobId, BlobRecord>);

impl PendingBlobs {
    fn load(&mut self, index: &Index, id: BlobId) -> Result<&mut BlobRecord, StorageError> {
        use std::collections::btree_map::Entry;
        match self.0.entry(id) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => Ok(entry.insert(index.blob(&id)?.unwrap_or_default())),
        }
    }

    fn write(self, index: &Index, batch: &mut WriteBatch) {
        for (id, record) in self.0 {
            if record.is_empty() {
                batch.remove(&index.blobs, id.0);
            } else {
                batch.insert(&index.blobs, id.0, encode(&record));
            }
        }
    }
}

fn put_all<I, T: Serialize>(
    batch: &mut WriteBatch,
    table: &Keyspace,
    records: &[(I, Option<T>)],
    key: impl Fn(&I) -> [u8; 32],
) {
    for (id, record) in records {
        match record {
            Some(record) => batch.insert(table, key(id), encode(record)),
            None => batch.remove(table, key(id)),
        }
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

const fn axis_byte(axis: SliverType) -> u8 {
    match axis {
        SliverType::Primary => 0,
        SliverType::Secondary => 1,
    }
}

fn sliver_prefix(shard: ShardIndex, axis: SliverType) -> [u8; 3] {
    let [high, low] = shard.0.to_be_bytes();
    [high, low, axis_byte(axis)]
}

fn sliver_key(key: &SliverKey) -> [u8; 35] {
    let mut bytes = [0; 35];
    bytes[..3].copy_from_slice(&sliver_prefix(key.shard, key.axis));
    bytes[3..].copy_from_slice(&key.blob_id.0);
    bytes
}

fn parse_sliver_key(bytes: &[u8]) -> Result<SliverKey, StorageError> {
    let corrupt = StorageError::Corrupt("sliver key");
    let [high, low, axis, blob_id @ ..] = bytes else {
        return Err(corrupt);
    };
    let axis = match axis {
        0 => SliverType::Primary,
        1 => SliverType::Secondary,
        _ => return Err(corrupt),
    };
    let shard = ShardIndex(u16::from_be_bytes([*high, *low]));
    Ok(SliverKey {
        shard,
        axis,
        blob_id: blob_id_of(blob_id)?,
    })
}
