//! The framework's cryptography as transactions reach it.

use crate::common::*;
use sui_sdk_types::{Address, Argument, ExecutionError};

const MESSAGE: &[u8] = b"hello";
const MIN_PK_KEY: &str = "a1abcf1dd2a753c7a199ac48c16286b43d982d444eaa037256cd74ec163ce402d3751403c2a2f849cd194290ba56a8cc";
const MIN_PK_SIGNATURE: &str = "b102d42aac71b6e2cae67dd5e6a675f1d474f3f6090c5a5c57d139e749dbf33980e43f567140215ade50a664cf12735c0befa3454a9263c10b7769d3c3f601660a84dac2e688aeff9200e2de05203a6f7710477f26c5956c3c092a700ba5a623";
const MIN_SIG_KEY: &str = "896652b98a959ed722a908d010fa54616fde307905d8196fad4e7c16d9822c2b0b8429b5baefcb203090dc505038ffc8101abff394fc3739c11c71ceab2ed722a63ac2ba8f8a4f328c82bd4a58ff052a7735cc3291cf4fd349cf43d8420bc94d";
const MIN_SIG_SIGNATURE: &str = "a04894c9b0957f150f1022a405ffaeff4919ea76f7ca70ce178dcccf03f6c8a36bc886d94e3cc73a0ee84ee62b2210c9";
const HMAC: &str = "a59b86b015726e63cb275f18729321e3b59068796945c7c99ddb7438b7539854";

/// Calls a function of 0x2 on byte vectors; returns the BCS of the result.
fn call(function: &str, arguments: &[&[u8]]) -> Vec<u8> {
    let mut chain = Chain::new();
    let mut ptb = Ptb::default();
    let arguments: Vec<Argument> = arguments.iter().map(|bytes| ptb.pure(bytes)).collect();
    ptb.call(Address::TWO, function, &arguments);
    let executed = chain.inspect(ptb);
    assert!(
        executed.failure_detail.is_none(),
        "{:?}",
        executed.failure_detail
    );
    executed.command_outputs[0].returned[0].1.clone()
}

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

#[test]
fn bls_signatures() {
    for (function, key, signature) in [
        (
            "bls12381::bls12381_min_pk_verify",
            MIN_PK_KEY,
            MIN_PK_SIGNATURE,
        ),
        (
            "bls12381::bls12381_min_sig_verify",
            MIN_SIG_KEY,
            MIN_SIG_SIGNATURE,
        ),
    ] {
        let (key, signature) = (bytes(key), bytes(signature));
        assert_eq!(call(function, &[&signature, &key, MESSAGE]), [1]);
        assert_eq!(call(function, &[&signature, &key, b"jello"]), [0]);
        assert_eq!(call(function, &[&[0; 96], &key, MESSAGE]), [0]);
        assert_eq!(call(function, &[&signature, &[], MESSAGE]), [0]);
    }
}

#[test]
fn a_proof_of_possession_of_the_contracts() {
    let key = bytes(
        "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb",
    );
    let message = [&bytes("00000307000000")[..], &[0x11; 32], &key].concat();
    let signature = bytes(
        "95d3952dd0105bf906b481e203db957ed00332814da6e9ed4ac1560fe0ba2ed3611695f0e1ede8845b8df4cdd0194a0b0449a7543940905249fc3277d24f93000e3e99fe3f2aca902999df4bc900c57be25ccb32ce4cbf403026218a549469c4",
    );
    let verify = "bls12381::bls12381_min_pk_verify";
    assert_eq!(call(verify, &[&signature, &key, &message]), [1]);
    assert_eq!(call(verify, &[&signature, &key, &message[1..]]), [0]);
}

#[test]
fn hashes() {
    let of_hello = |function: &str| call(function, &[MESSAGE])[1..].to_vec();
    assert_eq!(
        of_hello("hash::blake2b256"),
        sui_sdk_types::hash::Hasher::digest(MESSAGE).into_inner()
    );
    assert_eq!(
        of_hello("hash::keccak256"),
        bytes("1c8aff950685c2ed4bc3174f3472287b56d9517b9c948127319a09a7a36deac8")
    );
    assert_eq!(
        call("hmac::hmac_sha3_256", &[b"key", MESSAGE])[1..],
        bytes(HMAC)
    );
}

#[test]
fn group_elements_are_validated_added_and_converted() {
    let mut chain = Chain::new();
    let mut ptb = Ptb::default();
    let two = Address::TWO;
    let generator = ptb.call(two, "bls12381::g1_generator", &[]);
    let doubled = ptb.call(two, "bls12381::g1_add", &[generator, generator]);
    let uncompressed = ptb.call(two, "bls12381::g1_to_uncompressed_g1", &[doubled]);
    let back = ptb.call(two, "bls12381::uncompressed_g1_to_g1", &[uncompressed]);
    ptb.call(two, "bls12381::g1_sub", &[back, generator]);
    let executed = chain.inspect(ptb);
    assert!(
        executed.failure_detail.is_none(),
        "{:?}",
        executed.failure_detail
    );
    let returned = |command: usize| executed.command_outputs[command].returned[0].1.clone();
    assert_eq!(returned(4), returned(0), "2g - g = g");
    assert_eq!(returned(3), returned(1));

    let mut ptb = Ptb::default();
    let garbage = ptb.pure(&[1u8; 48].to_vec());
    ptb.call(two, "bls12381::g1_from_bytes", &[garbage]);
    let (error, _) = chain.fail(ALICE, ptb);
    let ExecutionError::MoveAbort { location, code: 1 } = error else {
        panic!("{error:?}");
    };
    assert_eq!(location.module.as_str(), "group_ops");
}

#[test]
fn keys_are_decompressed() {
    // The generator of secp256k1, the public key of secret 1.
    let generator = bytes("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
    let key = call("ecdsa_k1::decompress_pubkey", &[&generator])[1..].to_vec();
    assert_eq!((key.len(), key[0]), (65, 4));
    assert_eq!(key[1..33], generator[1..]);
    assert_eq!(
        hex::encode(&key[33..]),
        "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"
    );
}

#[test]
fn a_missing_native_says_its_name() {
    let mut chain = Chain::new();
    let mut ptb = Ptb::default();
    let inputs = ptb.pure(&vec![sui_sdk_types::Address::ZERO; 1]);
    ptb.call(Address::TWO, "poseidon::poseidon_bn254", &[inputs]);
    let executed = chain.execute(ALICE, ptb);
    let detail = executed.failure_detail.unwrap();
    assert!(detail.contains("poseidon"), "{detail}");
}

/// Addresses as `computeZkLoginAddressFromSeed` of `@mysten/sui` gives them.
#[test]
fn addresses_of_zklogin() {
    const ISSUER: &str = "https://accounts.google.com";
    let check = |address: &str, seed: &str, issuer: &str| {
        let mut chain = Chain::new();
        let mut ptb = Ptb::default();
        let mut seed: [u8; 32] = bytes(seed).try_into().unwrap();
        seed.reverse();
        let address: Address = address.parse().unwrap();
        let arguments = [ptb.pure(&address), ptb.pure(&seed), ptb.pure(&issuer)];
        ptb.call(
            Address::TWO,
            "zklogin_verified_issuer::check_zklogin_issuer",
            &arguments,
        );
        let executed = chain.inspect(ptb);
        assert_eq!(executed.failure_detail, None);
        executed.command_outputs[0].returned[0].1.clone()
    };
    let seed = "1d747e3579b5351c1861c5577041701c9583ad29d2d7826b4ed499020896855f";
    let address = "0xf7badc2b245c7f74d7509a4aa357ecf80a29e7713fb4c44b0e7541ec43885ee1";
    assert_eq!(check(address, seed, ISSUER), [1]);
    assert_eq!(check(address, seed, "https://accounts.google.org"), [0]);
    assert_eq!(check(address, seed, &"i".repeat(256)), [0]);
    // Zeros in front of a seed may be left out.
    let seed = "00000000000000000000000000000000000000000000000000000000499602d2";
    let padded = "0xa4bfd178c05d33791840e769b10be19ab5a6cff30c027876d6d6dcc4eaa9204d";
    let unpadded = "0x22dfd0eb163d8055425a757d1daf3d0977d557a4c76e839543fc8b7e031ec995";
    assert_eq!(check(padded, seed, ISSUER), [1]);
    assert_eq!(check(unpadded, seed, ISSUER), [1]);
    assert_eq!(check(address, seed, ISSUER), [0]);
}
