//! Chosen sliver pairs, with memory for these only. A blob that is larger than memory is read in
//! several passes.

use std::{
    io::{Read, Seek},
    num::NonZeroU16,
    ops::Range,
};

use rayon::prelude::*;
use walrus_core::{SliverPair, SliverPairIndex, SliverType};

use crate::{
    EncodeError, Encoder, ReadError,
    line::{LineSymbols, Visited, Workspace, lines_per_batch},
    matrix::{Message, Shape, transpose},
    memory::reserve,
    metadata::{READER_STRIPE_BYTES, StripeReader},
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

    /// Takes in the stripe that starts at byte `at` of every symbol.
    fn absorb(&mut self, encoder: &Encoder, message: Message<'_>, at: usize) {
        self.fill(encoder, message, at, SliverType::Primary);
        self.fill(encoder, message, at, SliverType::Secondary);
    }

    /// Fills the slivers of one axis.
    fn fill(&mut self, encoder: &Encoder, message: Message<'_>, at: usize, axis: SliverType) {
        let shape = self.shape;
        let pairs = self.pairs.iter();
        // The symbols of a row all lie on different columns, at the same position: so the lines
        // that are encoded to fill rows are columns, and the other way round.
        let (wanted, targets, lines) = match axis {
            SliverType::Primary => {
                let wanted = Wanted::new(pairs.copied(), shape.n, shape.rows);
                (wanted, &mut self.primary, shape.columns)
            }
            SliverType::Secondary => {
                let columns = pairs.map(|pair| shape.n - 1 - pair);
                let wanted = Wanted::new(columns, shape.n, shape.columns);
                (wanted, &mut self.secondary, shape.rows)
            }
        };
        let kernel = encoder.kernel(axis.orthogonal());
        let batch = lines_per_batch(message.shape.symbol);
        let targets = targets.iter_mut().map(Vec::as_mut_slice);
        transpose(targets, batch * shape.symbol)
            .par_iter_mut()
            .enumerate()
            .for_each_init(Workspace::default, |space, (group, targets)| {
                let lines = group * batch..((group + 1) * batch).min(lines);
                let mut symbols = WantedSymbols {
                    wanted: &wanted,
                    message,
                    axis,
                    targets,
                    symbol: shape.symbol,
                    at,
                };
                if wanted.must_encode {
                    kernel.encode(space, &lines, message.shape.symbol, &mut symbols);
                } else {
                    symbols.copy_source(&lines);
                }
            });
    }

    fn finish(self, encoder: &Encoder, symbol_size: NonZeroU16) -> Vec<SliverPair> {
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

/// Which positions of lines are wanted.
struct Wanted {
    /// For each position, which of the chosen slivers want it.
    slivers: Vec<Vec<usize>>,
    /// Whether recovery symbols are wanted.
    must_encode: bool,
    source: usize,
}

impl Wanted {
    fn new(chosen: impl Iterator<Item = usize>, n: usize, source: usize) -> Self {
        let mut slivers = vec![Vec::new(); n];
        for (sliver, position) in chosen.enumerate() {
            slivers[position].push(sliver);
        }
        let must_encode = slivers[source..].iter().any(|slivers| !slivers.is_empty());
        Self {
            slivers,
            must_encode,
            source,
        }
    }
}

/// Lines whose wanted symbols go into the chosen slivers of one axis.
struct WantedSymbols<'a, 'b> {
    wanted: &'b Wanted,
    message: Message<'b>,
    /// That of the slivers.
    axis: SliverType,
    /// The part of each chosen sliver that has the symbols of these lines.
    targets: &'b mut Vec<&'a mut [u8]>,
    /// Bytes of a whole symbol.
    symbol: usize,
    /// Where in a symbol the stripe starts.
    at: usize,
}

impl WantedSymbols<'_, '_> {
    /// Copies wanted source symbols, without encoding.
    fn copy_source(&mut self, lines: &Range<usize>) {
        let length = self.message.shape.symbol;
        let mut symbols = vec![0; lines.len() * length];
        for position in 0..self.wanted.source {
            if !self.wanted.slivers[position].is_empty() {
                self.read(position, lines, &(0..length), &mut symbols);
                self.keep(position, 0, &symbols.chunks_exact(length));
            }
        }
    }

    /// Puts what the symbols at a position have from `offset` on where it is wanted.
    fn keep<'s>(
        &mut self,
        position: usize,
        offset: usize,
        symbols: &(impl Iterator<Item = &'s [u8]> + Clone),
    ) {
        for &sliver in &self.wanted.slivers[position] {
            for (line, bytes) in symbols.clone().enumerate() {
                let start = line * self.symbol + self.at + offset;
                self.targets[sliver][start..start + bytes.len()].copy_from_slice(bytes);
            }
        }
    }
}

impl LineSymbols for WantedSymbols<'_, '_> {
    fn read(&self, position: usize, lines: &Range<usize>, bytes: &Range<usize>, target: &mut [u8]) {
        let lines = lines.clone();
        match self.axis {
            SliverType::Primary => self.message.copy_row(position, lines, bytes, target),
            SliverType::Secondary => self.message.copy_column(position, lines, bytes, target),
        }
    }

    fn visit(&mut self, visited: &Visited<'_>) {
        for position in visited.positions.clone() {
            self.keep(position, visited.bytes.start, &visited.by_line(position));
        }
    }
}
