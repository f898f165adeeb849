//! The faucet's account: it has all the SUI that nobody else has at genesis.

use sui_crypto::ed25519::Ed25519PrivateKey;
use sui_sdk_types::{Address, hash::Hasher};

const KEY_DOMAIN: &str = "sui-localnet faucet";

/// The faucet's key; public knowledge, like all money of a development chain.
pub(crate) fn key() -> Ed25519PrivateKey {
    let mut hasher = Hasher::new();
    hasher.update(KEY_DOMAIN);
    Ed25519PrivateKey::new(hasher.finalize().into_inner())
}

/// The faucet's address.
pub(crate) fn address() -> Address {
    key().public_key().derive_address()
}
