//! A key pair that signs Sui transactions, and the address that belongs to it.

use std::fmt;

use rand::{CryptoRng, RngCore};
use sui_crypto::{SuiSigner, ed25519::Ed25519PrivateKey, simple::SimpleKeypair};
use sui_sdk_types::{PersonalMessage, UserSignature};
use walrus_core::SuiAddress;

use crate::{ids::sui_address, transaction::CheckedTransaction};

/// The text is no private key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid Sui private key: {0}")]
pub struct InvalidPrivateKey(String);

/// Signs transactions with one key pair (ed25519, secp256k1 or secp256r1).
///
/// Printing a signer shows its address only, never the secret.
#[derive(Clone)]
pub struct Signer {
    keypair: SimpleKeypair,
    address: SuiAddress,
}

impl Signer {
    /// Wraps a key pair.
    pub fn new(keypair: SimpleKeypair) -> Self {
        let address = sui_address(keypair.verifying_key().derive_address());
        Self { keypair, address }
    }

    /// A new random ed25519 key.
    pub fn generate<R: RngCore + CryptoRng>(rng: &mut R) -> Self {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Self::from_seed(seed)
    }

    /// The ed25519 key whose secret is `seed`: the same seed is the same address everywhere.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self::new(Ed25519PrivateKey::new(seed).into())
    }

    /// Reads the `suiprivkey1…` form that the Sui CLI exports.
    pub fn from_suiprivkey(text: &str) -> Result<Self, InvalidPrivateKey> {
        SimpleKeypair::from_suiprivkey(text.trim())
            .map(Self::new)
            .map_err(|error| InvalidPrivateKey(error.to_string()))
    }

    /// Reads one entry of a Sui keystore file: base64 of scheme flag and 32-byte secret.
    pub fn from_base64(text: &str) -> Result<Self, InvalidPrivateKey> {
        SimpleKeypair::from_base64(text.trim())
            .map(Self::new)
            .map_err(|error| InvalidPrivateKey(error.to_string()))
    }

    /// The `suiprivkey1…` form. This is the secret: handle it as such.
    pub fn to_suiprivkey(&self) -> String {
        self.keypair
            .to_suiprivkey()
            .expect("33 bytes fit into a bech32 string")
    }

    /// The keystore form. This is the secret: handle it as such.
    pub fn to_base64(&self) -> String {
        self.keypair.to_base64()
    }

    /// The base64 of scheme flag and public key, as the Sui CLI writes it to its alias file.
    pub fn public_key_base64(&self) -> String {
        use base64::Engine as _;
        use sui_sdk_types::MultisigMemberPublicKey as Key;
        let flag = self.keypair.scheme().to_u8();
        let mut bytes = vec![flag];
        match self.keypair.public_key() {
            Key::Ed25519(key) => bytes.extend_from_slice(key.as_bytes()),
            Key::Secp256k1(key) => bytes.extend_from_slice(key.as_bytes()),
            Key::Secp256r1(key) => bytes.extend_from_slice(key.as_bytes()),
            _ => {}
        }
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }

    /// The account this signer speaks for.
    pub fn address(&self) -> SuiAddress {
        self.address
    }

    /// Signs a message of an application, as wallets do. No such signature is valid for a
    /// transaction: what is signed says that it is a message.
    pub fn sign_personal_message(&self, message: &[u8]) -> UserSignature {
        self.keypair
            .sign_personal_message(&PersonalMessage(message.into()))
            .expect("signing a 32-byte digest with a key in memory does not fail")
    }

    /// Signs a transaction that was compared with what was asked for. There is no way to sign any
    /// other.
    pub fn sign(&self, transaction: &CheckedTransaction) -> UserSignature {
        self.keypair
            .sign_transaction(transaction.transaction())
            .expect("signing a 32-byte digest with a key in memory does not fail")
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("address", &self.address.to_string())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use sui_crypto::secp256k1::Secp256k1PrivateKey;

    use super::*;

    const SEED: [u8; 32] = [1; 32];
    const EXPORTED: &str = "suiprivkey1qqqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszasa5uj";

    #[test]
    fn known_key_has_known_address_and_export() {
        let signer = Signer::from_seed(SEED);
        assert_eq!(
            signer.address().to_string(),
            "0x29dfbf688abce7ab43bb8e70cae158ae961196e721440f515482f8ba1684390f"
        );
        assert_eq!(signer.to_suiprivkey(), EXPORTED);
        assert_eq!(
            Signer::from_suiprivkey(EXPORTED).unwrap().address(),
            signer.address()
        );
        assert_eq!(
            Signer::from_base64(&signer.to_base64()).unwrap().address(),
            signer.address()
        );
    }

    #[test]
    fn secp256k1_keys_are_understood() {
        let signer = Signer::new(Secp256k1PrivateKey::new(SEED).unwrap().into());
        assert_eq!(
            signer.address().to_string(),
            "0xf87edcc926ae7dded7f91ffddcb0ba6c9e3373946e89ec47e478c1bca90c750d"
        );
        let again = Signer::from_suiprivkey(&signer.to_suiprivkey()).unwrap();
        assert_eq!(again.address(), signer.address());
    }

    #[test]
    fn known_transaction_has_known_signature() {
        let bytes = hex::decode(concat!(
            "0000020008e80300000000000000200000000000000000000000000000000000000000000000000000000000000b0b",
            "020200010100000101030000000001010029dfbf688abce7ab43bb8e70cae158ae961196e721440f515482f8ba1684",
            "390f0100000000000000000000000000000000000000000000000000000000000000c1070000000000000020090909",
            "090909090909090909090909090909090909090909090909090909090929dfbf688abce7ab43bb8e70cae158ae9611",
            "96e721440f515482f8ba1684390fe803000000000000404b4c000000000000"
        ))
        .unwrap();
        let transaction = CheckedTransaction::for_test(bcs::from_bytes(&bytes).unwrap());
        let signature = Signer::from_seed(SEED).sign(&transaction);
        assert_eq!(
            hex::encode(&signature.to_bytes()[..65]),
            concat!(
                "006e06bf5c3ad39f08d41f263c97c768e2967f453d9b7a3b65b12df0a490affdb754f77b5b3448d15b67edbbc3e6",
                "496d6264c5474ef5db4e8f989c89c6a0f08c0d"
            )
        );
    }

    #[test]
    fn nonsense_keys_are_refused_and_secrets_are_not_printed() {
        assert!(Signer::from_suiprivkey("suiprivkey1nonsense").is_err());
        assert!(Signer::from_base64("AA==").is_err());
        assert!(Signer::from_base64("BQ0NDQ==").is_err());
        let signer = Signer::from_seed(SEED);
        assert!(!format!("{signer:?}").contains(&signer.to_base64()));
    }
}
