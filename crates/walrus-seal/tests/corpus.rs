//! Replays the seeds of the fuzz targets, and small changes of each, without a fuzzer.
#![allow(clippy::unwrap_used)] // helpers of tests

#[path = "../../../fuzz/src/replay.rs"]
mod replay;
#[path = "../../../fuzz/src/seal.rs"]
mod seal;

use replay::replay;

#[test]
fn objects() {
    replay("seal_object", seal::seal_object);
}

#[test]
fn envelopes() {
    assert_eq!(
        std::fs::read(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../fuzz/corpus/seal_envelope/short"
        ))
        .unwrap(),
        seal::sample_envelope(),
        "the seed is what we would write"
    );
    replay("seal_envelope", seal::seal_envelope);
}

#[test]
fn programs() {
    replay("seal_program", seal::seal_program);
}

#[test]
fn messages() {
    replay("seal_message", seal::seal_message);
}

#[test]
fn ceremonies() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fuzz/corpus/seal_committee/two"
    );
    let sample = seal::sample_ceremony();
    if std::env::var_os("WALRUS_UPDATE_VECTORS").is_some() {
        std::fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
        std::fs::write(path, &sample).unwrap();
    }
    assert_eq!(
        std::fs::read(path).unwrap(),
        sample,
        "the seed is what we would write"
    );
    replay("seal_committee", seal::seal_committee);
}
