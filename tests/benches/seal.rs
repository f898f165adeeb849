//! `scripts/bench seal`: how fast private data is encrypted and decrypted, and how many keys a
//! server gives out, on a local network of this machine.
//!
//! Baselines come from the same run: a plain copy of as many bytes, the chain's simulations alone,
//! and the unmodified `@mysten/seal` in Node. A ratio above 1 is better than the baseline.
//! `WALRUS_BENCH_MIB` says how large the file is (1024).

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a benchmark that cannot run ends; its numbers are for people to read"
)]

use std::{
    fs,
    io::Write as _,
    num::NonZeroU8,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream};
use serde_json::Value;
use walrus_core::ObjectId;
use walrus_seal::{
    Check, Dem, EncryptedObject, Identity, MasterKey, PublicKeys, Recipient, ServerSet, UserKeys,
};
use walrus_sui::access::{ApprovalCall, Freshness};
use walrus_tests::{
    TestNetwork,
    key_servers::{Reader, ask, now_ms},
    measurements::{amount, print, rate},
    npm::node,
    random_bytes, run, text,
};

const MIB: u64 = 1 << 20;
/// Size of the file, unless said otherwise.
const FILE_MIB: u64 = 1024;
/// Rounds of the file.
const ROUNDS: u32 = 4;
/// Memory for a few chunks and the program itself.
const MEMORY_PROMISE_MIB: f64 = 64.0;
/// Requests for keys, and how many at a time.
const REQUESTS: u32 = 400;
const AT_ONCE: usize = 16;
/// Small objects that are encrypted and decrypted.
const OBJECTS: u32 = 50;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let network = TestNetwork::start(&["--nodes", "1", "--shards", "4", "--with", "seal"]);
    let mut measurements = envelope(&network);
    measurements.extend(runtime.block_on(keys(&network)));
    measurements.extend(objects(&network));
    print(&measurements);
}

/// A file of random bytes, written piece by piece.
fn random_file(path: &Path, mib: u64) {
    let mut file = fs::File::create(path).unwrap();
    let piece = random_bytes(usize::try_from(MIB).unwrap(), 1);
    for _ in 0..mib {
        file.write_all(&piece).unwrap();
    }
    file.sync_all().unwrap();
}

/// Runs a command to its end; its time, and the most memory it had, in MiB.
fn timed(command: &mut Command) -> (Duration, f64) {
    let started = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0.0_f64;
    let ended = loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
        peak_kib = peak_kib.max(kib.unwrap_or_default());
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(ended.success());
    (started.elapsed(), peak_kib / 1024.0)
}

/// Copies, encrypts and decrypts a large file. The best of [`ROUNDS`] counts: some virtual machines
/// have given memory back to their host that files need again, and wait seconds for it.
fn envelope(network: &TestNetwork) -> Vec<Value> {
    let mib = std::env::var("WALRUS_BENCH_MIB");
    let mib = mib.map_or(FILE_MIB, |text| text.parse().unwrap());
    let file = |name: &str| network.folder().join(name);
    let (plain, sealed, out) = (file("plain"), file("sealed"), file("out"));
    random_file(&plain, mib);
    let (mut copying, mut encrypting, mut decrypting) = [Duration::MAX; 3].into();
    let (mut encrypting_mib, mut decrypting_mib) = (0.0_f64, 0.0_f64);
    for _ in 0..ROUNDS {
        let started = Instant::now();
        fs::copy(&plain, &out).unwrap();
        fs::File::open(&out).unwrap().sync_all().unwrap();
        copying = copying.min(started.elapsed());
        fs::remove_file(&out).unwrap();
        let encrypt = [
            "encrypt",
            text(&plain),
            "--envelope",
            "--out",
            text(&sealed),
        ];
        let (took, peak) = timed(network.walrus_command().args(encrypt));
        (encrypting, encrypting_mib) = (encrypting.min(took), encrypting_mib.max(peak));
        let decrypt = ["decrypt", text(&sealed), "--out", text(&out)];
        let (took, peak) = timed(network.walrus_command().args(decrypt));
        (decrypting, decrypting_mib) = (decrypting.min(took), decrypting_mib.max(peak));
        assert_eq!(fs::metadata(&out).unwrap().len(), mib * MIB);
        fs::remove_file(&sealed).unwrap();
        fs::remove_file(&out).unwrap();
    }
    let rate_of = |took: Duration| (mib * MIB) as f64 / 1e9 / took.as_secs_f64();
    vec![
        rate(
            "walrus encrypt --envelope, against a copy",
            rate_of(encrypting),
            "GB/s",
            rate_of(copying),
        ),
        rate(
            "walrus decrypt of it, against a copy",
            rate_of(decrypting),
            "GB/s",
            rate_of(copying),
        ),
        amount(
            "peak memory of encryption",
            encrypting_mib,
            "MiB",
            MEMORY_PROMISE_MIB,
        ),
        amount(
            "peak memory of decryption",
            decrypting_mib,
            "MiB",
            MEMORY_PROMISE_MIB,
        ),
    ]
}

/// Requests per second of one server, each of which the chain simulates.
async fn keys(network: &TestNetwork) -> Vec<Value> {
    let reader = Arc::new(Reader::new(network, 0));
    let url = network.ready["key_servers"][0]["url"].as_str().unwrap();
    let mut bodies = Vec::new();
    for last in 0..16 {
        let (request, _) = reader.request(&[reader.identity(last)]).await;
        bodies.push(serde_json::to_string(&request).unwrap());
    }
    let per_second = |started: Instant| f64::from(REQUESTS) / started.elapsed().as_secs_f64();
    let started = Instant::now();
    let requests = stream::iter(0..REQUESTS as usize);
    let mut answers = requests
        .map(|index| ask(url, bodies[index % 16].clone()))
        .buffer_unordered(AT_ONCE);
    while let Some((status, answer)) = answers.next().await {
        assert_eq!(status, 200, "{answer}");
    }
    let served = per_second(started);

    let call = ApprovalCall::new(reader.package, "account", Vec::new());
    let program = reader.program(&call, &[reader.identity(0)]).await;
    let seal = network.ready["packages"]["seal"].as_str().unwrap();
    let seal_package: ObjectId = seal.parse().unwrap();
    let started = Instant::now();
    let mut simulations = stream::iter(0..REQUESTS)
        .map(|_| {
            let freshness = Freshness {
                seal_package,
                now_ms: now_ms(),
                allowed_ms: 120_000,
            };
            let user = reader.signer.address();
            reader
                .rpc
                .simulate_approval(program.transaction(), user, freshness, 1_000)
        })
        .buffer_unordered(AT_ONCE);
    while let Some(granted) = simulations.next().await {
        granted.unwrap();
    }
    let simulated = per_second(started);
    vec![rate(
        "fetch_key, against simulations alone",
        served,
        "requests/s",
        simulated,
    )]
}

/// Small objects, beside the other implementation.
fn objects(network: &TestNetwork) -> Vec<Value> {
    let mut script = node("seal-speed.mjs");
    script
        .arg(network.ready.to_string())
        .arg(OBJECTS.to_string());
    let other = run(&mut script).json();
    let mut rng = rand::thread_rng();
    let masters: Vec<_> = (1..=3)
        .map(|id| (ObjectId([id; 32]), MasterKey::generate(&mut rng)))
        .collect();
    let recipients = masters.iter().map(|(server, master)| Recipient {
        server: *server,
        public_key: master.public(),
        weight: NonZeroU8::MIN,
    });
    let servers = ServerSet::new(recipients.collect(), 2).unwrap();
    let identity = Identity {
        package: ObjectId([9; 32]),
        inner: vec![1; 48],
    };
    let content = [0; 1024];
    let mut encrypt = || {
        let (identity, dem) = (identity.clone(), Dem::Aes256Gcm);
        EncryptedObject::encrypt(identity, &servers, dem, &content, Some(&[]), &mut rng)
            .unwrap()
            .0
    };
    let sample = encrypt();
    let point = identity.point();
    let keys: UserKeys = masters[..2]
        .iter()
        .map(|(id, master)| (*id, master.extract(&point)))
        .collect();
    let public: PublicKeys = masters
        .iter()
        .map(|(id, master)| (*id, master.public()))
        .collect();
    let started = Instant::now();
    for _ in 0..OBJECTS {
        encrypt();
    }
    let encrypted = f64::from(OBJECTS) / started.elapsed().as_secs_f64();
    let started = Instant::now();
    for _ in 0..OBJECTS {
        assert_eq!(
            sample.decrypt(&keys, Check::AllShares(&public)).unwrap(),
            content
        );
    }
    let decrypted = f64::from(OBJECTS) / started.elapsed().as_secs_f64();
    let theirs = |name: &str| other[name].as_f64().unwrap();
    vec![
        rate(
            "encrypt 1 KiB for 3 servers, against npm",
            encrypted,
            "objects/s",
            theirs("encrypt"),
        ),
        rate(
            "decrypt it, all shares checked, against npm",
            decrypted,
            "objects/s",
            theirs("decrypt"),
        ),
    ]
}
