//! Chosen sliver pairs: with memory for these only, pass by pass over the blob if need be.

use std::io::{Read, Seek};

use rayon::prelude::*;
use walrus_core::{SliverPair, SliverPairIndex};

use crate::{
    EncodeError, Encoder, ReadError,
    encode::transpose,
    matrix::{Message, Shape},
    metadata::{READER_STRIPE_BYTES, StripeReader},
    packing::{Packing, Workspace, encode_words},
};

impl Encoder {
    /// Encodes only the given sliver pairs, in the given order, with memory for little more than
    /// these.
    pub fn encode_pairs(
        &self,
        blob: &[u8],
        pairs: &[SliverPairIndex],
    ) -> Result<Vec<SliverPair>, EncodeError> {
        pairs.iter().try_for_each(|pair| self.check_pair(*pair))?;
        let (message, symbol_size) = self.message(blob)?;
        let mut chosen = Chosen::new(message.shape, pairs);
        chosen.absorb(self, message, 0);
        Ok(chosen.finish(self, symbol_size))
    }

    /// [`Encoder::encode_pairs`] of the `length` bytes that `source` has from its start. The source
    /// is read in as many passes as are needed to keep the memory for it below 200 MB.
    pub fn encode_pairs_from_reader(
        &self,
        source: &mut (impl Read + Seek),
        length: u64,
        pairs: &[SliverPairIndex],
    ) -> Result<Vec<SliverPair>, ReadError> {
        let reader = StripeReader::new(self, source, length, READER_STRIPE_BYTES)?;
        self.pairs_from_stripes(reader, pairs)
    }

    pub(crate) fn pairs_from_stripes<R: Read + Seek>(
        &self,
        mut reader: StripeReader<'_, R>,
        pairs: &[SliverPairIndex],
    ) -> Result<Vec<SliverPair>, ReadError> {
        pairs.iter().try_for_each(|pair| self.check_pair(*pair))?;
        let shape = reader.shape;
        let mut chosen = Chosen::new(shape, pairs);
        for stripe in reader.stripes.clone() {
            let bytes = reader.read(&stripe, &mut |_| {})?;
            let message = Message::new(
                Shape {
                    symbol: stripe.len(),
                    ..shape
                },
                bytes,
            );
            chosen.absorb(self, message, stripe.start);
        }
        Ok(chosen.finish(self, reader.symbol_size))
    }
}

/// The slivers of chosen pairs, filled stripe by stripe.
struct Chosen {
    shape: Shape,
    pairs: Vec<usize>,
    primary: Vec<Vec<u8>>,
    secondary: Vec<Vec<u8>>,
}

impl Chosen {
    fn new(shape: Shape, pairs: &[SliverPairIndex]) -> Self {
        Self {
            shape,
            pairs: pairs.iter().map(|pair| pair.as_usize()).collect(),
            primary: pairs.iter().map(|_| vec![0; shape.row_len()]).collect(),
            secondary: pairs.iter().map(|_| vec![0; shape.column_len()]).collect(),
        }
    }

    /// Takes in the stretch of every symbol that starts at `at`.
    fn absorb(&mut self, encoder: &Encoder, message: Message<'_>, at: usize) {
        self.fill_rows(encoder, message, at);
        self.fill_columns(encoder, message, at);
    }

    fn fill_rows(&mut self, encoder: &Encoder, message: Message<'_>, at: usize) {
        let shape = self.shape;
        let wanted = positions(self.pairs.iter().copied(), shape.n);
        let must_encode = self.pairs.iter().any(|row| *row >= shape.rows);
        let packing = Packing::new(message.shape.symbol);
        let batch = packing.words_per_batch();
        let targets = self.primary.iter_mut().map(Vec::as_mut_slice);
        transpose(targets, batch * shape.symbol)
            .par_iter_mut()
            .enumerate()
            .for_each_init(Workspace::default, |space, (group, slices)| {
                let columns = group * batch..((group + 1) * batch).min(shape.columns);
                let mut sink = |word: usize, row: usize, offset: usize, bytes: &[u8]| {
                    for &position in &wanted[row] {
                        let start = word * shape.symbol + at + offset;
                        slices[position][start..start + bytes.len()].copy_from_slice(bytes);
                    }
                };
                for (word, column) in columns.clone().enumerate() {
                    for row in 0..shape.rows {
                        sink(word, row, 0, message.cell(row, column));
                    }
                }
                if must_encode {
                    encode_words(
                        (&encoder.engine, &encoder.primary_code, packing),
                        space,
                        columns.len(),
                        |word, row| message.cell(row, columns.start + word),
                        sink,
                    );
                }
            });
    }

    fn fill_columns(&mut self, encoder: &Encoder, message: Message<'_>, at: usize) {
        let shape = self.shape;
        let last = shape.n - 1;
        let wanted = positions(self.pairs.iter().map(|pair| last - pair), shape.n);
        let must_encode = self.pairs.iter().any(|pair| last - pair >= shape.columns);
        let packing = Packing::new(message.shape.symbol);
        let batch = packing.words_per_batch();
        let targets = self.secondary.iter_mut().map(Vec::as_mut_slice);
        transpose(targets, batch * shape.symbol)
            .par_iter_mut()
            .enumerate()
            .for_each_init(Workspace::default, |space, (group, slices)| {
                let rows = group * batch..((group + 1) * batch).min(shape.rows);
                let mut sink = |word: usize, column: usize, offset: usize, bytes: &[u8]| {
                    for &position in &wanted[column] {
                        let start = word * shape.symbol + at + offset;
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
                        (&encoder.engine, &encoder.secondary_code, packing),
                        space,
                        rows.len(),
                        |word, column| message.cell(rows.start + word, column),
                        sink,
                    );
                }
            });
    }

    fn finish(self, encoder: &Encoder, symbol_size: std::num::NonZeroU16) -> Vec<SliverPair> {
        let slivers = self.primary.into_iter().zip(self.secondary);
        self.pairs
            .iter()
            .zip(slivers)
            .map(|(pair, (primary, secondary))| {
                encoder.pair(*pair, symbol_size, primary, secondary)
            })
            .collect()
    }
}

/// For each index below `n`, its positions among the chosen ones.
fn positions(chosen: impl Iterator<Item = usize>, n: usize) -> Vec<Vec<usize>> {
    let mut positions = vec![Vec::new(); n];
    for (position, index) in chosen.enumerate() {
        positions[index].push(position);
    }
    positions
}
