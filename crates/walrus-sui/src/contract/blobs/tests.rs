use sui_sdk_types::Digest;
use walrus_contracts::types::{
    Balance, BlsCommittee, Collection, Committee, EpochState, EventBlobCertificationState,
    ExtendedField, FutureAccounting, FutureAccountingRingBuffer, GroupElement, Staking,
    StakingInnerV1, System, SystemStateInnerV1, VecMap,
};

use super::*;

fn id(byte: u8) -> ObjectId {
    ObjectId([byte; 32])
}

/// Epoch 5 of a network with 10 shards, 3 epochs ahead, prices 7 and 2.
fn state() -> ContractState {
    let field = |byte| ExtendedField { id: id(byte) };
    let ring = (5..8)
        .map(|epoch| FutureAccounting {
            epoch,
            used_capacity: 0,
            rewards_to_distribute: Balance { value: 0 },
        })
        .collect();
    ContractState {
        system: System {
            id: id(1),
            version: 4,
            package_id: id(9),
            new_package_id: None,
        },
        system_inner: SystemStateInnerV1 {
            committee: BlsCommittee {
                members: vec![],
                n_shards: 10,
                epoch: 5,
                total_aggregated_key: GroupElement { bytes: vec![] },
            },
            total_capacity_size: 1,
            used_capacity_size: 0,
            storage_price_per_unit_size: 7,
            write_price_per_unit_size: 2,
            future_accounting: FutureAccountingRingBuffer {
                current_index: 0,
                length: 3,
                ring_buffer: ring,
            },
            event_blob_certification_state: EventBlobCertificationState {
                latest_certified_blob: None,
                aggregate_weight_per_blob: VecMap::default(),
            },
            deny_list_sizes: field(3),
        },
        staking: Staking {
            id: id(2),
            version: 4,
            package_id: id(9),
            new_package_id: None,
        },
        staking_inner: StakingInnerV1 {
            n_shards: 10,
            epoch_duration: 1000,
            first_epoch_start: 0,
            pools: Collection { id: id(4), size: 0 },
            epoch: 5,
            active_set: field(5),
            next_committee: None,
            committee: Committee::default(),
            previous_committee: Committee::default(),
            next_epoch_params: None,
            epoch_state: EpochState::EpochChangeDone(0),
            next_epoch_public_keys: field(6),
        },
        original_package: id(9),
        n_shards: NShards::new(10).unwrap(),
    }
}

fn request(byte: u8, length: u64, storage: StorageSource) -> BlobToRegister {
    BlobToRegister {
        blob_id: BlobId([byte; 32]),
        root_hash: [0; 32],
        unencoded_length: length,
        encoding_type: EncodingType::Rs2,
        persistence: Persistence::Permanent,
        storage,
        attributes: Attributes::new(),
    }
}

fn object(byte: u8, blob: u8, end_epoch: u32) -> Blob {
    Blob {
        id: id(byte),
        registered_epoch: 5,
        blob_id: BlobId([blob; 32]),
        size: 1,
        encoding_type: 1,
        certified_epoch: None,
        storage: Storage {
            id: id(100),
            start_epoch: 5,
            end_epoch,
            storage_size: 6940,
        },
        deletable: false,
    }
}

#[test]
fn cost_is_storage_and_write_of_every_blob() {
    let state = state();
    // One byte takes one unit, 10^8 bytes take 5·10^8 / 2^20, rounded up.
    let small = request(1, 1, StorageSource::Buy(2));
    let owned = request(2, 1, StorageSource::Owned(id(8)));
    assert_eq!(small.cost(&state).unwrap(), Frost(7 * 2 + 2));
    assert_eq!(owned.cost(&state).unwrap(), Frost(2));
    assert_eq!(
        batch_cost(&[small, owned], &state).unwrap(),
        Frost(7 * 2 + 2 + 2)
    );
    let large = request(3, u64::MAX, StorageSource::Buy(1));
    assert!(matches!(large.cost(&state), Err(SuiError::InvalidInput(_))));
}

#[test]
fn periods_are_limited() {
    let state = state();
    assert!(check_epochs(1, &state).is_ok());
    assert!(check_epochs(3, &state).is_ok());
    for requested in [0, 4] {
        let error = check_epochs(requested, &state).unwrap_err();
        assert!(
            matches!(error, SuiError::InvalidEpochs { max: 3, .. }),
            "{error}"
        );
    }
}

#[test]
fn extensions_count_from_the_end_of_the_blob() {
    let state = state();
    assert!(check_extension(&object(1, 1, 7), 1, &state).is_ok());
    let error = check_extension(&object(1, 1, 7), 2, &state).unwrap_err();
    assert!(
        matches!(
            error,
            SuiError::InvalidEpochs {
                requested: 4,
                max: 3
            }
        ),
        "{error}"
    );
    assert!(check_extension(&object(1, 1, 7), 0, &state).is_err());
    let error = check_extension(&object(1, 1, 5), 1, &state).unwrap_err();
    assert!(
        matches!(
            error,
            SuiError::BlobExpired {
                end_epoch: 5,
                epoch: 5,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn objects_are_matched_to_requests() {
    let state = state();
    let executed = Executed {
        digest: Digest::new([1; 32]),
        checkpoint: None,
        gas_mist: 10,
        changed: vec![],
        events: vec![],
    };
    let batch = [
        request(1, 1, StorageSource::Buy(1)),
        request(2, 1, StorageSource::Buy(1)),
        request(1, 1, StorageSource::Buy(1)),
    ];
    let objects = vec![object(10, 2, 6), object(11, 1, 6), object(12, 1, 6)];
    let matched = match_blobs(&batch, objects, &executed, &state).unwrap();
    let blob_ids: Vec<_> = matched.iter().map(|one| one.blob.blob_id.0[0]).collect();
    assert_eq!(blob_ids, [1, 2, 1]);
    assert_ne!(matched[0].blob.id, matched[2].blob.id);
    let gas: Vec<_> = matched.iter().map(|one| one.receipt.gas_mist).collect();
    assert_eq!(gas, [4, 3, 3]);

    let error = match_blobs(&batch, vec![object(10, 2, 6)], &executed, &state).unwrap_err();
    assert!(matches!(error, SuiError::UnexpectedEffects { .. }));
}

#[test]
fn shares_of_gas_add_up_to_what_was_paid() {
    for gas_mist in [0, 7, 1_000_001, -5] {
        let executed = Executed {
            digest: Digest::new([1; 32]),
            checkpoint: None,
            gas_mist,
            changed: vec![],
            events: vec![],
        };
        let receipts = Receipt::shared(&executed, &[Frost(1), Frost(2), Frost(3)]);
        let shares = receipts.iter().map(|receipt| receipt.gas_mist);
        assert_eq!(shares.sum::<i128>(), gas_mist);
        assert!(Receipt::shared(&executed, &[]).is_empty());
    }
}

#[test]
fn who_cannot_buy_is_told_whether_the_price_or_the_epoch_is_to_blame() {
    let mut state = state();
    state.system_inner.storage_price_per_unit_size = u64::MAX;
    let dear = request(1, 1 << 20, StorageSource::Buy(3)).cost(&state);
    let text = dear.unwrap_err().to_string();
    assert!(
        text.contains("the price is larger than all WAL there is")
            && text.contains("18,446,744,073.709551615 WAL"),
        "{text}"
    );
    assert!(!text.contains("epoch 1"), "{text}");
    state.staking_inner.epoch = 0;
    state.system_inner.committee.epoch = 0;
    let early = request(1, 1 << 20, StorageSource::Buy(3)).cost(&state);
    let text = early.unwrap_err().to_string();
    assert!(
        text.contains("storage cannot be bought before epoch 1"),
        "{text}"
    );
}

#[test]
fn bitmaps_end_with_the_last_signer() {
    let bitmap = |signers: &[u16]| {
        bitmap_of(&ProtocolCertificate {
            signers: signers.to_vec(),
            serialized_message: vec![],
            signature: walrus_core::ProtocolSignature([0; 96]),
        })
    };
    assert_eq!(bitmap(&[]).unwrap(), [0u8; 0]);
    assert_eq!(bitmap(&[3, 0]).unwrap(), [0b1001]);
    assert_eq!(bitmap(&[8]).unwrap(), [0, 1]);
    assert!(bitmap(&[1, 1]).is_err());
}
