module walrus_subsidies::epoch_balance_tests;

use std::unit_test::{assert_eq, destroy};
use walrus_subsidies::epoch_balance::{Self, EpochBalanceRingBuffer};

fun assert_ring(ring: &EpochBalanceRingBuffer, epoch: u32, balances: vector<u64>) {
    balances.length().do!(|i| {
        let offset = i as u32;
        assert_eq!(ring.epoch_at_offset(offset), epoch + offset);
        assert_eq!(ring.balance_at_offset(offset), balances[i]);
    });
}

#[test]
fun epochs_pass() {
    let mut ring = epoch_balance::new(7, vector[1, 2, 3]);
    assert_ring(&ring, 7, vector[1, 2, 3]);
    ring.advance_to(7);
    assert_ring(&ring, 7, vector[1, 2, 3]);
    ring.advance_to(9);
    assert_ring(&ring, 9, vector[3, 0, 0]);
    ring.set_balance_at_offset(2, 5);
    ring.advance_to(10);
    assert_ring(&ring, 10, vector[0, 5, 0]);
    // All of them at once, several times around.
    ring.advance_to(20);
    assert_ring(&ring, 20, vector[0, 0, 0]);
    destroy(ring);
}

#[test, expected_failure(abort_code = epoch_balance::EIndexOutOfBounds)]
fun an_epoch_beyond_the_last() {
    let ring = epoch_balance::new(7, vector[1, 2, 3]);
    ring.balance_at_offset(3);
    abort
}

#[test, expected_failure(abort_code = epoch_balance::EIndexOutOfBounds)]
fun set_an_epoch_beyond_the_last() {
    let mut ring = epoch_balance::new(7, vector[1, 2, 3]);
    ring.set_balance_at_offset(3, 1);
    abort
}
