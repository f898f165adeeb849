module walrus::extended_field_tests;

use std::unit_test::assert_eq;
use walrus::extended_field;

#[test]
fun a_value_can_be_changed_swapped_and_taken_out() {
    let ctx = &mut tx_context::dummy();
    let mut field = extended_field::new(1u64, ctx);
    assert_eq!(*field.borrow(), 1);
    *field.borrow_mut() = 2;
    assert_eq!(field.swap(3), 2);
    assert_eq!(field.destroy(), 3);
}
