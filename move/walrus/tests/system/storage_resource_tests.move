module walrus::storage_resource_tests;

use std::unit_test::{assert_eq, destroy};
use walrus::storage_resource::{Self, Storage};

fun assert_storage(storage: Storage, start_epoch: u32, end_epoch: u32, size: u64) {
    assert_eq!(storage.start_epoch(), start_epoch);
    assert_eq!(storage.end_epoch(), end_epoch);
    assert_eq!(storage.size(), size);
    storage.destroy();
}

#[test]
fun split_by_epoch() {
    let ctx = &mut tx_context::dummy();
    let mut storage = storage_resource::new_for_testing(2, 10, 100, ctx);
    let later = storage.split_by_epoch(7, ctx);
    assert_storage(storage, 2, 7, 100);
    assert_storage(later, 7, 10, 100);
}

#[test, expected_failure(abort_code = storage_resource::EInvalidEpoch)]
fun split_at_the_start() {
    let ctx = &mut tx_context::dummy();
    let mut storage = storage_resource::new_for_testing(2, 10, 100, ctx);
    destroy(storage.split_by_epoch(2, ctx));
    abort
}

#[test, expected_failure(abort_code = storage_resource::EInvalidEpoch)]
fun split_at_the_end() {
    let ctx = &mut tx_context::dummy();
    let mut storage = storage_resource::new_for_testing(2, 10, 100, ctx);
    destroy(storage.split_by_epoch(10, ctx));
    abort
}

#[test]
fun split_by_size() {
    let ctx = &mut tx_context::dummy();
    let mut storage = storage_resource::new_for_testing(2, 10, 100, ctx);
    let mut rest = storage.split_by_size(30, ctx);
    let nothing = rest.split_by_size(70, ctx);
    assert_storage(storage, 2, 10, 30);
    assert_storage(rest, 2, 10, 70);
    assert_storage(nothing, 2, 10, 0);
}

#[test, expected_failure(abort_code = storage_resource::EIncompatibleAmount)]
fun split_off_too_much() {
    let ctx = &mut tx_context::dummy();
    let mut storage = storage_resource::new_for_testing(2, 10, 100, ctx);
    destroy(storage.split_by_size(101, ctx));
    abort
}

#[test]
fun fuse_periods_on_both_sides() {
    let ctx = &mut tx_context::dummy();
    let mut storage = storage_resource::new_for_testing(4, 6, 100, ctx);
    storage.fuse(storage_resource::new_for_testing(6, 9, 100, ctx));
    storage.fuse(storage_resource::new_for_testing(1, 4, 100, ctx));
    assert_storage(storage, 1, 9, 100);
}

#[test]
fun fuse_amounts() {
    let ctx = &mut tx_context::dummy();
    let mut storage = storage_resource::new_for_testing(4, 6, 100, ctx);
    storage.fuse(storage_resource::new_for_testing(4, 6, 11, ctx));
    assert_storage(storage, 4, 6, 111);
}

#[test, expected_failure(abort_code = storage_resource::EIncompatibleEpochs)]
fun fuse_periods_with_a_gap() {
    let ctx = &mut tx_context::dummy();
    let mut storage = storage_resource::new_for_testing(4, 6, 100, ctx);
    storage.fuse_periods(storage_resource::new_for_testing(7, 9, 100, ctx));
    abort
}

#[test, expected_failure(abort_code = storage_resource::EIncompatibleAmount)]
fun fuse_periods_of_different_size() {
    let ctx = &mut tx_context::dummy();
    let mut storage = storage_resource::new_for_testing(4, 6, 100, ctx);
    storage.fuse_periods(storage_resource::new_for_testing(6, 9, 99, ctx));
    abort
}

#[test, expected_failure(abort_code = storage_resource::EIncompatibleEpochs)]
fun fuse_amounts_of_different_periods() {
    let ctx = &mut tx_context::dummy();
    let mut storage = storage_resource::new_for_testing(4, 6, 100, ctx);
    storage.fuse(storage_resource::new_for_testing(4, 7, 100, ctx));
    abort
}

#[test, expected_failure(abort_code = storage_resource::EInvalidEpochRange)]
fun an_empty_period() {
    let ctx = &mut tx_context::dummy();
    destroy(storage_resource::new_for_testing(4, 4, 100, ctx));
    abort
}

#[test, expected_failure(abort_code = storage_resource::EInvalidEpoch)]
fun split_before_the_start() {
    let ctx = &mut tx_context::dummy();
    let mut storage = storage_resource::new_for_testing(2, 10, 100, ctx);
    destroy(storage.split_by_epoch(1, ctx));
    abort
}

#[test, expected_failure(abort_code = storage_resource::EInvalidEpoch)]
fun split_after_the_end() {
    let ctx = &mut tx_context::dummy();
    let mut storage = storage_resource::new_for_testing(2, 10, 100, ctx);
    destroy(storage.split_by_epoch(11, ctx));
    abort
}

#[test, expected_failure(abort_code = storage_resource::EIncompatibleEpochs)]
fun fuse_periods_that_overlap() {
    let ctx = &mut tx_context::dummy();
    let mut storage = storage_resource::new_for_testing(4, 6, 100, ctx);
    storage.fuse_periods(storage_resource::new_for_testing(5, 9, 100, ctx));
    abort
}

#[test, expected_failure(abort_code = storage_resource::EIncompatibleEpochs)]
fun fuse_amounts_of_periods_that_follow() {
    let ctx = &mut tx_context::dummy();
    let mut storage = storage_resource::new_for_testing(4, 6, 100, ctx);
    storage.fuse_amount(storage_resource::new_for_testing(6, 9, 100, ctx));
    abort
}

#[test, expected_failure(abort_code = storage_resource::EIncompatibleEpochs)]
fun fuse_amounts_that_only_end_together() {
    let ctx = &mut tx_context::dummy();
    let mut storage = storage_resource::new_for_testing(4, 6, 100, ctx);
    storage.fuse_amount(storage_resource::new_for_testing(5, 6, 100, ctx));
    abort
}
