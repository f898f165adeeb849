//! Column tiles: a few neighbouring columns of the expanded matrix, encoded and hashed while they
//! are in the cache.
//!
//! Each cell of the `n × n` matrix is a leaf of two trees, that of its row and that of its column.
//! It is hashed once. A tile has all cells of its columns, so the trees of the columns are finished
//! in the tile; of the trees of the rows it computes the part over its columns, which is a single
//! node because tiles are a power of two wide.

use std::ops::Range;

use reed_solomon_simd::engine::DefaultEngine;
use walrus_core::{
    hash::{Digest, LEAF_PREFIX, hash_pairs_in_place, hash_prefixed},
    merkle::{self, Node},
};

use crate::{
    code::Code,
    matrix::{Message, Shape},
    packing::{Packing, Workspace, encode_words},
};

/// Cells of a tile take about as many bytes as this, if one column does not take more.
const TILE_BYTES: usize = 3 << 20;

/// Widest tile: its leaf hashes for a thousand shards take 2 MiB.
const MAX_TILE_COLUMNS: usize = 64;

/// Where the source symbols of columns come from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns<'a> {
    /// The first `S` columns.
    pub(crate) message: Message<'a>,
    /// The other columns: for each source row, its recovery symbols.
    pub(crate) row_recovery: &'a [u8],
}

impl<'a> Columns<'a> {
    /// The source symbol in this row (`< P`) and column (`< n`), possibly cut short.
    fn cell(&self, row: usize, column: usize) -> &'a [u8] {
        let shape = self.message.shape;
        match column.checked_sub(shape.columns) {
            None => self.message.cell(row, column),
            Some(column) => {
                let start = (row * (shape.n - shape.columns) + column) * shape.symbol;
                &self.row_recovery[start..start + shape.symbol]
            }
        }
    }
}

/// How many columns tiles have: a power of two.
pub(crate) fn tile_columns(shape: Shape) -> usize {
    let fitting = (TILE_BYTES / (shape.n * shape.symbol)).clamp(1, MAX_TILE_COLUMNS);
    let power = if fitting.is_power_of_two() {
        fitting
    } else {
        fitting.next_power_of_two() / 2
    };
    power.min(shape.n.next_power_of_two())
}

/// The column ranges of all tiles of this width.
pub(crate) fn tiles(n: usize, width: usize) -> Vec<Range<usize>> {
    (0..n)
        .step_by(width)
        .map(|start| start..(start + width).min(n))
        .collect()
}

/// All cells of some columns, column by column.
pub(crate) struct Tile {
    columns: Range<usize>,
    /// The cells of source rows.
    pub(crate) source: Vec<u8>,
    /// The cells of recovery rows.
    pub(crate) recovery: Vec<u8>,
    shape: Shape,
}

/// What a tile contributes to the metadata.
pub(crate) struct TileHashes {
    /// Roots of the trees of its columns.
    pub(crate) columns: Vec<Node>,
    /// For each row, the node over its columns.
    pub(crate) row_parts: Vec<Digest>,
}

impl Tile {
    /// Encodes the columns.
    pub(crate) fn encode(
        engine: &DefaultEngine,
        code: &Code,
        space: &mut Workspace,
        columns_of: Columns<'_>,
        columns: Range<usize>,
    ) -> Self {
        let shape = columns_of.message.shape;
        let symbol = shape.symbol;
        let (source_len, recovery_len) = (shape.column_len(), (shape.n - shape.rows) * symbol);
        let [mut source, mut recovery] = std::mem::take(&mut space.tile);
        // What is there is overwritten, zeros included.
        source.resize(columns.len() * source_len, 0);
        recovery.resize(columns.len() * recovery_len, 0);
        // Cells of a column are far apart in the blob: gather them once, for codes and hashes.
        for row in 0..shape.rows {
            for (position, column) in columns.clone().enumerate() {
                let bytes = columns_of.cell(row, column);
                let cell = &mut source[position * source_len + row * symbol..][..symbol];
                cell[..bytes.len()].copy_from_slice(bytes);
                cell[bytes.len()..].fill(0);
            }
        }
        encode_words(
            (engine, code, Packing::new(symbol)),
            space,
            columns.len(),
            |word, row| &source[word * source_len + row * symbol..][..symbol],
            |word, row, offset, bytes| {
                let start = word * recovery_len + (row - shape.rows) * symbol + offset;
                recovery[start..start + bytes.len()].copy_from_slice(bytes);
            },
        );
        Self {
            columns,
            source,
            recovery,
            shape,
        }
    }

    /// Gives the memory back for the next tile.
    pub(crate) fn recycle(self, space: &mut Workspace) {
        space.tile = [self.source, self.recovery];
    }

    /// The source part of the columns: the secondary slivers.
    pub(crate) fn secondary_slivers(&self) -> impl Iterator<Item = &[u8]> {
        self.source.chunks_exact(self.shape.column_len())
    }

    /// The cell in this recovery row and in the column with this position in the tile.
    pub(crate) fn recovery_cell(&self, row: usize, position: usize) -> &[u8] {
        let Shape {
            n, rows, symbol, ..
        } = self.shape;
        &self.recovery[(position * (n - rows) + row - rows) * symbol..][..symbol]
    }

    /// Hashes the cells, the columns, and the parts of the rows. `width` is that of full tiles.
    pub(crate) fn hash(&self, width: usize) -> TileHashes {
        let hash = |cells: &[u8]| {
            let cells = cells.chunks_exact(self.shape.symbol);
            let mut leaves: Vec<Digest> = vec![[0; 32]; cells.len()];
            hash_prefixed(LEAF_PREFIX, cells, &mut leaves);
            leaves
        };
        let leaves = [hash(&self.source), hash(&self.recovery)];
        TileHashes::of_leaves(self.columns.len(), width, &leaves)
    }
}

impl TileHashes {
    /// Builds the trees over the leaf hashes of source and recovery rows, each column by column.
    pub(crate) fn of_leaves(columns: usize, width: usize, leaves: &[Vec<Digest>; 2]) -> Self {
        let [source_rows, recovery_rows] = leaves.each_ref().map(|part| part.len() / columns);
        let rows = source_rows + recovery_rows;
        let mut by_column: Vec<Digest> = Vec::with_capacity(rows * columns);
        let mut by_row: Vec<Digest> = vec![[0; 32]; rows * width];
        let parts = leaves[0]
            .chunks_exact(source_rows)
            .zip(leaves[1].chunks_exact(recovery_rows));
        for (column, (source, recovery)) in parts.enumerate() {
            for (row, leaf) in source.iter().chain(recovery).enumerate() {
                by_row[row * width + column] = *leaf;
            }
            by_column.extend_from_slice(source);
            by_column.extend_from_slice(recovery);
        }
        let row_parts = reduce_rows(by_row, width, columns);
        let columns = by_column
            .chunks_exact_mut(rows)
            .map(merkle::root_of_leaf_hashes)
            .collect();
        Self { columns, row_parts }
    }
}

/// Reduces every row of `width` nodes to one; only the first `used` nodes of a row exist.
fn reduce_rows(mut nodes: Vec<Digest>, mut width: usize, mut used: usize) -> Vec<Digest> {
    while width > 1 {
        let pairs = hash_pairs_in_place(&mut nodes);
        nodes.truncate(pairs);
        (width, used) = (width / 2, used.div_ceil(2));
        if used < width {
            // Nodes over nothing are empty, and empty nodes hash as zeros.
            for row in nodes.chunks_exact_mut(width) {
                row[used..].fill([0; 32]);
            }
        }
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_rows_are_nodes_of_their_trees() {
        for (n, width) in [
            (10_usize, 4_usize),
            (9, 8),
            (33, 8),
            (7, 8),
            (5, 1),
            (16, 16),
            (17, 2),
        ] {
            let leaves: Vec<Digest> = (0..n).map(|i| [u8::try_from(i).unwrap(); 32]).collect();
            let mut parts: Vec<Digest> = leaves
                .chunks(width)
                .flat_map(|part| {
                    let mut row = part.to_vec();
                    row.resize(width, [0; 32]);
                    let rows = [row.clone(), row].concat();
                    let parts = reduce_rows(rows, width, part.len());
                    assert_eq!((parts.len(), parts[0]), (2, parts[1]));
                    parts.into_iter().take(1)
                })
                .collect();
            let expected = merkle::root_of_leaf_hashes(&mut leaves.clone());
            assert_eq!(
                merkle::root_of_leaf_hashes(&mut parts),
                expected,
                "{n} in {width}"
            );
        }
    }
}
