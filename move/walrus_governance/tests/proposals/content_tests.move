module walrus_governance::content_tests;

use std::unit_test::assert_eq;
use walrus_governance::content;
use walrus_governance::test_world;

const DIGEST: vector<u8> = x"0101010101010101010101010101010101010101010101010101010101010101";

#[test]
fun kinds_that_bind() {
    assert!(content::upgrade(DIGEST).is_binding());
    assert!(content::slash(@0x1.to_id()).is_binding());
    assert!(content::governance_parameters(test_world::parameters()).is_binding());
    assert!(!content::free_text().is_binding());
    let advice = content::parameter_advice(option::some(1), option::none(), option::none());
    assert!(!advice.is_binding());
    assert!(advice.new_parameters().is_none());
}

#[test]
fun contents() {
    let node_id = @0x1.to_id();
    assert_eq!(content::upgrade(DIGEST).upgrade_digest(), DIGEST);
    assert_eq!(content::slash(node_id).slashed_node(), node_id);
    assert_eq!(content::slash(node_id).try_slashed_node(), option::some(node_id));
    assert_eq!(content::upgrade(DIGEST).try_slashed_node(), option::none());
    let rules = test_world::parameters();
    assert_eq!(content::governance_parameters(rules).new_parameters(), option::some(rules));
    assert!(content::blob(7) != content::blob(8));
}

#[test]
fun the_longest_text() {
    content::text(vector::tabulate!(4096, |_| 65u8).to_string());
}

#[test, expected_failure(abort_code = content::EInvalidTextLength)]
fun a_text_too_long() {
    content::text(vector::tabulate!(4097, |_| 65u8).to_string());
}

#[test, expected_failure(abort_code = content::EInvalidTextLength)]
fun no_text() {
    content::text(b"".to_string());
}

#[test, expected_failure(abort_code = content::EInvalidDigestLength)]
fun a_short_digest() {
    content::upgrade(x"00");
}

#[test, expected_failure(abort_code = content::EEmptyAdvice)]
fun advice_about_nothing() {
    content::parameter_advice(option::none(), option::none(), option::none());
}

#[test, expected_failure(abort_code = content::EWrongKind)]
fun no_digest_in_a_text() {
    content::free_text().upgrade_digest();
}

#[test, expected_failure(abort_code = content::EWrongKind)]
fun no_node_in_an_upgrade() {
    content::upgrade(DIGEST).slashed_node();
}

#[test, expected_failure(abort_code = content::EWrongKind)]
fun an_upgrade_is_not_executed_as_a_text() {
    content::upgrade(DIGEST).new_parameters();
}
