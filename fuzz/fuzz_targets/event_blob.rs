//! Feeds any bytes to `event_blob::event_blob`.
#![no_main]

#[path = "../src/event_blob.rs"]
mod event_blob;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| event_blob::event_blob(bytes));
