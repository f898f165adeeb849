//! The known-good data for everything in this crate.

#![allow(clippy::unwrap_used)] // helpers of tests

mod dem;
mod elgamal;
mod http;
mod ibe;
mod object;
mod ptb;
mod session;
mod sharing;

use std::path::PathBuf;

use rand::{CryptoRng, RngCore};
use serde_json::Value;
use walrus_core::ObjectId;
use zeroize::Zeroizing;

/// The vectors of one file: from the directory in `WALRUS_VECTORS`, else from the repository's.
fn load(name: &str) -> Value {
    let directory = std::env::var_os("WALRUS_VECTORS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors")),
        PathBuf::from,
    );
    let path = directory.join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    serde_json::from_str(&text).expect("vectors are JSON")
}

/// Never empty, so that a loop over it tests something.
fn list(value: &Value) -> &[Value] {
    let list = value.as_array().expect("an array");
    assert!(!list.is_empty());
    list
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(text(value)).expect("hexadecimal")
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().expect("the right length")
}

fn key(value: &Value) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(array(value))
}

fn number<T: TryFrom<u64>>(value: &Value) -> T {
    let number = value
        .as_u64()
        .or_else(|| value.as_str()?.parse().ok())
        .expect("a number");
    T::try_from(number).unwrap_or_else(|_| panic!("{number} is too large"))
}

fn object_id(value: &Value) -> ObjectId {
    text(value).parse().expect("an object ID")
}

/// Chance that was written down: gives these bytes, and nothing after them.
struct Script(Vec<u8>);

impl Script {
    /// The bytes for a number: those of the number, after as many zeros as are reduced away.
    fn then_scalar(mut self, scalar: &[u8]) -> Self {
        self.0.extend([0; 32]);
        self.0.extend(scalar);
        self
    }
}

impl RngCore for Script {
    fn next_u32(&mut self) -> u32 {
        unreachable!("only bytes are asked for")
    }

    fn next_u64(&mut self) -> u64 {
        unreachable!("only bytes are asked for")
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        assert!(
            out.len() <= self.0.len(),
            "more chance than was written down"
        );
        out.copy_from_slice(&self.0[..out.len()]);
        self.0.drain(..out.len());
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand::Error> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl CryptoRng for Script {}
