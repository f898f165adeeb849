module policies::prefix_tests;

use policies::ids;
use policies::prefix;

const PREFIX: address = @0x0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20;

#[test]
fun an_identity_begins_with_the_whole_address() {
    assert!(prefix::matches(&ids::with(PREFIX, b""), PREFIX));
    assert!(prefix::matches(&ids::with(PREFIX, b"anything"), PREFIX));
    ids::foreign(PREFIX).do!(|id| assert!(!prefix::matches(&id, PREFIX)));
}
