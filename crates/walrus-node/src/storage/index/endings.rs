//! What ends when: records are found by the epoch in which they no longer count.
//!
//! A key is written with every record that ends, in the same batch. When the end of a record moves
//! on it gets another key, and the one before stays until its epoch comes: the record decides
//! then. So a record is written without a look at what was there, and the beginning of an epoch
//! costs what ends with it.

use std::ops::Bound;

use walrus_core::{Epoch, ObjectId};

use super::{Entry, Index, WriteBatch, decode, records::PendingBlobs};
use crate::{
    bookkeeping::{
        Changes, EXPIRY_BATCH, ObjectRecord, PoolRecord, PooledRecord, expire_object,
        expire_pooled_object,
    },
    storage::StorageError,
};

/// Bytes of the key of an ending: epoch, kind, object ID.
const ENDING_BYTES: usize = 4 + 1 + 32;

/// Bytes of the key of an object in a pool: the pool's ID, its own.
const MEMBER_BYTES: usize = 32 + 32;

const KIND_OBJECT: u8 = 0;
const KIND_POOL: u8 = 1;

/// Pools that nobody has announced end with the next epoch.
const END_OF_UNKNOWN: Epoch = 0;

/// What ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Object(ObjectId),
    /// With all objects in it.
    Pool(ObjectId),
}

impl Ending {
    fn key(self, epoch: Epoch) -> [u8; ENDING_BYTES] {
        let (kind, id) = match self {
            Self::Object(id) => (KIND_OBJECT, id),
            Self::Pool(id) => (KIND_POOL, id),
        };
        let mut key = [0; ENDING_BYTES];
        key[..4].copy_from_slice(&epoch.to_be_bytes());
        key[4] = kind;
        key[5..].copy_from_slice(&id.0);
        key
    }

    fn parse(key: &[u8; ENDING_BYTES]) -> Result<Self, StorageError> {
        let [_, _, _, _, kind, id @ ..] = key;
        match *kind {
            KIND_OBJECT => Ok(Self::Object(ObjectId(*id))),
            KIND_POOL => Ok(Self::Pool(ObjectId(*id))),
            _ => Err(StorageError::Corrupt("ending")),
        }
    }
}

fn member_key(pool_id: ObjectId, object_id: ObjectId) -> [u8; MEMBER_BYTES] {
    let mut key = [0; MEMBER_BYTES];
    key[..32].copy_from_slice(&pool_id.0);
    key[32..].copy_from_slice(&object_id.0);
    key
}

impl Index {
    /// Writes with changes of records when they end.
    pub(super) fn put_endings(
        &self,
        batch: &mut WriteBatch<'_>,
        changes: &Changes,
    ) -> Result<(), StorageError> {
        for (id, object) in &changes.objects {
            if let Some(object) = object {
                let key = Ending::Object(*id).key(object.end_epoch);
                batch.insert(&self.endings, key, []);
            }
        }
        for (id, pool) in &changes.pools {
            if let Some(pool) = pool {
                batch.insert(&self.endings, Ending::Pool(*id).key(pool.end_epoch), []);
            }
        }
        for (id, object) in &changes.pooled_objects {
            match object {
                Some(object) => self.put_member(batch, *id, object)?,
                None => {
                    if let Some(before) = self.pooled_object(id)? {
                        batch.remove(&self.pool_members, member_key(before.pool_id, *id));
                    }
                }
            }
        }
        Ok(())
    }

    fn put_member(
        &self,
        batch: &mut WriteBatch<'_>,
        id: ObjectId,
        object: &PooledRecord,
    ) -> Result<(), StorageError> {
        batch.insert(&self.pool_members, member_key(object.pool_id, id), []);
        if self.pool(&object.pool_id)?.is_none() {
            let key = Ending::Pool(object.pool_id).key(END_OF_UNKNOWN);
            batch.insert(&self.endings, key, []);
        }
        Ok(())
    }

    /// Takes objects and pools that ended by `epoch` out of the records; returns how many objects
    /// there were.
    ///
    /// May be interrupted and repeated: every batch leaves consistent records.
    pub fn expire_records(&self, epoch: Epoch) -> Result<usize, StorageError> {
        let mut total = 0;
        let mut after = None;
        loop {
            let keys = self.endings_until(epoch, after)?;
            let Some(last) = keys.last().copied() else {
                return Ok(total);
            };
            let mut objects = Vec::new();
            for key in &keys {
                match Ending::parse(key)? {
                    Ending::Object(id) => objects.push((*key, id)),
                    Ending::Pool(id) => total += self.expire_pool(key, id, epoch)?,
                }
            }
            total += self.expire_objects(&objects, epoch)?;
            after = Some(last);
        }
    }

    /// The next keys of what ends by `epoch`.
    fn endings_until(
        &self,
        epoch: Epoch,
        after: Option<[u8; ENDING_BYTES]>,
    ) -> Result<Vec<[u8; ENDING_BYTES]>, StorageError> {
        let lower = after.map_or(Bound::Unbounded, Bound::Excluded);
        let upper = epoch.checked_add(1).map_or(Bound::Unbounded, |next| {
            Bound::Excluded(Ending::Object(ObjectId([0; 32])).key(next))
        });
        let keys = self.endings.range((lower, upper)).map(Entry::key);
        keys.take(EXPIRY_BATCH)
            .map(|key| {
                let key: Result<[u8; ENDING_BYTES], _> = key?.as_ref().try_into();
                key.map_err(|_| StorageError::Corrupt("ending"))
            })
            .collect()
    }

    fn expire_objects(
        &self,
        objects: &[([u8; ENDING_BYTES], ObjectId)],
        epoch: Epoch,
    ) -> Result<usize, StorageError> {
        let _records = self.records.lock();
        let mut blobs = PendingBlobs::default();
        let mut batch = WriteBatch::volatile(self);
        let mut expired = 0;
        for (key, id) in objects {
            batch.remove(&self.endings, *key);
            let Some(object) = self.object(id)? else {
                continue;
            };
            // One whose end has moved on has another key, which may be in the same batch.
            if Ending::Object(*id).key(object.end_epoch) != *key {
                continue;
            }
            let blob = blobs.load(self, object.blob_id)?;
            if expire_object(blob, &object, epoch) {
                batch.remove(&self.objects, id.0);
                expired += 1;
            }
        }
        blobs.write(self, &mut batch);
        batch.commit()?;
        Ok(expired)
    }

    /// Takes out a pool with its objects, unless it was extended.
    fn expire_pool(
        &self,
        key: &[u8; ENDING_BYTES],
        pool_id: ObjectId,
        epoch: Epoch,
    ) -> Result<usize, StorageError> {
        let pool = self.pool(&pool_id)?;
        let mut expired = 0;
        let is_over = pool.as_ref().is_none_or(|pool| pool.end_epoch <= epoch);
        let mut after = is_over.then(|| member_key(pool_id, ObjectId([0; 32])));
        while let Some(from) = after {
            let members = self.members_from(pool_id, from)?;
            after = members
                .last()
                .filter(|_| members.len() == EXPIRY_BATCH)
                .map(|last| member_key(pool_id, *last));
            expired += self.expire_members(pool_id, pool.as_ref(), &members, epoch)?;
        }
        let mut batch = WriteBatch::volatile(self);
        if is_over {
            batch.remove(&self.pools, pool_id.0);
        }
        batch.remove(&self.endings, *key);
        batch.commit()?;
        Ok(expired)
    }

    /// The next objects of a pool; that of `from` is the first.
    fn members_from(
        &self,
        pool_id: ObjectId,
        from: [u8; MEMBER_BYTES],
    ) -> Result<Vec<ObjectId>, StorageError> {
        let upper = member_key(pool_id, ObjectId([0xff; 32]));
        let keys = self.pool_members.range(from..=upper).map(Entry::key);
        keys.take(EXPIRY_BATCH)
            .map(|key| {
                let key = key?;
                let id = key.get(32..).and_then(|id| id.try_into().ok());
                id.map(ObjectId)
                    .ok_or(StorageError::Corrupt("object of a pool"))
            })
            .collect()
    }

    fn expire_members(
        &self,
        pool_id: ObjectId,
        pool: Option<&PoolRecord>,
        members: &[ObjectId],
        epoch: Epoch,
    ) -> Result<usize, StorageError> {
        let _records = self.records.lock();
        let mut blobs = PendingBlobs::default();
        let mut batch = WriteBatch::volatile(self);
        let mut expired = 0;
        for id in members {
            batch.remove(&self.pool_members, member_key(pool_id, *id));
            let object = self.pooled_object(id)?;
            let Some(object) = object.filter(|object| object.pool_id == pool_id) else {
                continue;
            };
            let blob = blobs.load(self, object.blob_id)?;
            if expire_pooled_object(blob, &object, pool, epoch) {
                batch.remove(&self.pooled_objects, id.0);
                expired += 1;
            }
        }
        blobs.write(self, &mut batch);
        batch.commit()?;
        Ok(expired)
    }

    /// Derives from the records when they end: an index of an earlier layout does not say. May be
    /// interrupted and repeated.
    pub(super) fn derive_endings(&self) -> Result<(), StorageError> {
        let mut objects = self.objects.iter();
        while self.derive_some(&mut objects, |batch, id, value| {
            let object: ObjectRecord = decode(value, "object record")?;
            batch.insert(&self.endings, Ending::Object(id).key(object.end_epoch), []);
            Ok(())
        })? {}
        let mut pools = self.pools.iter();
        while self.derive_some(&mut pools, |batch, id, value| {
            let pool: PoolRecord = decode(value, "pool record")?;
            batch.insert(&self.endings, Ending::Pool(id).key(pool.end_epoch), []);
            Ok(())
        })? {}
        let mut pooled = self.pooled_objects.iter();
        while self.derive_some(&mut pooled, |batch, id, value| {
            self.put_member(batch, id, &decode(value, "pooled object record")?)
        })? {}
        Ok(())
    }

    /// Writes what follows from the next entries. Returns whether there may be more.
    fn derive_some(
        &self,
        entries: &mut super::tables::Entries,
        derive: impl Fn(&mut WriteBatch<'_>, ObjectId, &[u8]) -> Result<(), StorageError>,
    ) -> Result<bool, StorageError> {
        let mut batch = WriteBatch::volatile(self);
        let mut count = 0;
        for entry in entries.take(EXPIRY_BATCH) {
            let (key, value) = entry.into_inner()?;
            let id = key.as_ref().try_into().map(ObjectId);
            let id = id.map_err(|_| StorageError::Corrupt("object ID"))?;
            derive(&mut batch, id, &value)?;
            count += 1;
        }
        batch.commit()?;
        Ok(count == EXPIRY_BATCH)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        path::Path,
    };

    use proptest::prelude::*;
    use walrus_core::{BlobId, EventId};

    use super::*;
    use crate::storage::{Cursor, Medium, Recording, simulated::SimulatedDisk};

    const EVENT: EventId = EventId {
        tx_digest: [0; 32],
        event_seq: 0,
    };

    #[derive(Debug, Clone)]
    enum Step {
        Object(u8, Epoch),
        Pool(u8, Epoch),
        IntoPool(u8, u8),
        OutOfPool(u8),
        NextEpoch,
        /// The index forgets what this module writes, as one of an earlier layout does not have it.
        Derive,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0_u8..6, 1_u32..8).prop_map(|(id, end)| Step::Object(id, end)),
            2 => (0_u8..3, 1_u32..8).prop_map(|(id, end)| Step::Pool(id, end)),
            4 => (0_u8..6, 0_u8..3).prop_map(|(id, pool)| Step::IntoPool(id, pool)),
            1 => (0_u8..6).prop_map(Step::OutOfPool),
            2 => Just(Step::NextEpoch),
            1 => Just(Step::Derive),
        ];
        proptest::collection::vec(step, 1..60)
    }

    /// What is there, found by looking at all of it.
    #[derive(Default)]
    struct Model {
        epoch: Epoch,
        objects: BTreeMap<u8, Epoch>,
        pools: BTreeMap<u8, Epoch>,
        pooled: BTreeMap<u8, u8>,
    }

    impl Model {
        fn expire(&mut self) {
            let epoch = self.epoch;
            self.objects.retain(|_, end| *end > epoch);
            self.pools.retain(|_, end| *end > epoch);
            self.pooled.retain(|_, pool| self.pools.contains_key(pool));
        }
    }

    fn object_id(id: u8) -> ObjectId {
        ObjectId([id; 32])
    }

    fn object(end_epoch: Epoch) -> ObjectRecord {
        ObjectRecord {
            blob_id: BlobId([1; 32]),
            registered_epoch: 0,
            certified_epoch: None,
            end_epoch,
            deletable: true,
            event: EVENT,
            deleted: false,
        }
    }

    fn pooled(pool: u8) -> PooledRecord {
        PooledRecord {
            blob_id: BlobId([1; 32]),
            registered_epoch: 0,
            certified_epoch: None,
            pool_id: object_id(pool),
            event: EVENT,
        }
    }

    fn write(index: &Index, changes: Changes) {
        let (cursor, recording) = (Cursor::default(), Recording::default());
        index
            .update_records(&cursor, &recording, |_| Ok(changes))
            .unwrap();
    }

    fn forget(index: &Index) {
        let mut batch = WriteBatch::volatile(index);
        for table in [&index.endings, &index.pool_members] {
            for entry in table.iter() {
                batch.remove(table, entry.key().unwrap());
            }
        }
        batch.commit().unwrap();
    }

    fn take(index: &Index, model: &mut Model, step: &Step) {
        let mut changes = Changes::default();
        match *step {
            Step::Object(id, end_epoch) => {
                model.objects.insert(id, end_epoch);
                let record = (object_id(id), Some(object(end_epoch)));
                changes.objects.push(record);
            }
            Step::Pool(id, end_epoch) => {
                model.pools.insert(id, end_epoch);
                let start_epoch = 0;
                let pool = PoolRecord {
                    start_epoch,
                    end_epoch,
                };
                changes.pools.push((object_id(id), Some(pool)));
            }
            Step::IntoPool(id, pool) => {
                model.pooled.insert(id, pool);
                let record = (object_id(id), Some(pooled(pool)));
                changes.pooled_objects.push(record);
            }
            Step::OutOfPool(id) => {
                model.pooled.remove(&id);
                changes.pooled_objects.push((object_id(id), None));
            }
            Step::NextEpoch => {
                model.epoch += 1;
                let before = model.objects.len() + model.pooled.len();
                model.expire();
                let expired = before - model.objects.len() - model.pooled.len();
                assert_eq!(index.expire_records(model.epoch).unwrap(), expired);
            }
            Step::Derive => {
                forget(index);
                index.derive_endings().unwrap();
            }
        }
        write(index, changes);
    }

    fn ids(table: &super::super::Keyspace) -> BTreeSet<u8> {
        table.iter().map(|entry| entry.key().unwrap()[0]).collect()
    }

    proptest! {
        #[test]
        fn what_ends_is_what_a_look_at_everything_finds(steps in steps()) {
            let disk = SimulatedDisk::new();
            let medium = Medium::Simulated(disk.mount());
            let index = Index::open(Path::new("/index"), &medium).unwrap();
            let mut model = Model::default();
            for step in &steps {
                take(&index, &mut model, step);
                let keys = |ids: &BTreeMap<u8, Epoch>| ids.keys().copied().collect();
                prop_assert_eq!(ids(&index.objects), keys(&model.objects));
                prop_assert_eq!(ids(&index.pools), keys(&model.pools));
                let pooled: BTreeSet<_> = model.pooled.keys().copied().collect();
                prop_assert_eq!(ids(&index.pooled_objects), pooled);
            }
            // Nothing is left once everything has ended.
            model.epoch = 10;
            take(&index, &mut model, &Step::NextEpoch);
            for table in [&index.objects, &index.pools, &index.pooled_objects] {
                prop_assert_eq!(table.iter().count(), 0);
            }
            for table in [&index.endings, &index.pool_members] {
                prop_assert_eq!(table.iter().count(), 0);
            }
        }
    }
}
