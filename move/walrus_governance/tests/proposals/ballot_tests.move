module walrus_governance::ballot_tests;

use std::unit_test::{assert_eq, destroy};
use walrus::test_network::{Self, Network};
use walrus_governance::ballot::{Self, Ballot};
use walrus_governance::choice;
use walrus_governance::tally::Tally;

use fun ballot as Network.ballot;
use fun node as Ballot.node;
use fun stake as Ballot.stake;

const SHARD: u64 = 1_000_000;

/// A ballot of nodes with 3, 3, 2 and 2 shards and a stake of 1000 each, opened in epoch 5 for two epochs.
fun open(): (Network, Ballot) {
    open_with(vector[1_000, 1_000, 1_000, 1_000])
}

/// A ballot with these stakes, in the order of registration.
fun open_with(stakes: vector<u64>): (Network, Ballot) {
    let mut network = test_network::running();
    let ballot = network.ballot(stakes);
    (network, ballot)
}

/// A ballot of the network's committee with these stakes, in the order of registration.
fun ballot(network: &mut Network, stakes: vector<u64>): Ballot {
    let ids = vector::tabulate!(4, |i| network.node_id(i));
    let (_, staking, _, _, ctx) = network.staking_parts();
    let committee = staking.committee();
    let totals = committee
        .inner()
        .keys()
        .map!(|id| stakes[ids.find_index!(|other| *other == id).destroy_some()]);
    ballot::open(committee, totals, 5, 2, ctx)
}

fun end(network: Network, ballot: Ballot) {
    destroy(network);
    destroy(ballot);
}

fun node(ballot: &mut Ballot, network: &Network, i: u64, choice: u8): u16 {
    ballot.vote_as_node(network.node_id(i), choice::from_u8(choice), option::none())
}

/// Votes with stake number `stake` with node `i`.
fun stake(ballot: &mut Ballot, network: &Network, stake: u256, i: u64, choice: u8, value: u64) {
    let stake_id = sui::address::from_u256(stake).to_id();
    let node_id = network.node_id(i);
    ballot.vote_with_stake(stake_id, node_id, choice::from_u8(choice), value, option::none());
}

fun assert_votes(tally: Tally, votes: vector<u64>) {
    assert_eq!(vector[tally.yes(), tally.no(), tally.abstain()], votes);
    assert_eq!(tally.total(), 10 * SHARD);
}

#[test]
fun the_snapshot() {
    let (network, ballot) = open();
    assert_eq!(ballot.opened_epoch(), 5);
    assert_eq!(ballot.end_epoch(), 8);
    assert_eq!(ballot.total_weight(), 10);
    assert_eq!(ballot.node_weight(network.node_id(0)), 3);
    assert_eq!(ballot.node_weight(@0xBAD.to_id()), 0);
    assert_eq!(ballot.node_stake(network.node_id(0)), 1_000);
    assert_eq!(ballot.node_stake(@0xBAD.to_id()), 0);
    assert_eq!(ballot.node_choice(network.node_id(0)), option::none());
    assert_eq!(ballot.node_choice(@0xBAD.to_id()), option::none());
    assert_eq!(ballot.stake_choice(@0xBAD.to_id()), option::none());
    assert_votes(ballot.count(), vector[0, 0, 0]);
    end(network, ballot);
}

#[test]
fun nodes_vote_with_their_shards() {
    let (network, mut ballot) = open();
    assert_eq!(ballot.node(&network, 0, 0), 3);
    assert_eq!(ballot.node(&network, 2, 1), 2);
    ballot.node(&network, 3, 2);
    assert_votes(ballot.count(), vector[3 * SHARD, 2 * SHARD, 2 * SHARD]);
    // A later vote replaces an earlier one.
    ballot.node(&network, 0, 1);
    assert_votes(ballot.count(), vector[0, 5 * SHARD, 2 * SHARD]);
    assert_eq!(ballot.node_choice(network.node_id(0)), option::some(choice::from_u8(1)));
    end(network, ballot);
}

#[test]
fun delegators_override_their_node() {
    let (network, mut ballot) = open();
    // A quarter of the stake with a node of three shards.
    ballot.stake(&network, 1, 0, 1, 250);
    assert_votes(ballot.count(), vector[0, 750_000, 0]);
    // The node speaks for the rest, whether it votes later or changes its vote.
    ballot.node(&network, 0, 0);
    assert_votes(ballot.count(), vector[2_250_000, 750_000, 0]);
    ballot.node(&network, 0, 2);
    assert_votes(ballot.count(), vector[0, 750_000, 2_250_000]);
    // Delegators after the node.
    ballot.stake(&network, 2, 0, 0, 500);
    assert_votes(ballot.count(), vector[1_500_000, 750_000, 750_000]);
    // A changed vote counts once.
    ballot.stake(&network, 2, 0, 1, 500);
    assert_votes(ballot.count(), vector[0, 2_250_000, 750_000]);
    let stake_id = @0x2.to_id();
    assert_eq!(ballot.stake_choice(stake_id), option::some(choice::from_u8(1)));
    // One taken back counts no more.
    ballot.retract_stake(stake_id);
    assert_votes(ballot.count(), vector[0, 750_000, 2_250_000]);
    assert_eq!(ballot.stake_choice(stake_id), option::none());
    end(network, ballot);
}

#[test]
fun the_whole_supply_is_not_too_much() {
    let supply = 5_000_000_000_000_000_000;
    let (network, mut ballot) = open_with(vector[supply, 0, 0, 0]);
    ballot.stake(&network, 1, 0, 0, supply / 3);
    assert_votes(ballot.count(), vector[999_999, 0, 0]);
    end(network, ballot);
}

#[test]
fun more_stake_than_expected_shares_the_weight() {
    // Somebody attested too little, or nothing.
    let (network, mut ballot) = open_with(vector[100, 0, 0, 0]);
    ballot.stake(&network, 1, 0, 0, 200);
    ballot.stake(&network, 2, 0, 1, 100);
    ballot.node(&network, 0, 2);
    assert_votes(ballot.count(), vector[2_000_000, 1_000_000, 0]);
    ballot.stake(&network, 3, 2, 0, 1);
    assert_votes(ballot.count(), vector[4_000_000, 1_000_000, 0]);
    // A node without stake that votes has its weight.
    ballot.node(&network, 3, 0);
    assert_votes(ballot.count(), vector[6_000_000, 1_000_000, 0]);
    end(network, ballot);
}

#[test]
fun parts_are_rounded_down() {
    let (network, mut ballot) = open_with(vector[7, 7, 7, 7]);
    ballot.stake(&network, 1, 2, 0, 3);
    ballot.stake(&network, 2, 2, 1, 4);
    // 2,000,000 · 3/7 and 4/7; the lost unit is nobody's, unless the node votes.
    assert_votes(ballot.count(), vector[857_142, 1_142_857, 0]);
    ballot.node(&network, 2, 2);
    assert_votes(ballot.count(), vector[857_142, 1_142_857, 1]);
    end(network, ballot);
}

#[test]
fun no_votes_ever_exceed_the_weight() {
    // Up to 50 stakes vote; what is attested is now more and now less than they are.
    let (network, mut ballot) = open_with(vector[0, 1_000_000_000, 1 << 50, 1 << 62]);
    let mut state = 42u64;
    let nodes = vector::tabulate!(4, |i| network.node_id(i));
    200u64.do!(|_| {
        // A generator that needs no more than 64 bits.
        state = (state * 48_271) % 2_147_483_647;
        let value = state * (1 + state % 1_000_003);
        let i = state % 4;
        let choice = ((state / 7) % 3) as u8;
        ballot.stake(&network, (1 + state % 50) as u256, i, choice, value);
        if (state % 5 == 0) {
            ballot.node(&network, i, choice);
        };
        let tally = ballot.count();
        let sum = tally.yes() + tally.no() + tally.abstain();
        assert!(sum <= 10 * SHARD);
        // When all nodes vote, nothing is lost either.
        let have_voted = nodes.all!(|node_id| ballot.node_choice(*node_id).is_some());
        if (have_voted) assert_eq!(sum, 10 * SHARD);
    });
    end(network, ballot);
}

#[test]
fun reasons_are_replaced() {
    let (network, mut ballot) = open();
    let node_id = network.node_id(0);
    let yes = choice::from_u8(0);
    assert_eq!(ballot.reason(node_id), option::none());
    let longest = vector::tabulate!(512, |_| 65u8).to_string();
    ballot.vote_as_node(node_id, yes, option::some(longest));
    assert_eq!(ballot.reason(node_id), option::some(longest));
    let short = b"because".to_string();
    ballot.vote_as_node(node_id, yes, option::some(short));
    assert_eq!(ballot.reason(node_id), option::some(short));
    ballot.vote_as_node(node_id, yes, option::none());
    assert_eq!(ballot.reason(node_id), option::none());
    // A vote that is taken back takes its reason along.
    let stake_id = @0x2.to_id();
    ballot.vote_with_stake(stake_id, node_id, yes, 5, option::some(short));
    assert_eq!(ballot.reason(stake_id), option::some(short));
    ballot.retract_stake(stake_id);
    assert_eq!(ballot.reason(stake_id), option::none());
    end(network, ballot);
}

#[test, expected_failure(abort_code = ballot::EReasonTooLong)]
fun a_long_reason() {
    let (network, mut ballot) = open();
    let reason = vector::tabulate!(513, |_| 65u8).to_string();
    ballot.vote_as_node(network.node_id(0), choice::from_u8(0), option::some(reason));
    abort
}

#[test, expected_failure(abort_code = ballot::ENotInSnapshot)]
fun a_node_of_another_committee() {
    let (_network, mut ballot) = open();
    ballot.vote_as_node(@0xBAD.to_id(), choice::from_u8(0), option::none());
    abort
}

#[test, expected_failure(abort_code = ballot::ENotInSnapshot)]
fun stake_with_a_node_of_another_committee() {
    let (_network, mut ballot) = open();
    let yes = choice::from_u8(0);
    ballot.vote_with_stake(@0x1.to_id(), @0xBAD.to_id(), yes, 1, option::none());
    abort
}

#[test, expected_failure(abort_code = ballot::ENotInSnapshot)]
fun weight_of_a_node_of_another_committee() {
    let (_network, ballot) = open();
    ballot.member_weight(@0xBAD.to_id());
    abort
}
