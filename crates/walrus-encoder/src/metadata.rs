//! Metadata without slivers, from a blob in memory or from a file that is larger than memory.
//!
//! Large blobs are encoded stripe by stripe: some hundred bytes of every symbol at a time. The
//! codes treat every two bytes alone, so stripes do not depend on each other. Between stripes only
//! the states of the hash function are kept.

use std::{
    io::{Read, Seek, SeekFrom},
    num::NonZeroU16,
    ops::Range,
};

use rayon::prelude::*;
use walrus_core::{SliverType, VerifiedMetadata, params};

use crate::{
    EncodeError, Encoder, ReadError,
    line::{Stripe, Workspace},
    matrix::{Message, Shape, stripes},
    memory::reserve,
    tile::{Columns, Tile, TileHashes, TileStates, tile_width, tiles},
};

/// A blob in memory is hashed in one go if the recovery symbols of all its rows take at most this
/// many bytes.
const MEMORY_WHOLE_BYTES: usize = 144 << 20;

/// Otherwise this many bytes of them are kept at a time.
const MEMORY_STRIPE_BYTES: usize = 48 << 20;

/// Most bytes of a stripe of a blob that is read from a file, including recovery symbols.
pub(crate) const READER_STRIPE_BYTES: usize = 160 << 20;

impl Encoder {
    /// Computes the metadata, and with it the blob ID, without keeping slivers.
    ///
    /// For a thousand shards this takes less than 200 MB of memory besides the blob, and about 100
    /// MB if the blob has more than 256 MiB, however large it is.
    pub fn metadata(&self, blob: &[u8]) -> Result<VerifiedMetadata, EncodeError> {
        let (message, _) = self.message(blob)?;
        let shape = message.shape;
        let budget = match shape.rows * (shape.n - shape.columns) * shape.symbol {
            ..=MEMORY_WHOLE_BYTES => MEMORY_WHOLE_BYTES,
            _ => MEMORY_STRIPE_BYTES,
        };
        Ok(self.metadata_within(message, blob.len() as u64, budget))
    }

    /// [`Encoder::metadata`] with at most `budget` bytes for the recovery symbols of rows.
    ///
    /// The source columns need none of these, and are hashed in one go. The other columns are
    /// hashed stripe by stripe.
    fn metadata_within(
        &self,
        message: Message<'_>,
        length: u64,
        budget: usize,
    ) -> VerifiedMetadata {
        let shape = message.shape;
        let stripes = stripes(shape.symbol, shape.rows * (shape.n - shape.columns), budget);
        let whole = 0..shape.symbol;
        let width = tile_width(shape.n, shape.symbol);
        let border = match stripes.len() {
            1 => 0,
            _ => shape.columns / width * width,
        };
        let mut hashes = Vec::new();
        for (columns, stripes) in [(0..border, vec![whole]), (border..shape.n, stripes)] {
            let mut hasher = ColumnHasher::new(self, shape, columns, stripes);
            while let Some(stripe) = hasher.next_stripe() {
                hasher.absorb(message.stripe(&stripe));
            }
            hashes.extend(hasher.hashes);
        }
        self.assemble_metadata(length, &hashes)
    }

    /// [`Encoder::metadata`] of the first `length` bytes of `source`.
    ///
    /// For a thousand shards this takes less than 300 MB of memory: the source is read in as many
    /// passes as that needs. `progress` is told how many bytes have been read.
    pub fn metadata_from_reader(
        &self,
        source: &mut (impl Read + Seek),
        length: u64,
        mut progress: impl FnMut(u64),
    ) -> Result<VerifiedMetadata, ReadError> {
        let reader = StripeReader::new(self, source, length, READER_STRIPE_BYTES)?;
        self.metadata_from_stripes(reader, &mut progress)
    }

    fn metadata_from_stripes<R: Read + Seek>(
        &self,
        mut reader: StripeReader<'_, R>,
        progress: &mut impl FnMut(u64),
    ) -> Result<VerifiedMetadata, ReadError> {
        let shape = reader.shape;
        let mut hasher = ColumnHasher::new(self, shape, 0..shape.n, reader.stripes.clone());
        while let Some(stripe) = hasher.next_stripe() {
            let bytes = reader.read(&stripe, progress)?;
            hasher.absorb(Message::new(
                Shape {
                    symbol: stripe.len(),
                    ..shape
                },
                bytes,
            ));
        }
        Ok(self.assemble_metadata(reader.length, &hasher.hashes))
    }
}

/// Reads a blob stripe by stripe.
pub(crate) struct StripeReader<'a, R> {
    source: &'a mut R,
    pub(crate) shape: Shape,
    pub(crate) symbol_size: NonZeroU16,
    /// The stripes in which the blob is read.
    pub(crate) stripes: Vec<Range<usize>>,
    length: u64,
    buffer: Vec<u8>,
    read: u64,
}

impl<'a, R: Read + Seek> StripeReader<'a, R> {
    /// Stripes take at most `budget` bytes of memory, with the recovery symbols of their rows.
    pub(crate) fn new(
        encoder: &Encoder,
        source: &'a mut R,
        length: u64,
        budget: usize,
    ) -> Result<Self, EncodeError> {
        let symbol_size = params::symbol_size(encoder.n_shards, length)?;
        let shape = Shape::new(encoder.n_shards, symbol_size);
        let stripes = stripes(shape.symbol, shape.rows * shape.n, budget);
        let longest = stripes.first().map_or(0, Range::len);
        let buffer = reserve([shape.rows * shape.columns * longest]).pop();
        Ok(Self {
            source,
            shape,
            symbol_size,
            stripes,
            length,
            buffer: buffer.unwrap_or_default(),
            read: 0,
        })
    }

    /// The bytes of a stripe, symbol after symbol; symbols that begin beyond the end of the blob
    /// are left out.
    pub(crate) fn read(
        &mut self,
        stripe: &Range<usize>,
        progress: &mut impl FnMut(u64),
    ) -> Result<&[u8], ReadError> {
        self.buffer.clear();
        let whole = stripe.len() == self.shape.symbol;
        // Whole symbols follow each other, and are read row by row; parts of them are read one by
        // one.
        let (run, runs) = if whole {
            (self.shape.row_len(), self.shape.rows)
        } else {
            (stripe.len(), self.shape.rows * self.shape.columns)
        };
        let distance = if whole { run } else { self.shape.symbol };
        for i in 0..runs {
            let start = (i * distance + stripe.start) as u64;
            if start >= self.length {
                break;
            }
            let wanted = (run as u64).min(self.length - start);
            if !whole || i == 0 {
                self.source.seek(SeekFrom::Start(start))?;
            }
            let filled = self.buffer.len();
            self.buffer.resize(filled + run, 0);
            let wanted_len = usize::try_from(wanted).expect("not more than a run");
            self.source
                .read_exact(&mut self.buffer[filled..filled + wanted_len])?;
            self.read += wanted;
            if i.is_multiple_of(self.shape.columns) {
                progress(self.read);
            }
        }
        progress(self.read);
        Ok(&self.buffer)
    }
}

/// Hashes columns stripe by stripe.
struct ColumnHasher<'a> {
    encoder: &'a Encoder,
    shape: Shape,
    tile_width: usize,
    tiles: Vec<Range<usize>>,
    stripes: std::vec::IntoIter<Range<usize>>,
    /// For each tile, what stripes leave for the next one; empty if there is only one stripe.
    states: Vec<TileStates>,
    /// The recovery symbols of rows, in the present stripe.
    row_recovery: Vec<u8>,
    /// For each tile, its hashes; empty before the last stripe.
    hashes: Vec<TileHashes>,
}

impl<'a> ColumnHasher<'a> {
    /// The columns must start at a multiple of the width of tiles, and end at one or at the end.
    fn new(
        encoder: &'a Encoder,
        shape: Shape,
        columns: Range<usize>,
        stripes: Vec<Range<usize>>,
    ) -> Self {
        let tile_width = tile_width(shape.n, shape.symbol);
        let tiles = tiles(columns, tile_width);
        let kernel = encoder.kernel(SliverType::Secondary);
        let states = match &stripes[..] {
            [first, _, ..] => tiles
                .iter()
                .map(|tile| TileStates::new(kernel, tile.len(), first.len()))
                .collect(),
            _ => Vec::new(),
        };
        Self {
            encoder,
            shape,
            tile_width,
            tiles,
            stripes: stripes.into_iter(),
            states,
            row_recovery: Vec::new(),
            hashes: Vec::new(),
        }
    }

    /// The next stripe to absorb.
    fn next_stripe(&mut self) -> Option<Range<usize>> {
        self.stripes.next()
    }

    /// Takes in the stripe that [`ColumnHasher::next_stripe`] gave.
    fn absorb(&mut self, message: Message<'_>) {
        let encoder = self.encoder;
        let end = self.tiles.last().map_or(0, |tile| tile.end);
        if end > self.shape.columns {
            encoder.encode_rows(&message, &mut self.row_recovery);
        }
        let source = Columns {
            message,
            row_recovery: &self.row_recovery,
        };
        let stripe = Stripe {
            length: message.shape.symbol,
            last: self.stripes.as_slice().is_empty(),
        };
        let width = self.tile_width;
        let hash =
            |space: &mut Workspace, lines: &Range<usize>, states: Option<&mut TileStates>| {
                let tile = Tile {
                    kernel: encoder.kernel(SliverType::Secondary),
                    lines: lines.clone(),
                    stripe,
                };
                let leaves = tile.hash(space, states, &mut source.clone());
                leaves.map(|leaves| leaves.hashes(width, space))
            };
        let tiles = self.tiles.par_iter();
        let hashes: Vec<Option<TileHashes>> = if self.states.is_empty() {
            tiles
                .map_init(Workspace::default, |space, tile| hash(space, tile, None))
                .collect()
        } else {
            tiles
                .zip(&mut self.states)
                .map_init(Workspace::default, |space, (tile, states)| {
                    hash(space, tile, Some(states))
                })
                .collect()
        };
        self.hashes = hashes.into_iter().flatten().collect();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::NShards;
    use proptest::prelude::*;
    use walrus_core::SliverPairIndex;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn stripes_change_nothing(
            n in 4_u16..40,
            symbol in 1_usize..700,
            cut in 0_usize..5000,
            budget in 1_usize..400_000,
        ) {
            let encoder = Encoder::new(NShards::new(n).unwrap()).unwrap();
            let (rows, columns) = params::source_symbols(encoder.n_shards());
            let most = usize::from(rows) * usize::from(columns) * symbol;
            let blob: Vec<u8> =
                (0..most.saturating_sub(cut)).map(|i| (i * 7 % 251).to_le_bytes()[0]).collect();
            let length = blob.len() as u64;
            let (pairs, expected) = encoder.encode(&blob).unwrap();
            prop_assert_eq!(&encoder.metadata(&blob).unwrap(), &expected);
            let (message, _) = encoder.message(&blob).unwrap();
            prop_assert_eq!(&encoder.metadata_within(message, length, budget), &expected);

            let mut source = Cursor::new(&blob);
            let reader = StripeReader::new(&encoder, &mut source, length, budget).unwrap();
            let mut read = 0;
            let progress = &mut |bytes| read = bytes;
            let streamed = encoder.metadata_from_stripes(reader, progress).unwrap();
            prop_assert_eq!((&streamed, read), (&expected, length));

            let chosen: Vec<SliverPairIndex> = [n - 1, 0, n / 2, 0].map(SliverPairIndex).to_vec();
            let expected: Vec<_> =
                chosen.iter().map(|pair| pairs[pair.as_usize()].clone()).collect();
            prop_assert_eq!(&encoder.encode_pairs(&blob, &chosen).unwrap(), &expected);
            let reader = StripeReader::new(&encoder, &mut source, length, budget).unwrap();
            prop_assert_eq!(&encoder.pairs_from_stripes(reader, &chosen).unwrap(), &expected);
        }
    }

    #[test]
    fn a_source_that_is_too_short_is_an_error() {
        let encoder = Encoder::new(NShards::new(7).unwrap()).unwrap();
        let result = encoder.metadata_from_reader(&mut Cursor::new([1; 99]), 100, |_| {});
        assert!(matches!(result, Err(ReadError::Io(_))));
        let result = encoder.metadata_from_reader(&mut Cursor::new([1; 99]), u64::MAX, |_| {});
        assert!(matches!(result, Err(ReadError::Encode(_))));
    }
}
