//! What is too long for the suite: `./scripts/soak s3`.

use std::{fs, path::Path, time::Instant};

use walrus_tests::{TestNetwork, random_bytes, s3::RunningS3, text};

use super::same;

/// Small files, and the length of the large one.
const FILES: usize = 500;
const LARGE: usize = 300 << 20;
const NETWORK: [&str; 4] = ["--nodes", "4", "--shards", "100"];
const BOTO3: &str = "
import boto3, os, sys
s3 = boto3.client('s3')
there, back = sys.argv[1:]
s3.create_bucket(Bucket='boto3')
names = []
for folder, _, files in os.walk(there):
    names += [os.path.relpath(os.path.join(folder, name), there) for name in files]
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(16) as pool:
    list(pool.map(lambda name: s3.upload_file(os.path.join(there, name), 'boto3', name), names))
for name in names:
    os.makedirs(os.path.dirname(os.path.join(back, name)), exist_ok=True)
with ThreadPoolExecutor(16) as pool:
    list(pool.map(lambda name: s3.download_file('boto3', name, os.path.join(back, name)), names))
";

fn tree(folder: &Path) {
    for number in 0..FILES {
        let path = folder.join(format!("small/{}/{number}.bin", number % 23));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, random_bytes(10 + number * 61, number as u64)).unwrap();
    }
    fs::write(folder.join("large"), random_bytes(LARGE, 1)).unwrap();
}

/// Runs a step, and says how long it took.
fn timed<T>(what: &str, step: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let done = step();
    eprintln!("{what}: {:.1} s", started.elapsed().as_secs_f64());
    done
}

async fn every_client(ack: &str) {
    let network = TestNetwork::start(&NETWORK);
    let server = RunningS3::start(&network, "s3", &["--ack", ack]);
    let there = network.folder().join("there");
    tree(&there);
    let back = |client: &str| network.folder().join(client);

    let aws = back("aws");
    timed("aws up", || {
        server.aws(&["mb", "s3://aws"]);
        server.aws(&["sync", "--quiet", text(&there), "s3://aws"])
    });
    timed("aws down", || {
        server.aws(&["sync", "--quiet", "s3://aws", text(&aws)])
    });
    same(&there, &aws);
    fs::remove_dir_all(aws).unwrap();
    timed("aws delete", || server.aws(&["rb", "--force", "s3://aws"]));

    let rclone = back("rclone");
    timed("rclone up", || {
        server.rclone(&["copy", text(&there), "walrus:rclone"])
    });
    timed("rclone down", || {
        server.rclone(&["copy", "walrus:rclone", text(&rclone)])
    });
    same(&there, &rclone);
    fs::remove_dir_all(rclone).unwrap();
    timed("rclone delete", || {
        server.rclone(&["purge", "walrus:rclone"])
    });

    let boto3 = back("boto3");
    timed("boto3 up and down", || {
        server.boto3(BOTO3, &[text(&there), text(&boto3)])
    });
    same(&there, &boto3);
    timed("boto3's bucket deleted", || {
        server.aws(&["rb", "--force", "s3://boto3"])
    });
    server.settle().await;
    let left = network.walrus(&["list-blobs", "--json"]).json();
    assert_eq!(left.as_array().map(Vec::len), Some(0), "{left}");
    let mib = server.process.peak_memory_bytes() >> 20;
    eprintln!("the server had {mib} MiB at most");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: ./scripts/soak s3"]
async fn every_client_moves_large_trees() {
    every_client("certified").await;
    every_client("journal").await;
}
