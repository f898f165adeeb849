module policies::approvers_tests;

use policies::approvers::{Self, Board};
use policies::ids;
use policies::release;
use std::unit_test::{assert_eq, destroy};
use sui::test_scenario;

use fun approve as Board.approve_reader;

const APPROVERS: vector<address> = vector[@0x1, @0x2, @0x3];
const READER: address = @0xB;

fun context(sender: address): TxContext {
    tx_context::new_from_hint(sender, 0, 0, 0, 0)
}

/// A board on which two of three decide.
fun board(): Board {
    let mut scenario = test_scenario::begin(@0xA);
    approvers::create(APPROVERS, 2, scenario.ctx());
    scenario.next_tx(@0xA);
    let board = scenario.take_shared<Board>();
    scenario.end();
    board
}

fun approve(board: &Board, reader: address) {
    let id = ids::with(object::id_address(board), b"nonce");
    approvers::approve_for_testing(id, board, &context(reader));
}

#[test]
fun enough_approvers_let_a_reader_in() {
    let mut board = board();
    assert_eq!(board.threshold(), 2);
    assert_eq!(board.approval_count(READER), 0);
    board.approve(READER, &context(@0x1));
    board.approve(READER, &context(@0x3));
    assert_eq!(board.approval_count(READER), 2);
    board.approve_reader(READER);
    // Others are not let in by that.
    assert_eq!(board.approval_count(@0xC), 0);
    destroy(board);
}

#[test]
fun approvals_are_taken_back() {
    let mut board = board();
    board.withdraw(READER, &context(@0x1));
    board.approve(READER, &context(@0x1));
    board.withdraw(READER, &context(@0x2));
    assert_eq!(board.approval_count(READER), 1);
    2u64.do!(|_| board.withdraw(READER, &context(@0x1)));
    assert_eq!(board.approval_count(READER), 0);
    destroy(board);
}

#[test]
fun an_old_board_is_migrated() {
    let mut board = board();
    board.set_version_for_testing(0);
    board.migrate();
    board.approve(READER, &context(@0x1));
    destroy(board);
}

#[test, expected_failure(abort_code = approvers::ENoAccess)]
fun the_same_approver_twice() {
    let mut board = board();
    2u64.do!(|_| board.approve(READER, &context(@0x1)));
    board.approve_reader(READER);
    abort
}

#[test, expected_failure(abort_code = approvers::ENoAccess)]
fun an_approver_does_not_read_by_itself() {
    let board = board();
    board.approve_reader(@0x1);
    abort
}

#[test, expected_failure(abort_code = approvers::ENoAccess)]
fun the_identity_of_another_board() {
    let mut board = board();
    board.approve(READER, &context(@0x1));
    board.approve(READER, &context(@0x2));
    approvers::approve_for_testing(ids::with(READER, b""), &board, &context(READER));
    abort
}

#[test, expected_failure(abort_code = approvers::ENotApprover)]
fun somebody_else_approves() {
    let mut board = board();
    board.approve(READER, &context(READER));
    abort
}

#[test, expected_failure(abort_code = release::EWrongVersion)]
fun reading_with_old_code() {
    let mut board = board();
    board.set_version_for_testing(2);
    board.approve_reader(READER);
    abort
}

#[test, expected_failure(abort_code = release::EWrongVersion)]
fun approving_with_old_code() {
    let mut board = board();
    board.set_version_for_testing(2);
    board.approve(READER, &context(@0x1));
    abort
}

#[test, expected_failure(abort_code = approvers::EInvalidThreshold)]
fun nobody_decides() {
    approvers::create(APPROVERS, 0, &mut tx_context::dummy());
}

#[test, expected_failure(abort_code = approvers::EInvalidThreshold)]
fun more_than_there_are_decide() {
    approvers::create(APPROVERS, 4, &mut tx_context::dummy());
}

#[test, expected_failure(abort_code = approvers::EInvalidThreshold)]
fun too_many_approvers() {
    let accounts = vector::tabulate!(65, |i| sui::address::from_u256(i as u256));
    approvers::create(accounts, 2, &mut tx_context::dummy());
}

#[test, expected_failure(abort_code = sui::vec_set::EKeyAlreadyExists)]
fun an_approver_who_is_named_twice() {
    approvers::create(vector[@0x1, @0x1], 2, &mut tx_context::dummy());
}
