//! Uploads in parts that are cut off, and go on.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
};

use walrus_tests::{TestNetwork, s3::RunningS3, tools::Tool};

use super::NETWORK;

const PARTS: &str = include_str!("../../../tools/s3_parts.py");

/// Starts a script, and waits for its first line.
fn first_line(server: &RunningS3, arguments: &[&str]) -> (Child, String) {
    let mut command = server.boto3_command(PARTS, arguments);
    let mut script = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(script.stdout.take().unwrap()).lines();
    let line = lines.next().expect("the script prints a line").unwrap();
    (script, line)
}

/// Kills the server while it receives a part, and again while it completes the upload.
async fn interrupt(ack: &str) {
    if Tool::Boto3.path().is_none() {
        return;
    }
    let network = TestNetwork::start(&NETWORK);
    let options = ["--ack", ack, "--chunk-size", "6MiB"];
    let server = RunningS3::start(&network, "s3", &options);
    let (mut client, id) = first_line(&server, &["begin"]);
    drop(server);
    client.kill().unwrap();
    client.wait().unwrap();

    let server = RunningS3::start(&network, "s3", &options);
    let (mut client, line) = first_line(&server, &["resume", &id]);
    assert_eq!(line, "completing");
    drop(server);
    client.kill().unwrap();
    client.wait().unwrap();

    // Nobody knows how far it got; whoever asks again gets the object.
    let server = RunningS3::start(&network, "s3", &options);
    server.boto3(PARTS, &["completed", &id]);
    server.settle().await;
    let blobs = network.walrus(&["list-blobs", "--json"]).json();
    let certified = |blob: &serde_json::Value| blob["certifiedEpoch"] == 1;
    let blobs = blobs.as_array().unwrap();
    assert!(blobs.iter().all(certified), "{blobs:?}");
    assert_eq!(
        blobs.len(),
        4,
        "a bucket and three pieces, each once: {blobs:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_after_crashes() {
    interrupt("certified").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_in_the_journal_goes_on_after_crashes() {
    interrupt("journal").await;
}
