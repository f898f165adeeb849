module policies::account_tests;

use policies::account;
use policies::ids;

const ALICE: address = @0xA11CE;

fun approve(id: vector<u8>) {
    account::approve_for_testing(id, &tx_context::new_from_hint(ALICE, 0, 0, 0, 0));
}

#[test]
fun the_account_reads() {
    approve(ids::with(ALICE, b""));
    approve(ids::with(ALICE, b"nonce"));
}

#[test, expected_failure(abort_code = account::ENoAccess)]
fun another_account() {
    approve(ids::with(@0xB0B, b"nonce"));
}

#[test, expected_failure(abort_code = account::ENoAccess)]
fun no_identity() {
    approve(b"");
}
