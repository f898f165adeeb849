//! Keys that are chosen such that sums of keys become something that their owner controls.

use fastcrypto::{
    groups::{
        GroupElement as _,
        bls12381::{G1Element, Scalar},
    },
    serde_helpers::ToFromByteArray as _,
};
use walrus_core::{
    ProtocolKeyPair, ProtocolPublicKey, SuiAddress,
    keys::aggregate_signatures,
    messages::{ProofOfPossession, ProtocolMessage},
};
use walrus_tests::{
    chain::{BlobSpec, Certificate, NodeSpec, Walrus},
    keys::{admin, operator, permanent, protocol_key},
};

use super::{assert_refused, network, user};

const ATTACKER: u8 = 20;

fn point(key: &ProtocolPublicKey) -> G1Element {
    G1Element::from_byte_array(&key.0).unwrap()
}

fn proof(signer: &ProtocolKeyPair, address: SuiAddress, public_key: ProtocolPublicKey) -> NodeSpec {
    let body = ProofOfPossession {
        address,
        public_key,
    };
    NodeSpec::new(public_key, signer.sign_message(1, body).signature)
}

#[test]
fn a_key_that_cancels_the_others_cannot_be_registered() {
    let mut walrus = network();
    // With this key, the sum of all keys would be the attacker's own.
    let own = protocol_key(ATTACKER);
    let others = walrus
        .nodes
        .iter()
        .map(|node| point(&protocol_key(node.key).public()));
    let rogue = others.fold(point(&own.public()), |sum, key| sum - key);
    let rogue = ProtocolPublicKey(rogue.to_byte_array());
    rogue
        .validate()
        .expect("it is a valid key whose secret nobody knows");

    let me = operator(ATTACKER).address();
    let honest = walrus.nodes[0];
    let attempts = [
        ("the own key signs", proof(&own, me, rogue)),
        ("for the own key", {
            let spec = proof(&own, me, own.public());
            NodeSpec {
                public_key: rogue.0.to_vec(),
                ..spec
            }
        }),
        ("somebody else's", {
            let spec = proof(
                &protocol_key(honest.key),
                honest.operator,
                protocol_key(honest.key).public(),
            );
            NodeSpec {
                public_key: rogue.0.to_vec(),
                ..spec
            }
        }),
    ];
    for (what, spec) in attempts {
        let failure = walrus.register_as(ATTACKER, &spec).expect_err(what);
        assert!(failure.is_abort("staking_pool", 4), "{what}: {failure}");
    }
}

/// The group has a prime order; this is 5 less.
const MINUS_FIVE: [u8; 32] = [
    0x73, 0xed, 0xa7, 0x53, 0x29, 0x9d, 0x7d, 0x48, 0x33, 0x39, 0xd8, 0x08, 0x09, 0xa1, 0xd8, 0x05,
    0x53, 0xbd, 0xa4, 0x02, 0xff, 0xfe, 0x5b, 0xfe, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xfc,
];

#[test]
fn keys_that_cancel_each_other_certify_nothing() {
    // Their owner has both secrets, so that the proofs are fine.
    let mut five = [0; 32];
    five[31] = 5;
    let keys =
        [five, MINUS_FIVE].map(|secret| ProtocolKeyPair::from_secret_bytes(&secret).unwrap());
    let sum = point(&keys[0].public()) + point(&keys[1].public());
    assert_eq!(sum, G1Element::zero());
    assert_eq!(
        point(&keys[0].public()),
        G1Element::generator() * Scalar::from(5)
    );

    let mut walrus = Walrus::deploy(10);
    walrus.send_wal(admin().address(), user(), 1_000_000_000_000);
    for (number, key) in (ATTACKER..).zip(&keys) {
        let me = operator(number).address();
        let mut spec = proof(key, me, key.public());
        let body = ProofOfPossession {
            address: me,
            public_key: key.public(),
        };
        spec.proof_of_possession = key.sign_message(0, body).signature.0.to_vec();
        let node = walrus.register_as(number, &spec).unwrap();
        walrus
            .stake(admin().address(), node.id, 4_000_000_000_000)
            .unwrap();
    }
    let node = walrus.register(0).unwrap();
    walrus
        .stake(admin().address(), node.id, 1_000_000_000_000)
        .unwrap();
    walrus.next_epoch();

    // The two are a quorum whose key is infinity. A signature of infinity fits it, whatever is
    // signed.
    let members = walrus.members();
    let bits = members
        .iter()
        .enumerate()
        .filter(|(_, member)| member.key >= ATTACKER);
    let bitmap = bits.fold(0u8, |bitmap, (position, _)| bitmap | 1 << position);
    let spec = BlobSpec::new(1, 1000, false);
    let blob = walrus.register_blob(user(), &spec).unwrap();
    let message = ProtocolMessage::new(1, permanent(spec.blob_id())).to_bytes();
    let signatures = keys.map(|key| key.sign(&message));
    let signature = aggregate_signatures(&signatures).unwrap().0;
    assert_eq!((signature[0], &signature[1..]), (0xc0, &[0; 95][..]));
    let certificate = Certificate {
        signature: signature.to_vec(),
        bitmap: vec![bitmap],
        message,
    };
    let outcome = walrus.certify_blob(user(), blob, &certificate);
    assert_refused(outcome, "bls_aggregate", 1, "infinity");
}

#[test]
fn a_signature_by_one_member_does_not_count_twice() {
    let mut walrus = network();
    let spec = BlobSpec::new(1, 1000, false);
    let blob = walrus.register_blob(user(), &spec).unwrap();
    let single = walrus.sign([0], permanent(spec.blob_id()));
    let signature = walrus_core::ProtocolSignature(single.signature.clone().try_into().unwrap());
    for (copies, bitmap) in [(4, 0b0000_1111), (5, 0b0001_1111)] {
        let certificate = Certificate {
            signature: aggregate_signatures(&vec![signature; copies])
                .unwrap()
                .0
                .to_vec(),
            bitmap: vec![bitmap],
            ..single.clone()
        };
        let outcome = walrus.certify_blob(user(), blob, &certificate);
        assert_refused(outcome, "bls_aggregate", 1, "copies");
    }
}
