//! Encoding: from a blob to its slivers and metadata.

use std::num::NonZeroU16;

use rayon::prelude::*;
use walrus_core::{
    SliverIndex, SliverPair, SliverPairMetadata, SliverType, VerifiedMetadata, params,
    sliver::{PrimarySliver, SecondarySliver},
};

use crate::{
    EncodeError, Encoder,
    matrix::{Message, Shape},
    memory::{reserve, zeros},
    tile::{Columns, TileHashes, hash_tile, roots_across, tile_width, tiles},
    words::{Stripe, Workspace, encode_words, words_per_batch},
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
        let stripe = Stripe {
            length: shape.symbol,
            last: true,
        };

        let mut primary = reserve((0..shape.n).map(|_| shape.row_len()));
        let mut secondary = reserve((0..shape.n).map(|_| shape.column_len()));
        let (source_rows, recovered_rows) = primary.split_at_mut(shape.rows);
        source_rows
            .par_iter_mut()
            .enumerate()
            .for_each(|(row, target)| {
                target.extend_from_slice(message.row(row));
                target.resize(shape.row_len(), 0);
            });
        recovered_rows
            .par_iter_mut()
            .for_each(|row| row.resize(shape.row_len(), 0));

        let width = tile_width(shape.n, shape.symbol);
        let tiles = tiles(0..shape.n, width);
        let mut row_slices = transpose(
            recovered_rows.iter_mut().map(Vec::as_mut_slice),
            width * shape.symbol,
        );
        // Tiles beyond the source columns write no rows.
        row_slices.resize_with(tiles.len(), Vec::new);
        let hashes: Vec<Option<TileHashes>> = tiles
            .into_par_iter()
            .zip(row_slices.par_iter_mut())
            .zip(secondary.par_chunks_mut(width))
            .map_init(Workspace::default, |space, ((columns, rows), secondary)| {
                for column in &mut *secondary {
                    column.resize(shape.column_len(), 0);
                }
                let leaves = hash_tile(
                    self.kernel(SliverType::Secondary),
                    space,
                    &columns,
                    stripe,
                    None,
                    |row, columns, stretch, cells| source.fill(row, columns, stretch, cells),
                    |batch, part| {
                        let first = batch.start - columns.start;
                        let (at, length) = (part.stretch.start, part.stretch.len());
                        for row in part.positions.clone() {
                            if let Some(recovered) = row.checked_sub(shape.rows) {
                                let Some(target) = rows.get_mut(recovered) else {
                                    break;
                                };
                                let target =
                                    target.get_mut(first * shape.symbol..).unwrap_or_default();
                                let targets = target.chunks_exact_mut(shape.symbol);
                                for (target, cell) in targets.zip(part.words_at(row)) {
                                    target[at..at + length].copy_from_slice(cell);
                                }
                            } else {
                                let targets = secondary[first..].iter_mut();
                                for (target, cell) in targets.zip(part.words_at(row)) {
                                    let start = row * shape.symbol + at;
                                    target[start..start + length].copy_from_slice(cell);
                                }
                            }
                        }
                    },
                );
                leaves.map(|leaves| leaves.hashes(width, space))
            })
            .collect();
        drop((row_slices, row_recovery));

        let hashes: Vec<TileHashes> = hashes.into_iter().flatten().collect();
        let metadata = self.assemble_metadata(blob.len() as u64, &hashes);
        let pairs = primary
            .into_iter()
            .zip(secondary.into_iter().rev())
            .enumerate()
            .map(|(pair, (primary, secondary))| self.pair(pair, symbol_size, primary, secondary));
        Ok((pairs.collect(), metadata))
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
        let batch = words_per_batch(shape.symbol);
        let length = shape.rows * recovery_len;
        if recovery.capacity() < length {
            *recovery = zeros(length);
        }
        recovery.resize(length, 0);
        let (used, unused) =
            recovery.split_at_mut(message.used_rows().min(shape.rows) * recovery_len);
        unused.fill(0);
        used.par_chunks_mut(batch * recovery_len)
            .enumerate()
            .for_each_init(Workspace::default, |space, (group, recovery)| {
                encode_words(
                    self.kernel(SliverType::Primary),
                    space,
                    recovery.len() / recovery_len,
                    shape.symbol,
                    |column, stretch, cells| {
                        let cells = cells.chunks_exact_mut(stretch.len());
                        for (row, cell) in (group * batch..).zip(cells) {
                            message.copy_cells(row, column..column + 1, stretch, cell);
                        }
                    },
                    |part| {
                        for column in part.positions.start.max(shape.columns)..part.positions.end {
                            let start =
                                (column - shape.columns) * shape.symbol + part.stretch.start;
                            let rows = recovery.chunks_exact_mut(recovery_len);
                            for (row, cell) in rows.zip(part.words_at(column)) {
                                row[start..start + cell.len()].copy_from_slice(cell);
                            }
                        }
                    },
                );
            });
    }

    pub(crate) fn assemble_metadata(
        &self,
        blob_len: u64,
        tiles: &[TileHashes],
    ) -> VerifiedMetadata {
        let columns = tiles.iter().rev().flat_map(|tile| tile.words.iter().rev());
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

/// Cuts all targets into stretches of `length` bytes, and collects those at the same position.
pub(crate) fn transpose<'a>(
    targets: impl IntoIterator<Item = &'a mut [u8]>,
    length: usize,
) -> Vec<Vec<&'a mut [u8]>> {
    let mut stretches: Vec<Vec<&mut [u8]>> = Vec::new();
    for target in targets {
        for (position, stretch) in target.chunks_mut(length).enumerate() {
            if position == stretches.len() {
                stretches.push(Vec::new());
            }
            stretches[position].push(stretch);
        }
    }
    stretches
}
