//! Slivers: the rows and columns of the encoded blob, and their wire forms.

use std::{fmt, marker::PhantomData, num::NonZeroU16, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{NShards, SliverIndex, SliverPairIndex, params, wire};

/// The axis of a sliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SliverType {
    /// Rows of the matrix.
    Primary,
    /// Columns of the matrix.
    Secondary,
}

/// The text is neither `primary` nor `secondary`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a sliver type is `primary` or `secondary`")]
pub struct SliverTypeParseError;

impl SliverType {
    /// The other axis.
    #[must_use]
    pub const fn orthogonal(self) -> Self {
        match self {
            Self::Primary => Self::Secondary,
            Self::Secondary => Self::Primary,
        }
    }

    /// The name in texts and URLs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }

    /// Number of symbols in a sliver of this axis: `S` in a row, `P` in a column.
    pub fn symbols_per_sliver(self, n: NShards) -> u16 {
        let (primary, secondary) = params::source_symbols(n);
        match self {
            Self::Primary => secondary,
            Self::Secondary => primary,
        }
    }

    /// Number of slivers of this axis that suffice to decode a blob: `P` rows or `S` columns.
    pub fn source_slivers(self, n: NShards) -> u16 {
        self.orthogonal().symbols_per_sliver(n)
    }

    /// Length in bytes of a sliver of this axis.
    pub fn sliver_size(self, n: NShards, symbol_size: NonZeroU16) -> usize {
        usize::from(self.symbols_per_sliver(n)) * usize::from(symbol_size.get())
    }
}

impl fmt::Display for SliverType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for SliverType {
    type Err = SliverTypeParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "primary" => Ok(Self::Primary),
            "secondary" => Ok(Self::Secondary),
            _ => Err(SliverTypeParseError),
        }
    }
}

/// An axis as a type, to tell slivers and symbols of the two axes apart at compile time.
pub trait Axis:
    fmt::Debug + Default + Clone + Copy + PartialEq + Eq + std::hash::Hash + Send + Sync + 'static
{
    /// The axis as a value.
    const TYPE: SliverType;
    /// The other axis.
    type Orthogonal: Axis<Orthogonal = Self>;
}

/// Marks slivers that are rows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Primary;

/// Marks slivers that are columns.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Secondary;

impl Axis for Primary {
    const TYPE: SliverType = SliverType::Primary;
    type Orthogonal = Secondary;
}

impl Axis for Secondary {
    const TYPE: SliverType = SliverType::Secondary;
    type Orthogonal = Primary;
}

/// Symbols of equal size, one after the other.
///
/// Decoding does not check that the size divides the data; who uses foreign symbols checks.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Symbols {
    /// The bytes of all symbols.
    #[serde(with = "wire::bytes")]
    pub data: Vec<u8>,
    /// Length of one symbol in bytes.
    pub symbol_size: NonZeroU16,
}

impl Symbols {
    /// Length of one symbol in bytes.
    pub fn symbol_len(&self) -> usize {
        usize::from(self.symbol_size.get())
    }

    /// The symbol at `index`.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        self.data.chunks_exact(self.symbol_len()).nth(index)
    }

    /// Number of whole symbols.
    pub fn len(&self) -> usize {
        self.data.len() / self.symbol_len()
    }

    /// Whether there is not even one symbol.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Symbols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Symbols({} bytes of {})",
            self.data.len(),
            self.symbol_size
        )
    }
}

/// A sliver of the axis `A`: its index and its symbols. The axis is not in the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct SliverData<A: Axis> {
    /// The symbols, in order of their columns (primary) or rows (secondary).
    pub symbols: Symbols,
    /// Which row (primary) or column (secondary) this is.
    pub index: SliverIndex,
    #[serde(default, rename = "_sliver_type")]
    axis: PhantomData<A>,
}

/// A sliver whose symbols stay where its BCS is. The axis is not in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct SliverView<'a> {
    /// The bytes of all symbols.
    pub data: &'a [u8],
    /// Length of one symbol in bytes.
    pub symbol_size: NonZeroU16,
    /// Which row or column this is.
    pub index: SliverIndex,
}

impl<'a, A: Axis> From<&'a SliverData<A>> for SliverView<'a> {
    fn from(sliver: &'a SliverData<A>) -> Self {
        Self {
            data: &sliver.symbols.data,
            symbol_size: sliver.symbols.symbol_size,
            index: sliver.index,
        }
    }
}

/// A row of the encoded blob.
pub type PrimarySliver = SliverData<Primary>;

/// A column of the encoded blob.
pub type SecondarySliver = SliverData<Secondary>;

impl<A: Axis> SliverData<A> {
    /// A sliver with the given bytes.
    pub fn new(data: Vec<u8>, symbol_size: NonZeroU16, index: SliverIndex) -> Self {
        Self {
            symbols: Symbols { data, symbol_size },
            index,
            axis: PhantomData,
        }
    }

    /// The axis of the sliver.
    pub const fn axis(&self) -> SliverType {
        A::TYPE
    }

    /// The pair the sliver belongs to.
    pub fn pair_index(&self, n: NShards) -> SliverPairIndex {
        self.index.to_pair(A::TYPE, n)
    }
}

/// A sliver of either axis.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sliver {
    /// A row.
    Primary(PrimarySliver),
    /// A column.
    Secondary(SecondarySliver),
}

impl Sliver {
    /// The axis of the sliver.
    pub const fn axis(&self) -> SliverType {
        match self {
            Self::Primary(_) => SliverType::Primary,
            Self::Secondary(_) => SliverType::Secondary,
        }
    }

    /// The index within the axis.
    pub const fn index(&self) -> SliverIndex {
        match self {
            Self::Primary(sliver) => sliver.index,
            Self::Secondary(sliver) => sliver.index,
        }
    }

    /// The symbols.
    pub const fn symbols(&self) -> &Symbols {
        match self {
            Self::Primary(sliver) => &sliver.symbols,
            Self::Secondary(sliver) => &sliver.symbols,
        }
    }

    /// The pair the sliver belongs to.
    pub fn pair_index(&self, n: NShards) -> SliverPairIndex {
        self.index().to_pair(self.axis(), n)
    }
}

impl From<PrimarySliver> for Sliver {
    fn from(sliver: PrimarySliver) -> Self {
        Self::Primary(sliver)
    }
}

impl From<SecondarySliver> for Sliver {
    fn from(sliver: SecondarySliver) -> Self {
        Self::Secondary(sliver)
    }
}

/// The two slivers that one shard stores of a blob.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SliverPair {
    /// The row `k`.
    pub primary: PrimarySliver,
    /// The column `n − 1 − k`.
    pub secondary: SecondarySliver,
}

impl SliverPair {
    /// The index of the pair.
    pub fn index(&self) -> SliverPairIndex {
        SliverPairIndex(self.primary.index.0)
    }
}

/// Names one sliver of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SliverId {
    /// A row.
    Primary(SliverIndex),
    /// A column.
    Secondary(SliverIndex),
}

impl SliverId {
    /// The sliver of this axis with this index.
    pub const fn new(axis: SliverType, index: SliverIndex) -> Self {
        match axis {
            SliverType::Primary => Self::Primary(index),
            SliverType::Secondary => Self::Secondary(index),
        }
    }

    /// The axis.
    pub const fn axis(self) -> SliverType {
        match self {
            Self::Primary(_) => SliverType::Primary,
            Self::Secondary(_) => SliverType::Secondary,
        }
    }

    /// The index within the axis.
    pub const fn index(self) -> SliverIndex {
        match self {
            Self::Primary(index) | Self::Secondary(index) => index,
        }
    }
}
