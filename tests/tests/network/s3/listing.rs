//! Very many keys.

use walrus_tests::{TestNetwork, s3::RunningS3, text};

const LISTING: &str = include_str!("../../../tools/s3_listing.py");
/// Keys that are written and listed.
const KEYS: &str = "10000";
/// With so many shards quilts have more than a hundred files.
const NETWORK: [&str; 4] = ["--nodes", "4", "--shards", "200"];

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_keys_are_listed_the_same_after_a_rebuild() {
    let network = TestNetwork::start(&NETWORK);
    let options = ["--ack", "journal"];
    let server = RunningS3::start(&network, "s3", &options);
    if server.boto3(LISTING, &["put", KEYS]).is_none() {
        return;
    }
    // While they are on their way, when they are on chain, and from nothing but the chain.
    server.boto3(LISTING, &["check", KEYS]);
    server.settle().await;
    server.boto3(LISTING, &["check", KEYS]);
    let folder = server.aws(&["ls", "s3://many/3/13/"]);
    drop(server);
    let data = network.folder().join("s3");
    let rebuilt = network
        .walrus(&["s3", "rebuild", "--data-dir", text(&data), "--json"])
        .json();
    assert_eq!(rebuilt["objects"].to_string(), KEYS, "{rebuilt}");
    let server = RunningS3::start(&network, "s3", &options);
    server.boto3(LISTING, &["check", KEYS]);
    assert_eq!(server.aws(&["ls", "s3://many/3/13/"]), folder);
}
