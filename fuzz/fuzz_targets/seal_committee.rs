//! Feeds any bytes to `seal::seal_committee`.
#![no_main]

#[path = "../src/seal.rs"]
#[allow(dead_code)]
mod seal;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| seal::seal_committee(bytes));
