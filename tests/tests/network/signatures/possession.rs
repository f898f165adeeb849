//! A node's key is taken only from who has its secret: at registration, and when it is changed.

use walrus_core::{ProtocolKeyPair, ProtocolPublicKey, ProtocolSignature};
use walrus_tests::{
    chain::{BlobSpec, Failure, Node, NodeSpec, Receipt, Walrus},
    keys::{operator, permanent, protocol_key, user as user_signer},
};

use super::{assert_refused, network, user};

/// Number of an operator that has no node yet.
const NEWCOMER: u8 = 9;

/// Registers with a description that may break rules.
fn register(walrus: &mut Walrus, change: impl FnOnce(&mut NodeSpec)) -> Result<Node, Failure> {
    let key = protocol_key(NEWCOMER);
    let proof = key.proof_of_possession(walrus.epoch(), operator(NEWCOMER).address());
    let mut spec = NodeSpec::new(key.public(), proof.signature);
    change(&mut spec);
    walrus.register_as(NEWCOMER, &spec)
}

/// The key as bytes, and what is wrong with it.
fn bad_points() -> Vec<(&'static str, Vec<u8>)> {
    let point = |first: u8, last: u8| {
        let mut point = vec![0; 48];
        (point[0], point[47]) = (first, last);
        point
    };
    vec![
        ("zeros", vec![0; 48]),
        ("ones", vec![0xff; 48]),
        ("infinity", point(0xc0, 0)),
        ("infinity with a coordinate", point(0xc0, 1)),
        ("not on the curve", point(0x80, 1)),
        // x = 4 is on the curve, but the point is not in the group.
        ("outside of the group", point(0x80, 4)),
    ]
}

#[test]
fn points_that_are_no_keys_cannot_be_registered() {
    let mut walrus = network();
    let key = protocol_key(NEWCOMER);
    let me = operator(NEWCOMER).address();
    for (what, point) in bad_points() {
        // A signature of infinity would fit the key of infinity, if that were one.
        let mut infinity = vec![0; 96];
        infinity[0] = 0xc0;
        let public_key: [u8; 48] = point.clone().try_into().unwrap();
        let proof = key.sign_message(
            1,
            walrus_core::messages::ProofOfPossession {
                address: me,
                public_key: ProtocolPublicKey(public_key),
            },
        );
        for signature in [proof.signature.0.to_vec(), infinity] {
            let outcome = register(&mut walrus, |spec| {
                spec.public_key.clone_from(&point);
                spec.proof_of_possession = signature;
            });
            let failure = outcome.expect_err(what);
            assert!(failure.is_abort("staking_pool", 4), "{what}: {failure}");
        }
    }
}

#[test]
fn what_a_node_says_about_itself_has_limits() {
    let mut walrus = network();
    type Change = fn(&mut NodeSpec);
    let refused: [(&str, Change, &str, u64); 12] = [
        ("no key", |spec| spec.public_key.clear(), "messages", 6),
        (
            "a short key",
            |spec| spec.public_key.truncate(47),
            "messages",
            6,
        ),
        ("a long key", |spec| spec.public_key.push(0), "messages", 6),
        (
            "an uncompressed key",
            |spec| spec.public_key.resize(96, 0),
            "messages",
            6,
        ),
        (
            "no proof",
            |spec| spec.proof_of_possession.clear(),
            "staking_pool",
            4,
        ),
        (
            "a short proof",
            |spec| spec.proof_of_possession.truncate(95),
            "staking_pool",
            4,
        ),
        (
            "a long proof",
            |spec| spec.proof_of_possession.push(0),
            "staking_pool",
            4,
        ),
        (
            "a long name",
            |spec| spec.name = "n".repeat(101),
            "staking_pool",
            17,
        ),
        (
            "a long address",
            |spec| spec.network_address = "a".repeat(260),
            "staking_pool",
            16,
        ),
        (
            "commission",
            |spec| spec.commission_rate = 10_001,
            "staking_pool",
            14,
        ),
        (
            "a short network key",
            |spec| spec.network_public_key.truncate(32),
            "storage_node",
            0,
        ),
        (
            "a long network key",
            |spec| spec.network_public_key.push(0),
            "storage_node",
            0,
        ),
    ];
    for (what, change, module, code) in refused {
        let failure = register(&mut walrus, change).expect_err(what);
        assert!(failure.is_abort(module, code), "{what}: {failure}");
    }
    register(&mut walrus, |spec| {
        spec.name = "n".repeat(100);
        spec.network_address = "a".repeat(259);
        spec.commission_rate = 10_000;
    })
    .unwrap();
}

#[test]
fn a_proof_serves_its_sender_once_per_epoch() {
    let mut walrus = network();
    // Seen on chain, and sent again by somebody else.
    let key = protocol_key(NEWCOMER);
    let proof = key.proof_of_possession(1, operator(NEWCOMER).address());
    let spec = NodeSpec::new(key.public(), proof.signature);
    let failure = walrus.register_as(NEWCOMER + 1, &spec).unwrap_err();
    assert!(failure.is_abort("staking_pool", 4), "{failure}");
    walrus.register_as(NEWCOMER, &spec).unwrap();
    // Nothing forbids to register the key twice, in the epoch.
    walrus.register_as(NEWCOMER, &spec).unwrap();
    walrus.next_epoch();
    let failure = walrus.register_as(NEWCOMER, &spec).unwrap_err();
    assert!(failure.is_abort("staking_pool", 4), "{failure}");
}

fn rotate(
    walrus: &mut Walrus,
    node: Node,
    key: ProtocolPublicKey,
    proof: ProtocolSignature,
) -> Result<Receipt, Failure> {
    let staking = walrus.ids.staking;
    walrus.run(node.operator, |ptb| {
        let arguments = [
            ptb.object(staking),
            ptb.object(node.cap),
            ptb.pure(&key.0.to_vec()),
            ptb.pure(&proof.0.to_vec()),
        ];
        ptb.call("walrus::staking::set_next_public_key", &arguments);
    })
}

#[test]
fn a_key_is_changed_by_who_has_the_new_one() {
    let mut walrus = network();
    let node = walrus.nodes[0];
    let (old, new) = (protocol_key(node.key), protocol_key(50));
    let prove =
        |key: &ProtocolKeyPair, epoch, sender| key.proof_of_possession(epoch, sender).signature;
    let me = node.operator;
    let refused = [
        (
            "by the old key",
            new.public(),
            old.sign_message(1, possession(me, new.public())).signature,
        ),
        ("of the old key", new.public(), prove(&old, 1, me)),
        ("of the epoch before", new.public(), prove(&new, 0, me)),
        ("of the epoch after", new.public(), prove(&new, 2, me)),
        (
            "of another sender",
            new.public(),
            prove(&new, 1, user_signer().address()),
        ),
    ];
    for (what, key, proof) in refused {
        assert_refused(
            rotate(&mut walrus, node, key, proof),
            "staking_pool",
            4,
            what,
        );
    }
    rotate(&mut walrus, node, new.public(), prove(&new, 1, me)).unwrap();

    // Until the epoch ends, the node signs with the old key.
    let position = position(&walrus, node);
    let spec = BlobSpec::new(1, 1000, false);
    let blob = walrus.register_blob(user(), &spec).unwrap();
    let body = permanent(spec.blob_id());
    assert_eq!(key_at(&walrus, position), old.public());
    let early = walrus.certificate_by(&[(position, &new)], 1, &body);
    assert_refused(
        walrus.certify_blob(user(), blob, &early),
        "bls_aggregate",
        1,
        "early",
    );

    walrus.next_epoch();
    assert_eq!(key_at(&walrus, position), new.public());
    let late = walrus.certificate_by(&[(position, &old)], 2, &body);
    assert_refused(
        walrus.certify_blob(user(), blob, &late),
        "bls_aggregate",
        1,
        "late",
    );
    let certificate = walrus.certificate_by(&[(position, &new)], 2, &body);
    walrus.certify_blob(user(), blob, &certificate).unwrap();
}

#[test]
fn a_key_that_is_set_after_the_votes_waits_for_the_committee_after_next() {
    let mut walrus = network();
    let node = walrus.nodes[0];
    let (old, new) = (protocol_key(node.key), protocol_key(50));
    walrus.chain.advance_clock(walrus_tests::chain::EPOCH_MS);
    walrus.voting_end().unwrap();
    let proof = new.proof_of_possession(1, node.operator).signature;
    rotate(&mut walrus, node, new.public(), proof).unwrap();
    walrus.initiate_epoch_change().unwrap();
    walrus.attest_all();

    // The committee of epoch 2 was chosen with the old key, which therefore keeps signing.
    let position = position(&walrus, node);
    let spec = BlobSpec::new(1, 1000, false);
    let blob = walrus.register_blob(user(), &spec).unwrap();
    assert_eq!(key_at(&walrus, position), old.public());
    let body = permanent(spec.blob_id());
    let wrong = walrus.certificate_by(&[(position, &new)], 2, &body);
    assert_refused(
        walrus.certify_blob(user(), blob, &wrong),
        "bls_aggregate",
        1,
        "not yet",
    );
    let right = walrus.certificate_by(&[(position, &old)], 2, &body);
    walrus.certify_blob(user(), blob, &right).unwrap();
    walrus.next_epoch();
    assert_eq!(key_at(&walrus, position), new.public());
}

fn possession(
    address: walrus_core::SuiAddress,
    public_key: ProtocolPublicKey,
) -> walrus_core::messages::ProofOfPossession {
    walrus_core::messages::ProofOfPossession {
        address,
        public_key,
    }
}

fn position(walrus: &Walrus, node: Node) -> usize {
    let members = walrus.members();
    members
        .iter()
        .position(|member| member.id == node.id)
        .unwrap()
}

fn key_at(walrus: &Walrus, position: usize) -> ProtocolPublicKey {
    let key = &walrus.system().committee.members[position].public_key;
    ProtocolPublicKey(key.to_compressed_g1().unwrap())
}
