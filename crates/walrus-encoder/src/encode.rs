//! Encoding: from a blob to its slivers and metadata.

use std::num::NonZeroU16;

use rayon::prelude::*;
use walrus_core::{
    SliverIndex, SliverPair, SliverPairMetadata, VerifiedMetadata,
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
        let width = tile_columns(shape);
        let tiles = tiles(shape.n, width);
        let mut row_slices = transpose(
            recovered_rows.iter_mut().map(Vec::as_mut_slice),
            width * shape.symbol,
        );
        // Tiles beyond the source columns write no rows.
        row_slices.resize_with(tiles.len(), Vec::new);
        let outputs: Vec<(Vec<Vec<u8>>, TileHashes)> = tiles
            .into_par_iter()
            .zip(row_slices.par_iter_mut())
            .map_init(Workspace::default, |space, (columns, rows)| {
                let tile = Tile::encode(&self.engine, &self.primary_code, space, source, columns);
                for (row, slice) in (shape.rows..).zip(rows) {
                    for (position, cell) in slice.chunks_exact_mut(shape.symbol).enumerate() {
                        cell.copy_from_slice(tile.recovery_cell(row, position));
                    }
                }
                let secondary = tile.secondary_slivers().map(<[u8]>::to_vec).collect();
                let hashes = tile.hash(width);
                tile.recycle(space);
                (secondary, hashes)
            })
            .collect();
        drop((row_slices, row_recovery));

        let (secondary, hashes): (Vec<_>, Vec<_>) = outputs.into_iter().unzip();
        let metadata = self.assemble_metadata(blob.len() as u64, shape.n, &hashes);
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
    pub(crate) fn encode_rows(&self, message: &Message<'_>) -> Vec<u8> {
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

    pub(crate) fn assemble_metadata(
        &self,
        blob_len: u64,
        n: usize,
        tiles: &[TileHashes],
    ) -> VerifiedMetadata {
        let rows: Vec<Node> = (0..n)
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
