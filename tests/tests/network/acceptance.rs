//! What `@mysten/walrus`, unmodified, needs of storage nodes: in plain text, and over TLS with an
//! authority that Node is told to trust. Nodes among themselves, and our own clients, go by the
//! network keys on the chain.

use std::fs;

use serde_json::{Value, json};
use walrus_tests::{TestNetwork, contents::Contents, npm::Conversation, run, tools::Tool};

const SHAPE: [&str; 4] = ["--nodes", "4", "--shards", "10"];
/// Sizes and seeds of what the npm client stores.
const STORED: [(usize, usize); 3] = [(1, 1), (40_000, 2), (3_000, 3)];

/// Has the npm client store and read; returns what it has stored.
fn accept(network: &TestNetwork, authority: Option<&str>) -> Vec<String> {
    let variables = authority.map(|path| ("NODE_EXTRA_CA_CERTS", path));
    let mut client = Conversation::start_with("acceptance.mjs", &network.ready, variables);
    let question = client.question().expect("it asks for an epoch");
    assert_eq!(question, json!({"next": "epoch"}));
    let outcome = network.localnet(&["epoch", "next"]);
    assert!(outcome.success, "{}\n{}", outcome.stderr, network.logs());
    client.answer(&Value::Null);
    let stored = client.question().expect("it says what it has stored");
    assert_eq!(client.question(), None);
    let stored = stored["stored"].as_array().expect("blob IDs");
    assert_eq!(stored.len(), 3);
    let ids = stored.iter().map(|id| id.as_str().expect("a blob ID"));
    ids.map(str::to_owned).collect()
}

#[test]
fn nodes_in_plain_text_have_what_the_npm_client_needs() {
    let network = TestNetwork::start(&SHAPE);
    for blob_id in accept(&network, None) {
        assert!(!network.read(&blob_id).is_empty());
    }
}

#[test]
fn nodes_with_tls_have_what_the_npm_client_needs() {
    let network = TestNetwork::start(&[&SHAPE[..], &["--tls"]].concat());
    let url = network.ready["nodes"][0]["url"].as_str().expect("a URL");
    assert!(url.starts_with("https://"), "{url}");
    let authority = network.ready["ca_certificate"].as_str();
    let stored = accept(&network, Some(authority.expect("a path")));
    for blob_id in &stored {
        assert!(!network.read(blob_id).is_empty());
    }

    // Whoever does not trust the authority does not talk to the nodes.
    let distrusting = run(walrus_tests::npm::node("store-read.mjs").arg(network.ready.to_string()));
    assert!(!distrusting.success, "{}", distrusting.stdout);

    // A node that has lost everything gets it back from the others, over TLS as well.
    let mut contents = Contents::new(10);
    for (blob_id, (size, seed)) in stored.iter().zip(STORED) {
        let reply = json!([{"blobStoreResult": {"alreadyCertified": {"blobId": blob_id}}}]);
        let bytes = (0..size).map(|index| u8::try_from((index * 31 + seed) % 251).expect("a byte"));
        contents.add(&reply, bytes.collect());
    }
    contents.store(&network, 200_000);
    assert!(network.localnet(&["node", "stop", "node-1"]).success);
    let storage = network.state_dir().join("nodes/node-1/storage");
    fs::remove_dir_all(storage).expect("it had a disk");
    assert!(network.localnet(&["node", "start", "node-1"]).success);
    if Tool::Curl.path().is_some() {
        contents.assert_ends_well(&network);
    }
}

#[test]
fn nobody_lies_between_nodes_that_serve_tls() {
    let network = TestNetwork::start(&[&SHAPE[..], &["--tls"]].concat());
    let outcome = network.localnet(&["fault", "lie", "node-0", "garbage"]);
    outcome.assert_fails(1, &["--tls"]);
    // Other faults are ways, which carry anything.
    let cut = network.localnet(&["fault", "partition", "node-3"]);
    assert!(cut.success, "{}", cut.stderr);
    let file = network.random_file(10_000, 1);
    let blob_id = network.store(&file);
    assert!(network.localnet(&["fault", "heal"]).success);
    assert_eq!(network.read(&blob_id).len(), 10_000);
}
