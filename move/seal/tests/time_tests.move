module seal::time_tests;

use seal::time;
use sui::clock;

/// The chain is at 10,000 ms.
fun check(now: u64, allowed_ms: u64) {
    let mut ctx = tx_context::dummy();
    let mut clock = clock::create_for_testing(&mut ctx);
    clock.set_for_testing(10_000);
    time::check_staleness(now, allowed_ms, &clock);
    clock.destroy_for_testing();
}

#[test]
fun a_chain_that_is_ahead_is_not_behind() {
    check(0, 0);
    check(9_999, 0);
    check(10_000, 0);
}

#[test]
fun a_chain_may_be_behind_by_what_is_allowed() {
    check(12_000, 2_000);
    check(std::u64::max_value!(), std::u64::max_value!());
}

#[test, expected_failure(abort_code = time::EStaleFullnode)]
fun a_chain_that_is_further_behind() {
    check(12_001, 2_000);
}
