module walrus_governance::governance_tests;

use std::unit_test::{assert_eq, destroy};
use sui::event;
use sui::package;
use sui::test_scenario;
use walrus::staking_inner;
use walrus::test_network;
use walrus_governance::content;
use walrus_governance::events::{ForfeitedBurnt, GovernanceCreated, GovernanceMigrated};
use walrus_governance::governance::{Self, Governance, InitCap};
use walrus_governance::proposal;
use walrus_governance::test_world;

const YES: u8 = 0;

// === Setup ===

#[test]
fun the_publisher_sets_it_up() {
    let mut scenario = test_scenario::begin(@0xAD);
    governance::init_for_testing(scenario.ctx());
    scenario.next_tx(@0xAD);
    let init_cap = scenario.take_from_sender<InitCap>();
    // In tests the package is at 0x0.
    let upgrade_cap = package::test_publish(@walrus_governance.to_id(), scenario.ctx());
    let bootstrap_cap = governance::initialize(
        init_cap,
        upgrade_cap,
        test_world::parameters(),
        scenario.ctx(),
    );
    assert_eq!(event::events_by_type<GovernanceCreated>().length(), 1);
    scenario.next_tx(@0xAD);
    let governance = scenario.take_shared<Governance>();
    assert_eq!(governance.version(), 1);
    assert_eq!(governance.next_number(), 0);
    assert_eq!(governance.forfeited(), 0);
    assert!(governance.parameters() == test_world::parameters());
    assert!(governance.authority_id() != object::id(&governance));
    test_scenario::return_shared(governance);
    destroy(bootstrap_cap);
    scenario.end();
}

#[test, expected_failure(abort_code = governance::EInvalidUpgradeCap)]
fun an_upgrade_cap_of_another_package() {
    let mut scenario = test_scenario::begin(@0xAD);
    governance::init_for_testing(scenario.ctx());
    scenario.next_tx(@0xAD);
    let init_cap = scenario.take_from_sender<InitCap>();
    let upgrade_cap = package::test_publish(@0xBAD.to_id(), scenario.ctx());
    destroy(
        governance::initialize(init_cap, upgrade_cap, test_world::parameters(), scenario.ctx()),
    );
    abort
}

#[test]
fun an_old_object_is_migrated() {
    let mut world = test_world::start();
    world.governance_mut().set_version_for_testing(0);
    world.governance_mut().migrate();
    assert_eq!(event::events_by_type<GovernanceMigrated>().length(), 1);
    assert_eq!(world.governance().version(), 1);
    world.end();
}

#[test, expected_failure(abort_code = governance::EInvalidMigration)]
fun nothing_to_migrate() {
    let mut world = test_world::start();
    world.governance_mut().migrate();
    abort
}

#[test, expected_failure(abort_code = governance::EWrongVersion)]
fun the_object_is_of_a_newer_version() {
    let mut world = test_world::start();
    world.governance_mut().set_version_for_testing(2);
    world.propose(content::free_text());
    abort
}

#[test, expected_failure(abort_code = governance::EWrongVersion)]
fun steps_of_an_old_proposal_after_the_migration() {
    let mut world = test_world::start();
    let number = world.propose(content::free_text());
    world.skip(1);
    world.governance_mut().set_version_for_testing(2);
    world.open(number);
    abort
}

#[test, expected_failure(abort_code = governance::EWrongVersion)]
fun nodes_after_the_migration() {
    let mut world = test_world::with_keys();
    world.governance_mut().set_version_for_testing(2);
    world.delegate(0);
    abort
}

#[test, expected_failure(abort_code = governance::EWrongVersion)]
fun census_after_the_migration() {
    let mut world = test_world::with_keys();
    world.governance_mut().set_version_for_testing(2);
    world.attest(0, vector[1, 2, 3, 4]);
    abort
}

#[test, expected_failure(abort_code = governance::EWrongVersion)]
fun revoking_after_the_migration() {
    let mut world = test_world::with_keys();
    world.delegate(0);
    world.governance_mut().set_version_for_testing(2);
    world.revoke(0, walrus::auth::authorized_address(@0xCAFE));
    abort
}

#[test, expected_failure(abort_code = governance::EWrongVersion)]
fun burning_after_the_migration() {
    let mut world = test_world::start();
    world.governance_mut().set_version_for_testing(2);
    let (governance, _, treasury, ctx) = world.with_treasury();
    governance.burn_forfeited(treasury, ctx);
    abort
}

#[test, expected_failure(abort_code = governance::EWrongVersion)]
fun upgrading_after_the_migration() {
    let mut world = test_world::start();
    world.governance_mut().set_version_for_testing(2);
    let (governance, staking, _) = world.parts();
    walrus_governance::self_upgrade::sync_committee(governance, staking);
    abort
}

// === Proposals ===

#[test]
fun proposals_are_numbered() {
    let mut world = test_world::start();
    3u64.do!(|number| assert_eq!(world.propose(content::free_text()), number));
    assert_eq!(world.governance().next_number(), 3);
    world.end();
}

#[test]
fun the_parameters_of_the_creation_stay() {
    let mut world = test_world::start();
    let number = world.propose(content::free_text());
    let rules = walrus_governance::parameters::new(
        test_world::frost_per_wal(),
        8,
        8,
        8,
        16,
        33_34,
        50_00,
        50_00,
    );
    world.governance_mut().set_parameters(9, rules);
    // Under the new rules the discussion would last on.
    world.skip(1);
    world.open(number);
    assert_eq!(world.governance().proposal(number).ballot().borrow().end_epoch(), 4);
    world.end();
}

#[test]
fun lost_deposits_are_burnt() {
    let mut world = test_world::start();
    2u64.do!(|_| {
        let number = world.open_text();
        world.skip(2);
        world.close(number);
    });
    assert_eq!(world.governance().forfeited(), 2 * test_world::deposit());
    let before = world.supply();
    let (governance, _, treasury, ctx) = world.with_treasury();
    governance.burn_forfeited(treasury, ctx);
    assert_eq!(event::events_by_type<ForfeitedBurnt>().length(), 1);
    assert_eq!(world.governance().forfeited(), 0);
    assert_eq!(world.supply(), before - 2 * test_world::deposit());
    // Again, with nothing to burn.
    let (governance, _, treasury, ctx) = world.with_treasury();
    governance.burn_forfeited(treasury, ctx);
    assert_eq!(world.supply(), before - 2 * test_world::deposit());
    world.end();
}

#[test]
fun what_a_vote_misses() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    let (quorum, yes) = world.governance().missing(number);
    assert_eq!(quorum, 5_000_000);
    assert_eq!(yes, 1);
    world.vote(2, number, 1);
    let (quorum, yes) = world.governance().missing(number);
    assert_eq!(quorum, 3_000_000);
    assert_eq!(yes, 4_000_601);
    world.vote(0, number, YES);
    world.vote(1, number, YES);
    let (quorum, yes) = world.governance().missing(number);
    assert_eq!(quorum, 0);
    assert_eq!(yes, 0);
    let tally = world.governance().tally(number);
    assert_eq!(tally.total(), 10_000_000);
    world.end();
}

#[test]
fun a_vote_that_is_not_open_has_no_votes() {
    let mut world = test_world::start();
    let number = world.propose(content::free_text());
    assert_eq!(world.votes(number), vector[0, 0, 0]);
    world.end();
}

#[test]
fun slashing_is_proposed_for_nodes() {
    let mut world = test_world::start();
    let node_id = world.node_id(0);
    world.propose(content::slash(node_id));
    world.end();
}

#[test, expected_failure(abort_code = staking_inner::EPoolNotFound)]
fun slashing_something_that_is_no_node() {
    let mut world = test_world::start();
    world.propose(content::slash(@0xBAD.to_id()));
    abort
}

#[test, expected_failure(abort_code = governance::EWrongDeposit)]
fun a_deposit_that_is_too_small() {
    let mut world = test_world::start();
    let deposit = world.network().take_funds(test_world::deposit() - 1);
    world.propose_with(content::free_text(), deposit);
    abort
}

#[test, expected_failure(abort_code = governance::EWrongDeposit)]
fun a_deposit_that_is_too_large() {
    let mut world = test_world::start();
    let deposit = world.network().take_funds(test_world::deposit() + 1);
    world.propose_with(content::free_text(), deposit);
    abort
}

#[test, expected_failure(abort_code = governance::ENoProposal)]
fun an_unknown_number() {
    let mut world = test_world::start();
    world.open(0);
    abort
}

#[test, expected_failure(abort_code = governance::ENoProposal)]
fun reading_an_unknown_number() {
    let world = test_world::start();
    world.governance().tally(0);
    abort
}

#[test, expected_failure(abort_code = governance::ENoCommittee)]
fun nobody_can_vote_in_epoch_0() {
    let mut network = test_network::deploy();
    network.add_node();
    let mut world = test_world::with_network(network);
    let number = world.propose(content::free_text());
    world.open(number);
    abort
}

fun propose_titled(title: vector<u8>) {
    let mut world = test_world::start();
    let deposit = world.network().take_funds(test_world::deposit());
    let (governance, staking, ctx) = world.parts();
    let kind = content::free_text();
    governance.propose(staking, title.to_string(), content::blob(7), kind, deposit, ctx);
    world.end();
}

#[test]
fun the_longest_title_and_a_blob() {
    propose_titled(vector::tabulate!(200, |_| 65));
}

#[test, expected_failure(abort_code = proposal::EInvalidTitleLength)]
fun a_title_that_is_too_long() {
    propose_titled(vector::tabulate!(201, |_| 65));
}

#[test, expected_failure(abort_code = proposal::EInvalidTitleLength)]
fun no_title() {
    propose_titled(b"");
}
