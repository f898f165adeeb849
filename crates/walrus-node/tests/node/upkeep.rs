//! What an operator changes while the node runs, and what the node tells about itself.

use std::{fs, path::Path, time::SystemTime};

use axum::{Json, Router, routing::get};
use rcgen::{CertificateParams, KeyPair};
use reqwest::StatusCode;
use serde_json::{Value, json};
use walrus_core::{Frost, SliverType, node_api::paths};
use walrus_node::{
    StorageNode,
    config::{Currency, PriceMonitorConfig},
};

use crate::harness::{OWNED, ScriptedChain, TestBlob, TestNode, config, eventually, network_key};

/// Metrics operators of existing nodes alert on.
const NAMES: [&str; 9] = [
    "walrus_event_processor_latest_downloaded_checkpoint ",
    r#"walrus_event_cursor_progress{state="persisted"} "#,
    r#"walrus_event_cursor_progress{state="pending"} "#,
    r#"walrus_event_cursor_progress{state="highest_finished"} "#,
    "walrus_current_node_status ",
    "walrus_storage_confirmations_issued_total ",
    "walrus_sui_balance_mist ",
    "walrus_blocklist_size ",
    "http_server_tls_certificate_not_after_seconds ",
];

/// Labels of the request metrics.
const LABELS: [&str; 6] = [
    "http_request_method",
    "url_scheme",
    "http_route",
    "network_protocol_version",
    "error_type",
    "http_response_status_code",
];

async fn reason(test: &TestNode, path: &str) -> (StatusCode, Value) {
    let answer = test.get(path).await;
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    (status, body["error"]["details"][0]["reason"].clone())
}

#[tokio::test]
async fn metrics_have_the_names_and_labels_operators_know() {
    let test = TestNode::start().await;
    test.get(paths::HEALTH).await;
    let text = test.metrics().await;
    for name in NAMES {
        assert!(text.lines().any(|line| line.starts_with(name)), "{name}");
    }
    let request = text
        .lines()
        .find(|line| line.starts_with("http_server_request_duration_seconds_count"))
        .unwrap();
    for label in LABELS {
        assert!(request.contains(&format!("{label}=")), "{label}: {request}");
    }
    assert_eq!(test.metric("walrus_sui_balance_mist").await, 3_000_000_000);
}

#[tokio::test]
async fn records_have_the_same_digest_on_nodes_that_saw_the_same_events() {
    let digest_of = async |second_blob: u8| {
        let test = TestNode::start().await;
        for seed in [1, second_blob] {
            let blob = TestBlob::new(seed, 100);
            test.chain.register(blob.id(), seed, 9);
        }
        test.chain.begin_epoch(2, OWNED);
        test.caught_up().await;
        test.metric(r#"walrus_blob_info_consistency_check{epoch="2"}"#)
            .await
    };
    let (one, same, other) = (digest_of(2).await, digest_of(2).await, digest_of(3).await);
    assert_eq!(one, same);
    assert!(one != other && one != 0);
}

#[tokio::test]
async fn blocked_blobs_are_refused_to_readers_and_the_list_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("blocked.yaml");
    let (blob, other) = (TestBlob::new(1, 3_000), TestBlob::new(2, 3_000));
    fs::write(&list, "[]").unwrap();
    let path = list.clone();
    let test = TestNode::start_with(move |config| config.blocklist_path = Some(path)).await;
    test.store(&blob, 9).await;
    test.store(&other, 9).await;
    test.assert_serves(&blob).await;

    fs::write(&list, format!("- {}\n", blob.id())).unwrap();
    test.node().reload().await;
    assert_eq!(test.metric("walrus_blocklist_size").await, 1);
    let pair = blob.pair_of(OWNED[0]);
    let forbidden = (
        StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS,
        json!("FORBIDDEN_BLOB"),
    );
    for path in [
        paths::metadata(&blob.id()),
        paths::sliver(&blob.id(), pair, SliverType::Primary),
        paths::recovery_symbols(&blob.id()) + "?targetSliver=0&targetType=primary",
        paths::decoding_symbols(&blob.id()) + "?targetSlivers=0&targetType=primary",
    ] {
        assert_eq!(reason(&test, &path).await, forbidden, "{path}");
    }
    test.assert_serves(&other).await;
    // It is still stored and confirmed.
    let confirmation = test.get(&paths::permanent_confirmation(&blob.id())).await;
    assert_eq!(confirmation.status(), StatusCode::OK);
    // What nobody has registered is not found, blocked or not.
    let unknown = TestBlob::new(3, 10).id();
    fs::write(&list, format!("- {unknown}\n- {}\n", blob.id())).unwrap();
    test.node().reload().await;
    let answer = reason(&test, &paths::metadata(&unknown)).await;
    assert_eq!(answer, (StatusCode::NOT_FOUND, json!("METADATA_NOT_FOUND")));

    // Half a list blocks what the whole one did.
    fs::write(&list, "- AAAA").unwrap();
    test.node().reload().await;
    assert_eq!(reason(&test, &paths::metadata(&blob.id())).await, forbidden);
    fs::write(&list, "").unwrap();
    test.node().reload().await;
    test.assert_serves(&blob).await;
}

#[tokio::test]
async fn a_block_list_that_cannot_be_read_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.blocklist_path = Some(folder.path().join("nowhere.yaml"));
    let started = StorageNode::start_with_chain(config, ScriptedChain::new()).await;
    let error = started.err().unwrap();
    assert!(error.to_string().contains("nowhere.yaml"), "{error}");
    assert_eq!(error.exit_code(), 2);
}

fn write_certificate(path: &Path, year: i32) -> Vec<u8> {
    let pair = KeyPair::from_pem(&network_key().to_pkcs8_pem()).unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(year, 1, 1);
    let certificate = params.self_signed(&pair).unwrap();
    fs::write(path, certificate.pem()).unwrap();
    certificate.der().to_vec()
}

/// The certificate a new connection is shown.
async fn served_certificate(test: &TestNode) -> Vec<u8> {
    let trusting = reqwest::Client::builder()
        .no_proxy()
        .tls_info(true)
        .tls_danger_accept_invalid_certs(true)
        .build()
        .unwrap();
    let url = test.url(paths::HEALTH).replace("http:", "https:");
    let answer = trusting.get(url).send().await.unwrap();
    let info = answer.extensions().get::<reqwest::tls::TlsInfo>().unwrap();
    info.peer_certificate().unwrap().to_vec()
}

#[tokio::test]
async fn a_new_certificate_is_served_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("certificate.pem");
    let first = write_certificate(&path, 2100);
    let file = path.clone();
    let test = TestNode::start_with(move |config| {
        config.tls.disable_tls = false;
        config.tls.certificate_path = Some(file);
    })
    .await;
    assert_eq!(served_certificate(&test).await, first);
    let not_after = "http_server_tls_certificate_not_after_seconds";
    let ends = test.metric(not_after).await;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    assert!(ends > now.unwrap().as_secs());

    let second = write_certificate(&path, 2101);
    test.node().reload().await;
    assert_eq!(served_certificate(&test).await, second);
    assert!(test.metric(not_after).await > ends);

    fs::remove_file(&path).unwrap();
    test.node().reload().await;
    assert_eq!(served_certificate(&test).await, second);
}

#[tokio::test]
async fn prices_in_dollars_are_voted_for_in_wal() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/price", listener.local_addr().unwrap());
    let price = || async { Json(json!({"walrus": {"usd": "0.25"}})) };
    let source = tokio::spawn(async move {
        let router = Router::new().route("/price", get(price));
        axum::serve(listener, router).await
    });
    let test = TestNode::start_with(|config| {
        config.voting_params.currency = Currency::NanoUsd;
        config.voting_params.storage_price = Some(20_000);
        config.voting_params.node_capacity = Some(7);
        config.wal_price_monitor = Some(PriceMonitorConfig {
            url,
            pointer: "/walrus/usd".to_owned(),
            interval_secs: 600,
        });
    })
    .await;
    eventually(|| async {
        let announced = test.chain.announced.borrow().clone();
        announced.is_some_and(|wanted| wanted.votes.storage_price == Some(Frost(80_000)))
    })
    .await;
    let announced = test.chain.announced.borrow().clone().unwrap();
    assert_eq!(announced.price_tolerance_percent, 10);
    assert_eq!(announced.votes.write_price, None);
    source.abort();
}

#[tokio::test]
async fn without_a_price_the_votes_stay_as_they_are() {
    let test = TestNode::start_with(|config| {
        config.voting_params.currency = Currency::NanoUsd;
        config.voting_params.storage_price = Some(20_000);
        config.wal_price_monitor = Some(PriceMonitorConfig {
            url: "http://127.0.0.1:1/".to_owned(),
            pointer: "/usd".to_owned(),
            interval_secs: 600,
        });
    })
    .await;
    eventually(|| async { test.chain.announced.borrow().is_some() }).await;
    let announced = test.chain.announced.borrow().clone().unwrap();
    assert_eq!(announced.votes.storage_price, None);
    assert_eq!(announced.name.as_deref(), Some("test-node"));
}
