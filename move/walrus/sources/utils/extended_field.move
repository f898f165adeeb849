/// A field that is stored apart from its struct and loaded only when it is used.
module walrus::extended_field;

use sui::dynamic_field as df;

// === Structs ===

/// Stands in a struct for a value of type `T` that lives in a dynamic field.
public struct ExtendedField<phantom T: store> has key, store {
    id: UID,
}

/// Name of the dynamic field.
public struct Key() has copy, drop, store;

// === Public functions ===

/// Stores a value.
public fun new<T: store>(value: T, ctx: &mut TxContext): ExtendedField<T> {
    let mut id = object::new(ctx);
    df::add(&mut id, Key(), value);
    ExtendedField { id }
}

/// The value.
public fun borrow<T: store>(self: &ExtendedField<T>): &T {
    df::borrow(&self.id, Key())
}

/// The value, to change it.
public fun borrow_mut<T: store>(self: &mut ExtendedField<T>): &mut T {
    df::borrow_mut(&mut self.id, Key())
}

/// Stores another value and returns the old one.
public fun swap<T: store>(self: &mut ExtendedField<T>, value: T): T {
    let old = df::remove(&mut self.id, Key());
    df::add(&mut self.id, Key(), value);
    old
}

/// Removes the field and returns its value.
public fun destroy<T: store>(self: ExtendedField<T>): T {
    let ExtendedField { mut id } = self;
    let value = df::remove(&mut id, Key());
    id.delete();
    value
}
