//! What an honest client notices of attacks on a node: `./scripts/bench guard`.
//!
//! A node on loopback; a client that stores and reads; an attacker at another address. Each number
//! is the median time of the client while an attack goes on, beside the median without one,
//! measured in turns in the same run.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a measurement that fails says where"
)]
#![allow(dead_code, reason = "tests use more of what is shared with them")]

#[path = "../tests/node/harness.rs"]
mod harness;
#[path = "../tests/node/raw.rs"]
mod raw;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{io::AsyncWriteExt as _, task::JoinSet, time::sleep};
use walrus_core::{SliverType, node_api::paths};

use harness::{OWNED, TestBlob, TestNode};
use raw::{ATTACKER, Http2, begin_upload};

/// Slivers of some hundred kilobytes.
const BLOB_BYTES: usize = 1_500_000;

/// Operations timed for a median.
const ROUNDS: u8 = 21;

/// Operations timed with `--quick`.
const FEW_ROUNDS: u8 = 3;

/// Connections the node allows; both ends are in this process, and file descriptors are few.
const CONNECTIONS_MAX: usize = 200;

/// Pause after which attackers begin anew.
const RENEWAL: Duration = Duration::from_secs(3);

#[derive(Clone, Copy)]
enum Attack {
    NoAnswersTaken,
    NoBodiesSent,
    IdleConnections,
    LargeMetadata,
}

impl Attack {
    const ALL: [Self; 4] = [
        Self::NoAnswersTaken,
        Self::NoBodiesSent,
        Self::IdleConnections,
        Self::LargeMetadata,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::NoAnswersTaken => "one HTTP/2 connection, window 0, 900 reads",
            Self::NoBodiesSent => "64 uploads without bodies",
            Self::IdleConnections => "400 idle HTTP/2 connections",
            Self::LargeMetadata => "150 metadata uploads of 2 MiB",
        }
    }

    /// Attacks until it is aborted.
    async fn run(self, addr: SocketAddr, sliver: String, metadata: String) {
        loop {
            match self {
                Self::NoAnswersTaken => {
                    let Ok(mut connection) = Http2::connect(ATTACKER, addr, 0).await else {
                        continue;
                    };
                    for _ in 0..900 {
                        if connection.get(&sliver).await.is_err() {
                            break;
                        }
                    }
                    connection.stay().await;
                }
                Self::NoBodiesSent => {
                    let mut uploads = Vec::new();
                    for _ in 0..64 {
                        uploads.push(begin_upload(ATTACKER, addr, &sliver, 400_000).await);
                    }
                    sleep(RENEWAL).await;
                }
                Self::IdleConnections => {
                    let mut connections = JoinSet::new();
                    for _ in 0..2 * CONNECTIONS_MAX {
                        if let Ok(connection) = Http2::connect(ATTACKER, addr, 65_535).await {
                            connections.spawn(connection.stay());
                        }
                    }
                    sleep(RENEWAL).await;
                }
                Self::LargeMetadata => {
                    let mut uploads = JoinSet::new();
                    for _ in 0..150 {
                        let mut upload =
                            begin_upload(ATTACKER, addr, &metadata, (2 << 20) - 1).await;
                        uploads.spawn(async move {
                            // Refused ones are closed.
                            let _ = upload.write_all(&vec![0; 1 << 20]).await;
                            sleep(RENEWAL).await;
                        });
                    }
                    uploads.join_all().await;
                }
            }
        }
    }
}

/// Stores a blob and reads it back; the medians of both.
async fn honest(test: &TestNode, first_seed: u8, rounds: u8) -> (Duration, Duration) {
    let (mut stores, mut reads) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let blob = TestBlob::new(first_seed + round, BLOB_BYTES);
        test.chain.register(blob.id(), blob.tag(), 10);
        test.caught_up().await;
        let started = Instant::now();
        test.upload(&blob).await;
        stores.push(started.elapsed());
        let started = Instant::now();
        test.assert_serves(&blob).await;
        reads.push(started.elapsed());
    }
    (median(stores), median(reads))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn report(json: bool, rows: &[(String, Duration, Duration)]) {
    let millis = |time: &Duration| time.as_secs_f64() * 1e3;
    let values: Vec<_> = rows
        .iter()
        .map(|(name, under_attack, quiet)| {
            serde_json::json!({
                "name": name,
                "value": millis(under_attack),
                "unit": "ms",
                "baseline": millis(quiet),
                "ratio": millis(under_attack) / millis(quiet),
            })
        })
        .collect();
    if json {
        println!("{}", serde_json::Value::from(values));
        return;
    }
    for (name, under_attack, quiet) in rows {
        let (value, baseline) = (millis(under_attack), millis(quiet));
        println!(
            "{name:<60} {value:8.1} ms, quiet {baseline:8.1} ms, {:5.2}x",
            value / baseline
        );
    }
}

#[tokio::main]
async fn main() {
    let has = |option: &str| std::env::args().any(|argument| argument == option);
    let rounds = if has("--quick") { FEW_ROUNDS } else { ROUNDS };
    let mut rows = Vec::new();
    for attack in Attack::ALL {
        let test = TestNode::start_with(|config| {
            config.rest_server.max_connections = CONNECTIONS_MAX;
        })
        .await;
        let target = TestBlob::new(250, BLOB_BYTES);
        test.chain.register(target.id(), target.tag(), 10);
        test.caught_up().await;
        test.put_metadata(&target).await;
        let sliver = match attack {
            Attack::NoAnswersTaken => {
                test.put_sliver(&target, OWNED[0], SliverType::Primary)
                    .await;
                paths::sliver(&target.id(), target.pair_of(OWNED[0]), SliverType::Primary)
            }
            _ => paths::sliver(&target.id(), target.pair_of(OWNED[1]), SliverType::Primary),
        };
        let metadata = paths::metadata(&TestBlob::new(251, 100).id());
        // Not timed: connections and caches are warm afterwards.
        honest(&test, 0, rounds).await;
        let quiet = honest(&test, rounds, rounds).await;
        let addr = test.node().addr();
        let attacker = tokio::spawn(attack.run(addr, sliver, metadata));
        sleep(RENEWAL / 3).await;
        let attacked = honest(&test, 2 * rounds, rounds).await;
        attacker.abort();
        rows.push((format!("store, {}", attack.name()), attacked.0, quiet.0));
        rows.push((format!("read, {}", attack.name()), attacked.1, quiet.1));
    }
    report(has("--json"), &rows);
}
