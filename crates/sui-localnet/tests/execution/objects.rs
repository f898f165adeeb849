//! The life of objects: create, change, transfer, wrap, share, freeze, receive, delete.

use crate::common::*;
use sui_sdk_types::{
    Address, CommandArgumentError, ExecutionError, IdOperation, Input, ObjectIn, ObjectOut, Owner,
    UnchangedConsensusKind,
};

/// Creates an item for Alice and returns its id.
fn new_item(chain: &mut Chain, package: Address, value: u64) -> Address {
    let mut ptb = Ptb::default();
    let value = ptb.pure(&value);
    let item = ptb.call(package, "items::new", &[value]);
    ptb.transfer(&[item], ALICE);
    created(&chain.succeed(ALICE, ptb))[0]
}

fn new_box(chain: &mut Chain, package: Address) -> Address {
    let mut ptb = Ptb::default();
    let new = ptb.call(package, "items::new_box", &[]);
    ptb.transfer(&[new], ALICE);
    created(&chain.succeed(ALICE, ptb))[0]
}

fn value(chain: &mut Chain, package: Address, id: Address) -> u64 {
    let mut ptb = Ptb::default();
    let item = ptb.owned(chain, id);
    ptb.call(package, "items::value", &[item]);
    returned(&chain.inspect(ptb), 0, 0)
}

#[test]
fn objects_are_created_changed_and_deleted() {
    let (mut chain, package) = Chain::with_objects();
    let id = new_item(&mut chain, package, 5);
    assert_eq!(value(&mut chain, package, id), 5);

    let mut ptb = Ptb::default();
    let item = ptb.owned(&chain, id);
    let nine = ptb.pure(&9u64);
    ptb.call(package, "items::set", &[item, nine]);
    let executed = chain.succeed(ALICE, ptb);
    assert_eq!(change(&executed, id).id_operation, IdOperation::None);
    assert!(matches!(
        change(&executed, id).input_state,
        ObjectIn::Exist { .. }
    ));
    assert_eq!(value(&mut chain, package, id), 9);

    let mut ptb = Ptb::default();
    let item = ptb.owned(&chain, id);
    ptb.call(package, "items::delete", &[item]);
    let executed = chain.succeed(ALICE, ptb);
    assert_eq!(change(&executed, id).id_operation, IdOperation::Deleted);
    assert_eq!(change(&executed, id).output_state, ObjectOut::NotExist);
    assert!(effects(&executed).gas_used.storage_rebate > 978_120);
}

#[test]
fn an_owned_input_gets_a_new_version_even_if_only_read() {
    let (mut chain, package) = Chain::with_objects();
    let id = new_item(&mut chain, package, 5);
    let before = chain.object(id).version();
    let mut ptb = Ptb::default();
    let item = ptb.owned(&chain, id);
    ptb.call(package, "items::value", &[item]);
    let executed = chain.succeed(ALICE, ptb);
    assert!(chain.object(id).version() > before);
    assert_eq!(
        chain.object(id).version(),
        effects(&executed).lamport_version
    );
}

#[test]
fn created_and_deleted_at_once_leaves_no_trace() {
    let (mut chain, package) = Chain::with_objects();
    let mut ptb = Ptb::default();
    let value = ptb.pure(&1u64);
    let item = ptb.call(package, "items::new", &[value]);
    ptb.call(package, "items::delete", &[item]);
    let executed = chain.succeed(ALICE, ptb);
    assert_eq!(
        effects(&executed).changed_objects.len(),
        1,
        "only the gas coin"
    );
}

#[test]
fn wrapping_and_unwrapping() {
    let (mut chain, package) = Chain::with_objects();
    let item_id = new_item(&mut chain, package, 3);
    let box_id = new_box(&mut chain, package);

    let mut ptb = Ptb::default();
    let (the_box, item) = (ptb.owned(&chain, box_id), ptb.owned(&chain, item_id));
    ptb.call(package, "items::wrap", &[the_box, item]);
    let executed = chain.succeed(ALICE, ptb);
    let wrapped = change(&executed, item_id);
    assert_eq!(wrapped.output_state, ObjectOut::NotExist);
    assert_eq!(wrapped.id_operation, IdOperation::None);
    assert!(!chain.store.0.contains_key(&item_id));

    let mut ptb = Ptb::default();
    let the_box = ptb.owned(&chain, box_id);
    let item = ptb.call(package, "items::unwrap", &[the_box]);
    ptb.transfer(&[item], BOB);
    let executed = chain.succeed(ALICE, ptb);
    let unwrapped = change(&executed, item_id);
    assert_eq!(unwrapped.input_state, ObjectIn::NotExist);
    assert!(matches!(
        unwrapped.output_state,
        ObjectOut::ObjectWrite { .. }
    ));
    assert_eq!(unwrapped.id_operation, IdOperation::None);
    assert_eq!(*chain.object(item_id).owner(), Owner::Address(BOB));
}

#[test]
fn unwrapped_then_deleted() {
    let (mut chain, package) = Chain::with_objects();
    let item_id = new_item(&mut chain, package, 3);
    let box_id = new_box(&mut chain, package);
    let mut ptb = Ptb::default();
    let (the_box, item) = (ptb.owned(&chain, box_id), ptb.owned(&chain, item_id));
    ptb.call(package, "items::wrap", &[the_box, item]);
    chain.succeed(ALICE, ptb);
    let mut ptb = Ptb::default();
    let the_box = ptb.owned(&chain, box_id);
    ptb.call(package, "items::burn", &[the_box]);
    let executed = chain.succeed(ALICE, ptb);
    let deleted = change(&executed, item_id);
    assert_eq!(deleted.input_state, ObjectIn::NotExist);
    assert_eq!(deleted.output_state, ObjectOut::NotExist);
    assert_eq!(deleted.id_operation, IdOperation::Deleted);
    assert_eq!(change(&executed, box_id).id_operation, IdOperation::Deleted);
}

#[test]
fn created_and_wrapped_at_once_is_not_listed() {
    let (mut chain, package) = Chain::with_objects();
    let box_id = new_box(&mut chain, package);
    let mut ptb = Ptb::default();
    let the_box = ptb.owned(&chain, box_id);
    let value = ptb.pure(&1u64);
    let item = ptb.call(package, "items::new", &[value]);
    ptb.call(package, "items::wrap", &[the_box, item]);
    let executed = chain.succeed(ALICE, ptb);
    assert_eq!(
        effects(&executed).changed_objects.len(),
        2,
        "the box and the gas coin"
    );
}

#[test]
fn frozen_objects_are_read_by_everybody_and_changed_by_nobody() {
    let (mut chain, package) = Chain::with_objects();
    let id = new_item(&mut chain, package, 6);
    let mut ptb = Ptb::default();
    let item = ptb.owned(&chain, id);
    ptb.call(package, "items::freeze_item", &[item]);
    chain.succeed(ALICE, ptb);
    assert_eq!(*chain.object(id).owner(), Owner::Immutable);

    let mut ptb = Ptb::default();
    let item = ptb.owned(&chain, id);
    ptb.call(package, "items::value", &[item]);
    let executed = chain.succeed(BOB, ptb);
    assert_eq!(
        effects(&executed).changed_objects.len(),
        1,
        "an immutable input is not written"
    );

    let mut ptb = Ptb::default();
    let item = ptb.owned(&chain, id);
    let one = ptb.pure(&1u64);
    ptb.call(package, "items::set", &[item, one]);
    let kind = CommandArgumentError::InvalidObjectByMutRef;
    assert_eq!(
        chain.fail(BOB, ptb).0,
        ExecutionError::CommandArgumentError { argument: 0, kind }
    );

    let mut ptb = Ptb::default();
    let item = ptb.owned(&chain, id);
    ptb.call(package, "items::delete", &[item]);
    let kind = CommandArgumentError::InvalidObjectByValue;
    assert_eq!(
        chain.fail(BOB, ptb).0,
        ExecutionError::CommandArgumentError { argument: 0, kind }
    );
}

#[test]
fn shared_objects_are_changed_by_everybody() {
    let (mut chain, package) = Chain::with_objects();
    let counter = chain.only(package, "items", "Counter");
    for (sender, count) in [(ALICE, 1u64), (BOB, 2)] {
        let mut ptb = Ptb::default();
        let shared = ptb.shared(&chain, counter, true);
        ptb.call(package, "items::count", &[shared]);
        let executed = chain.succeed(sender, ptb);
        let events = &executed.events.as_ref().unwrap().0;
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].contents[32..], count.to_le_bytes());
        assert_eq!((events[0].package_id, events[0].sender), (package, sender));
        assert_eq!(
            events[0].type_.to_string(),
            format!("{package}::items::Counted")
        );
    }
}

#[test]
fn a_shared_object_that_is_only_read_is_not_written() {
    let (mut chain, package) = Chain::with_objects();
    let counter = chain.only(package, "items", "Counter");
    let (version, digest) = (
        chain.object(counter).version(),
        chain.object(counter).digest(),
    );
    let mut ptb = Ptb::default();
    let shared = ptb.shared(&chain, counter, false);
    ptb.call(package, "items::read", &[shared]);
    let executed = chain.succeed(BOB, ptb);
    let [unchanged] = &effects(&executed).unchanged_consensus_objects[..] else {
        panic!("one shared object was read");
    };
    assert_eq!(unchanged.object_id, counter);
    assert_eq!(
        unchanged.kind,
        UnchangedConsensusKind::ReadOnlyRoot { version, digest }
    );

    let mut ptb = Ptb::default();
    let shared = ptb.shared(&chain, counter, false);
    ptb.call(package, "items::count", &[shared]);
    let kind = CommandArgumentError::InvalidObjectByMutRef;
    assert_eq!(
        chain.fail(BOB, ptb).0,
        ExecutionError::CommandArgumentError { argument: 0, kind }
    );
}

#[test]
fn a_shared_object_taken_by_value_stays_shared_or_is_deleted() {
    let (mut chain, package) = Chain::with_objects();
    let counter = chain.only(package, "items", "Counter");
    let owner = *chain.object(counter).owner();
    let call = |chain: &Chain, function: &str| {
        let mut ptb = Ptb::default();
        let shared = ptb.shared(chain, counter, true);
        ptb.call(package, function, &[shared]);
        ptb
    };
    let steal = call(&chain, "items::steal_counter");
    assert_eq!(
        chain.fail(BOB, steal).0,
        ExecutionError::ConsensusObjectOperationNotAllowed
    );
    let keep = call(&chain, "items::keep_counter");
    chain.succeed(BOB, keep);
    assert_eq!(
        *chain.object(counter).owner(),
        owner,
        "the initial version stays"
    );
    let delete = call(&chain, "items::delete_counter");
    let executed = chain.succeed(BOB, delete);
    assert_eq!(
        change(&executed, counter).id_operation,
        IdOperation::Deleted
    );
}

#[test]
fn only_new_objects_can_be_shared() {
    let (mut chain, package) = Chain::with_objects();
    let id = new_item(&mut chain, package, 6);
    let mut ptb = Ptb::default();
    let item = ptb.owned(&chain, id);
    ptb.call(package, "items::share", &[item]);
    let (error, command) = chain.fail(ALICE, ptb);
    let ExecutionError::MoveAbort { location, code } = error else {
        panic!("{error:?}");
    };
    assert_eq!(
        (location.package, location.module.as_str(), code),
        (Address::TWO, "transfer", 0)
    );
    assert_eq!(
        location.function_name.unwrap().as_str(),
        "share_object_impl"
    );
    assert_eq!(
        (location.function, location.instruction, command),
        (12, 0, Some(0))
    );

    let mut ptb = Ptb::default();
    let value = ptb.pure(&1u64);
    let item = ptb.call(package, "items::new", &[value]);
    ptb.call(package, "items::share", &[item]);
    let executed = chain.succeed(ALICE, ptb);
    let shared = created(&executed)[0];
    let lamport = effects(&executed).lamport_version;
    assert_eq!(*chain.object(shared).owner(), Owner::Shared(lamport));
}

#[test]
fn objects_sent_to_an_object_are_received_through_it() {
    let (mut chain, package) = Chain::with_objects();
    let parent = new_item(&mut chain, package, 1);
    let child = new_item(&mut chain, package, 2);
    let mut ptb = Ptb::default();
    let object = ptb.owned(&chain, child);
    ptb.transfer(&[object], parent);
    chain.succeed(ALICE, ptb);

    let mut ptb = Ptb::default();
    let receiver = ptb.owned(&chain, parent);
    let sent = ptb.input(Input::Receiving(chain.reference(child)));
    let item = ptb.call(package, "items::receive", &[receiver, sent]);
    ptb.transfer(&[item], BOB);
    chain.succeed(ALICE, ptb);
    assert_eq!(*chain.object(child).owner(), Owner::Address(BOB));

    // Bob's item does not belong to the parent any more.
    let mut ptb = Ptb::default();
    let receiver = ptb.owned(&chain, parent);
    let sent = ptb.input(Input::Receiving(chain.reference(child)));
    let item = ptb.call(package, "items::receive", &[receiver, sent]);
    ptb.transfer(&[item], ALICE);
    let (error, _) = chain.fail(ALICE, ptb);
    assert!(
        matches!(error, ExecutionError::MoveAbort { code: 3, .. }),
        "{error:?}"
    );
}

#[test]
fn custom_transfer_rules_hold() {
    let (mut chain, package) = Chain::with_objects();
    let mut ptb = Ptb::default();
    let to = ptb.pure(&ALICE);
    ptb.call(package, "items::give_badge", &[to]);
    let badge = created(&chain.succeed(ALICE, ptb))[0];
    let mut ptb = Ptb::default();
    let object = ptb.owned(&chain, badge);
    ptb.transfer(&[object], BOB);
    let kind = CommandArgumentError::InvalidTransferObject;
    assert_eq!(
        chain.fail(ALICE, ptb).0,
        ExecutionError::CommandArgumentError { argument: 0, kind }
    );
}

#[test]
fn a_failure_keeps_nothing_but_versions_and_gas() {
    let (mut chain, package) = Chain::with_objects();
    let id = new_item(&mut chain, package, 4);
    let gas = chain.coins(ALICE)[0];
    let (before, balance) = (chain.object(id).version(), chain.balance(gas));
    let mut ptb = Ptb::default();
    let item = ptb.owned(&chain, id);
    let odd = ptb.pure(&9u64);
    ptb.call(package, "items::set", &[item, odd]);
    ptb.call(package, "items::check_even", &[odd]);
    let executed = chain.execute(ALICE, ptb);
    assert!(matches!(
        status(&executed),
        sui_sdk_types::ExecutionStatus::Failure {
            error: ExecutionError::MoveAbort { code: 7, .. },
            command: Some(1)
        }
    ));
    assert_eq!(value(&mut chain, package, id), 4);
    assert!(chain.object(id).version() > before);
    assert!(chain.balance(gas) < balance);
    assert!(executed.events.is_none());
    assert_eq!(effects(&executed).changed_objects.len(), 2);
}
