module policies::time_lock_tests;

use policies::time_lock;
use sui::bcs;
use sui::clock;

/// The chain is at 1,000 ms.
fun approve(id: vector<u8>) {
    let mut ctx = tx_context::dummy();
    let mut clock = clock::create_for_testing(&mut ctx);
    clock.set_for_testing(1_000);
    time_lock::approve_for_testing(id, &clock);
    clock.destroy_for_testing();
}

#[test]
fun everybody_reads_from_the_moment_on() {
    approve(bcs::to_bytes(&0u64));
    approve(bcs::to_bytes(&1_000u64));
}

#[test, expected_failure(abort_code = time_lock::ENoAccess)]
fun the_moment_before() {
    approve(bcs::to_bytes(&1_001u64));
}

#[test, expected_failure(abort_code = time_lock::ENoAccess)]
fun a_moment_that_never_comes() {
    approve(bcs::to_bytes(&std::u64::max_value!()));
}

#[test, expected_failure(abort_code = time_lock::ENoAccess)]
fun an_identity_with_more_bytes() {
    approve(x"000000000000000000");
}

#[test, expected_failure(abort_code = time_lock::ENoAccess)]
fun an_identity_with_fewer_bytes() {
    approve(x"00000000000000");
}

#[test, expected_failure(abort_code = time_lock::ENoAccess)]
fun no_identity() {
    approve(b"");
}
