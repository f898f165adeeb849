/// String attributes that an owner attaches to a blob.
module walrus::metadata;

use std::string::String;
use sui::vec_map::{Self, VecMap};

/// Attributes of a blob, in order of their last change.
public struct Metadata has drop, store {
    metadata: VecMap<String, String>,
}

/// Empty attributes.
public fun new(): Metadata {
    Metadata { metadata: vec_map::empty() }
}

/// Sets an attribute. One that exists already is removed first, and so moves to the end.
public fun insert_or_update(self: &mut Metadata, key: String, value: String) {
    if (self.metadata.contains(&key)) {
        self.metadata.remove(&key);
    };
    self.metadata.insert(key, value);
}

/// Removes an attribute and returns it; aborts in `sui::vec_map` if there is none of that name.
public fun remove(self: &mut Metadata, key: &String): (String, String) {
    self.metadata.remove(key)
}

/// Removes an attribute if there is one of that name, and returns its value.
public fun remove_if_exists(self: &mut Metadata, key: &String): Option<String> {
    if (!self.metadata.contains(key)) return option::none();
    let (_, value) = self.metadata.remove(key);
    option::some(value)
}
