//! Tiles: a few neighbouring words (columns or rows of the expanded matrix), encoded and hashed
//! while they are in the cache.
//!
//! Each cell of the `n × n` matrix is a leaf of two trees, that of its row and that of its column.
//! It is hashed once. A tile of columns has all cells of its columns, so the trees of the columns are
//! finished in the tile; of the trees of the rows it computes the part over its columns, which is a
//! single node because tiles are a power of two wide.

use std::ops::Range;

use rayon::prelude::*;
use walrus_core::{
    hash::{Digest, hash_pairs_in_place},
    merkle::{self, Node},
};

use crate::{
    matrix::Message,
    memory,
    words::{Kernel, MAX_WORDS, Part, Stripe, WordLeaves, Workspace, hash_words, words_per_batch},
};

/// Tiles need not have fewer cells than take this many bytes.
const MIN_TILE_BYTES: usize = 64 << 10;

/// There are about as many tiles, for threads to share, unless they would be too small.
const TILES: usize = 32;

/// The cells of a column lie far apart: those of so many rows on are asked for while a row is copied.
const ROWS_AHEAD: usize = 3;

/// Where the source symbols of columns come from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns<'a> {
    /// The first `S` columns.
    pub(crate) message: Message<'a>,
    /// The other columns: for each source row, its recovery symbols.
    pub(crate) row_recovery: &'a [u8],
}

impl Columns<'_> {
    /// Puts the stretches of the cells of a source row that lie in these columns side by side.
    pub(crate) fn fill(
        &self,
        row: usize,
        columns: &Range<usize>,
        stretch: &Range<usize>,
        cells: &mut [u8],
    ) {
        let shape = self.message.shape;
        let border = shape.columns.clamp(columns.start, columns.end);
        if row + ROWS_AHEAD < shape.rows {
            self.prefetch(
                row + ROWS_AHEAD,
                columns.start..border,
                border..columns.end,
                stretch,
            );
        }
        let (source, recovery) = cells.split_at_mut((border - columns.start) * stretch.len());
        self.message
            .copy_cells(row, columns.start..border, stretch, source);
        let cells = recovery.chunks_exact_mut(stretch.len());
        for (column, cell) in (border..columns.end).zip(cells) {
            cell.copy_from_slice(self.recovery_cell(row, column, stretch));
        }
    }

    fn prefetch(
        &self,
        row: usize,
        source: Range<usize>,
        recovery: Range<usize>,
        stretch: &Range<usize>,
    ) {
        for column in source {
            memory::prefetch(self.message.cell(row, column, stretch));
        }
        for column in recovery {
            memory::prefetch(self.recovery_cell(row, column, stretch));
        }
    }

    /// The stretch of a recovery symbol of a source row.
    fn recovery_cell(&self, row: usize, column: usize, stretch: &Range<usize>) -> &[u8] {
        let shape = self.message.shape;
        let position = row * (shape.n - shape.columns) + column - shape.columns;
        let start = position * shape.symbol + stretch.start;
        &self.row_recovery[start..start + stretch.len()]
    }
}

/// How many words tiles have: a power of two.
pub(crate) fn tile_width(n: usize, symbol: usize) -> usize {
    let many = n / TILES;
    let large = MIN_TILE_BYTES / (n * symbol);
    let width = 1 << many.max(large).clamp(1, MAX_WORDS).ilog2();
    n.next_power_of_two().min(width)
}

/// The ranges of words of all tiles of this width.
pub(crate) fn tiles(words: Range<usize>, width: usize) -> Vec<Range<usize>> {
    words
        .clone()
        .step_by(width)
        .map(|start| start..(start + width).min(words.end))
        .collect()
}

/// The hashes of a tile's cells so far, while they come in stripes: for each batch of words.
pub(crate) struct TileLeaves {
    /// Words in a batch; the same for all stripes.
    batch: usize,
    batches: Vec<WordLeaves>,
}

impl TileLeaves {
    /// For a tile of some words, if stripes have `length` bytes.
    pub(crate) fn new(kernel: Kernel<'_>, words: usize, length: usize) -> Self {
        let batch = words_per_batch(length);
        let batches = tiles(0..words, batch).into_iter();
        Self {
            batch,
            batches: batches
                .map(|words| WordLeaves::new(kernel.code, words.len()))
                .collect(),
        }
    }
}

/// What a tile contributes to the metadata.
pub(crate) struct TileHashes {
    /// Roots of the trees of its words.
    pub(crate) words: Vec<Node>,
    /// For each position, the node over its words: part of the tree across.
    pub(crate) across: Vec<Digest>,
}

/// Encodes and hashes a tile; gives the hashes if the stripe is the last one.
///
/// `fill(position, words, stretch, cells)` gives source symbols; `visit` sees all symbols of some of
/// the words.
pub(crate) fn hash_tile(
    kernel: Kernel<'_>,
    space: &mut Workspace,
    words: &Range<usize>,
    stripe: Stripe,
    mut leaves: Option<&mut TileLeaves>,
    fill: impl Fn(usize, &Range<usize>, &Range<usize>, &mut [u8]),
    mut visit: impl FnMut(&Range<usize>, &Part<'_>),
) -> Option<Leaves> {
    let last = stripe.last;
    let batch = match &leaves {
        Some(leaves) => leaves.batch,
        None => words_per_batch(stripe.length),
    };
    let [digests, scratch] = std::mem::take(&mut space.tile);
    let mut tile = Leaves::new(kernel.code.total(), words.len(), digests, scratch);
    for (index, batch) in tiles(words.clone(), batch).into_iter().enumerate() {
        let leaves = leaves.as_mut().map(|leaves| &mut leaves.batches[index]);
        hash_words(
            kernel,
            space,
            batch.len(),
            stripe,
            leaves,
            |position, stretch, cells| fill(position, &batch, stretch, cells),
            |part| visit(&batch, part),
        );
        if last {
            tile.set(batch.start - words.start, batch.len(), &space.digests);
        }
    }
    if last {
        Some(tile)
    } else {
        tile.recycle(space);
        None
    }
}

/// The leaf hashes of a tile: position by position, for each its words.
pub(crate) struct Leaves {
    digests: Vec<Digest>,
    scratch: Vec<Digest>,
    words: usize,
}

impl Leaves {
    fn new(positions: usize, words: usize, mut digests: Vec<Digest>, scratch: Vec<Digest>) -> Self {
        // What is there is overwritten.
        digests.resize(positions * words, [0; 32]);
        Self {
            digests,
            scratch,
            words,
        }
    }

    /// Gives the memory back for the next tile.
    fn recycle(self, space: &mut Workspace) {
        space.tile = [self.digests, self.scratch];
    }

    /// Sets those of `count` words from `first` on.
    fn set(&mut self, first: usize, count: usize, digests: &[Digest]) {
        if count == self.words {
            self.digests.copy_from_slice(digests);
            return;
        }
        let rows = self.digests.chunks_exact_mut(self.words);
        for (row, digests) in rows.zip(digests.chunks_exact(count)) {
            row[first..first + count].copy_from_slice(digests);
        }
    }

    /// The hashes of a tile that is `width` words wide, or would be if there were more words.
    pub(crate) fn hashes(mut self, width: usize, space: &mut Workspace) -> TileHashes {
        let across = self.across(width);
        TileHashes {
            across,
            words: self.roots(space),
        }
    }

    /// The roots of the trees over each word.
    pub(crate) fn roots(mut self, space: &mut Workspace) -> Vec<Node> {
        let roots = if self.words >= MIN_SIDE_BY_SIDE {
            merkle::roots_of_columns(&mut self.digests, self.words)
        } else {
            let mut root = |word| {
                let leaves = self.digests.iter().skip(word).step_by(self.words);
                self.scratch.clear();
                self.scratch.extend(leaves);
                merkle::root_of_leaf_hashes(&mut self.scratch)
            };
            (0..self.words).map(&mut root).collect()
        };
        self.recycle(space);
        roots
    }

    /// Reduces the leaves at each position to one node.
    fn across(&mut self, mut width: usize) -> Vec<Digest> {
        let mut used = self.words;
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
                // Nodes over nothing are empty, and empty nodes hash as zeros.
                for row in nodes.chunks_exact_mut(width) {
                    row[used..].fill([0; 32]);
                }
            }
        }
        nodes.to_vec()
    }
}

/// From this many words on, their trees are hashed side by side; fewer do not fill the lanes.
const MIN_SIDE_BY_SIDE: usize = 4;

/// The roots of the trees across all tiles.
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
    fn parts_of_trees_are_nodes_of_them() {
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
            let leaf = |position: usize, word: usize| -> Digest {
                [u8::try_from(position * 100 + word).unwrap(); 32]
            };
            let hashes: Vec<TileHashes> = tiles(0..n, width)
                .into_iter()
                .map(|words| {
                    let mut leaves = Leaves::new(positions, words.len(), Vec::new(), Vec::new());
                    let digests: Vec<Digest> = (0..positions)
                        .flat_map(|position| words.clone().map(move |word| leaf(position, word)))
                        .collect();
                    leaves.set(0, words.len(), &digests);
                    leaves.hashes(width, &mut Workspace::default())
                })
                .collect();
            let root = |leaves: Vec<Digest>| merkle::root_of_leaf_hashes(&mut leaves.clone());
            let across: Vec<Node> = (0..positions)
                .map(|position| root((0..n).map(|word| leaf(position, word)).collect()))
                .collect();
            assert_eq!(roots_across(&hashes), across, "{n} in {width}");
            let words: Vec<Node> = hashes.into_iter().flat_map(|tile| tile.words).collect();
            let expected: Vec<Node> = (0..n)
                .map(|word| {
                    root(
                        (0..positions)
                            .map(|position| leaf(position, word))
                            .collect(),
                    )
                })
                .collect();
            assert_eq!(words, expected, "{n} in {width}");
        }
    }
}
