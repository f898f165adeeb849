//! Time and memory of the encoder beside a plain one-threaded baseline.
//!
//! ```text
//! cargo bench -p walrus-encoder --bench encoder -- \
//!     [--json] [--quick] [--shards N] [--min-mib M] [--max-mib M]
//! cargo bench -p walrus-encoder --bench encoder -- --memory M
//! ```
//!
//! Each line is one operation on one blob: the time of ours on one and on all threads, that of the
//! baseline, the ratio, and the peak of resident memory during ours on all threads, less what was
//! resident before it. "Codes alone" is the time of the library's Reed-Solomon codes in the
//! baseline's encoding, to compare machines. The first lines (all there is with `--memory`) are the
//! peaks of operations that are made for large blobs, of `M` MiB on a thousand shards; there, all
//! memory of the process counts.
#![allow(clippy::cast_precision_loss)] // numbers for people

mod baseline;

use std::{
    hint::black_box,
    io::{ErrorKind, Read, Seek, SeekFrom, sink},
    time::Instant,
};

use baseline::{Digest, Plain};
use rayon::ThreadPool;
use stdx::SaturatingFrom as _;
use walrus_core::{
    NShards, SliverPairIndex, SliverType, VerifiedMetadata, hash::hash_pairs_in_place, params,
};
use walrus_encoder::{ConsistencyCheck, Encoder};

/// Ours and the baseline run in turns for this long, so that both see the machine at its best and
/// at its worst, and the fastest run of each counts.
const SECONDS_PER_LINE: f64 = 6.0;

/// Turns of long operations.
const MIN_TURNS: usize = 3;

struct Options {
    json: bool,
    shards: Vec<u16>,
    min_bytes: usize,
    max_bytes: usize,
    /// Only peaks of memory, with blobs of so many bytes.
    memory: Option<usize>,
}

impl Options {
    fn parse() -> Self {
        let mut options = Self {
            json: false,
            shards: vec![10, 100, 1000],
            min_bytes: 0,
            max_bytes: 1 << 30,
            memory: None,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut number = || -> usize {
                let value = arguments.next().and_then(|value| value.parse().ok());
                value.unwrap_or_else(|| panic!("{argument} needs a number"))
            };
            match argument.as_str() {
                "--json" => options.json = true,
                "--quick" => options.max_bytes = 32 << 20,
                "--shards" => {
                    options.shards = vec![u16::try_from(number()).expect("a number of shards")];
                }
                "--memory" => options.memory = Some(number() << 20),
                "--min-mib" => options.min_bytes = number() << 20,
                "--max-mib" => options.max_bytes = number() << 20,
                // What cargo passes to every bench.
                "--bench" => {}
                other => panic!("unknown argument {other}"),
            }
        }
        options
    }
}

/// The time of a run, in seconds. What comes out of it is dropped later.
///
/// It follows another run, so that there is memory at hand. Virtual machines may give what has been
/// free for some seconds back to their host; then the next ones to use it wait up to three seconds
/// for a GiB, which would be most of what is measured.
fn seconds<I, T>(prepare: impl Fn() -> I, mut run: impl FnMut(I) -> T) -> f64 {
    drop(black_box(run(prepare())));
    let input = prepare();
    let start = Instant::now();
    let output = black_box(run(input));
    let seconds = start.elapsed().as_secs_f64();
    drop(output);
    seconds
}

/// A number of kB from `/proc/self/status`; zero where there is no such file.
fn status_kib(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}

/// Bytes by which the peak of resident memory during the run exceeds what was resident before.
fn peak_bytes<T>(run: impl FnOnce() -> T) -> u64 {
    // Resets the peak; without permission, the peak of the process so far is reported.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = status_kib("VmRSS");
    black_box(run());
    1024 * status_kib("VmHWM").saturating_sub(before)
}

/// A byte of a blob that looks random.
fn noise(position: u64) -> u8 {
    let mixed = (position ^ position >> 7).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 31).to_be_bytes()[0]
}

/// A source of bytes that are nowhere in memory.
struct Generated {
    position: u64,
    length: u64,
}

impl Read for Generated {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::saturating_from(self.length - self.position);
        let count = left.min(buffer.len());
        for (i, byte) in (self.position..).zip(&mut buffer[..count]) {
            *byte = noise(i);
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Generated {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let SeekFrom::Start(position) = to else {
            return Err(ErrorKind::Unsupported.into());
        };
        self.position = position.min(self.length);
        Ok(self.position)
    }
}

/// Pairs that a store that has no memory for all of them encodes at a time.
const PAIRS_PER_PASS: usize = 100;

/// Peaks of all memory, and times, of the operations that are made for large blobs.
fn memory(bytes: usize) -> Vec<serde_json::Value> {
    let encoder = Encoder::new(NShards::new(1000).expect("not zero")).expect("supported");
    let before = status_kib("VmRSS");
    let mut entries = Vec::new();
    let mut report = |name: &str, run: &mut dyn FnMut()| {
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        let start = Instant::now();
        run();
        let seconds = start.elapsed().as_secs_f64();
        let peak = 1024 * status_kib("VmHWM").saturating_sub(before);
        let (mib, ratio) = (peak as f64 / f64::from(1 << 20), peak as f64 / bytes as f64);
        let size = size_name(bytes);
        eprintln!("{name:<56} {size}: {seconds:>7.2} s, peak {mib:>6.0} MiB, {ratio:.2}x the blob");
        entries.push(serde_json::json!({
            "name": format!("{name} n=1000 {size}, peak memory of the process"),
            "value": peak, "unit": "B", "baseline": bytes, "ratio": ratio,
        }));
    };
    let length = bytes as u64;
    let source = || Generated {
        position: 0,
        length,
    };
    let mut metadata: Option<VerifiedMetadata> = None;
    report("metadata, streamed", &mut || {
        metadata = encoder
            .metadata_from_reader(&mut source(), length, |_| {})
            .ok();
    });
    let mut blob = Vec::with_capacity(bytes);
    source().read_to_end(&mut blob).expect("cannot fail");
    report("metadata, in memory", &mut || {
        assert_eq!(encoder.metadata(&blob).ok(), metadata, "as streamed");
    });
    let metadata = metadata.expect("it fits");
    // Everything a store sends, a range of pairs after the other; some are kept for decoding.
    let indices: Vec<_> = (0..1000).map(SliverPairIndex).collect();
    report("all pairs, 100 at a time, blob in memory", &mut || {
        for pass in indices.chunks(PAIRS_PER_PASS) {
            black_box(encoder.encode_pairs(&blob, pass).expect("they exist"));
        }
    });
    report("100 pairs, streamed", &mut || {
        let pass = &indices[..PAIRS_PER_PASS];
        let pairs = encoder.encode_pairs_from_reader(&mut source(), length, pass);
        black_box(pairs.expect("they exist"));
    });
    drop(blob);
    let needed = |axis: SliverType| usize::from(axis.source_slivers(encoder.n_shards()));
    // The last pairs for the rows, the first for the columns: both are all recovery symbols.
    let pairs = |of: std::ops::Range<usize>| {
        let mut blob = Vec::with_capacity(bytes);
        source().read_to_end(&mut blob).expect("cannot fail");
        let encoder = &encoder;
        let passes = indices[of].chunks(PAIRS_PER_PASS);
        passes.flat_map(move |pass| encoder.encode_pairs(&blob, pass).expect("they exist"))
    };
    let check = ConsistencyCheck::Default;
    let rows = pairs(1000 - needed(SliverType::Primary)..1000);
    let mut slivers: Vec<_> = rows.map(|pair| pair.primary).collect();
    report("decode from primary slivers into a writer", &mut || {
        let slivers = std::mem::take(&mut slivers);
        let result = encoder.decode_into(&metadata, slivers, check, &mut sink());
        result.expect("consistent");
    });
    let columns = pairs(0..needed(SliverType::Secondary));
    let mut slivers: Vec<_> = columns.map(|pair| pair.secondary).collect();
    report("decode from secondary slivers into a writer", &mut || {
        let slivers = std::mem::take(&mut slivers);
        let result = encoder.decode_into(&metadata, slivers, check, &mut sink());
        result.expect("consistent");
    });
    entries
}

/// Seconds, with more digits the fewer they are.
fn digits(seconds: f64) -> String {
    let decimals = if seconds < 0.01 { 6 } else { 4 };
    format!("{seconds:.decimals$}")
}

struct Line {
    name: String,
    bytes: usize,
    one_thread: f64,
    all_threads: f64,
    baseline: f64,
    peak: u64,
}

impl Line {
    fn print(&self) {
        let mib = f64::from(1 << 20);
        println!(
            "{:<32} {:>9} {:>9} {:>9} {:>7.1}x {:>7.1}x {:>9.1} {:>9.1}",
            self.name,
            digits(self.baseline),
            digits(self.one_thread),
            digits(self.all_threads),
            self.baseline / self.one_thread,
            self.baseline / self.all_threads,
            self.bytes as f64 / mib / self.all_threads,
            self.peak as f64 / mib,
        );
    }

    fn json(&self) -> Vec<serde_json::Value> {
        let entry = |name: String, value: f64| {
            serde_json::json!({
                "name": name, "value": value, "unit": "s",
                "baseline": self.baseline, "ratio": self.baseline / value,
            })
        };
        vec![
            entry(format!("{}, 1 thread", self.name), self.one_thread),
            entry(format!("{}, all threads", self.name), self.all_threads),
            serde_json::json!({
                "name": format!("{}, peak memory", self.name), "value": self.peak, "unit": "B",
                "baseline": self.bytes, "ratio": self.peak as f64 / self.bytes.max(1) as f64,
            }),
        ]
    }
}

/// Hashes of inner nodes of which the time is measured, as many at a time as stay in the cache.
const INNER_HASHES: usize = 1 << 20;
const INNER_HASHES_AT_A_TIME: usize = 1 << 12;

/// Seconds of the baseline and of ours, on one thread, for the hashes of inner nodes alone.
fn seconds_of_inner_hashes() -> [f64; 2] {
    let nodes: Vec<Digest> = (0..2 * INNER_HASHES_AT_A_TIME as u64)
        .map(|i| std::array::from_fn(|j| noise(32 * i + j as u64)))
        .collect();
    let rounds = INNER_HASHES / INNER_HASHES_AT_A_TIME;
    let mut best = [f64::INFINITY; 2];
    for _ in 0..MIN_TURNS {
        let plain = seconds(
            || (),
            |()| {
                for _ in 0..rounds {
                    for pair in black_box(&nodes).chunks_exact(2) {
                        black_box(baseline::node(&pair[0], &pair[1]));
                    }
                }
            },
        );
        let mut copy = nodes.clone();
        let ours = seconds(
            || (),
            |()| {
                for _ in 0..rounds {
                    hash_pairs_in_place(black_box(&mut copy));
                }
            },
        );
        best = [best[0].min(plain), best[1].min(ours)];
    }
    best
}

struct Bench<'a> {
    one: &'a ThreadPool,
    all: &'a ThreadPool,
}

impl Bench<'_> {
    fn line<I: Send, T: Send, U>(
        &self,
        (name, bytes): (String, usize),
        prepare: impl Fn() -> I + Send + Sync,
        ours: impl Fn(I) -> T + Send + Sync,
        mut baseline: impl FnMut() -> U,
    ) -> Line {
        let begin = Instant::now();
        let mut best = [f64::INFINITY; 3];
        let mut turns = 0;
        while turns < MIN_TURNS || begin.elapsed().as_secs_f64() < SECONDS_PER_LINE {
            turns += 1;
            let ours_on = |pool: &ThreadPool| pool.install(|| seconds(&prepare, &ours));
            let (one_thread, all_threads) = if turns % 2 == 0 {
                let all_threads = ours_on(self.all);
                (ours_on(self.one), all_threads)
            } else {
                (ours_on(self.one), ours_on(self.all))
            };
            let turn = [one_thread, all_threads, seconds(|| (), |()| baseline())];
            best = std::array::from_fn(|i| best[i].min(turn[i]));
        }
        let [one_thread, all_threads, baseline] = best;
        Line {
            name,
            bytes,
            one_thread,
            all_threads,
            baseline,
            peak: self.all.install(|| peak_bytes(|| ours(prepare()))),
        }
    }

    fn blob(&self, shards: u16, bytes: usize) -> Vec<Line> {
        let n = NShards::new(shards).expect("not zero");
        let (encoder, plain) = (Encoder::new(n).expect("supported"), Plain::new(n, bytes));
        let blob: Vec<u8> = (0..bytes as u64).map(noise).collect();
        let name = |operation: &str| format!("{operation} n={shards} {}", size_name(bytes));

        let metadata = self
            .all
            .install(|| encoder.metadata(&blob))
            .expect("it fits");
        assert_eq!(
            metadata,
            plain.metadata(&blob),
            "ours and the baseline must agree"
        );
        let first = self.line(
            (name("metadata"), bytes),
            || (),
            |()| encoder.metadata(&blob),
            || plain.metadata(&blob),
        );
        let second = self.line(
            (name("encode"), bytes),
            || (),
            |()| encoder.encode(&blob),
            || plain.encode(&blob),
        );

        let (pairs, metadata) = encoder.encode(&blob).expect("it fits");
        let needed = usize::from(SliverType::Primary.source_slivers(n));
        let slivers: Vec<_> = pairs
            .into_iter()
            .rev()
            .take(needed)
            .map(|p| p.primary)
            .collect();
        let check = ConsistencyCheck::Default;
        let third = self.line(
            (name("decode"), bytes),
            || slivers.clone(),
            |slivers| {
                encoder
                    .decode(&metadata, slivers, check)
                    .expect("consistent")
            },
            || plain.decode(&metadata, &slivers),
        );
        vec![first, second, third]
    }
}

fn size_name(bytes: usize) -> String {
    match bytes {
        bytes if bytes >= 1 << 30 => format!("{} GiB", bytes >> 30),
        bytes if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
        bytes if bytes >= 1 << 10 => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} B"),
    }
}

fn main() {
    walrus_encoder::memory::give_back_large_blocks();
    let options = Options::parse();
    if let Some(bytes) = options.memory {
        let entries = memory(bytes);
        if options.json {
            println!("{}", serde_json::Value::from(entries));
        }
        return;
    }
    let pool = |threads| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .expect("threads can start")
    };
    let (one, all) = (pool(1), pool(0));
    let bench = Bench {
        one: &one,
        all: &all,
    };
    let mut entries = Vec::new();
    if options.shards.contains(&1000) {
        // First, while the allocator keeps nothing from other operations.
        entries.extend(memory(options.max_bytes));
    }
    if !options.json {
        println!(
            "{:<32} {:>9} {:>9} {:>9} {:>8} {:>8} {:>9} {:>9}",
            "seconds", "baseline", "1 thread", "all", "ratio 1", "ratio", "MiB/s", "peak MiB"
        );
    }
    let [plain, ours] = seconds_of_inner_hashes();
    if options.json {
        entries.push(serde_json::json!({
            "name": format!("{INNER_HASHES} inner hashes, 1 thread"), "value": ours, "unit": "s",
            "baseline": plain, "ratio": plain / ours,
        }));
    } else {
        let name = format!("{INNER_HASHES} inner hashes");
        let ratio = plain / ours;
        println!(
            "{name:<32} {:>9} {:>9} {:>9} {ratio:>7.1}x",
            digits(plain),
            digits(ours),
            ""
        );
    }
    for &shards in &options.shards {
        let n = NShards::new(shards).expect("not zero");
        for bytes in [1, 1 << 10, 1 << 20, 32 << 20, 256 << 20, 1 << 30] {
            let wanted = (options.min_bytes..=options.max_bytes).contains(&bytes);
            if bytes as u64 > params::max_blob_size(n) || !wanted {
                continue;
            }
            for line in bench.blob(shards, bytes) {
                if options.json {
                    entries.extend(line.json());
                } else {
                    line.print();
                }
            }
            let name = format!("codes alone n={shards} {}", size_name(bytes));
            let blob: Vec<u8> = (0..bytes as u64).map(noise).collect();
            let plain = Plain::new(n, bytes);
            let seconds = (0..MIN_TURNS)
                .map(|_| plain.seconds_of_codes(&blob))
                .fold(f64::INFINITY, f64::min);
            if options.json {
                entries.push(serde_json::json!({
                    "name": name, "value": seconds, "unit": "s", "baseline": null, "ratio": null,
                }));
            } else {
                println!("{name:<32} {:>9}", digits(seconds));
            }
        }
    }
    if options.json {
        println!("{}", serde_json::Value::from(entries));
    }
}
