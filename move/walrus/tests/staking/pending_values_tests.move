module walrus::pending_values_tests;

use std::unit_test::assert_eq;
use walrus::pending_values;

#[test]
fun amounts_become_due() {
    let mut values = pending_values::empty();
    values.insert_or_add(5, 10);
    values.insert_or_add(3, 20);
    values.insert_or_add(5, 1);
    assert_eq!(values.value_at(2), 0);
    assert_eq!(values.value_at(3), 20);
    assert_eq!(values.value_at(9), 31);
    assert_eq!(values.flush(4), 20);
    assert_eq!(values.flush(4), 0);
    assert_eq!(values.inner().length(), 1);
    assert_eq!(values.flush(5), 11);
}

#[test]
fun amounts_are_replaced_and_reduced() {
    let mut values = pending_values::empty();
    values.insert_or_replace(5, 10);
    values.insert_or_replace(5, 7);
    values.reduce(5, 3);
    assert_eq!(values.value_at(5), 4);
    values.reduce(5, 4);
    assert_eq!(values.value_at(5), 0);
}

#[test, expected_failure(abort_code = pending_values::EMissingEpochValue)]
fun reduce_what_is_not_there() {
    pending_values::empty().reduce(1, 0);
}

#[test, expected_failure(abort_code = pending_values::EReduceValueTooLarge)]
fun reduce_too_much() {
    let mut values = pending_values::empty();
    values.insert_or_add(1, 5);
    values.reduce(1, 6);
}
