/// Whether a full node is up to date, as key servers ask it in the transactions they simulate.
module seal::time;

use sui::clock::Clock;

// === Errors ===

/// The chain is behind the time of the key server.
const EStaleFullnode: u64 = 93492;

// === Public functions ===

/// Aborts if the chain is more than `allowed_staleness_in_ms` behind `now`, in ms since 1970. A chain that is ahead
/// is not behind.
public fun check_staleness(now: u64, allowed_staleness_in_ms: u64, clock: &Clock) {
    let chain = clock.timestamp_ms();
    assert!(now < chain || now - chain <= allowed_staleness_in_ms, EStaleFullnode);
}
