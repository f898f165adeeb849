//! Known-good signatures, and what is not one.

use sui_crypto::{SuiSigner, ed25519::Ed25519PrivateKey, secp256k1::Secp256k1PrivateKey};

use super::*;

/// A split of the gas coin and a transfer, sent by the ed25519 key of 32 bytes 01.
const TRANSACTION: &str = "\
    0000020008e80300000000000000200000000000000000000000000000000000000000000000000000000000000b0b0202000101\
    00000101030000000001010029dfbf688abce7ab43bb8e70cae158ae961196e721440f515482f8ba1684390f0100000000000000\
    000000000000000000000000000000000000000000000000c1070000000000000020090909090909090909090909090909090909\
    090909090909090909090909090929dfbf688abce7ab43bb8e70cae158ae961196e721440f515482f8ba1684390fe80300000000\
    0000404b4c000000000000";
const ED25519_SIGNATURE: &str = "\
    006e06bf5c3ad39f08d41f263c97c768e2967f453d9b7a3b65b12df0a490affdb754f77b5b3448d15b67edbbc3e6496d6264c547\
    4ef5db4e8f989c89c6a0f08c0d8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";
const SECP256K1_SIGNATURE: &str = "\
    01df09736d3fa8352fe515ac34f0eaa385fcc453c77e1a4c59c14f4fefb4ff026072e4b3c94e306717172361234c8a7153841aaf\
    489920a6b41ab12083c336bff6031b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd078f";
const HELLO_SIGNATURE: &str = "\
    00592b5c056b12bdcae980c7cbda54b18ab182105a8419347887b4ad689877173e0a799d6b85879f247c506b9d69421185c51b17\
    c5352f2a1b089c6afc599445028a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";
const ED25519_ADDRESS: &str = "0x29dfbf688abce7ab43bb8e70cae158ae961196e721440f515482f8ba1684390f";
const SECP256K1_ADDRESS: &str =
    "0xf87edcc926ae7dded7f91ffddcb0ba6c9e3373946e89ec47e478c1bca90c750d";
const MULTISIG_ADDRESS: &str = "0x164e927c0ef4527c1f9701feb06104d29a2b3a3336c78a88ecf09e35e360892d";

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hexadecimal")
}

fn transaction() -> Transaction {
    bcs::from_bytes(&bytes(TRANSACTION)).expect("a transaction")
}

fn signature(text: &str) -> UserSignature {
    UserSignature::from_bytes(&bytes(text)).expect("a signature")
}

/// Both keys sign for one address that needs both.
fn multisig() -> UserSignature {
    let mut serialized = vec![3, 2];
    for single in [ED25519_SIGNATURE, SECP256K1_SIGNATURE] {
        let single = bytes(single);
        serialized.push(single[0]);
        serialized.extend(&single[1..65]);
    }
    serialized.extend([3, 0, 2]);
    for single in [ED25519_SIGNATURE, SECP256K1_SIGNATURE] {
        let single = bytes(single);
        serialized.push(single[0]);
        serialized.extend(&single[65..]);
        serialized.push(1);
    }
    serialized.extend([2, 0]);
    UserSignature::from_bytes(&serialized).expect("a multisig")
}

fn message(name: &str, value: Vec<u8>) -> proto::Bcs {
    let mut message = proto::Bcs::from(value);
    message.name = Some(name.to_owned());
    message
}

#[test]
fn known_signatures_stand_for_their_addresses() {
    let sent = message("TransactionData", bytes(TRANSACTION));
    let cases = [
        (signature(ED25519_SIGNATURE), ED25519_ADDRESS),
        (signature(SECP256K1_SIGNATURE), SECP256K1_ADDRESS),
        (multisig(), MULTISIG_ADDRESS),
    ];
    for (signature, address) in cases {
        let address = address.parse().expect("address");
        assert_eq!(signer(&signature), Some(address));
        let verdict = verify(&sent, &signature, Some(address)).expect("supported");
        assert_eq!((verdict.is_valid, verdict.reason), (Some(true), None));
    }
    let hello = message("PersonalMessage", b"\x05hello".to_vec());
    let verdict = verify(&hello, &signature(HELLO_SIGNATURE), None).expect("supported");
    assert_eq!((verdict.is_valid, verdict.reason), (Some(true), None));
    // A personal message is not a transaction.
    let verdict = verify(&hello, &signature(ED25519_SIGNATURE), None).expect("supported");
    assert_eq!(verdict.is_valid, Some(false));
    assert!(verdict.reason.is_some());
}

#[test]
fn a_transaction_needs_exactly_its_signers() {
    let sent = transaction();
    let by_sender = signature(ED25519_SIGNATURE);
    assert!(check_transaction(&sent, std::slice::from_ref(&by_sender)).is_ok());
    let refused = [
        vec![],
        vec![signature(SECP256K1_SIGNATURE)],
        vec![signature(HELLO_SIGNATURE)],
        vec![by_sender.clone(), by_sender.clone()],
        vec![multisig()],
    ];
    for signatures in refused {
        let status = check_transaction(&sent, &signatures).expect_err("refused");
        assert!(
            status.message().starts_with("Invalid user signature: "),
            "{status}"
        );
    }
}

#[test]
fn a_sponsored_transaction_needs_both_in_any_order() {
    let sender = Ed25519PrivateKey::new([1; 32]);
    let sponsor = Secp256k1PrivateKey::new([1; 32]).expect("key");
    let mut sent = transaction();
    sent.gas_payment.owner = sponsor.public_key().derive_address();
    let by_sender = sender.sign_transaction(&sent).expect("signs");
    let by_sponsor = sponsor.sign_transaction(&sent).expect("signs");
    for signatures in [[&by_sender, &by_sponsor], [&by_sponsor, &by_sender]] {
        let signatures = signatures.map(Clone::clone);
        assert!(check_transaction(&sent, &signatures).is_ok());
    }
    for signatures in [[&by_sender, &by_sender], [&by_sponsor, &by_sponsor]] {
        let signatures = signatures.map(Clone::clone);
        assert!(check_transaction(&sent, &signatures).is_err());
    }
}
