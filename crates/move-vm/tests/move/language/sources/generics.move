/// Generic functions and types.
module language::generics;

use std::ascii::String;
use std::type_name;

public struct Box<T> has copy, drop, store { value: T }

public struct Pair<A, B> has copy, drop, store { first: A, second: B }

public struct Marker<phantom T> has copy, drop, store {}

/// Nests one level per application, to reach the limit on nesting of values.
public struct Wrap<T> has drop { inner: T }

/// Nests nine levels per application.
public struct Deep<T> has drop { inner: Wrap<Wrap<Wrap<Wrap<Wrap<Wrap<Wrap<Wrap<T>>>>>>>> }

public fun swap<A, B>(pair: Pair<A, B>): Pair<B, A> {
    let Pair { first, second } = pair;
    Pair { first: second, second: first }
}

public fun make<A, B>(first: A, second: B): Pair<A, B> {
    Pair { first, second }
}

public fun first<A: copy, B>(pair: &Pair<A, B>): A {
    pair.first
}

fun name_of<T>(): String {
    type_name::with_defining_ids<T>().into_string()
}

fun name_of_box<T>(): String {
    name_of<Box<T>>()
}

public fun nested_name<T>(): String {
    name_of_box<Pair<T, vector<Marker<T>>>>()
}

/// Packs vectors of whatever the type argument is, so that the representation must follow it.
fun singleton<T>(value: T): vector<T> {
    let mut list = vector[];
    list.push_back(value);
    list
}

public fun singletons_bcs(): vector<vector<u8>> {
    vector[
        std::bcs::to_bytes(&singleton(7u8)),
        std::bcs::to_bytes(&singleton(7u16)),
        std::bcs::to_bytes(&singleton(7u64)),
        std::bcs::to_bytes(&singleton(true)),
        std::bcs::to_bytes(&singleton(@0x7)),
        std::bcs::to_bytes(&singleton(7u256)),
        std::bcs::to_bytes(&singleton(Box { value: 7u32 })),
        std::bcs::to_bytes(&singleton(singleton(7u128))),
        std::bcs::to_bytes(&Marker<u64> {}),
        std::bcs::to_bytes(&option::some(3u16)),
    ]
}

public fun swapped(): bool {
    let pair = swap(swap(make(1u8, make(b"x", @0x2))));
    pair == make(1u8, make(b"x", @0x2)) && first(&pair) == 1
}

public fun wrap<T>(inner: T): Wrap<T> {
    Wrap { inner }
}

fun deep4<T: drop>(inner: T): Wrap<Wrap<Wrap<Wrap<T>>>> {
    wrap(wrap(wrap(wrap(inner))))
}

fun deep16<T: drop>(inner: T): bool {
    let _deep = deep4(deep4(deep4(deep4(inner))));
    true
}

/// Values of `T` nested 16 levels deeper.
public fun nest16<T: drop>(inner: T): bool {
    deep16(inner)
}
