//! The unmodified `@mysten/walrus` reads our objects and builds transactions for our contracts.
//! There are no storage nodes: the test signs what nodes would sign, and checks on the chain what
//! the client says.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use walrus_contracts::types::{Blob, StakingPool, Storage};
use walrus_core::{BlobId, ObjectId, params::storage_units};
use walrus_tests::{
    contracts::{ContractNetwork, STORAGE_PRICE, user},
    keys::{deletable, key_of, permanent},
    npm::Conversation,
};

const NODES: u8 = 5;
const SHARDS: u16 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysten_walrus_reads_our_objects_and_drives_our_contracts() {
    let network = ContractNetwork::start(NODES, SHARDS).await;
    // A second epoch, so that there are a previous committee and rates.
    network.next_epoch().await;
    let nodes: Vec<_> = network
        .deployer
        .nodes()
        .iter()
        .map(|node| node.node_id)
        .collect();
    let mut client = Conversation::start(
        "contracts.mjs",
        &json!({
            "rpc": network.localnet.rpc_url(),
            "secret": user().to_suiprivkey(),
            "system_object": network.deployment.system_object.to_string(),
            "staking_object": network.deployment.staking_object.to_string(),
            "nodes": nodes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
    );
    let mut asked = BTreeMap::<&str, u32>::new();
    while let Some(question) = client.question() {
        let answer = if let Some(parsed) = question.get("parsed") {
            *asked.entry("parsed").or_default() += 1;
            check_parsed(&network, parsed, &nodes).await;
            json!({})
        } else if let Some(what) = question.get("confirm") {
            *asked.entry("confirm").or_default() += 1;
            confirmations(&network, what).await
        } else if let Some(done) = question.get("check") {
            *asked.entry("check").or_default() += 1;
            check_done(&network, done).await;
            json!({})
        } else {
            panic!("unknown question {question}");
        };
        client.answer(&answer);
    }
    let expected = BTreeMap::from([("parsed", 1), ("confirm", 2), ("check", 4)]);
    assert_eq!(asked, expected);
}

/// What the npm client read is what ours reads.
async fn check_parsed(network: &ContractNetwork, parsed: &Value, nodes: &[ObjectId]) {
    network.reader.refresh().await;
    let state = network.reader.contract_state().await.unwrap();
    let at = |path: &str| {
        parsed
            .pointer(path)
            .unwrap_or_else(|| panic!("{path} is missing"))
    };
    assert_eq!(
        *at("/system/id"),
        json!(network.deployment.system_object.to_string())
    );
    assert_eq!(
        *at("/system/package_id"),
        json!(state.system.package_id.to_string())
    );
    assert_eq!(
        *at("/staking/version"),
        json!(state.system.version.to_string())
    );
    assert_eq!(*at("/systemState/committee/epoch"), 2);
    assert_eq!(*at("/systemState/committee/n_shards"), SHARDS);
    assert_eq!(
        *at("/systemState/storage_price_per_unit_size"),
        json!(STORAGE_PRICE.0.to_string())
    );
    let ring = at("/systemState/future_accounting/ring_buffer")
        .as_array()
        .unwrap();
    assert_eq!(
        ring.len(),
        state.system_inner.future_accounting.ring_buffer.len()
    );
    assert_eq!(*at("/stakingState/epoch"), 2);
    assert!(
        at("/stakingState/epoch_state")
            .get("EpochChangeDone")
            .is_some()
    );
    let committee = network.committee().await;
    let members = at("/stakingState/committee/0/contents").as_array().unwrap();
    assert_eq!(members.len(), committee.members.len());
    for (found, member) in members.iter().zip(&committee.members) {
        let shards: Vec<_> = member.shards.iter().map(|shard| shard.0).collect();
        assert_eq!(
            *found,
            json!({"key": member.node_id.to_string(), "value": shards})
        );
    }
    for (found, node) in at("/pools").as_array().unwrap().iter().zip(nodes) {
        let pool: StakingPool = network.reader.staking_pool(*node).await.unwrap();
        let expected = json!({
            "id": node.to_string(),
            "wal_balance": pool.wal_balance.to_string(),
            "num_shares": pool.num_shares.to_string(),
            "commission_rate": pool.commission_rate,
            "latest_epoch": pool.latest_epoch,
        });
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&found[field], value, "{field} of {node}");
        }
        assert_eq!(found["node_info"]["name"], json!(pool.node_info.name));
        assert_eq!(
            found["node_info"]["public_key"]["bytes"],
            json!(pool.node_info.public_key.bytes)
        );
    }
}

/// What all members but the last sign, in the order of the committee.
async fn confirmations(network: &ContractNetwork, what: &Value) -> Value {
    let blob_id: BlobId = what["blobId"].as_str().unwrap().parse().unwrap();
    let body = match what["objectId"].as_str() {
        Some(object) => deletable(blob_id, object.parse().unwrap()),
        None => permanent(blob_id),
    };
    let committee = network.committee().await;
    let sign = |member: &walrus_sui::CommitteeMember| {
        let signed = key_of(member.public_key).sign_message(committee.epoch, body.clone());
        serde_json::to_value(signed).unwrap()
    };
    let (_, signers) = committee.members.split_last().unwrap();
    let mut answers: Vec<_> = signers.iter().map(sign).collect();
    answers.push(Value::Null);
    json!(answers)
}

/// What the npm client did is on the chain.
async fn check_done(network: &ContractNetwork, done: &Value) {
    let owner = user().address();
    if let Some(reserved) = done.get("reserved") {
        let owned = network.reader.owned_storage(owner).await.unwrap();
        let [
            Storage {
                id, storage_size, ..
            },
        ] = &owned[..]
        else {
            panic!("not one storage: {owned:?}");
        };
        assert_eq!(reserved["id"], json!(id.to_string()));
        assert_eq!(
            done["storageCost"],
            json!(3 * STORAGE_PRICE.0 * storage_units(*storage_size))
        );
    } else if let Some(blob) = done.get("blob") {
        let id = blob["id"].as_str().unwrap().parse().unwrap();
        let found: Blob = network.reader.blob(id).await.unwrap();
        assert_eq!(found.certified_epoch, Some(2));
        assert_eq!(blob["certified_epoch"], 2);
        assert_eq!(json!(found.deletable), done["deletable"]);
        assert_eq!(json!(found.storage.end_epoch), blob["storage"]["end_epoch"]);
        assert_eq!(found.storage.end_epoch, 2 + 2 + 3 + 1);
    } else {
        let deleted = done["deleted"].as_str().unwrap().parse().unwrap();
        let owned = network.reader.owned_blobs(owner).await.unwrap();
        assert!(owned.iter().all(|blob| blob.id != deleted));
        // Its storage is there again, beside the one that was reserved first.
        assert_eq!(network.reader.owned_storage(owner).await.unwrap().len(), 2);
    }
}
