//! `scripts/bench network`: how long a user waits, what bounds it, and how much memory it takes.
//!
//! Baselines are the promises that are measured. What the machine can do at best is measured in the
//! same run (names that begin with `limit`), because throughput means nothing without it. A ratio
//! above 1 is better than the baseline.

mod cpu;
mod machine;
mod parallel;
mod report;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use rand::{RngCore as _, SeedableRng as _};

use self::{
    cpu::{Cpu, Processes},
    report::{MEGABYTE, MIB, Measurement, as_float},
};
use crate::{
    cli::WalrusCli,
    network::{KeyServers, Network, Ports, UpOptions},
    process,
    report::ReadyReport,
    state::{NetworkOptions, StateDir},
};

/// Promised time from `up` to ready.
const READY_LIMIT: Duration = Duration::from_secs(5);
/// Promised time from ready to the first certified blob of 1 MiB.
const FIRST_BLOB_LIMIT: Duration = Duration::from_secs(3);
/// Promised speed of a store, in bytes of the blob per second.
const STORE_PROMISE: f64 = 60.0 * MEGABYTE;
/// Promised speed of a read.
const READ_PROMISE: f64 = 200.0 * MEGABYTE;
/// Size of the first blob.
const FIRST_BLOB_BYTES: usize = 1 << 20;
/// Nodes of the network that is measured.
const NODES: u16 = 7;
/// Its shards: enough that a blob of 100 MiB fits.
const SHARDS: u16 = 100;
/// Its accounts, which share the parallel stores.
const ACCOUNTS: u16 = 16;
/// How long nodes have after the load before their memory is looked at again.
const REST: Duration = Duration::from_secs(5);

/// How much is measured.
#[derive(Debug, Clone, Copy)]
struct Scale {
    /// Size of the blob that measures throughput.
    large_bytes: usize,
    /// How often it is measured; the fastest counts.
    rounds: usize,
    /// Blobs of 1 MiB that are stored, and read, at the same time.
    parallel: usize,
}

impl Scale {
    const FULL: Self = Self {
        large_bytes: 100 << 20,
        rounds: 3,
        parallel: 64,
    };

    /// Enough to see that everything works.
    const QUICK: Self = Self {
        large_bytes: 4 << 20,
        rounds: 1,
        parallel: 8,
    };
}

/// Runs the benchmark and prints a table, or one JSON array.
pub async fn run(json: bool, quick: bool) -> anyhow::Result<()> {
    let scale = if quick { Scale::QUICK } else { Scale::FULL };
    let folder = tempfile::Builder::new()
        .prefix("walrus-bench-")
        .tempdir()
        .context("no temporary folder")?;
    let mut measurements = first(folder.path()).await?;
    measurements.extend(load(folder.path(), scale).await?);
    report::print(json, &measurements)
}

/// A new user: the network starts, and a first blob is stored.
async fn first(folder: &Path) -> anyhow::Result<Vec<Measurement>> {
    let state_dir = StateDir::new(folder.join("first"));
    let (network, report, ready) = start(&state_dir, NetworkOptions::default()).await?;
    let measured = measure_first(&report, folder, ready);
    network.down()?;
    measured
}

/// A network under load, and what its machine can do.
async fn load(folder: &Path, scale: Scale) -> anyhow::Result<Vec<Measurement>> {
    let options = NetworkOptions {
        nodes: NODES,
        shards: SHARDS,
        accounts: ACCOUNTS,
        ..NetworkOptions::default()
    };
    let mut measurements = machine::limits(folder, SHARDS, scale.large_bytes)?;
    let state_dir = StateDir::new(folder.join("load"));
    let (network, report, _) = start(&state_dir, options).await?;
    let processes = Processes::of(&report, &state_dir.load()?);
    let measured = measure_load(&report, &processes, folder, scale).await;
    network.down()?;
    measurements.extend(measured?);
    Ok(measurements)
}

async fn start(
    state_dir: &StateDir,
    options: NetworkOptions,
) -> anyhow::Result<(Network, ReadyReport, Duration)> {
    let network = Network::new(state_dir.clone());
    let started = Instant::now();
    let report = network
        .up(&UpOptions {
            options,
            ports: Ports::ANY,
            packages: Vec::new(),
            services: Vec::new(),
            key_servers: KeyServers::default(),
            reset: false,
        })
        .await?
        .report;
    Ok((network, report, started.elapsed()))
}

fn measure_first(
    report: &ReadyReport,
    folder: &Path,
    ready: Duration,
) -> anyhow::Result<Vec<Measurement>> {
    let cli = WalrusCli::beside_this_program(Path::new(&report.client_config))?;
    let file = random_file(folder, FIRST_BLOB_BYTES, 1)?;
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

async fn measure_load(
    report: &ReadyReport,
    processes: &Processes,
    folder: &Path,
    scale: Scale,
) -> anyhow::Result<Vec<Measurement>> {
    let before = node_memory(report, process::memory_bytes);
    let mut measurements = measure_large(report, processes, folder, scale)?;
    measurements.extend(parallel::measure(report, scale.parallel).await?);
    let peak = node_memory(report, process::peak_memory_bytes);
    tokio::time::sleep(REST).await;
    let after = node_memory(report, process::memory_bytes);
    let memory = [
        ("memory of the largest node before", before),
        ("memory of the largest node at its peak", peak),
        ("memory of the largest node afterwards", after),
    ];
    measurements.extend(memory.into_iter().filter_map(Measurement::memory));
    Ok(measurements)
}

/// What the largest node has of something, where the system tells.
fn node_memory(report: &ReadyReport, bytes: impl Fn(u32) -> Option<u64>) -> Option<u64> {
    let nodes = report.nodes.iter();
    nodes.filter_map(|node| bytes(node.pid?)).max()
}

fn measure_large(
    report: &ReadyReport,
    processes: &Processes,
    folder: &Path,
    scale: Scale,
) -> anyhow::Result<Vec<Measurement>> {
    let cli = WalrusCli::beside_this_program(Path::new(&report.client_config))?;
    let out = folder.join("copy");
    let (mut store, mut read) = (Large::default(), Large::default());
    for seed in (100..).take(scale.rounds) {
        let file = random_file(folder, scale.large_bytes, seed)?;
        let before = processes.cpu();
        let stored = cli.store(&file, 1)?;
        let between = processes.cpu();
        let (elapsed, memory) = cli.read(&stored.blob_id, &out)?;
        let after = processes.cpu();
        ensure!(
            std::fs::read(&out)? == std::fs::read(&file)?,
            "what was read is not what was stored"
        );
        std::fs::remove_file(&file)?;
        store.add(stored.elapsed, stored.peak_memory, between.since(&before));
        read.add(elapsed, memory, after.since(&between));
    }
    let mut measurements = store.report("store", scale.large_bytes, STORE_PROMISE);
    measurements.extend(read.report("read", scale.large_bytes, READ_PROMISE));
    Ok(measurements)
}

/// What some equal operations on large blobs took.
#[derive(Default)]
struct Large {
    /// The fastest.
    elapsed: Option<Duration>,
    /// The most any client had.
    memory: Option<u64>,
    /// The least that all processes together needed.
    cpu: Option<Cpu>,
}

impl Large {
    fn add(&mut self, elapsed: Duration, memory: Option<u64>, cpu: Cpu) {
        self.elapsed = Some(self.elapsed.map_or(elapsed, |best| best.min(elapsed)));
        self.memory = self.memory.max(memory);
        let is_less = self.cpu.is_none_or(|best| cpu.total() < best.total());
        if is_less {
            self.cpu = Some(cpu);
        }
    }

    fn report(&self, what: &str, blob_bytes: usize, promise: f64) -> Vec<Measurement> {
        let bytes = as_float(blob_bytes);
        let size = blob_bytes / MIB;
        let name = format!("{what}, {size} MiB, {NODES} nodes, {SHARDS} shards");
        let speed = self
            .elapsed
            .map(|elapsed| Measurement::speed(name, bytes / elapsed.as_secs_f64(), promise));
        let memory =
            Measurement::memory((format!("{what}, peak memory of the client"), self.memory));
        let mut measurements: Vec<_> = speed.into_iter().chain(memory).collect();
        if let Some(cpu) = &self.cpu {
            measurements.extend(cpu.report(what, bytes));
        }
        measurements
    }
}

/// Bytes that look random: the same for the same seed.
fn random_bytes(bytes: usize, seed: u64) -> Vec<u8> {
    let mut contents = vec![0; bytes];
    rand::rngs::StdRng::seed_from_u64(seed).fill_bytes(&mut contents);
    contents
}

fn random_file(folder: &Path, bytes: usize, seed: u64) -> anyhow::Result<PathBuf> {
    let path = folder.join(format!("file-{seed}"));
    std::fs::write(&path, random_bytes(bytes, seed))?;
    Ok(path)
}
