//! The chain registers a node only for somebody who proves to have its key, now and for this
//! account.

use walrus_core::{
    Frost, NetworkKeyPair, ObjectId, ProtocolKeyPair, ProtocolPublicKey, ProtocolSignature,
};
use walrus_sui::contract::{NodeRegistration, NodeVotes};
use walrus_tests::contracts::{ContractNetwork, admin, user};

const NODES: u8 = 4;
const SHARDS: u16 = 10;

fn registration(
    public_key: ProtocolPublicKey,
    proof_of_possession: ProtocolSignature,
) -> NodeRegistration {
    NodeRegistration {
        name: "newcomer".to_owned(),
        network_address: "localhost:9185".to_owned(),
        metadata: walrus_contracts::types::NodeMetadata::default(),
        public_key,
        proof_of_possession,
        network_public_key: NetworkKeyPair::from_seed([9; 32]).public(),
        commission_rate: 500,
        votes: NodeVotes {
            storage_price: Frost(1),
            write_price: Frost(1),
            node_capacity: 1_000_000_000_000,
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proof_of_possession_is_for_one_key_one_epoch_and_one_account() {
    let network = ContractNetwork::start(NODES, SHARDS).await;
    let key = ProtocolKeyPair::from_seed([200; 32]);
    let other_key = ProtocolKeyPair::from_seed([201; 32]);
    let (me, somebody) = (user().address(), admin().address());

    let mut garbled = key.public();
    garbled.0[47] ^= 1;
    let refused = [
        (
            "of the epoch before",
            key.public(),
            key.proof_of_possession(0, me),
        ),
        (
            "of the epoch after",
            key.public(),
            key.proof_of_possession(2, me),
        ),
        (
            "of another account",
            key.public(),
            key.proof_of_possession(1, somebody),
        ),
        (
            "by another key",
            key.public(),
            other_key.proof_of_possession(1, me),
        ),
        (
            "for another key",
            other_key.public(),
            key.proof_of_possession(1, me),
        ),
        ("for no key", garbled, key.proof_of_possession(1, me)),
    ];
    for (what, public_key, proof) in refused {
        let node = registration(public_key, proof.signature);
        let error = network
            .user
            .register_candidate(&node)
            .await
            .expect_err(what);
        assert!(error.is_abort("staking_pool", 4), "{what}: {error}");
    }
    assert!(network.reader.owned_node_caps(me).await.unwrap().is_empty());

    let proof = key.proof_of_possession(1, me);
    let node = registration(key.public(), proof.signature);
    let registered = network.user.register_candidate(&node).await.unwrap();
    let pool = network
        .reader
        .staking_pool(registered.node_id)
        .await
        .unwrap();
    assert_eq!(
        pool.node_info.public_key.to_compressed_g1(),
        Some(key.public().0)
    );
    assert_eq!(pool.node_info.name, "newcomer");
    assert_eq!(pool.commission_rate, 500);
    assert_ne!(registered.node_id, ObjectId::default());
    assert_eq!(registered.cap.node_id, registered.node_id);
}
