//! The unmodified npm clients against a local network.

use std::process::Command;

use walrus_tests::{TestNetwork, run};

#[test]
fn mysten_walrus_stores_and_reads() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/npm");
    assert!(
        std::path::Path::new(folder).join("node_modules").exists(),
        "the npm clients are not installed: run `npm ci` in tests/npm, or ./scripts/test"
    );
    let network = TestNetwork::start(&["--nodes", "4", "--shards", "10"]);
    let mut command = Command::new("node");
    command
        .arg("store-read.mjs")
        .arg(network.ready.to_string())
        .current_dir(folder);
    let written = run(&mut command).json();

    // What the npm client wrote, ours reads.
    for size in [1, 5000] {
        let blob_id = written[size.to_string()]["blobId"].as_str().unwrap();
        let expected: Vec<u8> = (0..size)
            .map(|index| u8::try_from((index * 31 + 7) % 251).unwrap())
            .collect();
        assert!(
            network.read(blob_id) == expected,
            "{size} bytes came back different"
        );
    }
}
