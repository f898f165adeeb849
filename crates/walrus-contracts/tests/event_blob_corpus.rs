//! Replays the seeds of the fuzz target of event blobs, and changes of every byte of each, without
//! a fuzzer.
#![allow(clippy::unwrap_used)] // helpers of tests

#[path = "../../../fuzz/src/event_blob.rs"]
mod event_blob;

use std::path::Path;

use walrus_contracts::event_blob::EventBlob;

#[test]
fn event_blobs() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/event_blob");
    let mut read = 0;
    for seed in std::fs::read_dir(directory).unwrap() {
        let seed = std::fs::read(seed.unwrap().path()).unwrap();
        event_blob::event_blob(&seed);
        read += usize::from(EventBlob::parse(seed.clone()).is_ok());
        for position in 0..seed.len() {
            for byte in [0, 1, 0x7f, 0xff, seed[position].wrapping_add(1)] {
                let mut changed = seed.clone();
                changed[position] = byte;
                event_blob::event_blob(&changed);
            }
            event_blob::event_blob(&seed[..position]);
        }
    }
    assert_eq!(read, 3);
}
