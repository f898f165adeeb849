//! Identifiers: of blobs, of objects and addresses on chain, of events, of shards and slivers.

mod address;
mod blob_id;
mod event_id;
mod index;

pub use address::{AddressParseError, ObjectId, SuiAddress};
pub use blob_id::{BlobId, BlobIdParseError, U256ParseError};
pub use event_id::EventId;
pub use index::{IndexParseError, ShardIndex, SliverIndex, SliverPairIndex};
