//! Key servers over sockets: their checks and the order of them, users who lie to servers, and
//! servers who lie to users.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{fs, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use serde_json::{Value, json};
use walrus_core::ObjectId;
use walrus_seal::{
    FetchKeyRequest, FetchKeyResponse, Identity, MasterKey, SessionKey,
    request::{FETCH_KEY_PATH, REQUEST_BYTES_MAX, SERVICE_PATH, ServiceResponse},
};
use walrus_sui::access::{ApprovalArgument, ApprovalCall};
use walrus_tests::{
    TestNetwork, binary,
    key_servers::{FalseKeyServer, Lie, Reader, RunningKeyServer, Said, ask, now_ms, send, sign},
    run,
};

fn start() -> TestNetwork {
    TestNetwork::start(&["--nodes", "1", "--shards", "4", "--with", "seal"])
}

pub(crate) fn server(network: &TestNetwork, index: usize) -> (&str, ObjectId) {
    let server = &network.ready["key_servers"][index];
    let id = server["id"].as_str().unwrap().parse().unwrap();
    (server["url"].as_str().unwrap(), id)
}

/// What the folder of a key server of the network holds.
fn key_file(network: &TestNetwork, index: usize) -> std::path::PathBuf {
    let name = format!("key-servers/key-server-{index}/master.key");
    network.state_dir().join(name)
}

/// The beginning of a configuration.
fn config(network: &TestNetwork, mode: &str) -> String {
    config_at(network, network.ready["rpc"].as_str().unwrap(), mode)
}

/// The same with another full node.
fn config_at(network: &TestNetwork, rpc: &str, mode: &str) -> String {
    let seal = network.ready["packages"]["seal"].as_str().unwrap();
    format!("network: !Devnet {{seal_package: '{seal}'}}\nnode_url: {rpc}\nserver_mode: {mode}")
}

/// A server of our own with the key of the first server of the network, and these options.
pub(crate) fn open_server(
    network: &TestNetwork,
    folder: &std::path::Path,
    options: &str,
) -> RunningKeyServer {
    let rpc = network.ready["rpc"].as_str().unwrap();
    open_server_of(network, 0, rpc, folder, options)
}

/// A server of our own with the key of this server of the network, a full node, and these options.
pub(crate) fn open_server_of(
    network: &TestNetwork,
    index: usize,
    rpc: &str,
    folder: &std::path::Path,
    options: &str,
) -> RunningKeyServer {
    let (_, id) = server(network, index);
    let mode = format!("!Open {{key_server_object_id: '{id}'}}");
    let key = key_file(network, index);
    let config = format!(
        "{}\nmaster_key_file: {}\n{options}",
        config_at(network, rpc, &mode),
        key.display()
    );
    RunningKeyServer::start(folder, "127.0.0.1:0", &config, &[])
}

fn json_of(request: &FetchKeyRequest) -> Value {
    serde_json::to_value(request).unwrap()
}

/// A request with one field of it, or of its certificate, changed.
fn with(request: &FetchKeyRequest, pointer: &str, value: impl Into<Value>) -> Value {
    let mut changed = json_of(request);
    *changed.pointer_mut(pointer).unwrap() = value.into();
    changed
}

async fn is_refused(url: &str, request: &Value, code: &str) {
    let (status, answer) = ask(url, request.to_string()).await;
    assert_eq!(answer["error"], code, "{status} {answer} to {request}");
    assert!(status >= 400);
}

/// Certificates, programs and signatures that somebody has invented, changed or taken from others.
async fn forgeries(reader: &Reader, other: &Reader) -> Vec<(Value, &'static str)> {
    let (request, _) = reader.request(&[reader.identity(1)]).await;
    let (second, _) = reader.request(&[reader.identity(2)]).await;
    let (others, _) = other.request(&[other.identity(1)]).await;
    let (now, minute) = (now_ms(), 60_000_u64);
    let time = |ms: u64| with(&request, "/certificate/creation_time", ms);
    let ttl = |minutes: u16| with(&request, "/certificate/ttl_min", minutes);
    let certificate = |field: &str, from: &FetchKeyRequest| {
        let pointer = format!("/certificate/{field}");
        with(
            &request,
            &pointer,
            json_of(from)["certificate"][field].clone(),
        )
    };
    let field = |name: &str| {
        with(
            &request,
            &format!("/{name}"),
            json_of(&second)[name].clone(),
        )
    };
    let (session, expired) = (reader.session(), "InvalidCertificate");
    let program = |bytes: &[u8]| json_of(&sign(bytes, &session).0);
    let unknown = ApprovalCall::new(ObjectId([0x99; 32]), "account", Vec::new());
    let unknown = reader.program(&unknown, &[reader.identity(1)]).await;
    let mut missing = ApprovalCall::new(reader.package, "account", Vec::new());
    missing.function = "seal_approve_everything".parse().unwrap();
    let missing = reader.program(&missing, &[reader.identity(1)]).await;
    let mut expired_and_unsigned = time(now - 60 * minute);
    expired_and_unsigned["request_signature"] = json_of(&second)["request_signature"].clone();
    let mut unsigned_unknown = program(&unknown.to_bytes());
    unsigned_unknown["certificate"]["creation_time"] = 1.into();
    let mut named = json_of(&request);
    named["certificate"]["mvr_name"] = "@app/policy".into();
    vec![
        // Times that are over, have not come, or are too long; also where minutes overflow as
        // seconds.
        (time(now - 11 * minute), expired),
        (time(now + 10 * minute), expired),
        (time(u64::MAX), expired),
        (ttl(31), expired),
        (ttl(1_093), expired),
        (ttl(u16::MAX), expired),
        (ttl(0), expired),
        (expired_and_unsigned, expired),
        // A session that the account has not signed.
        (time(now - minute), "InvalidSignature"),
        (ttl(9), "InvalidSignature"),
        (certificate("user", &others), "InvalidSignature"),
        (certificate("signature", &others), "InvalidSignature"),
        (certificate("session_vk", &second), "InvalidSignature"),
        // What the session has not signed: another program, other keys for the answer.
        (field("ptb"), "InvalidSessionSignature"),
        (field("enc_key"), "InvalidSessionSignature"),
        (field("enc_verification_key"), "InvalidSessionSignature"),
        (field("request_signature"), "InvalidSessionSignature"),
        (named, "InvalidMVRName"),
        // Programs: no package, no function, no program.
        (unsigned_unknown, "InvalidPackage"),
        (program(&unknown.to_bytes()), "InvalidPackage"),
        (program(b"nonsense"), "InvalidPTB"),
        (with(&request, "/ptb", "%"), "InvalidPTB"),
        // The full node says that there is no such function before it executes anything.
        (program(&missing.to_bytes()), "InvalidParameter"),
        // The account is who it says, and the policy says no: for all, if for one.
        (
            json_of(&reader.request(&[other.identity(1)]).await.0),
            "NoAccess",
        ),
        (
            json_of(
                &reader
                    .request(&[reader.identity(1), other.identity(1)])
                    .await
                    .0,
            ),
            "NoAccess",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_users_get_nothing_and_reach_no_policy_before_both_signatures_are_right() {
    let network = start();
    let folder = tempfile::tempdir().unwrap();
    let running = open_server(&network, folder.path(), "clock_lag_max: null");
    let (reader, other) = (Reader::new(&network, 0), Reader::new(&network, 1));
    let asked = "key_server_policy_seconds_count";
    let mut policies = 0;
    for (request, code) in forgeries(&reader, &other).await {
        is_refused(&running.url, &request, code).await;
        // Only these come after the signatures.
        let is_late = ["NoAccess", "InvalidParameter"].contains(&code);
        policies += u64::from(is_late);
        assert_eq!(running.metric(asked).await, policies, "{request}");
    }

    // The same request is answered as often as it is sent: with keys that only the asker can open.
    let identities = [reader.identity(1), reader.identity(2), reader.identity(1)];
    let (request, key) = reader.request(&identities).await;
    let (_, id) = server(&network, 0);
    let public = reader.rpc.key_server(id).await.unwrap().public_key;
    let public = walrus_seal::PublicKey::from_bytes(&public).unwrap();
    let mut last = Value::Null;
    for _ in 0..2 {
        let (status, answer) = ask(&running.url, json_of(&request).to_string()).await;
        assert_eq!(status, 200, "{answer}");
        assert_ne!(answer, last, "fresh randomness for each answer");
        last = answer.clone();
        let keys: FetchKeyResponse = serde_json::from_value(answer).unwrap();
        assert_eq!(keys.decryption_keys.len(), 3, "duplicates included");
        for (given, inner) in keys.decryption_keys.iter().zip(&identities) {
            let identity = Identity {
                package: reader.package,
                inner: inner.clone(),
            };
            assert_eq!(given.id, identity.full());
            let opened = key.unwrap_key(&given.encrypted_key).unwrap();
            assert!(opened.verify(&identity.point(), &public));
            let (_, stranger) = sign(b"", &reader.session());
            let opened = stranger.unwrap_key(&given.encrypted_key).unwrap();
            assert!(!opened.verify(&identity.point(), &public));
        }
    }
    // Replayed to another server, it gives that server's keys to the same asker, and to nobody
    // else.
    let (status, answer) = ask(server(&network, 1).0, json_of(&request).to_string()).await;
    assert_eq!(status, 200);
    let keys: FetchKeyResponse = serde_json::from_value(answer).unwrap();
    let identity = Identity {
        package: reader.package,
        inner: identities[0].clone(),
    };
    let opened = key
        .unwrap_key(&keys.decryption_keys[0].encrypted_key)
        .unwrap();
    assert!(!opened.verify(&identity.point(), &public));

    sizes_and_headers(&running.url, &reader).await;
    objects_of_others(&network, &running.url, &reader).await;
}

/// The largest and dearest requests, and what has to be said beside them.
async fn sizes_and_headers(url: &str, reader: &Reader) {
    let path = format!("{url}{FETCH_KEY_PATH}");
    let identities: Vec<_> = (0..100).map(|last| reader.identity(last)).collect();
    let (dearest, _) = reader.request(&identities).await;
    let (status, answer) = ask(url, json_of(&dearest).to_string()).await;
    assert_eq!(
        (status, answer["decryption_keys"].as_array().unwrap().len()),
        (200, 100)
    );
    let call = ApprovalCall::new(reader.package, "account", Vec::new());
    let too_many: Vec<_> = (0..101).map(|last| reader.identity(last)).collect();
    let too_many = reader.rpc.approval_program(&call, &too_many).await.unwrap();
    let (too_many, _) = sign(&bcs::to_bytes(&too_many).unwrap(), &reader.session());
    is_refused(url, &json_of(&too_many), "InvalidPTB").await;

    // As long as it may be, and one byte longer.
    let (_, answer) = ask(url, "{".repeat(REQUEST_BYTES_MAX)).await;
    assert_eq!(answer, Value::Null);
    for (length, status) in [(REQUEST_BYTES_MAX, 400), (REQUEST_BYTES_MAX + 1, 413)] {
        assert_eq!(ask(url, "{".repeat(length)).await.0, status);
    }
    // A program that fills the request with an input that nobody uses.
    let huge = STANDARD.encode(vec![0; 100_000]);
    is_refused(url, &with(&dearest, "/ptb", huge), "InvalidPTB").await;

    let body = json_of(&dearest).to_string();
    let kind = ("content-type", "application/json");
    for (headers, status, code) in [
        (vec![kind], 400, "MissingRequiredHeader"),
        (
            vec![kind, ("client-sdk-version", "new")],
            400,
            "InvalidSDKVersion",
        ),
        (
            vec![
                kind,
                ("client-sdk-version", "0.4.4"),
                ("client-sdk-type", "typescript"),
            ],
            426,
            "DeprecatedSDKVersion",
        ),
    ] {
        let answer = send(Method::POST, &path, &headers, body.clone()).await;
        assert_eq!(answer.status().as_u16(), status);
        assert!(answer.headers().contains_key("x-keyserver-version"));
        let text: Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(text["error"], code);
    }
    let preflight = [
        ("origin", "https://app.example"),
        ("access-control-request-method", "POST"),
        (
            "access-control-request-headers",
            "x-api-key,client-sdk-version",
        ),
    ];
    let answer = send(Method::OPTIONS, &path, &preflight, "").await;
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
}

/// Somebody's object opens nothing for anybody else.
async fn objects_of_others(network: &TestNetwork, url: &str, reader: &Reader) {
    let made = network.walrus(&[
        "--json",
        "policy",
        "new",
        "subscription",
        "--price",
        "1WAL",
        "--period",
        "1h",
    ]);
    let service: ObjectId = made.json()["policy"].as_str().unwrap().parse().unwrap();
    let owner = Reader::new(network, 1);
    let bought = network.walrus(&["--account", "user-1", "policy", "buy", &service.to_string()]);
    assert!(bought.success, "{}", bought.stderr);
    let type_ = format!("{}::subscription::Subscription", reader.package);
    let owned = owner
        .rpc
        .owned_objects(owner.signer.address(), &type_)
        .await
        .unwrap();
    let object = reader.rpc.object(service).await.unwrap();
    let types = object.type_.unwrap().type_params().to_vec();
    let arguments = vec![
        ApprovalArgument::Object(owned[0].id),
        ApprovalArgument::Object(service),
        ApprovalArgument::Clock,
    ];
    let call = ApprovalCall::new(reader.package, "subscription", arguments).with_types(types);
    let identity = [&service.0[..], &[7; 16]].concat();
    let program = reader.program(&call, &[identity]).await.to_bytes();
    let (status, _) = ask(
        url,
        json_of(&sign(&program, &owner.session()).0).to_string(),
    )
    .await;
    assert_eq!(status, 200, "the subscriber reads");
    let (status, answer) = ask(
        url,
        json_of(&sign(&program, &reader.session()).0).to_string(),
    )
    .await;
    let error = answer["error"].as_str().unwrap();
    assert!(
        status == 403 && ["NoAccess", "InvalidParameter"].contains(&error),
        "{answer}"
    );
}

/// Registers a key server with this key; its ID.
fn register(network: &TestNetwork, key: &MasterKey) -> ObjectId {
    let wallet = network.state_dir().join("sui_client.yaml");
    let seal = network.ready["packages"]["seal"].as_str().unwrap();
    let mut command = Command::new(binary("walrus-key-server"));
    command.args([
        "register",
        "--name",
        "own",
        "--url",
        "http://127.0.0.1:1",
        "--json",
    ]);
    command.args([
        "--public-key",
        &key.public().to_string(),
        "--seal-package",
        seal,
    ]);
    let registered = run(command.arg("--wallet").arg(wallet)).json();
    registered["key_server_object_id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permissioned_server_serves_whom_it_lists_and_says_nothing_secret() {
    let network = start();
    let folder = tempfile::tempdir().unwrap();
    let reader = Reader::new(&network, 0);
    let seed = "5e".repeat(32);
    let seed_bytes: [u8; 32] = [0x5e; 32];
    let imported = MasterKey::generate(&mut rand::thread_rng());
    let imported_hex = hex(&*imported.to_bytes());
    let derived = MasterKey::from_seed(&seed_bytes, 1).unwrap();
    let (first, second) = (register(&network, &derived), register(&network, &imported));
    let listed = |package: &str, id: ObjectId, key: &str| {
        let mode = format!(
            "!Permissioned\n  client_configs:\n  - {{name: old, client_master_key: !Exported \
             {{deprecated_derivation_index: 0}}, key_server_object_id: '0x11', package_ids: ['0x12']}}\n  - \
             {{name: new, client_master_key: {key}, key_server_object_id: '{id}', package_ids: ['{package}']}}"
        );
        format!(
            "{}\nquotas: {{per_address: 0, per_user: 3, per_package: 0}}",
            config(&network, &mode)
        )
    };
    let variables = [("MASTER_KEY", &seed[..]), ("IMPORTED", &imported_hex)];
    let start =
        |config: &str| RunningKeyServer::start(folder.path(), "127.0.0.1:0", config, &variables);
    let body = |request: &FetchKeyRequest| json_of(request).to_string();

    // Another package than the listed one is not served, before anything else is looked at.
    let running = start(&listed("0x2", first, "!Derived {derivation_index: 1}"));
    let (request, _) = reader.request(&[reader.identity(1)]).await;
    is_refused(&running.url, &json_of(&request), "UnsupportedPackageId").await;
    drop(running);

    // The key is the client's own; when the client brings another, that one counts.
    let ours = reader.package.to_string();
    for (id, choice, key) in [
        (first, "!Derived {derivation_index: 1}", &derived),
        (second, "!Imported {env_var: IMPORTED}", &imported),
    ] {
        let running = start(&listed(&ours, id, choice));
        let proof = format!("{}{SERVICE_PATH}?service_id={id}", running.url);
        let version = [("client-sdk-version", "1.0.0")];
        let proof = send(Method::GET, &proof, &version, "").await;
        let proof: ServiceResponse = serde_json::from_slice(proof.body()).unwrap();
        assert!(key.public().verify_possession(id, &proof.pop));
        for unknown in ["?service_id=0x11", "?service_id=11", ""] {
            let url = format!("{}{SERVICE_PATH}{unknown}", running.url);
            let answer = send(Method::GET, &url, &version, "").await;
            let answer: Value = serde_json::from_slice(answer.body()).unwrap();
            assert_eq!(answer["error"], "InvalidServiceId");
        }
        let identity = Identity {
            package: reader.package,
            inner: reader.identity(1),
        };
        let (request, ephemeral) = reader.request(&[reader.identity(1)]).await;
        let (status, answer) = ask(&running.url, body(&request)).await;
        assert_eq!(status, 200, "{answer}");
        let keys: FetchKeyResponse = serde_json::from_value(answer).unwrap();
        let opened = ephemeral
            .unwrap_key(&keys.decryption_keys[0].encrypted_key)
            .unwrap();
        assert!(opened.verify(&identity.point(), &key.public()));

        // Three keys a minute: what was refused does not use them up, what others ask does not
        // either.
        is_refused(
            &running.url,
            &with(&request, "/certificate/ttl_min", 9),
            "InvalidSignature",
        )
        .await;
        let two = reader
            .request(&[reader.identity(2), reader.identity(3)])
            .await
            .0;
        assert_eq!(ask(&running.url, body(&two)).await.0, 200);
        assert_eq!(ask(&running.url, body(&request)).await.0, 429);
        let other = Reader::new(&network, 1);
        let (theirs, _) = other.request(&[other.identity(1)]).await;
        assert_eq!(ask(&running.url, body(&theirs)).await.0, 200);

        // Keys, shares, sessions: nothing of that is in the log, however much is logged.
        let log = running.log();
        let request_id = "gave out keys";
        assert!(log.contains(request_id) && log.contains("refused"));
        let usk = hex(&*opened.to_bytes());
        for secret in [&seed, &imported_hex, &hex(&*derived.to_bytes()), &usk] {
            assert!(!log.to_lowercase().contains(&secret.to_lowercase()));
        }
        let signature = json_of(&request)["request_signature"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(!log.contains(&signature));
    }
    // A server whose registered key is another one does not start.
    let wrong = listed(&ours, second, "!Derived {derivation_index: 1}");
    let path = folder.path().join("wrong.yaml");
    fs::write(&path, wrong).unwrap();
    let mut command = Command::new(binary("walrus-key-server"));
    command
        .args(["run", "--config"])
        .arg(path)
        .env("MASTER_KEY", &seed)
        .env("IMPORTED", &imported_hex);
    let refused = run(&mut command);
    assert!(
        refused
            .stderr
            .contains("registered with another public key"),
        "{}",
        refused.stderr
    );
    assert!(!refused.stderr.contains(&seed) && !refused.stderr.contains(&imported_hex));
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Ways in which a server lies, given what it has said of another identity.
fn lies(of_another: Value) -> Vec<(&'static str, Lie)> {
    let key = of_another["decryption_keys"][0]["encrypted_key"].clone();
    vec![
        (
            "the key of another identity",
            Box::new(move |mut answer: Value| {
                answer["decryption_keys"][0]["encrypted_key"] = key.clone();
                Said::Answer(answer)
            }),
        ),
        (
            "a key for another identity than the one that was asked for",
            Box::new(move |_| Said::Answer(of_another.clone())),
        ),
        (
            "a key for an identity of another package",
            Box::new(|mut answer: Value| {
                let first = &mut answer["decryption_keys"][0]["id"][0];
                *first = json!(first.as_u64().unwrap() ^ 1);
                Said::Answer(answer)
            }),
        ),
        (
            "no key",
            Box::new(|_| Said::Answer(json!({ "decryption_keys": [] }))),
        ),
        (
            "points that are none",
            Box::new(|mut answer: Value| {
                let point = STANDARD.encode([0xc0; 48]);
                answer["decryption_keys"][0]["encrypted_key"] = json!([point, point]);
                Said::Answer(answer)
            }),
        ),
        (
            "another kind of answer",
            Box::new(|_| Said::Answer(json!([1, 2]))),
        ),
        ("an answer without end", Box::new(|_| Said::Bytes(64 << 20))),
        ("an old version", Box::new(|_| Said::Version("0.0.1"))),
        ("nothing", Box::new(|_| Said::Nothing)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_servers_are_ignored_and_named_when_nobody_else_is_left() {
    let network = start();
    let folder = tempfile::tempdir().unwrap();
    let honest = open_server(&network, folder.path(), "clock_lag_max: null");
    let (url, id) = server(&network, 0);
    let stopped = network.localnet(&["key-server", "stop", "key-server-0"]);
    assert!(stopped.success, "{}", stopped.stderr);
    let liar = FalseKeyServer::start(url, &honest.url).await;
    let reader = Reader::new(&network, 0);
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (plain, sealed) = (file("plain"), file("sealed"));
    fs::write(&plain, b"x").unwrap();
    let command = |args: &[&str]| network.walrus(args);
    assert!(command(&["encrypt", &plain, "--out", &sealed]).success);
    let decrypt = || command(&["decrypt", &sealed, "--out", &file("out")]);
    let (request, _) = reader.request(&[reader.identity(9)]).await;
    let (_, of_another) = ask(&honest.url, json_of(&request).to_string()).await;

    for (what, lie) in lies(of_another.clone()) {
        liar.tell(lie);
        let outcome = decrypt();
        assert!(outcome.success, "{what}: {}", outcome.stderr);
    }
    let stopped = network.localnet(&["key-server", "stop", "key-server-1"]);
    assert!(stopped.success, "{}", stopped.stderr);
    for (what, lie) in lies(of_another) {
        liar.tell(lie);
        let outcome = decrypt();
        let said = &outcome.stderr;
        assert!(
            !outcome.success && said.contains(&id.to_string()),
            "{what}: {said}"
        );
        assert!(
            said.contains("weight 1 gave the keys, and 2 is needed"),
            "{what}: {said}"
        );
    }
    liar.tell(Said::Answer);
    assert!(decrypt().success, "the truth is enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aggregator_believes_no_member() {
    let network =
        TestNetwork::start(&["--nodes", "1", "--shards", "4", "--with", "seal-committee"]);
    let folder = tempfile::tempdir().unwrap();
    let url = |name: &str| {
        let servers = network.ready["key_servers"].as_array().unwrap();
        let server = servers.iter().find(|it| it["name"] == name).unwrap();
        (
            server["url"].as_str().unwrap().to_owned(),
            server["id"].as_str().unwrap().to_owned(),
        )
    };
    let (aggregator, id) = url("committee-aggregator-0");
    let (member, _) = url("committee-member-0");
    for name in ["committee-member-0", "committee-member-2"] {
        assert!(network.localnet(&["key-server", "stop", name]).success);
    }
    // The honest member behind the liar; the third is away, so the liar is needed.
    let share = network
        .state_dir()
        .join("key-servers/committee-member-0/share-0.key");
    let mode = format!("!Committee {{key_server_object_id: '{id}'}}");
    let config = format!(
        "{}\nmaster_share_files: {{0: {}}}",
        config(&network, &mode),
        share.display()
    );
    let honest = RunningKeyServer::start(folder.path(), "127.0.0.1:0", &config, &[]);
    let liar = FalseKeyServer::start(&member, &honest.url).await;
    let reader = Reader::new(&network, 0);
    let other = reader.request(&[reader.identity(9)]).await.0;
    let (_, of_another) = ask(&honest.url, json_of(&other).to_string()).await;
    for (what, lie) in lies(of_another) {
        liar.tell(lie);
        let (request, _) = reader.request(&[reader.identity(1)]).await;
        let (status, answer) = ask(&aggregator, json_of(&request).to_string()).await;
        assert_eq!(
            (status, &answer["error"]),
            (503, &json!("Failure")),
            "{what}"
        );
    }
    // The truth, and an identity that is asked for twice.
    liar.tell(Said::Answer);
    let (request, key) = reader
        .request(&[reader.identity(1), reader.identity(1)])
        .await;
    let (status, answer) = ask(&aggregator, json_of(&request).to_string()).await;
    assert_eq!(status, 200, "{answer}");
    let keys: FetchKeyResponse = serde_json::from_value(answer).unwrap();
    let identity = Identity {
        package: reader.package,
        inner: reader.identity(1),
    };
    let public = reader
        .rpc
        .key_server(id.parse().unwrap())
        .await
        .unwrap()
        .public_key;
    let public = walrus_seal::PublicKey::from_bytes(&public).unwrap();
    assert_eq!(keys.decryption_keys.len(), 1);
    let opened = key
        .unwrap_key(&keys.decryption_keys[0].encrypted_key)
        .unwrap();
    assert!(opened.verify(&identity.point(), &public));
    // What members refuse is passed on; a kind of client that there is not, and proofs, are refused
    // here.
    let stranger = Reader::new(&network, 1);
    let denied: (FetchKeyRequest, _) = stranger.request(&[reader.identity(1)]).await;
    is_refused(&aggregator, &json_of(&denied.0), "NoAccess").await;
    let session: SessionKey = reader.session();
    is_refused(
        &aggregator,
        &json_of(&sign(b"nonsense", &session).0),
        "InvalidPTB",
    )
    .await;
    let answer = send(
        Method::POST,
        &format!("{aggregator}{FETCH_KEY_PATH}"),
        &[
            ("content-type", "application/json"),
            ("client-sdk-version", "1.0.0"),
            ("client-sdk-type", "aggregator"),
        ],
        json_of(&request).to_string(),
    )
    .await;
    let answer: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(answer["error"], "InvalidSDKType");
    let proof = format!("{aggregator}{SERVICE_PATH}?service_id={id}");
    let answer = send(Method::GET, &proof, &[("client-sdk-version", "1.0.0")], "").await;
    assert_eq!(
        (answer.status().as_u16(), &answer.body()[..]),
        (400, &b"Unsupported"[..])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_disagree_give_no_keys() {
    let network = start();
    let folder = tempfile::tempdir().unwrap();
    let reader = Reader::new(&network, 0);
    let (request, _) = reader.request(&[reader.identity(1)]).await;
    // A full node that is behind by anything at all.
    let strict = open_server(
        &network,
        folder.path(),
        "clock_lag_max: null\nallowed_staleness: 0s",
    );
    is_refused(&strict.url, &json_of(&request), "Failure").await;
    assert_eq!(strict.metric("key_server_stale_full_node_total").await, 1);
    drop(strict);
    // A chain that is ahead: then this machine's clock is wrong, and certificates mean nothing.
    let moved = network.localnet(&["clock", "+1d"]);
    assert!(moved.success, "{}", moved.stderr);
    let behind = open_server(&network, folder.path(), "clock_lag_max: 30s");
    is_refused(&behind.url, &json_of(&request), "Failure").await;
    drop(behind);
    let trusting = open_server(&network, folder.path(), "clock_lag_max: null");
    assert_eq!(
        ask(&trusting.url, json_of(&request).to_string()).await.0,
        200
    );
}
