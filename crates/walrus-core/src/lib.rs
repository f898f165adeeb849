//! The vocabulary of Walrus: identifiers, shard arithmetic, Merkle trees, wire types, signed
//! messages and certificates.
//!
//! Everything here is a pure function of its input: no I/O, no clock, no threads. Bytes from
//! outside are decoded with errors, never with panics.
//!
//! A blob is cut into a matrix of *symbols* and expanded in both directions to `n × n` cells, `n`
//! being the number of shards. Row `i` is the *primary sliver* `i`, column `j` the *secondary
//! sliver* `j`; *sliver pair* `k` is primary `k` with secondary `n − 1 − k`, and lives on one
//! shard.
//!
//! ```
//! use walrus_core::{BlobId, NShards, SliverPairIndex, SliverType, bft, params};
//!
//! let n = NShards::new(1000).expect("not zero");
//! assert_eq!(bft::max_faulty(n), 333);
//! assert_eq!(params::source_symbols(n), (334, 667));
//!
//! let blob_id: BlobId = "GwF55d1m011cm40GMEdbKaHHs81M9k14vTsehyIlUeY".parse()?;
//! let pair = SliverPairIndex(7);
//! assert_eq!(pair.sliver_index(SliverType::Secondary, n).0, 992);
//! assert_eq!(pair.to_shard(&blob_id, n).to_pair(&blob_id, n), pair);
//! # Ok::<(), walrus_core::BlobIdParseError>(())
//! ```

pub mod bft;
pub mod certificate;
pub mod encoding_type;
mod frost;
pub mod hash;
mod ids;
pub mod inconsistency;
pub mod keys;
pub mod mapping;
pub mod merkle;
pub mod messages;
pub mod metadata;
pub mod node_api;
pub mod params;
pub mod quilt;
pub mod sliver;
pub mod symbol;
pub mod text;
pub mod upload_relay;
mod wire;

pub use certificate::ProtocolCertificate;
pub use encoding_type::EncodingType;
pub use frost::{FROST_PER_WAL, Frost, FrostParseError, coins, thousands};
pub use ids::{
    AddressParseError, BlobId, BlobIdParseError, EventId, IndexParseError, ObjectId, ShardIndex,
    SliverIndex, SliverPairIndex, SuiAddress, U256ParseError,
};
pub use keys::{
    NetworkKeyPair, NetworkPublicKey, ProtocolKeyPair, ProtocolPublicKey, ProtocolSignature,
};
pub use messages::{BlobPersistence, SignedMessage, StorageConfirmation};
pub use metadata::{BlobMetadata, BlobMetadataWithId, SliverPairMetadata, VerifiedMetadata};
pub use sliver::{
    PrimarySliver, SecondarySliver, Sliver, SliverData, SliverId, SliverPair, SliverType,
};
pub use symbol::SymbolId;

/// A Walrus epoch.
pub type Epoch = u32;

/// A number of epochs, for example how long storage is paid for.
pub type EpochCount = u32;

/// The number of shards of a network, `n` in every formula.
pub type NShards = std::num::NonZeroU16;
