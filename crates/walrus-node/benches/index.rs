//! How a node starts whose index is large: `./scripts/bench index`.
//!
//! Another process stores `WALRUS_BENCH_BLOBS` (1,000,000; with `--quick` 10,000) certified blobs,
//! each with records, metadata and the slivers of one shard, and ends as if it was killed. Then a
//! node is started on that storage, stopped, and started again, each in a process of its own, and
//! time and memory are measured until it serves, and until it is active again.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a measurement that fails says where"
)]
#![allow(dead_code, reason = "tests use more of what is shared with them")]

#[path = "../tests/node/harness.rs"]
mod harness;

use std::{
    env, fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::future::join_all;
use serde_json::json;
use walrus_core::{
    BlobId, EventId, ObjectId, ShardIndex, SliverType, hash::blake2b256, node_api::paths,
};
use walrus_node::{
    StorageNode,
    bookkeeping::{BlobRecord, Changes, ObjectRecord, PermanentRefs},
    storage::{Cursor, Identity, Recording, SliverKey, Storage, StorageOptions},
};

use harness::{ScriptedChain, committee, config, n_shards};

/// Set for the process that generates: the folder of the storage.
const GENERATE: &str = "WALRUS_BENCH_GENERATE";

/// Set for a process that starts a node: the same folder.
const START: &str = "WALRUS_BENCH_START";

/// How many blobs, unless they are a million.
const BLOBS: &str = "WALRUS_BENCH_BLOBS";

/// The shard of the node.
const SHARD: u16 = 0;

/// Blobs written in one go.
const BATCH: u64 = 512;

/// Bytes of a sliver: those of a blob of a few kilobytes.
const SLIVER_BYTES: usize = 512;

/// Bytes of the metadata of a network with ten shards.
const METADATA_BYTES: usize = 720;

/// Longest time for the search after the start.
const SEARCH_MAX: Duration = Duration::from_secs(600);

fn main() {
    let few = env::args().any(|argument| argument == "--quick");
    let blobs = match env::var(BLOBS) {
        Ok(text) => text.parse().unwrap(),
        Err(_) if few => 10_000,
        Err(_) => 1_000_000,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Some(folder) = env::var_os(GENERATE) {
        return runtime.block_on(generate(Path::new(&folder), blobs));
    }
    if let Some(folder) = env::var_os(START) {
        let rows = runtime.block_on(measure(Path::new(&folder), blobs));
        println!("{}", serde_json::to_string(&rows).unwrap());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let started = Instant::now();
    part(GENERATE, folder.path(), blobs);
    let mut rows = vec![row(
        "generate the storage",
        started.elapsed().as_secs_f64(),
        "s",
        None,
    )];
    for after in ["after kill -9", "after a stop"] {
        let measured: Vec<serde_json::Value> =
            serde_json::from_str(&part(START, folder.path(), blobs)).unwrap();
        rows.extend(measured.into_iter().map(|mut row| {
            row["name"] = json!(format!("{}, {after}", row["name"].as_str().unwrap()));
            row
        }));
    }
    rows.push(row("bytes on disk", size_mib(folder.path()), "MiB", None));
    show(blobs, &rows);
}

/// Runs a part in a process of its own; returns what it prints.
fn part(name: &str, folder: &Path, blobs: u64) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(name, folder).env(BLOBS, blobs.to_string());
    let done = command.output().unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{errors}");
    String::from_utf8(done.stdout).unwrap()
}

fn blob_id(number: u64) -> BlobId {
    BlobId(blake2b256(&[&number.to_le_bytes()]))
}

fn object_id(number: u64) -> ObjectId {
    ObjectId(blake2b256(&[b"object", &number.to_le_bytes()]))
}

/// Fills a storage as a node does: records by events, data through the committer.
async fn generate(folder: &Path, blobs: u64) {
    let config = config(folder);
    let storage = Storage::open(&StorageOptions::new(&config.storage_path)).unwrap();
    let identity = Identity::new(config.sui.system_object, n_shards());
    storage.claim(&identity).unwrap();
    let cursor = Cursor {
        checkpoint: Some(ScriptedChain::new().last_checkpoint() - 2),
        ..Cursor::default()
    };
    for first in (0..blobs).step_by(usize::try_from(BATCH).unwrap()) {
        let numbers = first..blobs.min(first + BATCH);
        let changes = Changes {
            blobs: numbers
                .clone()
                .map(|n| (blob_id(n), Some(record(n))))
                .collect(),
            objects: numbers
                .clone()
                .map(|n| (object_id(n), Some(object(n))))
                .collect(),
            pooled_objects: Vec::new(),
            pools: Vec::new(),
        };
        storage
            .index()
            .update_records(&cursor, &Recording::default(), |_| Ok(changes))
            .unwrap();
        let stored = numbers.map(|n| store(&storage, n));
        join_all(stored).await;
    }
    // No more than a crash leaves.
    std::process::exit(0);
}

async fn store(storage: &Storage, number: u64) {
    let blob_id = blob_id(number);
    let metadata = filled(number, METADATA_BYTES);
    let slivers = [SliverType::Primary, SliverType::Secondary].map(|axis| {
        let key = SliverKey {
            shard: ShardIndex(SHARD),
            axis,
            blob_id,
        };
        storage.store_sliver(key, filled(number, SLIVER_BYTES))
    });
    let metadata = storage.store_metadata(blob_id, metadata);
    let (metadata, slivers) = futures::join!(metadata, join_all(slivers));
    metadata.unwrap();
    for stored in slivers {
        stored.unwrap();
    }
}

/// Bytes that do not shrink when they are compressed.
fn filled(number: u64, count: usize) -> Bytes {
    let blocks = (0..count.div_ceil(32)).map(|block| {
        let block = u64::try_from(block).unwrap();
        blake2b256(&[&number.to_le_bytes(), &block.to_le_bytes()])
    });
    let mut bytes: Vec<u8> = blocks.flatten().collect();
    bytes.truncate(count);
    bytes.into()
}

fn event(number: u64) -> EventId {
    EventId {
        tx_digest: blake2b256(&[b"event", &number.to_le_bytes()]),
        event_seq: 0,
    }
}

fn record(number: u64) -> BlobRecord {
    let refs = PermanentRefs {
        count: 1,
        end_epoch: 1_000,
        event: event(number),
    };
    BlobRecord {
        permanent_total: Some(refs.clone()),
        permanent_certified: Some(refs),
        initial_certified_epoch: Some(1),
        ..BlobRecord::default()
    }
}

fn object(number: u64) -> ObjectRecord {
    ObjectRecord {
        blob_id: blob_id(number),
        registered_epoch: 1,
        certified_epoch: Some(1),
        end_epoch: 1_000,
        deletable: false,
        event: event(number),
        deleted: false,
    }
}

async fn measure(folder: &Path, blobs: u64) -> Vec<serde_json::Value> {
    let before = resident_mib();
    let mut config = config(folder);
    config.scrub_cycle_secs = 0;
    let chain = ScriptedChain::new();
    chain.begin_epoch_of(committee(1, &[SHARD]));

    let started = Instant::now();
    let node = StorageNode::start_with_chain(config.clone(), chain.clone())
        .await
        .unwrap();
    let client = harness::client();
    let url = |path: &str| format!("http://{}{path}", node.addr());
    let health = client.get(url(paths::HEALTH)).send().await.unwrap();
    assert!(health.status().is_success());
    let serving = started.elapsed();
    let status = client.get(url(&paths::blob_status(&blob_id(blobs / 2))));
    let status: serde_json::Value = status.send().await.unwrap().json().await.unwrap();
    assert!(
        status["success"]["data"]["permanent"].is_object(),
        "{status}"
    );
    let answered = started.elapsed();
    let memory_serving = resident_mib();
    let last = chain.last_checkpoint();
    while node
        .service()
        .health(false)
        .latest_checkpoint_sequence_number
        != Some(last)
        || node.service().health(false).node_status != "Active"
    {
        assert!(
            started.elapsed() < SEARCH_MAX,
            "{:?}",
            node.service().health(false)
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let active = started.elapsed();
    let memory = peak_mib();
    node.shutdown().await.unwrap();

    let seconds =
        |name: &str, time: Duration, goal: Option<f64>| row(name, time.as_secs_f64(), "s", goal);
    vec![
        seconds("start until the API serves", serving, Some(5.0)),
        seconds(
            "start until a blob's status is answered",
            answered,
            Some(5.0),
        ),
        seconds("start until the node is active again", active, None),
        row("memory before the start", before, "MiB", None),
        row("memory when serving", memory_serving, "MiB", Some(500.0)),
        row("memory at most", memory, "MiB", Some(500.0)),
    ]
}

fn show(blobs: u64, rows: &[serde_json::Value]) {
    if env::args().any(|argument| argument == "--json") {
        println!("{}", serde_json::to_string_pretty(&rows).unwrap());
        return;
    }
    println!("{blobs} blobs in the index");
    for row in rows {
        let goal = row["baseline"].as_f64();
        let goal = goal.map_or(String::new(), |goal| format!("   (below {goal})"));
        println!(
            "{:<60} {:>10.2} {}{goal}",
            row["name"].as_str().unwrap(),
            row["value"].as_f64().unwrap(),
            row["unit"].as_str().unwrap()
        );
    }
}

fn row(name: &str, value: f64, unit: &str, baseline: Option<f64>) -> serde_json::Value {
    let ratio = baseline.map(|baseline| value / baseline);
    json!({"name": name, "value": value, "unit": unit, "baseline": baseline, "ratio": ratio})
}

fn resident_mib() -> f64 {
    status_mib("VmRSS:")
}

fn peak_mib() -> f64 {
    status_mib("VmHWM:")
}

/// A number of `/proc/self/status`, which is in KiB.
fn status_mib(name: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<f64>().unwrap() / 1024.0
}

/// The size of what is in a folder.
fn size_mib(folder: &Path) -> f64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() {
                size_mib(&entry.path())
            } else {
                #[allow(
                    clippy::cast_precision_loss,
                    reason = "a size is shown with two decimals"
                )]
                let bytes = metadata.len() as f64;
                bytes / 1024.0 / 1024.0
            }
        })
        .sum()
}
