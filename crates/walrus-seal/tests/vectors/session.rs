use fastcrypto::hash::{HashFunction as _, Sha256};
use sui_crypto::{Signer as _, ed25519::Ed25519PrivateKey, secp256r1::Secp256r1PrivateKey};
use sui_sdk_types::{
    PasskeyAuthenticator, PasskeyPublicKey, PersonalMessage, SimpleSignature, UserSignature,
};
use walrus_core::SuiAddress;
use walrus_seal::{
    ApprovalProgram, Certificate, EphemeralKey, FetchKeyRequest, SessionKey,
    request::signed_bytes,
    session::{ExportedSessionKey, SessionError, personal_message},
};

use super::{array, bytes, list, load, number, object_id, text};

#[test]
fn sessions_are_what_others_make() {
    for case in list(&load("seal-session.json")["sessions"]) {
        let exported: ExportedSessionKey =
            serde_json::from_value(case["session_key_export"].clone()).unwrap();
        let created: u64 = number(&case["creation_time_ms"]);
        let session = SessionKey::import(&exported, created).unwrap();
        assert_eq!(session.message().unwrap(), text(&case["personal_message"]));
        let message = PersonalMessage(session.message().unwrap().into_bytes().into());
        assert_eq!(
            message.signing_digest()[..],
            bytes(&case["intent_digest_blake2b256"])
        );
        let certificate = session.certificate().unwrap();
        assert_eq!(
            serde_json::to_value(&certificate).unwrap(),
            case["certificate_json"]
        );
        let package = object_id(&case["package_id"]);
        assert_eq!(certificate.verify(package), Ok(()));
        assert_eq!(
            serde_json::to_value(session.export()).unwrap(),
            case["session_key_export"]
        );
        refuses_what_was_changed(&certificate, package);
        let ttl_ms = number::<u64>(&case["ttl_min"]) * 60_000;
        assert!(!session.is_expired(created + ttl_ms - 10_000));
        assert!(session.is_expired(created + ttl_ms - 9_999));
        assert_eq!(
            SessionKey::import(&exported, created + ttl_ms).err(),
            Some(SessionError::Expired)
        );
    }
}

fn refuses_what_was_changed(certificate: &Certificate, package: walrus_core::ObjectId) {
    let changes: [fn(&mut Certificate); 4] = [
        |it| it.ttl_min += 1,
        |it| it.creation_time += 1000,
        |it| it.user = SuiAddress([7; 32]),
        |it| it.session_vk = Ed25519PrivateKey::new([3; 32]).public_key(),
    ];
    for change in changes {
        let mut changed = certificate.clone();
        change(&mut changed);
        assert!(matches!(
            changed.verify(package),
            Err(SessionError::WrongSignature(_))
        ));
    }
    if certificate.mvr_name.is_none() {
        let other = walrus_core::ObjectId([1; 32]);
        assert!(certificate.verify(other).is_err());
    }
}

#[test]
fn times_are_written_as_others_write_them() {
    let key = Ed25519PrivateKey::new([1; 32]).public_key();
    for case in list(&load("seal-session.json")["timestamp_format"]) {
        let message = personal_message("p", 5, number(&case["creation_time_ms"]), &key).unwrap();
        assert!(message.contains(&format!("from {}, session", text(&case["timestamp_text"]))));
    }
    assert!(matches!(
        personal_message("p", 5, u64::MAX, &key),
        Err(SessionError::InvalidTime(_))
    ));
}

#[test]
fn the_time_of_a_certificate_cannot_overflow() {
    let vectors = load("seal-session.json");
    let json = &list(&vectors["sessions"])[0]["certificate_json"];
    let mut certificate: Certificate = serde_json::from_value(json.clone()).unwrap();
    let created = certificate.creation_time;
    let max = 30 * 60_000;
    for (ttl, now, expected) in [
        (30, created, true),
        (30, created + max, true),
        (30, created + max + 1, false),
        (30, created - 1, false),
        (31, created, false),
        (0, created, true),
        (0, created + 1, false),
        // 1093 minutes are more seconds than 16 bits hold: 44 of them.
        (1093, created, false),
        (u16::MAX, created, false),
    ] {
        certificate.ttl_min = ttl;
        assert_eq!(certificate.is_current(now, max), expected, "{ttl} {now}");
    }
    certificate.creation_time = u64::MAX;
    assert!(!certificate.is_current(created, max));
}

#[test]
fn requests_are_signed_as_others_sign_them() {
    for case in list(&load("seal-session.json")["requests"]) {
        let body: FetchKeyRequest = serde_json::from_value(case["body"].clone()).unwrap();
        assert_eq!(serde_json::to_value(&body).unwrap(), case["body"]);
        let (program, ptb) = ApprovalProgram::from_base64(&body.ptb).unwrap();
        let kind = bytes(&case["transaction_kind"]);
        assert_eq!((kind[0], &kind[1..]), (0, &program.to_bytes()[..]));
        assert_eq!(
            signed_bytes(&ptb, &body.enc_key, &body.enc_verification_key),
            bytes(&case["signed_bytes"])
        );
        assert!(body.is_signed(&ptb));
        let key = EphemeralKey::from_bytes(&bytes(&case["enc_secret_key"])).unwrap();
        let session = session_of(case, &body.certificate);
        assert_eq!(
            FetchKeyRequest::sign(&ptb, &key, &session),
            Ok(body.clone())
        );

        let other = EphemeralKey::generate(&mut rand::thread_rng());
        let mut changed = body.clone();
        changed.enc_key = other.encryption_key();
        assert!(!changed.is_signed(&ptb));
        let mut changed = body.clone();
        changed.enc_verification_key = other.verification_key();
        assert!(!changed.is_signed(&ptb));
        assert!(!body.is_signed(&ptb[1..]));
    }
}

/// The session that made a request, whose package its text does not tell.
fn session_of(case: &serde_json::Value, certificate: &Certificate) -> SessionKey {
    use base64::Engine as _;
    let secret: [u8; 32] = array(&case["session_private_key"]);
    let (program, _) = ApprovalProgram::from_base64(text(&case["body"]["ptb"])).unwrap();
    let signature = certificate.signature.to_bytes();
    let exported = ExportedSessionKey {
        address: certificate.user,
        package_id: program.package(),
        mvr_name: certificate.mvr_name.clone(),
        creation_time_ms: certificate.creation_time,
        ttl_min: certificate.ttl_min,
        personal_message_signature: Some(
            base64::engine::general_purpose::STANDARD.encode(signature),
        ),
        session_key: Ed25519PrivateKey::new(secret).to_suiprivkey().unwrap(),
    };
    SessionKey::import(&exported, certificate.creation_time).unwrap()
}

#[test]
fn sessions_are_not_longer_than_clients_allow() {
    let mut rng = rand::thread_rng();
    let (user, package) = (SuiAddress([1; 32]), walrus_core::ObjectId([2; 32]));
    for ttl in [0, 31] {
        assert_eq!(
            SessionKey::generate(user, package, ttl, 0, &mut rng).err(),
            Some(SessionError::InvalidTtl(ttl))
        );
    }
    let session = SessionKey::generate(user, package, 30, 0, &mut rng).unwrap();
    assert_eq!(session.certificate(), Err(SessionError::NotSigned));
    assert!(!format!("{session:?}").contains(&session.export().session_key));
}

/// What a browser makes of a passkey: the challenge is in the text that is signed.
fn sign_with_passkey(key: &Secp256r1PrivateKey, message: &str) -> UserSignature {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let challenge = PersonalMessage(message.as_bytes().into()).signing_digest();
    let client_data = serde_json::json!({
        "type": "webauthn.get",
        "challenge": URL_SAFE_NO_PAD.encode(challenge),
        "origin": "https://app.example",
        "crossOrigin": false,
    });
    let client_data = client_data.to_string();
    // Hash of the site's name, flags, counter.
    let data = [
        &Sha256::digest("app.example").digest[..],
        &[0x1d, 0, 0, 0, 0],
    ]
    .concat();
    let signed = [&data[..], &Sha256::digest(&client_data).digest[..]].concat();
    let signature = SimpleSignature::Secp256r1 {
        signature: key.try_sign(&signed).unwrap(),
        public_key: key.public_key(),
    };
    let authenticator = PasskeyAuthenticator::new(data, client_data, signature);
    UserSignature::Passkey(authenticator.unwrap())
}

#[test]
fn passkeys_sign_for_their_own_accounts_only() {
    let [key, other] = [[1; 32], [2; 32]].map(Secp256r1PrivateKey::new);
    let address = PasskeyPublicKey::new(key.public_key()).derive_address();
    let package = walrus_core::ObjectId([2; 32]);
    let user = SuiAddress(address.into_inner());
    let mut session = SessionKey::generate(user, package, 10, 0, &mut rand::thread_rng()).unwrap();
    let message = session.message().unwrap();
    let wrong = Err(SessionError::WrongSignature(user));
    // Another passkey, and the same one for another text.
    let another_text = format!("{message}.");
    for forged in [
        sign_with_passkey(&other, &message),
        sign_with_passkey(&key, &another_text),
    ] {
        assert_eq!(session.set_signature(forged), wrong);
    }
    let signature = sign_with_passkey(&key, &message);
    assert_eq!(session.set_signature(signature.clone()), Ok(()));
    let certificate = session.certificate().unwrap();
    assert_eq!(certificate.verify(package), Ok(()));
    // The account with the same key, but not as a passkey, is another one.
    let plain = SuiAddress(key.public_key().derive_address().into_inner());
    let mut session = SessionKey::generate(plain, package, 10, 0, &mut rand::thread_rng()).unwrap();
    assert!(session.set_signature(signature).is_err());
}
