//! The nodes agree on a version of their protocol.

use walrus_contracts::events::{ProtocolVersionUpdated, WalrusEvent};
use walrus_tests::keys::ProtocolVersion;

use super::{QUORUM, assert_refused, network, submit_as};

const FUNCTION: &str = "update_protocol_version";

#[test]
fn a_quorum_agrees_on_a_version() {
    let mut walrus = network();
    walrus.next_epoch();
    let member = walrus.members()[0];
    let outsider = walrus.register(9).unwrap();
    let version = |start_epoch| ProtocolVersion {
        start_epoch,
        version: 3,
    };
    let certificate = walrus.certify(version(5));
    let outcome = submit_as(&mut walrus, outsider, FUNCTION, &certificate);
    assert_refused(outcome, "system_state_inner", 8, "not a member");
    let past = walrus.certify(version(1));
    assert_refused(
        submit_as(&mut walrus, member, FUNCTION, &past),
        "system_state_inner",
        12,
        "past",
    );
    let quorum = walrus.signers_of_weight(QUORUM);
    let few = walrus.sign(0..quorum.end - 1, version(5));
    assert_refused(
        submit_as(&mut walrus, member, FUNCTION, &few),
        "bls_aggregate",
        2,
        "too few",
    );
    let old = walrus.sign_in(1, 0..5, version(5));
    assert_refused(
        submit_as(&mut walrus, member, FUNCTION, &old),
        "messages",
        1,
        "old",
    );

    for start_epoch in [2, 5] {
        let certificate = walrus.sign(quorum.clone(), version(start_epoch));
        let receipt = submit_as(&mut walrus, member, FUNCTION, &certificate).unwrap();
        let event = ProtocolVersionUpdated {
            epoch: 2,
            start_epoch,
            protocol_version: 3,
        };
        assert_eq!(receipt.events, [WalrusEvent::ProtocolVersionUpdated(event)]);
    }
}
