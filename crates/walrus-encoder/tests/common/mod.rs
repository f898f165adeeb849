//! Reading the test vectors.
#![allow(dead_code)] // each test uses a part

use std::path::PathBuf;

use serde_json::Value;
use sha2::{Digest, Sha256};

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

pub(crate) fn sha256(data: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(data))
}

/// The bytes that a generator describes.
pub(crate) fn generate(generator: &Value, size: usize) -> Vec<u8> {
    let byte = |value: usize| u8::try_from(value).expect("a byte");
    match text(&generator["kind"]) {
        "affine251" => {
            let (a, b) = (
                number::<usize>(&generator["a"]),
                number::<usize>(&generator["b"]),
            );
            (0..size).map(|i| byte((i * a + b) % 251)).collect()
        }
        "constant" => vec![number(&generator["byte"]); size],
        "sha256ctr" => {
            let seed = text(&generator["seed"]);
            let blocks = (0_u64..).flat_map(|counter| {
                Sha256::new()
                    .chain_update(seed)
                    .chain_update(counter.to_le_bytes())
                    .finalize()
            });
            blocks.take(size).collect()
        }
        other => panic!("unknown generator {other}"),
    }
}
