use fastcrypto::{
    groups::{GroupElement as _, bls12381::GTElement},
    serde_helpers::ToFromByteArray as _,
};
use walrus_seal::{
    Identity, IdentityPoint, InvalidEncoding, MasterKey, ProofOfPossession, PublicKey,
    UserSecretKey, curve::Nonce,
};

use super::{array, bytes, list, load, number, object_id, text};

#[test]
fn generators_of_the_library_are_those_of_the_protocol() {
    let constants = &load("seal-ibe.json")["constants"];
    let mut one = [0; 32];
    one[31] = 1;
    let public = MasterKey::from_bytes(&one).unwrap().public();
    assert_eq!(public.to_bytes()[..], bytes(&constants["g2_generator"]));
    let gt = GTElement::generator().to_byte_array();
    assert_eq!(gt[..], bytes(&constants["gt_generator"]));
}

#[test]
fn key_pairs() {
    for pair in list(&load("seal-ibe.json")["key_pairs"]) {
        let master = MasterKey::from_hex(text(&pair["master_key"])).unwrap();
        assert_eq!(master.public().to_bytes()[..], bytes(&pair["public_key"]));
        assert_eq!(master.to_bytes()[..], bytes(&pair["master_key"]));
    }
}

#[test]
fn identities_are_hashed_to_points() {
    let vectors = load("seal-ibe.json");
    for case in list(&vectors["hash_to_g1_raw"]) {
        // Messages are hex; the empty one too.
        let point = IdentityPoint::of(&bytes(&case["message"]));
        assert_eq!(point.to_bytes()[..], bytes(&case["h1"]));
    }
    for case in list(&vectors["hash_full_id"]) {
        let identity = Identity {
            package: object_id(&case["package_id"]),
            inner: bytes(&case["id"]),
        };
        assert_eq!(identity.full(), bytes(&case["full_id"]));
        assert_eq!(identity.point().to_bytes()[..], bytes(&case["h1_full_id"]));
        assert_eq!(Identity::from_full(&identity.full()), Some(identity));
    }
}

#[test]
fn keys_of_identities_are_extracted_and_verified() {
    for case in list(&load("seal-ibe.json")["extract_and_verify"]) {
        let point = IdentityPoint::of(&bytes(&case["full_id"]));
        let key = UserSecretKey::from_hex(text(&case["user_secret_key"])).unwrap();
        let public: PublicKey = text(&case["public_key"]).parse().unwrap();
        assert_eq!(key.verify(&point, &public), case["valid"] == true);
        if let Some(master) = case.get("master_key") {
            let master = MasterKey::from_hex(text(master)).unwrap();
            assert_eq!(master.extract(&point), key);
        }
    }
}

#[test]
fn keys_of_a_seed() {
    for case in list(&load("seal-ibe.json")["seed_derivation"]) {
        let master =
            MasterKey::from_seed(&array(&case["seed"]), number(&case["derivation_index"])).unwrap();
        assert_eq!(master.to_bytes()[..], bytes(&case["master_key"]));
        assert_eq!(master.public().to_bytes()[..], bytes(&case["public_key"]));
    }
}

#[test]
fn proofs_of_possession() {
    for case in list(&load("seal-ibe.json")["proof_of_possession"]) {
        let master = MasterKey::from_hex(text(&case["master_key"])).unwrap();
        let server = object_id(&case["key_server_object_id"]);
        let proof = master.prove_possession(server);
        assert_eq!(proof.to_bytes()[..], bytes(&case["pop"]));
        assert_eq!(serde_json::to_value(proof).unwrap(), case["pop_b64"]);
        assert!(master.public().verify_possession(server, &proof));
        let other = walrus_core::ObjectId([1; 32]);
        assert!(!master.public().verify_possession(other, &proof));
        let point: ProofOfPossession = text(&case["pop"]).parse().unwrap();
        assert_eq!(point, proof);
    }
}

#[test]
fn invalid_encodings_are_refused_for_their_reason() {
    let invalid = &load("seal-ibe.json")["invalid_encodings"];
    for case in list(&invalid["scalar"]) {
        assert_eq!(
            MasterKey::from_hex(text(&case["hex"])).unwrap_err(),
            InvalidEncoding::NotReduced
        );
    }
    assert_eq!(
        MasterKey::from_bytes(&[0; 32]).unwrap_err(),
        InvalidEncoding::Zero
    );
    for case in list(&invalid["g1"]) {
        assert_eq!(
            UserSecretKey::from_hex(text(&case["hex"])).unwrap_err(),
            InvalidEncoding::NotInGroup,
            "{case}"
        );
    }
    let identity = &invalid["identity_point"];
    assert_eq!(
        UserSecretKey::from_hex(text(&identity["g1"])).unwrap_err(),
        InvalidEncoding::Neutral
    );
    for parse in [
        |bytes: &[u8]| PublicKey::from_bytes(bytes).map(drop),
        |bytes: &[u8]| Nonce::from_bytes(bytes).map(drop),
    ] {
        let bytes = bytes(&identity["g2"]);
        assert_eq!(parse(&bytes).unwrap_err(), InvalidEncoding::Neutral);
        assert_eq!(
            parse(&bytes[..95]).unwrap_err(),
            InvalidEncoding::Length {
                expected: 96,
                actual: 95
            }
        );
    }
}
