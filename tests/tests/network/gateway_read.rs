//! The aggregator on a local network: what is read over HTTP is right, and what HTTP has for caches
//! and browsers works.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use futures::future::join_all;
use http::{Method, StatusCode};
use serde_json::Value;
use walrus_core::{BlobId, SliverPairIndex};
use walrus_encoder::{
    NShards,
    quilt::{Quilt, QuiltFile},
};
use walrus_tests::{
    TestNetwork,
    gateway::{RunningGateway, reason},
    random_bytes, text,
};

/// Enough shards for blobs of several pages.
const NETWORK: [&str; 4] = ["--nodes", "4", "--shards", "40"];
/// Several pages, and a last row that is not full.
const SIZE: usize = 5_000_017;

#[tokio::test(flavor = "multi_thread")]
async fn blobs_are_served_with_all_that_http_has_for_them() {
    let network = TestNetwork::start(&NETWORK);
    let data = random_bytes(SIZE, 1);
    let blob = network.store(&network.random_file(SIZE, 1));
    let empty = network.store(&network.random_file(0, 1));
    let mut gateway = RunningGateway::start(&network, &["aggregator"]);
    let path = format!("/v1/blobs/{blob}");
    let etag = format!("\"{blob}\"");

    let whole = gateway.get_with(&path, &[("origin", "http://page")]).await;
    assert_eq!(whole.status(), StatusCode::OK);
    assert!(*whole.body() == data, "the blob came back different");
    for (name, value) in [
        ("etag", etag.as_str()),
        ("content-length", "5000017"),
        ("accept-ranges", "bytes"),
        ("x-content-type-options", "nosniff"),
        (
            "cache-control",
            "public, max-age=86400, stale-while-revalidate=3600",
        ),
        ("access-control-allow-origin", "*"),
        ("access-control-expose-headers", "*"),
    ] {
        assert_eq!(whole.headers()[name], value);
    }
    assert!(!whole.headers().contains_key("content-type"));
    let head = gateway.send(Method::HEAD, &path, &[], "").await;
    assert_eq!(head.headers()["content-length"], "5000017");
    assert!(head.body().is_empty());

    for (range, expected) in [
        ("bytes=0-", 0..SIZE),
        ("bytes=-17", SIZE - 17..SIZE),
        ("bytes=1999999-2100000", 1_999_999..2_100_001),
        ("bytes=4000000-9999999999", 4_000_000..SIZE),
    ] {
        let part = gateway.get_with(&path, &[("range", range)]).await;
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        let shown = format!("bytes {}-{}/{SIZE}", expected.start, expected.end - 1);
        assert_eq!(part.headers()["content-range"], shown.as_str());
        assert!(part.body()[..] == data[expected], "{range}");
    }
    let beyond = gateway
        .get_with(&path, &[("range", "bytes=5000017-")])
        .await;
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.headers()["content-range"], "bytes */5000017");
    assert_eq!(reason(&beyond), "INVALID_BYTE_RANGE");

    let known = gateway.get_with(&path, &[("if-none-match", &etag)]).await;
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    assert!(known.body().is_empty() && known.headers()["etag"] == etag.as_str());
    let resumed = [("if-range", etag.as_str()), ("range", "bytes=10-19")];
    let resumed = gateway.get_with(&path, &resumed).await;
    assert!(resumed.body()[..] == data[10..20]);
    let other = [("if-range", "\"other\""), ("range", "bytes=10-19")];
    assert_eq!(
        gateway.get_with(&path, &other).await.status(),
        StatusCode::OK
    );
    let typed = gateway.get_with(&path, &[("accept", "image/png")]).await;
    assert_eq!(typed.headers()["content-type"], "image/png");

    let strict = format!("{path}?strict_consistency_check=true&later=1");
    assert!(*gateway.get(&strict).await.body() == data);
    let streamed = gateway.get(&format!("/v1alpha/blobs/{blob}/stream")).await;
    assert!(*streamed.body() == data && streamed.headers()["x-walrus-streaming"] == "true");
    let part = format!("{path}/byte-range?start=3000000&length=2000017");
    let part = gateway.get(&part).await;
    assert_eq!(part.status(), StatusCode::OK);
    assert!(part.body()[..] == data[3_000_000..]);
    assert_eq!(
        part.headers()["etag"],
        format!("\"{blob}-3000000-2000017\"").as_str()
    );
    let nothing = gateway.get(&format!("/v1/blobs/{empty}")).await;
    assert_eq!(nothing.headers()["content-length"], "0");

    let two =
        format!("/v1alpha/blobs/concat?ids={blob},{empty},{blob}&strict_consistency_check=true");
    let two = gateway.get(&two).await;
    assert!(two.body()[..] == [&data[..], &data[..]].concat());
    let ids = format!("{{\"ids\":[\"{empty}\",\"{blob}\"]}}");
    let json = [("content-type", "application/json")];
    let posted = gateway
        .send(Method::POST, "/v1alpha/blobs/concat", &json, ids)
        .await;
    assert!(*posted.body() == data);

    assert_eq!(gateway.get("/status").await.body(), "OK");
    let health = gateway.get("/health").await;
    assert_eq!(health.status(), StatusCode::OK, "{:?}", health.body());
    gateway.terminate();
    assert!(gateway.ended_well());
}

/// What cannot be served, with the status and the reason of the answer.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_served_is_refused_and_says_why() {
    let network = TestNetwork::start(&NETWORK);
    let blob = network.store(&network.random_file(3_000, 1));
    let limited = &["aggregator", "--max-blob-size", "2999"];
    let limited = RunningGateway::start(&network, limited);
    let too_large = limited.get(&format!("/v1/blobs/{blob}")).await;
    assert_eq!(too_large.status(), StatusCode::FORBIDDEN);
    assert_eq!(reason(&too_large), "BLOB_TOO_LARGE");

    let gateway = RunningGateway::start(&network, &["aggregator"]);
    let unknown = BlobId([1; 32]);
    let object = format!("0x{}", "12".repeat(32));
    for (path, status, expected) in [
        (format!("/v1/blobs/{unknown}"), 404, "BLOB_NOT_FOUND"),
        (
            format!("/v1alpha/blobs/{unknown}/stream"),
            404,
            "BLOB_NOT_FOUND",
        ),
        (
            format!("/v1/quilts/{unknown}/patches"),
            404,
            "BLOB_NOT_FOUND",
        ),
        (
            format!("/v1/blobs/by-object-id/{object}"),
            404,
            "BLOB_NOT_FOUND",
        ),
        (
            format!("/v1alpha/blobs/concat?ids={object}"),
            404,
            "OBJECT_ID_RESOLUTION_FAILED",
        ),
        (
            "/v1alpha/blobs/concat?ids=".into(),
            400,
            "INVALID_ID_FORMAT",
        ),
        (
            format!("/v1alpha/blobs/concat?ids={blob},x"),
            400,
            "INVALID_ID_FORMAT",
        ),
        (
            format!("/v1/blobs/{blob}/byte-range?start=0&length=0"),
            400,
            "INVALID_BYTE_RANGE",
        ),
        (
            format!("/v1/blobs/{blob}/byte-range?start=2999&length=2"),
            400,
            "INVALID_BYTE_RANGE",
        ),
        (
            format!("/v1/blobs/{blob}/byte-range?start={0}&length={0}", u64::MAX),
            400,
            "INVALID_BYTE_RANGE",
        ),
        (
            format!("/v1/blobs/{blob}?strict_consistency_check=true&skip_consistency_check=true"),
            400,
            "INVALID_CONSISTENCY_CHECK",
        ),
        // A blob that is no quilt.
        (
            format!("/v1/quilts/{blob}/patches"),
            404,
            "QUILT_PATCH_NOT_FOUND",
        ),
        (
            format!("/v1/blobs/by-quilt-id/{blob}/a"),
            404,
            "QUILT_PATCH_NOT_FOUND",
        ),
    ] {
        let answer = gateway.get(&path).await;
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(reason(&answer), expected, "{path}");
        assert_eq!(answer.headers()["cache-control"], "no-store", "{path}");
    }
}

/// What is not understood, with the status of the answer.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_understood_is_refused_in_a_few_words() {
    let network = TestNetwork::start(&NETWORK);
    let blob = network.store(&network.random_file(3_000, 1));
    let gateway = RunningGateway::start(&network, &["aggregator"]);
    let long = "a".repeat(60_000);
    for (path, status) in [
        ("/v1/blobs/short".to_owned(), 400),
        ("/v1/blobs/..%2F..%2Fetc%2Fpasswd".into(), 400),
        ("/v1/blobs/%00".into(), 400),
        ("/v1/blobs/%ff".into(), 400),
        (format!("/v1/blobs/{blob}="), 400),
        (format!("/v1/blobs/{long}"), 400),
        ("/v1/blobs/by-object-id/0x".into(), 400),
        ("/v1/blobs/by-quilt-patch-id/abc".into(), 400),
        (
            format!("/v1/blobs/{blob}?strict_consistency_check=yes"),
            400,
        ),
        (format!("/v1/blobs/{blob}/byte-range?start=0"), 400),
        (
            format!("/v1/blobs/{blob}/byte-range?start=-1&length=1"),
            400,
        ),
        (format!("/v1/blobs/by-quilt-id/{blob}/a/b"), 404),
        ("/v1/blobs".into(), 404),
        ("/v2/blobs".into(), 404),
        ("/".into(), 404),
        (format!("//v1/blobs/{blob}"), 404),
        (format!("/v1/../v1/blobs/{blob}"), 404),
    ] {
        let answer = gateway.get(&path).await;
        let shown = path.chars().take(80).collect::<String>();
        assert_eq!(answer.status(), status, "{shown}");
        assert!(
            answer.body().len() < 1_000,
            "{shown}: what was sent is not repeated"
        );
    }
    let json = [("content-type", "application/json")];
    for (headers, body, status) in [
        (&json[..], "{", 400),
        (&json[..], "{\"ids\":[]}", 400),
        (&json[..], "{\"ids\":[],\"more\":1}", 422),
        (&[][..], "{\"ids\":[]}", 415),
    ] {
        let answer = gateway
            .send(Method::POST, "/v1alpha/blobs/concat", headers, body)
            .await;
        assert_eq!(answer.status(), status, "{body}");
    }
    let wrong = gateway
        .send(Method::DELETE, &format!("/v1/blobs/{blob}"), &[], "")
        .await;
    assert_eq!(wrong.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(wrong.headers().contains_key("allow"));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_quilts_have_names_tags_and_tags_of_their_own() {
    let network = TestNetwork::start(&NETWORK);
    let files = [
        QuiltFile::new("a/b c.txt", b"first").with_tag("content-type", "text/plain"),
        QuiltFile::new("ü", &[7; 5_000]).with_tag("x-mine", "1"),
        QuiltFile::new("empty", b""),
    ];
    let quilt = Quilt::build(NShards::new(40).unwrap(), &files).unwrap();
    let path = network.folder().join("quilt");
    fs::write(&path, quilt.as_bytes()).unwrap();
    let id = network.store(&path);
    let gateway = RunningGateway::start(&network, &["aggregator"]);

    let list = gateway.get(&format!("/v1/quilts/{id}/patches")).await;
    let list: Vec<Value> = serde_json::from_slice(list.body()).unwrap();
    let patch_id = |name: &str| {
        let entry = list.iter().find(|entry| entry["identifier"] == name);
        entry.unwrap()["patch_id"].as_str().unwrap().to_owned()
    };
    assert_eq!(list.len(), 3);
    let by_id = format!("/v1/blobs/by-quilt-patch-id/{}", patch_id("a/b c.txt"));
    let by_id = gateway.get(&by_id).await;
    assert_eq!(by_id.body(), "first");
    assert_eq!(by_id.headers()["content-type"], "text/plain");
    assert_eq!(by_id.headers()["x-quilt-patch-identifier"], "a/b c.txt");
    let etag = format!("\"{}\"", patch_id("a/b c.txt"));
    assert_eq!(by_id.headers()["etag"], etag.as_str());
    let by_name = format!("/v1/blobs/by-quilt-id/{id}/a%2Fb%20c.txt");
    let part = gateway.get_with(&by_name, &[("range", "bytes=1-2")]).await;
    assert_eq!(
        (part.status(), &part.body()[..]),
        (StatusCode::PARTIAL_CONTENT, &b"ir"[..])
    );
    let known = gateway
        .get_with(&by_name, &[("if-none-match", &etag)])
        .await;
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    let other = gateway
        .get(&format!("/v1/blobs/by-quilt-id/{id}/%C3%BC"))
        .await;
    assert!(other.body()[..] == [7; 5_000] && !other.headers().contains_key("x-mine"));
    let empty = gateway
        .get(&format!("/v1/blobs/by-quilt-id/{id}/empty"))
        .await;
    assert_eq!((empty.status(), empty.body().len()), (StatusCode::OK, 0));
    let none = gateway
        .get(&format!("/v1/blobs/by-quilt-id/{id}/none"))
        .await;
    assert_eq!(reason(&none), "QUILT_PATCH_NOT_FOUND");

    let all_tags = ["aggregator", "--allow-quilt-patch-tags-in-response"];
    let gateway = RunningGateway::start(&network, &all_tags);
    let other = gateway
        .get(&format!("/v1/blobs/by-quilt-id/{id}/%C3%BC"))
        .await;
    assert_eq!(other.headers()["x-mine"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cold_blob_is_fetched_once_and_a_damaged_cache_is_noticed() {
    let network = TestNetwork::start(&NETWORK);
    let data = random_bytes(SIZE, 2);
    let blob = network.store(&network.random_file(SIZE, 2));
    let path = format!("/v1/blobs/{blob}");
    let cache = network.folder().join("cache");
    let arguments = ["aggregator", "--cache-dir", text(&cache)];
    let network_pages = "walrus_gateway_pages_total{name=\"network\"}";
    let disk_pages = "walrus_gateway_pages_total{name=\"disk\"}";

    let mut gateway = RunningGateway::start(&network, &arguments);
    let readers = (0..20).map(|_| gateway.get(&path));
    for answer in join_all(readers).await {
        assert!(*answer.body() == data, "a reader got something else");
    }
    let pages = gateway.metric(network_pages).await;
    assert!((2..20).contains(&pages), "{pages} pages were fetched");
    // The pages are on disk a moment later.
    let files = || {
        let names = fs::read_dir(&cache)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let is_page = |path: &std::path::PathBuf| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with(&blob)
                && path.extension().is_some_and(|ending| ending != "part")
        };
        names.filter(is_page).collect::<Vec<_>>()
    };
    while u64::try_from(files().len()).unwrap() < pages {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    gateway.terminate();
    assert!(gateway.ended_well());

    // A bit flips on one page, another is cut short.
    let on_disk = files();
    let mut flipped = fs::read(&on_disk[0]).unwrap();
    flipped[1_000] ^= 1;
    fs::write(&on_disk[0], flipped).unwrap();
    fs::write(&on_disk[1], "short").unwrap();
    let gateway = RunningGateway::start(&network, &arguments);
    assert!(*gateway.get(&path).await.body() == data);
    assert_eq!(gateway.metric(network_pages).await, 2);
    assert_eq!(gateway.metric(disk_pages).await, pages - 2);
}

/// The name of the node that holds the first row of a blob.
fn owner_of_the_first_row(network: &TestNetwork, blob: &str) -> String {
    let blob_id: BlobId = blob.parse().unwrap();
    let shard = SliverPairIndex(0).to_shard(&blob_id, NShards::new(40).unwrap());
    let nodes = network.ready["nodes"].as_array().unwrap();
    let owner = nodes.iter().find(|node| {
        let shards = node["shards"].as_array().unwrap();
        shards.iter().any(|owned| *owned == u64::from(shard.0))
    });
    owner.unwrap()["name"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_recovered_when_their_nodes_are_down() {
    let network = TestNetwork::start(&NETWORK);
    let data = random_bytes(SIZE, 3);
    let blob = network.store(&network.random_file(SIZE, 3));
    let other = network.store(&network.random_file(100, 3));
    let down = owner_of_the_first_row(&network, &blob);
    assert!(network.localnet(&["node", "stop", &down]).success);
    let gateway = RunningGateway::start(&network, &["aggregator"]);
    let path = format!("/v1/blobs/{blob}");
    for start in (0..SIZE).step_by(SIZE / 8) {
        let end = (start + 1_000).min(SIZE) - 1;
        let range = format!("bytes={start}-{end}");
        let part = gateway.get_with(&path, &[("range", &range)]).await;
        assert!(part.body()[..] == data[start..=end], "{range}");
    }
    assert!(*gateway.get(&path).await.body() == data);

    // With too few nodes nothing is invented, and it says that it may work later.
    for (name, _) in &network.nodes() {
        network.localnet(&["node", "stop", name]);
    }
    let answer = gateway.get(&format!("/v1/blobs/{other}")).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reason(&answer), "BLOB_UNAVAILABLE");
    assert!(answer.headers().contains_key("retry-after"));
    let health = gateway.get("/health").await;
    assert_eq!(health.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        *gateway.get(&path).await.body() == data,
        "what is cached is served"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_list_that_changes_counts_at_once() {
    let network = TestNetwork::start(&NETWORK);
    let blob = network.store(&network.random_file(100, 4));
    let list = network.folder().join("blocked.yaml");
    fs::write(&list, "[]").unwrap();
    let gateway = RunningGateway::start(&network, &["aggregator", "--blocklist", text(&list)]);
    let path = format!("/v1/blobs/{blob}");
    assert_eq!(gateway.get(&path).await.status(), StatusCode::OK);
    fs::write(&list, format!("- {blob}\n")).unwrap();
    let blocked = loop {
        let answer = gateway.get(&path).await;
        if answer.status() != StatusCode::OK {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(blocked.status(), 451);
    assert_eq!(reason(&blocked), "FORBIDDEN_BLOB");
    let concat = gateway
        .get(&format!("/v1alpha/blobs/concat?ids={blob}"))
        .await;
    assert_eq!(concat.status(), 451);
    // A list that cannot be read blocks what the last one did.
    fs::write(&list, "- nonsense\n").unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(gateway.get(&path).await.status(), 451);
}

/// What a server says to bytes that are no proper request: the status, or nothing if it hangs up.
fn raw(gateway: &RunningGateway, request: &[u8]) -> Option<u16> {
    let address = gateway.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    // It may hang up before everything is sent.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let head = String::from_utf8_lossy(&answer);
    head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_none_harm_nobody() {
    let network = TestNetwork::start(&NETWORK);
    let blob = network.store(&network.random_file(100, 5));
    let gateway = RunningGateway::start(&network, &["aggregator"]);
    let long = "a".repeat(1 << 20);
    let many = "a: b\r\n".repeat(10_000);
    for (request, expected) in [
        // Two lengths, or a length and chunks: whoever is in front may see another request.
        (format!("GET /v1/blobs/{blob} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), Some(400)),
        ("GET /status HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: +1\r\n\r\n".into(), Some(400)),
        ("GET /status HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: gzip\r\n\r\n".into(), Some(400)),
        ("GET /status HTTP/1.1\r\nHost: a\r\nConnection: close\r\nA b: c\r\n\r\n".into(), Some(400)),
        ("GET /status HTTP/1.1\r\nHost: a\r\nConnection: close\r\nA: b\0c\r\n\r\n".into(), Some(400)),
        ("GET /sta tus HTTP/1.1\r\nHost: a\r\n\r\n".into(), Some(400)),
        ("G\u{1}T /status HTTP/1.1\r\nHost: a\r\n\r\n".into(), Some(400)),
        ("GET /status HTTP/9.9\r\nHost: a\r\n\r\n".into(), Some(400)),
        (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), Some(431)),
        (format!("GET /status HTTP/1.1\r\nHost: a\r\nA: {long}\r\n\r\n"), Some(431)),
        (format!("GET /status HTTP/1.1\r\nHost: a\r\n{many}\r\n"), Some(431)),
        ("nonsense\r\n\r\n".into(), Some(400)),
        (format!("GET /v1/blobs/{blob} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nRange: bytes={}\r\n\r\n", "0-0,".repeat(2_000)), Some(200)),
        (format!("GET /v1/blobs/{blob} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept: a/b\tc\r\n\r\n"), Some(200)),
        (format!("GET http://other/v1/blobs/{blob} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), Some(200)),
    ] {
        let answer = raw(&gateway, request.as_bytes());
        let shown = request.chars().take(100).collect::<String>();
        assert_eq!(answer, expected, "{shown:?}");
    }
    assert_eq!(gateway.get("/status").await.body(), "OK");
}
