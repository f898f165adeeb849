module walrus::metadata_tests;

use std::unit_test::assert_eq;
use walrus::metadata;

#[test]
fun attributes_are_set_replaced_and_removed() {
    let mut attributes = metadata::new();
    attributes.insert_or_update(b"a".to_string(), b"1".to_string());
    attributes.insert_or_update(b"b".to_string(), b"2".to_string());
    attributes.insert_or_update(b"a".to_string(), b"3".to_string());
    let (key, value) = attributes.remove(&b"a".to_string());
    assert_eq!(key, b"a".to_string());
    assert_eq!(value, b"3".to_string());
    assert_eq!(attributes.remove_if_exists(&b"b".to_string()), option::some(b"2".to_string()));
    assert_eq!(attributes.remove_if_exists(&b"b".to_string()), option::none());
}

#[test]
fun a_replaced_attribute_moves_to_the_end() {
    let mut attributes = metadata::new();
    attributes.insert_or_update(b"a".to_string(), b"1".to_string());
    attributes.insert_or_update(b"b".to_string(), b"2".to_string());
    attributes.insert_or_update(b"a".to_string(), b"3".to_string());
    // Two pairs: b, then a.
    assert_eq!(sui::bcs::to_bytes(&attributes), x"020162013201610133");
}

#[test, expected_failure(abort_code = sui::vec_map::EKeyDoesNotExist, location = sui::vec_map)]
fun remove_what_is_not_there() {
    metadata::new().remove(&b"a".to_string());
}
