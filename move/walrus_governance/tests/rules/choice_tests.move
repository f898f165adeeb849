module walrus_governance::choice_tests;

use std::unit_test::assert_eq;
use walrus_governance::choice;

#[test]
fun numbers() {
    3u8.do!(|number| assert_eq!(choice::from_u8(number).to_u8(), number));
}

#[test, expected_failure(abort_code = choice::EInvalidChoice)]
fun an_unknown_number() {
    choice::from_u8(3);
}
