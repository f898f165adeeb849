/// Everybody reads, from a moment on. There is no state and nothing to administer: nobody can put it off, or bring
/// it forward.
///
/// Identity: the moment, in ms since 1970, as BCS of a u64 (8). Things that open at the same moment share an identity,
/// which does no harm: who has the key of one may read the others as well.
module policies::time_lock;

use sui::bcs;
use sui::clock::Clock;

// === Errors ===

/// The moment has not come, or the identity names none.
const ENoAccess: u64 = 0;

// === Constants ===

const ID_LEN: u64 = 8;

// === Entry functions ===

/// Lets everybody read when the moment has come that the identity names.
entry fun seal_approve(id: vector<u8>, clock: &Clock) {
    assert!(id.length() == ID_LEN, ENoAccess);
    let opens_at_ms = bcs::new(id).peel_u64();
    assert!(clock.timestamp_ms() >= opens_at_ms, ENoAccess);
}

// === Test functions ===

#[test_only]
public(package) fun approve_for_testing(id: vector<u8>, clock: &Clock) {
    seal_approve(id, clock);
}
