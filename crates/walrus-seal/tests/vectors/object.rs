use std::num::NonZeroU8;

use serde_json::Value;
use walrus_core::ObjectId;
use walrus_seal::{
    Check, Ciphertext, DecryptError, Dem, EncryptedObject, Identity, ObjectError, PublicKey,
    PublicKeys, Recipient, ServerSet, UserKeys, UserSecretKey, WireError,
};

use super::{Script, bytes, list, load, number, object_id, text};

fn public_key(value: &Value) -> PublicKey {
    text(value).parse().unwrap()
}

fn user_keys(case: &Value) -> UserKeys {
    let keys = case["user_secret_keys"].as_object().unwrap();
    keys.iter()
        .map(|(server, key)| {
            let key = UserSecretKey::from_hex(text(key)).unwrap();
            (server.parse().unwrap(), key)
        })
        .collect()
}

/// The keys of some servers, if the case names any.
fn subset(keys: &UserKeys, servers: &Value) -> Option<UserKeys> {
    let servers = servers.as_array()?.iter().map(object_id);
    let keys = servers.map(|server| (server, keys[&server].clone()));
    Some(keys.collect())
}

/// Public keys of the servers of an object, in the order of its shares.
fn public_keys(object: &EncryptedObject, keys: &Value) -> PublicKeys {
    let servers = object.header.services.iter().map(|it| it.server);
    servers.zip(list(keys).iter().map(public_key)).collect()
}

/// The set of servers that makes these shares; `None` if their indices are not those that we give.
fn servers(case: &Value) -> Option<ServerSet> {
    let mut recipients: Vec<Recipient> = Vec::new();
    for (position, (service, key)) in list(&case["services"])
        .iter()
        .zip(list(&case["public_keys"]))
        .enumerate()
    {
        if number::<usize>(&service["share_index"]) != position + 1 {
            return None;
        }
        let server = object_id(&service["object_id"]);
        match recipients.iter_mut().find(|it| it.server == server) {
            Some(known) => known.weight = known.weight.checked_add(1).unwrap(),
            None => recipients.push(Recipient {
                server,
                public_key: public_key(key),
                weight: NonZeroU8::MIN,
            }),
        }
    }
    Some(ServerSet::new(recipients, number(&case["threshold"])).unwrap())
}

/// The chance that the encryptor of a case had, in the order in which we draw it.
fn chance(case: &Value) -> Script {
    let secrets = &case["secrets"];
    let per_byte: Vec<_> = list(&secrets["polynomial_coefficients_low_to_high"])
        .iter()
        .map(bytes)
        .collect();
    let mut drawn = bytes(&secrets["base_key"]);
    for degree in 1..number(&case["threshold"]) {
        drawn.extend(per_byte.iter().map(|byte| byte[degree]));
    }
    Script(drawn).then_scalar(&bytes(&secrets["r"]))
}

#[test]
fn encryption_with_the_same_chance_gives_the_same_bytes() {
    let mut compared = 0;
    for case in list(&load("seal-object.json")["deterministic"]) {
        let Some(servers) = servers(case) else {
            continue;
        };
        compared += 1;
        let identity = Identity {
            package: object_id(&case["package_id"]),
            inner: bytes(&case["id"]),
        };
        let ciphertext = &case["ciphertext"];
        let aad = ciphertext
            .get("aad")
            .filter(|aad| !aad.is_null())
            .map(bytes);
        let dem = match text(&ciphertext["kind"]) {
            "Aes256Gcm" => Some(Dem::Aes256Gcm),
            "Hmac256Ctr" => Some(Dem::Hmac256Ctr),
            "Plain" => None,
            other => panic!("unknown kind {other}"),
        };
        let mut rng = chance(case);
        let (object, key) = match dem {
            Some(dem) => {
                let plaintext = bytes(&case["plaintext"]);
                EncryptedObject::encrypt(
                    identity,
                    &servers,
                    dem,
                    &plaintext,
                    aad.as_deref(),
                    &mut rng,
                )
                .unwrap()
            }
            None => EncryptedObject::of_key(identity, &servers, &mut rng),
        };
        assert_eq!(
            hex::encode(object.to_bytes()),
            text(&case["encrypted_object"]),
            "{}",
            case["name"]
        );
        assert_eq!(key.as_bytes()[..], bytes(&case["secrets"]["dem_key"]));
    }
    assert!(compared >= 9, "only {compared} objects were compared");
}

#[test]
fn objects_decode_encode_and_decrypt() {
    for case in list(&load("seal-object.json")["deterministic"]) {
        let wire = bytes(&case["encrypted_object"]);
        let object = EncryptedObject::from_bytes(&wire).unwrap();
        assert_eq!(object.to_bytes(), wire, "{}", case["name"]);
        let expected = match object.ciphertext {
            Ciphertext::Plain => bytes(&case["secrets"]["dem_key"]),
            _ => bytes(&case["plaintext"]),
        };
        let keys = user_keys(case);
        let public_keys = public_keys(&object, &case["public_keys"]);
        let enough = subset(&keys, &case["sufficient_subset"]);
        for keys in enough.iter().chain([&keys]) {
            for check in [Check::AllShares(&public_keys), Check::OwnShares] {
                assert_eq!(object.decrypt(keys, check), Ok(expected.clone()));
            }
        }
        let few = subset(&keys, &case["insufficient_subset"]).unwrap_or_default();
        assert!(matches!(
            object.decrypt(&few, Check::OwnShares),
            Err(DecryptError::NotEnoughKeys { .. })
        ));
    }
}

#[test]
fn objects_of_the_other_implementation_decrypt() {
    for case in list(&load("seal-object.json")["sdk_random"]) {
        let wire = bytes(&case["encrypted_object"]);
        let object = EncryptedObject::from_bytes(&wire).unwrap();
        assert_eq!(object.to_bytes(), wire);
        let services = list(&case["services"]);
        let public_keys: PublicKeys = services
            .iter()
            .map(|it| (object_id(&it["object_id"]), public_key(&it["public_key"])))
            .collect();
        let check = Check::AllShares(&public_keys);
        let plaintext = object.decrypt(&user_keys(case), check).unwrap();
        assert_eq!(plaintext, bytes(&case["plaintext"]));
    }
}

/// Why an object is refused, as far as one can tell from its name in the vectors.
#[derive(Debug, PartialEq, Eq)]
enum Reason {
    Decoding(ObjectError),
    Decrypting(DecryptError),
}

fn refusal(case: &Value, checks_all: bool) -> Result<Vec<u8>, Reason> {
    let object =
        EncryptedObject::from_bytes(&bytes(&case["encrypted_object"])).map_err(Reason::Decoding)?;
    let public_keys = public_keys(&object, &case["public_keys"]);
    let check = if checks_all {
        Check::AllShares(&public_keys)
    } else {
        Check::OwnShares
    };
    object
        .decrypt(&user_keys(case), check)
        .map_err(Reason::Decrypting)
}

fn is_expected(name: &str, reason: &Reason) -> bool {
    use DecryptError as D;
    use ObjectError as O;
    use Reason::{Decoding, Decrypting};
    match name {
        _ if name.starts_with("Aes256Gcm:") || name.starts_with("Hmac256Ctr:") => {
            matches!(reason, Decrypting(D::NotAuthentic(_)))
        }
        // What `derive` binds shows as randomness that is too large, or makes another nonce.
        "one encrypted share bit flipped in transit"
        | "encrypted randomness bit flipped"
        | "threshold lowered from 2 to 1"
        | "service order swapped"
        | "share index changed"
        | "inner id changed, user secret keys of the original id supplied"
        | "nonce not equal to r*G2"
        | "legacy little-endian randomness"
        | "malicious encryptor: share 1 invalid; decryptor holds keys 1 and 2"
        | "malicious encryptor: polynomial degree 2 with threshold 2; decryptor holds keys 1 and 2" =>
        {
            matches!(
                reason,
                Decrypting(D::InvalidRandomness(_) | D::NonceMismatch)
            )
        }
        "malicious encryptor: share 1 invalid; decryptor holds keys 2 and 3"
        | "malicious encryptor: polynomial degree 2 with threshold 2; decryptor holds all 3 keys" => {
            *reason == Decrypting(D::InconsistentShares)
        }
        "last encrypted share removed (count mismatch)" => {
            matches!(reason, Decoding(O::ShareCount { .. }))
        }
        "version byte 1" => *reason == Decoding(O::UnknownVersion(1)),
        "trailing byte" => *reason == Decoding(O::Wire(WireError::TrailingBytes(1))),
        "truncated" => *reason == Decoding(O::Wire(WireError::Truncated)),
        "threshold 0" => matches!(reason, Decoding(O::InvalidThreshold { threshold: 0, .. })),
        "duplicate share index" => matches!(reason, Decoding(O::DuplicateIndex(_))),
        "zero share index" => *reason == Decoding(O::ZeroIndex),
        "unknown ciphertext variant 3" => *reason == Decoding(O::UnknownCiphertext(3)),
        "unknown KEM variant 1" => *reason == Decoding(O::UnknownKem(1)),
        other => panic!("unknown case {other}"),
    }
}

#[test]
fn bad_objects_are_refused_for_their_reason() {
    for case in list(&load("seal-object.json")["negative"]) {
        let name = text(&case["name"]);
        let reason = refusal(case, true).expect_err(name);
        assert!(is_expected(name, &reason), "{name}: {reason:?}");
        // Without the check of all shares, only what these readers cannot notice goes through.
        let unnoticed = text(&case["expected"]).contains("consistency check is on")
            || text(&case["expected"]).starts_with("accept without");
        match refusal(case, false) {
            Ok(plaintext) => {
                assert!(unnoticed, "{name}");
                assert_eq!(plaintext, bytes(&case["plaintext"]));
            }
            Err(reason) => assert!(!unnoticed, "{name}: {reason:?}"),
        }
    }
}

#[test]
fn randomness_written_the_wrong_way_round_is_an_option() {
    let vectors = load("seal-object.json");
    let case = list(&vectors["negative"])
        .iter()
        .find(|case| case["name"] == "legacy little-endian randomness")
        .unwrap();
    let object = EncryptedObject::from_bytes(&bytes(&case["encrypted_object"])).unwrap();
    let plaintext = object.decrypt(&user_keys(case), Check::OwnSharesOrLegacy);
    assert_eq!(plaintext, Ok(bytes(&case["plaintext"])));
    let usual = &list(&vectors["deterministic"])[0];
    let object = EncryptedObject::from_bytes(&bytes(&usual["encrypted_object"])).unwrap();
    let plaintext = object.decrypt(&user_keys(usual), Check::OwnSharesOrLegacy);
    assert_eq!(plaintext, Ok(bytes(&usual["plaintext"])));
}

#[test]
fn the_check_of_all_shares_needs_all_public_keys() {
    let vectors = load("seal-object.json");
    let case = &list(&vectors["deterministic"])[1];
    let object = EncryptedObject::from_bytes(&bytes(&case["encrypted_object"])).unwrap();
    let mut public_keys = public_keys(&object, &case["public_keys"]);
    let (missing, _) = public_keys.pop_last().unwrap();
    assert_eq!(
        object.decrypt(&user_keys(case), Check::AllShares(&public_keys)),
        Err(DecryptError::MissingPublicKey(missing))
    );
}

#[test]
fn impossible_sets_of_servers_are_refused() {
    let vectors = load("seal-object.json");
    let key = public_key(&list(&vectors["master_keys"])[0]["public_key"]);
    let recipient = |id, weight| Recipient {
        server: ObjectId([id; 32]),
        public_key: key,
        weight: NonZeroU8::new(weight).unwrap(),
    };
    assert!(ServerSet::new(vec![], 1).is_err());
    assert!(ServerSet::new(vec![recipient(1, 1), recipient(1, 1)], 1).is_err());
    assert!(ServerSet::new(vec![recipient(1, 1)], 0).is_err());
    assert!(ServerSet::new(vec![recipient(1, 1), recipient(2, 1)], 3).is_err());
    assert!(ServerSet::new(vec![recipient(1, 200), recipient(2, 55)], 3).is_err());
    assert!(ServerSet::new(vec![recipient(1, 200), recipient(2, 54)], 254).is_ok());
}
