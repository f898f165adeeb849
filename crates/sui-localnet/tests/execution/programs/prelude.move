#[allow(all)]
module programs::programs;

use sui::derived_object;
use sui::dynamic_field;
use sui::dynamic_object_field;
use sui::event;

public struct Thing has key, store { id: UID, n: u64 }

public struct Wrapper has key { id: UID, thing: Thing }

public struct Happened has copy, drop { n: u64 }

public struct Inner has copy, drop, store { x: u64, list: vector<u64> }

public struct Outer has copy, drop, store { left: u64, right: u64, inner: Inner, choice: Choice }

public enum Choice has copy, drop, store {
    None,
    One(u64),
    Many { x: u64, list: vector<u64> },
}

public fun outer(x: u64): Outer {
    Outer { left: x, right: x, inner: Inner { x, list: vector[x, x, x] }, choice: Choice::One(x) }
}

public fun left(outer: &Outer): &u64 { &outer.left }

public fun left_mut(outer: &mut Outer): &mut u64 { &mut outer.left }

public fun inner(outer: &Outer): &Inner { &outer.inner }

public fun inner_mut(outer: &mut Outer): &mut Inner { &mut outer.inner }

public fun larger(a: &u64, b: &u64): &u64 { if (*a > *b) a else b }

public fun larger_mut(a: &mut u64, b: &mut u64): &mut u64 { if (*a > *b) a else b }

public fun read(x: &u64): u64 { *x }

public fun add(x: &mut u64, y: u64) { *x = *x + y; }

public fun push(list: &mut vector<u64>, x: u64) { list.push_back(x) }

public fun pop(list: &mut vector<u64>): u64 { if (list.is_empty()) 0 else list.pop_back() }

public fun replace<T: drop>(place: &mut T, mut value: T): T { swap(place, &mut value); value }

public fun swap<T: drop>(_a: &mut T, _b: &mut T) {}

public fun is_none(choice: &Choice): bool { match (choice) { Choice::None => true, _ => false } }

public fun weight(choice: &Choice): u64 {
    match (choice) {
        Choice::None => 0,
        Choice::One(x) => *x,
        Choice::Many { x, list } if (*x > 3) => *x + list.length(),
        Choice::Many { x: _, list: _ } => 1,
    }
}

