use proptest::prelude::*;
use walrus_core::{BlobId, Epoch, EventId, ObjectId, ShardIndex};

use super::*;
use crate::{
    events::{self, WalrusEvent},
    types::U256,
};

const FIRST: BlobId = BlobId([0; 32]);

fn id(byte: u8, event_seq: u64) -> EventId {
    EventId {
        tx_digest: [byte; 32],
        event_seq,
    }
}

/// An event blob of checkpoints with these events, from `checkpoint` and `index` on.
fn write(
    epoch: Epoch,
    previous: BlobId,
    first_checkpoint: u64,
    first_index: u64,
    checkpoints: &[Vec<(EventId, WalrusEvent)>],
) -> Vec<u8> {
    let mut builder = EventBlobBuilder::new(epoch, previous);
    let (mut index, mut checkpoint) = (first_index, first_checkpoint);
    for events in checkpoints {
        let elements = events
            .iter()
            .map(|(id, event)| StreamElement::Event(*id, event.clone()))
            .chain([StreamElement::CheckpointBoundary]);
        for (counter, element) in (0..).zip(elements) {
            let position = Position {
                checkpoint,
                counter,
                index,
            };
            builder.push(&element.encode().unwrap(), position);
            index += 1;
        }
        checkpoint += 1;
    }
    builder.finish(first_checkpoint, checkpoint - 1)
}

/// Bytes written down by hand from the description of the format.
#[test]
fn golden_event_blob() {
    let mut expected = hex::decode("005ea1ce00000001").unwrap();
    // Epoch 3, the event blob before, no event before.
    expected.extend([0, 0, 0, 3]);
    expected.extend([0xaa; 32]);
    expected.extend([0; 40]);
    // 1 + 1 + 1 + 4 + 33 + 8 + 24 bytes of BCS: an event of epoch changes, the start of epoch 4.
    expected.extend([72, 1, 0, 1, 1, 4, 0, 0, 0]);
    expected.push(32);
    expected.extend([0xbb; 32]);
    expected.extend(2_u64.to_le_bytes());
    for number in [500_u64, 0, 9] {
        expected.extend(number.to_le_bytes());
    }
    // The end of checkpoint 500.
    expected.extend([25, 1, 1]);
    for number in [500_u64, 1, 10] {
        expected.extend(number.to_le_bytes());
    }
    expected.extend(500_u64.to_be_bytes());
    expected.extend(500_u64.to_be_bytes());

    let start = events::EpochChangeStart { epoch: 4 };
    let events = vec![(id(0xbb, 2), start.into())];
    let previous = BlobId([0xaa; 32]);
    let written = write(3, previous, 500, 9, &[events]);
    assert_eq!(hex::encode(&written), hex::encode(&expected));

    let blob = EventBlob::parse(written).unwrap();
    assert_eq!((blob.epoch(), blob.end_epoch()), (3, 4));
    assert_eq!(blob.previous(), Some(previous));
    assert_eq!((blob.first_index(), blob.end_index()), (9, 11));
    assert_eq!(
        (blob.first_checkpoint(), blob.last_checkpoint()),
        (500, 500)
    );
}

#[test]
fn long_entries_have_longer_lengths() {
    let shards = (0..100).map(ShardIndex).collect();
    let event = events::ShardsReceived { epoch: 1, shards };
    let element = StreamElement::Event(id(1, 0), event.into());
    let encoded = element.encode().unwrap();
    // 2 tags and the element's, epoch, a length of 1 byte, 100 indices, the ID, the position.
    let data = 3 + 4 + 1 + 200 + 41 + 24;
    assert_eq!(encoded.entry_bytes(), data + 3);
    let position = Position {
        checkpoint: 7,
        counter: 0,
        index: 0,
    };
    let mut builder = EventBlobBuilder::new(0, FIRST);
    builder.push(&encoded, position);
    let bytes = builder.finish(7, 7);
    assert_eq!(bytes.len(), HEADER_BYTES + data + 3 + TRAILER_BYTES);
    assert_eq!(bytes[HEADER_BYTES..HEADER_BYTES + 2], [0x91, 2]);
}

#[test]
fn files_end_by_size_and_by_checkpoints() {
    let rule = CutRule {
        bytes_max: 1_000,
        checkpoints_max: 10,
    };
    assert!(!rule.ends_with(1_000, 50, 58));
    assert!(rule.ends_with(1_001, 50, 50));
    assert!(rule.ends_with(0, 50, 59));
    let public = CutRule::default();
    assert!(!public.ends_with(104_857_600, 0, 215_998));
    assert!(public.ends_with(104_857_601, 0, 0));
    assert!(public.ends_with(84, 1, 216_000));
    assert!(public.ends_with(84, u64::MAX, u64::MAX));
}

#[test]
fn encoding_types_are_those_that_exist() {
    let mut event = events::BlobRegistered {
        epoch: 1,
        blob_id: FIRST,
        size: 1,
        encoding_type: 2,
        end_epoch: 2,
        deletable: false,
        object_id: ObjectId([1; 32]),
    };
    let element = |event: &events::BlobRegistered| {
        StreamElement::Event(id(1, 0), WalrusEvent::from(event.clone())).encode()
    };
    assert!(matches!(
        element(&event),
        Err(EventBlobError::Unwritable { event, .. }) if event == "BlobRegistered"
    ));
    for retired_or_present in [0, 1] {
        event.encoding_type = retired_or_present;
        assert!(element(&event).is_ok());
    }
}

#[test]
fn what_is_not_an_event_blob_is_told_from_what_is_damaged() {
    let whole = write(0, FIRST, 5, 0, &[Vec::new(), Vec::new()]);
    let parse = |bytes: &[u8]| EventBlob::parse(bytes.to_vec());
    assert!(parse(&whole).is_ok());
    assert_eq!(
        parse(b"any other blob"),
        Err(EventBlobError::NotAnEventBlob)
    );
    assert_eq!(parse(&[]), Err(EventBlobError::NotAnEventBlob));
    assert_eq!(parse(&whole[..90]), Err(EventBlobError::TooShort));
    let mut other_version = whole.clone();
    other_version[7] = 2;
    assert_eq!(parse(&other_version), Err(EventBlobError::Version(2)));
    // No entries at all, and the wrong ones.
    let empty = [&whole[..HEADER_BYTES], &whole[whole.len() - 16..]].concat();
    let wrong = EventBlobError::Checkpoints { first: 5, last: 6 };
    assert_eq!(parse(&empty), Err(wrong.clone()));
    let one = write(0, FIRST, 5, 0, &[Vec::new()]);
    let one = [&one[..one.len() - 16], &whole[whole.len() - 16..]].concat();
    assert_eq!(parse(&one), Err(wrong));
    // A length that is not the shortest: 25 as two bytes.
    let mut long = whole.clone();
    long.splice(HEADER_BYTES..=HEADER_BYTES, [0x99, 0]);
    assert!(matches!(parse(&long), Err(EventBlobError::Entry { .. })));
    // The second checkpoint where the first belongs.
    let second = write(0, FIRST, 6, 1, &[Vec::new()]);
    let second = [&second[..second.len() - 16], &whole[whole.len() - 16..]].concat();
    assert!(matches!(parse(&second), Err(EventBlobError::Order { .. })));
}

fn blob_id() -> impl Strategy<Value = BlobId> {
    any::<[u8; 32]>().prop_map(BlobId)
}

fn object_id() -> impl Strategy<Value = ObjectId> {
    any::<[u8; 32]>().prop_map(ObjectId)
}

/// Every kind of event.
fn event() -> impl Strategy<Value = WalrusEvent> {
    let fields = (
        any::<Epoch>(),
        blob_id(),
        object_id(),
        any::<u64>(),
        any::<u32>(),
        any::<bool>(),
        prop::collection::vec(any::<u16>(), 0..200),
    );
    (0_usize..events::NAMES.len(), fields).prop_map(|(kind, fields)| sample(kind, fields))
}

type Fields = (Epoch, BlobId, ObjectId, u64, u32, bool, Vec<u16>);

/// The event of the `kind`-th name.
fn sample(kind: usize, fields: Fields) -> WalrusEvent {
    let (epoch, blob_id, object_id, number, end_epoch, flag, list) = fields;
    let shards = || list.iter().copied().map(ShardIndex).collect::<Vec<_>>();
    let digest = || {
        list.iter()
            .map(|number| number.to_be_bytes()[1])
            .collect::<Vec<u8>>()
    };
    let bcs = match events::NAMES[kind] {
        "BlobRegistered" => {
            bcs::to_bytes(&(epoch, blob_id, number, 1_u8, end_epoch, flag, object_id))
        }
        "BlobCertified" => bcs::to_bytes(&(epoch, blob_id, end_epoch, flag, object_id, !flag)),
        "BlobDeleted" => bcs::to_bytes(&(epoch, blob_id, end_epoch, object_id, flag)),
        "InvalidBlobID" | "DenyListBlobDeleted" => bcs::to_bytes(&(epoch, blob_id)),
        "EpochParametersSelected" | "EpochChangeStart" | "EpochChangeDone" => bcs::to_bytes(&epoch),
        "ShardsReceived" | "ShardRecoveryStart" => bcs::to_bytes(&(epoch, shards())),
        "ContractUpgraded" => bcs::to_bytes(&(epoch, object_id, number)),
        "ContractUpgradeProposed" | "ContractUpgradeQuorumReached" => {
            bcs::to_bytes(&(epoch, digest()))
        }
        "RegisterDenyListUpdate" | "DenyListUpdate" => {
            bcs::to_bytes(&(epoch, U256([9; 32]), number, object_id))
        }
        "ProtocolVersionUpdated" => bcs::to_bytes(&(epoch, end_epoch, number)),
        "PricesUpdated" => bcs::to_bytes(&(epoch, number, number)),
        "StoragePoolCreated" => bcs::to_bytes(&(epoch, object_id, number, epoch, end_epoch)),
        "StoragePoolExtended" => bcs::to_bytes(&(epoch, object_id, end_epoch)),
        "PooledBlobRegistered" => {
            bcs::to_bytes(&(epoch, blob_id, number, 1_u8, flag, object_id, object_id))
        }
        "PooledBlobCertified" => bcs::to_bytes(&(epoch, blob_id, flag, object_id, object_id)),
        "PooledBlobDeleted" => bcs::to_bytes(&(epoch, blob_id, object_id, flag, object_id)),
        other => panic!("{other} has no sample"),
    };
    WalrusEvent::from_bcs(events::MODULE, events::NAMES[kind], &bcs.unwrap()).unwrap()
}

/// Tags by the description of the format; the payload is that of the chain, then the ID.
#[test]
fn every_event_has_its_place() {
    let places = [
        ("BlobRegistered", [0, 0]),
        ("BlobCertified", [0, 1]),
        ("BlobDeleted", [0, 2]),
        ("InvalidBlobID", [0, 3]),
        ("EpochParametersSelected", [1, 0]),
        ("EpochChangeStart", [1, 1]),
        ("EpochChangeDone", [1, 2]),
        ("ShardsReceived", [1, 3]),
        ("ShardRecoveryStart", [1, 4]),
        ("ContractUpgraded", [2, 0]),
        ("ContractUpgradeProposed", [2, 1]),
        ("ContractUpgradeQuorumReached", [2, 2]),
        ("RegisterDenyListUpdate", [3, 0]),
        ("DenyListUpdate", [3, 1]),
        ("DenyListBlobDeleted", [0, 4]),
        ("ProtocolVersionUpdated", [4, 0]),
        ("PricesUpdated", [4, 1]),
        ("StoragePoolCreated", [5, 0]),
        ("StoragePoolExtended", [5, 1]),
        ("PooledBlobRegistered", [0, 5]),
        ("PooledBlobCertified", [0, 6]),
        ("PooledBlobDeleted", [0, 7]),
    ];
    assert_eq!(places.map(|(name, _)| name), events::NAMES);
    for (kind, (name, [group, variant])) in places.into_iter().enumerate() {
        let fields = (
            7,
            BlobId([2; 32]),
            ObjectId([3; 32]),
            4,
            5,
            true,
            vec![6, 7],
        );
        let event = sample(kind, fields);
        let mut expected = vec![0, group, variant];
        expected.extend(payload(&event));
        expected.extend(bcs::to_bytes(&id(9, 1)).unwrap());
        let encoded = StreamElement::Event(id(9, 1), event).encode().unwrap();
        assert_eq!(encoded.as_bytes(), expected, "{name}");
    }
}

/// What the chain emits: the content without the tag of our enum.
fn payload(event: &WalrusEvent) -> Vec<u8> {
    bcs::to_bytes(event).unwrap()[1..].to_vec()
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        epoch in any::<Epoch>(),
        previous in blob_id(),
        first_checkpoint in 0..u64::MAX / 2,
        first_index in 0..u64::MAX / 2,
        checkpoints in prop::collection::vec(
            prop::collection::vec((any::<[u8; 32]>(), any::<u64>(), event()), 0..4), 1..5),
    ) {
        let checkpoints: Vec<Vec<_>> = checkpoints
            .into_iter()
            .map(|events| {
                let with_id = |(tx_digest, event_seq, event)| {
                    (EventId { tx_digest, event_seq }, event)
                };
                events.into_iter().map(with_id).collect()
            })
            .collect();
        let bytes = write(epoch, previous, first_checkpoint, first_index, &checkpoints);
        let blob = EventBlob::parse(bytes.clone()).unwrap();
        let read: Vec<_> = blob.checkpoints().map(Result::unwrap).collect();
        prop_assert_eq!(blob.previous(), Some(previous).filter(|id| *id != FIRST));
        prop_assert_eq!(read.len(), checkpoints.len());
        let mut index = first_index;
        for ((number, events), read) in (first_checkpoint..).zip(&checkpoints).zip(&read) {
            prop_assert_eq!((read.checkpoint, read.first_index), (number, index));
            prop_assert_eq!(&read.events, events);
            index = read.end_index();
        }
        prop_assert_eq!(blob.end_index(), index);
        // Written again it is the same.
        let (epoch, first_index) = (blob.epoch(), blob.first_index());
        let again = write(epoch, previous, first_checkpoint, first_index, &checkpoints);
        prop_assert_eq!(again, bytes);
    }

    /// A damaged file is refused, or is another well-formed one: never a panic, never something in
    /// between.
    #[test]
    fn damage_is_noticed(
        checkpoints in prop::collection::vec(prop::collection::vec(event(), 0..3), 1..4),
        place in any::<prop::sample::Index>(),
        bit in 0_u8..8,
        cut in any::<prop::sample::Index>(),
    ) {
        let checkpoints: Vec<Vec<_>> = checkpoints
            .into_iter()
            .map(|events| (0..).zip(events).map(|(seq, event)| (id(1, seq), event)).collect())
            .collect();
        let bytes = write(1, FIRST, 10, 3, &checkpoints);
        prop_assert!(EventBlob::parse(bytes[..cut.index(bytes.len())].to_vec()).is_err());
        let mut damaged = bytes.clone();
        damaged[place.index(bytes.len())] ^= 1 << bit;
        if let Ok(blob) = EventBlob::parse(damaged.clone()) {
            let read: Vec<_> = blob.checkpoints().map(|read| read.unwrap().events).collect();
            let previous = blob.previous().unwrap_or(FIRST);
            let again = write(
                blob.epoch(), previous, blob.first_checkpoint(), blob.first_index(), &read);
            prop_assert_eq!(again, damaged);
        }
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut file = MAGIC.to_be_bytes().to_vec();
        file.extend(VERSION.to_be_bytes());
        file.extend(bytes);
        let _ = EventBlob::parse(file);
    }
}
