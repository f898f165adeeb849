//! The message matrix: the blob, seen as `P` rows of `S` symbols.

use std::{num::NonZeroU16, ops::Range};

use walrus_core::{NShards, hash::BLOCK_LEN, params};

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

/// A stretch of every symbol of a blob, or all of every symbol. What lies beyond the end of the blob
/// is zero, and not stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    /// The matrix of the stretches: its symbols are as long as these.
    pub(crate) shape: Shape,
    /// Where in each symbol the stretch starts.
    offset: usize,
    /// Distance from symbol to symbol in the bytes.
    stride: usize,
    bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// A whole blob, which must fit into the matrix.
    pub(crate) fn new(shape: Shape, bytes: &'a [u8]) -> Self {
        debug_assert!(bytes.len() <= shape.message_len());
        Self {
            shape,
            offset: 0,
            stride: shape.symbol,
            bytes,
        }
    }

    /// A stretch of every symbol of a whole blob.
    pub(crate) fn stripe(&self, stripe: &Range<usize>) -> Self {
        let shape = Shape {
            symbol: stripe.len(),
            ..self.shape
        };
        Self {
            shape,
            offset: stripe.start,
            ..*self
        }
    }

    /// Puts a stretch of the source symbols of a row in these columns side by side, completed with
    /// zeros where the blob has ended.
    pub(crate) fn copy_cells(
        &self,
        row: usize,
        columns: Range<usize>,
        stretch: &Range<usize>,
        cells: &mut [u8],
    ) {
        if stretch.len() == self.stride {
            // Whole symbols follow each other.
            let start = (row * self.shape.columns + columns.start) * self.stride;
            copy_padded(self.bytes_at(start, columns.len() * self.stride), cells);
            return;
        }
        for (column, cell) in columns.zip(cells.chunks_exact_mut(stretch.len())) {
            copy_padded(self.cell(row, column, stretch), cell);
        }
    }

    /// A stretch of a source symbol, cut short where the blob has ended.
    pub(crate) fn cell(&self, row: usize, column: usize, stretch: &Range<usize>) -> &'a [u8] {
        let symbol = row * self.shape.columns + column;
        let start = symbol * self.stride + self.offset + stretch.start;
        self.bytes_at(start, stretch.len())
    }

    /// The row of a whole blob, cut short where the blob ends.
    pub(crate) fn row(&self, row: usize) -> &'a [u8] {
        debug_assert_eq!(self.stride, self.shape.symbol);
        self.bytes_at(row * self.shape.row_len(), self.shape.row_len())
    }

    /// Number of rows that have at least one byte of the blob.
    pub(crate) fn used_rows(&self) -> usize {
        self.bytes.len().div_ceil(self.shape.columns * self.stride)
    }

    fn bytes_at(&self, start: usize, length: usize) -> &'a [u8] {
        let start = start.min(self.bytes.len());
        &self.bytes[start..(start + length).min(self.bytes.len())]
    }
}

/// Cuts symbols into stripes so that `per_byte` bytes of memory for each byte of the stripe stay
/// below `budget`. All stripes but the last are whole blocks of the hash function and of the codes.
pub(crate) fn stripes(symbol: usize, per_byte: usize, budget: usize) -> Vec<Range<usize>> {
    let width = budget / per_byte.max(1);
    if symbol <= width {
        return std::iter::once(0..symbol).collect();
    }
    let width = (width / BLOCK_LEN * BLOCK_LEN).max(BLOCK_LEN);
    (0..symbol)
        .step_by(width)
        .map(|start| start..(start + width).min(symbol))
        .collect()
}

/// Copies the bytes, and fills what is left of the target with zeros.
pub(crate) fn copy_padded(bytes: &[u8], target: &mut [u8]) {
    let (copy, rest) = target.split_at_mut(bytes.len());
    copy.copy_from_slice(bytes);
    rest.fill(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stripes_cover_the_symbol() {
        for (symbol, per_byte, budget) in [
            (2, 1, 1 << 20),
            (1000, 10, 5000),
            (1000, 10, 1),
            (1024, 1, 256),
            (65534, 7, 9000),
        ] {
            let stripes = stripes(symbol, per_byte, budget);
            assert_eq!(
                (stripes[0].start, stripes[stripes.len() - 1].end),
                (0, symbol)
            );
            for pair in stripes.windows(2) {
                assert_eq!(pair[0].end, pair[1].start);
                assert!(pair[0].len().is_multiple_of(BLOCK_LEN) && !pair[1].is_empty());
            }
        }
    }
}
