//! Symbols exchanged to recover slivers: wire forms and their verification.
//!
//! The cell in row `r` and column `c` lies on primary sliver `r` and on secondary sliver `c`. A
//! node that holds one of them helps to recover the other by sending the cell, with a proof that it
//! is a leaf of the tree of the sliver it was taken from.

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use crate::{
    SliverIndex, SliverType, VerifiedMetadata,
    merkle::{MerkleProof, MerkleProofError},
    sliver::{Axis, Primary, Secondary},
    wire,
};

/// Names a cell of the matrix. Text and JSON: `<row>-<column>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SymbolId {
    /// The row: index of the primary sliver.
    pub primary: SliverIndex,
    /// The column: index of the secondary sliver.
    pub secondary: SliverIndex,
}

/// The text does not name a cell.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a symbol ID is `<primary sliver index>-<secondary sliver index>`")]
pub struct SymbolIdParseError;

impl SymbolId {
    /// The index of the cell's sliver of the given axis.
    pub const fn sliver_index(self, axis: SliverType) -> SliverIndex {
        match axis {
            SliverType::Primary => self.primary,
            SliverType::Secondary => self.secondary,
        }
    }
}

impl fmt::Display for SymbolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.primary, self.secondary)
    }
}

impl FromStr for SymbolId {
    type Err = SymbolIdParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (primary, secondary) = text.split_once('-').ok_or(SymbolIdParseError)?;
        Ok(Self {
            primary: primary.parse().map_err(|_| SymbolIdParseError)?,
            secondary: secondary.parse().map_err(|_| SymbolIdParseError)?,
        })
    }
}

impl Serialize for SymbolId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            (self.primary, self.secondary).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for SymbolId {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        if source.is_human_readable() {
            String::deserialize(source)?
                .parse()
                .map_err(de::Error::custom)
        } else {
            let (primary, secondary) = Deserialize::deserialize(source)?;
            Ok(Self { primary, secondary })
        }
    }
}

/// A symbol without proof, for recovering a sliver of axis `A`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct DecodingSymbol<A: Axis> {
    /// Index of the source sliver, which is of the other axis.
    pub index: SliverIndex,
    /// The bytes of the cell.
    #[serde(with = "wire::bytes")]
    pub data: Vec<u8>,
    #[serde(default, rename = "_axis")]
    axis: PhantomData<A>,
}

impl<A: Axis> DecodingSymbol<A> {
    /// A symbol taken from the source sliver with this index.
    pub fn new(index: SliverIndex, data: Vec<u8>) -> Self {
        Self {
            index,
            data,
            axis: PhantomData,
        }
    }
}

/// A symbol without proof, for recovering a sliver of either axis.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EitherDecodingSymbol {
    /// Recovers a primary sliver.
    Primary(DecodingSymbol<Primary>),
    /// Recovers a secondary sliver.
    Secondary(DecodingSymbol<Secondary>),
}

impl EitherDecodingSymbol {
    /// The axis of the sliver to be recovered.
    pub const fn target_axis(&self) -> SliverType {
        match self {
            Self::Primary(_) => SliverType::Primary,
            Self::Secondary(_) => SliverType::Secondary,
        }
    }

    /// Index of the source sliver.
    pub const fn index(&self) -> SliverIndex {
        match self {
            Self::Primary(symbol) => symbol.index,
            Self::Secondary(symbol) => symbol.index,
        }
    }

    /// The bytes of the cell.
    pub fn data(&self) -> &[u8] {
        match self {
            Self::Primary(symbol) => &symbol.data,
            Self::Secondary(symbol) => &symbol.data,
        }
    }

    /// The bytes of the cell, taken out.
    pub fn into_data(self) -> Vec<u8> {
        match self {
            Self::Primary(symbol) => symbol.data,
            Self::Secondary(symbol) => symbol.data,
        }
    }
}

/// A symbol with the proof that it belongs to its source sliver, for recovering a sliver of axis
/// `A`. Which sliver that is must be known from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct RecoverySymbol<A: Axis> {
    /// The symbol.
    pub symbol: DecodingSymbol<A>,
    /// Path in the tree of the source sliver.
    pub proof: MerkleProof,
}

/// A [`RecoverySymbol`] of either axis.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EitherRecoverySymbol {
    /// Recovers a primary sliver.
    Primary(RecoverySymbol<Primary>),
    /// Recovers a secondary sliver.
    Secondary(RecoverySymbol<Secondary>),
}

/// The symbols for both slivers of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RecoverySymbolPair {
    /// Recovers the primary sliver.
    pub primary: RecoverySymbol<Primary>,
    /// Recovers the secondary sliver.
    pub secondary: RecoverySymbol<Secondary>,
}

/// A symbol with proof that also names its target, so that its cell is known: it serves to recover
/// either of the two slivers the cell lies on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GeneralRecoverySymbol {
    /// The symbol; its axis is that of the target.
    pub symbol: EitherDecodingSymbol,
    /// Index of the target sliver.
    pub target_index: SliverIndex,
    /// Path in the tree of the source sliver.
    pub proof: MerkleProof,
}

/// Why a symbol cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SymbolVerificationError {
    /// An index is not below the number of shards.
    #[error("an index of the symbol is not below the number of shards")]
    IndexTooLarge,
    /// The symbol does not have the size of the blob's symbols.
    #[error("the symbol does not have the size of the blob's symbols")]
    SymbolSizeMismatch,
    /// The proof does not lead to the hash of the source sliver.
    #[error("the proof of the symbol is invalid: {0}")]
    InvalidProof(#[from] MerkleProofError),
    /// The metadata has no hash of the source sliver.
    #[error("the metadata has no hash of the source sliver")]
    InvalidMetadata,
    /// The cell does not lie on the sliver to be recovered.
    #[error("the symbol does not lie on the sliver to be recovered")]
    SymbolNotUsable,
}

/// Checks size and proof of a cell taken from `source`, at position `leaf`.
fn verify_cell(
    metadata: &VerifiedMetadata,
    source: (SliverType, SliverIndex),
    leaf: SliverIndex,
    data: &[u8],
    proof: &MerkleProof,
) -> Result<(), SymbolVerificationError> {
    let n = metadata.n_shards();
    if data.len() != usize::from(metadata.symbol_size().get()) {
        return Err(SymbolVerificationError::SymbolSizeMismatch);
    }
    let root = metadata
        .sliver_hash(source.1, source.0)
        .ok_or(SymbolVerificationError::InvalidMetadata)?;
    Ok(proof.verify(root, usize::from(n.get()), data, leaf.as_usize())?)
}

impl<A: Axis> RecoverySymbol<A> {
    /// Checks the symbol as one for the sliver `target` of axis `A`.
    pub fn verify(
        &self,
        metadata: &VerifiedMetadata,
        target: SliverIndex,
    ) -> Result<(), SymbolVerificationError> {
        if self.symbol.index.0 >= metadata.n_shards().get() {
            return Err(SymbolVerificationError::IndexTooLarge);
        }
        let source = (A::Orthogonal::TYPE, self.symbol.index);
        verify_cell(metadata, source, target, &self.symbol.data, &self.proof)
    }
}

impl GeneralRecoverySymbol {
    /// The axis of the sliver the symbol was taken from, in whose tree the proof is.
    pub const fn source_axis(&self) -> SliverType {
        self.symbol.target_axis().orthogonal()
    }

    /// The cell.
    pub const fn id(&self) -> SymbolId {
        match &self.symbol {
            EitherDecodingSymbol::Primary(symbol) => SymbolId {
                primary: self.target_index,
                secondary: symbol.index,
            },
            EitherDecodingSymbol::Secondary(symbol) => SymbolId {
                primary: symbol.index,
                secondary: self.target_index,
            },
        }
    }

    /// Checks the symbol as one for the sliver `target` of the given axis.
    pub fn verify(
        &self,
        metadata: &VerifiedMetadata,
        target: SliverIndex,
        axis: SliverType,
    ) -> Result<(), SymbolVerificationError> {
        let n = metadata.n_shards().get();
        if self.symbol.index().0 >= n || self.target_index.0 >= n {
            return Err(SymbolVerificationError::IndexTooLarge);
        }
        if self.symbol.data().len() != usize::from(metadata.symbol_size().get()) {
            return Err(SymbolVerificationError::SymbolSizeMismatch);
        }
        if self.id().sliver_index(axis) != target {
            return Err(SymbolVerificationError::SymbolNotUsable);
        }
        let source = (self.source_axis(), self.symbol.index());
        verify_cell(
            metadata,
            source,
            self.target_index,
            self.symbol.data(),
            &self.proof,
        )
    }

    /// The symbol for recovering the sliver of axis `A` that the cell lies on.
    pub fn into_decoding_symbol<A: Axis>(self) -> DecodingSymbol<A> {
        let index = self.id().sliver_index(A::Orthogonal::TYPE);
        DecodingSymbol::new(index, self.symbol.into_data())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbol_ids_parse_strictly() {
        let id = SymbolId {
            primary: SliverIndex(12),
            secondary: SliverIndex(987),
        };
        assert_eq!("12-987".parse(), Ok(id));
        assert_eq!(id.to_string(), "12-987");
        for bad in [
            "", "-", "1-", "-1", "1-2-3", "1_2", "65536-0", "1-+2", " 1-2",
        ] {
            assert!(bad.parse::<SymbolId>().is_err(), "{bad:?}");
        }
    }
}
