//! Recovery: from symbols of slivers of one axis back to a sliver of the other.

use std::marker::PhantomData;

use walrus_core::{
    SliverData, SliverIndex, SliverPairIndex, VerifiedMetadata,
    hash::{Digest, hash_leaves},
    inconsistency::SliverInconsistencyProof,
    merkle::{MerkleProof, MerkleTree, Node},
    sliver::{Axis, Primary, Secondary},
    symbol::{DecodingSymbol, EitherDecodingSymbol, GeneralRecoverySymbol, RecoverySymbol},
};

use crate::{
    EncodeError, Encoder, ShardCountMismatch, SliverRecoveryError, SliverVerificationError,
    line::{DecodingSymbols, Workspace},
    verify::expand,
};

/// A sliver with all `n` symbols of its row or column and the tree over them. It gives any number
/// of recovery symbols for the price of one.
#[derive(Debug, Clone)]
pub struct ExpandedSliver<A: Axis> {
    index: SliverIndex,
    symbol_len: usize,
    symbols: Vec<u8>,
    tree: MerkleTree,
    axis: PhantomData<A>,
}

impl<A: Axis> ExpandedSliver<A> {
    /// The hash of the sliver, as metadata has it.
    pub fn root(&self) -> Node {
        self.tree.root()
    }

    /// The symbol this sliver shares with the sliver `target` of the other axis, without proof.
    pub fn decoding_symbol(&self, target: SliverIndex) -> Option<DecodingSymbol<A::Orthogonal>> {
        let symbol = self
            .symbols
            .chunks_exact(self.symbol_len)
            .nth(target.as_usize())?;
        Some(DecodingSymbol::new(self.index, symbol.to_vec()))
    }

    /// The symbol this sliver shares with the sliver `target` of the other axis, with the proof
    /// that it belongs to this sliver.
    pub fn recovery_symbol(&self, target: SliverIndex) -> Option<RecoverySymbol<A::Orthogonal>> {
        let symbol = self.decoding_symbol(target)?;
        Some(RecoverySymbol {
            symbol,
            proof: self.proof(target)?,
        })
    }

    fn proof(&self, target: SliverIndex) -> Option<MerkleProof> {
        self.tree.proof(target.as_usize())
    }
}

impl ExpandedSliver<Primary> {
    /// [`ExpandedSliver::recovery_symbol`] in the form that names its target.
    pub fn general_recovery_symbol(&self, target: SliverIndex) -> Option<GeneralRecoverySymbol> {
        let symbol = EitherDecodingSymbol::Secondary(self.decoding_symbol(target)?);
        Some(GeneralRecoverySymbol {
            symbol,
            target_index: target,
            proof: self.proof(target)?,
        })
    }
}

impl ExpandedSliver<Secondary> {
    /// [`ExpandedSliver::recovery_symbol`] in the form that names its target.
    pub fn general_recovery_symbol(&self, target: SliverIndex) -> Option<GeneralRecoverySymbol> {
        let symbol = EitherDecodingSymbol::Primary(self.decoding_symbol(target)?);
        Some(GeneralRecoverySymbol {
            symbol,
            target_index: target,
            proof: self.proof(target)?,
        })
    }
}

/// What came of recovering a sliver from proven symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered<A: Axis> {
    /// The sliver; it matches its hash.
    Sliver(SliverData<A>),
    /// The sliver does not match its hash, although every symbol was proven. This proves that the
    /// blob was encoded wrongly.
    Inconsistent(SliverInconsistencyProof<A>),
}

impl Encoder {
    /// Expands a sliver that is known to be one of the blob.
    pub fn expand_sliver<A: Axis>(
        &self,
        sliver: &SliverData<A>,
    ) -> Result<ExpandedSliver<A>, SliverVerificationError> {
        let symbols = &sliver.symbols;
        let code = self.code_along(A::TYPE);
        let symbol_len = symbols.symbol_len();
        let expected = A::TYPE.sliver_size(self.n_shards, symbols.symbol_size);
        let actual = symbols.data.len();
        if sliver.index.0 >= self.n_shards.get() {
            return Err(SliverVerificationError::IndexTooLarge);
        }
        if actual != expected || !symbol_len.is_multiple_of(2) {
            return Err(SliverVerificationError::SliverSizeMismatch { actual, expected });
        }
        let symbols = expand(self.kernel(A::TYPE), &symbols.data, symbol_len);
        let mut leaves: Vec<Digest> = vec![[0; 32]; code.total()];
        hash_leaves(&symbols, symbol_len, &mut leaves);
        let tree = MerkleTree::from_leaf_hashes(leaves);
        Ok(ExpandedSliver {
            index: sliver.index,
            symbol_len,
            symbols,
            tree,
            axis: PhantomData,
        })
    }

    /// The symbol that the holder of `sliver` sends to a node that recovers the sliver of the other
    /// axis in pair `target`. For many symbols of one sliver, use [`Encoder::expand_sliver`].
    pub fn recovery_symbol<A: Axis>(
        &self,
        sliver: &SliverData<A>,
        target: SliverPairIndex,
    ) -> Result<RecoverySymbol<A::Orthogonal>, SliverVerificationError> {
        self.check_pair(target)
            .map_err(|_| SliverVerificationError::IndexTooLarge)?;
        let target = target.sliver_index(A::Orthogonal::TYPE, self.n_shards);
        self.expand_sliver(sliver)?
            .recovery_symbol(target)
            .ok_or(SliverVerificationError::IndexTooLarge)
    }

    /// Number of symbols from which a sliver of axis `A` is recovered.
    pub fn symbols_to_recover<A: Axis>(&self) -> usize {
        usize::from(A::TYPE.symbols_per_sliver(self.n_shards))
    }

    /// Recovers the sliver `target` of axis `A`. The symbols need not have been verified: the
    /// result is checked against the metadata.
    ///
    /// Ignores symbols of the wrong size, duplicates, and symbols beyond the number needed.
    pub fn recover_sliver<A: Axis>(
        &self,
        metadata: &VerifiedMetadata,
        target: SliverIndex,
        symbols: impl IntoIterator<Item = DecodingSymbol<A>>,
    ) -> Result<SliverData<A>, SliverRecoveryError> {
        self.check_shard_count(metadata)?;
        let symbols: Vec<DecodingSymbol<A>> = symbols.into_iter().collect();
        let sliver = self.decode_sliver(metadata, target, &symbols)?;
        self.verify_sliver(&sliver, metadata)?;
        Ok(sliver)
    }

    /// Recovers the sliver `target` of axis `A`, or proves that the blob is inconsistent. The
    /// proofs of the symbols must have been verified for that sliver.
    ///
    /// Uses the first symbols, as many as needed.
    pub fn recover_or_prove<A: Axis>(
        &self,
        metadata: &VerifiedMetadata,
        target: SliverIndex,
        symbols: impl IntoIterator<Item = RecoverySymbol<A>>,
    ) -> Result<Recovered<A>, SliverRecoveryError> {
        self.check_shard_count(metadata)?;
        let needed = self.symbols_to_recover::<A>();
        let symbols: Vec<RecoverySymbol<A>> = symbols.into_iter().take(needed).collect();
        let sliver = self.decode_sliver(metadata, target, symbols.iter().map(|s| &s.symbol))?;
        match self.verify_sliver(&sliver, metadata) {
            Ok(()) => Ok(Recovered::Sliver(sliver)),
            Err(SliverVerificationError::MerkleRootMismatch) => Ok(Recovered::Inconsistent(
                SliverInconsistencyProof::new(target, symbols),
            )),
            Err(error) => Err(error.into()),
        }
    }

    /// Decodes the source symbols of a sliver, without checking the result.
    pub(crate) fn decode_sliver<'a, A: Axis>(
        &self,
        metadata: &VerifiedMetadata,
        target: SliverIndex,
        symbols: impl IntoIterator<Item = &'a DecodingSymbol<A>>,
    ) -> Result<SliverData<A>, SliverRecoveryError> {
        let code = self.code_along(A::TYPE);
        let symbol = usize::from(metadata.symbol_size().get());
        let mut seen = vec![false; code.total()];
        let usable: Vec<&DecodingSymbol<A>> = symbols
            .into_iter()
            .filter(|candidate| candidate.data.len() == symbol)
            .filter(|candidate| {
                let seen = seen.get_mut(candidate.index.as_usize());
                seen.is_some_and(|seen| !std::mem::replace(seen, true))
            })
            .take(code.source())
            .collect();
        if usable.len() < code.source() {
            let needed = code.source();
            return Err(SliverRecoveryError::NotEnoughSymbols {
                usable: usable.len(),
                needed,
            });
        }
        let mut data = vec![0; code.source() * symbol];
        for candidate in &usable {
            let mut source = data.chunks_exact_mut(symbol);
            if let Some(target) = source.nth(candidate.index.as_usize()) {
                target.copy_from_slice(&candidate.data);
            }
        }
        let received: Vec<usize> = usable
            .iter()
            .map(|symbol| symbol.index.as_usize())
            .collect();
        let plan = code.plan_decoding(&received);
        if !plan.missing.is_empty() {
            let mut symbols = SliverSymbols {
                received: &usable,
                missing: &plan.missing,
                symbol,
                data: &mut data,
            };
            let space = &mut Workspace::default();
            self.kernel(A::TYPE)
                .decode(space, &plan, 1, symbol, &mut symbols);
        }
        Ok(SliverData::new(data, metadata.symbol_size(), target))
    }

    pub(crate) fn check_pair(&self, pair: SliverPairIndex) -> Result<(), EncodeError> {
        let n_shards = self.n_shards;
        if pair.0 < n_shards.get() {
            Ok(())
        } else {
            Err(EncodeError::PairIndexTooLarge {
                pair: pair.0,
                n_shards,
            })
        }
    }
}

/// A sliver as the one line to decode.
struct SliverSymbols<'a, A: Axis> {
    received: &'a [&'a DecodingSymbol<A>],
    missing: &'a [usize],
    symbol: usize,
    /// The source symbols.
    data: &'a mut [u8],
}

impl<A: Axis> DecodingSymbols for SliverSymbols<'_, A> {
    fn received(&self, _: usize, number: usize) -> &[u8] {
        &self.received[number].data
    }

    fn recovered(&mut self, _: usize, number: usize, offset: usize, bytes: &[u8]) {
        let start = self.missing[number] * self.symbol + offset;
        self.data[start..start + bytes.len()].copy_from_slice(bytes);
    }
}

impl From<ShardCountMismatch> for SliverRecoveryError {
    fn from(error: ShardCountMismatch) -> Self {
        Self::Verification(error.into())
    }
}
