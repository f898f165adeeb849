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
    pub(crate) columns: Range<usize>,
    pub(crate) cells: Vec<u8>,
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
        source: Columns<'_>,
        columns: Range<usize>,
    ) -> Self {
        let shape = source.message.shape;
        let column_bytes = shape.n * shape.symbol;
        let mut cells = vec![0; columns.len() * column_bytes];
        for (column, cells) in columns.clone().zip(cells.chunks_exact_mut(column_bytes)) {
            for (row, cell) in cells
                .chunks_exact_mut(shape.symbol)
                .take(shape.rows)
                .enumerate()
            {
                let bytes = source.cell(row, column);
                cell[..bytes.len()].copy_from_slice(bytes);
            }
        }
        encode_words(
            (engine, code, Packing::new(shape.symbol)),
            space,
            columns.len(),
            |word, row| source.cell(row, columns.start + word),
            |word, row, offset, bytes| {
                let start = word * column_bytes + row * shape.symbol + offset;
                cells[start..start + bytes.len()].copy_from_slice(bytes);
            },
        );
        Self {
            columns,
            cells,
            shape,
        }
    }

    /// The source part of the columns: the secondary slivers, by column.
    pub(crate) fn secondary_slivers(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let columns = self.cells.chunks_exact(self.shape.n * self.shape.symbol);
        let length = self.shape.column_len();
        self.columns
            .clone()
            .zip(columns.map(move |cells| &cells[..length]))
    }

    /// The cell in this row and in the column with this position in the tile.
    pub(crate) fn cell(&self, row: usize, position: usize) -> &[u8] {
        let symbol = self.shape.symbol;
        &self.cells[(position * self.shape.n + row) * symbol..][..symbol]
    }

    /// Hashes the cells, the columns, and the parts of the rows. `width` is that of full tiles.
    pub(crate) fn hash(&self, width: usize) -> TileHashes {
        let mut leaves: Vec<Digest> = vec![[0; 32]; self.columns.len() * self.shape.n];
        hash_prefixed(
            LEAF_PREFIX,
            self.cells.chunks_exact(self.shape.symbol),
            &mut leaves,
        );
        TileHashes::of_leaves(self.shape.n, width, leaves)
    }
}

impl TileHashes {
    /// Builds the trees over leaf hashes that are given column by column.
    pub(crate) fn of_leaves(rows: usize, width: usize, mut leaves: Vec<Digest>) -> Self {
        let used = leaves.len() / rows;
        let mut by_row: Vec<Digest> = vec![[0; 32]; rows * width];
        for (column, leaves) in leaves.chunks_exact(rows).enumerate() {
            for (row, leaf) in leaves.iter().enumerate() {
                by_row[row * width + column] = *leaf;
            }
        }
        let row_parts = reduce_rows(by_row, width, used);
        let columns = leaves
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
