//! Keys of storage nodes: the protocol key that signs messages, and the network key that
//! authenticates connections.

mod file;
mod network;
mod protocol;

pub use file::KeyFileError;
pub use network::{NetworkKeyError, NetworkKeyPair, NetworkPublicKey, tls_server_name};
pub use protocol::{
    PROTOCOL_PUBLIC_KEY_LENGTH, PROTOCOL_SIGNATURE_LENGTH, ProtocolKeyError, ProtocolKeyPair,
    ProtocolPublicKey, ProtocolSignature, aggregate_signatures,
};
