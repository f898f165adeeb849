//! Why a node does not start: one clear line each, and an exit code.

use std::{io, net::SocketAddr};

use walrus_core::ObjectId;
use walrus_sui::{SuiError, WalletError};

use crate::{
    blocklist::BlocklistError, config::ConfigError, http::TlsError, storage::StorageError,
    upkeep::PriceError,
};

/// Why the node did not start, or did not stop cleanly.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Configuration or key files.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Full node URLs.
    #[error("{0}")]
    ChainConfig(#[from] SuiError),
    /// The wallet.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// Certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The block list.
    #[error(transparent)]
    Blocklist(#[from] BlocklistError),
    /// The source of the price of WAL.
    #[error(transparent)]
    Price(#[from] PriceError),
    /// An address cannot be listened on.
    #[error("cannot serve the {what} on {address}: {source}")]
    Bind {
        /// What was to be served.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The storage directory.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The network key is not the one registered on chain: clients would refuse the certificate.
    #[error(
        "the network key does not belong to this node: node {node_id} is registered with {registered}, the key file \
         has {configured}"
    )]
    WrongNetworkKey {
        /// The node.
        node_id: ObjectId,
        /// Public key on chain.
        registered: String,
        /// Public key of the file.
        configured: String,
    },
    /// The chain contradicts the configuration.
    #[error("the chain does not fit the configuration: {0}")]
    Chain(String),
}

impl StartError {
    /// The exit code of the process: 2 configuration, 3 storage, 4 address, 5 chain or
    /// registration.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_)
            | Self::ChainConfig(_)
            | Self::Wallet(_)
            | Self::Tls(_)
            | Self::Blocklist(_)
            | Self::Price(_) => 2,
            Self::Storage(_) => 3,
            Self::Bind { .. } => 4,
            Self::WrongNetworkKey { .. } | Self::Chain(_) => 5,
        }
    }
}
