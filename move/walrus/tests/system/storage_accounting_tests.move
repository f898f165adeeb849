module walrus::storage_accounting_tests;

use std::unit_test::{assert_eq, destroy};
use sui::balance;
use walrus::storage_accounting;

#[test]
fun a_new_ring_starts_at_epoch_zero() {
    let ring = storage_accounting::ring_new(3);
    assert_eq!(ring.max_epochs_ahead(), 3);
    3u32.do!(|i| {
        assert_eq!(ring[i].epoch(), i);
        assert_eq!(ring[i].used_capacity(), 0);
        assert_eq!(ring[i].rewards(), 0);
    });
    destroy(ring);
}

#[test]
fun the_ring_goes_round_and_round() {
    let mut ring = storage_accounting::ring_new(3);
    10u32.do!(|epoch| {
        assert_eq!(
            ring.ring_lookup_mut(2).increase_used_capacity(5 + (epoch as u64)),
            5 + (epoch as u64),
        );
        let (ended, used, rewards) = ring.ring_pop_expand().unwrap();
        assert_eq!(ended, epoch);
        // What was sold two epochs ago for today.
        assert_eq!(used, if (epoch < 2) 0 else 5 + (epoch as u64) - 2);
        rewards.destroy_zero();
        3u32.do!(|i| assert_eq!(ring[i].epoch(), epoch + 1 + i));
    });
    destroy(ring);
}

#[test]
fun a_ring_of_one() {
    let mut ring = storage_accounting::ring_new(1);
    let (ended, _, rewards) = ring.ring_pop_expand().unwrap();
    assert_eq!(ended, 0);
    assert_eq!(ring[0].epoch(), 1);
    rewards.destroy_zero();
    destroy(ring);
}

#[test, expected_failure(abort_code = storage_accounting::ETooFarInFuture)]
fun beyond_the_ring() {
    let ring = storage_accounting::ring_new(3);
    ring.ring_lookup(3);
    abort
}

#[test]
fun capacity_per_period() {
    let mut ring = storage_accounting::ring_new(4);
    ring.use_capacity(1, 3, 10);
    ring.use_capacity(0, 2, 5);
    assert_eq!(vector::tabulate!(4, |i| ring[i as u32].used_capacity()), vector[5, 15, 10, 0]);
    assert_eq!(ring.max_used_capacity(0, 4), 15);
    assert_eq!(ring.max_used_capacity(2, 4), 10);
    assert_eq!(ring.max_used_capacity(3, 3), 0);
    destroy(ring);
}

#[test]
fun payments_per_period() {
    let mut ring = storage_accounting::ring_new(4);
    let mut payment = balance::create_for_testing(100);
    ring.pay_per_epoch(1, 3, 30, &mut payment);
    assert_eq!(payment.value(), 40);
    ring.spread(payment, 3);
    ring.add_to_epochs(vector[balance::create_for_testing(1), balance::create_for_testing(2)]);
    assert_eq!(vector::tabulate!(4, |i| ring[i as u32].rewards()), vector[15, 45, 43, 0]);
    destroy(ring);
}
