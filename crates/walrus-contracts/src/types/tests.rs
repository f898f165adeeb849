//! Golden encodings, assembled by hand from the field lists of the Move sources.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};
use walrus_core::{BlobId, ObjectId, ShardIndex, SuiAddress};

use super::*;

const ID_A: ObjectId = ObjectId([0xA1; 32]);
const ID_B: ObjectId = ObjectId([0xB2; 32]);

/// Concatenates parts of an encoding.
struct Bytes(Vec<u8>);

impl Bytes {
    fn new() -> Self {
        Self(Vec::new())
    }
    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }
    fn id(self, id: ObjectId) -> Self {
        self.raw(&id.0)
    }
    fn u16(self, value: u16) -> Self {
        self.raw(&value.to_le_bytes())
    }
    fn u32(self, value: u32) -> Self {
        self.raw(&value.to_le_bytes())
    }
    fn u64(self, value: u64) -> Self {
        self.raw(&value.to_le_bytes())
    }
}

#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, expected: Bytes) {
    assert_eq!(
        hex::encode(bcs::to_bytes(value).unwrap()),
        hex::encode(&expected.0)
    );
    assert_eq!(&bcs::from_bytes::<T>(&expected.0).unwrap(), value);
    let mut longer = expected.0;
    longer.push(0);
    assert!(bcs::from_bytes::<T>(&longer).is_err());
}

fn storage() -> (Storage, Bytes) {
    let value = Storage {
        id: ID_B,
        start_epoch: 3,
        end_epoch: 9,
        storage_size: 1 << 20,
    };
    (value, Bytes::new().id(ID_B).u32(3).u32(9).u64(1 << 20))
}

#[test]
fn versioned_objects() {
    let system = System {
        id: ID_A,
        version: 3,
        package_id: ID_B,
        new_package_id: Some(ID_A),
    };
    check(
        &system,
        Bytes::new().id(ID_A).u64(3).id(ID_B).raw(&[1]).id(ID_A),
    );
    let staking = Staking {
        id: ID_A,
        version: 3,
        package_id: ID_B,
        new_package_id: None,
    };
    check(&staking, Bytes::new().id(ID_A).u64(3).id(ID_B).raw(&[0]));
}

#[test]
fn blobs() {
    let (storage, storage_bytes) = storage();
    let blob = Blob {
        id: ID_A,
        registered_epoch: 3,
        blob_id: BlobId([0x77; 32]),
        size: 5,
        encoding_type: 1,
        certified_epoch: Some(4),
        storage,
        deletable: true,
    };
    let blob_bytes = Bytes::new()
        .id(ID_A)
        .u32(3)
        .raw(&[0x77; 32])
        .u64(5)
        .raw(&[1, 1])
        .u32(4)
        .raw(&storage_bytes.0)
        .raw(&[1]);
    let shared = SharedBlob {
        id: ID_B,
        blob: blob.clone(),
        funds: Balance { value: 8 },
    };
    let shared_bytes = Bytes::new().id(ID_B).raw(&blob_bytes.0).u64(8);
    check(&blob, blob_bytes);
    check(&shared, shared_bytes);

    let metadata = Metadata {
        metadata: [("k".to_owned(), "vv".to_owned())].into_iter().collect(),
    };
    check(&metadata, Bytes::new().raw(&[1, 1, b'k', 2, b'v', b'v']));
}

#[test]
fn system_state() {
    let member = BlsCommitteeMember {
        public_key: GroupElement { bytes: vec![5; 96] },
        weight: 10,
        node_id: ID_A,
    };
    let state = SystemStateInnerV1 {
        committee: BlsCommittee {
            members: vec![member],
            n_shards: 10,
            epoch: 2,
            total_aggregated_key: GroupElement { bytes: vec![6; 48] },
        },
        total_capacity_size: 11,
        used_capacity_size: 12,
        storage_price_per_unit_size: 13,
        write_price_per_unit_size: 14,
        future_accounting: FutureAccountingRingBuffer {
            current_index: 1,
            length: 2,
            ring_buffer: vec![
                FutureAccounting {
                    epoch: 3,
                    used_capacity: 7,
                    rewards_to_distribute: Balance { value: 9 },
                },
                FutureAccounting {
                    epoch: 2,
                    used_capacity: 0,
                    rewards_to_distribute: Balance::default(),
                },
            ],
        },
        event_blob_certification_state: EventBlobCertificationState {
            latest_certified_blob: Some(EventBlob {
                blob_id: BlobId([1; 32]),
                ending_checkpoint_sequence_number: 100,
            }),
            aggregate_weight_per_blob: VecMap::default(),
        },
        deny_list_sizes: ExtendedField { id: ID_B },
    };
    let expected = Bytes::new()
        .raw(&[1, 96])
        .raw(&[5; 96])
        .u16(10)
        .id(ID_A)
        .u16(10)
        .u32(2)
        .raw(&[48])
        .raw(&[6; 48])
        .u64(11)
        .u64(12)
        .u64(13)
        .u64(14)
        .u32(1)
        .u32(2)
        .raw(&[2])
        .u32(3)
        .u64(7)
        .u64(9)
        .u32(2)
        .u64(0)
        .u64(0)
        .raw(&[1])
        .raw(&[1; 32])
        .u64(100)
        .raw(&[0])
        .id(ID_B);
    check(&state, expected);
}

#[test]
fn staking_state() {
    let committee = Committee(
        [(ID_A, vec![ShardIndex(1), ShardIndex(0x0102)])]
            .into_iter()
            .collect(),
    );
    let state = StakingInnerV1 {
        n_shards: 2,
        epoch_duration: 1_000,
        first_epoch_start: 2_000,
        pools: Collection { id: ID_A, size: 1 },
        epoch: 5,
        active_set: ExtendedField { id: ID_B },
        next_committee: None,
        committee,
        previous_committee: Committee::default(),
        next_epoch_params: Some(EpochParams {
            total_capacity_size: 1,
            storage_price_per_unit_size: u64::MAX,
            write_price_per_unit_size: u64::MAX,
        }),
        epoch_state: EpochState::EpochChangeDone(77),
        next_epoch_public_keys: ExtendedField { id: ID_A },
    };
    let expected = Bytes::new()
        .u16(2)
        .u64(1_000)
        .u64(2_000)
        .id(ID_A)
        .u64(1)
        .u32(5)
        .id(ID_B)
        .raw(&[0])
        .raw(&[1])
        .id(ID_A)
        .raw(&[2, 1, 0, 2, 1])
        .raw(&[0])
        .raw(&[1])
        .u64(1)
        .u64(u64::MAX)
        .u64(u64::MAX)
        .raw(&[1])
        .u64(77)
        .id(ID_A);
    check(&state, expected);
    check(
        &EpochState::EpochChangeSync(3),
        Bytes::new().raw(&[0, 3, 0]),
    );
    check(
        &EpochState::NextParamsSelected(1),
        Bytes::new().raw(&[2]).u64(1),
    );
}

#[test]
fn staking_pool() {
    let info = StorageNodeInfo {
        name: "n0".to_owned(),
        node_id: ID_A,
        network_address: "h:1".to_owned(),
        public_key: GroupElement { bytes: vec![9; 96] },
        next_epoch_public_key: None,
        network_public_key: vec![3; 33],
        metadata: ExtendedField { id: ID_B },
    };
    let pool = StakingPool {
        id: ID_A,
        state: PoolState::Active,
        voting_params: VotingParams {
            storage_price: 1,
            write_price: 2,
            node_capacity: 3,
        },
        node_info: info,
        activation_epoch: 4,
        latest_epoch: 5,
        wal_balance: 6,
        num_shares: 7,
        pending_shares_withdraw: PendingValues([(8, 9)].into_iter().collect()),
        pre_active_withdrawals: PendingValues::default(),
        pending_commission_rate: PendingValues::default(),
        commission_rate: 500,
        exchange_rates: Collection { id: ID_B, size: 1 },
        pending_stake: PendingValues::default(),
        rewards_pool: Balance { value: 10 },
        commission: Balance { value: 11 },
        commission_receiver: Authorized::ObjectId(ID_B),
        governance_authorized: Authorized::Address(SuiAddress([0xC3; 32])),
        extra_fields: Collection { id: ID_A, size: 0 },
    };
    let expected = Bytes::new()
        .id(ID_A)
        .raw(&[0])
        .u64(1)
        .u64(2)
        .u64(3)
        .raw(b"\x02n0")
        .id(ID_A)
        .raw(b"\x03h:1")
        .raw(&[96])
        .raw(&[9; 96])
        .raw(&[0, 33])
        .raw(&[3; 33])
        .id(ID_B)
        .u32(4)
        .u32(5)
        .u64(6)
        .u64(7)
        .raw(&[1])
        .u32(8)
        .u64(9)
        .raw(&[0, 0])
        .u16(500)
        .id(ID_B)
        .u64(1)
        .raw(&[0])
        .u64(10)
        .u64(11)
        .raw(&[1])
        .id(ID_B)
        .raw(&[0])
        .raw(&[0xC3; 32])
        .id(ID_A)
        .u64(0);
    check(&pool, expected);
}

#[test]
fn node_objects_and_stake() {
    let cap = StorageNodeCap {
        id: ID_A,
        node_id: ID_B,
        last_epoch_sync_done: 1,
        last_event_blob_attestation: Some(EventBlobAttestation {
            checkpoint_sequence_num: 2,
            epoch: 3,
        }),
        deny_list_root: U256([4; 32]),
        deny_list_sequence: 5,
        deny_list_size: 6,
    };
    let expected = Bytes::new()
        .id(ID_A)
        .id(ID_B)
        .u32(1)
        .raw(&[1])
        .u64(2)
        .u32(3)
        .raw(&[4; 32])
        .u64(5)
        .u64(6);
    check(&cap, expected);
    let stake = StakedWal {
        id: ID_A,
        state: StakedWalState::Withdrawing { withdraw_epoch: 7 },
        node_id: ID_B,
        principal: Balance { value: 8 },
        activation_epoch: 9,
    };
    check(
        &stake,
        Bytes::new()
            .id(ID_A)
            .raw(&[1])
            .u32(7)
            .id(ID_B)
            .u64(8)
            .u32(9),
    );
    let rate = PoolExchangeRate::Variable {
        wal_amount: 1,
        share_amount: 2,
    };
    let mut expected = Bytes::new().raw(&[1]);
    expected = expected
        .raw(&1_u128.to_le_bytes())
        .raw(&2_u128.to_le_bytes());
    check(&rate, expected);
}

#[test]
fn governance() {
    let manager = UpgradeManager {
        id: ID_A,
        cap: UpgradeCap {
            id: ID_B,
            package: ID_A,
            version: 1,
            policy: 0,
        },
        upgrade_proposals: Collection { id: ID_B, size: 2 },
    };
    let expected = Bytes::new()
        .id(ID_A)
        .id(ID_B)
        .id(ID_A)
        .u64(1)
        .raw(&[0])
        .id(ID_B)
        .u64(2);
    check(&manager, expected);
}

/// Generator of G1: y is the smaller of the two roots, so its compressed form has no larger-y flag.
#[test]
fn group_elements_compress() {
    let x = "17f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac58\
             6c55e83ff97a1aeffb3af00adb22c6bb";
    let y = "08b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3ed\
             d03cc744a2888ae40caa232946c5e7e1";
    let minus_y = "114d1d6855d545a8aa7d76c8cf2e21f267816aef1db507c96655b9d5caac42364e6f38ba\
                   0ecb751bad54dcd6b939c2ca";
    let element = |x: &str, y: &str| GroupElement {
        bytes: hex::decode(format!("{x}{y}")).unwrap(),
    };
    let compressed = element(x, y).to_compressed_g1().unwrap();
    assert_eq!(hex::encode(compressed), format!("97{}", &x[2..]));
    let negated = element(x, minus_y).to_compressed_g1().unwrap();
    assert_eq!(hex::encode(negated), format!("b7{}", &x[2..]));
    // Compressed input is passed through, infinity has its own form, garbage is refused.
    let again = GroupElement {
        bytes: compressed.to_vec(),
    };
    assert_eq!(again.to_compressed_g1(), Some(compressed));
    let mut infinity = vec![0; 96];
    infinity[0] = 0x40;
    assert_eq!(
        GroupElement { bytes: infinity }.to_compressed_g1().unwrap()[0],
        0xC0
    );
    assert_eq!(GroupElement { bytes: vec![] }.to_compressed_g1(), None);
    assert_eq!(
        GroupElement {
            bytes: vec![0x80; 96]
        }
        .to_compressed_g1(),
        None
    );
    assert_eq!(GroupElement { bytes: vec![0; 48] }.to_compressed_g1(), None);
}
