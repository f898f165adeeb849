//! Deny lists: announced by a node, approved by a quorum; deletion told by one correct node.

use walrus_contracts::{
    events::{self, WalrusEvent},
    types::{StorageNodeCap, U256},
};
use walrus_core::BlobId;
use walrus_tests::{
    chain::{Node, Walrus},
    keys::{DenyListBlobDeleted, DenyListUpdate, permanent},
};

use super::{ONE_CORRECT, QUORUM, assert_refused, network, submit, submit_as};

const ROOT: U256 = U256([9; 32]);

fn update(node: Node, sequence_number: u64) -> DenyListUpdate {
    DenyListUpdate {
        node_id: node.id,
        sequence_number,
        size: 1 << 30,
        root: ROOT,
    }
}

fn announce(
    walrus: &mut Walrus,
    node: Node,
    sequence: u64,
) -> Result<Vec<WalrusEvent>, walrus_tests::chain::Failure> {
    let system = walrus.ids.system;
    let receipt = walrus.run(node.operator, |ptb| {
        let arguments = [
            ptb.object(system),
            ptb.object(node.cap),
            ptb.pure(&ROOT),
            ptb.pure(&sequence),
        ];
        ptb.call("walrus::system::register_deny_list_update", &arguments);
    })?;
    Ok(receipt.events)
}

#[test]
fn a_quorum_approves_the_list_of_a_node() {
    const FUNCTION: &str = "update_deny_list";
    let mut walrus = network();
    let (node, other) = (walrus.members()[0], walrus.members()[1]);
    let outsider = walrus.register(9).unwrap();

    let events = announce(&mut walrus, node, 3).unwrap();
    let event = events::RegisterDenyListUpdate {
        epoch: 1,
        root: ROOT,
        sequence_number: 3,
        node_id: node.id,
    };
    assert_eq!(events, [WalrusEvent::RegisterDenyListUpdate(event)]);
    let refused = announce(&mut walrus, outsider, 3).unwrap_err();
    assert!(refused.is_abort("system_state_inner", 8), "{refused}");
    let refused = announce(&mut walrus, node, 0).unwrap_err();
    assert!(refused.is_abort("system_state_inner", 9), "{refused}");

    let certificate = walrus.certify(update(node, 3));
    let outcome = submit_as(&mut walrus, other, FUNCTION, &certificate);
    assert_refused(
        outcome,
        "system_state_inner",
        10,
        "the list of another node",
    );
    let certificate = walrus.certify(update(outsider, 3));
    let outcome = submit_as(&mut walrus, outsider, FUNCTION, &certificate);
    assert_refused(outcome, "system_state_inner", 8, "not a member");
    let quorum = walrus.signers_of_weight(QUORUM);
    let few = walrus.sign(0..quorum.end - 1, update(node, 3));
    assert_refused(
        submit_as(&mut walrus, node, FUNCTION, &few),
        "bls_aggregate",
        2,
        "too few",
    );
    let zero = walrus.certify(update(node, 0));
    assert_refused(
        submit_as(&mut walrus, node, FUNCTION, &zero),
        "system_state_inner",
        9,
        "zero",
    );
    let other_type = walrus.certify(permanent(BlobId([1; 32])));
    assert_refused(
        submit_as(&mut walrus, node, FUNCTION, &other_type),
        "messages",
        2,
        "type",
    );
    assert!(walrus.deny_list_sizes().is_empty());

    let certificate = walrus.sign(quorum, update(node, 3));
    let receipt = submit_as(&mut walrus, node, FUNCTION, &certificate).unwrap();
    let event = events::DenyListUpdate {
        epoch: 1,
        root: ROOT,
        sequence_number: 3,
        node_id: node.id,
    };
    assert_eq!(receipt.events, [WalrusEvent::DenyListUpdate(event)]);
    let cap: StorageNodeCap = walrus.chain.read(node.cap);
    assert_eq!(
        (
            cap.deny_list_root,
            cap.deny_list_sequence,
            cap.deny_list_size
        ),
        (ROOT, 3, 1 << 30)
    );
    assert_eq!(walrus.deny_list_sizes().contents, [(node.id, 1 << 30)]);

    // The same again, and an older one that was signed in time.
    assert_refused(
        submit_as(&mut walrus, node, FUNCTION, &certificate),
        "system_state_inner",
        9,
        "twice",
    );
    let older = walrus.certify(update(node, 2));
    assert_refused(
        submit_as(&mut walrus, node, FUNCTION, &older),
        "system_state_inner",
        9,
        "older",
    );
    let refused = announce(&mut walrus, node, 3).unwrap_err();
    assert!(refused.is_abort("system_state_inner", 9), "{refused}");

    // A certificate does not outlive its epoch.
    let late = walrus.certify(update(node, 4));
    walrus.next_epoch();
    assert_refused(
        submit_as(&mut walrus, node, FUNCTION, &late),
        "messages",
        1,
        "late",
    );
}

#[test]
fn one_correct_node_tells_of_a_deletion() {
    const FUNCTION: &str = "delete_deny_listed_blob";
    let mut walrus = network();
    let blob_id = BlobId([3; 32]);
    let body = || DenyListBlobDeleted(blob_id);
    let enough = walrus.signers_of_weight(ONE_CORRECT);
    let few = walrus.sign(0..enough.end - 1, body());
    assert_refused(
        submit(&mut walrus, FUNCTION, &few),
        "bls_aggregate",
        2,
        "too few",
    );
    let other_type = walrus.certify(permanent(blob_id));
    assert_refused(
        submit(&mut walrus, FUNCTION, &other_type),
        "messages",
        2,
        "type",
    );
    let other_epoch = walrus.sign_in(2, 0..5, body());
    assert_refused(
        submit(&mut walrus, FUNCTION, &other_epoch),
        "messages",
        1,
        "epoch",
    );
    let certificate = walrus.sign(enough, body());
    let receipt = submit(&mut walrus, FUNCTION, &certificate).unwrap();
    let event = events::DenyListBlobDeleted { epoch: 1, blob_id };
    assert_eq!(receipt.events, [WalrusEvent::DenyListBlobDeleted(event)]);
}
