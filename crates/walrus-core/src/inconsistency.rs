//! The wire form of proofs that the commitments of a blob contradict each other.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::{
    SliverIndex, SliverType,
    sliver::{Axis, Primary, Secondary},
    symbol::RecoverySymbol,
};

/// Symbols that are all proven to belong to the blob, and yet decode to a sliver of axis `A` other
/// than the one committed to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct SliverInconsistencyProof<A: Axis> {
    /// The sliver that does not match.
    pub target_sliver_index: SliverIndex,
    /// As many symbols as are needed to recover the sliver, not more.
    pub recovery_symbols: Vec<RecoverySymbol<A>>,
    #[serde(default, rename = "_encoding_axis")]
    axis: PhantomData<A>,
}

impl<A: Axis> SliverInconsistencyProof<A> {
    /// A proof about the sliver with this index.
    pub fn new(target_sliver_index: SliverIndex, recovery_symbols: Vec<RecoverySymbol<A>>) -> Self {
        Self {
            target_sliver_index,
            recovery_symbols,
            axis: PhantomData,
        }
    }
}

/// A [`SliverInconsistencyProof`] of either axis.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum InconsistencyProof {
    /// A row does not match.
    Primary(SliverInconsistencyProof<Primary>),
    /// A column does not match.
    Secondary(SliverInconsistencyProof<Secondary>),
}

impl InconsistencyProof {
    /// The axis of the sliver that does not match.
    pub const fn axis(&self) -> SliverType {
        match self {
            Self::Primary(_) => SliverType::Primary,
            Self::Secondary(_) => SliverType::Secondary,
        }
    }

    /// The index of the sliver that does not match.
    pub const fn target_sliver_index(&self) -> SliverIndex {
        match self {
            Self::Primary(proof) => proof.target_sliver_index,
            Self::Secondary(proof) => proof.target_sliver_index,
        }
    }
}

impl From<SliverInconsistencyProof<Primary>> for InconsistencyProof {
    fn from(proof: SliverInconsistencyProof<Primary>) -> Self {
        Self::Primary(proof)
    }
}

impl From<SliverInconsistencyProof<Secondary>> for InconsistencyProof {
    fn from(proof: SliverInconsistencyProof<Secondary>) -> Self {
        Self::Secondary(proof)
    }
}
