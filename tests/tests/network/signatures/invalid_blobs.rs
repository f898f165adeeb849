//! The nodes tell that the slivers of a blob disagree.

use walrus_contracts::events::{InvalidBlobID, WalrusEvent};
use walrus_core::{BlobId, messages::InvalidBlobId};
use walrus_tests::keys::permanent;

use super::{ONE_CORRECT, assert_refused, network, submit};

const FUNCTION: &str = "invalidate_blob_id";

#[test]
fn one_correct_node_is_enough_to_invalidate_a_blob() {
    let mut walrus = network();
    let blob_id = BlobId([7; 32]);
    let body = InvalidBlobId(blob_id);
    let enough = walrus.signers_of_weight(ONE_CORRECT);

    let too_few = walrus.sign(0..enough.end - 1, body);
    assert_refused(
        submit(&mut walrus, FUNCTION, &too_few),
        "bls_aggregate",
        2,
        "too few",
    );
    let mut boast = walrus.sign(0..enough.end - 1, body);
    boast.bitmap = vec![0b0001_1111];
    assert_refused(
        submit(&mut walrus, FUNCTION, &boast),
        "bls_aggregate",
        1,
        "others named",
    );
    let other_type = walrus.certify(permanent(blob_id));
    assert_refused(
        submit(&mut walrus, FUNCTION, &other_type),
        "messages",
        2,
        "other type",
    );
    for epoch in [0, 2] {
        let other_epoch = walrus.sign_in(epoch, 0..5, body);
        assert_refused(
            submit(&mut walrus, FUNCTION, &other_epoch),
            "messages",
            1,
            "epoch",
        );
    }

    let certificate = walrus.sign(enough, body);
    let receipt = submit(&mut walrus, FUNCTION, &certificate).unwrap();
    let event = InvalidBlobID { epoch: 1, blob_id };
    assert_eq!(receipt.events, [WalrusEvent::InvalidBlobID(event)]);
}
