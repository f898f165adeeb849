module walrus_governance::authority_tests;

use std::unit_test::assert_eq;
use sui::event;
use walrus::auth;
use walrus::staking_pool;
use walrus_governance::authority;
use walrus_governance::events::{AuthorityDelegated, AuthorityRevoked};
use walrus_governance::identity;
use walrus_governance::test_world::{Self, World};

use fun assert_entity as World.assert_entity;

const YES: u8 = 0;

/// Aborts unless the sender is the governance entity of the node in `walrus`.
fun assert_entity(world: &mut World, i: u64, sender: address) {
    world.act_as(sender);
    let node_id = world.node_id(i);
    let (_, staking, ctx) = world.parts();
    identity::of_sender(ctx).prove(staking, node_id);
}

#[test]
fun a_node_delegates_and_votes_on() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    world.delegate(0);
    assert_eq!(event::events_by_type<AuthorityDelegated>().length(), 1);
    let node_id = world.node_id(0);
    assert!(world.governance().is_delegated(node_id));
    let key = auth::authorized_address(test_world::key(0));
    assert_eq!(world.governance().voting_key(node_id), option::some(key));
    world.vote(0, number, YES);
    assert_eq!(world.votes(number), vector[3_000_000, 0, 0]);
    // Others keep their authority.
    let other = world.node_id(1);
    assert!(!world.governance().is_delegated(other));
    assert_eq!(world.governance().voting_key(other), option::none());
    world.end();
}

#[test]
fun authority_comes_back() {
    let mut world = test_world::with_keys();
    world.delegate(0);
    world.revoke(0, auth::authorized_address(@0xCAFE));
    assert_eq!(event::events_by_type<AuthorityRevoked>().length(), 1);
    let node_id = world.node_id(0);
    assert!(!world.governance().is_delegated(node_id));
    world.assert_entity(0, @0xCAFE);
    // And can be given again, by the new entity.
    world.delegate_as_sender(0);
    let key = auth::authorized_address(@0xCAFE);
    assert_eq!(world.governance().voting_key(node_id), option::some(key));
    world.end();
}

#[test]
fun an_object_is_a_voting_key_too() {
    let mut world = test_world::start();
    let node_id = world.node_id(0);
    let (governance, staking, ctx) = world.parts();
    let key = sui::coin::zero<wal::wal::WAL>(ctx);
    let to = auth::authorized_object(object::id(&key));
    identity::of_sender(ctx).hand_over(staking, node_id, to);
    governance.delegate_authority(staking, identity::of_object(&key), node_id);
    assert_eq!(governance.voting_key(node_id), option::some(to));
    governance.revoke_authority(staking, identity::of_object(&key), node_id, to);
    identity::of_object(&key).prove(staking, node_id);
    key.destroy_zero();
    world.end();
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun only_the_governance_entity_delegates() {
    let mut world = test_world::with_keys();
    world.act_as(test_world::key(1));
    world.delegate_as_sender(0);
    abort
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun delegating_twice() {
    let mut world = test_world::with_keys();
    world.delegate(0);
    world.delegate(0);
    abort
}

#[test, expected_failure(abort_code = authority::ENotInCommittee)]
fun a_node_without_shards_delegates() {
    let mut world = test_world::start();
    world.network().add_node();
    world.delegate_as_sender(4);
    abort
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun a_delegated_node_does_not_vote_in_walrus_itself() {
    let mut world = test_world::with_keys();
    world.delegate(0);
    world.assert_entity(0, test_world::key(0));
    abort
}

#[test, expected_failure(abort_code = authority::ENotVotingKey)]
fun only_the_voting_key_revokes() {
    let mut world = test_world::with_keys();
    world.delegate(0);
    let node_id = world.node_id(0);
    world.act_as(test_world::key(1));
    let (governance, staking, ctx) = world.parts();
    let to = auth::authorized_address(ctx.sender());
    governance.revoke_authority(staking, identity::of_sender(ctx), node_id, to);
    abort
}

#[test, expected_failure(abort_code = authority::ENotDelegated)]
fun nothing_to_revoke() {
    let mut world = test_world::with_keys();
    world.revoke(0, auth::authorized_address(@0xCAFE));
    abort
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun a_stranger_does_not_speak_for_a_delegated_node() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    world.delegate(0);
    world.act_as(test_world::key(1));
    world.vote_as_sender(0, number, YES);
    abort
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun the_old_key_is_nothing_after_revoking() {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    world.delegate(0);
    world.revoke(0, auth::authorized_address(@0xCAFE));
    world.vote(0, number, YES);
    abort
}

// === The authority of a node changes behind our back ===

/// A delegated node whose authority is somebody else's now. No call of `walrus` leads here; a later
/// version of it might.
fun outdated(): (World, u64) {
    let mut world = test_world::with_keys();
    let number = world.open_text();
    world.delegate(0);
    let node_id = world.node_id(0);
    let (governance, staking, _) = world.parts();
    let authority = governance.delegations().authenticate();
    staking.set_governance_authorized(node_id, authority, auth::authorized_address(@0xCAFE));
    (world, number)
}

#[test]
fun the_new_entity_speaks_and_outdates_the_record() {
    let (mut world, number) = outdated();
    world.act_as(@0xCAFE);
    world.vote_as_sender(0, number, YES);
    assert_eq!(event::events_by_type<AuthorityRevoked>().length(), 1);
    let node_id = world.node_id(0);
    assert!(!world.governance().is_delegated(node_id));
    world.end();
}

#[test]
fun the_new_entity_delegates_anew() {
    let (mut world, _) = outdated();
    world.act_as(@0xCAFE);
    world.delegate_as_sender(0);
    let node_id = world.node_id(0);
    let key = auth::authorized_address(@0xCAFE);
    assert_eq!(world.governance().voting_key(node_id), option::some(key));
    world.end();
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun an_outdated_voting_key_does_not_speak() {
    let (mut world, number) = outdated();
    world.vote(0, number, YES);
    abort
}
