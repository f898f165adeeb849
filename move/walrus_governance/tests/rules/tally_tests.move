module walrus_governance::tally_tests;

use std::unit_test::assert_eq;
use walrus_governance::choice;
use walrus_governance::parameters::{Self, Parameters};
use walrus_governance::tally::{Self, Tally};

const SHARD: u64 = 1_000_000;

fun rules(quorum_bps: u16, threshold_bps: u16, forfeit_bps: u16): Parameters {
    let wal = 1_000_000_000;
    parameters::new(wal, 0, 1, 1, 1, quorum_bps, threshold_bps, forfeit_bps)
}

/// Votes in micro-shards, of ten shards.
fun tally(yes: u64, no: u64, abstain: u64): Tally {
    let mut tally = tally::new(10);
    tally.add(choice::from_u8(0), yes);
    tally.add(choice::from_u8(1), no);
    tally.add(choice::from_u8(2), abstain);
    tally
}

#[test]
fun all_choices_count_for_the_quorum() {
    let rules = rules(50_00, 50_00, 50_00);
    assert!(tally(2 * SHARD, SHARD, 2 * SHARD).has_quorum(&rules));
    let short = tally(2 * SHARD, SHARD, 2 * SHARD - 1);
    assert!(!short.has_quorum(&rules));
    assert_eq!(short.missing_to_quorum(&rules), 1);
    assert!(!short.is_passed(&rules, false));
}

#[test]
fun yes_has_to_exceed_the_threshold() {
    let rules = rules(50_00, 50_00, 50_00);
    let even = tally(3 * SHARD, 3 * SHARD, 0);
    assert!(!even.is_passed(&rules, false));
    assert_eq!(even.missing_to_yes(&rules, false), 1);
    assert!(tally(3 * SHARD + 1, 3 * SHARD, 0).is_passed(&rules, false));
    // Who abstains does not count for the threshold.
    assert!(tally(2, 1, 6 * SHARD).is_passed(&rules, false));
    assert!(!tally(0, 0, 10 * SHARD).is_passed(&rules, false));
}

#[test]
fun two_thirds() {
    let rules = rules(50_00, 66_67, 66_67);
    assert!(!tally(4 * SHARD, 2 * SHARD, 0).is_passed(&rules, false));
    // 2,000,000 · 6667 / 3333, rounded down, and one more.
    let missing = tally(0, 2 * SHARD, 4 * SHARD).missing_to_yes(&rules, false);
    assert_eq!(missing, 4_000_601);
    assert!(tally(missing, 2 * SHARD, 0).is_passed(&rules, false));
    assert!(!tally(missing - 1, 2 * SHARD, 0).is_passed(&rules, false));
}

#[test]
fun binding_decisions_need_a_third_of_all() {
    let rules = rules(33_34, 50_00, 50_00);
    let third = 10 * SHARD / 3;
    let short = tally(third, 0, 3 * SHARD);
    assert!(short.is_passed(&rules, false));
    assert!(!short.is_passed(&rules, true));
    assert_eq!(short.missing_to_yes(&rules, true), 1);
    assert!(tally(third + 1, 0, 3 * SHARD).is_passed(&rules, true));
}

#[test]
fun the_deposit_is_lost_without_quorum_or_by_much_no() {
    let rules = rules(50_00, 50_00, 75_00);
    assert!(tally(4 * SHARD, 0, 0).forfeits(&rules));
    assert!(!tally(SHARD, 3 * SHARD, SHARD).forfeits(&rules));
    assert!(tally(SHARD, 3 * SHARD + 1, SHARD).forfeits(&rules));
    // Nobody against, nobody for.
    assert!(!tally(0, 0, 5 * SHARD).forfeits(&rules));
}

#[test]
fun a_tally_tells_what_it_counted() {
    let tally = tally(1, 2, 3);
    assert_eq!(tally.yes(), 1);
    assert_eq!(tally.no(), 2);
    assert_eq!(tally.abstain(), 3);
    assert_eq!(tally.total(), 10 * SHARD);
}
