//! Buckets and objects on a local network, asked for with the clients that people use: `boto3`,
//! the command of AWS, `rclone`, `curl`.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

mod access;
mod epochs;
mod large;
mod listing;
mod money;
mod uploads;

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::Stdio,
};

use walrus_tests::{TestNetwork, random_bytes, run, s3::RunningS3, text, tools::Tool};

/// Enough shards that quilts have some files.
const NETWORK: [&str; 4] = ["--nodes", "4", "--shards", "40"];
const OBJECTS: &str = include_str!("../../tools/s3_objects.py");
const LOAD: &str = include_str!("../../tools/s3_load.py");
/// Small files of the tree that is synchronised.
const FILES: usize = 120;
/// Length of its large file: several blobs.
const LARGE: usize = 24 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn clients_get_what_s3_promises() {
    let network = TestNetwork::start(&NETWORK);
    let server = RunningS3::start(&network, "s3", &["--chunk-size", "3MiB"]);
    let curl = Tool::Curl.path();
    let curl = curl.as_deref().map(text).unwrap_or_default();
    server.boto3(OBJECTS, &[curl]);
    // Nothing is left on chain, not even by what was overwritten.
    server.settle().await;
    let left = network.walrus(&["list-blobs", "--json"]).json();
    assert_eq!(left.as_array().map(Vec::len), Some(0), "{left}");
}

/// Small files in folders, and a large one.
fn tree(folder: &Path) {
    for number in 0..FILES {
        let path = folder.join(format!("{}/{number}.bin", number % 7));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, random_bytes(100 + number * 37, number as u64)).unwrap();
    }
    fs::write(folder.join("large"), random_bytes(LARGE, 1)).unwrap();
}

fn same(one: &Path, other: &Path) {
    let compared = run(std::process::Command::new("diff")
        .arg("-r")
        .args([one, other]));
    assert!(compared.success, "{}{}", compared.stdout, compared.stderr);
}

/// All keys of a bucket, their sizes and ETags, as `rclone` lists them.
fn listing(server: &RunningS3) -> Option<String> {
    let listed = server.rclone(&[
        "lsf",
        "-R",
        "--hash",
        "MD5",
        "--format",
        "psh",
        "walrus:trees",
    ])?;
    let mut lines: Vec<&str> = listed.lines().collect();
    lines.sort_unstable();
    Some(lines.join("\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn trees_survive_crashes_and_the_loss_of_the_index() {
    let network = TestNetwork::start(&NETWORK);
    let options = [
        "--ack",
        "journal",
        "--chunk-size",
        "10MiB",
        "--pack-delay",
        "1s",
    ];
    let server = RunningS3::start(&network, "s3", &options);
    let there = network.folder().join("there");
    tree(&there);
    let back = network.folder().join("back");
    if server.aws(&["mb", "s3://trees"]).is_none() {
        return;
    }
    // What is acknowledged is there after the process was killed, before it is on chain and after.
    server.aws(&["sync", "--quiet", text(&there), "s3://trees"]);
    drop(server);
    let server = RunningS3::start(&network, "s3", &options);
    server.aws(&["sync", "--quiet", "s3://trees", text(&back)]);
    same(&there, &back);
    server.settle().await;
    let before = listing(&server);
    drop(server);

    // The index is only a copy of what the chain knows.
    fs::remove_dir_all(network.folder().join("s3")).unwrap();
    let server = RunningS3::start(&network, "s3", &options);
    assert_eq!(listing(&server), before);
    if server
        .rclone(&["check", "--download", text(&there), "walrus:trees"])
        .is_some()
    {
        // Deleted files stay deleted, and those that shared quilts with them are kept.
        let kept = network.folder().join("kept");
        server.rclone(&["delete", "--include", "/{1,2,3,4,5,6}/**", "walrus:trees"]);
        server.settle().await;
        drop(server);
        let data = network.folder().join("s3");
        let rebuilt = network.walrus(&["s3", "rebuild", "--data-dir", text(&data), "--json"]);
        assert_eq!(rebuilt.json()["buckets"], 1);
        let server = RunningS3::start(&network, "s3", &options);
        server.rclone(&["sync", "walrus:trees", text(&kept)]);
        for folder in 1..7 {
            fs::remove_dir_all(there.join(folder.to_string())).unwrap();
        }
        same(&there, &kept);
        server.aws(&["rb", "--force", "s3://trees"]);
        server.settle().await;
        let left = network.walrus(&["list-blobs", "--json"]).json();
        assert_eq!(left.as_array().map(Vec::len), Some(0), "{left}");
    }
}

/// Writes until the server is killed in the middle, and looks for what was acknowledged.
async fn kill_under_load(ack: &str) {
    let network = TestNetwork::start(&NETWORK);
    let options = ["--ack", ack, "--pack-delay", "200ms"];
    let server = RunningS3::start(&network, "s3", &options);
    if server.aws(&["mb", "s3://load"]).is_none() {
        return;
    }
    let mut writer = server.boto3_command(LOAD, &["100000"]);
    let mut writer = writer.stdout(Stdio::piped()).spawn().unwrap();
    let mut acknowledged = BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut keys: Vec<String> = acknowledged.by_ref().take(60).map(Result::unwrap).collect();
    drop(server);
    // What was on its way to the writer counts, too.
    writer.kill().unwrap();
    writer.wait().unwrap();
    keys.extend(acknowledged.map_while(Result::ok));

    let server = RunningS3::start(&network, "s3", &options);
    let mut reader = server.boto3_command(LOAD, &["check"]);
    let mut reader = reader.stdin(Stdio::piped()).spawn().unwrap();
    let written = reader
        .stdin
        .take()
        .unwrap()
        .write_all(keys.join("\n").as_bytes());
    written.unwrap();
    assert!(reader.wait().unwrap().success());
    // What was paid for and cut off is finished or taken back.
    server.settle().await;
    let blobs = network.walrus(&["list-blobs", "--json"]).json();
    for blob in blobs.as_array().unwrap() {
        assert_eq!(blob["certifiedEpoch"], 1, "{blob}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_certified_is_lost() {
    kill_under_load("certified").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_in_the_journal_is_lost() {
    kill_under_load("journal").await;
}
