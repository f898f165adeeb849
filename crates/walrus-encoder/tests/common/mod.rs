//! Reading the test vectors.
#![allow(dead_code)] // each test uses a part

#[path = "../../../walrus-core/tests/common/mod.rs"]
mod vectors;

use serde_json::Value;
use sha2::{Digest, Sha256};

pub(crate) use vectors::*;

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
