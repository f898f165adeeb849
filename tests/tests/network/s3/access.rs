//! Buckets as names of hosts, and readers without a key.

use walrus_tests::{TestNetwork, s3::RunningS3, text, tools::Tool};

const ACCESS: &str = include_str!("../../../tools/s3_access.py");

#[tokio::test(flavor = "multi_thread")]
async fn hosts_name_buckets_and_everybody_may_read() {
    let network = TestNetwork::start(&["--nodes", "4", "--shards", "10"]);
    let options = ["--domain", "s3.test", "--anonymous-read"];
    let server = RunningS3::start(&network, "s3", &options);
    let curl = Tool::Curl.path();
    server.boto3(ACCESS, &[curl.as_deref().map(text).unwrap_or_default()]);
    drop(server);

    let keys = network.folder().join("s3.keys");
    let credentials = ["s3", "--credentials", text(&keys)];
    let refused = network.walrus(&[&credentials[..], &["--domain", "http://s3.test"]].concat());
    refused.assert_fails(1, &["\"http://s3.test\" is no domain", "s3.example.org"]);
}
