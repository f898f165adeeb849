//! What nodes and their operators call.

use walrus_contracts::types::{StorageNodeCap, U256};
use walrus_core::{BlobId, EncodingType, merkle};
use walrus_tests::{
    chain::{EPOCH_MS, NodeSpec, Ptb, register_candidate},
    keys::{DenyListUpdate, ProtocolVersion, operator, protocol_key, staker},
};

use crate::gas::meter::Meter;

pub(crate) fn measure(meter: &mut Meter) {
    registration(meter);
    configuration(meter);
    duties(meter);
    event_blobs(meter);
    epochs(meter);
}

fn registration(meter: &mut Meter) {
    let staking = meter.walrus.ids.staking;
    let me = operator(7).address();
    let key = protocol_key(7);
    let proof = key.proof_of_possession(meter.walrus.epoch(), me).signature;
    let spec = NodeSpec::new(key.public(), proof);
    meter.measure("walrus::staking::register_candidate", me, |ptb, _| {
        let cap = register_candidate(ptb, staking, &spec);
        ptb.transfer(&[cap], me);
    });
}

fn configuration(meter: &mut Meter) {
    let staking = meter.walrus.ids.staking;
    let node = meter.walrus.nodes[0];
    let me = node.operator;
    let key = protocol_key(60);
    let proof = key.proof_of_possession(meter.walrus.epoch(), me).signature;
    let mut set =
        |function: &str, value: &dyn Fn(&mut Ptb) -> Vec<walrus_tests::chain::Argument>| {
            meter.call(&format!("walrus::staking::{function}"), me, |ptb| {
                let mut arguments = vec![ptb.object(staking), ptb.object(node.cap)];
                arguments.extend(value(ptb));
                arguments
            });
        };
    set("set_name", &|ptb| vec![ptb.pure("a new name")]);
    set("set_network_address", &|ptb| {
        vec![ptb.pure("node.example.com:9185")]
    });
    set("set_network_public_key", &|ptb| {
        vec![ptb.pure(&vec![2u8; 33])]
    });
    set("set_node_metadata", &|ptb| {
        let text = ptb.pure("something");
        vec![ptb.call("walrus::node_metadata::new", &[text, text, text])]
    });
    set("set_next_public_key", &|ptb| {
        vec![
            ptb.pure(&key.public().0.to_vec()),
            ptb.pure(&proof.0.to_vec()),
        ]
    });
    set("set_storage_price_vote", &|ptb| vec![ptb.pure(&7u64)]);
    set("set_write_price_vote", &|ptb| vec![ptb.pure(&2u64)]);
    set("set_node_capacity_vote", &|ptb| {
        vec![ptb.pure(&(1u64 << 41))]
    });
    set("set_next_commission", &|ptb| vec![ptb.pure(&500u16)]);
    set("try_join_active_set", &|_| vec![]);
}

fn duties(meter: &mut Meter) {
    let (staking, system) = (meter.walrus.ids.staking, meter.walrus.ids.system);
    let node = meter.walrus.nodes[0];
    let me = node.operator;
    meter.call(
        "walrus::staking::update_prices",
        staker(0).address(),
        |ptb| vec![ptb.object(staking), ptb.object(system)],
    );
    let root = U256([4; 32]);
    meter.call("walrus::system::register_deny_list_update", me, |ptb| {
        vec![
            ptb.object(system),
            ptb.object(node.cap),
            ptb.pure(&root),
            ptb.pure(&1u64),
        ]
    });
    let update = meter.walrus.certify(DenyListUpdate {
        node_id: node.id,
        sequence_number: 1,
        size: 1000,
        root,
    });
    let version = meter.walrus.certify(ProtocolVersion {
        start_epoch: 9,
        version: 2,
    });
    for (function, certificate) in [
        ("update_deny_list", update),
        ("update_protocol_version", version),
    ] {
        meter.call(&format!("walrus::system::{function}"), me, |ptb| {
            let mut arguments = vec![ptb.object(system), ptb.object(node.cap)];
            arguments.extend(certificate.arguments(ptb));
            arguments
        });
    }
}

/// Every node attests; one of them makes the quorum.
fn event_blobs(meter: &mut Meter) {
    let (system, epoch) = (meter.walrus.ids.system, meter.walrus.epoch());
    let root = [6; 32];
    let blob_id = BlobId::derive(EncodingType::Rs2, 500, &merkle::Node::Digest(root));
    let remarks = [
        "",
        " (second)",
        " (third)",
        " (quorum)",
        " (after the quorum)",
    ];
    for (node, remark) in meter.walrus.members().into_iter().zip(remarks) {
        let label = format!("walrus::system::certify_event_blob{remark}");
        let receipt = meter.call(&label, node.operator, |ptb| {
            vec![
                ptb.object(system),
                ptb.object(node.cap),
                ptb.pure(&blob_id.0),
                ptb.pure(&root),
                ptb.pure(&500u64),
                ptb.pure(&EncodingType::Rs2.as_u8()),
                ptb.pure(&77u64),
                ptb.pure(&epoch),
            ]
        });
        let expected: &[_] = match remark {
            " (quorum)" => &["BlobRegistered", "BlobCertified"],
            _ => &[],
        };
        assert_eq!(receipt.event_names(), expected);
    }
}

fn epochs(meter: &mut Meter) {
    let ids = meter.walrus.ids;
    let anybody = staker(0).address();
    meter.walrus.chain.advance_clock(EPOCH_MS);
    meter.call("walrus::staking::voting_end", anybody, |ptb| {
        vec![ptb.object(ids.staking), ptb.clock()]
    });
    meter.call(
        "walrus::staking::initiate_epoch_change_v2",
        anybody,
        |ptb| {
            vec![
                ptb.object(ids.staking),
                ptb.object(ids.system),
                ptb.object(ids.treasury),
                ptb.clock(),
            ]
        },
    );
    let epoch = meter.walrus.epoch();
    let remarks = [
        "",
        " (second)",
        " (third)",
        " (quorum)",
        " (after the quorum)",
    ];
    for (node, remark) in meter.walrus.members().into_iter().zip(remarks) {
        let label = format!("walrus::staking::epoch_sync_done{remark}");
        meter.call(&label, node.operator, |ptb| {
            vec![
                ptb.object(ids.staking),
                ptb.object(node.cap),
                ptb.pure(&epoch),
                ptb.clock(),
            ]
        });
        let cap: StorageNodeCap = meter.walrus.chain.read(node.cap);
        assert_eq!(cap.last_epoch_sync_done, epoch);
    }
}
