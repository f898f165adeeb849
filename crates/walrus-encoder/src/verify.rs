//! Checking slivers against the metadata of their blob.

use std::ops::Range;

use walrus_core::{Sliver, SliverData, SliverType, VerifiedMetadata, merkle::Node, sliver::Axis};

use crate::{
    Encoder, ShardCountMismatch, SliverVerificationError,
    code::Code,
    matrix::copy_padded,
    tile::hash_tile,
    words::{Kernel, Stripe, Workspace, encode_words},
};

impl Encoder {
    /// Checks that the sliver is the one that the metadata commits to.
    pub fn verify_sliver<A: Axis>(
        &self,
        sliver: &SliverData<A>,
        metadata: &VerifiedMetadata,
    ) -> Result<(), SliverVerificationError> {
        self.check_shard_count(metadata)?;
        let expected_hash = metadata
            .sliver_hash(sliver.index, A::TYPE)
            .ok_or(SliverVerificationError::IndexTooLarge)?;
        let (actual, expected) = (sliver.symbols.data.len(), metadata.sliver_size(A::TYPE));
        if actual != expected {
            return Err(SliverVerificationError::SliverSizeMismatch { actual, expected });
        }
        let (actual, expected) = (sliver.symbols.symbol_size, metadata.symbol_size());
        if actual != expected {
            let (actual, expected) = (actual.get(), expected.get());
            return Err(SliverVerificationError::SymbolSizeMismatch { actual, expected });
        }
        let symbol = usize::from(expected.get());
        let root = self.sliver_root(A::TYPE, &sliver.symbols.data, symbol);
        if root == *expected_hash {
            Ok(())
        } else {
            Err(SliverVerificationError::MerkleRootMismatch)
        }
    }

    /// [`Encoder::verify_sliver`] for a sliver of either axis.
    pub fn verify_either_sliver(
        &self,
        sliver: &Sliver,
        metadata: &VerifiedMetadata,
    ) -> Result<(), SliverVerificationError> {
        match sliver {
            Sliver::Primary(sliver) => self.verify_sliver(sliver, metadata),
            Sliver::Secondary(sliver) => self.verify_sliver(sliver, metadata),
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

    /// The code along slivers of this axis: that of the other axis's name.
    pub(crate) fn code_along(&self, axis: SliverType) -> &Code {
        match axis {
            SliverType::Primary => &self.secondary_code,
            SliverType::Secondary => &self.primary_code,
        }
    }

    /// The code along slivers of this axis, and what computes it.
    pub(crate) fn kernel(&self, axis: SliverType) -> Kernel<'_> {
        Kernel {
            transforms: &self.transforms,
            code: self.code_along(axis),
        }
    }

    /// The hash of a sliver.
    fn sliver_root(&self, axis: SliverType, data: &[u8], symbol: usize) -> Node {
        let stripe = Stripe {
            length: symbol,
            last: true,
        };
        let mut space = Workspace::default();
        let leaves = hash_tile(
            self.kernel(axis),
            &mut space,
            &(0..1),
            stripe,
            None,
            |index, _, stretch, cells| copy_padded(cell(data, index, symbol, stretch), cells),
            |_, _| {},
        );
        let roots = leaves.map(|leaves| leaves.roots(&mut space));
        roots.into_iter().flatten().next().unwrap_or_default()
    }
}

/// A stretch of the symbol with this index, cut short where the data ends.
fn cell<'a>(data: &'a [u8], index: usize, symbol: usize, stretch: &Range<usize>) -> &'a [u8] {
    let start = (index * symbol + stretch.start).min(data.len());
    &data[start..(start + stretch.len()).min(data.len())]
}

/// All `n` symbols of a word whose source symbols are `data`, one after the other.
pub(crate) fn expand(kernel: Kernel<'_>, data: &[u8], symbol: usize) -> Vec<u8> {
    let mut cells = vec![0; kernel.code.total() * symbol];
    encode_words(
        kernel,
        &mut Workspace::default(),
        1,
        symbol,
        |index, stretch, target| copy_padded(cell(data, index, symbol, stretch), target),
        |part| {
            for index in part.positions.clone() {
                let start = index * symbol + part.stretch.start;
                cells[start..start + part.stretch.len()].copy_from_slice(part.at(index));
            }
        },
    );
    cells
}
