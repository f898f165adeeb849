//! HTTP versions, TLS, CORS, slow peers and shutdown.

use std::{sync::Arc, time::Duration};

use reqwest::{Method, StatusCode, Version};
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use walrus_core::node_api::paths;

use crate::harness::{TestBlob, TestNode, client, network_key};

#[tokio::test]
async fn both_http_versions_on_one_port() {
    let test = TestNode::start().await;
    let response = test.get("/v1/health").await;
    assert_eq!(
        (response.status(), response.version()),
        (StatusCode::OK, Version::HTTP_11)
    );
    client();
    let http2 = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    let response = http2.get(test.url("/v1/health")).send().await.unwrap();
    assert_eq!(
        (response.status(), response.version()),
        (StatusCode::OK, Version::HTTP_2)
    );
}

/// Accepts a certificate if it carries the node's network key, like clients that pin.
#[derive(Debug)]
struct Pinned;

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let spki = network_key().public().to_spki_der().unwrap();
        assert!(end_entity.windows(spki.len()).any(|window| window == spki));
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[tokio::test]
async fn tls_with_the_network_key_with_and_without_negotiation() {
    let test = TestNode::start_with(|config| config.tls.disable_tls = false).await;
    let mut tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned))
        .with_no_client_auth();
    let url = format!("https://{}/v1/health", test.node().addr());
    let builder = |tls: &ClientConfig| {
        reqwest::Client::builder()
            .no_proxy()
            .tls_backend_preconfigured(tls.clone())
    };

    // No ALPN, the HTTP/2 preface straight away.
    let plain = builder(&tls).http2_prior_knowledge().build().unwrap();
    let response = plain.get(&url).send().await.unwrap();
    assert_eq!(
        (response.status(), response.version()),
        (StatusCode::OK, Version::HTTP_2)
    );

    // No ALPN, HTTP/1.1.
    let plain = builder(&tls).http1_only().build().unwrap();
    let response = plain.get(&url).send().await.unwrap();
    assert_eq!(
        (response.status(), response.version()),
        (StatusCode::OK, Version::HTTP_11)
    );

    tls.alpn_protocols = vec![b"h2".to_vec()];
    let negotiating = builder(&tls).build().unwrap();
    let response = negotiating.get(&url).send().await.unwrap();
    assert_eq!(
        (response.status(), response.version()),
        (StatusCode::OK, Version::HTTP_2)
    );

    // Plain HTTP gets nowhere.
    assert!(
        test.client()
            .get(url.replace("https", "http"))
            .send()
            .await
            .is_err()
    );
}

#[tokio::test]
async fn any_origin_may_use_any_route() {
    let test = TestNode::start().await;
    let id = TestBlob::new(1, 10).id();
    let preflight = test
        .client()
        .request(Method::OPTIONS, test.url(&paths::metadata(&id)))
        .header("Origin", "https://example.com")
        .header("Access-Control-Request-Method", "PUT")
        .header("Access-Control-Request-Headers", "content-type")
        .send()
        .await
        .unwrap();
    assert!(preflight.status().is_success());
    for header in [
        "access-control-allow-origin",
        "access-control-allow-methods",
        "access-control-allow-headers",
    ] {
        assert_eq!(preflight.headers()[header], "*", "{header}");
    }
    let plain = test
        .client()
        .get(test.url(&paths::blob_status(&id)))
        .header("Origin", "https://example.com")
        .send()
        .await
        .unwrap();
    assert_eq!(plain.headers()["access-control-allow-origin"], "*");
}

#[tokio::test]
async fn shutdown_answers_the_requests_it_has() {
    let mut test = TestNode::start().await;
    let blob = TestBlob::new(1, 10_000);
    test.chain.register(blob.id(), 1, 9);
    test.caught_up().await;
    // A request whose body is still under way when the node is told to stop.
    let mut stream = TcpStream::connect(test.node().addr()).await.unwrap();
    let body = blob.metadata_body();
    let head = format!(
        "PUT {} HTTP/1.1\r\nHost: node\r\nContent-Length: {}\r\n\r\n",
        paths::metadata(&blob.id()),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body[..10]).await.unwrap();
    let metrics = format!("http://{}/metrics", test.node().metrics_addr());
    crate::harness::eventually(|| async {
        let text = test
            .client()
            .get(&metrics)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        text.contains("http_server_active_requests 1")
    })
    .await;
    let addr = test.node().addr();
    let node = test.node.take().unwrap();
    let stopping = tokio::spawn(node.shutdown());
    // Nobody new is let in.
    crate::harness::eventually(|| async { TcpStream::connect(addr).await.is_err() }).await;
    stream.write_all(&body[10..]).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    stopping.await.unwrap().unwrap();
    test.try_start().await.unwrap();
    let status = test.get(&paths::metadata_status(&blob.id())).await;
    assert_eq!(crate::harness::data(status).await, "stored");
}

#[tokio::test]
async fn peers_that_break_off_leave_nothing() {
    let test = TestNode::start().await;
    let blob = TestBlob::new(1, 10_000);
    test.chain.register(blob.id(), 1, 9);
    test.caught_up().await;
    let body = blob.metadata_body();
    for cut in [0, 1, body.len() - 1] {
        let mut stream = TcpStream::connect(test.node().addr()).await.unwrap();
        let head = format!(
            "PUT {} HTTP/1.1\r\nHost: node\r\nContent-Length: {}\r\n\r\n",
            paths::metadata(&blob.id()),
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body[..cut]).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // Whatever is answered to half a request, it ends.
        let _ = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer))
            .await
            .expect("the node closes the connection");
    }
    test.assert_holds_nothing(&blob).await;
    test.upload(&blob).await;
}
