//! What key servers let in: policies that cost more than they pay for, and accounts that sign in
//! unusual ways.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sui_crypto::{Signer as _, secp256r1::Secp256r1PrivateKey};
use sui_sdk_types::{
    Bn254FieldElement, CircomG1, CircomG2, PasskeyAuthenticator, PasskeyPublicKey, PersonalMessage,
    SimpleSignature, UserSignature, ZkLoginAuthenticator, ZkLoginClaim, ZkLoginInputs,
    ZkLoginProof,
};
use walrus_core::{ObjectId, SuiAddress};
use walrus_seal::{FetchKeyRequest, SessionKey};
use walrus_sui::{
    Executor, Program,
    access::{ApprovalArgument, ApprovalCall},
    contract::published,
};
use walrus_tests::{
    TestNetwork,
    key_servers::{Reader, ask, now_ms, sign},
};

use crate::key_servers::open_server;

/// What an honest reader wants meanwhile.
const HONEST_REQUESTS: u8 = 5;

fn start() -> TestNetwork {
    TestNetwork::start(&["--nodes", "1", "--shards", "4", "--with", "seal"])
}

fn json_of(request: &FetchKeyRequest) -> Value {
    serde_json::to_value(request).unwrap()
}

/// The package `tests/move/dear` on the chain.
async fn publish_dear(reader: &Reader) -> ObjectId {
    #[derive(Deserialize)]
    struct Compiled {
        modules: Vec<String>,
        dependencies: Vec<sui_sdk_types::Address>,
    }
    let compiled: Compiled = serde_json::from_str(include_str!("../../move/dear.json")).unwrap();
    let modules = compiled
        .modules
        .iter()
        .map(|it| STANDARD.decode(it).unwrap());
    let mut program = Program::new();
    let cap = program.publish(modules.collect(), compiled.dependencies);
    let owner = program.pure_bytes(reader.signer.address().0.to_vec());
    program.transfer_objects(vec![cap], owner);
    let executor = Executor::new(reader.rpc.clone(), reader.signer.clone());
    published(executor.run(&program).await.unwrap())
        .unwrap()
        .package
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_without_end_are_refused_and_hold_up_nobody() {
    let network = start();
    let folder = tempfile::tempdir().unwrap();
    // Nobody is refused for asking often.
    let quotas = "quotas: {per_address: 0, per_user: 0, per_package: 0}";
    let options = format!("clock_lag_max: null\n{quotas}");
    let running = open_server(&network, folder.path(), &options);
    let url = &running.url;
    let attacker = Reader::new(&network, 0);
    let package = publish_dear(&attacker).await;
    let session = SessionKey::generate(
        attacker.signer.address(),
        package,
        10,
        now_ms(),
        &mut rand::thread_rng(),
    );
    let mut session = session.unwrap();
    let message = session.message().unwrap();
    let signature = attacker.signer.sign_personal_message(message.as_bytes());
    session.set_signature(signature).unwrap();
    let ask_policy = async |function: &'static str, steps: Option<u64>| {
        let arguments = steps.map(|steps| ApprovalArgument::Pure(steps.to_le_bytes().to_vec()));
        let mut call = ApprovalCall::new(package, "dear", arguments.into_iter().collect());
        call.function = function.parse().unwrap();
        let program = attacker.program(&call, &[vec![1; 32]]).await;
        let (request, _) = sign(&program.to_bytes(), &session);
        ask(url, json_of(&request).to_string()).await
    };
    // What ends in time is a policy like any other.
    let (status, answer) = ask_policy("seal_approve_slowly", Some(1_000)).await;
    assert_eq!(status, 200, "{answer}");

    let (is_over, refused) = (AtomicBool::new(false), AtomicUsize::new(0));
    let dear = [
        ("seal_approve", None),
        ("seal_approve_slowly", Some(u64::MAX)),
        ("seal_approve_with_memory", None),
    ];
    let attack = async |first: usize| {
        for (function, steps) in dear.into_iter().cycle().skip(first) {
            if is_over.load(Ordering::SeqCst) && refused.load(Ordering::SeqCst) >= dear.len() {
                break;
            }
            let (status, answer) = ask_policy(function, steps).await;
            assert_eq!(
                (status, &answer["error"]),
                (403, &json!("NoAccess")),
                "{function}: {answer}"
            );
            refused.fetch_add(1, Ordering::SeqCst);
        }
    };
    // They never pause while others are served.
    let honest = async {
        let reader = Reader::new(&network, 1);
        for last in 0..HONEST_REQUESTS {
            let (request, _) = reader.request(&[reader.identity(last)]).await;
            let (status, answer) = ask(url, json_of(&request).to_string()).await;
            assert_eq!(status, 200, "{answer}");
        }
        is_over.store(true, Ordering::SeqCst);
    };
    futures::join!(honest, attack(0), attack(1));
}

/// A passkey, as an authenticator keeps it.
struct Passkey(Secp256r1PrivateKey);

impl Passkey {
    fn address(&self) -> SuiAddress {
        let key = PasskeyPublicKey::new(self.0.public_key());
        SuiAddress(key.derive_address().into_inner())
    }

    /// What a browser makes of it: the challenge is in the text that is signed.
    fn sign(&self, message: &str) -> UserSignature {
        let challenge = PersonalMessage(message.as_bytes().into()).signing_digest();
        let client_data = json!({
            "type": "webauthn.get",
            "challenge": URL_SAFE_NO_PAD.encode(challenge),
            "origin": "https://app.example",
            "crossOrigin": false,
        });
        let client_data = client_data.to_string();
        // Hash of the site's name, flags, counter.
        let data = [&Sha256::digest("app.example")[..], &[0x1d, 0, 0, 0, 0]].concat();
        let signed = [&data[..], &Sha256::digest(&client_data)[..]].concat();
        let signature = SimpleSignature::Secp256r1 {
            signature: self.0.try_sign(&signed).unwrap(),
            public_key: self.0.public_key(),
        };
        let authenticator = PasskeyAuthenticator::new(data, client_data, signature);
        UserSignature::Passkey(authenticator.unwrap())
    }
}

fn session_of(user: SuiAddress, package: ObjectId) -> SessionKey {
    SessionKey::generate(user, package, 10, now_ms(), &mut rand::thread_rng()).unwrap()
}

/// A request of an account for an identity of its own.
async fn request(reader: &Reader, session: &SessionKey) -> Value {
    let call = ApprovalCall::new(reader.package, "account", Vec::new());
    let identity = [&session.user().0[..], &[1; 16]].concat();
    let program = reader.program(&call, &[identity]).await;
    json_of(&sign(&program.to_bytes(), session).0)
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_of_passkeys_read_what_is_theirs() {
    let network = start();
    let folder = tempfile::tempdir().unwrap();
    let running = open_server(&network, folder.path(), "clock_lag_max: null");
    let reader = Reader::new(&network, 0);
    let (passkey, other) = ([1; 32], [2; 32]);
    let [passkey, other] = [passkey, other].map(|seed| Passkey(Secp256r1PrivateKey::new(seed)));
    let mut session = session_of(passkey.address(), reader.package);
    let message = session.message().unwrap();
    session.set_signature(passkey.sign(&message)).unwrap();
    let request = request(&reader, &session).await;
    let (status, answer) = ask(&running.url, request.to_string()).await;
    assert_eq!(status, 200, "{answer}");

    // Another passkey, and the same one for another text.
    for signature in [other.sign(&message), passkey.sign(&format!("{message}."))] {
        let mut forged = request.clone();
        forged["certificate"]["signature"] = signature.to_base64().into();
        let (status, answer) = ask(&running.url, forged.to_string()).await;
        assert_eq!(
            (status, &answer["error"]),
            (403, &json!("InvalidSignature"))
        );
        assert!(session.set_signature(signature).is_err());
    }
}

/// A signature of zkLogin in all its form, with a proof that proves nothing.
fn zk_login() -> (SuiAddress, UserSignature) {
    let number: Bn254FieldElement = "1".parse().unwrap();
    let point = || CircomG1([number.clone(), number.clone(), number.clone()]);
    let pair = || [number.clone(), number.clone()];
    let proof = ZkLoginProof {
        a: point(),
        b: CircomG2([pair(), pair(), pair()]),
        c: point(),
    };
    let claim = ZkLoginClaim {
        value: URL_SAFE_NO_PAD.encode(r#""iss":"https://id.example"}"#),
        index_mod_4: 0,
    };
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"1","typ":"JWT"}"#);
    let inputs = ZkLoginInputs::new(proof, claim, header, number).unwrap();
    let address = inputs.public_identifier().derive_address_padded();
    let key = Secp256r1PrivateKey::new([3; 32]);
    let signature = SimpleSignature::Secp256r1 {
        signature: key.try_sign(b"").unwrap(),
        public_key: key.public_key(),
    };
    let authenticator = ZkLoginAuthenticator {
        inputs,
        max_epoch: 10,
        signature,
    };
    let signature = UserSignature::ZkLogin(Box::new(authenticator));
    (SuiAddress(address.into_inner()), signature)
}

#[tokio::test(flavor = "multi_thread")]
async fn zk_login_is_for_the_full_node_to_judge_and_ours_knows_none() {
    let network = start();
    let folder = tempfile::tempdir().unwrap();
    let running = open_server(&network, folder.path(), "clock_lag_max: null");
    let reader = Reader::new(&network, 0);
    let (account, signature) = zk_login();
    let mut session = session_of(account, reader.package);
    // Nobody but a full node can say that it is wrong.
    session.set_signature(signature.clone()).unwrap();
    let request = request(&reader, &session).await;
    let (status, answer) = ask(&running.url, request.to_string()).await;
    assert_eq!(
        (status, &answer["error"]),
        (403, &json!("InvalidSignature"))
    );
    let message = session.message().unwrap();
    let asked = reader
        .rpc
        .verify_personal_message(account, message.as_bytes(), &signature);
    assert!(!asked.await.is_ok_and(|is_valid| is_valid));
}
