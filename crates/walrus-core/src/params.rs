//! Sizes that follow from the number of shards and the length of a blob.

use std::num::NonZeroU16;

use thiserror::Error;

use crate::{NShards, bft};

/// Symbols are whole elements of GF(2¹⁶), hence a multiple of two bytes long.
pub const SYMBOL_ALIGNMENT: u16 = 2;

/// The largest symbol, in bytes.
pub const MAX_SYMBOL_SIZE: u16 = u16::MAX - 1;

/// Storage is sold in units of this many bytes.
pub const BYTES_PER_STORAGE_UNIT: u64 = 1 << 20;

/// The blob needs symbols larger than [`MAX_SYMBOL_SIZE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{length} bytes are too large for {n_shards} shards, which take at most {max} bytes")]
pub struct DataTooLarge {
    /// Length of the refused data, in bytes.
    pub length: u64,
    /// Number of shards of the network.
    pub n_shards: NShards,
    /// The longest blob such a network takes, in bytes.
    pub max: u64,
}

/// Number of source symbols of a column (`P = n − 2f`) and of a row (`S = n − f`). None is zero.
///
/// `P` is the number of primary slivers that suffice to decode, `S` that of secondary slivers.
pub fn source_symbols(n: NShards) -> (u16, u16) {
    let f = bft::max_faulty(n);
    (n.get() - 2 * f, n.get() - f)
}

/// Number of source symbols of a whole blob, `P·S`.
pub fn source_symbols_per_blob(n: NShards) -> u64 {
    let (primary, secondary) = source_symbols(n);
    u64::from(primary) * u64::from(secondary)
}

/// The smallest even symbol size with which a blob of `length` bytes fits; an empty blob counts as
/// one byte.
pub fn symbol_size(n: NShards, length: u64) -> Result<NonZeroU16, DataTooLarge> {
    symbol_size_for(length, source_symbols_per_blob(n)).ok_or_else(|| DataTooLarge {
        length,
        n_shards: n,
        max: max_blob_size(n),
    })
}

/// The smallest even symbol size with which `length` bytes fit into `symbols` symbols.
pub(crate) fn symbol_size_for(length: u64, symbols: u64) -> Option<NonZeroU16> {
    let exact = length.max(1).div_ceil(symbols);
    let size = exact.checked_next_multiple_of(u64::from(SYMBOL_ALIGNMENT))?;
    let size = u16::try_from(size).ok()?;
    NonZeroU16::new(size).filter(|size| size.get() <= MAX_SYMBOL_SIZE)
}

/// Bytes of metadata that every shard is charged for: both hashes of each pair, and the blob ID.
pub fn metadata_length(n: NShards) -> u64 {
    64 * u64::from(n.get()) + 32
}

/// Bytes that a blob of `length` bytes takes on the whole network: what storage is paid for. `None`
/// when the blob is too large.
pub fn encoded_length(n: NShards, length: u64) -> Option<u64> {
    let shards = u64::from(n.get());
    let (primary, secondary) = source_symbols(n);
    let symbol = u64::from(symbol_size(n, length).ok()?.get());
    let slivers = shards * (u64::from(primary) + u64::from(secondary)) * symbol;
    Some(shards * metadata_length(n) + slivers)
}

/// The longest blob, in bytes: `P·S·65534`.
pub fn max_blob_size(n: NShards) -> u64 {
    source_symbols_per_blob(n) * u64::from(MAX_SYMBOL_SIZE)
}

/// The longest sliver, in bytes: `S·65534`.
pub fn max_sliver_size(n: NShards) -> u64 {
    u64::from(source_symbols(n).1) * u64::from(MAX_SYMBOL_SIZE)
}

/// Storage units that hold `bytes` bytes: prices are per unit and epoch.
pub fn storage_units(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_STORAGE_UNIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(n: u16) -> NShards {
        NShards::new(n).expect("not zero")
    }

    #[test]
    fn the_empty_blob_takes_the_smallest_symbol() {
        assert_eq!(symbol_size(n(1000), 0).map(NonZeroU16::get), Ok(2));
        assert_eq!(encoded_length(n(1000), 0), Some(66_034_000));
        assert_eq!(storage_units(66_034_000), 63);
    }

    #[test]
    fn one_byte_more_than_the_largest_blob_is_refused() {
        for shards in [1, 2, 3, 4, 7, 10, 100, 1000, u16::MAX].map(n) {
            let max = max_blob_size(shards);
            assert_eq!(
                symbol_size(shards, max).map(NonZeroU16::get),
                Ok(MAX_SYMBOL_SIZE)
            );
            assert!(symbol_size(shards, max + 1).is_err());
            assert_eq!(encoded_length(shards, max + 1), None);
            assert_eq!(encoded_length(shards, u64::MAX), None);
        }
    }
}
