//! What browsers and shell scripts send: grpc-web over HTTP/1.1, preflights, the faucet, the clock.

use base64::{Engine, engine::general_purpose::STANDARD};
use prost::Message;
use sui_rpc::proto::sui::rpc::v2 as proto;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::common::*;

/// An HTTP/1.1 answer.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

async fn send(
    url: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let host = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await.unwrap();
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.extend([*name, ": ", *value, "\r\n"]);
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).await.unwrap();
    parse(&raw)
}

fn parse(raw: &[u8]) -> Answer {
    let split = raw.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&raw[..split]).unwrap();
    let mut lines = head.lines();
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let body = &raw[split + 4..];
    let chunked = headers
        .iter()
        .any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    Answer {
        status,
        body: if chunked {
            dechunk(body)
        } else {
            body.to_vec()
        },
        headers,
    }
}

fn dechunk(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|w| w == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return whole;
        }
        whole.extend(&body[end + 2..end + 2 + size]);
        body = &body[end + 4 + size..];
    }
}

/// A request message in its frame: a flag byte and a big-endian length.
fn frame(message: &impl Message) -> Vec<u8> {
    let payload = message.encode_to_vec();
    let mut framed = vec![0];
    framed.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
    framed.extend(payload);
    framed
}

/// The frames of an answer: flag and payload.
fn frames(mut body: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut found = Vec::new();
    while let Some((head, rest)) = body.split_at_checked(5) {
        let length = usize::try_from(u32::from_be_bytes(head[1..].try_into().unwrap())).unwrap();
        found.push((head[0], rest[..length].to_vec()));
        body = &rest[length..];
    }
    found
}

const SERVICE_INFO: &str = "/sui.rpc.v2.LedgerService/GetServiceInfo";
const GET_OBJECT: &str = "/sui.rpc.v2.LedgerService/GetObject";

#[tokio::test]
async fn grpc_web_speaks_binary_and_text() {
    let (chain, _client) = start().await;
    let url = chain.rpc_url();
    let request = frame(&proto::GetServiceInfoRequest::default());
    let binary = send(
        &url,
        "POST",
        SERVICE_INFO,
        &[
            ("content-type", "application/grpc-web+proto"),
            ("accept", "application/grpc-web+proto"),
            ("x-grpc-web", "1"),
            ("origin", "http://app.example"),
        ],
        &request,
    )
    .await;
    assert_eq!(binary.status, 200);
    assert_eq!(
        binary.header("content-type"),
        Some("application/grpc-web+proto")
    );
    assert_eq!(binary.header("access-control-allow-origin"), Some("*"));
    let exposed = binary.header("access-control-expose-headers").unwrap();
    for name in [
        "grpc-status",
        "grpc-message",
        "grpc-status-details-bin",
        "x-sui-chain-id",
    ] {
        assert!(exposed.contains(name), "{exposed}");
    }
    for name in [
        "x-sui-chain-id",
        "x-sui-chain",
        "x-sui-epoch",
        "x-sui-checkpoint-height",
        "x-sui-lowest-available-checkpoint",
        "x-sui-lowest-available-checkpoint-objects",
        "x-sui-timestamp-ms",
        "x-sui-timestamp",
    ] {
        assert!(binary.header(name).is_some(), "{name}");
    }
    check_service_info(&frames(&binary.body));

    let text = send(
        &url,
        "POST",
        SERVICE_INFO,
        &[
            ("content-type", "application/grpc-web-text"),
            ("accept", "application/grpc-web-text"),
            ("x-grpc-web", "1"),
        ],
        STANDARD.encode(&request).as_bytes(),
    )
    .await;
    assert_eq!(text.status, 200);
    let kind = text.header("content-type").unwrap();
    assert!(
        [
            "application/grpc-web-text",
            "application/grpc-web-text+proto"
        ]
        .contains(&kind),
        "{kind}"
    );
    check_service_info(&frames(&decode_chunks(&text.body)));
    chain.shutdown().await;
}

/// Base64 that may consist of several padded pieces.
fn decode_chunks(text: &[u8]) -> Vec<u8> {
    text.chunks(4)
        .flat_map(|quad| STANDARD.decode(quad).unwrap())
        .collect()
}

fn check_service_info(frames: &[(u8, Vec<u8>)]) {
    assert_eq!(frames.len(), 2);
    let info = proto::GetServiceInfoResponse::decode(frames[0].1.as_slice()).unwrap();
    assert!(!info.chain_id().is_empty());
    assert_eq!(frames[1].0, 0x80);
    let trailers = String::from_utf8(frames[1].1.clone()).unwrap();
    assert!(trailers.contains("grpc-status:0\r\n"), "{trailers}");
}

#[tokio::test]
async fn errors_reach_browsers_as_grpc_statuses() {
    let (chain, _client) = start().await;
    let url = chain.rpc_url();
    let headers = [
        ("content-type", "application/grpc-web+proto"),
        ("x-grpc-web", "1"),
    ];
    let mut request = proto::GetObjectRequest::default();
    request.object_id = Some("0x99".to_owned());
    let missing = send(&url, "POST", GET_OBJECT, &headers, &frame(&request)).await;
    assert_eq!(
        (missing.status, missing.header("grpc-status")),
        (200, Some("5"))
    );
    assert!(missing.header("grpc-status-details-bin").is_some());

    for path in [
        "/sui.rpc.v2.LedgerService/NoSuchMethod",
        "/no.such.Service/Method",
    ] {
        let unknown = send(&url, "POST", path, &headers, &frame(&request)).await;
        assert_eq!(
            (unknown.status, unknown.header("grpc-status")),
            (200, Some("12")),
            "{path}"
        );
        let kind = unknown.header("content-type").unwrap();
        assert!(kind.starts_with("application/grpc-web"), "{kind}");
    }
    let path = "/sui.rpc.v2.NameService/LookupName";
    let name = send(
        &url,
        "POST",
        path,
        &headers,
        &frame(&proto::LookupNameRequest::default()),
    )
    .await;
    assert_eq!(name.header("grpc-status"), Some("12"));
    assert_eq!(
        name.header("grpc-message"),
        Some("SuiNS%20not%20configured%20for%20this%20network")
    );
    chain.shutdown().await;
}

#[tokio::test]
async fn preflights_allow_what_clients_send() {
    let (chain, _client) = start().await;
    let asked = "content-type,x-grpc-web,x-sui-client-protocol-version,grpc-timeout,authorization";
    for url in [chain.rpc_url(), chain.faucet_url().unwrap()] {
        let answer = send(
            &url,
            "OPTIONS",
            SERVICE_INFO,
            &[
                ("origin", "http://app.example"),
                ("access-control-request-method", "POST"),
                ("access-control-request-headers", asked),
            ],
            b"",
        )
        .await;
        assert!(matches!(answer.status, 200 | 204), "{}", answer.status);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-allow-headers"), Some(asked));
        assert!(
            answer
                .header("access-control-allow-methods")
                .unwrap()
                .contains("POST")
        );
        assert!(answer.header("access-control-max-age").is_some());
    }
    chain.shutdown().await;
}

#[tokio::test]
async fn other_requests_get_plain_answers() {
    let (chain, _client) = start().await;
    let url = chain.rpc_url();
    assert_eq!(send(&url, "GET", "/health", &[], b"").await.status, 200);
    assert_eq!(send(&url, "GET", "/nothing", &[], b"").await.status, 404);
    let json = [("content-type", "application/json")];
    let old = send(
        &url,
        "POST",
        "/",
        &json,
        br#"{"jsonrpc":"2.0","id":1,"method":"x"}"#,
    )
    .await;
    assert!(old.text().contains("-32601"), "{}", old.text());
    chain.shutdown().await;
}

#[tokio::test]
async fn the_clock_can_be_moved_ahead() {
    let (chain, mut client) = start().await;
    let json = [("content-type", "application/json")];
    let before = chain.advance_clock(0).await.unwrap();
    let day_ms = 86_400_000;
    let answer = send(
        &chain.rpc_url(),
        "POST",
        "/admin/advance-clock",
        &json,
        format!(r#"{{"ms":{day_ms}}}"#).as_bytes(),
    )
    .await;
    assert_eq!(answer.status, 200);
    let answer: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
    let after = answer["timestamp_ms"].as_u64().unwrap();
    assert!(after >= before + day_ms);
    // Transactions see the new time, and it does not fall back.
    let executed = pay_bob(&mut client, 1).await;
    let time = executed.timestamp.unwrap();
    assert!(u64::try_from(time.seconds).unwrap() >= after / 1000);
    let mut clock = proto::GetObjectRequest::default();
    clock.object_id = Some("0x6".to_owned());
    clock.read_mask = Some(mask("contents"));
    let clock = client
        .ledger_client()
        .get_object(clock)
        .await
        .unwrap()
        .into_inner();
    let contents = clock.object().contents().value().to_vec();
    assert!(u64::from_le_bytes(contents[32..].try_into().unwrap()) >= after);
    let bad = send(
        &chain.rpc_url(),
        "POST",
        "/admin/advance-clock",
        &json,
        b"{}",
    )
    .await;
    assert!((400..500).contains(&bad.status));
    chain.shutdown().await;
}

#[tokio::test]
async fn the_clock_is_not_moved_too_far_nor_by_web_pages() {
    let (chain, _) = start().await;
    let before = chain.advance_clock(0).await.unwrap();
    let path = "/admin/advance-clock";
    let json = ("content-type", "application/json");
    let page = ("origin", "http://example.org");
    let ten_years_ms = 3_653 * 86_400_000u64;
    for ms in [u64::MAX, ten_years_ms + 1] {
        let body = format!(r#"{{"ms":{ms}}}"#);
        let answer = send(&chain.rpc_url(), "POST", path, &[json], body.as_bytes()).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.text().contains("at most"), "{}", answer.text());
    }
    // A page cannot send it without asking first, is not told that it may, and is refused if it
    // does.
    let answer = send(
        &chain.rpc_url(),
        "POST",
        path,
        &[json, page],
        br#"{"ms":1000}"#,
    )
    .await;
    assert_eq!(answer.status, 403);
    let plain = ("content-type", "text/plain");
    for headers in [&[plain, page][..], &[plain]] {
        let answer = send(&chain.rpc_url(), "POST", path, headers, br#"{"ms":1000}"#).await;
        assert!((400..500).contains(&answer.status));
    }
    let method = ("access-control-request-method", "POST");
    let preflight = send(&chain.rpc_url(), "OPTIONS", path, &[page, method], b"").await;
    assert_eq!(preflight.header("access-control-allow-origin"), None);
    assert!(!(200..300).contains(&preflight.status));
    let after = chain.advance_clock(0).await.unwrap();
    assert!(after < before + ten_years_ms);
    chain.shutdown().await;
}

/// Numbers from a seed (SplitMix64).
fn next_random(state: &mut u64) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((mixed ^ (mixed >> 31)) >> 1).unwrap()
}

/// Valid messages with a few bytes changed, cut off or put in: every one is answered.
#[tokio::test]
async fn malformed_messages_are_answered() {
    let (chain, mut client) = start().await;
    let transaction = build_transfer(&mut client, address_of(&alice()), BOB, 5).await;
    let mut simulate = proto::SimulateTransactionRequest::default();
    simulate.transaction = Some(bcs_transaction(&transaction));
    let mut execute = proto::ExecuteTransactionRequest::default();
    execute.transaction = Some(bcs_transaction(&transaction));
    execute.signatures = vec![sign(&alice(), &transaction).into()];
    let mut owned = proto::ListOwnedObjectsRequest::default();
    owned.owner = Some(BOB.to_string());
    owned.object_type = Some("0x2::coin::Coin<0x2::sui::SUI>".to_owned());
    owned.read_mask = Some(mask("*"));
    let mut list = proto::ListTransactionsRequest::default();
    list.start_checkpoint = Some(0);
    list.read_mask = Some(mask("digest,effects.status"));
    let service = "/sui.rpc.v2.TransactionExecutionService";
    let valid = [
        (format!("{service}/SimulateTransaction"), frame(&simulate)),
        (format!("{service}/ExecuteTransaction"), frame(&execute)),
        (
            "/sui.rpc.v2.StateService/ListOwnedObjects".to_owned(),
            frame(&owned),
        ),
        (
            "/sui.rpc.v2.LedgerService/ListTransactions".to_owned(),
            frame(&list),
        ),
    ];
    let seed = 5;
    let mut random = seed;
    for round in 0..160 {
        let (path, message) = &valid[round % valid.len()];
        let mut body = message.clone();
        for _ in 0..=next_random(&mut random) % 3 {
            let at = next_random(&mut random) % body.len();
            let byte = u8::try_from(next_random(&mut random) % 256).unwrap();
            match next_random(&mut random) % 4 {
                0 => body[at] ^= 1 << (byte % 8),
                1 => body[at] = byte,
                2 => body.insert(at, byte),
                _ => drop(body.drain(at..)),
            }
            if body.is_empty() {
                body.push(byte);
            }
        }
        let headers = [("content-type", "application/grpc-web+proto")];
        let answer = send(&chain.rpc_url(), "POST", path, &headers, &body).await;
        assert_eq!(answer.status, 200, "seed {seed}, round {round}");
    }
    pay_bob(&mut client, 1).await;
    chain.shutdown().await;
}

#[tokio::test]
async fn the_faucet_pays_before_it_answers() {
    let (chain, mut client) = start().await;
    let url = chain.faucet_url().unwrap();
    let json = [("content-type", "application/json")];
    assert_eq!(send(&url, "GET", "/", &[], b"").await.text(), "OK");
    let body = format!(r#"{{"FixedAmountRequest":{{"recipient":"{BOB}"}}}}"#);
    for path in ["/v2/gas", "/v1/gas", "/gas"] {
        let answer = send(&url, "POST", path, &json, body.as_bytes()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
        assert_eq!(answer["status"], "Success");
        let sent = answer["coins_sent"].as_array().unwrap();
        assert_eq!(sent.len(), 5);
        let listed = coins(&mut client, BOB).await;
        for coin in sent {
            assert_eq!(coin["amount"], 200_000_000_000u64);
            assert!(listed.iter().any(|found| found.object_id() == coin["id"]));
        }
    }
    assert_eq!(balance(&mut client, BOB).await, 3 * 5 * 200_000_000_000);

    let bad = send(
        &url,
        "POST",
        "/v2/gas",
        &json,
        br#"{"FixedAmountRequest":{"recipient":"x"}}"#,
    )
    .await;
    assert_eq!(bad.status, 400);
    assert!(
        bad.text()
            .starts_with(r#"{"status":{"Failure":{"Internal":""#),
        "{}",
        bad.text()
    );
    chain.shutdown().await;
}
