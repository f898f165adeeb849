module walrus::auth_tests;

use std::unit_test::destroy;
use walrus::auth;
use walrus::storage_node;

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
