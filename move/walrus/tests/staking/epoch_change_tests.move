/// The change of epochs through the shared objects, and what is told about it.
module walrus::epoch_change_tests;

use std::unit_test::{assert_eq, destroy};
use sui::bcs;
use sui::event;
use walrus::events::{
    EpochChangeDone,
    EpochChangeStart,
    EpochParametersSelected,
    PricesUpdated,
    ShardsReceived,
};
use walrus::staking_inner;
use walrus::test_network::{Self, Network};

fun sync(network: &mut Network, i: u64, epoch: u32) {
    let (staking, cap, clock, _) = network.operator_parts(i);
    staking.epoch_sync_done(cap, epoch, clock);
}

#[test]
fun every_step_is_told() {
    let mut network = test_network::running();
    network.next_tx();
    network.end_votes();
    let selected = event::events_by_type<EpochParametersSelected>();
    assert_eq!(bcs::to_bytes(&selected), x"0102000000");
    network.change_epoch();
    assert_eq!(bcs::to_bytes(&event::events_by_type<EpochChangeStart>()), x"0102000000");
    assert_eq!(event::events_by_type<PricesUpdated>().length(), 1);

    // Three of four nodes are a quorum; the last one tells that it is late.
    4u64.do!(|i| {
        sync(&mut network, i, 2);
        let done = event::events_by_type<EpochChangeDone>();
        assert_eq!(done.length(), if (i < 2) 0 else 1);
        assert_eq!(event::events_by_type<ShardsReceived>().length(), i + 1);
    });
    let node_id = network.node_id(3);
    let (_, staking, _, _, _) = network.staking_parts();
    let mut expected = x"02000000";
    expected.append(bcs::to_bytes(staking.committee().shards(&node_id)));
    assert_eq!(bcs::to_bytes(&event::events_by_type<ShardsReceived>()[3]), expected);
    destroy(network);
}

#[test]
fun anybody_may_change_the_epoch() {
    let mut network = test_network::running();
    network.scenario().next_tx(@0xB0B);
    network.end_votes();
    network.change_epoch();
    let (system, staking, _, _, _) = network.staking_parts();
    assert_eq!(staking.epoch(), 2);
    assert_eq!(system.epoch(), 2);
    destroy(network);
}

#[test]
fun system_and_staking_have_the_same_committee() {
    let mut network = test_network::running();
    3u64.do!(|_| {
        network.add_node();
        network.next_epoch();
        let (system, staking, _, _, _) = network.staking_parts();
        let members = staking.committee().inner();
        let weights = system.inner_mut_for_testing().committee().to_weights();
        assert_eq!(weights.keys(), members.keys());
        let (_, counts) = weights.into_keys_values();
        let (_, shards) = (*members).into_keys_values();
        assert_eq!(counts, shards.map!(|shards| shards.length() as u16));
    });
    destroy(network);
}

#[test, expected_failure(abort_code = staking_inner::ENextCommitteeIsEmpty)]
fun the_epoch_does_not_change_before_the_votes_end() {
    let mut network = test_network::running();
    network.change_epoch();
    abort
}

#[test, expected_failure(abort_code = staking_inner::ENextCommitteeIsEmpty)]
fun the_epoch_changes_once() {
    let mut network = test_network::running();
    network.end_votes();
    network.change_epoch();
    network.change_epoch();
    abort
}

#[test, expected_failure(abort_code = staking_inner::EWrongEpochState)]
fun the_epoch_does_not_change_before_its_time() {
    let mut network = test_network::running();
    let (_, staking, _, clock, _) = network.staking_parts();
    let mut early = sui::clock::create_for_testing(&mut tx_context::dummy());
    early.set_for_testing(clock.timestamp_ms() + 999);
    staking.voting_end(&early);
    let (system, staking, treasury, _, ctx) = network.staking_parts();
    staking.initiate_epoch_change_v2(system, treasury, &early, ctx);
    destroy(early);
    abort
}

#[test, expected_failure(abort_code = staking_inner::EInvalidSyncEpoch)]
fun attest_the_epoch_before() {
    let mut network = test_network::running();
    network.next_epoch();
    sync(&mut network, 0, 1);
    abort
}

#[test, expected_failure(abort_code = staking_inner::EDuplicateSyncDone)]
fun attest_twice() {
    let mut network = test_network::running();
    sync(&mut network, 0, 1);
    abort
}

#[test, expected_failure(abort_code = staking_inner::ENotInCommittee)]
fun attest_without_shards() {
    let mut network = test_network::running();
    network.add_node();
    sync(&mut network, 4, 1);
    abort
}

#[test]
fun the_first_epoch_may_change_in_one_transaction() {
    let mut network = test_network::deploy();
    network.add_node();
    let (_, staking, _, clock, _) = network.staking_parts();
    staking.voting_end(clock);
    network.change_epoch();
    let (system, _, _, _, _) = network.staking_parts();
    assert_eq!(system.epoch(), 1);
    destroy(network);
}
