/// Selling, paying, accounting and rewarding. Certificates with signatures are tested on a chain.
module walrus::system_state_tests;

use std::unit_test::{assert_eq, destroy};
use sui::balance;
use sui::bls12381;
use sui::coin::{Self, Coin};
use wal::wal::WAL;
use walrus::blob;
use walrus::bls_aggregate::{Self, BlsCommittee};
use walrus::encoding;
use walrus::epoch_parameters;
use walrus::storage_node;
use walrus::system_state_inner::{Self, SystemStateInnerV1};

const MIB: u64 = 1_024 * 1_024;
const CAPACITY: u64 = 100 * 1_024 * 1_024;
const STORAGE_PRICE: u64 = 5;
const WRITE_PRICE: u64 = 7;
const MAX_EPOCHS_AHEAD: u32 = 4;
const RS2: u8 = 1;
const FUNDS: u64 = 1_000_000;

fun node(i: u64): ID {
    sui::address::from_u256((i + 1) as u256).to_id()
}

fun committee(epoch: u32, weights: vector<u16>): BlsCommittee {
    let key = bls12381::g1_to_uncompressed_g1(&bls12381::g1_generator());
    let members = vector::tabulate!(weights.length(), |i| {
        bls_aggregate::new_bls_committee_member(key, weights[i], node(i))
    });
    bls_aggregate::new_bls_committee(epoch, members)
}

fun system(): SystemStateInnerV1 {
    system_state_inner::new_for_testing(
        committee(0, vector[5, 3, 2]),
        CAPACITY,
        STORAGE_PRICE,
        WRITE_PRICE,
        MAX_EPOCHS_AHEAD,
        &mut tx_context::dummy(),
    )
}

fun funds(): Coin<WAL> {
    coin::mint_for_testing(FUNDS, &mut tx_context::dummy())
}

/// Moves to the next epoch with the same committee; returns each member's reward.
fun next_epoch(system: &mut SystemStateInnerV1): vector<u64> {
    let params = epoch_parameters::new(CAPACITY);
    let committee = committee(system.epoch() + 1, vector[5, 3, 2]);
    let (_, rewards) = system.advance_epoch(committee, &params).into_keys_values();
    rewards.map!(|reward| reward.destroy_for_testing())
}

/// Rewards booked for each epoch, from the current one on.
fun booked(system: &SystemStateInnerV1): vector<u64> {
    vector::tabulate!(MAX_EPOCHS_AHEAD as u64, |i| {
        system.future_accounting()[i as u32].rewards()
    })
}

fun used(system: &SystemStateInnerV1): vector<u64> {
    vector::tabulate!(MAX_EPOCHS_AHEAD as u64, |i| {
        system.future_accounting()[i as u32].used_capacity()
    })
}

// === Reserving ===

#[test]
fun space_is_paid_per_started_unit_and_epoch() {
    let ctx = &mut tx_context::dummy();
    let mut system = system();
    let mut payment = funds();
    let storage = system.reserve_space(MIB + 1, 3, &mut payment, ctx);
    assert_eq!(payment.value(), FUNDS - 3 * 2 * STORAGE_PRICE);
    assert_eq!(booked(&system), vector[10, 10, 10, 0]);
    assert_eq!(used(&system), vector[MIB + 1, MIB + 1, MIB + 1, 0]);
    assert_eq!(system.used_capacity_size(), MIB + 1);
    assert_eq!(storage.start_epoch(), 0);
    assert_eq!(storage.end_epoch(), 3);
    assert_eq!(storage.size(), MIB + 1);
    storage.destroy();
    destroy(payment);
    destroy(system);
}

#[test]
fun space_for_later_epochs() {
    let ctx = &mut tx_context::dummy();
    let mut system = system();
    let mut payment = funds();
    let storage = system.reserve_space_for_epochs(MIB, 2, 4, &mut payment, ctx);
    assert_eq!(booked(&system), vector[0, 0, 5, 5]);
    assert_eq!(used(&system), vector[0, 0, MIB, MIB]);
    assert_eq!(system.used_capacity_size(), 0);
    storage.destroy();
    next_epoch(&mut system);
    next_epoch(&mut system);
    // What is past is not sold any more.
    let storage = system.reserve_space_for_epochs(MIB, 0, 3, &mut payment, ctx);
    assert_eq!(storage.start_epoch(), 2);
    assert_eq!(used(&system), vector[2 * MIB, MIB, 0, 0]);
    storage.destroy();
    destroy(payment);
    destroy(system);
}

#[test]
fun space_can_be_sold_out_exactly() {
    let ctx = &mut tx_context::dummy();
    let mut system = system();
    let mut payment = funds();
    system.reserve_space(CAPACITY, 1, &mut payment, ctx).destroy();
    system.reserve_space_for_epochs(CAPACITY, 1, 2, &mut payment, ctx).destroy();
    destroy(payment);
    destroy(system);
}

#[test, expected_failure(abort_code = system_state_inner::EStorageExceeded)]
fun more_than_there_is() {
    let mut payment = funds();
    destroy(system().reserve_space(CAPACITY + 1, 1, &mut payment, &mut tx_context::dummy()));
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EStorageExceeded)]
fun more_than_there_is_in_a_later_epoch() {
    let ctx = &mut tx_context::dummy();
    let mut system = system();
    let mut payment = funds();
    destroy(system.reserve_space_for_epochs(CAPACITY, 2, 3, &mut payment, ctx));
    destroy(system.reserve_space(1, 3, &mut payment, ctx));
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun space_for_no_epochs() {
    let mut payment = funds();
    destroy(system().reserve_space(1, 0, &mut payment, &mut tx_context::dummy()));
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun space_for_too_many_epochs() {
    let mut payment = funds();
    destroy(system().reserve_space(1, 5, &mut payment, &mut tx_context::dummy()));
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun space_that_ends_before_it_starts() {
    let mut payment = funds();
    let ctx = &mut tx_context::dummy();
    destroy(system().reserve_space_for_epochs(1, 2, 2, &mut payment, ctx));
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun space_beyond_the_last_epoch() {
    let mut payment = funds();
    let ctx = &mut tx_context::dummy();
    destroy(system().reserve_space_for_epochs(1, 2, 5, &mut payment, ctx));
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidResourceSize)]
fun no_space() {
    let mut payment = funds();
    destroy(system().reserve_space(0, 1, &mut payment, &mut tx_context::dummy()));
    abort
}

#[test, expected_failure(abort_code = balance::ENotEnough, location = balance)]
fun a_coin_that_is_too_small() {
    let ctx = &mut tx_context::dummy();
    let mut payment = coin::mint_for_testing(STORAGE_PRICE * 2 - 1, ctx);
    destroy(system().reserve_space(1, 2, &mut payment, ctx));
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidMaxEpochsAhead)]
fun too_many_epochs_ahead() {
    let ctx = &mut tx_context::dummy();
    destroy(system_state_inner::create_empty(1000, ctx));
    destroy(system_state_inner::create_empty(1001, ctx));
    abort
}

// === Blobs ===

#[test]
fun registering_costs_the_write_price_of_the_encoded_size() {
    let ctx = &mut tx_context::dummy();
    let mut system = system();
    let mut payment = funds();
    let size = MIB;
    let encoded = encoding::encoded_blob_length(size, RS2, 10);
    let storage = system.reserve_space(encoded, 2, &mut payment, ctx);
    let before = payment.value();
    let root_hash = 99;
    let blob_id = blob::derive_blob_id(root_hash, RS2, size);
    let blob = system.register_blob(
        storage,
        blob_id,
        root_hash,
        size,
        RS2,
        true,
        &mut payment,
        ctx,
    );
    let units = encoded.divide_and_round_up(MIB);
    assert_eq!(before - payment.value(), units * WRITE_PRICE);
    assert_eq!(booked(&system)[0], units * (STORAGE_PRICE + WRITE_PRICE));
    assert_eq!(booked(&system)[1], units * STORAGE_PRICE);
    system.delete_blob(blob).destroy();
    // Deleting gives no capacity back.
    assert_eq!(system.used_capacity_size(), encoded);
    destroy(payment);
    destroy(system);
}

#[test]
fun extension_is_counted_from_the_present_end() {
    let ctx = &mut tx_context::dummy();
    let mut system = system();
    let mut payment = funds();
    let mut blob = certified_blob(&mut system, 2, ctx);
    let before = booked(&system);
    system.extend_blob(&mut blob, 2, &mut payment);
    assert_eq!(blob.end_epoch(), 4);
    assert_eq!(payment.value(), FUNDS - 2 * STORAGE_PRICE);
    assert_eq!(booked(&system), vector[before[0], before[1], STORAGE_PRICE, STORAGE_PRICE]);
    assert_eq!(used(&system)[3], blob.storage().size());
    blob.burn();
    destroy(payment);
    destroy(system);
}

#[test]
fun extension_by_a_resource() {
    let ctx = &mut tx_context::dummy();
    let mut system = system();
    let mut payment = funds();
    let mut blob = certified_blob(&mut system, 2, ctx);
    let size = blob.storage().size();
    let extension = system.reserve_space_for_epochs(size, 2, 3, &mut payment, ctx);
    system.extend_blob_with_resource(&mut blob, extension);
    assert_eq!(blob.end_epoch(), 3);
    blob.burn();
    destroy(payment);
    destroy(system);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun extension_by_nothing() {
    let mut system = system();
    let mut payment = funds();
    let mut blob = certified_blob(&mut system, 2, &mut tx_context::dummy());
    system.extend_blob(&mut blob, 0, &mut payment);
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun extension_beyond_the_last_epoch() {
    let mut system = system();
    let mut payment = funds();
    let mut blob = certified_blob(&mut system, 2, &mut tx_context::dummy());
    system.extend_blob(&mut blob, 3, &mut payment);
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun extension_by_a_huge_number_of_epochs() {
    let mut system = system();
    let mut payment = funds();
    let mut blob = certified_blob(&mut system, 2, &mut tx_context::dummy());
    system.extend_blob(&mut blob, 4_294_967_295, &mut payment);
    abort
}

#[test, expected_failure(abort_code = blob::EResourceBounds)]
fun extension_of_an_expired_blob() {
    let mut system = system();
    let mut payment = funds();
    let mut blob = certified_blob(&mut system, 1, &mut tx_context::dummy());
    next_epoch(&mut system);
    system.extend_blob(&mut blob, 1, &mut payment);
    abort
}

fun certified_blob(system: &mut SystemStateInnerV1, epochs: u32, ctx: &mut TxContext): blob::Blob {
    let mut payment = funds();
    let storage = system.reserve_space(
        encoding::encoded_blob_length(1, RS2, 10),
        epochs,
        &mut payment,
        ctx,
    );
    let blob_id = blob::derive_blob_id(1, RS2, 1);
    let mut blob = system.register_blob(storage, blob_id, 1, 1, RS2, false, &mut payment, ctx);
    blob.certify(system.epoch());
    destroy(payment);
    blob
}

// === Epoch change ===

/// Weights 5, 3, 2; the second member denies a tenth of what is stored, the third more than that is.
#[test]
fun rewards_by_stored_bytes() {
    let mut system = system();
    let stored = 10_000_000;
    system.use_capacity_for_testing(stored);
    let deny_list_sizes = system.deny_list_sizes_for_testing();
    deny_list_sizes.insert(node(1), 1_000_000);
    deny_list_sizes.insert(node(2), 99_000_000_000);
    system.add_subsidy(coin::mint_for_testing(1_000_003, &mut tx_context::dummy()), 1);

    assert_eq!(system.take_burn_share().destroy_for_testing(), 30_000);
    let total = 970_003u128;
    let first = (5 * total * 10 / 77) as u64;
    let second = (3 * total * 9 / 77) as u64;
    assert_eq!(next_epoch(&mut system), vector[first, second, 0]);
    assert_eq!(first, 629_872);
    assert_eq!(second, 340_130);
    // The rest goes to the new epoch.
    assert_eq!(booked(&system), vector[1, 0, 0, 0]);
    destroy(system);
}

#[test]
fun without_stored_bytes_everything_rolls_over() {
    let mut system = system();
    system.add_subsidy(coin::mint_for_testing(1_000, &mut tx_context::dummy()), 1);
    assert_eq!(system.take_burn_share().destroy_for_testing(), 30);
    assert_eq!(next_epoch(&mut system), vector[0, 0, 0]);
    assert_eq!(booked(&system), vector[970, 0, 0, 0]);
    destroy(system);
}

#[test]
fun very_large_rewards_and_capacities() {
    let mut system = system_state_inner::new_for_testing(
        committee(0, vector[500, 300, 200]),
        std::u64::max_value!(),
        1,
        1,
        1,
        &mut tx_context::dummy(),
    );
    system.use_capacity_for_testing(std::u64::max_value!());
    let all = 5_000_000_000_000_000_000;
    system.add_subsidy(coin::mint_for_testing(all, &mut tx_context::dummy()), 1);
    let rewards = next_epoch(&mut system);
    assert_eq!(rewards, vector[all / 2, all / 10 * 3, all / 10 * 2]);
    destroy(system);
}

#[test]
fun capacity_never_falls_below_what_is_sold() {
    let ctx = &mut tx_context::dummy();
    let mut system = system();
    let mut payment = funds();
    system.reserve_space(CAPACITY, 2, &mut payment, ctx).destroy();
    let less = epoch_parameters::new(CAPACITY / 2);
    let rewards = system.advance_epoch(committee(1, vector[10]), &less);
    assert_eq!(system.total_capacity_size(), CAPACITY);
    destroy(rewards);
    let rewards = system.advance_epoch(committee(2, vector[10]), &less);
    assert_eq!(system.total_capacity_size(), CAPACITY / 2);
    assert_eq!(system.used_capacity_size(), 0);
    destroy(rewards);
    destroy(payment);
    destroy(system);
}

#[test, expected_failure(abort_code = system_state_inner::EIncorrectCommittee)]
fun a_committee_of_another_epoch() {
    let params = epoch_parameters::new(CAPACITY);
    destroy(system().advance_epoch(committee(2, vector[10]), &params));
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidAccountingEpoch)]
fun an_accounting_of_another_epoch() {
    let ctx = &mut tx_context::dummy();
    // The ring starts with epoch 0.
    let mut system = system_state_inner::new_for_testing(
        committee(3, vector[10]),
        CAPACITY,
        STORAGE_PRICE,
        WRITE_PRICE,
        MAX_EPOCHS_AHEAD,
        ctx,
    );
    destroy(system.advance_epoch(committee(4, vector[10]), &epoch_parameters::new(CAPACITY)));
    abort
}

#[test]
fun prices_are_set() {
    let ctx = &mut tx_context::dummy();
    let mut system = system();
    system.update_prices(11, 13);
    let mut payment = funds();
    system.reserve_space(1, 1, &mut payment, ctx).destroy();
    assert_eq!(payment.value(), FUNDS - 11);
    destroy(payment);
    destroy(system);
}

// === Subsidies ===

#[test]
fun a_subsidy_is_spread_and_the_first_epoch_gets_the_remainder() {
    let ctx = &mut tx_context::dummy();
    let mut system = system();
    system.add_subsidy(coin::mint_for_testing(1_002, ctx), 4);
    assert_eq!(booked(&system), vector[252, 250, 250, 250]);
    system.add_per_epoch_subsidies(vector[1, 2, 3].map!(|v| balance::create_for_testing(v)));
    assert_eq!(booked(&system), vector[253, 252, 253, 250]);
    destroy(system);
}

#[test]
fun a_subsidy_of_nothing() {
    let ctx = &mut tx_context::dummy();
    let mut system = system();
    system.add_subsidy(coin::zero(ctx), 3);
    system.add_subsidy(coin::mint_for_testing(2, ctx), 3);
    system.add_per_epoch_subsidies(vector[]);
    assert_eq!(booked(&system), vector[2, 0, 0, 0]);
    destroy(system);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun a_subsidy_for_no_epochs() {
    system().add_subsidy(funds(), 0);
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun a_subsidy_beyond_the_last_epoch() {
    system().add_subsidy(funds(), 5);
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun subsidies_for_too_many_epochs() {
    system().add_per_epoch_subsidies(vector::tabulate!(5, |_| balance::create_for_testing(1)));
    abort
}

// === Event blobs ===

/// Attests an event blob of one byte, as node `i` of weights 5, 3, 2.
fun attest(
    system: &mut SystemStateInnerV1,
    cap: &mut storage_node::StorageNodeCap,
    root_hash: u256,
    checkpoint: u64,
) {
    let ctx = &mut tx_context::dummy();
    let blob_id = blob::derive_blob_id(root_hash, RS2, 1);
    let epoch = system.epoch();
    system.certify_event_blob(cap, blob_id, root_hash, 1, RS2, checkpoint, epoch, ctx);
}

fun cap(i: u64): storage_node::StorageNodeCap {
    storage_node::new_cap(node(i), &mut tx_context::dummy())
}

#[test]
fun a_quorum_certifies_an_event_blob_free_of_charge() {
    let mut system = system();
    let (mut a, mut b, mut c) = (cap(0), cap(1), cap(2));
    attest(&mut system, &mut a, 1, 100);
    assert_eq!(system.used_capacity_size(), 0);
    attest(&mut system, &mut c, 1, 100);
    assert_eq!(system.used_capacity_size(), encoding::encoded_blob_length(1, RS2, 10));
    assert_eq!(booked(&system), vector[0, 0, 0, 0]);
    // The late one does not matter any more; the next event blob starts again.
    attest(&mut system, &mut b, 1, 100);
    attest(&mut system, &mut a, 2, 200);
    attest(&mut system, &mut b, 2, 200);
    assert_eq!(used(&system)[3], 2 * encoding::encoded_blob_length(1, RS2, 10));
    destroy(vector[a, b, c]);
    destroy(system);
}

#[test]
fun an_epoch_change_clears_the_tally() {
    let mut system = system();
    let (mut a, mut b) = (cap(0), cap(1));
    attest(&mut system, &mut a, 1, 100);
    next_epoch(&mut system);
    attest(&mut system, &mut b, 1, 100);
    assert_eq!(system.used_capacity_size(), 0);
    // In a new epoch a node may attest the same event blob again.
    attest(&mut system, &mut a, 1, 100);
    assert!(system.used_capacity_size() > 0);
    destroy(vector[a, b]);
    destroy(system);
}

#[test, expected_failure(abort_code = system_state_inner::ERepeatedAttestation)]
fun attest_twice() {
    let mut system = system();
    let mut a = cap(0);
    attest(&mut system, &mut a, 1, 100);
    attest(&mut system, &mut a, 1, 100);
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EIncorrectAttestation)]
fun attest_the_next_before_the_last_is_certified() {
    let mut system = system();
    let mut a = cap(0);
    attest(&mut system, &mut a, 1, 100);
    attest(&mut system, &mut a, 2, 200);
    abort
}

#[test, expected_failure(abort_code = system_state_inner::ENotCommitteeMember)]
fun attest_as_somebody_else() {
    let mut system = system();
    let mut stranger = cap(9);
    attest(&mut system, &mut stranger, 1, 100);
    abort
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidIdEpoch)]
fun attest_in_another_epoch() {
    let ctx = &mut tx_context::dummy();
    let mut system = system();
    let mut a = cap(0);
    system.certify_event_blob(&mut a, 1, 1, 1, RS2, 100, 1, ctx);
    abort
}
