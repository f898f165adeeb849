module walrus::auth_tests;

use std::unit_test::{assert_eq, destroy};
use sui::test_scenario;
use walrus::auth;
use walrus::storage_node::{Self, StorageNodeCap};

#[test]
fun identities_match_themselves_only() {
    let ctx = &mut tx_context::dummy();
    let cap = storage_node::new_cap(@0x1.to_id(), ctx);
    let other = storage_node::new_cap(@0x1.to_id(), ctx);
    let by_object = auth::authorized_object(object::id(&cap));
    let by_sender = auth::authorized_address(ctx.sender());

    assert!(auth::authenticate_with_object(&cap).matches(&by_object));
    assert!(!auth::authenticate_with_object(&other).matches(&by_object));
    assert!(!auth::authenticate_with_object(&cap).matches(&by_sender));
    assert!(auth::authenticate_sender(ctx).matches(&by_sender));
    assert!(!auth::authenticate_sender(ctx).matches(&by_object));
    assert!(!auth::authenticate_sender(ctx).matches(&auth::authorized_address(@0x99)));
    // An object id that equals an address is still an object id.
    let confusing = auth::authorized_object(ctx.sender().to_id());
    assert!(!auth::authenticate_sender(ctx).matches(&confusing));
    destroy(cap);
    destroy(other);
}

#[test]
fun a_shared_object_authenticates_everybody() {
    let mut scenario = test_scenario::begin(@0xA);
    let cap = storage_node::new_cap(@0x1.to_id(), scenario.ctx());
    let authorized = auth::authorized_object(object::id(&cap));
    transfer::public_share_object(cap);
    // A stranger uses it: authorize owned objects only.
    scenario.next_tx(@0xBAD);
    let cap = scenario.take_shared<StorageNodeCap>();
    assert!(auth::authenticate_with_object(&cap).matches(&authorized));
    destroy(cap);
    scenario.end();
}

#[test]
fun an_owned_object_authenticates_its_owner_only() {
    let mut scenario = test_scenario::begin(@0xA);
    let cap = storage_node::new_cap(@0x1.to_id(), scenario.ctx());
    transfer::public_transfer(cap, @0xB0B);
    scenario.next_tx(@0xBAD);
    assert_eq!(scenario.ids_for_sender<StorageNodeCap>().length(), 0);
    assert!(!test_scenario::has_most_recent_shared<StorageNodeCap>());
    scenario.next_tx(@0xB0B);
    assert_eq!(scenario.ids_for_sender<StorageNodeCap>().length(), 1);
    scenario.end();
}
