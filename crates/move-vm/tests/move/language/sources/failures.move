/// Failures and where they are located.
module language::failures;

const EPlain: u64 = 42;
#[error]
const ENotGood: vector<u8> = b"not good";
#[error(code = 7)]
const EWithCode: vector<u8> = b"with a code";

public fun add_u64(left: u64, right: u64): u64 { left + right }

public fun sub_u64(left: u64, right: u64): u64 { left - right }

public fun mul_u64(left: u64, right: u64): u64 { left * right }

public fun div_u64(left: u64, right: u64): u64 { left / right }

public fun mod_u64(left: u64, right: u64): u64 { left % right }

public fun add_u256(left: u256, right: u256): u256 { left + right }

public fun mul_u256(left: u256, right: u256): u256 { left * right }

public fun div_u256(left: u256, right: u256): u256 { left / right }

public fun shl_u64(value: u64, bits: u8): u64 { value << bits }

public fun shr_u8(value: u8, bits: u8): u8 { value >> bits }

public fun shl_u256(value: u256, bits: u8): u256 { value << bits }

public fun to_u8(value: u64): u8 { value as u8 }

public fun u256_to_u64(value: u256): u64 { value as u64 }

public fun bits(left: u32, right: u32): (u32, u32, u32) { (left | right, left & right, left ^ right) }

public fun element(index: u64): u64 { vector[1, 2, 3][index] }

public fun pop_empty(): u64 {
    let mut list: vector<u64> = vector[];
    list.pop_back()
}

public fun swap_out_of_bounds() {
    let mut list = vector[1u64];
    list.swap(0, 1);
}

public fun destroy_not_empty() {
    vector[1u64].destroy_empty()
}

public fun push_many(count: u64): u64 {
    let mut list = vector[];
    count.do!(|item| list.push_back(item));
    list.length()
}

public fun plain_abort(): u64 {
    if (add_u64(1, 1) == 2) abort EPlain;
    0
}

public fun clever_abort() { assert!(add_u64(1, 1) == 3, ENotGood) }

public fun clever_abort_with_code() { abort EWithCode }

public fun bare_assert() { assert!(add_u64(1, 1) == 3) }

public fun nested_abort() {
    helper(0)
}

fun helper(value: u64) {
    assert!(value > 0, 77)
}

public fun recurse(depth: u64) {
    if (depth > 0) recurse(depth - 1)
}

public fun call_recurse(depth: u64) { recurse(depth) }

public fun forever() { loop {} }

public fun bad_utf8() {
    let _ = std::string::utf8(vector[0xff]);
}

/// Doubles a vector until memory or gas is gone.
public fun explode() {
    let mut list = vector[b"0123456789abcdef"];
    loop {
        let copied = list;
        list.append(copied);
    }
}

public fun short_circuit(value: u64): bool {
    value != 0 && 100 / value > 5 || value == 0
}
