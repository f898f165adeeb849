/// What is checked before the signature. Signatures themselves are tested on a chain.
module walrus::bls_aggregate_tests;

use std::unit_test::assert_eq;
use sui::bls12381;
use walrus::bls_aggregate::{Self, BlsCommittee};

/// Ten members with two shards each; quorum is 14 of 20 shards.
fun committee(): BlsCommittee {
    let key = bls12381::g1_to_uncompressed_g1(&bls12381::g1_generator());
    let members = vector::tabulate!(10, |i| {
        let node_id = object::id_from_address(sui::address::from_u256(i as u256));
        bls_aggregate::new_bls_committee_member(key, 2, node_id)
    });
    bls_aggregate::new_bls_committee(5, members)
}

fun verify(signers_bitmap: vector<u8>) {
    committee().verify_quorum_in_epoch(vector[], signers_bitmap, vector[]);
}

fun verify_one_correct(signers_bitmap: vector<u8>) {
    committee().verify_one_correct_node_in_epoch(vector[], signers_bitmap, vector[]);
}

#[test]
fun weights() {
    let committee = committee();
    assert_eq!(committee.n_shards(), 20);
    assert_eq!(committee.n_members(), 10);
    assert_eq!(committee.epoch(), 5);
    assert!(!committee.is_quorum(13));
    assert!(committee.is_quorum(14));
    assert_eq!(committee.member_weight(&@0x3.to_id()), 2);
    assert_eq!(committee.member_weight(&@0x33.to_id()), 0);
    assert!(committee.contains(&@0x9.to_id()));
    assert!(!committee.contains(&@0xA.to_id()));
}

#[test]
fun the_committee_of_epoch_zero_has_the_identity_as_key() {
    let nobody = bls_aggregate::new_bls_committee(0, vector[]);
    assert_eq!(nobody.n_shards(), 0);
    assert!(!nobody.is_quorum(0));
}

#[test, expected_failure(abort_code = bls_aggregate::EInvalidBitmap)]
fun a_bitmap_that_is_too_long() {
    verify(x"ff0300");
}

#[test, expected_failure(abort_code = bls_aggregate::EInvalidBitmap)]
fun a_bit_for_nobody() {
    verify(x"ff07");
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun six_of_ten_are_no_quorum() {
    verify(x"3f00");
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun members_beyond_a_short_bitmap_did_not_sign() {
    verify(x"3f");
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun nobody_signed() {
    verify(vector[]);
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun three_of_ten_may_all_be_faulty() {
    verify_one_correct(x"0700");
}

#[test, expected_failure(abort_code = bls_aggregate::EIncorrectCommittee)]
fun a_member_without_shards() {
    let key = bls12381::g1_to_uncompressed_g1(&bls12381::g1_generator());
    let member = bls_aggregate::new_bls_committee_member(key, 0, @0x1.to_id());
    bls_aggregate::new_bls_committee(1, vector[member]);
}

/// One member per weight; nodes are numbered from 0.
fun committee_of(weights: vector<u16>): BlsCommittee {
    let key = bls12381::g1_to_uncompressed_g1(&bls12381::g1_generator());
    let members = vector::tabulate!(weights.length(), |i| {
        let node_id = object::id_from_address(sui::address::from_u256(i as u256));
        bls_aggregate::new_bls_committee_member(key, weights[i], node_id)
    });
    bls_aggregate::new_bls_committee(5, members)
}

// === Numbers of shards other than 3f + 1 ===

#[test]
fun a_quorum_is_everybody_but_the_faulty() {
    // Shards, and the smallest quorum.
    let cases = vector[1u16, 2, 3, 4, 5, 6, 7, 8, 9, 10, 999, 1_000, 1_001];
    let quorums = vector[1u16, 2, 3, 3, 4, 5, 5, 6, 7, 7, 667, 667, 668];
    cases.length().do!(|i| {
        let committee = committee_of(vector[cases[i]]);
        assert!(committee.is_quorum(quorums[i]));
        assert!(!committee.is_quorum(quorums[i] - 1));
    });
}

/// The message of an event in epoch 5, as far as it is looked at here.
fun message(): vector<u8> {
    x"02000305000000"
}

#[test]
fun four_of_five_are_a_quorum_and_two_have_a_correct_one() {
    let five = committee_of(vector[1, 1, 1, 1, 1]);
    five.verify_quorum_in_epoch(vector[], x"0f", message());
    five.verify_one_correct_node_in_epoch(vector[], x"03", message());
}

#[test]
fun five_of_six_are_a_quorum_and_three_have_a_correct_one() {
    let six = committee_of(vector[1, 1, 1, 1, 1, 1]);
    six.verify_quorum_in_epoch(vector[], x"1f", message());
    six.verify_one_correct_node_in_epoch(vector[], x"07", message());
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun three_of_five_are_no_quorum() {
    committee_of(vector[1, 1, 1, 1, 1]).verify_quorum_in_epoch(vector[], x"07", message());
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun four_of_six_are_no_quorum() {
    committee_of(vector[1, 1, 1, 1, 1, 1]).verify_quorum_in_epoch(vector[], x"0f", message());
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun two_of_six_may_both_be_faulty() {
    let six = committee_of(vector[1, 1, 1, 1, 1, 1]);
    six.verify_one_correct_node_in_epoch(vector[], x"03", message());
}

#[test]
fun shards_count_and_not_nodes() {
    let committee = committee_of(vector[7, 1, 1, 1]);
    committee.verify_quorum_in_epoch(vector[], x"01", message());
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun three_of_four_nodes_with_few_shards() {
    committee_of(vector[7, 1, 1, 1]).verify_quorum_in_epoch(vector[], x"0e", message());
}

/// Bits that a short bitmap does not have are zero: eight of ten members are a quorum.
#[test]
fun a_short_bitmap_of_a_quorum() {
    committee().verify_quorum_in_epoch(vector[], x"ff", message());
}
