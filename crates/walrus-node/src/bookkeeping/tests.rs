//! The rules of the bookkeeping, and that they are those of a much simpler model.

use std::{cell::RefCell, collections::BTreeMap, convert::Infallible};

use proptest::prelude::*;
use walrus_core::{BlobId, Epoch, EventId, ObjectId, node_api::BlobStatus};

use super::*;
use crate::chain::WalrusEvent;
use walrus_contracts::events::{
    BlobCertified, BlobDeleted, BlobRegistered, InvalidBlobID, PooledBlobCertified,
    PooledBlobDeleted, PooledBlobRegistered, StoragePoolCreated, StoragePoolExtended,
};

const BLOB: BlobId = BlobId([1; 32]);

#[derive(Default)]
struct Records {
    tables: RefCell<Tables>,
    next_event: RefCell<u64>,
}

#[derive(Default)]
struct Tables {
    blobs: BTreeMap<BlobId, BlobRecord>,
    objects: BTreeMap<ObjectId, ObjectRecord>,
    pooled: BTreeMap<ObjectId, PooledRecord>,
    pools: BTreeMap<ObjectId, PoolRecord>,
}

impl RecordView for Records {
    type Error = Infallible;

    fn blob(&self, id: &BlobId) -> Result<Option<BlobRecord>, Infallible> {
        Ok(self.tables.borrow().blobs.get(id).cloned())
    }

    fn object(&self, id: &ObjectId) -> Result<Option<ObjectRecord>, Infallible> {
        Ok(self.tables.borrow().objects.get(id).cloned())
    }

    fn pooled_object(&self, id: &ObjectId) -> Result<Option<PooledRecord>, Infallible> {
        Ok(self.tables.borrow().pooled.get(id).cloned())
    }

    fn pool(&self, id: &ObjectId) -> Result<Option<PoolRecord>, Infallible> {
        Ok(self.tables.borrow().pools.get(id).cloned())
    }
}

fn write<I: Ord, T>(table: &mut BTreeMap<I, T>, changes: Vec<(I, Option<T>)>) {
    for (id, record) in changes {
        match record {
            Some(record) => table.insert(id, record),
            None => table.remove(&id),
        };
    }
}

impl Records {
    fn apply(&self, event: &WalrusEvent) -> EventId {
        let id = event_id(*self.next_event.borrow());
        *self.next_event.borrow_mut() += 1;
        let Ok(changes) = apply(self, &id, event);
        let mut tables = self.tables.borrow_mut();
        write(&mut tables.blobs, changes.blobs);
        write(&mut tables.objects, changes.objects);
        write(&mut tables.pooled, changes.pooled_objects);
        write(&mut tables.pools, changes.pools);
        id
    }

    fn expire(&self, epoch: Epoch) {
        let tables = &mut *self.tables.borrow_mut();
        let blobs = &mut tables.blobs;
        tables.objects.retain(|_, object| {
            let blob = blobs.entry(object.blob_id).or_default();
            !expire_object(blob, object, epoch)
        });
        let pools = &tables.pools;
        tables.pooled.retain(|_, object| {
            let blob = blobs.entry(object.blob_id).or_default();
            !expire_pooled_object(blob, object, pools.get(&object.pool_id), epoch)
        });
        blobs.retain(|_, blob| !blob.is_empty());
    }

    fn record(&self) -> BlobRecord {
        self.tables
            .borrow()
            .blobs
            .get(&BLOB)
            .cloned()
            .unwrap_or_default()
    }

    fn status(&self, epoch: Epoch) -> BlobStatus {
        self.record().status(epoch)
    }
}

fn event_id(event_seq: u64) -> EventId {
    EventId {
        tx_digest: [0; 32],
        event_seq,
    }
}

fn object(number: u8) -> ObjectId {
    ObjectId([number; 32])
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Persistence {
    Permanent,
    Deletable,
}

use Persistence::{Deletable, Permanent};

fn register(number: u8, end_epoch: Epoch, persistence: Persistence) -> WalrusEvent {
    WalrusEvent::BlobRegistered(BlobRegistered {
        blob_id: BLOB,
        object_id: object(number),
        epoch: 1,
        end_epoch,
        deletable: persistence == Deletable,
        size: 1,
        encoding_type: 1,
    })
}

fn certify(number: u8, epoch: Epoch, end_epoch: Epoch, persistence: Persistence) -> WalrusEvent {
    WalrusEvent::BlobCertified(BlobCertified {
        blob_id: BLOB,
        object_id: object(number),
        epoch,
        end_epoch,
        deletable: persistence == Deletable,
        is_extension: false,
    })
}

fn extend(number: u8, end_epoch: Epoch, persistence: Persistence) -> WalrusEvent {
    WalrusEvent::BlobCertified(BlobCertified {
        blob_id: BLOB,
        object_id: object(number),
        epoch: 1,
        end_epoch,
        deletable: persistence == Deletable,
        is_extension: true,
    })
}

fn delete(number: u8, was_certified: bool) -> WalrusEvent {
    WalrusEvent::BlobDeleted(BlobDeleted {
        blob_id: BLOB,
        object_id: object(number),
        epoch: 1,
        end_epoch: 9,
        was_certified,
    })
}

#[test]
fn the_event_of_an_end_epoch_is_the_first_that_led_to_it() {
    let records = Records::default();
    let first = records.apply(&register(1, 5, Permanent));
    records.apply(&register(2, 5, Permanent));
    records.apply(&register(3, 4, Permanent));
    let refs = records.record().permanent_total.unwrap();
    assert_eq!((refs.count, refs.end_epoch, refs.event), (3, 5, first));
    let later = records.apply(&register(4, 6, Permanent));
    assert_eq!(records.record().permanent_total.unwrap().event, later);
}

#[test]
fn permanent_life_cycle() {
    let records = Records::default();
    let registration = records.apply(&register(1, 5, Permanent));
    assert!(records.record().is_registered(4) && !records.record().is_registered(5));
    assert!(!records.record().is_certified(4));
    let status = records.status(1);
    let BlobStatus::Permanent {
        is_certified: false,
        status_event,
        ..
    } = status
    else {
        panic!("{status:?}")
    };
    assert_eq!(status_event, registration);
    let certification = records.apply(&certify(1, 2, 5, Permanent));
    assert!(records.record().is_certified(2) && !records.record().is_certified(1));
    let extension = records.apply(&extend(1, 9, Permanent));
    let BlobStatus::Permanent {
        end_epoch,
        is_certified,
        status_event,
        initial_certified_epoch,
        ..
    } = records.status(2)
    else {
        panic!("not permanent")
    };
    assert_eq!(
        (end_epoch, is_certified, initial_certified_epoch),
        (9, true, Some(2))
    );
    assert_eq!(status_event, extension);
    assert_ne!(certification, extension);
    records.expire(8);
    assert!(records.record().is_certified(8));
    records.expire(9);
    assert!(records.tables.borrow().blobs.is_empty());
    assert!(records.tables.borrow().objects.is_empty());
}

#[test]
fn deletable_counts_are_reference_counts() {
    let records = Records::default();
    records.apply(&register(1, 5, Deletable));
    records.apply(&register(2, 7, Deletable));
    records.apply(&certify(1, 1, 5, Deletable));
    records.apply(&delete(1, true));
    assert_eq!(
        records.record().initial_certified_epoch,
        None,
        "nothing certified is left"
    );
    assert!(records.record().is_registered(1));
    records.apply(&delete(2, false));
    assert_eq!(records.status(1), BlobStatus::Nonexistent);
    // Events about deleted objects change nothing.
    records.apply(&delete(2, false));
    records.apply(&certify(1, 2, 5, Deletable));
    assert_eq!(records.status(1), BlobStatus::Nonexistent);
    records.expire(7);
    assert!(records.tables.borrow().objects.is_empty());
}

#[test]
fn the_first_certification_counts_until_none_is_left() {
    let records = Records::default();
    records.apply(&register(1, 9, Permanent));
    records.apply(&register(2, 9, Deletable));
    records.apply(&certify(1, 2, 9, Permanent));
    records.apply(&certify(2, 4, 9, Deletable));
    assert_eq!(records.record().initial_certified_epoch, Some(2));
    records.apply(&delete(2, true));
    assert_eq!(records.record().initial_certified_epoch, Some(2));
    records.expire(9);
    records.apply(&register(3, 20, Permanent));
    records.apply(&certify(3, 11, 20, Permanent));
    assert_eq!(records.record().initial_certified_epoch, Some(11));
}

#[test]
fn invalid_is_for_ever() {
    let records = Records::default();
    records.apply(&register(1, 9, Permanent));
    let event = records.apply(
        &InvalidBlobID {
            blob_id: BLOB,
            epoch: 2,
        }
        .into(),
    );
    records.apply(
        &InvalidBlobID {
            blob_id: BLOB,
            epoch: 3,
        }
        .into(),
    );
    records.apply(&register(2, 9, Permanent));
    records.apply(&certify(2, 2, 9, Permanent));
    assert_eq!(records.status(2), BlobStatus::Invalid { event });
    assert!(!records.record().is_registered(2));
    records.expire(100);
    assert_eq!(records.status(100), BlobStatus::Invalid { event });
}

#[test]
fn pooled_blobs_live_as_long_as_their_pool() {
    let records = Records::default();
    let pool_id = ObjectId([9; 32]);
    records.apply(
        &StoragePoolCreated {
            epoch: 1,
            storage_pool_id: pool_id,
            reserved_encoded_capacity_bytes: 1,
            start_epoch: 1,
            end_epoch: 4,
        }
        .into(),
    );
    for number in [1, 2] {
        records.apply(
            &PooledBlobRegistered {
                blob_id: BLOB,
                object_id: object(number),
                storage_pool_id: pool_id,
                epoch: 1,
                unencoded_size: 1,
                encoding_type: 1,
                deletable: true,
            }
            .into(),
        );
    }
    records.apply(
        &PooledBlobCertified {
            blob_id: BLOB,
            object_id: object(1),
            storage_pool_id: pool_id,
            epoch: 2,
            deletable: true,
        }
        .into(),
    );
    let BlobStatus::Deletable {
        deletable_counts,
        initial_certified_epoch,
    } = records.status(2)
    else {
        panic!("not deletable")
    };
    assert_eq!(deletable_counts.count_deletable_total, 2);
    assert_eq!(deletable_counts.count_deletable_certified, 1);
    assert_eq!(initial_certified_epoch, Some(2));
    records.apply(
        &StoragePoolExtended {
            epoch: 2,
            storage_pool_id: pool_id,
            new_end_epoch: 6,
        }
        .into(),
    );
    records.expire(5);
    assert!(records.record().is_registered(5));
    records.apply(
        &PooledBlobDeleted {
            blob_id: BLOB,
            object_id: object(1),
            epoch: 5,
            was_certified: true,
            storage_pool_id: pool_id,
        }
        .into(),
    );
    assert_eq!(records.record().initial_certified_epoch, None);
    records.expire(6);
    assert_eq!(records.status(6), BlobStatus::Nonexistent);
}

/// A node whose history begins late comes to the same records for what lives.
#[test]
fn objects_from_before_the_history_are_taken_in_when_they_are_extended_or_certified() {
    for persistence in [Permanent, Deletable] {
        let (whole, late) = (Records::default(), Records::default());
        whole.apply(&register(1, 5, persistence));
        whole.apply(&certify(1, 1, 5, persistence));
        *late.next_event.borrow_mut() = 2;
        for records in [&whole, &late] {
            records.apply(&extend(1, 9, persistence));
            assert!(records.record().is_certified(8));
            records.expire(9);
            assert_eq!(records.status(9), BlobStatus::Nonexistent);
        }
        let late = Records::default();
        late.apply(&certify(2, 3, 6, persistence));
        assert!(late.record().is_registered(5) && late.record().is_certified(5));
        assert_eq!(late.record().initial_certified_epoch, Some(3));
        if persistence == Deletable {
            late.apply(&delete(2, true));
            assert!(!late.record().is_registered(5));
        }
    }
}

/// What may happen to one of a few objects.
#[derive(Debug, Clone)]
enum Step {
    Register { deletable: bool, life: Epoch },
    Certify,
    Extend { by: Epoch },
    Delete,
    NextEpoch,
}

fn steps() -> impl Strategy<Value = Vec<(u8, Step)>> {
    let step = prop_oneof![
        3 => (any::<bool>(), 1..5_u32)
            .prop_map(|(deletable, life)| Step::Register { deletable, life }),
        3 => Just(Step::Certify),
        1 => (1..4_u32).prop_map(|by| Step::Extend { by }),
        2 => Just(Step::Delete),
        2 => Just(Step::NextEpoch),
    ];
    proptest::collection::vec((0..4_u8, step), 1..60)
}

/// An object as the contracts see it.
#[derive(Debug, Clone, Copy)]
struct Model {
    deletable: bool,
    end: Epoch,
    certified: bool,
}

proptest! {
    /// Whatever legal history the chain tells, registered and certified mean that a live object
    /// says so.
    #[test]
    fn predicates_agree_with_the_objects(steps in steps()) {
        let records = Records::default();
        let mut objects: BTreeMap<u8, Model> = BTreeMap::new();
        let mut next_object = 10_u8;
        let mut slots: BTreeMap<u8, u8> = BTreeMap::new();
        let mut epoch = 1;
        for (slot, step) in steps {
            let held = slots.get(&slot).and_then(|number| objects.get_key_value(number));
            let held = held.map(|(number, model)| (*number, *model));
            let kind = |deletable| if deletable { Deletable } else { Permanent };
            match (step, held) {
                (Step::Register { deletable, life }, _) => {
                    let number = next_object;
                    next_object = next_object.wrapping_add(1);
                    records.apply(&register(number, epoch + life, kind(deletable)));
                    let end = epoch + life;
                    objects.insert(number, Model { deletable, end, certified: false });
                    slots.insert(slot, number);
                }
                (Step::Certify, Some((number, model))) if !model.certified && model.end > epoch => {
                    records.apply(&certify(number, epoch, model.end, kind(model.deletable)));
                    objects.get_mut(&number).unwrap().certified = true;
                }
                (Step::Extend { by }, Some((number, model)))
                    if model.certified && model.end > epoch =>
                {
                    records.apply(&extend(number, model.end + by, kind(model.deletable)));
                    objects.get_mut(&number).unwrap().end += by;
                }
                (Step::Delete, Some((number, model))) if model.deletable && model.end > epoch => {
                    records.apply(&delete(number, model.certified));
                    objects.remove(&number);
                }
                (Step::NextEpoch, _) => {
                    epoch += 1;
                    records.expire(epoch);
                    objects.retain(|_, model| model.end > epoch);
                }
                _ => {}
            }
            let record = records.record();
            prop_assert_eq!(record.is_registered(epoch), !objects.is_empty());
            let certified = objects.values().any(|model| model.certified);
            prop_assert_eq!(record.is_certified(epoch), certified);
            let permanent = objects.values().filter(|model| !model.deletable);
            let permanent_end = permanent.map(|model| model.end).max();
            let total = record.permanent_total_at(epoch);
            prop_assert_eq!(total.map(|refs| refs.end_epoch), permanent_end);
            let deletable = objects.values().filter(|model| model.deletable).count();
            prop_assert_eq!(usize::try_from(record.deletable_total).unwrap(), deletable);
        }
    }
}
