module walrus_governance::parameters_tests;

use std::unit_test::assert_eq;
use walrus_governance::parameters;

const WAL: u64 = 1_000_000_000;

/// Lowest values, except for what the test sets. One of them is replaced by its index.
fun with(index: u64, value: u64) {
    let mut values = vector[WAL, 0, 1, 1, 1, 33_34, 50_00, 50_00];
    *(&mut values[index]) = value;
    let rules = parameters::new(
        values[0],
        values[1] as u32,
        values[2] as u32,
        values[3] as u32,
        values[4] as u32,
        values[5] as u16,
        values[6] as u16,
        values[7] as u16,
    );
    let found = vector[
        rules.deposit(),
        rules.discussion_epochs() as u64,
        rules.voting_epochs() as u64,
        rules.delay_epochs() as u64,
        rules.execution_epochs() as u64,
        rules.quorum_bps() as u64,
        rules.threshold_bps() as u64,
        rules.forfeit_bps() as u64,
    ];
    assert_eq!(found, values);
}

#[test]
fun bounds_are_allowed() {
    let highest = vector[1_000_000 * WAL, 8, 8, 8, 16, 66_67, 80_00, 100_00];
    with(1, 0);
    8u64.do!(|i| with(i, highest[i]));
}

#[test, expected_failure(abort_code = parameters::EDepositOutOfBounds)]
fun no_deposit() {
    with(0, WAL - 1);
}

#[test, expected_failure(abort_code = parameters::EDepositOutOfBounds)]
fun a_deposit_nobody_has() {
    with(0, 1_000_000 * WAL + 1);
}

#[test, expected_failure(abort_code = parameters::EEpochsOutOfBounds)]
fun a_long_discussion() {
    with(1, 9);
}

#[test, expected_failure(abort_code = parameters::EEpochsOutOfBounds)]
fun no_time_to_vote() {
    with(2, 0);
}

#[test, expected_failure(abort_code = parameters::EEpochsOutOfBounds)]
fun a_long_vote() {
    with(2, 9);
}

#[test, expected_failure(abort_code = parameters::EEpochsOutOfBounds)]
fun no_delay() {
    with(3, 0);
}

#[test, expected_failure(abort_code = parameters::EEpochsOutOfBounds)]
fun a_long_delay() {
    with(3, 9);
}

#[test, expected_failure(abort_code = parameters::EEpochsOutOfBounds)]
fun no_time_to_execute() {
    with(4, 0);
}

#[test, expected_failure(abort_code = parameters::EEpochsOutOfBounds)]
fun a_long_time_to_execute() {
    with(4, 17);
}

#[test, expected_failure(abort_code = parameters::EShareOutOfBounds)]
fun a_quorum_of_faulty_nodes() {
    with(5, 33_33);
}

#[test, expected_failure(abort_code = parameters::EShareOutOfBounds)]
fun a_quorum_out_of_reach() {
    with(5, 66_68);
}

#[test, expected_failure(abort_code = parameters::EShareOutOfBounds)]
fun a_threshold_below_half() {
    with(6, 49_99);
}

#[test, expected_failure(abort_code = parameters::EShareOutOfBounds)]
fun a_threshold_out_of_reach() {
    with(6, 80_01);
}

#[test, expected_failure(abort_code = parameters::EShareOutOfBounds)]
fun a_minority_takes_the_deposit() {
    with(7, 49_99);
}

#[test, expected_failure(abort_code = parameters::EShareOutOfBounds)]
fun more_no_than_there_is() {
    with(7, 100_01);
}
