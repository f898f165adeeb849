//! Every event of the `walrus` package. All are structs of its module `events`; no other module
//! emits.

pub mod governance;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use walrus_core::{BlobId, Epoch, ObjectId, ShardIndex};

use crate::types::U256;

/// Module that defines the events.
pub const MODULE: &str = "events";

/// Why an event could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EventError {
    /// There is no such event: the contracts are newer than this program, or not ours.
    #[error("unknown event {module}::{name}")]
    Unknown {
        /// Module of the event type.
        module: String,
        /// Name of the event type.
        name: String,
    },
    /// The content is not BCS of the event's struct.
    #[error("malformed {name} event: {reason}")]
    Malformed {
        /// Name of the event type.
        name: &'static str,
        /// What the decoder reported.
        reason: String,
    },
}

/// Defines the event structs of a package's module `events`, the enum over them, and its parser.
macro_rules! define_events {
    (
        $(#[$enum_doc:meta])* enum $event:ident;
        $($(#[$doc:meta])* $name:ident {
            $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
        })*
    ) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
            #[allow(missing_docs, reason = "fields without a comment mean what their name says")]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $type,)*
            }

            impl From<$name> for $event {
                fn from(event: $name) -> Self {
                    Self::$name(event)
                }
            }
        )*

        $(#[$enum_doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $event {
            $($(#[$doc])* $name($name),)*
        }

        impl $event {
            /// Parses the BCS content of an event of type `module::name`.
            ///
            /// # Errors
            ///
            /// The type is not one of ours, or the bytes are not exactly its encoding.
            pub fn from_bcs(module: &str, name: &str, bytes: &[u8]) -> Result<Self, EventError> {
                match (module, name) {
                    $((MODULE, stringify!($name)) => bcs::from_bytes(bytes)
                        .map(Self::$name)
                        .map_err(|error| EventError::Malformed {
                            name: stringify!($name),
                            reason: error.to_string(),
                        }),)*
                    _ => Err(EventError::Unknown {
                        module: module.to_owned(),
                        name: name.to_owned(),
                    }),
                }
            }

            /// Name of the event's struct.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)*
                }
            }
        }

        /// Names of all events.
        pub const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

pub(crate) use define_events;

define_events! {
    /// An event of the `walrus` package.
    enum WalrusEvent;

    /// A blob was registered; nodes may now accept its slivers.
    BlobRegistered {
        epoch: Epoch,
        blob_id: BlobId,
        /// Length before encoding, in bytes.
        size: u64,
        encoding_type: u8,
        end_epoch: Epoch,
        deletable: bool,
        object_id: ObjectId,
    }
    /// A blob was certified, or its certified storage extended.
    BlobCertified {
        /// Epoch of the first certification.
        epoch: Epoch,
        blob_id: BlobId,
        end_epoch: Epoch,
        deletable: bool,
        object_id: ObjectId,
        is_extension: bool,
    }
    /// A deletable blob was deleted.
    BlobDeleted {
        epoch: Epoch,
        blob_id: BlobId,
        end_epoch: Epoch,
        object_id: ObjectId,
        was_certified: bool,
    }
    /// The slivers of this blob were proved to disagree.
    InvalidBlobID {
        epoch: Epoch,
        blob_id: BlobId,
    }
    /// Committee and parameters of the next epoch are chosen.
    EpochParametersSelected {
        next_epoch: Epoch,
    }
    /// The epoch changed; shards are moving.
    EpochChangeStart {
        /// The new epoch.
        epoch: Epoch,
    }
    /// A quorum of shards has arrived.
    EpochChangeDone {
        epoch: Epoch,
    }
    /// A node has received its shards.
    ShardsReceived {
        epoch: Epoch,
        shards: Vec<ShardIndex>,
    }
    /// A node recovers shards it could not get. Declared; nothing emits it.
    ShardRecoveryStart {
        epoch: Epoch,
        shards: Vec<ShardIndex>,
    }
    /// The shared objects were migrated to a new package.
    ContractUpgraded {
        epoch: Epoch,
        package_id: ObjectId,
        version: u64,
    }
    /// Somebody voted first for an upgrade.
    ContractUpgradeProposed {
        epoch: Epoch,
        package_digest: Vec<u8>,
    }
    /// An upgrade has a quorum of votes.
    ContractUpgradeQuorumReached {
        epoch: Epoch,
        package_digest: Vec<u8>,
    }
    /// A node asks for approval of its new deny list.
    RegisterDenyListUpdate {
        epoch: Epoch,
        root: U256,
        sequence_number: u64,
        node_id: ObjectId,
    }
    /// A node's new deny list is approved.
    DenyListUpdate {
        epoch: Epoch,
        root: U256,
        sequence_number: u64,
        node_id: ObjectId,
    }
    /// A blob on deny lists was deleted.
    DenyListBlobDeleted {
        epoch: Epoch,
        blob_id: BlobId,
    }
    /// The nodes agreed on a protocol version.
    ProtocolVersionUpdated {
        epoch: Epoch,
        start_epoch: Epoch,
        protocol_version: u64,
    }
    /// Prices were computed from the committee's votes.
    PricesUpdated {
        epoch: Epoch,
        storage_price: u64,
        write_price: u64,
    }
    /// A storage pool was created.
    StoragePoolCreated {
        epoch: Epoch,
        storage_pool_id: ObjectId,
        reserved_encoded_capacity_bytes: u64,
        start_epoch: Epoch,
        end_epoch: Epoch,
    }
    /// A storage pool lives longer.
    StoragePoolExtended {
        epoch: Epoch,
        storage_pool_id: ObjectId,
        new_end_epoch: Epoch,
    }
    /// A blob was registered in a storage pool.
    PooledBlobRegistered {
        epoch: Epoch,
        blob_id: BlobId,
        unencoded_size: u64,
        encoding_type: u8,
        deletable: bool,
        object_id: ObjectId,
        storage_pool_id: ObjectId,
    }
    /// A blob in a storage pool was certified.
    PooledBlobCertified {
        epoch: Epoch,
        blob_id: BlobId,
        deletable: bool,
        object_id: ObjectId,
        storage_pool_id: ObjectId,
    }
    /// A blob in a storage pool was deleted.
    PooledBlobDeleted {
        epoch: Epoch,
        blob_id: BlobId,
        object_id: ObjectId,
        was_certified: bool,
        storage_pool_id: ObjectId,
    }
}

#[cfg(test)]
mod tests;
