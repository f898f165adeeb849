/// References: to locals, fields, elements, and through calls.
module language::references;

public struct Inner has copy, drop, store { count: u64, flag: bool }

public struct Outer has copy, drop, store { inner: Inner, list: vector<Inner>, bytes: vector<u8> }

fun outer(): Outer {
    Outer {
        inner: Inner { count: 1, flag: false },
        list: vector[Inner { count: 2, flag: false }, Inner { count: 3, flag: true }],
        bytes: b"abc",
    }
}

fun count_mut(outer: &mut Outer): &mut u64 {
    &mut outer.inner.count
}

fun element_mut(outer: &mut Outer, index: u64): &mut Inner {
    &mut outer.list[index]
}

fun bump(count: &mut u64) {
    *count = *count + 10;
}

/// Locals, fields, elements of packed and of unpacked vectors.
public fun stores(): (u64, u64, u64, vector<u8>, bool) {
    let mut local = 5;
    bump(&mut local);
    let mut value = outer();
    bump(count_mut(&mut value));
    let element = element_mut(&mut value, 1);
    bump(&mut element.count);
    element.flag = false;
    let byte = &mut value.bytes[1];
    *byte = *byte + 1;
    let flag = value.list[1].flag;
    (local, value.inner.count, value.list[1].count, value.bytes, flag)
}

/// A copy does not follow later changes of the original.
public fun copies(): bool {
    let mut original = outer();
    let copied = original;
    let through_reference = *&original.list;
    element_mut(&mut original, 0).count = 99;
    copied == outer() && through_reference == outer().list && original != copied
}

/// Replaces a whole struct, a whole vector, an element.
public fun replaces(): bool {
    let mut value = outer();
    value.inner = Inner { count: 7, flag: true };
    *&mut value.list = vector[Inner { count: 8, flag: false }];
    *element_mut(&mut value, 0) = Inner { count: 9, flag: true };
    value.inner.count == 7 && value.list == vector[Inner { count: 9, flag: true }]
}

/// Moves a value out of one owner and into another, then changes it there.
public fun moves(): u64 {
    let Outer { inner, mut list, bytes: _ } = outer();
    list.push_back(inner);
    list.swap(0, 2);
    let moved = &mut list[0];
    moved.count = moved.count + 40;
    let mut sum = 0;
    list.do!(|item| sum = sum * 100 + item.count);
    sum
}

/// A loop through references that are chosen at run time.
public fun chosen(): (u64, u64) {
    let mut left = 1;
    let mut right = 2;
    let mut round = 0;
    while (round < 4) {
        let target = if (round % 2 == 0) &mut left else &mut right;
        *target = *target * 3;
        round = round + 1;
    };
    (left, right)
}

public fun compare_referents(): bool {
    let left = outer();
    let right = outer();
    &left == &right && &left.inner.count == &right.inner.count && &1u64 != &2u64
}

/// For callers outside: changes what the arguments refer to.
public fun accumulate(total: &mut u64, values: &mut vector<u64>, inner: &mut Outer) {
    while (!values.is_empty()) *total = *total + values.pop_back();
    inner.inner.count = *total;
}

public fun new_outer(): Outer { outer() }

public fun inner_count(outer: &Outer): &u64 { &outer.inner.count }
