//! Checking slivers against the metadata of their blob.

use reed_solomon_simd::engine::DefaultEngine;
use walrus_core::{
    Sliver, SliverData, SliverType, VerifiedMetadata,
    hash::{Digest, LEAF_PREFIX, hash_prefixed},
    merkle::{self, Node},
    sliver::Axis,
};

use crate::{
    Encoder, ShardCountMismatch, SliverVerificationError,
    code::Code,
    packing::{Packing, Workspace, encode_words},
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
        let root = self.sliver_root(
            A::TYPE,
            &sliver.symbols.data,
            symbol,
            &mut Workspace::default(),
        );
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

    /// The hash of a sliver. It may be cut short where it ends in zeros.
    pub(crate) fn sliver_root(
        &self,
        axis: SliverType,
        data: &[u8],
        symbol: usize,
        space: &mut Workspace,
    ) -> Node {
        let cells = expand(&self.engine, self.code_along(axis), data, symbol, space);
        let mut leaves: Vec<Digest> = vec![[0; 32]; cells.len() / symbol];
        hash_prefixed(LEAF_PREFIX, cells.chunks_exact(symbol), &mut leaves);
        merkle::root_of_leaf_hashes(&mut leaves)
    }
}

/// All `n` symbols of a word whose source symbols are `data`, one after the other.
pub(crate) fn expand(
    engine: &DefaultEngine,
    code: &Code,
    data: &[u8],
    symbol: usize,
    space: &mut Workspace,
) -> Vec<u8> {
    let mut cells = vec![0; code.total() * symbol];
    cells[..data.len()].copy_from_slice(data);
    let cell = |index: usize| {
        let start = (index * symbol).min(data.len());
        &data[start..(start + symbol).min(data.len())]
    };
    encode_words(
        (engine, code, Packing::new(symbol)),
        space,
        1,
        |_, index| cell(index),
        |_, index, offset, bytes| {
            let start = index * symbol + offset;
            cells[start..start + bytes.len()].copy_from_slice(bytes);
        },
    );
    cells
}
