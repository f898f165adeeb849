//! The message matrix: the blob, seen as `P` rows of `S` symbols.

use std::num::NonZeroU16;

use walrus_core::{NShards, params};

/// The numbers that describe the matrix of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Shards, `n`: rows and columns of the expanded matrix.
    pub(crate) n: usize,
    /// Source rows, `P`.
    pub(crate) rows: usize,
    /// Source columns, `S`.
    pub(crate) columns: usize,
    /// Bytes of a symbol, `s`.
    pub(crate) symbol: usize,
}

impl Shape {
    pub(crate) fn new(n: NShards, symbol_size: NonZeroU16) -> Self {
        let (rows, columns) = params::source_symbols(n);
        Self {
            n: n.get().into(),
            rows: rows.into(),
            columns: columns.into(),
            symbol: symbol_size.get().into(),
        }
    }

    /// Bytes of a row of the message matrix, which is a primary sliver.
    pub(crate) fn row_len(self) -> usize {
        self.columns * self.symbol
    }

    /// Bytes of the source part of a column, which is a secondary sliver.
    pub(crate) fn column_len(self) -> usize {
        self.rows * self.symbol
    }

    /// Bytes of the message matrix.
    pub(crate) fn message_len(self) -> usize {
        self.rows * self.row_len()
    }
}

/// A blob as a matrix. What lies beyond the end of the blob is zero, and not stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) shape: Shape,
    blob: &'a [u8],
}

impl<'a> Message<'a> {
    /// The blob must fit into the matrix.
    pub(crate) fn new(shape: Shape, blob: &'a [u8]) -> Self {
        debug_assert!(blob.len() <= shape.message_len());
        Self { shape, blob }
    }

    /// The source symbol in this row and column, cut short where the blob ends.
    pub(crate) fn cell(&self, row: usize, column: usize) -> &'a [u8] {
        self.stretch(
            (row * self.shape.columns + column) * self.shape.symbol,
            self.shape.symbol,
        )
    }

    /// The row, cut short where the blob ends.
    pub(crate) fn row(&self, row: usize) -> &'a [u8] {
        self.stretch(row * self.shape.row_len(), self.shape.row_len())
    }

    /// Number of rows that have at least one byte of the blob.
    pub(crate) fn used_rows(&self) -> usize {
        self.blob.len().div_ceil(self.shape.row_len())
    }

    fn stretch(&self, start: usize, length: usize) -> &'a [u8] {
        let start = start.min(self.blob.len());
        &self.blob[start..(start + length).min(self.blob.len())]
    }
}

/// The bytes, completed with zeros to `length`.
pub(crate) fn zero_padded(bytes: &[u8], length: usize) -> Vec<u8> {
    let mut padded = Vec::with_capacity(length);
    padded.extend_from_slice(bytes);
    padded.resize(length, 0);
    padded
}
