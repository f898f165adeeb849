//! `NodeClient` against small servers: TLS with right and wrong keys, envelopes, limits, time-outs.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    http::{StatusCode, Version},
    response::IntoResponse,
    routing::{get, post},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring::default_provider,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};
use walrus_client::{
    config::{CommunicationConfig, NodeScheme},
    node::{NodeClient, NodeError, SyncedSliver},
};
use walrus_core::{
    BlobId, NShards, NetworkKeyPair, PrimarySliver, ProtocolKeyPair, ShardIndex, Sliver,
    SliverIndex, SliverPairIndex, SliverType,
    keys::tls_server_name,
    messages::{BlobPersistence, SyncShardRequest, SyncShardResponse},
    node_api::{BlobStatus, ErrorReason, paths},
    sliver::Primary,
};

const BLOB: BlobId = BlobId([1; 32]);
const PAIR: SliverPairIndex = SliverPairIndex(3);

fn n_shards() -> NShards {
    NShards::new(10).unwrap()
}

fn plain() -> CommunicationConfig {
    CommunicationConfig {
        node_scheme: NodeScheme::Http,
        ..CommunicationConfig::default()
    }
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

async fn client_of(app: Router) -> NodeClient {
    let address = serve(app).await;
    NodeClient::new(&address.to_string(), None, n_shards(), &plain()).unwrap()
}

/// A server with a self-signed certificate of `key`; answers every status request with the HTTP
/// version.
async fn serve_tls(key: &NetworkKeyPair, expired: bool) -> SocketAddr {
    let pair = rcgen::KeyPair::try_from(key.to_pkcs8_der().as_slice()).unwrap();
    let mut parameters =
        rcgen::CertificateParams::new(vec![tls_server_name(&key.public())]).unwrap();
    if expired {
        parameters.not_after = rcgen::date_time_ymd(2000, 1, 1);
    }
    let certificate = parameters.self_signed(&pair).unwrap();
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.to_pkcs8_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(certificate.der().to_vec())],
            private,
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().route(
        paths::BLOB_STATUS,
        get(|version: Version| async move {
            assert_eq!(version, Version::HTTP_2);
            r#"{"success":{"code":200,"data":"nonexistent"}}"#
        }),
    );
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, app) = (acceptor.clone(), app.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let service = TowerToHyperService::new(app);
                let server = auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

fn tls_client(address: SocketAddr, key: &NetworkKeyPair) -> NodeClient {
    let config = CommunicationConfig::default();
    NodeClient::new(
        &address.to_string(),
        Some(&key.public()),
        n_shards(),
        &config,
    )
    .unwrap()
}

#[tokio::test]
async fn the_registered_key_is_accepted_whatever_the_certificate_says() {
    for seed in 1..4 {
        let key = NetworkKeyPair::from_seed([seed; 32]);
        for expired in [false, true] {
            let client = tls_client(serve_tls(&key, expired).await, &key);
            assert_eq!(
                client.blob_status(&BLOB).await,
                Ok(BlobStatus::Nonexistent),
                "{seed} {expired}"
            );
        }
    }
}

#[tokio::test]
async fn any_other_key_is_refused() {
    let (registered, other) = (
        NetworkKeyPair::from_seed([1; 32]),
        NetworkKeyPair::from_seed([2; 32]),
    );
    let client = tls_client(serve_tls(&other, false).await, &registered);
    assert_eq!(
        client.blob_status(&BLOB).await,
        Err(NodeError::WrongNetworkKey)
    );
}

#[tokio::test]
async fn plain_text_is_no_substitute_for_tls() {
    let address = serve(Router::new()).await;
    let client = tls_client(address, &NetworkKeyPair::from_seed([1; 32]));
    let error = client.blob_status(&BLOB).await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");
}

#[tokio::test]
async fn tls_needs_a_key_and_an_address() {
    let config = CommunicationConfig::default();
    let error = NodeClient::new("127.0.0.1:1", None, n_shards(), &config).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("its network key on chain is no key"),
        "{error}"
    );
    for address in [
        "",
        "user@host:1",
        "host:1/path",
        "host:99999",
        "host?query",
        "a b",
    ] {
        assert!(
            NodeClient::new(address, None, n_shards(), &plain()).is_err(),
            "{address:?}"
        );
    }
}

#[tokio::test]
async fn refusals_carry_the_reason_of_the_envelope() {
    let app = Router::new().route(
        paths::SLIVER,
        get(|| async {
            let body = r#"{"error":{"status":"FAILED_PRECONDITION","code":400,"message":"not mine\nsecond line",
                "details":[{"@type":"ErrorInfo","reason":"SHARD_NOT_ASSIGNED","domain":"storage.walrus.space","metadata":{}}]}}"#;
            (StatusCode::BAD_REQUEST, body)
        }),
    );
    let client = client_of(app).await;
    let error = client
        .sliver::<Primary>(&BLOB, PAIR, SliverType::Primary, 100)
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Some(ErrorReason::ShardNotAssigned));
    assert_eq!(
        error.to_string(),
        "refused with SHARD_NOT_ASSIGNED: not mine"
    );
}

#[tokio::test]
async fn refusals_without_an_envelope_are_understood() {
    let app = Router::new().route(
        paths::METADATA,
        get(|| async { (StatusCode::PAYLOAD_TOO_LARGE, "length limit exceeded") }),
    );
    let error = client_of(app).await.metadata(&BLOB).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "refused with status 413: length limit exceeded"
    );
    assert!(!error.is_retriable());
    let unknown_route = client_of(Router::new())
        .await
        .metadata(&BLOB)
        .await
        .unwrap_err();
    assert!(unknown_route.is_not_found());
}

#[tokio::test]
async fn both_forms_of_nonexistence_are_understood() {
    let by_status = client_of(Router::new()).await;
    assert_eq!(
        by_status.blob_status(&BLOB).await,
        Ok(BlobStatus::Nonexistent)
    );
}

#[tokio::test]
async fn answers_of_the_wrong_form_are_no_answers() {
    for body in [
        "",
        "{}",
        "null",
        r#"{"success":{"code":200}}"#,
        r#"{"success":{"code":200,"data":"stored?"}}"#,
    ] {
        let app = Router::new()
            .route(paths::METADATA_STATUS, get(move || async move { body }))
            .route(
                paths::PERMANENT_CONFIRMATION,
                get(move || async move { body }),
            )
            .route(paths::METADATA, get(move || async move { body }));
        let client = client_of(app).await;
        let invalid = |error: NodeError| matches!(error, NodeError::InvalidAnswer(_));
        assert!(
            invalid(client.metadata_status(&BLOB).await.unwrap_err()),
            "{body}"
        );
        assert!(invalid(client.metadata(&BLOB).await.unwrap_err()), "{body}");
        let confirmation = client
            .confirmation(&BLOB, &BlobPersistence::Permanent, Duration::ZERO)
            .await;
        assert!(invalid(confirmation.unwrap_err()), "{body}");
    }
}

#[tokio::test]
async fn answers_beyond_the_limit_are_cut_off() {
    // Chunked: no length is announced, so the limit must hold while reading.
    let app = Router::new().route(
        paths::SLIVER,
        get(|| async {
            let chunks = futures::stream::repeat_with(|| {
                Ok::<_, std::convert::Infallible>(vec![0_u8; 1024])
            });
            axum::body::Body::from_stream(chunks).into_response()
        }),
    );
    let client = client_of(app).await;
    let download = client.sliver::<Primary>(&BLOB, PAIR, SliverType::Primary, 10_000);
    let error = download.await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid answer: the answer is longer than 10128 bytes"
    );
    // Announced: refused before the first byte is kept.
    let app = Router::new().route(paths::SLIVER, get(|| async { vec![0_u8; 20_000] }));
    let client = client_of(app).await;
    let download = client.sliver::<Primary>(&BLOB, PAIR, SliverType::Primary, 10_000);
    assert!(matches!(download.await, Err(NodeError::InvalidAnswer(_))));
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = NodeClient::new(&address.to_string(), None, n_shards(), &plain()).unwrap();
    let error = client.blob_status(&BLOB).await.unwrap_err();
    assert!(matches!(error, NodeError::Unreachable(_)), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn silence_ends_with_the_configured_time_out() {
    let app = Router::new().route(paths::BLOB_STATUS, get(std::future::pending::<()>));
    let address = serve(app).await;
    let config = CommunicationConfig {
        total_timeout: Duration::from_millis(50),
        ..plain()
    };
    let client = NodeClient::new(&address.to_string(), None, n_shards(), &config).unwrap();
    let error = client.blob_status(&BLOB).await.unwrap_err();
    assert_eq!(error, NodeError::Timeout(Duration::from_millis(50)));
}

#[tokio::test]
async fn long_polls_ask_for_the_wait() {
    let app = Router::new().route(
        paths::PERMANENT_CONFIRMATION,
        get(|uri: axum::http::Uri| async move {
            (
                StatusCode::IM_A_TEAPOT,
                uri.query().unwrap_or("none").to_owned(),
            )
        }),
    );
    let client = client_of(app).await;
    let query = async |wait| {
        let error = client
            .confirmation(&BLOB, &BlobPersistence::Permanent, wait)
            .await
            .unwrap_err();
        error.to_string()
    };
    assert!(query(Duration::ZERO).await.ends_with("none"));
    let asked = query(Duration::from_millis(1500)).await;
    assert!(
        asked.ends_with("wait_for_registration=true&wait_millis=1500"),
        "{asked}"
    );
}

/// Longest sliver that [`synced`] takes.
const SLIVER_BYTES_MAX: usize = 40;

/// A server that hands out `body` in parts of `part` bytes, and what the client makes of it.
async fn synced(body: Vec<u8>, part: usize) -> Result<Vec<SyncedSliver>, NodeError> {
    let app = Router::new().route(
        paths::SYNC_SHARD,
        post(move || async move {
            let parts: Vec<_> = body.chunks(part).map(<[u8]>::to_vec).collect();
            axum::body::Body::from_stream(futures::stream::iter(
                parts.into_iter().map(Ok::<_, std::io::Error>),
            ))
        }),
    );
    let client = client_of(app).await;
    let key = ProtocolKeyPair::from_seed([1; 32]);
    let request = SyncShardRequest::V1 {
        shard_index: ShardIndex(1),
        sliver_type: SliverType::Primary,
        starting_blob_id: BlobId([0; 32]),
        sliver_count: 3,
        epoch: 2,
    };
    let signed = key.sign_message(2, request);
    let mut stream = client
        .sync_shard(&key.public(), &signed, SLIVER_BYTES_MAX)
        .await?;
    let mut slivers = Vec::new();
    while let Some(sliver) = stream.next().await? {
        slivers.push(sliver);
    }
    Ok(slivers)
}

fn shard_part(count: u8, length: usize) -> Vec<u8> {
    let sliver = |tag: u8| {
        let size = std::num::NonZeroU16::new(2).unwrap();
        let data = PrimarySliver::new(vec![tag; length], size, SliverIndex(tag.into()));
        (BlobId([tag; 32]), Sliver::from(data))
    };
    let slivers = (0..count).map(sliver).collect();
    bcs::to_bytes(&SyncShardResponse::V1(slivers)).unwrap()
}

#[tokio::test]
async fn shards_are_read_sliver_by_sliver_however_they_arrive() {
    for part in [1, 7, 1_000] {
        let slivers = synced(shard_part(3, 40), part).await.unwrap();
        assert_eq!(slivers.len(), 3);
        for (tag, sliver) in (0..).zip(&slivers) {
            assert_eq!(sliver.blob_id, BlobId([tag; 32]));
            let data: PrimarySliver = bcs::from_bytes(&sliver.bytes).unwrap();
            assert_eq!(data.symbols.data, [tag; 40]);
        }
    }
    assert_eq!(synced(shard_part(0, 0), 1).await, Ok(Vec::new()));
}

#[tokio::test]
async fn shards_of_another_form_are_refused() {
    let good = shard_part(3, 40);
    let mut other_version = good.clone();
    other_version[0] = 1;
    let mut other_axis = good.clone();
    other_axis[2 + 32] = 1;
    let mut no_length = good.clone();
    no_length[2 + 33..2 + 33 + 6].fill(0xff);
    for body in [
        good[..good.len() - 1].to_vec(),
        [&good[..], &[0]].concat(),
        Vec::new(),
        vec![0, 0xff, 0xff],
        other_version,
        other_axis,
        no_length,
        shard_part(4, 40),
        shard_part(3, 42),
    ] {
        let error = synced(body, 64).await.unwrap_err();
        assert!(matches!(error, NodeError::InvalidAnswer(_)), "{error}");
    }
}
