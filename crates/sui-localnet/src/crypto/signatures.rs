//! ECDSA and EdDSA as modules `0x2::ecdsa_k1`, `0x2::ecdsa_r1` and `0x2::ed25519` offer them.

use fastcrypto::{
    ed25519::{Ed25519PublicKey, Ed25519Signature},
    hash::{Keccak256, Sha256},
    secp256k1::{
        Secp256k1PublicKey, Secp256k1Signature, recoverable::Secp256k1RecoverableSignature,
    },
    secp256r1::{
        Secp256r1PublicKey, Secp256r1Signature, recoverable::Secp256r1RecoverableSignature,
    },
    traits::{RecoverableSignature as _, ToFromBytes as _, VerifyingKey as _},
};

use super::AbortCode;

/// The signature recovers to no key, or the hash is unknown.
const FAILED_TO_RECOVER: AbortCode = 0;
/// The signature is malformed.
const INVALID_SIGNATURE: AbortCode = 1;
/// The public key is malformed.
const INVALID_PUBLIC_KEY: AbortCode = 2;

/// Number of Keccak-256 in the framework.
const KECCAK256: u8 = 0;
/// Number of SHA-256 in the framework.
const SHA256: u8 = 1;

/// Verifies an Ed25519 signature.
pub(crate) fn ed25519_verify(signature: &[u8], public_key: &[u8], message: &[u8]) -> bool {
    match (
        Ed25519Signature::from_bytes(signature),
        Ed25519PublicKey::from_bytes(public_key),
    ) {
        (Ok(signature), Ok(key)) => key.verify(message, &signature).is_ok(),
        _ => false,
    }
}

/// What the framework offers of an ECDSA curve; the two differ in their types only.
macro_rules! ecdsa {
    ($curve:literal: $verify:ident, $recover:ident, $key:ty, $signature:ty, $recoverable:ty) => {
        #[doc = concat!("Verifies an ECDSA signature (64 bytes, low s) over ", $curve, ".")]
        pub(crate) fn $verify(
            signature: &[u8],
            public_key: &[u8],
            message: &[u8],
            hash: u8,
        ) -> bool {
            let (Ok(signature), Ok(key)) = (
                <$signature>::from_bytes(signature),
                <$key>::from_bytes(public_key),
            ) else {
                return false;
            };
            match hash {
                KECCAK256 => key.verify_with_hash::<Keccak256>(message, &signature),
                SHA256 => key.verify_with_hash::<Sha256>(message, &signature),
                _ => return false,
            }
            .is_ok()
        }

        #[doc = concat!(
            "The compressed key (33 bytes) that made a recoverable signature (65 bytes) over ", $curve, "."
        )]
        pub(crate) fn $recover(
            signature: &[u8],
            message: &[u8],
            hash: u8,
        ) -> Result<Vec<u8>, AbortCode> {
            let signature =
                <$recoverable>::from_bytes(signature).map_err(|_| INVALID_SIGNATURE)?;
            let key = match hash {
                KECCAK256 => signature.recover_with_hash::<Keccak256>(message),
                SHA256 => signature.recover_with_hash::<Sha256>(message),
                _ => return Err(FAILED_TO_RECOVER),
            };
            Ok(key.map_err(|_| FAILED_TO_RECOVER)?.as_bytes().to_vec())
        }
    };
}

ecdsa!("secp256k1": secp256k1_verify, secp256k1_recover,
    Secp256k1PublicKey, Secp256k1Signature, Secp256k1RecoverableSignature);
ecdsa!("secp256r1": secp256r1_verify, secp256r1_recover,
    Secp256r1PublicKey, Secp256r1Signature, Secp256r1RecoverableSignature);

/// A compressed key over secp256k1 (33 bytes) in uncompressed form (65 bytes).
pub(crate) fn secp256k1_decompress(public_key: &[u8]) -> Result<Vec<u8>, AbortCode> {
    let key = Secp256k1PublicKey::from_bytes(public_key).map_err(|_| INVALID_PUBLIC_KEY)?;
    Ok(key.pubkey.serialize_uncompressed().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECOVERABLE: &str = "615d22322258468aa930844ad4d990f8c612d98544fbe763725c87118df798715849da497f7e0293843ccd2ee258b2c59815eff5981b02eb7737037cfc7ee4fd01";
    const KEY: &str = "0362c0a046dacce86ddd0343c6d3c7c79c2208ba0d9c9cf24a6d046d21d21f90f7";

    #[test]
    fn secp256k1_signature_recovers_and_verifies() {
        let signature = hex::decode(RECOVERABLE).unwrap();
        let key = hex::decode(KEY).unwrap();
        assert_eq!(
            secp256k1_recover(&signature, b"hello", SHA256).unwrap(),
            key
        );
        assert!(secp256k1_verify(&signature[..64], &key, b"hello", SHA256));
        assert!(!secp256k1_verify(&signature[..64], &key, b"jello", SHA256));
        assert!(!secp256k1_verify(
            &signature[..64],
            &key,
            b"hello",
            KECCAK256
        ));
        assert!(!secp256k1_verify(&signature[..64], &key, b"hello", 2));
    }

    #[test]
    fn malformed_input_is_refused() {
        assert!(!ed25519_verify(&[0; 64], &[0; 31], b""));
        assert!(!ed25519_verify(&[0; 63], &[0; 32], b""));
        assert!(!secp256r1_verify(&[0; 64], &[2; 33], b"", SHA256));
        assert_eq!(
            secp256k1_recover(&[0; 64], b"hello", SHA256),
            Err(INVALID_SIGNATURE)
        );
        let mut signature = hex::decode(RECOVERABLE).unwrap();
        signature[64] = 27;
        assert!(secp256k1_recover(&signature, b"hello", SHA256).is_err());
        signature[64] = 1;
        assert_eq!(
            secp256k1_recover(&signature, b"hello", 7),
            Err(FAILED_TO_RECOVER)
        );
    }
}
