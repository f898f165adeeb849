//! Dynamic fields and dynamic object fields.

use crate::common::*;
use sui_sdk_types::{Address, ExecutionError, IdOperation, ObjectIn, ObjectOut, Owner, TypeTag};

const NAME: &[u8] = b"child";

struct Fixture {
    chain: Chain,
    package: Address,
    item: Address,
}

impl Fixture {
    fn new() -> Self {
        let (mut chain, package) = Chain::with_objects();
        let mut ptb = Ptb::default();
        let value = ptb.pure(&1u64);
        let item = ptb.call(package, "items::new", &[value]);
        ptb.transfer(&[item], ALICE);
        let item = created(&chain.succeed(ALICE, ptb))[0];
        Self {
            chain,
            package,
            item,
        }
    }

    /// A call on the item with numbers as arguments.
    fn ptb(&self, function: &str, numbers: &[u64]) -> Ptb {
        let mut ptb = Ptb::default();
        let mut arguments = vec![ptb.owned(&self.chain, self.item)];
        arguments.extend(numbers.iter().map(|number| ptb.pure(number)));
        ptb.call(self.package, function, &arguments);
        ptb
    }

    fn field_id(&self, name: u64) -> Address {
        self.item
            .derive_dynamic_child_id(&TypeTag::U64, &name.to_le_bytes())
    }
}

#[test]
fn fields_are_added_changed_and_removed() {
    let mut fixture = Fixture::new();
    let id = fixture.field_id(5);

    let add = fixture.ptb("items::add_field", &[5, 50]);
    let executed = fixture.chain.succeed(ALICE, add);
    assert_eq!(change(&executed, id).id_operation, IdOperation::Created);
    let field = fixture.chain.object(id).clone();
    assert_eq!(*field.owner(), Owner::Object(fixture.item));
    let contents = field.as_struct().unwrap().contents();
    assert_eq!(
        contents,
        [id.as_bytes(), &5u64.to_le_bytes(), &50u64.to_le_bytes()].concat()
    );
    assert_eq!(
        field.as_struct().unwrap().object_type().to_string(),
        "0x0000000000000000000000000000000000000000000000000000000000000002::dynamic_field::Field<u64, u64>"
    );

    let set = fixture.ptb("items::set_field", &[5, 51]);
    let executed = fixture.chain.succeed(ALICE, set);
    assert!(matches!(
        change(&executed, id).input_state,
        ObjectIn::Exist { .. }
    ));
    assert!(matches!(
        change(&executed, id).output_state,
        ObjectOut::ObjectWrite { .. }
    ));
    let read = fixture.ptb("items::field", &[5]);
    assert_eq!(returned::<u64>(&fixture.chain.inspect(read), 0, 0), 51);

    let remove = fixture.ptb("items::remove_field", &[5]);
    let executed = fixture.chain.succeed(ALICE, remove);
    assert_eq!(change(&executed, id).id_operation, IdOperation::Deleted);
    assert!(!fixture.chain.store.0.contains_key(&id));
}

#[test]
fn fields_that_do_not_change_are_not_written() {
    let mut fixture = Fixture::new();
    let id = fixture.field_id(5);
    let add = fixture.ptb("items::add_field", &[5, 50]);
    fixture.chain.succeed(ALICE, add);
    for (function, numbers) in [
        ("items::set_field", &[5, 50][..]),
        ("items::field", &[5]),
        ("items::touch_field", &[5]),
    ] {
        let ptb = fixture.ptb(function, numbers);
        let executed = fixture.chain.succeed(ALICE, ptb);
        let ids = effects(&executed)
            .changed_objects
            .iter()
            .map(|change| change.object_id);
        assert!(!ids.collect::<Vec<_>>().contains(&id), "{function}");
        assert!(
            executed
                .inputs
                .iter()
                .any(|object| object.object_id() == id),
            "{function}"
        );
    }
}

#[test]
fn misuse_aborts_with_the_codes_of_the_framework() {
    let mut fixture = Fixture::new();
    let add = fixture.ptb("items::add_field", &[5, 50]);
    fixture.chain.succeed(ALICE, add);
    for (function, numbers, expected) in [
        ("items::add_field", &[5, 1][..], 0),
        ("items::field", &[6], 1),
        ("items::remove_field", &[6], 1),
        ("items::field_as_bool", &[5], 2),
    ] {
        let ptb = fixture.ptb(function, numbers);
        let (error, _) = fixture.chain.fail(ALICE, ptb);
        let ExecutionError::MoveAbort { location, code } = error else {
            panic!("{error:?}");
        };
        assert_eq!(
            (location.module.as_str(), code),
            ("dynamic_field", expected),
            "{function}"
        );
    }
}

#[test]
fn object_fields_keep_the_object_visible() {
    let mut fixture = Fixture::new();
    let mut ptb = Ptb::default();
    let parent = ptb.owned(&fixture.chain, fixture.item);
    let (name, value) = (ptb.pure(&NAME), ptb.pure(&7u64));
    let child = ptb.call(fixture.package, "items::new", &[value]);
    ptb.call(fixture.package, "items::add_child", &[parent, name, child]);
    let executed = fixture.chain.succeed(ALICE, ptb);
    let child = *created(&executed)
        .iter()
        .find(|id| {
            let object = fixture.chain.object(**id).as_struct().unwrap();
            object.object_type().name().as_str() == "Item"
        })
        .unwrap();
    let Owner::Object(field) = *fixture.chain.object(child).owner() else {
        panic!("the child belongs to the field");
    };
    assert_eq!(
        *fixture.chain.object(field).owner(),
        Owner::Object(fixture.item)
    );

    let mut ptb = Ptb::default();
    let parent = ptb.owned(&fixture.chain, fixture.item);
    let (name, value) = (ptb.pure(&NAME), ptb.pure(&8u64));
    ptb.call(fixture.package, "items::set_child", &[parent, name, value]);
    let executed = fixture.chain.succeed(ALICE, ptb);
    let ids: Vec<_> = effects(&executed)
        .changed_objects
        .iter()
        .map(|change| change.object_id)
        .collect();
    assert!(ids.contains(&child) && !ids.contains(&field));

    let mut ptb = Ptb::default();
    let parent = ptb.owned(&fixture.chain, fixture.item);
    let name = ptb.pure(&NAME);
    let taken = ptb.call(fixture.package, "items::take_child", &[parent, name]);
    ptb.transfer(&[taken], BOB);
    let executed = fixture.chain.succeed(ALICE, ptb);
    assert_eq!(*fixture.chain.object(child).owner(), Owner::Address(BOB));
    assert!(matches!(
        change(&executed, child).input_state,
        ObjectIn::Exist { .. }
    ));
    assert_eq!(change(&executed, field).id_operation, IdOperation::Deleted);
}

#[test]
fn a_field_added_and_removed_at_once_leaves_no_trace() {
    let mut fixture = Fixture::new();
    let mut ptb = Ptb::default();
    let item = ptb.owned(&fixture.chain, fixture.item);
    let (name, value) = (ptb.pure(&5u64), ptb.pure(&50u64));
    ptb.call(fixture.package, "items::add_field", &[item, name, value]);
    ptb.call(fixture.package, "items::remove_field", &[item, name]);
    let executed = fixture.chain.succeed(ALICE, ptb);
    assert_eq!(effects(&executed).changed_objects.len(), 2);
}

#[test]
fn tables_bags_and_vectors_of_the_framework_work() {
    let mut fixture = Fixture::new();
    let two = Address::TWO;
    let types = || vec![TypeTag::U64, TypeTag::Address];
    let mut ptb = Ptb::default();
    let table = ptb.call_generic(two, "table::new", types(), &[]);
    for key in 0..20u64 {
        let (key, value) = (ptb.pure(&key), ptb.pure(&BOB));
        ptb.call_generic(two, "table::add", types(), &[table, key, value]);
    }
    ptb.transfer(&[table], ALICE);
    let executed = fixture.chain.succeed(ALICE, ptb);
    assert_eq!(created(&executed).len(), 21);
    let table = *created(&executed)
        .iter()
        .find(|id| {
            fixture
                .chain
                .object(**id)
                .as_struct()
                .unwrap()
                .object_type()
                .name()
                .as_str()
                == "Table"
        })
        .unwrap();

    let mut ptb = Ptb::default();
    let table = ptb.owned(&fixture.chain, table);
    for key in 0..20u64 {
        let key = ptb.pure(&key);
        ptb.call_generic(two, "table::remove", types(), &[table, key]);
    }
    ptb.call_generic(two, "table::destroy_empty", types(), &[table]);
    let executed = fixture.chain.succeed(ALICE, ptb);
    assert_eq!(executed.removed.len(), 21);
}
