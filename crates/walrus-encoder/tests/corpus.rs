//! Replays the seeds of the fuzz targets, and small changes of each, without a fuzzer.
#![allow(clippy::unwrap_used)] // helpers of tests

#[path = "../../../fuzz/src/decoders.rs"]
mod decoders;
#[path = "../../../fuzz/src/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn metadata() {
    replay("metadata", decoders::metadata);
}

#[test]
fn slivers() {
    replay("sliver", decoders::sliver);
}

#[test]
fn symbols() {
    replay("symbol", decoders::symbol);
}

#[test]
fn proofs() {
    replay("proof", decoders::proof);
}

#[test]
fn quilts() {
    replay("quilt", decoders::quilt);
}

#[test]
fn certificates() {
    replay("certificate", decoders::certificate);
}
