//! nginx as a cache in front of an aggregator, configured as the documentation says.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use walrus_tests::{TestNetwork, gateway::RunningGateway, random_bytes, run, text, tools::Tool};

/// Enough shards for a blob of several slices of the cache.
const NETWORK: [&str; 4] = ["--nodes", "4", "--shards", "40"];
/// Two slices of 8 MiB, and a part of a third.
const SIZE: usize = 18_000_001;
const DOCUMENT: &str = include_str!("../../../docs/aggregator.md");

/// nginx; killed when dropped.
struct Nginx {
    child: Child,
    url: String,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The workers end with their master, unless it is killed.
        let id = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(id), Signal::SIGTERM).unwrap();
        let _ = self.child.wait();
    }
}

/// The block of the documentation, with the addresses and folders of this test.
fn documented(listen: u16, gateway: &RunningGateway, cache: &Path) -> String {
    let (_, section) = DOCUMENT.split_once("## Behind nginx or a CDN").unwrap();
    let block = section.split("```").nth(1).unwrap();
    let mut block = block.to_owned();
    for (theirs, ours) in [
        ("/var/cache/nginx/walrus", text(cache)),
        ("listen 443 ssl;", &format!("listen 127.0.0.1:{listen};")),
        ("http2 on;", ""),
        ("http://127.0.0.1:31415", &gateway.url),
    ] {
        assert_eq!(block.matches(theirs).count(), 1, "{theirs}");
        block = block.replace(theirs, ours);
    }
    block
}

impl Nginx {
    fn start(program: &Path, folder: &Path, gateway: &RunningGateway) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let block = documented(port, gateway, &folder.join("nginx-cache"));
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {name}_temp;\n"))
            .concat();
        let config = format!(
            "user root;\nworker_processes 1;\npid nginx.pid;\nerror_log stderr;\n\
             events {{ worker_connections 256; }}\n\
             http {{\naccess_log off;\n{temporary}{block}}}\n"
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, config).unwrap();
        let child = Command::new(program)
            .args(["-p", text(folder), "-c", text(&file), "-g", "daemon off;"])
            .spawn()
            .unwrap();
        let mut nginx = Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
        };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(nginx.child.try_wait().unwrap().is_none(), "nginx has ended");
            std::thread::sleep(Duration::from_millis(20));
        }
        nginx
    }
}

/// What curl got.
struct Answer {
    status: u64,
    headers: Value,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers[name][0].as_str().unwrap_or_default()
    }
}

fn get(curl: &Path, folder: &Path, url: &str, headers: &[&str]) -> Answer {
    let body = folder.join("answer");
    let mut command = Command::new(curl);
    command.args(["--silent", "--show-error", "--output", text(&body)]);
    command.args([
        "--write-out",
        "{\"status\":%{http_code},\"headers\":%{header_json}}",
    ]);
    for header in headers {
        command.args(["--header", header]);
    }
    let told = run(command.arg(url)).json();
    Answer {
        status: told["status"].as_u64().unwrap(),
        headers: told["headers"].clone(),
        // Without a body there is no file.
        body: fs::read(&body).unwrap_or_default(),
    }
}

#[test]
fn a_cache_in_front_keeps_blobs_and_their_parts() {
    let (Some(program), Some(curl)) = (Tool::Nginx.path(), Tool::Curl.path()) else {
        return;
    };
    let network = TestNetwork::start(&NETWORK);
    let blob = network.store(&network.random_file(SIZE, 1));
    let blocked = network.store(&network.random_file(100, 2));
    let data = random_bytes(SIZE, 1);
    let list = network.folder().join("blocked.yaml");
    fs::write(&list, format!("- {blocked}\n")).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _context = runtime.enter();
    let mut gateway = RunningGateway::start(&network, &["aggregator", "--blocklist", text(&list)]);
    let nginx = Nginx::start(&program, network.folder(), &gateway);
    let get = |path: &str, headers: &[&str]| {
        get(
            &curl,
            network.folder(),
            &format!("{}{path}", nginx.url),
            headers,
        )
    };
    let path = format!("/v1/blobs/{blob}");
    let etag = format!("\"{blob}\"");

    // A part first: only its slice is fetched.
    let part = get(&path, &["Range: bytes=100-199"]);
    assert_eq!(part.status, 206);
    assert_eq!(part.header("x-cache-status"), "MISS");
    assert!(part.body == data[100..200]);
    let whole = get(&path, &[]);
    assert_eq!((whole.status, whole.header("etag")), (200, etag.as_str()));
    assert!(whole.body == data, "the blob came back different");

    // Blocked and unknown blobs are no hits, however often they are asked for.
    for _ in 0..2 {
        let refused = get(&format!("/v1/blobs/{blocked}"), &[]);
        assert_eq!(refused.status, 451);
        assert_eq!(refused.header("x-cache-status"), "MISS");
    }
    assert_eq!(get("/v1/blobs/short", &[]).status, 400);

    // From now on there is nobody behind the cache.
    gateway.kill();
    let again = get(&path, &[]);
    assert_eq!((again.status, again.header("x-cache-status")), (200, "HIT"));
    assert!(again.body == data);
    for range in [0..1_000, 8_388_000..8_389_000, 17_999_000..SIZE] {
        let asked = format!("Range: bytes={}-{}", range.start, range.end - 1);
        let part = get(&path, &[&asked]);
        assert_eq!((part.status, part.header("x-cache-status")), (206, "HIT"));
        assert!(part.body == data[range], "{asked}");
    }
    let known = get(&path, &[&format!("If-None-Match: {etag}")]);
    assert_eq!(known.status, 304);
    assert!(get(&format!("/v1/blobs/{blocked}"), &[]).status >= 500);
}
