//! The funded accounts of a local network: the same keys on every run, so that scripts can name
//! them.
//!
//! Never use these keys anywhere else: everybody knows them.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use walrus_sui::Signer;

use crate::service_kind::ServiceKind;

/// Domain separator of the account seeds.
const SEED_DOMAIN: &[u8] = b"walrus-localnet account ";

/// SUI of every account at genesis, in MIST (1 SUI = 10^9 MIST).
pub const SUI_PER_ACCOUNT_MIST: u64 = 1_000_000 * 1_000_000_000;
/// WAL of every account once the contracts are deployed, in FROST (1 WAL = 10^9 FROST).
pub const WAL_PER_ACCOUNT_FROST: u64 = 1_000_000 * 1_000_000_000;

/// What an account is for; decides its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Publishes the contracts and owns the upgrade rights.
    Admin,
    /// A user of the network.
    User(u16),
    /// Pays for the transactions of a storage node.
    Node(u16),
    /// Has the key of a key server; sends nothing.
    KeyServer(u16),
    /// Pays for what a service stores.
    Service(ServiceKind),
    /// Has what the keys of the committee are made from; sends nothing.
    Committee,
}

impl Role {
    /// Name of the account in the wallet of the network.
    pub fn name(self) -> String {
        match self {
            Self::Admin => "admin".to_owned(),
            Self::User(index) => format!("user-{index}"),
            Self::Node(index) => format!("node-{index}"),
            Self::KeyServer(index) => format!("key-server-{index}"),
            Self::Service(kind) => kind.name().to_owned(),
            Self::Committee => "committee".to_owned(),
        }
    }
}

/// An account with a well-known key.
#[derive(Debug, Clone)]
pub struct Account {
    /// What it is for.
    pub role: Role,
    seed: [u8; 32],
}

/// How an account is printed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountInfo {
    /// Name in the wallet of the network, such as `user-0`: what `--account` takes.
    pub name: String,
    /// `0x`-hex address.
    pub address: String,
    /// Private key as `suiprivkey1…`.
    pub secret: String,
    /// Balance in MIST when the network became ready for the first time.
    pub sui: u64,
    /// Balance in FROST when the network became ready for the first time.
    pub wal: u64,
}

impl Account {
    /// The account of a role.
    pub fn of(role: Role) -> Self {
        let label = match role {
            Role::Admin => "admin".to_owned(),
            Role::User(index) => format!("user {index}"),
            Role::Node(index) => format!("node {index}"),
            Role::KeyServer(index) => format!("key server {index}"),
            Role::Service(kind) => format!("service {kind}"),
            Role::Committee => "committee".to_owned(),
        };
        let seed = Sha256::new()
            .chain_update(SEED_DOMAIN)
            .chain_update(label)
            .finalize()
            .into();
        Self { role, seed }
    }

    /// The 32 bytes that all keys of the account are made from.
    pub fn seed(&self) -> [u8; 32] {
        self.seed
    }

    /// The ed25519 key that signs transactions.
    pub fn signer(&self) -> Signer {
        Signer::from_seed(self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_stable_and_distinct() {
        assert_eq!(
            Account::of(Role::User(0)).seed(),
            Account::of(Role::User(0)).seed()
        );
        let all = [Role::Admin, Role::User(0), Role::User(1), Role::Node(0)]
            .map(|role| Account::of(role).signer().address());
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
