//! Encoding: from a blob to its slivers and metadata.

use std::num::NonZeroU16;

use rayon::prelude::*;
use walrus_core::{
    SliverIndex, SliverPair, SliverPairIndex, SliverPairMetadata, VerifiedMetadata,
    hash::Digest,
    merkle::{self, Node},
    params,
    sliver::{PrimarySliver, SecondarySliver},
};

use crate::{
    EncodeError, Encoder,
    matrix::{Message, Shape, zero_padded},
    packing::{Packing, Workspace, encode_words},
    tile::{Columns, Tile, TileHashes, tile_columns, tiles},
};

impl Encoder {
    /// Encodes a blob: all sliver pairs, in the order of their indices, and the metadata.
    ///
    /// The slivers take about 4.5 times the memory of the blob.
    pub fn encode(&self, blob: &[u8]) -> Result<(Vec<SliverPair>, VerifiedMetadata), EncodeError> {
        let (message, symbol_size) = self.message(blob)?;
        let shape = message.shape;
        let row_recovery = self.encode_rows(&message);
        let source = Columns {
            message,
            row_recovery: &row_recovery,
        };

        let mut recovered_rows: Vec<Vec<u8>> = (shape.rows..shape.n)
            .map(|_| vec![0; shape.row_len()])
            .collect();
        let mut row_slices = split_rows(&mut recovered_rows, shape);
        let outputs: Vec<(Vec<Vec<u8>>, TileHashes)> = tiles(shape)
            .into_par_iter()
            .zip(row_slices.par_iter_mut())
            .map_init(Workspace::default, |space, (columns, rows)| {
                let tile = Tile::encode(&self.engine, &self.primary_code, space, source, columns);
                for (row, slice) in (shape.rows..).zip(rows) {
                    for (position, cell) in slice.chunks_exact_mut(shape.symbol).enumerate() {
                        cell.copy_from_slice(tile.cell(row, position));
                    }
                }
                let secondary = tile.secondary_slivers().map(|(_, bytes)| bytes.to_vec());
                (secondary.collect(), tile.hash(tile_columns(shape)))
            })
            .collect();
        drop((row_slices, row_recovery));

        let (secondary, hashes): (Vec<_>, Vec<_>) = outputs.into_iter().unzip();
        let metadata = self.assemble_metadata(blob.len(), shape, &hashes);
        let primary = (0..shape.rows)
            .into_par_iter()
            .map(|row| zero_padded(message.row(row), shape.row_len()))
            .collect::<Vec<_>>()
            .into_iter()
            .chain(recovered_rows);
        let secondary = secondary
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .into_iter()
            .rev();
        let pairs = primary
            .zip(secondary)
            .enumerate()
            .map(|(pair, (primary, secondary))| self.pair(pair, symbol_size, primary, secondary));
        Ok((pairs.collect(), metadata))
    }

    /// Computes the metadata, and with it the blob ID, without keeping slivers.
    pub fn metadata(&self, blob: &[u8]) -> Result<VerifiedMetadata, EncodeError> {
        let (message, _) = self.message(blob)?;
        let shape = message.shape;
        let row_recovery = self.encode_rows(&message);
        let source = Columns {
            message,
            row_recovery: &row_recovery,
        };
        let hashes: Vec<TileHashes> = tiles(shape)
            .into_par_iter()
            .map_init(Workspace::default, |space, columns| {
                Tile::encode(&self.engine, &self.primary_code, space, source, columns)
                    .hash(tile_columns(shape))
            })
            .collect();
        Ok(self.assemble_metadata(blob.len(), shape, &hashes))
    }

    /// Encodes only the given sliver pairs, in the given order, with memory for little more than
    /// these.
    pub fn encode_pairs(
        &self,
        blob: &[u8],
        pairs: &[SliverPairIndex],
    ) -> Result<Vec<SliverPair>, EncodeError> {
        let n_shards = self.n_shards;
        if let Some(pair) = pairs.iter().find(|pair| pair.0 >= n_shards.get()) {
            return Err(EncodeError::PairIndexTooLarge {
                pair: pair.0,
                n_shards,
            });
        }
        let (message, symbol_size) = self.message(blob)?;
        let primary = self.chosen_rows(&message, pairs.iter().map(|pair| pair.as_usize()));
        let last = message.shape.n - 1;
        let secondary =
            self.chosen_columns(&message, pairs.iter().map(|pair| last - pair.as_usize()));
        let slivers = primary.into_iter().zip(secondary);
        Ok(pairs
            .iter()
            .zip(slivers)
            .map(|(pair, (primary, secondary))| {
                self.pair(pair.as_usize(), symbol_size, primary, secondary)
            })
            .collect())
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

    /// The recovery symbols of every source row, row by row.
    fn encode_rows(&self, message: &Message<'_>) -> Vec<u8> {
        let shape = message.shape;
        let recovery_len = (shape.n - shape.columns) * shape.symbol;
        let packing = Packing::new(shape.symbol);
        let batch = packing.words_per_batch();
        let mut recovery = vec![0; shape.rows * recovery_len];
        recovery
            .par_chunks_mut(batch * recovery_len)
            .enumerate()
            .take(message.used_rows().div_ceil(batch))
            .for_each_init(Workspace::default, |space, (group, recovery)| {
                encode_words(
                    (&self.engine, &self.secondary_code, packing),
                    space,
                    recovery.len() / recovery_len,
                    |word, column| message.cell(group * batch + word, column),
                    |word, column, offset, bytes| {
                        let column = column - shape.columns;
                        let start = word * recovery_len + column * shape.symbol + offset;
                        recovery[start..start + bytes.len()].copy_from_slice(bytes);
                    },
                );
            });
        recovery
    }

    /// The primary slivers with these indices.
    fn chosen_rows(
        &self,
        message: &Message<'_>,
        rows: impl Iterator<Item = usize>,
    ) -> Vec<Vec<u8>> {
        let shape = message.shape;
        let rows: Vec<usize> = rows.collect();
        let mut slivers: Vec<Vec<u8>> = rows
            .iter()
            .map(|row| {
                let source = if *row < shape.rows {
                    message.row(*row)
                } else {
                    &[]
                };
                zero_padded(source, shape.row_len())
            })
            .collect();
        let recovered: Vec<usize> = rows
            .iter()
            .copied()
            .filter(|row| *row >= shape.rows)
            .collect();
        if recovered.is_empty() {
            return slivers;
        }
        let wanted = positions(&recovered, shape.n);
        let targets = rows
            .iter()
            .zip(&mut slivers)
            .filter_map(|(row, sliver)| (*row >= shape.rows).then_some(sliver.as_mut_slice()));
        let packing = Packing::new(shape.symbol);
        let batch = packing.words_per_batch();
        let mut slices = transpose(targets, batch * shape.symbol);
        slices.par_iter_mut().enumerate().for_each_init(
            Workspace::default,
            |space, (group, slices)| {
                encode_words(
                    (&self.engine, &self.primary_code, packing),
                    space,
                    batch.min(shape.columns - group * batch),
                    |word, row| message.cell(row, group * batch + word),
                    |word, row, offset, bytes| {
                        for &position in &wanted[row] {
                            let start = word * shape.symbol + offset;
                            slices[position][start..start + bytes.len()].copy_from_slice(bytes);
                        }
                    },
                );
            },
        );
        slivers
    }

    /// The secondary slivers with these indices.
    fn chosen_columns(
        &self,
        message: &Message<'_>,
        columns: impl Iterator<Item = usize>,
    ) -> Vec<Vec<u8>> {
        let shape = message.shape;
        let columns: Vec<usize> = columns.collect();
        let mut slivers: Vec<Vec<u8>> = columns
            .iter()
            .map(|_| vec![0; shape.column_len()])
            .collect();
        let wanted = positions(&columns, shape.n);
        let packing = Packing::new(shape.symbol);
        let batch = packing.words_per_batch();
        let must_encode = columns.iter().any(|column| *column >= shape.columns);
        let targets = slivers.iter_mut().map(Vec::as_mut_slice);
        let mut slices = transpose(targets, batch * shape.symbol);
        slices.par_iter_mut().enumerate().for_each_init(
            Workspace::default,
            |space, (group, slices)| {
                let rows = group * batch..((group + 1) * batch).min(shape.rows);
                let mut sink = |word: usize, column: usize, offset: usize, bytes: &[u8]| {
                    for &position in &wanted[column] {
                        let start = word * shape.symbol + offset;
                        slices[position][start..start + bytes.len()].copy_from_slice(bytes);
                    }
                };
                for (word, row) in rows.clone().enumerate() {
                    for column in 0..shape.columns {
                        sink(word, column, 0, message.cell(row, column));
                    }
                }
                if must_encode {
                    encode_words(
                        (&self.engine, &self.secondary_code, packing),
                        space,
                        rows.len(),
                        |word, column| message.cell(rows.start + word, column),
                        sink,
                    );
                }
            },
        );
        slivers
    }

    fn assemble_metadata(
        &self,
        blob_len: usize,
        shape: Shape,
        tiles: &[TileHashes],
    ) -> VerifiedMetadata {
        let rows: Vec<Node> = (0..shape.n)
            .into_par_iter()
            .map(|row| {
                let mut parts: Vec<Digest> = tiles.iter().map(|tile| tile.row_parts[row]).collect();
                merkle::root_of_leaf_hashes(&mut parts)
            })
            .collect();
        let columns = tiles
            .iter()
            .rev()
            .flat_map(|tile| tile.columns.iter().rev());
        let hashes = rows
            .into_iter()
            .zip(columns)
            .map(|(primary_hash, secondary_hash)| SliverPairMetadata {
                primary_hash,
                secondary_hash: *secondary_hash,
            })
            .collect();
        VerifiedMetadata::compute(self.n_shards, blob_len as u64, hashes)
            .expect("there is a hash for each shard, and the length was checked")
    }

    fn pair(
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

/// For each tile, the part of each row that it writes; tiles beyond the source columns have none.
fn split_rows(rows: &mut [Vec<u8>], shape: Shape) -> Vec<Vec<&mut [u8]>> {
    let rows = rows.iter_mut().map(Vec::as_mut_slice);
    let mut slices = transpose(rows, tile_columns(shape) * shape.symbol);
    slices.resize_with(tiles(shape).len(), Vec::new);
    slices
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

/// For each index below `n`, where it is in `chosen`.
fn positions(chosen: &[usize], n: usize) -> Vec<Vec<usize>> {
    let mut positions = vec![Vec::new(); n];
    for (position, &index) in chosen.iter().enumerate() {
        positions[index].push(position);
    }
    positions
}
