//! What the machine can do at best, without a network: each step of a store and a read alone.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow};
use walrus_core::{
    NShards, SliverType,
    hash::{blake2b256, hash_leaves},
};
use walrus_encoder::{ConsistencyCheck, Encoder};

use super::{
    random_bytes,
    report::{MIB, Measurement, as_float},
};

/// Bytes of a leaf: those of a symbol of a blob of 100 MiB on a hundred shards, roughly.
const LEAF_BYTES: usize = 46_000;
/// Leaves of a sliver with its recovery symbols.
const LEAVES: usize = 100;
/// Slivers that each core hashes.
const SLIVERS: usize = 32;
/// Bytes of the long message.
const MESSAGE_BYTES: usize = 64 * MIB;
/// Bytes written to disk, and sent over loopback.
const MOVED_BYTES: usize = 256 * MIB;
/// Bytes moved with one call.
const PIECE_BYTES: usize = MIB;
/// Small files made durable one after the other.
const SYNCED_FILES: usize = 200;
/// Bytes of such a file.
const SYNCED_BYTES: usize = 4 << 10;
/// How often what only computes is measured; the fastest counts.
const TURNS: usize = 3;

/// All limits.
pub(super) fn limits(
    folder: &Path,
    shards: u16,
    blob_bytes: usize,
) -> anyhow::Result<Vec<Measurement>> {
    let mut limits = codes(shards, blob_bytes)?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let sliver = random_bytes(LEAF_BYTES * LEAVES, 0);
    let leaves = fastest(|| hash_on_all_cores(cores, &sliver));
    limits.push(Measurement::plain_speed(
        format!("limit: leaf hashes, {cores} cores"),
        as_float(cores * SLIVERS * sliver.len()) / leaves,
    ));
    let bytes = random_bytes(MESSAGE_BYTES, 0);
    let checksum = fastest(|| {
        std::hint::black_box(blake2b256(&[&bytes]));
    });
    limits.push(Measurement::plain_speed(
        "limit: one long hash, 1 core",
        as_float(MESSAGE_BYTES) / checksum,
    ));
    limits.push(Measurement::plain_speed(
        "limit: one file written and synced",
        as_float(MOVED_BYTES) / write_file(folder)?.as_secs_f64(),
    ));
    limits.push(Measurement::plain(
        "limit: files of 4 KiB synced one by one",
        as_float(SYNCED_FILES) / sync_files(folder)?.as_secs_f64(),
        "files/s",
    ));
    limits.push(Measurement::plain_speed(
        "limit: copy over loopback",
        as_float(MOVED_BYTES) / loopback()?.as_secs_f64(),
    ));
    Ok(limits)
}

/// Encoding and decoding of a blob, on all cores.
fn codes(shards: u16, blob_bytes: usize) -> anyhow::Result<Vec<Measurement>> {
    let n_shards = NShards::new(shards).context("no shards")?;
    let encoder = Encoder::new(n_shards)?;
    let blob = random_bytes(blob_bytes, 0);
    let (mut encode, mut decode) = (f64::MAX, f64::MAX);
    for _ in 0..TURNS {
        let started = Instant::now();
        let (pairs, metadata) = encoder.encode(&blob)?;
        encode = encode.min(started.elapsed().as_secs_f64());
        let needed = usize::from(SliverType::Primary.source_slivers(n_shards));
        // A third of the shards does not answer, so that there is something to decode.
        let slivers = pairs.into_iter().map(|pair| pair.primary);
        let slivers: Vec<_> = slivers.skip(needed / 3).take(needed).collect();
        let started = Instant::now();
        let decoded = encoder.decode(&metadata, slivers, ConsistencyCheck::Default)?;
        decode = decode.min(started.elapsed().as_secs_f64());
        anyhow::ensure!(decoded == blob, "decoding gave another blob");
    }
    let bytes = as_float(blob_bytes);
    Ok(vec![
        Measurement::plain_speed("limit: encode, all cores", bytes / encode),
        Measurement::plain_speed("limit: decode, a third missing", bytes / decode),
    ])
}

/// The fastest of some runs, in seconds.
fn fastest(mut run: impl FnMut()) -> f64 {
    let turns = (0..TURNS).map(|_| {
        let started = Instant::now();
        run();
        started.elapsed().as_secs_f64()
    });
    turns.fold(f64::MAX, f64::min)
}

/// Hashes the leaves of slivers, one sliver after the other, as nodes do.
fn hash_on_all_cores(cores: usize, sliver: &[u8]) {
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let mut digests = [[0; 32]; LEAVES];
                for _ in 0..SLIVERS {
                    hash_leaves(std::hint::black_box(sliver), LEAF_BYTES, &mut digests);
                    std::hint::black_box(&digests);
                }
            });
        }
    });
}

fn write_file(folder: &Path) -> anyhow::Result<Duration> {
    let piece = random_bytes(PIECE_BYTES, 0);
    let path = folder.join("written");
    let started = Instant::now();
    let mut file = File::create(&path)?;
    for _ in 0..MOVED_BYTES / PIECE_BYTES {
        file.write_all(&piece)?;
    }
    file.sync_all()?;
    let elapsed = started.elapsed();
    std::fs::remove_file(path)?;
    Ok(elapsed)
}

fn sync_files(folder: &Path) -> anyhow::Result<Duration> {
    let folder = folder.join("synced");
    std::fs::create_dir(&folder)?;
    let bytes = random_bytes(SYNCED_BYTES, 0);
    let started = Instant::now();
    for number in 0..SYNCED_FILES {
        let mut file = File::create(folder.join(number.to_string()))?;
        file.write_all(&bytes)?;
        file.sync_all()?;
    }
    let elapsed = started.elapsed();
    std::fs::remove_dir_all(folder)?;
    Ok(elapsed)
}

fn loopback() -> anyhow::Result<Duration> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let started = Instant::now();
    let sender = thread::spawn(move || -> std::io::Result<()> {
        let mut stream = TcpStream::connect(address)?;
        let piece = vec![7; PIECE_BYTES];
        for _ in 0..MOVED_BYTES / PIECE_BYTES {
            stream.write_all(&piece)?;
        }
        Ok(())
    });
    let (mut stream, _) = listener.accept()?;
    let mut piece = vec![0; PIECE_BYTES];
    while stream.read(&mut piece)? > 0 {}
    let sent = sender.join();
    sent.map_err(|_| anyhow!("the sender panicked"))??;
    Ok(started.elapsed())
}
