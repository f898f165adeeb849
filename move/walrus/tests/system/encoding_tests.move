module walrus::encoding_tests;

use std::unit_test::assert_eq;
use walrus::encoding;
use walrus::redstuff;

const RS2: u8 = 1;

#[test]
fun encoded_lengths() {
    assert_eq!(encoding::encoded_blob_length(1, RS2, 1000), 66_034_000);
    assert_eq!(encoding::encoded_blob_length(0, RS2, 10), 6_940);
    assert_eq!(encoding::encoded_blob_length(1, RS2, 10), 6_940);
    assert_eq!(encoding::encoded_blob_length(1 << 30, RS2, 1000), 4_888_852_000);
}

#[test]
fun symbols_grow_in_steps_of_two_bytes() {
    // Four times seven symbols: 28 bytes fit into symbols of one byte, which is rounded up to two.
    let two = encoding::encoded_blob_length(56, RS2, 10);
    assert_eq!(encoding::encoded_blob_length(28, RS2, 10), two);
    let four = encoding::encoded_blob_length(57, RS2, 10);
    assert_eq!(four - two, 10 * (4 + 7) * 2);
}

#[test]
fun source_symbols_per_number_of_shards() {
    let cases = vector[1, 2, 3, 4, 7, 10, 13, 100, 301, 1000];
    let primary = vector[1, 2, 3, 2, 3, 4, 5, 34, 101, 334];
    let secondary = vector[1, 2, 3, 3, 5, 7, 9, 67, 201, 667];
    cases.length().do!(|i| {
        let (p, s) = redstuff::source_symbols(cases[i]);
        assert_eq!(p, primary[i]);
        assert_eq!(s, secondary[i]);
    });
}

#[test]
fun the_largest_blob_of_ten_shards() {
    // 28 symbols of 65534 bytes.
    encoding::encoded_blob_length(28 * 65_534, RS2, 10);
}

#[test, expected_failure(arithmetic_error, location = walrus::redstuff)]
fun a_blob_that_is_too_large() {
    encoding::encoded_blob_length(28 * 65_535 + 1, RS2, 10);
}

#[test, expected_failure(abort_code = encoding::EInvalidEncodingType)]
fun unknown_encoding_type() {
    encoding::encoded_blob_length(1, 0, 10);
}
