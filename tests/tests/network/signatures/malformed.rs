//! Certificates that are not even well-formed: wrong lengths, points off the curve or out of their
//! group, strange messages with valid signatures.

use walrus_core::messages::ProtocolMessage;
use walrus_tests::{
    chain::{BlobSpec, Certificate, Walrus},
    keys::permanent,
};

use super::{assert_refused, network, user};

/// Length of an aggregate signature: a compressed point of G2.
const SIGNATURE_LENGTH: usize = 96;

/// A compressed point of the curve of G2 that is not in the group: its x is 2.
fn outside_of_the_group() -> Vec<u8> {
    let mut point = vec![0; SIGNATURE_LENGTH];
    (point[0], point[SIGNATURE_LENGTH - 1]) = (0x80, 2);
    point
}

fn infinity() -> Vec<u8> {
    let mut point = vec![0; SIGNATURE_LENGTH];
    point[0] = 0xc0;
    point
}

#[test]
fn malformed_signatures_and_bitmaps_are_refused() {
    let mut walrus = network();
    let spec = BlobSpec::new(1, 1000, false);
    let blob = walrus.register_blob(user(), &spec).unwrap();
    let valid = walrus.certify(permanent(spec.blob_id()));
    let mut longer = valid.signature.clone();
    longer.push(0);
    let signatures = [
        ("none", vec![]),
        (
            "one byte short",
            valid.signature[..SIGNATURE_LENGTH - 1].to_vec(),
        ),
        ("one byte long", longer),
        ("half", valid.signature[..SIGNATURE_LENGTH / 2].to_vec()),
        ("zeros", vec![0; SIGNATURE_LENGTH]),
        ("ones", vec![0xff; SIGNATURE_LENGTH]),
        ("infinity", infinity()),
        ("outside of the group", outside_of_the_group()),
        ("uncompressed length", valid.signature.repeat(2)),
    ];
    for (what, signature) in signatures {
        let certificate = Certificate {
            signature,
            ..valid.clone()
        };
        let outcome = walrus.certify_blob(user(), blob, &certificate);
        assert_refused(outcome, "bls_aggregate", 1, what);
    }
    let bitmaps = [
        ("none", vec![], 2),
        ("nobody", vec![0], 2),
        ("a member that does not exist", vec![0b0011_1111], 0),
        ("only such", vec![0b1110_0000], 0),
        ("a byte too many", vec![0b0001_1111, 0], 0),
        ("one who did not sign", vec![0b0001_1111], 1),
    ];
    let four = walrus.sign(0..4, permanent(spec.blob_id()));
    for (what, bitmap, code) in bitmaps {
        let certificate = Certificate {
            bitmap,
            ..four.clone()
        };
        let outcome = walrus.certify_blob(user(), blob, &certificate);
        assert_refused(outcome, "bls_aggregate", code, what);
    }
    walrus.certify_blob(user(), blob, &valid).unwrap();
}

/// The message of a certificate for the blob, changed by `change` before it is signed.
fn signed_message(
    walrus: &Walrus,
    spec: &BlobSpec,
    change: impl FnOnce(&mut Vec<u8>),
) -> Certificate {
    let mut message = ProtocolMessage::new(1, permanent(spec.blob_id())).to_bytes();
    change(&mut message);
    walrus.sign_bytes(0..5, message)
}

#[test]
fn what_is_signed_must_be_a_message_of_the_right_form() {
    let mut walrus = network();
    let spec = BlobSpec::new(1, 1000, false);
    let blob = walrus.register_blob(user(), &spec).unwrap();
    let sign = |change: fn(&mut Vec<u8>)| signed_message(&walrus, &spec, change);
    let refused = [
        ("type", sign(|message| message[0] = 0), "messages", 2),
        ("version", sign(|message| message[1] = 1), "messages", 3),
        ("application", sign(|message| message[2] = 2), "messages", 0),
        ("epoch", sign(|message| message[3] = 2), "messages", 1),
        (
            "persistence",
            sign(|message| message[39] = 2),
            "messages",
            4,
        ),
        ("no body", sign(|message| message.truncate(7)), "bcs", 0),
        ("no epoch", sign(|message| message.truncate(6)), "bcs", 0),
        ("empty", sign(Vec::clear), "bcs", 0),
        (
            "no persistence",
            sign(|message| message.truncate(39)),
            "bcs",
            0,
        ),
    ];
    for (what, certificate, module, code) in refused {
        let outcome = walrus.certify_blob(user(), blob, &certificate);
        assert_refused(outcome, module, code, what);
    }
    // Room for what later versions add.
    let longer = signed_message(&walrus, &spec, |message| message.extend([1, 2, 3]));
    walrus.certify_blob(user(), blob, &longer).unwrap();
}
