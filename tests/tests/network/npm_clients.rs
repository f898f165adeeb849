//! The unmodified npm clients against a local network.

use walrus_tests::{TestNetwork, gateway::RunningGateway, npm::node, run, text};

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

#[tokio::test(flavor = "multi_thread")]
async fn scripts_use_the_gateway_with_fetch() {
    let network = TestNetwork::start(&["--nodes", "4", "--shards", "10"]);
    let wallets = network.folder().join("sub-wallets");
    std::fs::create_dir(&wallets).unwrap();
    let arguments = [
        "daemon",
        "--sub-wallets-dir",
        text(&wallets),
        "--n-clients",
        "2",
    ];
    let gateway = RunningGateway::start(&network, &arguments);
    let ready = network.ready.to_string();
    let stored = run(node("gateway.mjs").args([ready.as_str(), &gateway.url])).json();
    let blob_id = stored["blobId"].as_str().unwrap();
    assert_eq!(network.read(blob_id).len(), 40_000);
}
