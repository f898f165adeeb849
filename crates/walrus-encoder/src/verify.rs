//! Checking slivers against the metadata of their blob.

use std::ops::Range;

use walrus_core::{
    SliverData, SliverType, VerifiedMetadata,
    merkle::Node,
    sliver::{Axis, SliverView},
};

use crate::{
    Encoder, ShardCountMismatch, SliverVerificationError,
    code::Code,
    line::{Kernel, LineSymbols, Stripe, Visited, Workspace},
    tile::Tile,
};

impl Encoder {
    /// Checks that the sliver is the one that the metadata commits to.
    pub fn verify_sliver<A: Axis>(
        &self,
        sliver: &SliverData<A>,
        metadata: &VerifiedMetadata,
    ) -> Result<(), SliverVerificationError> {
        self.verify_sliver_view(A::TYPE, sliver.into(), metadata)
    }

    /// [`Encoder::verify_sliver`] for a sliver that was not taken out of its bytes.
    pub fn verify_sliver_view(
        &self,
        axis: SliverType,
        sliver: SliverView<'_>,
        metadata: &VerifiedMetadata,
    ) -> Result<(), SliverVerificationError> {
        self.check_shard_count(metadata)?;
        let expected_hash = metadata
            .sliver_hash(sliver.index, axis)
            .ok_or(SliverVerificationError::IndexTooLarge)?;
        let (actual, expected) = (sliver.data.len(), metadata.sliver_size(axis));
        if actual != expected {
            return Err(SliverVerificationError::SliverSizeMismatch { actual, expected });
        }
        let (actual, expected) = (sliver.symbol_size, metadata.symbol_size());
        if actual != expected {
            let (actual, expected) = (actual.get(), expected.get());
            return Err(SliverVerificationError::SymbolSizeMismatch { actual, expected });
        }
        let symbol = usize::from(expected.get());
        let root = self.sliver_root(axis, sliver.data, symbol);
        if root == *expected_hash {
            Ok(())
        } else {
            Err(SliverVerificationError::MerkleRootMismatch)
        }
    }

    pub(crate) fn check_shard_count(
        &self,
        metadata: &VerifiedMetadata,
    ) -> Result<(), ShardCountMismatch> {
        let (metadata, encoder) = (metadata.n_shards(), self.n_shards);
        if metadata == encoder {
            Ok(())
        } else {
            Err(ShardCountMismatch { metadata, encoder })
        }
    }

    /// The code along slivers of this axis. (Each code has the name of the slivers that it makes:
    /// the code along rows makes columns.)
    pub(crate) fn code_along(&self, axis: SliverType) -> &Code {
        match axis {
            SliverType::Primary => &self.secondary_code,
            SliverType::Secondary => &self.primary_code,
        }
    }

    /// [`Encoder::code_along`], with the transforms that compute it.
    pub(crate) fn kernel(&self, axis: SliverType) -> Kernel<'_> {
        Kernel {
            transforms: &self.transforms,
            code: self.code_along(axis),
        }
    }

    /// The hash of a sliver.
    fn sliver_root(&self, axis: SliverType, data: &[u8], symbol: usize) -> Node {
        let space = &mut Workspace::default();
        let tile = Tile {
            kernel: self.kernel(axis),
            lines: 0..1,
            stripe: Stripe::whole(symbol),
        };
        let leaves = tile.hash(space, None, &mut SliverSymbols { data, symbol });
        let roots = leaves.expect("the stripe is the last one").roots(space);
        let [root] = roots[..] else {
            unreachable!("the tile has one line");
        };
        root
    }
}

/// All `n` symbols of the line that has these source symbols, one after the other.
pub(crate) fn expand(kernel: Kernel<'_>, data: &[u8], symbol: usize) -> Vec<u8> {
    let mut symbols = KeptSymbols {
        source: SliverSymbols { data, symbol },
        kept: vec![0; kernel.code.total() * symbol],
    };
    kernel.encode(&mut Workspace::default(), &(0..1), symbol, &mut symbols);
    symbols.kept
}

/// A sliver as the one line to encode.
struct SliverSymbols<'a> {
    data: &'a [u8],
    symbol: usize,
}

impl LineSymbols for SliverSymbols<'_> {
    fn read(&self, position: usize, _: &Range<usize>, bytes: &Range<usize>, target: &mut [u8]) {
        let start = position * self.symbol + bytes.start;
        target.copy_from_slice(&self.data[start..start + bytes.len()]);
    }
}

/// A sliver whose symbols are kept.
struct KeptSymbols<'a> {
    source: SliverSymbols<'a>,
    kept: Vec<u8>,
}

impl LineSymbols for KeptSymbols<'_> {
    fn read(&self, position: usize, lines: &Range<usize>, bytes: &Range<usize>, target: &mut [u8]) {
        self.source.read(position, lines, bytes, target);
    }

    fn visit(&mut self, visited: &Visited<'_>) {
        for position in visited.positions.clone() {
            let start = position * self.source.symbol + visited.bytes.start;
            self.kept[start..start + visited.bytes.len()].copy_from_slice(visited.at(position));
        }
    }
}
