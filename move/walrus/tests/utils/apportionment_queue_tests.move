module walrus::apportionment_queue_tests;

use std::unit_test::assert_eq;
use walrus::apportionment_queue;

#[test]
fun entries_come_out_in_order() {
    let mut queue = apportionment_queue::new();
    let priorities = vector[5u128, 1, 9, 3, 7, 7, 2, 8, 0, 6, 4];
    priorities.length().do!(|i| queue.insert(priorities[i], 0, priorities[i]));
    vector[9u128, 8, 7, 7, 6, 5, 4, 3, 2, 1, 0].do!(|expected| {
        let (priority, _, value) = queue.pop_max();
        assert_eq!(priority, expected);
        assert_eq!(value, expected);
    });
}

#[test]
fun the_higher_tie_breaker_wins() {
    let mut queue = apportionment_queue::new();
    vector[2, 5, 1, 4, 3].do!(|tie_breaker| queue.insert(7, tie_breaker, tie_breaker));
    vector[5, 4, 3, 2, 1].do!(|expected| {
        let (_, tie_breaker, _) = queue.pop_max();
        assert_eq!(tie_breaker, expected);
    });
}

#[test, expected_failure(abort_code = apportionment_queue::EPopFromEmptyHeap)]
fun an_empty_queue() {
    let mut queue = apportionment_queue::new<u64>();
    queue.insert(1, 1, 1);
    queue.pop_max();
    queue.pop_max();
}
