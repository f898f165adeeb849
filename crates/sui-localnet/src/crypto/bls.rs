//! BLS12-381 signatures: keys in G1 with signatures in G2 (min-pk), and the other way round
//! (min-sig).
//!
//! Domain separators are `BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_` and its G1 counterpart. The
//! public key must lie in the prime-order subgroup and must not be the point at infinity.

use fastcrypto::{
    bls12381::{min_pk, min_sig},
    traits::{ToFromBytes as _, VerifyingKey as _},
};

/// Verifies a signature in G2 (96 bytes) with a key in G1 (48 bytes).
pub(crate) fn min_pk_verify(signature: &[u8], public_key: &[u8], message: &[u8]) -> bool {
    let (Ok(signature), Ok(key)) = (
        min_pk::BLS12381Signature::from_bytes(signature),
        min_pk::BLS12381PublicKey::from_bytes(public_key),
    ) else {
        return false;
    };
    key.validate().is_ok() && key.verify(message, &signature).is_ok()
}

/// Verifies a signature in G1 (48 bytes) with a key in G2 (96 bytes).
pub(crate) fn min_sig_verify(signature: &[u8], public_key: &[u8], message: &[u8]) -> bool {
    let (Ok(signature), Ok(key)) = (
        min_sig::BLS12381Signature::from_bytes(signature),
        min_sig::BLS12381PublicKey::from_bytes(public_key),
    ) else {
        return false;
    };
    key.validate().is_ok() && key.verify(message, &signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    const MIN_PK_KEY: &str = "a1abcf1dd2a753c7a199ac48c16286b43d982d444eaa037256cd74ec163ce402d3751403c2a2f849cd194290ba56a8cc";
    const MIN_PK_SIGNATURE: &str = "b102d42aac71b6e2cae67dd5e6a675f1d474f3f6090c5a5c57d139e749dbf33980e43f567140215ade50a664cf12735c0befa3454a9263c10b7769d3c3f601660a84dac2e688aeff9200e2de05203a6f7710477f26c5956c3c092a700ba5a623";
    const MIN_SIG_KEY: &str = "896652b98a959ed722a908d010fa54616fde307905d8196fad4e7c16d9822c2b0b8429b5baefcb203090dc505038ffc8101abff394fc3739c11c71ceab2ed722a63ac2ba8f8a4f328c82bd4a58ff052a7735cc3291cf4fd349cf43d8420bc94d";
    const MIN_SIG_SIGNATURE: &str = "a04894c9b0957f150f1022a405ffaeff4919ea76f7ca70ce178dcccf03f6c8a36bc886d94e3cc73a0ee84ee62b2210c9";
    /// Identity of G1, compressed.
    const INFINITY: &str = "c00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000";

    #[test]
    fn right_signatures_are_accepted_and_others_refused() {
        let (key, signature) = (bytes(MIN_PK_KEY), bytes(MIN_PK_SIGNATURE));
        assert!(min_pk_verify(&signature, &key, b"hello"));
        assert!(!min_pk_verify(&signature, &key, b"jello"));
        let (key, signature) = (bytes(MIN_SIG_KEY), bytes(MIN_SIG_SIGNATURE));
        assert!(min_sig_verify(&signature, &key, b"hello"));
        assert!(!min_sig_verify(&signature, &key, b"jello"));
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let (key, signature) = (bytes(MIN_PK_KEY), bytes(MIN_PK_SIGNATURE));
        for bit in (0..signature.len() * 8).step_by(13) {
            let mut damaged = signature.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(!min_pk_verify(&damaged, &key, b"hello"), "bit {bit}");
        }
    }

    #[test]
    fn malformed_input_is_refused() {
        let (key, signature) = (bytes(MIN_PK_KEY), bytes(MIN_PK_SIGNATURE));
        assert!(!min_pk_verify(&[], &key, b"hello"));
        assert!(!min_pk_verify(&signature, &[], b"hello"));
        assert!(!min_pk_verify(&signature[1..], &key, b"hello"));
        assert!(!min_pk_verify(&signature, &bytes(INFINITY), b"hello"));
        let mut infinite_signature = vec![0; 96];
        infinite_signature[0] = 0xc0;
        assert!(!min_pk_verify(
            &infinite_signature,
            &bytes(INFINITY),
            b"hello"
        ));
    }
}
