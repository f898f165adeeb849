//! How fast lost data comes back: `./scripts/bench recovery`.
//!
//! Four nodes with ten shards in one process, on one machine. A node with an empty disk gets all
//! blobs back; a shard is copied from the node that held it; the same shard is recovered when that
//! node is gone. Copying is the baseline of recovering.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a measurement that fails says where"
)]
#![allow(dead_code, reason = "tests use more of what is shared with them")]

#[path = "../tests/node/cluster.rs"]
mod cluster;
#[path = "../tests/node/harness.rs"]
mod harness;

use std::time::Instant;

use cluster::{Assignment, Cluster};
use harness::TestBlob;

/// Small blobs in the network.
const BLOBS: u32 = 1_000;

/// Small blobs with `--quick`.
const FEW_BLOBS: u32 = 50;

/// Small blobs a second that a node with an empty disk should get back.
const GOAL_BLOBS_PER_SECOND: f64 = 200.0;

const FOUR: Assignment<'_> = &[&[0, 1, 2], &[3, 4, 5], &[6, 7], &[8, 9]];
/// Shard 2 goes to the second node.
const MOVED: Assignment<'_> = &[&[0, 1], &[3, 4, 5, 2], &[6, 7], &[8, 9]];
/// The first node is gone, and the second one takes shard 2 over.
const GONE: Assignment<'_> = &[&[], &[3, 4, 5, 2], &[6, 7, 0], &[8, 9, 1]];

struct Measurement {
    name: &'static str,
    value: f64,
    unit: &'static str,
    baseline: f64,
}

async fn filled(blobs: u32) -> Cluster {
    let cluster = Cluster::start(FOUR).await;
    for number in 0..blobs {
        cluster.store(&TestBlob::numbered(number)).await;
    }
    cluster.attested(1, 4).await;
    cluster
}

/// Blobs a second that a node with an empty disk gets back.
async fn empty_disk(blobs: u32) -> f64 {
    let mut cluster = filled(blobs).await;
    cluster.stop(1).await;
    cluster.begin_epoch(2, FOUR);
    cluster.attested(2, 3).await;
    let started = Instant::now();
    cluster.start_empty(1).await;
    cluster.attested(2, 4).await;
    f64::from(blobs) / started.elapsed().as_secs_f64()
}

/// Slivers a second of shards that are copied.
async fn copied(blobs: u32) -> f64 {
    let mut cluster = filled(blobs).await;
    let started = Instant::now();
    cluster.begin_epoch(2, MOVED);
    cluster.attested(2, 4).await;
    f64::from(2 * blobs) / started.elapsed().as_secs_f64()
}

/// Slivers a second of shards that are recovered: three, by three nodes.
async fn recovered(blobs: u32) -> f64 {
    let mut cluster = filled(blobs).await;
    cluster.stop(0).await;
    let started = Instant::now();
    cluster.begin_epoch(2, GONE);
    cluster.attested(2, 3).await;
    f64::from(3 * 2 * blobs) / started.elapsed().as_secs_f64()
}

#[tokio::main]
async fn main() {
    let has = |option: &str| std::env::args().any(|argument| argument == option);
    let json = has("--json");
    let blobs = if has("--quick") { FEW_BLOBS } else { BLOBS };
    let copied = copied(blobs).await;
    let measurements = [
        Measurement {
            name: "small blobs, node with an empty disk",
            value: empty_disk(blobs).await,
            unit: "blobs/s",
            baseline: GOAL_BLOBS_PER_SECOND,
        },
        Measurement {
            name: "slivers of shards, recovered; baseline: copied",
            value: recovered(blobs).await,
            unit: "slivers/s",
            baseline: copied,
        },
    ];
    report(json, &measurements);
}

fn report(json: bool, measurements: &[Measurement]) {
    if json {
        let values: Vec<_> = measurements
            .iter()
            .map(|measured| {
                serde_json::json!({
                    "name": measured.name,
                    "value": measured.value,
                    "unit": measured.unit,
                    "baseline": measured.baseline,
                    "ratio": measured.value / measured.baseline,
                })
            })
            .collect();
        println!("{}", serde_json::Value::from(values));
        return;
    }
    for measured in measurements {
        let Measurement {
            name,
            value,
            unit,
            baseline,
        } = measured;
        println!(
            "{name:<50} {value:8.0} {unit}, baseline {baseline:8.0}, {:5.2}x",
            value / baseline
        );
    }
}
