//! Encoding: from a blob to its slivers and metadata.

use std::{num::NonZeroU16, ops::Range};

use rayon::prelude::*;
use walrus_core::{
    SliverIndex, SliverPair, SliverPairMetadata, SliverType, VerifiedMetadata, params,
    sliver::{PrimarySliver, SecondarySliver},
};

use crate::{
    EncodeError, Encoder,
    line::{LineSymbols, Stripe, Visited, Workspace, lines_per_batch},
    matrix::{Message, Shape, transpose},
    memory::{reserve, zeros},
    tile::{Columns, Tile, TileHashes, roots_across, tile_width, tiles},
};

impl Encoder {
    /// Encodes a blob: all sliver pairs, in the order of their indices, and the metadata.
    ///
    /// The slivers take about 4.5 times the memory of the blob.
    pub fn encode(&self, blob: &[u8]) -> Result<(Vec<SliverPair>, VerifiedMetadata), EncodeError> {
        let (message, symbol_size) = self.message(blob)?;
        let shape = message.shape;
        let mut row_recovery = Vec::new();
        self.encode_rows(&message, &mut row_recovery);
        let source = Columns {
            message,
            row_recovery: &row_recovery,
        };
        let mut primary = primary_slivers(&message);
        let mut secondary = reserve((0..shape.n).map(|_| shape.column_len()));
        let hashes = self.encode_columns(source, &mut primary[shape.rows..], &mut secondary);
        drop(row_recovery);
        let metadata = self.assemble_metadata(blob.len() as u64, &hashes);
        let pairs = primary
            .into_iter()
            .zip(secondary.into_iter().rev())
            .enumerate()
            .map(|(pair, (primary, secondary))| self.pair(pair, symbol_size, primary, secondary));
        Ok((pairs.collect(), metadata))
    }

    /// Encodes the columns tile by tile: fills the recovery rows, which are zero, and the columns,
    /// which are empty.
    fn encode_columns(
        &self,
        source: Columns<'_>,
        recovery_rows: &mut [Vec<u8>],
        columns: &mut [Vec<u8>],
    ) -> Vec<TileHashes> {
        let shape = source.message.shape;
        let width = tile_width(shape.n, shape.symbol);
        let tiles = tiles(0..shape.n, width);
        let rows = recovery_rows.iter_mut().map(Vec::as_mut_slice);
        let mut rows = transpose(rows, width * shape.symbol);
        // Tiles beyond the source columns write no rows.
        rows.resize_with(tiles.len(), Vec::new);
        let hashes: Vec<Option<TileHashes>> = tiles
            .into_par_iter()
            .zip(rows.par_iter_mut())
            .zip(columns.par_chunks_mut(width))
            .map_init(Workspace::default, |space, ((lines, rows), columns)| {
                for column in &mut *columns {
                    column.resize(shape.column_len(), 0);
                }
                let mut symbols = KeptColumns {
                    source,
                    first: lines.start,
                    rows,
                    columns,
                };
                let tile = Tile {
                    kernel: self.kernel(SliverType::Secondary),
                    lines,
                    stripe: Stripe::whole(shape.symbol),
                };
                let leaves = tile.hash(space, None, &mut symbols);
                leaves.map(|leaves| leaves.hashes(width, space))
            })
            .collect();
        hashes.into_iter().flatten().collect()
    }

    /// The blob as a matrix.
    pub(crate) fn message<'a>(
        &self,
        blob: &'a [u8],
    ) -> Result<(Message<'a>, NonZeroU16), EncodeError> {
        let symbol_size = params::symbol_size(self.n_shards, blob.len() as u64)?;
        Ok((
            Message::new(Shape::new(self.n_shards, symbol_size), blob),
            symbol_size,
        ))
    }

    /// The recovery symbols of every source row, row by row, in place of what is in `recovery`.
    pub(crate) fn encode_rows(&self, message: &Message<'_>, recovery: &mut Vec<u8>) {
        let shape = message.shape;
        let recovery_len = (shape.n - shape.columns) * shape.symbol;
        let batch = lines_per_batch(shape.symbol);
        let length = shape.rows * recovery_len;
        if recovery.capacity() < length {
            *recovery = zeros(length);
        }
        recovery.resize(length, 0);
        let used_rows = message.used_rows().min(shape.rows);
        let (used, unused) = recovery.split_at_mut(used_rows * recovery_len);
        unused.fill(0);
        used.par_chunks_mut(batch * recovery_len)
            .enumerate()
            .for_each_init(Workspace::default, |space, (group, recovery)| {
                let first = group * batch;
                let rows = first..first + recovery.len() / recovery_len;
                let mut symbols = RecoveryOfRows { message, recovery };
                self.kernel(SliverType::Primary)
                    .encode(space, &rows, shape.symbol, &mut symbols);
            });
    }

    /// The metadata of a blob with this length, from the hashes of all tiles of columns.
    pub(crate) fn assemble_metadata(
        &self,
        blob_len: u64,
        tiles: &[TileHashes],
    ) -> VerifiedMetadata {
        let columns = tiles.iter().rev().flat_map(|tile| tile.lines.iter().rev());
        let hashes = roots_across(tiles)
            .into_iter()
            .zip(columns)
            .map(|(primary_hash, secondary_hash)| SliverPairMetadata {
                primary_hash,
                secondary_hash: *secondary_hash,
            })
            .collect();
        VerifiedMetadata::compute(self.n_shards, blob_len, hashes)
            .expect("there is a hash for each shard, and the length was checked")
    }

    /// A sliver pair, from its bytes.
    pub(crate) fn pair(
        &self,
        pair: usize,
        symbol_size: NonZeroU16,
        primary: Vec<u8>,
        secondary: Vec<u8>,
    ) -> SliverPair {
        let pair = u16::try_from(pair).expect("pairs are counted in 16 bits");
        let column = self.n_shards.get() - 1 - pair;
        SliverPair {
            primary: PrimarySliver::new(primary, symbol_size, SliverIndex(pair)),
            secondary: SecondarySliver::new(secondary, symbol_size, SliverIndex(column)),
        }
    }
}

/// Source rows as primary slivers, and zeros for the others.
fn primary_slivers(message: &Message<'_>) -> Vec<Vec<u8>> {
    let shape = message.shape;
    let mut slivers = reserve((0..shape.n).map(|_| shape.row_len()));
    slivers
        .par_iter_mut()
        .enumerate()
        .for_each(|(row, sliver)| {
            if row < shape.rows {
                sliver.extend_from_slice(message.row(row));
            }
            sliver.resize(shape.row_len(), 0);
        });
    slivers
}

/// A tile of columns whose symbols go into slivers.
struct KeptColumns<'a, 'b> {
    source: Columns<'a>,
    /// The first column of the tile.
    first: usize,
    /// The part of each recovery row that lies on this tile, as far as there are source columns.
    rows: &'b mut Vec<&'a mut [u8]>,
    /// The source symbols of each column.
    columns: &'b mut [Vec<u8>],
}

impl LineSymbols for KeptColumns<'_, '_> {
    fn read(&self, row: usize, columns: &Range<usize>, bytes: &Range<usize>, target: &mut [u8]) {
        self.source.read(row, columns, bytes, target);
    }

    fn visit(&mut self, visited: &Visited<'_>) {
        let shape = self.source.message.shape;
        let first = visited.lines.start - self.first;
        let (at, length) = (visited.bytes.start, visited.bytes.len());
        for row in visited.positions.clone() {
            if let Some(recovery_row) = row.checked_sub(shape.rows) {
                let Some(target) = self.rows.get_mut(recovery_row) else {
                    break;
                };
                let target = target.get_mut(first * shape.symbol..).unwrap_or_default();
                let targets = target.chunks_exact_mut(shape.symbol);
                for (target, symbol) in targets.zip(visited.by_line(row)) {
                    target[at..at + length].copy_from_slice(symbol);
                }
            } else {
                let targets = self.columns[first..].iter_mut();
                for (target, symbol) in targets.zip(visited.by_line(row)) {
                    let start = row * shape.symbol + at;
                    target[start..start + length].copy_from_slice(symbol);
                }
            }
        }
    }
}

/// Source rows whose recovery symbols are kept, row after row.
struct RecoveryOfRows<'a, 'b> {
    message: &'a Message<'a>,
    recovery: &'b mut [u8],
}

impl LineSymbols for RecoveryOfRows<'_, '_> {
    fn read(&self, column: usize, rows: &Range<usize>, bytes: &Range<usize>, target: &mut [u8]) {
        self.message
            .copy_column(column, rows.clone(), bytes, target);
    }

    fn visit(&mut self, visited: &Visited<'_>) {
        let shape = self.message.shape;
        let recovery_len = (shape.n - shape.columns) * shape.symbol;
        for column in visited.positions.start.max(shape.columns)..visited.positions.end {
            let start = (column - shape.columns) * shape.symbol + visited.bytes.start;
            let rows = self.recovery.chunks_exact_mut(recovery_len);
            for (row, symbol) in rows.zip(visited.by_line(column)) {
                row[start..start + symbol.len()].copy_from_slice(symbol);
            }
        }
    }
}
