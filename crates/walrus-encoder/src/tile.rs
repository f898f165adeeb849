//! Tiles: a few neighbouring lines, encoded and hashed while they are in the cache.
//!
//! Each symbol of the `n × n` matrix is a leaf of two trees, that of its row and that of its
//! column. It is hashed once. A tile of columns has all symbols of its columns, so the trees of the
//! columns are finished within the tile. Of the trees of the rows it gives the part over its own
//! columns: one node for each row, because tiles are a power of two wide.

use std::ops::Range;

use rayon::prelude::*;
use walrus_core::{
    hash::{Digest, hash_pairs_in_place},
    merkle::{self, Node},
};

use crate::{
    line::{BatchStates, Kernel, LINES_MAX, LineSymbols, Stripe, Workspace, lines_per_batch},
    matrix::Message,
    memory,
};

/// Tiles have at least about this many bytes, if the matrix has.
const TILE_BYTES_MIN: usize = 64 << 10;

/// A matrix that is large enough has about this many tiles, for threads to share.
const TILES: usize = 32;

/// The symbols of a column lie far apart in memory. While those of one row are copied, the CPU is
/// asked to load those of the row that comes this many rows later.
const ROWS_AHEAD: usize = 3;

/// The trees of at least this many lines are hashed side by side; fewer would not fill the vectors.
const SIDE_BY_SIDE_MIN: usize = 4;

/// The source rows, continued to the right by their recovery symbols: columns as lines to encode.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns<'a> {
    /// The first `S` columns.
    pub(crate) message: Message<'a>,
    /// The other columns: the recovery symbols of each source row, row after row.
    pub(crate) row_recovery: &'a [u8],
}

impl LineSymbols for Columns<'_> {
    fn read(&self, row: usize, columns: &Range<usize>, bytes: &Range<usize>, target: &mut [u8]) {
        let shape = self.message.shape;
        let border = shape.columns.clamp(columns.start, columns.end);
        let (source, recovery) = (columns.start..border, border..columns.end);
        let ahead = row + ROWS_AHEAD;
        if ahead < shape.rows {
            for column in source.clone() {
                memory::prefetch(self.message.symbol(ahead, column, bytes));
            }
            for column in recovery.clone() {
                memory::prefetch(self.recovery_symbol(ahead, column, bytes));
            }
        }
        let (source_target, target) = target.split_at_mut(source.len() * bytes.len());
        self.message.copy_row(row, source, bytes, source_target);
        for (column, target) in recovery.zip(target.chunks_exact_mut(bytes.len())) {
            target.copy_from_slice(self.recovery_symbol(row, column, bytes));
        }
    }
}

impl Columns<'_> {
    /// These bytes of a recovery symbol of a source row.
    fn recovery_symbol(&self, row: usize, column: usize, bytes: &Range<usize>) -> &[u8] {
        let shape = self.message.shape;
        let number = row * (shape.n - shape.columns) + column - shape.columns;
        let start = number * shape.symbol + bytes.start;
        &self.row_recovery[start..start + bytes.len()]
    }
}

/// How many lines tiles have: a power of two.
pub(crate) fn tile_width(n: usize, symbol: usize) -> usize {
    let many = n / TILES;
    let large = TILE_BYTES_MIN / (n * symbol);
    let width = 1 << many.max(large).clamp(1, LINES_MAX).ilog2();
    n.next_power_of_two().min(width)
}

/// The lines of all tiles of this width.
pub(crate) fn tiles(lines: Range<usize>, width: usize) -> Vec<Range<usize>> {
    lines
        .clone()
        .step_by(width)
        .map(|start| start..(start + width).min(lines.end))
        .collect()
}

/// The states of the hash function for the symbols of a tile, between stripes.
pub(crate) struct TileStates {
    /// How many lines are hashed together; the same for all stripes.
    lines_per_batch: usize,
    batches: Vec<BatchStates>,
}

impl TileStates {
    /// For a tile of some lines, if stripes have `length` bytes.
    pub(crate) fn new(kernel: Kernel<'_>, lines: usize, length: usize) -> Self {
        let lines_per_batch = lines_per_batch(length);
        let batches = tiles(0..lines, lines_per_batch).into_iter();
        Self {
            lines_per_batch,
            batches: batches
                .map(|lines| BatchStates::new(kernel.code, lines.len()))
                .collect(),
        }
    }
}

/// What a tile contributes to the metadata.
pub(crate) struct TileHashes {
    /// The roots of the trees of its lines.
    pub(crate) lines: Vec<Node>,
    /// For each position, the node over its symbols there: part of the tree across.
    pub(crate) across: Vec<Digest>,
}

/// A stripe of a tile.
#[derive(Clone)]
pub(crate) struct Tile<'a> {
    pub(crate) kernel: Kernel<'a>,
    pub(crate) lines: Range<usize>,
    pub(crate) stripe: Stripe,
}

impl Tile<'_> {
    /// Encodes the tile and hashes its symbols. Gives the hashes if the stripe is the last one.
    ///
    /// `states` keeps what stripes leave for the next one; it is not needed for whole symbols.
    pub(crate) fn hash(
        self,
        space: &mut Workspace,
        mut states: Option<&mut TileStates>,
        symbols: &mut impl LineSymbols,
    ) -> Option<TileLeaves> {
        let Self {
            kernel,
            lines,
            stripe,
        } = self;
        let lines_per_batch = match &states {
            Some(states) => states.lines_per_batch,
            None => lines_per_batch(stripe.length),
        };
        let [digests, scratch] = std::mem::take(&mut space.tile);
        let mut leaves = TileLeaves::new(kernel.code.total(), lines.len(), digests, scratch);
        let batches = tiles(lines.clone(), lines_per_batch).into_iter();
        for (index, batch) in batches.enumerate() {
            let states = states.as_mut().map(|states| &mut states.batches[index]);
            kernel.hash(space, &batch, stripe, states, symbols);
            if stripe.last {
                leaves.set(batch.start - lines.start, batch.len(), &space.digests);
            }
        }
        if stripe.last {
            Some(leaves)
        } else {
            leaves.recycle(space);
            None
        }
    }
}

/// The hashes of the symbols of a tile: by position, then by line.
pub(crate) struct TileLeaves {
    digests: Vec<Digest>,
    scratch: Vec<Digest>,
    lines: usize,
}

impl TileLeaves {
    fn new(positions: usize, lines: usize, mut digests: Vec<Digest>, scratch: Vec<Digest>) -> Self {
        // Every one of them is overwritten.
        digests.resize(positions * lines, [0; 32]);
        Self {
            digests,
            scratch,
            lines,
        }
    }

    /// Gives the memory back for the next tile.
    fn recycle(self, space: &mut Workspace) {
        space.tile = [self.digests, self.scratch];
    }

    /// Sets those of `count` lines from `first` on.
    fn set(&mut self, first: usize, count: usize, digests: &[Digest]) {
        if count == self.lines {
            self.digests.copy_from_slice(digests);
            return;
        }
        let rows = self.digests.chunks_exact_mut(self.lines);
        for (row, digests) in rows.zip(digests.chunks_exact(count)) {
            row[first..first + count].copy_from_slice(digests);
        }
    }

    /// The hashes of a tile in a row of tiles that have `width` lines; only the last one may have
    /// fewer.
    pub(crate) fn hashes(mut self, width: usize, space: &mut Workspace) -> TileHashes {
        let across = self.across(width);
        TileHashes {
            across,
            lines: self.roots(space),
        }
    }

    /// The root of the tree of each line.
    pub(crate) fn roots(mut self, space: &mut Workspace) -> Vec<Node> {
        let roots = if self.lines >= SIDE_BY_SIDE_MIN {
            merkle::roots_of_columns(&mut self.digests, self.lines)
        } else {
            let mut root = |line| {
                let leaves = self.digests.iter().skip(line).step_by(self.lines);
                self.scratch.clear();
                self.scratch.extend(leaves);
                merkle::root_of_leaf_hashes(&mut self.scratch)
            };
            (0..self.lines).map(&mut root).collect()
        };
        self.recycle(space);
        roots
    }

    /// The node over the leaves at each position.
    fn across(&mut self, mut width: usize) -> Vec<Digest> {
        let mut used = self.lines;
        self.scratch.clear();
        if used == width {
            self.scratch.extend_from_slice(&self.digests);
        } else {
            for row in self.digests.chunks_exact(used) {
                self.scratch.extend_from_slice(row);
                self.scratch
                    .resize(self.scratch.len() + width - used, [0; 32]);
            }
        }
        let mut nodes = &mut self.scratch[..];
        while width > 1 {
            let pairs = hash_pairs_in_place(nodes);
            nodes = &mut nodes[..pairs];
            (width, used) = (width / 2, used.div_ceil(2));
            if used < width {
                // Beyond the last line nodes are empty, and empty nodes are hashed as zeros.
                for row in nodes.chunks_exact_mut(width) {
                    row[used..].fill([0; 32]);
                }
            }
        }
        nodes.to_vec()
    }
}

/// The roots of the trees across all tiles: one for each position.
pub(crate) fn roots_across(tiles: &[TileHashes]) -> Vec<Node> {
    const POSITIONS_PER_TASK: usize = 64;
    let positions = tiles.first().map_or(0, |tile| tile.across.len());
    (0..positions)
        .step_by(POSITIONS_PER_TASK)
        .collect::<Vec<_>>()
        .into_par_iter()
        .flat_map_iter(|start| {
            let end = (start + POSITIONS_PER_TASK).min(positions);
            let mut nodes: Vec<Digest> = Vec::with_capacity(tiles.len() * (end - start));
            for tile in tiles {
                nodes.extend_from_slice(&tile.across[start..end]);
            }
            merkle::roots_of_columns(&mut nodes, end - start)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_give_the_nodes_of_the_trees() {
        for (n, width) in [
            (10_usize, 4_usize),
            (9, 8),
            (33, 8),
            (7, 8),
            (5, 1),
            (16, 16),
            (17, 2),
        ] {
            let positions = 3;
            let leaf = |position: usize, line: usize| -> Digest {
                [u8::try_from(position * 100 + line).unwrap(); 32]
            };
            let hashes: Vec<TileHashes> = tiles(0..n, width)
                .into_iter()
                .map(|lines| {
                    let mut leaves =
                        TileLeaves::new(positions, lines.len(), Vec::new(), Vec::new());
                    let digests: Vec<Digest> = (0..positions)
                        .flat_map(|position| lines.clone().map(move |line| leaf(position, line)))
                        .collect();
                    leaves.set(0, lines.len(), &digests);
                    leaves.hashes(width, &mut Workspace::default())
                })
                .collect();
            let root = |leaves: Vec<Digest>| merkle::root_of_leaf_hashes(&mut leaves.clone());
            let across: Vec<Node> = (0..positions)
                .map(|position| root((0..n).map(|line| leaf(position, line)).collect()))
                .collect();
            assert_eq!(roots_across(&hashes), across, "{n} in {width}");
            let lines: Vec<Node> = hashes.into_iter().flat_map(|tile| tile.lines).collect();
            let expected: Vec<Node> = (0..n)
                .map(|line| {
                    root(
                        (0..positions)
                            .map(|position| leaf(position, line))
                            .collect(),
                    )
                })
                .collect();
            assert_eq!(lines, expected, "{n} in {width}");
        }
    }
}
