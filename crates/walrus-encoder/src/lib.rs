//! Red Stuff, the two-dimensional erasure code of Walrus.
//!
//! A blob becomes `n` sliver pairs, one for each shard. Any `n − 2f` primary slivers give the blob
//! back, and so do any `n − f` secondary slivers. Every sliver can be checked alone against the
//! metadata, which the blob ID commits to.
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
//! let index = lost.index();
//! let symbols = pairs[..7].iter().map(|pair| encoder.recovery_symbol(&pair.secondary, index));
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
//! | encode a blob | [`Encoder::encode`] |
//! | encode only some of its pairs, or get only its ID | [`Encoder::encode_pairs`], [`Encoder::metadata`] |
//! | get the ID of a file that is larger than memory | [`Encoder::metadata_from_reader`] |
//! | encode some pairs of such a file | [`Encoder::encode_pairs_from_reader`] |
//! | check a sliver | [`Encoder::verify_sliver`] |
//! | get the blob back | [`Encoder::decode`], [`Encoder::decode_into`] |
//! | get a part of it | [`Encoder::decode_range`] |
//! | make symbols for others | [`Encoder::expand_sliver`] |
//! | recover slivers | [`Encoder::recover_sliver`], [`Encoder::recover_or_prove`] |
//! | check that a blob was encoded wrongly | [`Encoder::verify_inconsistency_proof`] |
//! | put many files into one blob | [`quilt`] |
//!
//! # The matrix
//!
//! The blob is cut into symbols, which fill the source part of a matrix row by row. One code
//! continues every row to the right, another one continues every column downwards. So there are `n`
//! rows and `n` columns:
//!
//! ```text
//!                S source columns       n − S more
//!            ┌───────────────────────┬──────────────┐
//!  P source  │ the blob, row by row  │ recovery     │   each row is a line;
//!  rows      │       ┆    ┆          │ symbols of   │   its first S symbols are
//!            │       ┆    ┆          │ the rows     │   a primary sliver
//!            ├───────┆────┆──────────┼──────────────┤
//!  n − P     │ recovery   ┆ symbols  │ hashed, but  │   each column is a line;
//!  more      │ of the┆    ┆ columns  │ in no sliver │   its first P symbols are
//!            └───────┴────┴──────────┴──────────────┘   a secondary sliver
//!                     tile
//!
//!  a symbol:   │ block │ block │ ... │ block │ end │
//!                       ╰───────────╯
//!                a stripe: these bytes of every symbol
//! ```
//!
//! | Word | Meaning |
//! |---|---|
//! | symbol | an entry of the matrix: 2 to 65 534 bytes, an even number |
//! | line | a row or a column of the matrix: a codeword |
//! | position | which symbol of a line |
//! | source, recovery | the symbols a code starts from; those that it computes |
//! | tile | some neighbouring lines, encoded and hashed while they are in the cache |
//! | stripe | the same bytes of every symbol; large blobs are encoded stripe by stripe |
//! | block | 64 bytes: 32 elements of the field in which the codes compute |
//! | axis | primary (rows) or secondary (columns) |
//! | shard | one of the `n` places of the network; each holds one sliver pair |
//!
//! # The modules
//!
//! Each uses only those below it. `encode`, `chosen`, `metadata`: slivers and hashes of whole
//! blobs, of some pairs, of files. `decode`, `range`, `recovery`, `verify`: the ways back. `tile`:
//! hashing of neighbouring lines. `line`: encoding, hashing and decoding of a few lines. `code`:
//! the codes. `transform`: the Fourier transforms they are made of. `matrix`: where which symbol of
//! a blob is. `block`: how symbols become blocks.
//!
//! Nothing here opens files or sockets. The work is spread over the threads of the current `rayon`
//! pool; results do not depend on their number.

mod block;
mod chosen;
mod code;
mod decode;
mod encode;
mod error;
mod inconsistency;
mod line;
mod matrix;
pub mod memory;
mod metadata;
pub mod quilt;
mod range;
mod recovery;
#[cfg(test)]
mod reed_solomon_vectors;
mod tile;
mod transform;
mod verify;

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

/// Fewest shards that blobs can be encoded for. Fewer could not tolerate a single faulty one.
pub const MIN_SHARDS: u16 = 4;

/// How thoroughly a decoded blob is compared with the commitments of its metadata.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConsistencyCheck {
    /// Not at all. This is for readers who trust whoever stored the blob.
    Skip,
    /// By the hashes of the source rows. If a blob was encoded wrongly on purpose, readers who use
    /// different slivers may still get different bytes.
    #[default]
    Default,
    /// As a whole: the bytes are encoded again, and the blob IDs compared. All readers get the same
    /// result.
    Strict,
}

/// Encodes, decodes and verifies blobs for a network with a fixed number of shards. Cheap to clone.
#[derive(Clone)]
pub struct Encoder {
    n_shards: NShards,
    /// The code along columns: it makes recovery rows from source rows.
    primary_code: Code,
    /// The code along rows: it makes recovery columns from source columns.
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
        let factors = primary_code
            .twist_factors()
            .max(secondary_code.twist_factors());
        let transforms = Arc::new(Transforms::new(factors));
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
