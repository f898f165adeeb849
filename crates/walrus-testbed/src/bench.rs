//! `scripts/bench network`: how long a user waits, and how much memory it takes.
//!
//! Baselines come from the same run or from the promise that is measured: for the start of the
//! network and the first blob the promised limit, for throughput a plain sequential write with
//! `fsync` of as many bytes as the store puts on disk. A ratio above 1 is better than the baseline.

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rand::{RngCore as _, SeedableRng as _};
use serde::Serialize;

use crate::{
    cli::WalrusCli,
    network::{Network, Ports, UpOptions},
    process,
    report::ReadyReport,
    state::{NetworkOptions, StateDir},
};

/// Promised time from `up` to ready.
const READY_LIMIT: Duration = Duration::from_secs(5);
/// Promised time from ready to the first certified blob of 1 MiB.
const FIRST_BLOB_LIMIT: Duration = Duration::from_secs(3);
/// Size of the first blob.
const FIRST_BLOB_BYTES: usize = 1 << 20;
/// Size of the blob that measures throughput.
const LARGE_BLOB_BYTES: usize = 100 << 20;
/// Shards of the measured network: enough that a blob of 100 MiB fits.
const SHARDS: u16 = 100;

/// One measured number.
#[derive(Debug, Serialize)]
struct Measurement {
    name: &'static str,
    value: f64,
    unit: &'static str,
    /// What the value is compared with; `null` where there is nothing to compare with.
    baseline: Option<f64>,
    /// How many times better than the baseline.
    ratio: Option<f64>,
}

impl Measurement {
    fn plain(name: &'static str, value: f64, unit: &'static str) -> Self {
        Self {
            name,
            value,
            unit,
            baseline: None,
            ratio: None,
        }
    }

    /// Smaller is better.
    fn seconds(name: &'static str, value: Duration, baseline: Duration) -> Self {
        let (value, baseline) = (value.as_secs_f64(), baseline.as_secs_f64());
        Self {
            name,
            value,
            unit: "s",
            baseline: Some(baseline),
            ratio: Some(baseline / value),
        }
    }

    /// Larger is better.
    fn throughput(name: &'static str, bytes: usize, elapsed: Duration, baseline: f64) -> Self {
        let value = mib(bytes as u64) / elapsed.as_secs_f64();
        Self {
            name,
            value,
            unit: "MiB/s",
            baseline: Some(baseline),
            ratio: Some(value / baseline),
        }
    }
}

/// Runs the benchmark and prints a table, or one JSON array.
pub async fn run(json: bool) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new()
        .prefix("walrus-bench-")
        .tempdir()
        .context("no temporary folder")?;
    let mut measurements = Vec::new();
    for (shards, large) in [(NetworkOptions::default().shards, false), (SHARDS, true)] {
        let network = Network::new(StateDir::new(
            folder.path().join(format!("shards-{shards}")),
        ));
        let options = NetworkOptions {
            shards,
            ..NetworkOptions::default()
        };
        let started = Instant::now();
        let report = network
            .up(&UpOptions {
                options,
                ports: Ports::ANY,
                packages: Vec::new(),
                services: Vec::new(),
                reset: false,
            })
            .await?
            .report;
        let ready = started.elapsed();
        let outcome = if large {
            measure_large(&report, folder.path())
        } else {
            measure_first(&report, folder.path(), ready)
        };
        network.down()?;
        measurements.extend(outcome?);
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&measurements)?);
    } else {
        print_table(&measurements);
    }
    Ok(())
}

fn measure_first(
    report: &ReadyReport,
    folder: &Path,
    ready: Duration,
) -> anyhow::Result<Vec<Measurement>> {
    let cli = WalrusCli::beside_this_program(Path::new(&report.client_config))?;
    let file = random_file(folder, "first", FIRST_BLOB_BYTES)?;
    let stored = cli.store(&file, 1)?;
    Ok(vec![
        Measurement::seconds("up to ready, 4 nodes, 10 shards", ready, READY_LIMIT),
        Measurement::seconds(
            "first certified blob, 1 MiB",
            stored.elapsed,
            FIRST_BLOB_LIMIT,
        ),
    ])
}

fn measure_large(report: &ReadyReport, folder: &Path) -> anyhow::Result<Vec<Measurement>> {
    let cli = WalrusCli::beside_this_program(Path::new(&report.client_config))?;
    let file = random_file(folder, "large", LARGE_BLOB_BYTES)?;
    let stored = cli.store(&file, 1)?;
    let disk = disk_write_mib_per_s(folder, stored.encoded_size)?;
    let factor = mib(LARGE_BLOB_BYTES as u64) / mib(stored.encoded_size);
    let (read, read_memory) = cli.read(&stored.blob_id, &folder.join("copy"))?;
    let node_memory = report
        .nodes
        .iter()
        .filter_map(|node| process::peak_memory_bytes(node.pid?))
        .max();
    let mut measurements = vec![
        Measurement::throughput(
            "store, 100 MiB, 100 shards",
            LARGE_BLOB_BYTES,
            stored.elapsed,
            disk * factor,
        ),
        Measurement::throughput("read, 100 MiB, 100 shards", LARGE_BLOB_BYTES, read, disk),
    ];
    let memory = [
        ("peak memory of the client, store", stored.peak_memory),
        ("peak memory of the client, read", read_memory),
        ("peak memory of the largest node", node_memory),
    ];
    let memory = memory
        .into_iter()
        .filter_map(|(name, bytes)| Some((name, bytes?)));
    measurements.extend(memory.map(|(name, bytes)| Measurement::plain(name, mib(bytes), "MiB")));
    Ok(measurements)
}

fn random_file(folder: &Path, name: &str, bytes: usize) -> anyhow::Result<std::path::PathBuf> {
    let mut contents = vec![0; bytes];
    rand::rngs::StdRng::seed_from_u64(7).fill_bytes(&mut contents);
    let path = folder.join(name);
    std::fs::write(&path, contents)?;
    Ok(path)
}

/// Sequential write of `bytes` bytes, `fsync` included.
fn disk_write_mib_per_s(folder: &Path, bytes: u64) -> anyhow::Result<f64> {
    const PIECE: usize = 1 << 20;
    let piece = vec![0x5a_u8; PIECE];
    let path = folder.join("disk-baseline");
    let started = Instant::now();
    let mut file = File::create(&path)?;
    for _ in 0..bytes.div_ceil(PIECE as u64) {
        file.write_all(&piece)?;
    }
    file.sync_all()?;
    let elapsed = started.elapsed();
    std::fs::remove_file(path)?;
    Ok(mib(bytes) / elapsed.as_secs_f64())
}

#[allow(
    clippy::cast_precision_loss,
    reason = "sizes are far below 2^53, and these are for people to read"
)]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn print_table(measurements: &[Measurement]) {
    println!(
        "{:<36} {:>10} {:<6} {:>10} {:>7}",
        "name", "value", "unit", "baseline", "ratio"
    );
    for Measurement {
        name,
        value,
        unit,
        baseline,
        ratio,
    } in measurements
    {
        let optional = |number: &Option<f64>| {
            number.map_or_else(|| "-".to_owned(), |number| format!("{number:.2}"))
        };
        println!(
            "{name:<36} {value:>10.2} {unit:<6} {:>10} {:>7}",
            optional(baseline),
            optional(ratio)
        );
    }
}
