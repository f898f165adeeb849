//! The matrix of a blob, and its source part: the blob, seen as `P` rows of `S` symbols.

use std::{num::NonZeroU16, ops::Range};

use walrus_core::{NShards, hash::BLOCK_LEN, params};

/// The numbers that describe the matrix of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Shards, `n`: rows and columns of the matrix.
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

    /// Bytes of the source symbols of a row, which are its primary sliver.
    pub(crate) fn row_len(self) -> usize {
        self.columns * self.symbol
    }

    /// Bytes of the source symbols of a column, which are its secondary sliver.
    pub(crate) fn column_len(self) -> usize {
        self.rows * self.symbol
    }

    /// Bytes of the source part.
    pub(crate) fn message_len(self) -> usize {
        self.rows * self.row_len()
    }
}

/// A blob, or a stripe of it: some bytes of every symbol. What lies beyond the end of the blob is
/// zero, and not stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    /// The matrix. Of a stripe, its symbols are as long as the stripe.
    pub(crate) shape: Shape,
    /// Where in each symbol the stripe starts.
    offset: usize,
    /// Distance in `bytes` from symbol to symbol.
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

    /// These bytes of every symbol of a whole blob.
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

    /// Puts these bytes of the symbols of a row, in these columns, side by side.
    pub(crate) fn copy_row(
        &self,
        row: usize,
        columns: Range<usize>,
        bytes: &Range<usize>,
        target: &mut [u8],
    ) {
        if bytes.len() == self.stride {
            // Whole symbols follow each other.
            let start = (row * self.shape.columns + columns.start) * self.stride;
            copy_padded(self.bytes_at(start, columns.len() * self.stride), target);
            return;
        }
        for (column, target) in columns.zip(target.chunks_exact_mut(bytes.len())) {
            copy_padded(self.symbol(row, column, bytes), target);
        }
    }

    /// Puts these bytes of the symbols of a column, in these rows, side by side.
    pub(crate) fn copy_column(
        &self,
        column: usize,
        rows: impl IntoIterator<Item = usize>,
        bytes: &Range<usize>,
        target: &mut [u8],
    ) {
        for (row, target) in rows.into_iter().zip(target.chunks_exact_mut(bytes.len())) {
            copy_padded(self.symbol(row, column, bytes), target);
        }
    }

    /// These bytes of a source symbol, cut short where the blob ends.
    pub(crate) fn symbol(&self, row: usize, column: usize, bytes: &Range<usize>) -> &'a [u8] {
        let number = row * self.shape.columns + column;
        let start = number * self.stride + self.offset + bytes.start;
        self.bytes_at(start, bytes.len())
    }

    /// A row of a whole blob, cut short where the blob ends.
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

/// Cuts symbols into stripes that each take at most `budget` bytes of memory, where one byte of a
/// stripe takes `per_byte` of them. All stripes but the last are whole blocks of the hash function
/// and of the codes.
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

/// Cuts all targets into pieces of `length` bytes, and collects the first pieces, the second ones,
/// and so on.
pub(crate) fn transpose<'a>(
    targets: impl IntoIterator<Item = &'a mut [u8]>,
    length: usize,
) -> Vec<Vec<&'a mut [u8]>> {
    let mut pieces: Vec<Vec<&mut [u8]>> = Vec::new();
    for target in targets {
        for (number, piece) in target.chunks_mut(length).enumerate() {
            if number == pieces.len() {
                pieces.push(Vec::new());
            }
            pieces[number].push(piece);
        }
    }
    pieces
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
