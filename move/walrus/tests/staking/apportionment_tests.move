module walrus::apportionment_tests;

use std::unit_test::assert_eq;
use walrus::apportionment::apportion;
use walrus::apportionment_queue;

#[test]
fun many_shards_uneven_stake() {
    let billion = 1_000_000_000;
    let stakes = vector[5, 4, 3, 2, 1, 1, 1].map!(|stake| stake * billion);
    assert_eq!(apportion(1000, stakes), vector[286, 239, 179, 119, 59, 59, 59]);
}

#[test]
fun few_shards() {
    assert_eq!(apportion(10, vector[7, 5, 3, 1]), vector[5, 3, 2, 0]);
}

#[test]
fun the_earlier_of_equals_gets_the_odd_shard() {
    assert_eq!(apportion(10, vector[100, 100, 100]), vector[4, 3, 3]);
}

#[test]
fun a_giant_is_limited() {
    assert_eq!(apportion(13, vector[1000, 1, 1]), vector[9, 2, 2]);
}

#[test]
fun one_node_gets_everything() {
    assert_eq!(apportion(1000, vector[1]), vector[1000]);
}

#[test]
fun with_twenty_nodes_nobody_gets_more_than_a_tenth() {
    let mut stakes = vector[1_000_000, 1_000_000];
    23u64.do!(|_| stakes.push_back(10_000));
    let mut expected = vector[100, 100];
    18u64.do!(|_| expected.push_back(35));
    5u64.do!(|_| expected.push_back(34));
    assert_eq!(apportion(1000, stakes), expected);
}

#[test]
fun very_large_stakes() {
    let half = std::u64::max_value!() / 2;
    assert_eq!(apportion(4, vector[half, half]), vector[2, 2]);
}

#[test]
fun the_sum_is_always_the_number_of_shards() {
    let mut seed = 12_345u64;
    vector[4u16, 7, 10, 13, 100, 1000].do!(|n_shards| {
        10u64.do!(|round| {
            let stakes = vector::tabulate!(round * 2 + 1, |_| {
                seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
                seed + 1
            });
            if (n_shards >= 10 || stakes.length() < 20) {
                let counts = apportion(n_shards, stakes);
                assert_eq!(counts.fold!(0, |sum, count| sum + count), n_shards);
            };
        });
    });
}

#[test, expected_failure(abort_code = apportionment_queue::EPopFromEmptyHeap)]
fun more_nodes_than_the_limit_allows_for() {
    apportion(9, vector::tabulate!(20, |_| 1));
}
