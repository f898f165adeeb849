//! The upload relay on a local network: the unmodified npm client stores through it, and only who
//! paid for a blob gets it distributed.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{io::Read as _, process::Stdio};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use walrus_core::{
    BlobId, ObjectId, SuiAddress, VerifiedMetadata,
    upload_relay::{AuthPayload, RelayedBlob},
};
use walrus_encoder::Encoder;
use walrus_sui::{
    Program, Signer, TransactionDigest, WalrusContract,
    contract::{BlobToCertify, BlobToRegister, Persistence, StorageSource, tip},
};
use walrus_tests::{
    CommandOutcome, TestNetwork,
    gateway::RunningGateway,
    npm::{Conversation, node},
    patience::eventually,
    random_bytes, run,
};

const NETWORK: [&str; 4] = ["--nodes", "4", "--shards", "10"];
const NONCE: [u8; 32] = [0x17; 32];
const TIP_MIST: u64 = 4_200;
/// Blobs that are stored while the relay dies, and their length.
const BLOBS: u64 = 6;
const LARGE: usize = 1_500_000;
const NO_TIP: &str = "tip_config: !no_tip\ntx_freshness_threshold_secs: 36000\n\
                      tx_max_future_threshold: { secs: 30, nanos: 0 }\n";

/// The second account is the relay's.
fn relay_account(network: &TestNetwork) -> SuiAddress {
    let address = network.ready["accounts"][1]["address"].as_str().unwrap();
    address.parse().unwrap()
}

fn asking(network: &TestNetwork, kind: &str, freshness_secs: u64) -> String {
    let address = relay_account(network);
    format!(
        "tip_config: !send_tip\n  address: '{address}'\n  kind: !{kind}\n\
         tx_freshness_threshold_secs: {freshness_secs}\n\
         tx_max_future_threshold: {{ secs: 30, nanos: 0 }}\n"
    )
}

/// Somebody who stores through a relay.
struct Client {
    contract: WalrusContract,
    encoder: Encoder,
    relay: SuiAddress,
}

/// A blob that is registered.
struct Registered {
    blob: Vec<u8>,
    metadata: VerifiedMetadata,
    object: ObjectId,
}

impl Client {
    async fn of(network: &TestNetwork) -> Self {
        let secret = network.ready["accounts"][0]["secret"].as_str().unwrap();
        let signer = Signer::from_suiprivkey(secret).unwrap();
        let reader = network.reader();
        let n_shards = reader.contract_state().await.unwrap().n_shards;
        Self {
            contract: WalrusContract::new(reader, signer),
            encoder: Encoder::new(n_shards).unwrap(),
            relay: relay_account(network),
        }
    }

    async fn register(&self, size: usize, seed: u64) -> Registered {
        let blob = random_bytes(size, seed);
        let metadata = self.encoder.metadata(&blob).unwrap();
        let storage = StorageSource::Buy(1);
        let wanted = BlobToRegister::new(&metadata, Persistence::Deletable, storage);
        let registered = self.contract.reserve_and_register(&[wanted]).await.unwrap();
        Registered {
            object: registered[0].blob.id,
            blob,
            metadata,
        }
    }

    /// Pays for a blob.
    async fn pay(&self, blob: &[u8], mist: u64, receiver: SuiAddress) -> TransactionDigest {
        let program = tip(&payload(blob), mist, receiver);
        self.run(&program).await
    }

    async fn run(&self, program: &Program) -> TransactionDigest {
        let executed = self.contract.executor().run(program).await;
        executed.unwrap().digest
    }
}

fn payload(blob: &[u8]) -> AuthPayload {
    AuthPayload {
        blob_digest: Sha256::digest(blob).into(),
        nonce_digest: Sha256::digest(NONCE).into(),
        unencoded_length: blob.len() as u64,
    }
}

impl Registered {
    fn blob_id(&self) -> BlobId {
        *self.metadata.blob_id()
    }

    /// The query of an upload, with the tip of a transaction.
    fn query(&self, paid: Option<TransactionDigest>) -> String {
        let (id, object) = (self.blob_id(), self.object);
        let paid = paid.map(|digest| {
            let nonce = URL_SAFE_NO_PAD.encode(NONCE);
            format!("&tx_id={digest}&nonce={nonce}")
        });
        let paid = paid.unwrap_or_default();
        format!("blob_id={id}&deletable_blob_object={object}{paid}")
    }
}

async fn post(relay: &RunningGateway, query: &str, body: impl Into<Bytes>) -> Response<Bytes> {
    let path = format!("/v1/blob-upload-relay?{query}");
    relay.send(Method::POST, &path, &[], body).await
}

fn certificate(answer: &Response<Bytes>) -> RelayedBlob {
    let text = String::from_utf8_lossy(answer.body());
    assert_eq!(answer.status(), StatusCode::OK, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn assert_refused(answer: &Response<Bytes>, status: u16, part: &str) {
    let text = String::from_utf8_lossy(answer.body());
    assert_eq!(answer.status().as_u16(), status, "{text}");
    assert!(text.contains(part), "{part:?} is missing in {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mysten_walrus_stores_through_a_relay() {
    let network = TestNetwork::start(&NETWORK);
    let ready = network.ready.to_string();
    let linear = "linear { base: 1000, encoded_size_mul_per_kib: 10 }";
    let relays = [
        (NO_TIP.to_owned(), None),
        (asking(&network, "const 42", 36_000), Some("1000")),
        (asking(&network, linear, 36_000), Some("1000000")),
    ];
    for (seed, (config, tip_max)) in relays.into_iter().enumerate() {
        let relay = RunningGateway::start_relay(&network, &config, &[]);
        let seed = (seed + 1).to_string();
        let mut command = node("tour-node.mjs");
        command.args([&ready, &seed, &relay.url]).args(tip_max);
        let toured = run(&mut command).json();
        let kept = toured["kept"].as_str().unwrap();
        assert_eq!(network.read(kept).len(), 1);
        let uploaded = relay.metric("walrus_upload_relay_blobs_uploaded_total ");
        assert_eq!(uploaded.await, 4, "two blobs and two quilts");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_paid_gets_a_certificate_that_the_chain_accepts() {
    let network = TestNetwork::start(&NETWORK);
    let (client, relay, _) = with_tips(&network).await;
    let asked = relay.get("/v1/tip-config").await;
    let asked: Value = serde_json::from_slice(asked.body()).unwrap();
    assert_eq!(asked["send_tip"]["kind"]["const"], TIP_MIST);

    let registered = client.register(50_000, 1).await;
    let paid = client.pay(&registered.blob, TIP_MIST, client.relay).await;
    let query = registered.query(Some(paid));
    let answer = post(&relay, &query, registered.blob.clone()).await;
    let relayed = certificate(&answer);
    assert_eq!(relayed.blob_id, registered.blob_id());
    let to_certify = BlobToCertify {
        object_id: registered.object,
        certificate: relayed.confirmation_certificate,
    };
    client.contract.certify(&[to_certify]).await.unwrap();
    assert!(network.read(&registered.blob_id().to_string()) == registered.blob);

    // The same again is harmless, and paid for.
    let again = post(&relay, &query, registered.blob.clone()).await;
    certificate(&again);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_paid_for_is_refused() {
    let network = TestNetwork::start(&NETWORK);
    let client = Client::of(&network).await;
    let config = asking(&network, &format!("const {TIP_MIST}"), 36_000);
    let limit = ["--max-body-size", "1MiB", "--max-memory", "4MiB"];
    let relay = RunningGateway::start_relay(&network, &config, &limit);
    let blob = client.register(20_000, 2).await;
    let other = client.register(20_000, 3).await;
    let bytes = || blob.blob.clone();
    let paid = client.pay(&blob.blob, TIP_MIST, client.relay).await;

    assert_refused(
        &post(&relay, &blob.query(None), bytes()).await,
        400,
        "tx_id",
    );
    let small = client.pay(&blob.blob, TIP_MIST - 1, client.relay).await;
    assert_refused(
        &post(&relay, &blob.query(Some(small)), bytes()).await,
        402,
        "too small",
    );
    let elsewhere = client.contract.address();
    let elsewhere = client.pay(&blob.blob, TIP_MIST, elsewhere).await;
    assert_refused(
        &post(&relay, &blob.query(Some(elsewhere)), bytes()).await,
        402,
        "no tip",
    );

    // A transaction of this client for one blob does not pay for another, nor without the nonce.
    let replayed = post(&relay, &other.query(Some(paid)), other.blob.clone()).await;
    assert_refused(&replayed, 401, "not the one");
    let stolen = blob.query(Some(paid)).replace(
        &URL_SAFE_NO_PAD.encode(NONCE),
        &URL_SAFE_NO_PAD.encode([0x18; 32]),
    );
    assert_refused(&post(&relay, &stolen, bytes()).await, 401, "nonce");
    let longer = [&blob.blob[..], &[0]].concat();
    assert_refused(
        &post(&relay, &blob.query(Some(paid)), longer).await,
        401,
        "bytes",
    );
    let mut forged = bytes();
    forged[0] ^= 1;
    assert_refused(
        &post(&relay, &blob.query(Some(paid)), forged).await,
        401,
        "not the one",
    );
    // The right bytes under the ID of others.
    let misnamed = other.query(Some(paid));
    assert_refused(&post(&relay, &misnamed, bytes()).await, 400, "has ID");

    let mut plain = Program::new();
    let gas = plain.gas(TIP_MIST);
    let amount = plain.pure(&TIP_MIST);
    let coins = plain.split_coins(gas, vec![amount]);
    let receiver = plain.pure_bytes(client.relay.0.to_vec());
    plain.transfer_objects(coins, receiver);
    let plain = client.run(&plain).await;
    assert_refused(
        &post(&relay, &blob.query(Some(plain)), bytes()).await,
        401,
        "72 bytes",
    );

    let oversized = post(&relay, &blob.query(Some(paid)), vec![0; (1 << 20) + 1]).await;
    assert_refused(&oversized, 413, "length limit exceeded");
    assert_refused(&post(&relay, "blob_id=x", "").await, 400, "blob_id");
    assert_refused(
        &post(&relay, &format!("{}&extra=1", blob.query(None)), "").await,
        400,
        "unknown field",
    );
    assert_eq!(
        relay
            .metric("walrus_upload_relay_blobs_uploaded_total ")
            .await,
        0
    );
    assert_eq!(
        relay
            .metric("walrus_upload_relay_tip_check_error_total ")
            .await,
        2
    );
    assert_eq!(
        relay
            .metric("walrus_upload_relay_blob_id_mismatch_total ")
            .await,
        1
    );
    // And all the same, what was paid for is distributed.
    certificate(&post(&relay, &blob.query(Some(paid)), bytes()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_registered_is_not_stored() {
    let network = TestNetwork::start(&NETWORK);
    let relay = RunningGateway::start_relay(&network, NO_TIP, &[]);
    let client = Client::of(&network).await;
    let blob = random_bytes(1_000, 4);
    let metadata = client.encoder.metadata(&blob).unwrap();
    let query = format!("blob_id={}", metadata.blob_id());
    let answer = post(&relay, &query, blob).await;
    assert_refused(&answer, 500, "internal client error");
    assert_refused(&answer, 500, "registered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_on_its_way_is_waited_for() {
    let network = TestNetwork::start(&NETWORK);
    let (client, relay, _) = with_tips(&network).await;
    let blob = client.register(1_000, 5).await;
    let never = TransactionDigest::new([9; 32]);
    let unknown = post(&relay, &blob.query(Some(never)), blob.blob.clone()).await;
    assert_refused(&unknown, 404, "not on chain yet");
    assert_eq!(unknown.headers()["retry-after"], "1");

    // Signed, so that its digest is known; sent only after the upload has begun.
    let executor = client.contract.executor();
    let program = tip(&payload(&blob.blob), TIP_MIST, client.relay);
    let draft = executor.composer().draft(&program).await.unwrap();
    let digest = draft.digest();
    let query = blob.query(Some(digest));
    let upload = post(&relay, &query, blob.blob.clone());
    let send = async {
        // Any number of questions may have been answered with no by now, none needs to.
        tokio::task::yield_now().await;
        executor.run(&program).await.unwrap().digest
    };
    let (answer, sent) = tokio::join!(upload, send);
    assert_eq!(sent, digest, "the same program makes the same transaction");
    certificate(&answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn tips_of_another_time_are_refused() {
    let network = TestNetwork::start(&NETWORK);
    let client = Client::of(&network).await;
    let config = asking(&network, &format!("const {TIP_MIST}"), 3_600);
    let relay = RunningGateway::start_relay(&network, &config, &[]);
    let blob = client.register(1_000, 6).await;
    // The chain's clock goes ahead of the relay's.
    let ahead = network.localnet(&["clock", "+2h"]);
    assert!(ahead.success, "{}", ahead.stderr);
    let paid = client.pay(&blob.blob, TIP_MIST, client.relay).await;
    let answer = post(&relay, &blob.query(Some(paid)), blob.blob.clone()).await;
    assert_refused(&answer, 400, "future");
}

/// A relay that wants [`TIP_MIST`] for a blob, with its configuration, and who uses it.
async fn with_tips(network: &TestNetwork) -> (Client, RunningGateway, String) {
    let client = Client::of(network).await;
    let config = asking(network, &format!("const {TIP_MIST}"), 36_000);
    let relay = RunningGateway::start_relay(network, &config, &[]);
    (client, relay, config)
}

/// What the account of the relay has got so far, in MIST.
async fn tips(client: &Client) -> u64 {
    let reader = client.contract.reader();
    reader.refresh().await;
    reader.sui_balance_mist(client.relay).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_killed_under_load_loses_no_tip() {
    let network = TestNetwork::start(&NETWORK);
    let (client, mut relay, config) = with_tips(&network).await;
    let address = relay.address().to_owned();
    let before = tips(&client).await;

    // It dies while our own command stores, and comes back: the command sends again what has no
    // certificate, with the tips it has paid.
    let files: Vec<_> = (10..10 + BLOBS)
        .map(|seed| network.random_file(LARGE, seed))
        .collect();
    let mut store = network
        .walrus_command()
        .args([
            "store",
            "--epochs",
            "1",
            "--json",
            "--skip-tip-confirmation",
        ])
        .args(["--upload-relay", &relay.url])
        .args(&files)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("the relay has stored a blob", async || {
        let ended = store.try_wait().unwrap();
        assert!(ended.is_none(), "it stores");
        relay
            .metric("walrus_upload_relay_blobs_uploaded_total ")
            .await
            > 0
    })
    .await;
    relay.kill();
    relay = RunningGateway::start_relay_at(&address, &network, &config, &[]);
    let stored = CommandOutcome::from(store.wait_with_output().unwrap()).json();
    for (index, file) in files.iter().enumerate() {
        let id = stored[index].pointer("/blobStoreResult/newlyCreated/blobObject/blobId");
        let id = id
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("{stored}"));
        assert!(network.read(id) == std::fs::read(file).unwrap());
    }
    assert_eq!(tips(&client).await - before, BLOBS * TIP_MIST);

    // It dies while it receives a blob that is paid for: whoever sends it again does not pay again.
    let registered = client.register(LARGE, 1).await;
    let paid = client.pay(&registered.blob, TIP_MIST, client.relay).await;
    let query = registered.query(Some(paid));
    let head = format!(
        "POST /v1/blob-upload-relay?{query} HTTP/1.1\r\nHost: a\r\nContent-Length: {LARGE}\r\n\r\n"
    );
    let half = [head.as_bytes(), &registered.blob[..LARGE / 2]].concat();
    let mut cut_off = relay.connect(&half);
    relay.kill();
    let mut nothing = Vec::new();
    // A reset is as good as an end.
    let _ = cut_off.read_to_end(&mut nothing);
    assert!(nothing.is_empty(), "there is no answer to half a blob");
    relay = RunningGateway::start_relay_at(&address, &network, &config, &[]);
    let relayed = certificate(&post(&relay, &query, registered.blob.clone()).await);
    let to_certify = BlobToCertify {
        object_id: registered.object,
        certificate: relayed.confirmation_certificate,
    };
    client.contract.certify(&[to_certify]).await.unwrap();
    assert!(network.read(&registered.blob_id().to_string()) == registered.blob);
    assert_eq!(tips(&client).await - before, (BLOBS + 1) * TIP_MIST);
}

#[tokio::test(flavor = "multi_thread")]
async fn mysten_walrus_goes_on_when_a_relay_that_was_killed_is_back() {
    let network = TestNetwork::start(&NETWORK);
    let (client, mut relay, config) = with_tips(&network).await;
    let address = relay.address().to_owned();
    let before = tips(&client).await;
    // No node answers, so the relay has the blob and cannot be done with it.
    let nodes = ["node-0", "node-1", "node-2", "node-3"];
    let all = |what: &str| {
        let outcome = network.localnet(&[&["fault", what], &nodes[..]].concat());
        assert!(outcome.success, "{}", outcome.stderr);
    };
    all("pause");
    let asked = json!({
        "ready": network.ready, "relay": relay.url, "size": LARGE, "tipMax": TIP_MIST,
    });
    let mut page = Conversation::start("relay-killed.mjs", &asked);
    assert_eq!(page.question().unwrap(), json!({"step": "encoded"}));
    assert_eq!(page.question().unwrap(), json!({"step": "registered"}));
    let held = "walrus_queue_size{name=\"upload_bytes\"} ";
    eventually("the relay has the blob", async || {
        relay.metric(held).await >= LARGE as u64
    })
    .await;
    relay.kill();
    let failed = page.question().unwrap();
    assert!(failed["failed"].is_string(), "{failed}");

    all("resume");
    relay = RunningGateway::start_relay_at(&address, &network, &config, &[]);
    page.answer(&json!("back"));
    let steps = ["encoded", "uploaded", "certified"];
    let stored = std::iter::from_fn(|| page.question()).find(|said| {
        let step = said["step"].as_str();
        assert!(step.is_none_or(|step| steps.contains(&step)), "{said}");
        step.is_none()
    });
    let stored = stored.unwrap();
    let expected = (0..LARGE).map(|index| u8::try_from((index * 31 + 7) % 251).unwrap());
    let read = network.read(stored["blobId"].as_str().unwrap());
    assert!(read == expected.collect::<Vec<u8>>());
    let uploaded = relay.metric("walrus_upload_relay_blobs_uploaded_total ");
    assert_eq!(uploaded.await, 1);
    assert_eq!(tips(&client).await - before, TIP_MIST, "it is paid once");
}
