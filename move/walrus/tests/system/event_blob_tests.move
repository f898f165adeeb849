module walrus::event_blob_tests;

use std::unit_test::{assert_eq, destroy};
use walrus::event_blob;

#[test]
fun weights_add_up_per_event_blob() {
    let mut state = event_blob::new_state();
    assert_eq!(state.add_weight(1, 100, 3), 3);
    assert_eq!(state.add_weight(2, 100, 4), 4);
    assert_eq!(state.add_weight(1, 100, 5), 8);
    assert!(state.latest_certified_checkpoint().is_none());
    state.set_latest_certified(1, 100);
    assert_eq!(state.latest_certified_checkpoint(), option::some(100));
    // The tally starts again.
    assert_eq!(state.add_weight(2, 100, 4), 4);
    state.reset();
    assert_eq!(state.add_weight(2, 100, 4), 4);
    destroy(state);
}

#[test, expected_failure(abort_code = event_blob::EInvalidSequenceNumber)]
fun event_blobs_go_forward() {
    let mut state = event_blob::new_state();
    state.set_latest_certified(1, 100);
    state.set_latest_certified(2, 100);
    abort
}

#[test]
fun the_same_blob_up_to_another_checkpoint_is_another_event_blob() {
    let mut state = event_blob::new_state();
    assert_eq!(state.add_weight(1, 100, 3), 3);
    assert_eq!(state.add_weight(1, 200, 4), 4);
    assert_eq!(state.add_weight(1, 100, 2), 5);
    assert_eq!(state.tracked_for_testing(), 2);
    destroy(state);
}
