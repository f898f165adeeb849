//! Reading the test vectors.

use std::path::PathBuf;

use serde_json::Value;

/// The vectors of one file: from the directory in `WALRUS_VECTORS`, else from the repository's.
pub(crate) fn load(name: &str) -> Value {
    let directory = std::env::var_os("WALRUS_VECTORS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors")),
        PathBuf::from,
    );
    let path = directory.join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let value: Value = serde_json::from_str(&text).expect("vectors are JSON");
    assert_eq!(value["format"], "walrus-vectors-v1", "{}", path.display());
    value
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().expect("an array")
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(text(value)).expect("hexadecimal")
}

pub(crate) fn number<T: TryFrom<u64>>(value: &Value) -> T {
    let number = value
        .as_u64()
        .or_else(|| value.as_str()?.parse().ok())
        .expect("a number");
    T::try_from(number).unwrap_or_else(|_| panic!("{number} is too large"))
}
