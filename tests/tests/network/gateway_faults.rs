//! The gateway when things go wrong around it: nodes that die and lie in the middle of an answer,
//! full disks, power cuts under load, slow, silent and many clients.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use http::{Method, StatusCode};
use jsonwebtoken::{EncodingKey, Header, encode};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};
use stdx::Mutex;
use walrus_tests::{
    TestNetwork,
    gateway::{RunningGateway, reason},
    patience::eventually,
    random_bytes, text,
};

/// Enough shards for blobs of many pages.
const NETWORK: [&str; 4] = ["--nodes", "4", "--shards", "40"];
/// More than the gateway, the kernel and the client keep on their way together.
const SIZE: usize = 20_000_003;
/// What is read before something happens.
const BEFORE: usize = 1 << 16;
const SMALL_NETWORK: [&str; 4] = ["--nodes", "4", "--shards", "10"];
const SECRET: &str = "a secret of more than thirty-two bytes";
const IDLE_CONNECTIONS: usize = 10_000;

fn done(network: &TestNetwork, arguments: &[&str]) {
    let outcome = network.localnet(arguments);
    assert!(outcome.success, "{arguments:?}: {}", outcome.stderr);
}

/// Begins to read a blob; returns the connection, and the first bytes of the body.
fn begin(gateway: &RunningGateway, blob: &str) -> (TcpStream, Vec<u8>) {
    let request = format!("GET /v1/blobs/{blob} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let mut stream = gateway.connect(request.as_bytes());
    let mut answer = Vec::new();
    let mut buffer = vec![0; BEFORE];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..read]);
        let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        if let Some(head) = head
            && answer.len() - head > BEFORE
        {
            assert!(answer.starts_with(b"HTTP/1.1 200"));
            return (stream, answer.split_off(head + 4));
        }
    }
}

/// The rest of a body: all of it, or what came before the connection was cut.
fn finish((mut stream, mut body): (TcpStream, Vec<u8>)) -> Vec<u8> {
    // A reset is a cut like any other.
    let _ = stream.read_to_end(&mut body);
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_die_or_lie_in_the_middle_of_an_answer_make_no_byte_wrong() {
    let network = TestNetwork::start(&NETWORK);
    let blobs: Vec<(String, Vec<u8>)> = (1..=3)
        .map(|seed| {
            let blob = network.store(&network.random_file(SIZE, seed));
            (blob, random_bytes(SIZE, seed))
        })
        .collect();
    let gateway = RunningGateway::start(&network, &["aggregator", "--max-memory", "64MiB"]);

    // One of four dies: the others are enough.
    let begun = begin(&gateway, &blobs[0].0);
    done(&network, &["node", "stop", "node-1", "--kill"]);
    assert!(finish(begun) == blobs[0].1, "the body came back different");
    done(&network, &["node", "start", "node-1"]);

    // One lies: it is noticed, and the others are enough.
    let begun = begin(&gateway, &blobs[1].0);
    done(&network, &["fault", "lie", "node-2", "wrong-slivers"]);
    assert!(finish(begun) == blobs[1].1, "the body came back different");

    // All die: what has come is right, and the connection is cut if it was not everything.
    let (_, whole) = &blobs[2];
    let begun = begin(&gateway, &blobs[2].0);
    for node in ["node-0", "node-1", "node-2", "node-3"] {
        done(&network, &["node", "stop", node, "--kill"]);
    }
    let body = finish(begun);
    assert!(body.len() >= BEFORE && whole.starts_with(&body));
    assert_eq!(gateway.get("/status").await.body(), "OK");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_caching_and_not_the_serving() {
    let network = TestNetwork::start(&NETWORK);
    let size = 5_000_017;
    let blob = network.store(&network.random_file(size, 4));
    let data = random_bytes(size, 4);
    let cache = network.folder().join("cache");
    let arguments = ["aggregator", "--cache-dir", text(&cache)];
    // No file can have more than 32 KiB: every page of the cache is refused by the disk.
    let full = "trap '' XFSZ; ulimit -f 64";
    let gateway = RunningGateway::start_after(full, &network, &arguments);
    for _ in 0..2 {
        let answer = gateway.get(&format!("/v1/blobs/{blob}")).await;
        assert!(*answer.body() == data, "the blob came back different");
    }
    let disk = gateway.metric("walrus_gateway_pages_total{name=\"disk\"}");
    assert_eq!(disk.await, 0);
    let large = fs::read_dir(&cache).unwrap().filter(|entry| {
        let metadata = entry.as_ref().unwrap().metadata().unwrap();
        metadata.len() > 32 * 1024
    });
    assert_eq!(large.count(), 0);
}

fn wallets(network: &TestNetwork) -> PathBuf {
    let folder = network.folder().join("sub-wallets");
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn token(id: &str) -> String {
    let claims = json!({ "exp": u32::MAX, "jti": id });
    let key = EncodingKey::from_secret(SECRET.as_bytes()).unwrap();
    let token = encode(&Header::default(), &claims, &key).unwrap();
    format!("Bearer {token}")
}

/// Blob objects of an account, whatever their state.
fn owned(network: &TestNetwork, owner: &str) -> Vec<String> {
    let list = network
        .walrus(&[
            "list-blobs",
            "--include-expired",
            "--owner",
            owner,
            "--json",
        ])
        .json();
    let blobs = list.as_array().unwrap().iter();
    blobs
        .map(|blob| blob["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_is_killed_under_load_loses_nothing_it_acknowledged_or_paid() {
    let network = TestNetwork::start(&SMALL_NETWORK);
    let wallets = wallets(&network);
    let arguments = [
        "daemon",
        "--sub-wallets-dir",
        text(&wallets),
        "--n-clients",
        "2",
        "--jwt-decode-secret",
        SECRET,
    ];
    let mut gateway = RunningGateway::start(&network, &arguments);
    let put = async |gateway: &RunningGateway, seed: u64| {
        let token = token(&seed.to_string());
        let headers = [("authorization", token.as_str())];
        let body = random_bytes(10_000, seed).into();
        let path = "/v1/blobs?epochs=2";
        let answer = gateway.try_send(Method::PUT, path, &headers, body).await;
        answer
            .ok()
            .filter(|answer| answer.status() == StatusCode::OK)
    };
    let mut acknowledged = Vec::new();
    let mut seed = 0;
    while acknowledged.len() < 4 {
        // Of those that are sent at the same time, one is waited for; the power goes then.
        let (first, others) = (seed, seed + 1..seed + 6);
        seed += 6;
        let rest = join_all(others.map(|seed| put(&gateway, seed)));
        tokio::select! {
            Some(answer) = put(&gateway, first) => acknowledged.push(answer),
            answers = rest => acknowledged.extend(answers.into_iter().flatten()),
        }
        gateway.kill();
        gateway = RunningGateway::start(&network, &arguments);
    }

    let main = network.ready["accounts"][0]["address"].as_str().unwrap();
    let kept = owned(&network, main);
    for answer in &acknowledged {
        let stored: Value = serde_json::from_slice(answer.body()).unwrap();
        let object = &stored["newlyCreated"]["blobObject"];
        assert!(
            kept.iter().any(|id| object["id"] == id.as_str()),
            "{stored}"
        );
        let blob = object["blobId"].as_str().unwrap();
        let read = gateway.get(&format!("/v1/blobs/{blob}")).await;
        assert_eq!(read.body().len(), 10_000);
    }
    // What was registered and paid, certified or not, is where its owner finds it.
    for index in 0..2 {
        let wallet = wallets.join(format!("sui_client_{index}.yaml"));
        let wallet = walrus_sui::Wallet::load(&wallet).unwrap();
        let address = wallet.active_address().unwrap().to_string();
        assert_eq!(owned(&network, &address), Vec::<String>::new());
    }
    // A token that was used stays used, also after a restart.
    let token = token("0");
    let headers = [("authorization", token.as_str())];
    let again = gateway
        .send(Method::PUT, "/v1/blobs", &headers, "again")
        .await;
    assert_eq!(again.status(), StatusCode::CONFLICT);
    assert_eq!(reason(&again), "TOKEN_ALREADY_USED");
}

/// What the clients of a gateway have seen.
#[derive(Default)]
struct Seen {
    /// Answers to who reads, and to who stores.
    answers: [AtomicUsize; 2],
    /// Reasons of refusals, and what was cut off.
    failures: Mutex<Vec<String>>,
    /// What is stored, and the seed of its bytes.
    stored: Mutex<Vec<(String, u64)>>,
}

impl Seen {
    /// Waits until everybody has asked and got an answer, and returns what failed meanwhile.
    async fn failures(&self) -> Vec<String> {
        let count = |index: usize| self.answers[index].load(Ordering::SeqCst);
        // What is answered first may have been asked before.
        for (index, before) in [count(0), count(1)].into_iter().enumerate() {
            let answered = async || count(index) >= before + 2;
            eventually("everybody is answered", answered).await;
        }
        std::mem::take(&mut self.failures.lock())
    }

    /// Counts an answer; `true` if it is one.
    fn is_good(&self, who: usize, answer: &Result<http::Response<bytes::Bytes>, String>) -> bool {
        let failed = match answer {
            Ok(answer) if answer.status() == StatusCode::OK => None,
            Ok(answer) => {
                assert!(answer.status().is_server_error(), "{answer:?}");
                Some(reason(answer))
            }
            Err(cut_off) => Some(cut_off.clone()),
        };
        let is_good = failed.is_none();
        self.failures.lock().extend(failed);
        self.answers[who].fetch_add(1, Ordering::SeqCst);
        is_good
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_and_stores_all_the_time_gets_nothing_wrong_while_nodes_die_and_come_back() {
    let network = TestNetwork::start(&NETWORK);
    let size = 5_000_017;
    let seeds = 11..14;
    let blobs: Vec<_> = seeds
        .clone()
        .map(|seed| network.store(&network.random_file(size, seed)))
        .collect();
    let wallets = wallets(&network);
    // The cache has no place for all that is read.
    let arguments = [
        "daemon",
        "--sub-wallets-dir",
        text(&wallets),
        "--max-memory",
        "16MiB",
    ];
    let gateway = Arc::new(RunningGateway::start(&network, &arguments));
    let seen: Arc<Seen> = Arc::default();
    let reading = {
        let (gateway, seen) = (Arc::clone(&gateway), Arc::clone(&seen));
        async move {
            for (seed, blob) in seeds.zip(&blobs).cycle() {
                let path = format!("/v1/blobs/{blob}");
                let answer = gateway.try_send(Method::GET, &path, &[], "".into()).await;
                if seen.is_good(0, &answer) {
                    let body = answer.unwrap().into_body();
                    assert!(body[..] == random_bytes(size, seed), "{blob} is different");
                }
            }
        }
    };
    let storing = {
        let (gateway, seen) = (Arc::clone(&gateway), Arc::clone(&seen));
        async move {
            for seed in 100.. {
                let (path, body) = ("/v1/blobs?epochs=1", random_bytes(1_000, seed));
                let answer = gateway.try_send(Method::PUT, path, &[], body.into()).await;
                if seen.is_good(1, &answer) {
                    let answer: Value = serde_json::from_slice(answer.unwrap().body()).unwrap();
                    let blob = &answer["newlyCreated"]["blobObject"]["blobId"];
                    let blob = blob.as_str().unwrap().to_owned();
                    seen.stored.lock().push((blob, seed));
                }
            }
        }
    };
    let faults = async {
        // One node of four at a time: nobody notices.
        for node in ["node-0", "node-1", "node-2"] {
            done(&network, &["node", "stop", node, "--kill"]);
            assert_eq!(seen.failures().await, Vec::<String>::new());
            done(&network, &["node", "start", node]);
        }
        // All of them: everybody is told.
        let all = ["node-0", "node-1", "node-2", "node-3"];
        for node in all {
            done(&network, &["node", "stop", node, "--kill"]);
        }
        let told = async || !seen.failures().await.is_empty();
        eventually("everybody is told that the nodes are gone", told).await;
        for node in all {
            done(&network, &["node", "start", node]);
        }
        // Then it goes on by itself.
        let well = async || seen.failures().await.is_empty();
        eventually("everybody is served again", well).await;
    };
    let (reading, storing) = (tokio::spawn(reading), tokio::spawn(storing));
    tokio::select! {
        ended = reading => panic!("{ended:?}"),
        ended = storing => panic!("{ended:?}"),
        () = faults => {}
    }
    let stored = std::mem::take(&mut *seen.stored.lock());
    assert!(stored.len() > 3);
    for (blob, seed) in stored {
        assert!(network.read(&blob) == random_bytes(1_000, seed));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aggregator_that_is_killed_under_load_serves_what_is_right_afterwards() {
    let network = TestNetwork::start(&NETWORK);
    let size = 5_000_017;
    let cache = network.folder().join("cache");
    let arguments = ["aggregator", "--cache-dir", text(&cache)];
    let blobs: Vec<_> = (5..8)
        .map(|seed| network.store(&network.random_file(size, seed)))
        .collect();
    let mut gateway = RunningGateway::start(&network, &arguments);
    for _ in 0..5 {
        let mut begun: Vec<_> = blobs.iter().map(|blob| begin(&gateway, blob)).collect();
        gateway.kill();
        for (seed, begun) in (5..8).zip(begun.drain(..)) {
            let body = finish(begun);
            assert!(random_bytes(size, seed).starts_with(&body));
        }
        gateway = RunningGateway::start(&network, &arguments);
    }
    for (seed, blob) in (5..8).zip(&blobs) {
        let answer = gateway.get(&format!("/v1/blobs/{blob}")).await;
        assert!(answer.body()[..] == random_bytes(size, seed));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_stalled_clients_hold_up_nobody() {
    let network = TestNetwork::start(&NETWORK);
    let size = 5_000_017;
    let blob = network.store(&network.random_file(size, 8));
    let data = random_bytes(size, 8);
    let wallets = wallets(&network);
    let arguments = ["daemon", "--sub-wallets-dir", text(&wallets)];
    let gateway =
        RunningGateway::start(&network, &[&arguments[..], &["--n-clients", "1"]].concat());
    // Readers that take nothing, writers that stop in the middle of their head or body.
    let head = "PUT /v1/blobs HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n";
    let get = format!("GET /v1/blobs/{blob} HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut stalled = Vec::new();
    for _ in 0..100 {
        stalled.push(gateway.connect(get.as_bytes()));
        stalled.push(gateway.connect(head.as_bytes()));
    }
    let mut dripping = gateway.connect(get.as_bytes());
    let mut drops = vec![0; 1_000];
    for _ in 0..10 {
        // Whoever is too slow is cut off after a while.
        let _ = dripping.read(&mut drops).unwrap();
        let answer = gateway.get(&format!("/v1/blobs/{blob}")).await;
        assert!(*answer.body() == data);
    }
    let stored = gateway
        .send(Method::PUT, "/v1/blobs", &[], random_bytes(1_000, 9))
        .await;
    assert_eq!(stored.status(), StatusCode::OK);
    drop(stalled);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_idle_connections_are_bounded_and_shut_out_nobody() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    let network = TestNetwork::start(&SMALL_NETWORK);
    let blob = network.store(&network.random_file(1_000, 10));
    let gateway = RunningGateway::start(&network, &["aggregator"]);
    let before = gateway.peak_memory_bytes();
    let mut idle = Vec::with_capacity(IDLE_CONNECTIONS);
    for _ in 0..IDLE_CONNECTIONS {
        idle.push(gateway.connect(b""));
        if idle.len() % 2_000 == 0 {
            let answer = gateway.get(&format!("/v1/blobs/{blob}")).await;
            assert!(answer.body()[..] == random_bytes(1_000, 10));
        }
    }
    let open = gateway.metric("http_server_active_connections ").await;
    assert!(open <= 4_096, "{open} connections are open");
    let more = gateway.peak_memory_bytes() - before;
    assert!(more < 256 << 20, "{more} bytes for idle connections");
    // Some of them wake up: those that were not closed are served.
    for stream in idle.iter_mut().rev().take(100) {
        let request = b"GET /status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream.write_all(request).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(answer.ends_with(b"OK"));
    }
}
