module walrus::exchange_rate_tests;

use std::unit_test::assert_eq;
use walrus::pool_exchange_rate;

#[test]
fun a_flat_rate_changes_nothing() {
    vector[
        pool_exchange_rate::flat(),
        pool_exchange_rate::new(0, 5),
        pool_exchange_rate::new(5, 0),
    ].do!(|rate| {
        assert_eq!(rate.convert_to_wal_amount(123), 123);
        assert_eq!(rate.convert_to_share_amount(123), 123);
    });
}

#[test]
fun conversions_round_down() {
    let rate = pool_exchange_rate::new(10, 3);
    assert_eq!(rate.convert_to_share_amount(10), 3);
    assert_eq!(rate.convert_to_share_amount(9), 2);
    assert_eq!(rate.convert_to_wal_amount(3), 10);
    assert_eq!(rate.convert_to_wal_amount(1), 3);
}

#[test]
fun amounts_do_not_overflow() {
    let max = std::u64::max_value!();
    let rate = pool_exchange_rate::new(max, max - 1);
    assert_eq!(rate.convert_to_share_amount(max), max - 1);
    assert_eq!(rate.convert_to_wal_amount(max - 1), max);
}

#[test, expected_failure(abort_code = pool_exchange_rate::EInvalidRate)]
fun more_shares_than_wal() {
    pool_exchange_rate::new(3, 4);
}
