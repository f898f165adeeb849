//! The unmodified npm clients against a local network.

use walrus_tests::{TestNetwork, npm::node, run};

#[test]
fn mysten_walrus_stores_and_reads() {
    let network = TestNetwork::start(&["--nodes", "4", "--shards", "10"]);
    let written = run(node("store-read.mjs").arg(network.ready.to_string())).json();

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
