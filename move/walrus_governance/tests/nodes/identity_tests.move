module walrus_governance::identity_tests;

use std::unit_test::{assert_eq, destroy};
use walrus::auth;
use walrus::staking_pool;
use walrus::test_network;
use walrus_governance::identity;
use walrus_governance::test_world;

#[test]
fun what_an_identity_says() {
    let mut world = test_world::start();
    let (governance, _, ctx) = world.parts();
    let sender = identity::of_sender(ctx);
    assert_eq!(sender.authorized(), auth::authorized_address(test_world::staker()));
    let object = identity::of_object(governance);
    assert_eq!(object.authorized(), auth::authorized_object(object::id(governance)));
    world.end();
}

#[test]
fun the_governance_entity_proves_itself_and_stays() {
    let mut network = test_network::running();
    let node_id = network.node_id(0);
    let (_, staking, _, _, ctx) = network.staking_parts();
    2u64.do!(|_| identity::of_sender(ctx).prove(staking, node_id));
    destroy(network);
}

#[test]
fun an_object_proves_itself() {
    let mut network = test_network::running();
    let node_id = network.node_id(0);
    let ctx = network.scenario().ctx();
    let key = sui::coin::zero<wal::wal::WAL>(ctx);
    let to = auth::authorized_object(object::id(&key));
    let (_, staking, _, _, ctx) = network.staking_parts();
    identity::of_sender(ctx).hand_over(staking, node_id, to);
    2u64.do!(|_| identity::of_object(&key).prove(staking, node_id));
    destroy(key);
    destroy(network);
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun somebody_else() {
    let mut network = test_network::running();
    let node_id = network.node_id(0);
    network.scenario().next_tx(@0xBAD);
    let (_, staking, _, _, ctx) = network.staking_parts();
    identity::of_sender(ctx).prove(staking, node_id);
    abort
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun another_object() {
    let mut network = test_network::running();
    let node_id = network.node_id(0);
    let ctx = network.scenario().ctx();
    let key = sui::coin::zero<wal::wal::WAL>(ctx);
    let (_, staking, _, _, _) = network.staking_parts();
    identity::of_object(&key).prove(staking, node_id);
    abort
}

#[test, expected_failure(abort_code = staking_pool::EAuthorizationFailure)]
fun the_governance_object_is_not_the_authority() {
    let mut world = test_world::with_keys();
    world.delegate(0);
    let node_id = world.node_id(0);
    // Everybody can use the shared object; what nodes authorize is inside of it.
    let (governance, staking, _) = world.parts();
    let identity = identity::of_object(governance);
    identity.prove(staking, node_id);
    abort
}
