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

#[test]
fun equal_stakes_of_many_nodes() {
    assert_eq!(apportion(1000, vector::tabulate!(100, |_| 7)), vector::tabulate!(100, |_| 10));
    assert_eq!(apportion(1000, vector::tabulate!(1000, |_| 7)), vector::tabulate!(1000, |_| 1));
    // The first ones get what is left over.
    let counts = apportion(1000, vector::tabulate!(300, |_| 7));
    assert_eq!(counts, vector::tabulate!(300, |i| if (i < 100) 4 else 3));
}

#[test]
fun nearly_equal_stakes() {
    assert_eq!(apportion(10, vector[100, 101, 100]), vector[3, 4, 3]);
    assert_eq!(apportion(10, vector[99, 100, 100]), vector[3, 4, 3]);
    let wal = 1_000_000_000_000_000;
    assert_eq!(apportion(1000, vector[wal, wal + 1, wal]), vector[333, 334, 333]);
}

#[test]
fun nodes_with_hardly_any_stake_get_no_shard() {
    assert_eq!(apportion(10, vector[1_000_000, 1, 1_000_000, 2]), vector[5, 0, 5, 0]);
}

#[test]
fun the_limit_applies_from_twenty_nodes_on() {
    // Nineteen nodes: 106 shards at most, of which a giant would like more.
    let mut nineteen = vector::tabulate!(19, |_| 1);
    *(&mut nineteen[4]) = 1_000_000;
    assert_eq!(apportion(1000, nineteen)[4], 106);
    let mut twenty_one = vector::tabulate!(21, |_| 1);
    *(&mut twenty_one[4]) = 1_000_000;
    let counts = apportion(1000, twenty_one);
    assert_eq!(counts[4], 100);
    assert_eq!(counts.fold!(0, |sum, count| sum + count), 1000);
}

#[test]
fun more_stake_never_means_fewer_shards() {
    let mut seed = 42u64;
    vector[1u64, 3, 20, 100, 500].do!(|n_nodes| {
        let stakes = vector::tabulate!(n_nodes, |_| {
            seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
            (seed % 1_000 + 1) * 1_000_000_000
        });
        let counts = apportion(1000, stakes);
        assert_eq!(counts.fold!(0, |sum, count| sum + count), 1000);
        (n_nodes - 1).do!(|i| {
            if (stakes[i] > stakes[i + 1]) assert!(counts[i] >= counts[i + 1]);
            if (stakes[i] < stakes[i + 1]) assert!(counts[i] <= counts[i + 1]);
            // Equal stakes: the earlier one may get one more.
            if (stakes[i] == stakes[i + 1]) assert!(counts[i] - counts[i + 1] <= 1);
        });
    });
}

/// The expected counts were computed with exact fractions: each node has a shard per 4.805 or 333.67 of its stake.
#[test]
fun rising_stakes_of_many_nodes() {
    assert_eq!(
        apportion(1000, vector::tabulate!(100, |i| i + 1)),
        vector::tabulate!(100, |i| ((i + 1) * 1_000 / 4_805) as u16),
    );
    assert_eq!(
        apportion(1000, vector::tabulate!(1000, |i| i + 1)),
        vector::tabulate!(1000, |i| ((i + 1) * 3 / 1_001) as u16),
    );
}

/// No node below the limit has more stake for the shard it would get next than another has for its last one.
fun assert_nobody_is_next(stakes: vector<u64>, counts: vector<u16>, limit: u16) {
    let (mut next_stake, mut next_count) = (0u128, 1u128);
    let (mut last_stake, mut last_count) = (1u128, 0u128);
    stakes.length().do!(|i| {
        let (stake, count) = (stakes[i] as u128, counts[i] as u128);
        assert!(counts[i] <= limit);
        if (counts[i] < limit && stake * next_count > next_stake * (count + 1)) {
            next_stake = stake;
            next_count = count + 1;
        };
        if (count > 0 && stake * last_count < last_stake * count) {
            last_stake = stake;
            last_count = count;
        };
    });
    assert!(last_count > 0);
    assert!(next_stake * last_count <= last_stake * next_count);
}

#[test]
fun random_stakes_of_many_nodes_are_served_in_the_order_of_their_claims() {
    let mut seed = 99u64;
    vector[25u64, 100, 1000].do!(|n_nodes| {
        let mut stakes = vector::tabulate!(n_nodes, |_| {
            seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
            (seed % 1_000 + 1) * 1_000_000_007
        });
        // Wants everything, and gets a tenth.
        *(&mut stakes[7]) = 1_000_000_000_000_000_000;
        let counts = apportion(1000, stakes);
        assert_eq!(counts[7], 100);
        assert_eq!(counts.fold!(0, |sum, count| sum + count), 1000);
        assert_nobody_is_next(stakes, counts, 100);
    });
}
