//! Chosen sliver pairs: with memory for these only, pass by pass over the blob if need be.

use std::{
    io::{Read, Seek},
    ops::Range,
};

use rayon::prelude::*;
use walrus_core::{SliverPair, SliverPairIndex, SliverType};

use crate::{
    EncodeError, Encoder, ReadError,
    encode::transpose,
    matrix::{Message, Shape},
    memory::reserve,
    metadata::{READER_STRIPE_BYTES, StripeReader},
    words::{Part, Workspace, encode_words, words_per_batch},
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
        let slivers = |length: usize| {
            let mut slivers = reserve(pairs.iter().map(|_| length));
            slivers
                .par_iter_mut()
                .for_each(|sliver| sliver.resize(length, 0));
            slivers
        };
        Self {
            shape,
            pairs: pairs.iter().map(|pair| pair.as_usize()).collect(),
            primary: slivers(shape.row_len()),
            secondary: slivers(shape.column_len()),
        }
    }

    /// Takes in the stretch of every symbol that starts at `at`.
    fn absorb(&mut self, encoder: &Encoder, message: Message<'_>, at: usize) {
        self.fill_rows(encoder, message, at);
        self.fill_columns(encoder, message, at);
    }

    fn fill_rows(&mut self, encoder: &Encoder, message: Message<'_>, at: usize) {
        let shape = self.shape;
        let wanted = Wanted::new(self.pairs.iter().copied(), shape.n, shape.rows);
        let batch = words_per_batch(message.shape.symbol);
        let targets = self.primary.iter_mut().map(Vec::as_mut_slice);
        transpose(targets, batch * shape.symbol)
            .par_iter_mut()
            .enumerate()
            .for_each_init(Workspace::default, |space, (group, slices)| {
                let columns = group * batch..((group + 1) * batch).min(shape.columns);
                let fill = |row: usize, stretch: &Range<usize>, cells: &mut [u8]| {
                    message.copy_cells(row, columns.clone(), stretch, cells);
                };
                wanted.fill(
                    (encoder, SliverType::Secondary),
                    space,
                    columns.len(),
                    message.shape.symbol,
                    fill,
                    |position, word, offset, cell| {
                        let start = word * shape.symbol + at + offset;
                        slices[position][start..start + cell.len()].copy_from_slice(cell);
                    },
                );
            });
    }

    fn fill_columns(&mut self, encoder: &Encoder, message: Message<'_>, at: usize) {
        let shape = self.shape;
        let last = shape.n - 1;
        let columns = self.pairs.iter().map(|pair| last - pair);
        let wanted = Wanted::new(columns, shape.n, shape.columns);
        let batch = words_per_batch(message.shape.symbol);
        let targets = self.secondary.iter_mut().map(Vec::as_mut_slice);
        transpose(targets, batch * shape.symbol)
            .par_iter_mut()
            .enumerate()
            .for_each_init(Workspace::default, |space, (group, slices)| {
                let rows = group * batch..((group + 1) * batch).min(shape.rows);
                let fill = |column: usize, stretch: &Range<usize>, cells: &mut [u8]| {
                    for (row, cell) in rows.clone().zip(cells.chunks_exact_mut(stretch.len())) {
                        message.copy_cells(row, column..column + 1, stretch, cell);
                    }
                };
                wanted.fill(
                    (encoder, SliverType::Primary),
                    space,
                    rows.len(),
                    message.shape.symbol,
                    fill,
                    |position, word, offset, cell| {
                        let start = word * shape.symbol + at + offset;
                        slices[position][start..start + cell.len()].copy_from_slice(cell);
                    },
                );
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

/// Which positions of words are wanted.
struct Wanted {
    /// For each position in a word, where it stands among the chosen ones.
    places: Vec<Vec<usize>>,
    /// Whether there are recovery symbols among them.
    must_encode: bool,
    source: usize,
}

impl Wanted {
    fn new(chosen: impl Iterator<Item = usize>, n: usize, source: usize) -> Self {
        let mut places = vec![Vec::new(); n];
        for (place, position) in chosen.enumerate() {
            places[position].push(place);
        }
        let must_encode = places[source..].iter().any(|places| !places.is_empty());
        Self {
            places,
            must_encode,
            source,
        }
    }

    /// Calls `sink` with place, word, offset and bytes of all wanted symbols of some words, whose
    /// source symbols `fill` gives; they lie along slivers of the axis.
    fn fill(
        &self,
        (encoder, axis): (&Encoder, SliverType),
        space: &mut Workspace,
        words: usize,
        length: usize,
        fill: impl Fn(usize, &Range<usize>, &mut [u8]),
        mut sink: impl FnMut(usize, usize, usize, &[u8]),
    ) {
        if self.must_encode {
            let visit = |part: Part<'_>| {
                for position in part.positions.clone() {
                    for &place in &self.places[position] {
                        for (word, cell) in part.words_at(position).enumerate() {
                            sink(place, word, part.stretch.start, cell);
                        }
                    }
                }
            };
            encode_words(encoder.kernel(axis), space, words, length, fill, visit);
            return;
        }
        let mut cells = vec![0; words * length];
        for (position, places) in self.places[..self.source].iter().enumerate() {
            if places.is_empty() {
                continue;
            }
            fill(position, &(0..length), &mut cells);
            for &place in places {
                for (word, cell) in cells.chunks_exact(length).enumerate() {
                    sink(place, word, 0, cell);
                }
            }
        }
    }
}
