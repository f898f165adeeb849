//! The publisher on a local network: what is sent to it is stored and belongs to whom it should,
//! and only who may can spend its money.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{
    fs,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use futures::future::join_all;
use http::{Method, Response, StatusCode};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use walrus_sui::{Signer, Wallet, WalletEnv};
use walrus_tests::{
    TestNetwork,
    gateway::{RunningGateway, reason},
    random_bytes, run, text,
};

const NETWORK: [&str; 4] = ["--nodes", "4", "--shards", "10"];
const SECRET: &str = "a secret of more than thirty-two bytes";

/// A folder for sub-wallets.
fn sub_wallets(network: &TestNetwork) -> PathBuf {
    let folder = network.folder().join("sub-wallets");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Starts a daemon that reads and stores.
fn daemon(network: &TestNetwork, more: &[&str]) -> RunningGateway {
    let folder = sub_wallets(network);
    let arguments = ["daemon", "--sub-wallets-dir", text(&folder)];
    RunningGateway::start(network, &[&arguments, more].concat())
}

async fn put(
    gateway: &RunningGateway,
    query: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let path = format!("/v1/blobs?{query}");
    gateway.send(Method::PUT, &path, headers, body).await
}

/// The result in an answer, which must be one of success.
fn json_of(answer: &Response<Bytes>) -> Value {
    let text = String::from_utf8_lossy(answer.body());
    assert_eq!(answer.status(), StatusCode::OK, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn created<'a>(result: &'a Value, field: &str) -> &'a str {
    let value = result.pointer(&format!("/newlyCreated/blobObject/{field}"));
    value
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("not newly created: {result}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_is_stored_labelled_and_handed_over() {
    let network = TestNetwork::start(&NETWORK);
    let mut gateway = daemon(&network, &["--n-clients", "2"]);
    let main = network.ready["accounts"][0]["address"].as_str().unwrap();
    let other = network.ready["accounts"][1]["address"].as_str().unwrap();
    let data = random_bytes(20_000, 1);

    let html = [("content-type", "text/html")];
    let stored = put(
        &gateway,
        "epochs=2&attribute=content-language%3Dde",
        &html,
        data.clone(),
    )
    .await;
    let stored = json_of(&stored);
    let object = created(&stored, "id").to_owned();
    assert_eq!(stored["newlyCreated"]["blobObject"]["deletable"], true);
    assert_eq!(stored["newlyCreated"]["blobObject"]["certifiedEpoch"], 1);
    assert_eq!(
        stored["newlyCreated"]["blobObject"]["storage"]["endEpoch"],
        3
    );
    let by_object = gateway
        .get(&format!("/v1/blobs/by-object-id/{object}"))
        .await;
    assert!(*by_object.body() == data);
    assert_eq!(by_object.headers()["content-type"], "text/html");
    assert_eq!(by_object.headers()["content-language"], "de");
    assert_eq!(by_object.headers()["x-walrus-end-epoch"], "3");
    let by_id = gateway
        .get(&format!("/v1/blobs/{}", created(&stored, "blobId")))
        .await;
    assert!(*by_id.body() == data && !by_id.headers().contains_key("content-type"));

    // The objects are where they should be.
    let owned = |owner: &str| {
        let list = network
            .walrus(&["list-blobs", "--owner", owner, "--json"])
            .json();
        let ids = list
            .as_array()
            .unwrap()
            .iter()
            .map(|blob| blob["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert!(owned(main).contains(&object));
    let given = put(
        &gateway,
        &format!("send_object_to={other}"),
        &[],
        random_bytes(10, 2),
    )
    .await;
    assert_eq!(owned(other), [created(&json_of(&given), "id")]);
    let shared = put(
        &gateway,
        "permanent=true&share=true",
        &[],
        random_bytes(10, 3),
    )
    .await;
    let shared = json_of(&shared);
    let shared_object = shared["newlyCreated"]["sharedBlobObject"].as_str().unwrap();
    let read = gateway
        .get(&format!("/v1/blobs/by-object-id/{shared_object}"))
        .await;
    assert!(read.body()[..] == random_bytes(10, 3));

    // What is permanent and there for long enough is not paid twice.
    let once = put(&gateway, "permanent=true", &[], "once").await;
    assert!(json_of(&once)["newlyCreated"].is_object());
    let twice = put(&gateway, "permanent=true", &[], "once").await;
    assert_eq!(json_of(&twice)["alreadyCertified"]["endEpoch"], 2);

    let health = gateway.get("/health").await;
    assert_eq!(health.status(), StatusCode::OK, "{:?}", health.body());
    assert!(
        gateway
            .metric("walrus_publisher_balance{wallet=\"main\",coin=\"wal\"}")
            .await
            > 0
    );
    gateway.terminate();
    assert!(gateway.ended_well());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_files_are_one_quilt() {
    let network = TestNetwork::start(&NETWORK);
    let gateway = daemon(&network, &["--n-clients", "1"]);
    let metadata = r#"[{"identifier":"b","tags":{"content-type":"image/png","n":1}}]"#;
    let field = |(name, content)| {
        format!(
            "--x\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"f\"\r\n\r\n{content}\r\n"
        )
    };
    let fields = [
        ("a/1.txt", "first"),
        ("_metadata", metadata),
        ("b", "second"),
    ];
    let body = fields.map(field).concat() + "--x--\r\n";
    let form = [("content-type", "multipart/form-data; boundary=x")];
    let stored = gateway
        .send(Method::PUT, "/v1/quilts?epochs=2", &form, body)
        .await;
    let stored = json_of(&stored);
    let quilt = created(&stored["blobStoreResult"], "blobId");
    let patches = stored["storedQuiltBlobs"].as_array().unwrap();
    let second = patches
        .iter()
        .find(|patch| patch["identifier"] == "b")
        .unwrap();
    let id = second["quiltPatchId"].as_str().unwrap();
    let read = gateway
        .get(&format!("/v1/blobs/by-quilt-patch-id/{id}"))
        .await;
    assert_eq!(read.body(), "second");
    assert_eq!(read.headers()["content-type"], "image/png");
    let first = gateway
        .get(&format!("/v1/blobs/by-quilt-id/{quilt}/a%2F1.txt"))
        .await;
    assert_eq!(first.body(), "first");

    for (headers, body, expected) in [
        (&form[..], "--x--\r\n", "MALFORMED_REQUEST"),
        (&form[..], "", "MALFORMED_REQUEST"),
        (
            &form[..],
            "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1",
            "MALFORMED_REQUEST",
        ),
        (
            &form[..],
            "--x\r\nContent-Disposition: form-data; name=\" \"\r\n\r\n1\r\n--x--\r\n",
            "MALFORMED_REQUEST",
        ),
    ] {
        let answer = gateway.send(Method::PUT, "/v1/quilts", headers, body).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{body:?}");
        assert_eq!(reason(&answer), expected, "{body:?}");
    }
    let no_boundary = gateway.send(Method::PUT, "/v1/quilts", &[], "x").await;
    assert_eq!(no_boundary.status(), StatusCode::BAD_REQUEST);
}

/// What a publisher refuses, with the status and the reason of the answer (or its text).
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_stored_is_refused_and_costs_nothing() {
    let network = TestNetwork::start(&NETWORK);
    let limited = [
        "--n-clients",
        "1",
        "--max-body-size",
        "2",
        "--max-quilt-body-size",
        "1",
    ];
    let gateway = daemon(&network, &limited);
    let receiver = format!("0x{}", "07".repeat(32));
    let both = format!("permanent=true&share=true&send_object_to={receiver}");
    for (query, status, expected) in [
        ("epochs=0", 400, "MALFORMED_REQUEST"),
        ("epochs=1000", 400, "MALFORMED_REQUEST"),
        ("share=true", 400, "MALFORMED_REQUEST"),
        ("attribute=x", 400, "MALFORMED_REQUEST"),
        ("encoding_type=XX", 400, "MALFORMED_REQUEST"),
        (
            "permanent=true&deletable=true",
            400,
            "INVALID_BLOB_PERSISTENCE",
        ),
        ("epochs=x", 400, ""),
        ("permanent=1", 400, ""),
        ("send_object_to=me", 400, ""),
        (&both, 400, ""),
    ] {
        let answer = put(&gateway, query, &[], "data").await;
        assert_eq!(answer.status(), status, "{query}");
        if !expected.is_empty() {
            assert_eq!(reason(&answer), expected, "{query}");
        }
    }
    let large = put(&gateway, "", &[], vec![0; 2_049]).await;
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        large.body(),
        "Failed to buffer the request body: length limit exceeded"
    );
    let form = [("content-type", "multipart/form-data; boundary=x")];
    let large = gateway
        .send(Method::PUT, "/v1/quilts", &form, vec![0; 1_025])
        .await;
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let main = network.ready["accounts"][0]["address"].as_str().unwrap();
    let list = network
        .walrus(&["list-blobs", "--owner", main, "--json"])
        .json();
    assert_eq!(list, json!([]), "nothing was stored");
    assert!(json_of(&put(&gateway, "", &[], vec![0; 2_048]).await)["newlyCreated"].is_object());
}

/// A token with these claims besides the necessary ones.
fn token(id: &str, more: Value, secret: &str) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let mut claims = json!({"exp": now + 600, "jti": id});
    let more: serde_json::Map<String, Value> = serde_json::from_value(more).unwrap();
    claims.as_object_mut().unwrap().extend(more);
    let key = EncodingKey::from_secret(secret.as_bytes()).unwrap();
    format!(
        "Bearer {}",
        encode(&Header::default(), &claims, &key).unwrap()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_has_a_token_for_it_stores() {
    let network = TestNetwork::start(&NETWORK);
    let unsafe_ = ["publisher", "--sub-wallets-dir", ".", "--jwt-verify-upload"];
    network
        .walrus(&unsafe_)
        .assert_fails(1, &["signature", "--jwt-decode-secret"]);
    let missing = ["publisher", "--sub-wallets-dir", "none"];
    network
        .walrus(&missing)
        .assert_fails(1, &["none", "does not exist"]);

    let auth = [
        "--n-clients",
        "1",
        "--jwt-decode-secret",
        SECRET,
        "--jwt-verify-upload",
    ];
    let gateway = daemon(&network, &auth);
    for (authorization, status, expected) in [
        (None, 401, "MISSING_TOKEN"),
        (Some("Basic abc".to_owned()), 401, "INVALID_TOKEN"),
        (Some("Bearer abc".to_owned()), 401, "INVALID_TOKEN"),
        (
            Some(token(
                "a",
                json!({}),
                "another secret of thirty-two bytes!!",
            )),
            401,
            "INVALID_SIGNATURE",
        ),
        (
            Some(token("a", json!({"exp": 1}), SECRET)),
            401,
            "EXPIRED_SIGNATURE",
        ),
        (
            Some(token("a", json!({"max_epochs": 1}), SECRET)),
            403,
            "INVALID_EPOCHS",
        ),
        (
            Some(token("a", json!({"max_size": 3}), SECRET)),
            403,
            "INVALID_SIZE",
        ),
        (
            Some(token("a", json!({"send_object_to": "0x7"}), SECRET)),
            403,
            "INVALID_SEND_OBJECT_TO",
        ),
        (
            Some(token("a", json!({"size": 4, "max_size": 4}), SECRET)),
            403,
            "INCONSISTENT_TOKEN",
        ),
    ] {
        let header = authorization
            .as_deref()
            .map(|value| ("authorization", value));
        let answer = put(&gateway, "epochs=2", header.as_slice(), "data").await;
        assert_eq!(answer.status(), status, "{expected}");
        assert_eq!(reason(&answer), expected);
        assert_eq!(
            answer.headers().contains_key("www-authenticate"),
            status == 401
        );
    }
    let good = token("a", json!({"max_epochs": 2, "size": 4}), SECRET);
    let stored = put(&gateway, "epochs=2", &[("authorization", &good)], "data").await;
    assert!(
        json_of(&stored)["newlyCreated"].is_object(),
        "a refused token is not used up"
    );
    let again = put(&gateway, "epochs=2", &[("authorization", &good)], "data").await;
    assert_eq!(again.status(), StatusCode::CONFLICT);
    assert_eq!(reason(&again), "TOKEN_ALREADY_USED");
    // Reading needs none.
    let blob = created(&json_of(&stored), "blobId").to_owned();
    assert_eq!(
        gateway.get(&format!("/v1/blobs/{blob}")).await.body(),
        "data"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_at_the_same_time_do_not_contend() {
    let network = TestNetwork::start(&NETWORK);
    let more = ["--publisher-max-buffer-size", "64"];
    let gateway = daemon(&network, &more);
    let stores = (0..32).map(|seed| put(&gateway, "", &[], random_bytes(50_000, 100 + seed)));
    for (seed, stored) in (0..).zip(join_all(stores).await) {
        let blob = created(&json_of(&stored), "blobId").to_owned();
        let read = gateway.get(&format!("/v1/blobs/{blob}")).await;
        assert!(read.body()[..] == random_bytes(50_000, 100 + seed));
    }
    // More than are admitted are told to come again.
    let more = [
        "--n-clients",
        "1",
        "--publisher-max-concurrent-requests",
        "1",
        "--publisher-max-buffer-size",
        "0",
    ];
    drop(gateway);
    let gateway = daemon(&network, &more);
    let stores = (0..12).map(|seed| put(&gateway, "", &[], random_bytes(50_000, 200 + seed)));
    let answers = join_all(stores).await;
    let refused = answers
        .iter()
        .find(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS);
    let refused = refused.expect("twelve at once are more than two");
    assert_eq!(
        refused.body(),
        "the publisher is receiving too many requests; please try again later"
    );
    assert!(refused.headers().contains_key("retry-after"));
    assert!(
        answers
            .iter()
            .any(|answer| answer.status() == StatusCode::OK)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_wallet_is_said_and_what_was_left_behind_is_collected() {
    let network = TestNetwork::start(&NETWORK);
    let poor = network.folder().join("poor.yaml");
    let env = WalletEnv::new("localnet", network.ready["rpc"].as_str().unwrap());
    Wallet::create(&poor, env, &Signer::from_seed([9; 32])).unwrap();
    let folder = network.folder().join("poor-wallets");
    fs::create_dir_all(&folder).unwrap();
    let arguments = [
        "--wallet",
        text(&poor),
        "publisher",
        "--sub-wallets-dir",
        text(&folder),
        "--n-clients",
        "1",
    ];
    let gateway = RunningGateway::start(&network, &arguments);
    let answer = put(&gateway, "", &[], "data").await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reason(&answer), "INSUFFICIENT_FUNDS");
    assert!(answer.headers().contains_key("retry-after"));
    let health = gateway.get("/health").await;
    assert_eq!(health.status(), StatusCode::SERVICE_UNAVAILABLE);
    let health: Value = serde_json::from_slice(health.body()).unwrap();
    assert!(
        health["write"]["reason"]
            .as_str()
            .unwrap()
            .contains("not enough"),
        "{health}"
    );
    drop(gateway);

    // A publisher makes its sub-wallet and is killed; what the sub-wallet owns is the main
    // account's after the next start.
    let more = ["--n-clients", "1"];
    drop(daemon(&network, &more));
    let wallet = sub_wallets(&network).join("sui_client_0.yaml");
    let mut store = network.walrus_command();
    let file = network.random_file(100, 7);
    store.args([
        "--wallet",
        text(&wallet),
        "store",
        text(&file),
        "--epochs",
        "2",
        "--json",
    ]);
    let stored = run(&mut store).json();
    let object = created(&stored[0]["blobStoreResult"], "id").to_owned();
    let _gateway = daemon(&network, &more);
    let main = network.ready["accounts"][0]["address"].as_str().unwrap();
    let list = network
        .walrus(&["list-blobs", "--owner", main, "--json"])
        .json();
    assert!(
        list.as_array()
            .unwrap()
            .iter()
            .any(|blob| blob["id"] == *object),
        "{list}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_is_listed_extended_and_deleted_by_who_may() {
    let network = TestNetwork::start(&NETWORK);
    let more = ["--n-clients", "1", "--jwt-decode-secret", SECRET];
    let gateway = daemon(&network, &more);
    let data = random_bytes(5_000, 1);
    let store = token("store", json!({}), SECRET);
    let stored = put(&gateway, "", &[("authorization", &store)], data.clone()).await;
    let stored = json_of(&stored);
    let (object, blob) = (created(&stored, "id"), created(&stored, "blobId"));

    let id = gateway.send(Method::POST, "/v2/blob-id", &[], data).await;
    assert_eq!(json_of(&id)["blobId"], blob);
    let info = json_of(&gateway.get("/v2/info").await);
    assert_eq!(
        (&info["currentEpoch"], &info["nShards"]),
        (&json!(1), &json!(10))
    );
    let status = format!("/v2/blobs/{blob}/status");
    let status = json_of(&gateway.get(&status).await);
    assert!(status["status"]["deletable"].is_object(), "{status}");
    let list = json_of(&gateway.get("/v2/objects").await);
    assert_eq!(list[0]["id"], object);

    let send = async |method: Method, path: &str, id: &str, claims: Value| {
        let token = token(id, claims, SECRET);
        let headers = [("authorization", token.as_str())];
        gateway.send(method, path, &headers, "").await
    };
    let this = format!("/v2/objects/{object}");
    let extend = format!("{this}/extend?epochs=2");
    let nobody = gateway.send(Method::DELETE, &this, &[], "").await;
    assert_eq!(reason(&nobody), "MISSING_TOKEN");
    let other = send(Method::DELETE, &this, "a", json!({})).await;
    assert_eq!(reason(&other), "NOT_ALLOWED");
    let allowed = json!({"allow": ["extend"], "object": object});
    let extended = json_of(&send(Method::POST, &extend, "b", allowed.clone()).await);
    assert_eq!(extended["storage"]["endEpoch"], 4);
    let again = send(Method::POST, &extend, "b", allowed.clone()).await;
    assert_eq!(reason(&again), "TOKEN_ALREADY_USED");
    let delete = send(Method::DELETE, &this, "c", allowed.clone()).await;
    assert_eq!(reason(&delete), "NOT_ALLOWED");
    let much = format!("{this}/extend?epochs=1000");
    let much = send(Method::POST, &much, "d", allowed).await;
    assert_eq!(
        (much.status(), reason(&much).as_str()),
        (StatusCode::BAD_REQUEST, "MALFORMED_REQUEST")
    );
    let allowed = json!({"allow": ["delete"]});
    let unknown = format!("/v2/objects/0x{}", "7".repeat(64));
    let unknown = send(Method::DELETE, &unknown, "e", allowed.clone()).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    let deleted = json_of(&send(Method::DELETE, &this, "f", allowed.clone()).await);
    assert_eq!(deleted["deleted"]["id"], object);
    assert_eq!(json_of(&gateway.get("/v2/objects").await), json!([]));

    // Without tokens nobody may.
    drop(gateway);
    let gateway = daemon(&network, &["--n-clients", "1"]);
    let stored = json_of(&put(&gateway, "", &[], "more").await);
    let this = format!("/v2/objects/{}", created(&stored, "id"));
    let refused = gateway.send(Method::DELETE, &this, &[], "").await;
    assert_eq!(reason(&refused), "TOKENS_OFF");
}
