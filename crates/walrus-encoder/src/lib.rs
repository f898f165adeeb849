//! Red Stuff, the two-dimensional erasure code of Walrus.
//!
//! A blob becomes `n` sliver pairs, one for each shard. Any `n − 2f` primary or `n − f` secondary
//! slivers give the blob back, and every sliver can be checked alone against the metadata, which the
//! blob ID commits to.
//!
//! ```
//! use walrus_core::sliver::Primary;
//! use walrus_encoder::{ConsistencyCheck, Encoder, NShards};
//!
//! let encoder = Encoder::new(NShards::new(10).expect("not zero"))?;
//! let blob = b"a blob is any sequence of bytes".as_slice();
//! let (mut pairs, metadata) = encoder.encode(blob)?;
//!
//! // A node has lost its pair. Seven others send it a symbol each, and it has its sliver again.
//! let lost = pairs.remove(3);
//! let symbols = pairs[..7].iter().map(|pair| encoder.recovery_symbol(&pair.secondary, lost.index()));
//! let symbols = symbols.collect::<Result<Vec<_>, _>>()?.into_iter().map(|proven| proven.symbol);
//! let recovered = encoder.recover_sliver::<Primary>(&metadata, lost.primary.index, symbols)?;
//! assert_eq!(recovered, lost.primary);
//!
//! // Six of ten nodes are gone. Four primary slivers give the blob back.
//! let left = pairs.into_iter().skip(6).map(|pair| pair.primary).chain([recovered]);
//! assert_eq!(encoder.decode(&metadata, left, ConsistencyCheck::Strict)?, blob);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | To | use |
//! |---|---|
//! | encode a blob, or some of its pairs, or only get its ID | [`Encoder::encode`], [`Encoder::encode_pairs`], [`Encoder::metadata`] |
//! | do so with a file that is larger than memory | [`Encoder::metadata_from_reader`], [`Encoder::encode_pairs_from_reader`] |
//! | check a sliver | [`Encoder::verify_sliver`] |
//! | get the blob back, or a part of it | [`Encoder::decode`], [`Encoder::decode_into`], [`Encoder::decode_range`] |
//! | give others symbols | [`Encoder::expand_sliver`] |
//! | recover slivers | [`Encoder::recover_sliver`], [`Encoder::recover_or_prove`] |
//! | check that a blob was encoded wrongly | [`Encoder::verify_inconsistency_proof`] |
//! | put many files into one blob | [`quilt`] |
//!
//! Nothing here opens files or sockets. The work is spread over the threads of the current `rayon`
//! pool; results do not depend on their number.

mod chosen;
mod code;
mod decode;
mod encode;
mod error;
mod inconsistency;
mod matrix;
pub mod memory;
mod metadata;
mod packing;
pub mod quilt;
mod range;
mod recovery;
#[cfg(test)]
mod reed_solomon_vectors;
mod tile;
mod transform;
mod verify;
mod words;

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use walrus_core::params;

pub use error::{
    DecodeError, EncodeError, InconsistencyVerificationError, ReadError, ShardCountMismatch,
    SliverRecoveryError, SliverVerificationError, UnsupportedShardCount, WriteError,
};
pub use recovery::{ExpandedSliver, Recovered};
pub use walrus_core::NShards;

use code::Code;
use transform::Transforms;

/// Fewest shards that blobs can be encoded for: with less there are no faulty shards to tolerate.
pub const MIN_SHARDS: u16 = 4;

/// How thoroughly a decoded blob is compared with the commitments of its metadata.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConsistencyCheck {
    /// Not at all: for who trusts the one who stored the blob.
    Skip,
    /// The hashes of the source rows. Readers that use different slivers of a blob that was encoded
    /// wrongly on purpose may still see different results.
    #[default]
    Default,
    /// Everything: encodes again and compares the blob ID. All readers get the same result.
    Strict,
}

/// Encodes, decodes and verifies blobs for a network with a fixed number of shards. Cheap to clone.
#[derive(Clone)]
pub struct Encoder {
    n_shards: NShards,
    /// Runs down columns; makes rows from rows.
    primary_code: Code,
    /// Runs along rows; makes columns from columns.
    secondary_code: Code,
    transforms: Arc<Transforms>,
}

impl Encoder {
    /// An encoder for `n` shards: at least 4, and few enough for codes over 65 536 elements.
    pub fn new(n: NShards) -> Result<Self, UnsupportedShardCount> {
        let (primary, secondary) = params::source_symbols(n);
        let code = |source: u16| Code::new(source.into(), n.get().into());
        let (Some(primary_code), Some(secondary_code)) = (code(primary), code(secondary)) else {
            return Err(UnsupportedShardCount(n));
        };
        let positions = primary_code.positions().max(secondary_code.positions());
        let transforms = Arc::new(Transforms::new(positions));
        Ok(Self {
            n_shards: n,
            primary_code,
            secondary_code,
            transforms,
        })
    }

    /// The number of shards.
    pub fn n_shards(&self) -> NShards {
        self.n_shards
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("n_shards", &self.n_shards)
            .finish_non_exhaustive()
    }
}
