//! Lines: rows or columns of the matrix, encoded a few at a time, and the hashes of their symbols.
//!
//! Lines with short symbols are *staged*: the source symbols of several lines lie side by side, are
//! packed into blocks, and the recovery symbols are unpacked behind them. A line with long symbols
//! is encoded *in place*, some blocks of every symbol at a time: the work space of the code has the
//! very bytes of the source symbols, then those of the recovery symbols. Either way, whoever hashes
//! or keeps the symbols sees them while they are in the cache.

mod decode;

use std::ops::Range;

use walrus_core::hash::{Digest, StripedLeaves, hash_leaves};

use crate::{
    block::{BLOCK_LEN, Block, Packing},
    code::Code,
    transform::Transforms,
};

pub(crate) use decode::DecodingSymbols;

/// Lines whose symbols are longer than this are encoded in place, one at a time.
const STAGED_SYMBOL_BYTES_MAX: usize = 384;

/// The staged symbols of several lines at one position take at most this many bytes.
const STAGED_BATCH_BYTES_MAX: usize = 640;

/// How many blocks of each symbol are encoded at a time in place. With more, the work space of a
/// thousand shards would not fit into the second-level cache; with fewer, symbols and their hash
/// states would be loaded more often.
const IN_PLACE_BLOCKS: usize = 20;

/// Most lines that are encoded together.
pub(crate) const LINES_MAX: usize = 16;

/// A code, and the transforms that compute it.
#[derive(Clone, Copy)]
pub(crate) struct Kernel<'a> {
    pub(crate) transforms: &'a Transforms,
    pub(crate) code: &'a Code,
}

/// Memory of one thread, kept from use to use.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    /// The work space of a code.
    blocks: Vec<Block>,
    /// Staged symbols: by position, then by line.
    staged: Vec<u8>,
    /// The hashes of symbols that are encoded in place.
    states: Option<BatchStates>,
    /// The hashes of the symbols of the lines that were hashed last: by position, then by line.
    pub(crate) digests: Vec<Digest>,
    /// The hashes of a tile, and room for the nodes above them.
    pub(crate) tile: [Vec<Digest>; 2],
}

/// The first `length` items, whatever they are.
fn at_least<T: Clone>(items: &mut Vec<T>, length: usize, item: T) -> &mut [T] {
    if items.len() < length {
        items.resize(length, item);
    }
    &mut items[..length]
}

/// How many lines with symbols of this length are encoded together: a power of two.
pub(crate) fn lines_per_batch(symbol: usize) -> usize {
    if is_staged(1, symbol) {
        let fitting = (STAGED_BATCH_BYTES_MAX / symbol.max(1)).clamp(1, LINES_MAX);
        1 << fitting.ilog2()
    } else {
        1
    }
}

fn is_staged(lines: usize, symbol: usize) -> bool {
    lines > 1 || symbol <= STAGED_SYMBOL_BYTES_MAX
}

/// Where the source symbols of lines come from, and who sees all their symbols.
pub(crate) trait LineSymbols {
    /// Puts these bytes of the source symbols at one position side by side, line after line.
    fn read(&self, position: usize, lines: &Range<usize>, bytes: &Range<usize>, target: &mut [u8]);

    /// Sees the source symbols, then the recovery symbols. Symbols that are encoded in place come
    /// some bytes at a time, source and recovery symbols in turns.
    fn visit(&mut self, _: &Visited<'_>) {}
}

/// Some bytes of all source symbols or of all recovery symbols of some lines.
#[derive(Debug, Clone)]
pub(crate) struct Visited<'a> {
    /// The lines, with the numbers that the caller gave them.
    pub(crate) lines: Range<usize>,
    /// The positions: those of the source symbols, or those of the recovery symbols.
    pub(crate) positions: Range<usize>,
    /// Which bytes of the symbols.
    pub(crate) bytes: Range<usize>,
    /// Distance in `data` from position to position.
    stride: usize,
    data: &'a [u8],
}

impl<'a> Visited<'a> {
    /// The bytes at a position, line after line.
    pub(crate) fn at(&self, position: usize) -> &'a [u8] {
        let start = (position - self.positions.start) * self.stride;
        &self.data[start..start + self.lines.len() * self.bytes.len()]
    }

    /// The bytes at a position, for each line.
    pub(crate) fn by_line(
        &self,
        position: usize,
    ) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        self.at(position).chunks_exact(self.bytes.len())
    }
}

/// A part of every symbol of a blob: some bytes, the same ones of each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stripe {
    /// How many bytes of each symbol.
    pub(crate) length: usize,
    /// Whether the symbols end with it.
    pub(crate) last: bool,
}

impl Stripe {
    /// The symbols as a whole.
    pub(crate) fn whole(symbol: usize) -> Self {
        Self {
            length: symbol,
            last: true,
        }
    }
}

impl Kernel<'_> {
    /// Encodes lines with symbols of `symbol` bytes: no more of them than [`lines_per_batch`].
    pub(crate) fn encode(
        self,
        space: &mut Workspace,
        lines: &Range<usize>,
        symbol: usize,
        symbols: &mut impl LineSymbols,
    ) {
        if is_staged(lines.len(), symbol) {
            return self.encode_staged(space, lines, symbol, symbols);
        }
        let step = IN_PLACE_BLOCKS * BLOCK_LEN;
        for start in (0..symbol).step_by(step) {
            let bytes = start..(start + step).min(symbol);
            self.encode_in_place(space, lines, &bytes, symbols);
        }
    }

    fn encode_staged(
        self,
        space: &mut Workspace,
        lines: &Range<usize>,
        symbol: usize,
        symbols: &mut impl LineSymbols,
    ) {
        let code = self.code;
        let stride = lines.len() * symbol;
        // The bytes at the end let the hash function load whole words.
        let staged = at_least(&mut space.staged, code.total() * stride + 2 * BLOCK_LEN, 0);
        let (source, recovery) = staged.split_at_mut(code.source() * stride);
        for (position, target) in source.chunks_exact_mut(stride).enumerate() {
            symbols.read(position, lines, &(0..symbol), target);
        }
        let recovery = &mut recovery[..(code.total() - code.source()) * stride];
        // The recovery symbols of zeros are zero.
        if source.iter().all(|byte| *byte == 0) {
            recovery.fill(0);
        } else {
            let packing = Packing::new(symbol);
            self.recovery_of_staged(&mut space.blocks, packing, stride, source, recovery);
        }
        let border = code.source() * stride;
        for (positions, data) in [
            (0..code.source(), &space.staged[..]),
            (code.source()..code.total(), &space.staged[border..]),
        ] {
            symbols.visit(&Visited {
                lines: lines.clone(),
                positions,
                bytes: 0..symbol,
                stride,
                data,
            });
        }
    }

    /// Computes recovery symbols from source symbols, which take `stride` bytes at each position.
    fn recovery_of_staged(
        self,
        blocks: &mut Vec<Block>,
        packing: Packing,
        stride: usize,
        source: &[u8],
        recovery: &mut [u8],
    ) {
        let contents = packing.contents(stride / packing.symbol_len());
        let width = contents.len();
        let length = self.code.encode_positions() * width;
        let blocks = at_least(blocks, length, [0; BLOCK_LEN]);
        let source = source.chunks_exact(stride);
        for (symbols, blocks) in source.zip(blocks.chunks_exact_mut(width)) {
            for (content, block) in contents.iter().zip(blocks) {
                packing.pack(*content, block, symbols);
            }
        }
        self.code.encode(self.transforms, width, blocks);
        let recovery = recovery.chunks_exact_mut(stride);
        for (symbols, blocks) in recovery.zip(blocks.chunks_exact(width)) {
            for (content, block) in contents.iter().zip(blocks) {
                packing.unpack(*content, block, symbols);
            }
        }
    }

    /// Encodes these bytes of the symbols of a single line.
    fn encode_in_place(
        self,
        space: &mut Workspace,
        lines: &Range<usize>,
        bytes: &Range<usize>,
        symbols: &mut impl LineSymbols,
    ) {
        let code = self.code;
        let (source, recovery) = (code.source(), code.total() - code.source());
        let width = bytes.len().div_ceil(BLOCK_LEN);
        // The blocks at the end let the hash function load whole words.
        let length = code.encode_positions() * width + 2;
        let blocks = at_least(&mut space.blocks, length, [0; BLOCK_LEN]);
        let visit = |symbols: &mut _, positions: Range<usize>, blocks: &[Block]| {
            LineSymbols::visit(
                symbols,
                &Visited {
                    lines: lines.clone(),
                    positions,
                    bytes: bytes.clone(),
                    stride: width * BLOCK_LEN,
                    data: blocks.as_flattened(),
                },
            );
        };
        let targets = blocks[..source * width].chunks_exact_mut(width);
        for (position, target) in targets.enumerate() {
            let target = &mut target.as_flattened_mut()[..bytes.len()];
            symbols.read(position, lines, bytes, target);
        }
        visit(symbols, 0..source, blocks);
        // Half of the end, if there is one, is low bytes, and the other half high bytes.
        let (half, high) = (bytes.len() % BLOCK_LEN / 2, BLOCK_LEN / 2);
        if half > 0 {
            for symbol in blocks[..source * width].chunks_exact_mut(width) {
                let block = &mut symbol[width - 1];
                block.copy_within(half..2 * half, high);
                block[half..high].fill(0);
                block[high + half..].fill(0);
            }
        }
        code.encode(self.transforms, width, blocks);
        if half > 0 {
            for symbol in blocks[..recovery * width].chunks_exact_mut(width) {
                symbol[width - 1].copy_within(high..high + half, half);
            }
        }
        visit(symbols, source..code.total(), blocks);
    }

    /// [`Kernel::encode`] a stripe, and hash the symbols. If the stripe is the last one,
    /// `space.digests` has the hashes afterwards.
    ///
    /// `states` keeps what stripes leave for the next one; it is not needed for whole symbols.
    pub(crate) fn hash(
        self,
        space: &mut Workspace,
        lines: &Range<usize>,
        stripe: Stripe,
        states: Option<&mut BatchStates>,
        symbols: &mut impl LineSymbols,
    ) {
        let (code, count) = (self.code, lines.len());
        let mut digests = std::mem::take(&mut space.digests);
        // Every one of them is overwritten.
        digests.resize(code.total() * count, [0; 32]);
        let mut own = None;
        let states = match states {
            Some(states) => Some(states),
            None if is_staged(count, stripe.length) => None,
            None => {
                let kept = space.states.take().filter(|kept| kept.fits(code, count));
                let mut states = kept.unwrap_or_else(|| BatchStates::new(code, count));
                states.restart();
                Some(own.insert(states))
            }
        };
        let mut hashing = Hashing {
            symbols,
            stripe,
            states,
            digests: &mut digests,
        };
        self.encode(space, lines, stripe.length, &mut hashing);
        space.digests = digests;
        if own.is_some() {
            space.states = own;
        }
    }
}

/// Hashes the symbols that somebody else sees.
struct Hashing<'a, S> {
    symbols: &'a mut S,
    stripe: Stripe,
    /// None if the symbols come as a whole.
    states: Option<&'a mut BatchStates>,
    digests: &'a mut [Digest],
}

impl<S: LineSymbols> LineSymbols for Hashing<'_, S> {
    fn read(&self, position: usize, lines: &Range<usize>, bytes: &Range<usize>, target: &mut [u8]) {
        self.symbols.read(position, lines, bytes, target);
    }

    fn visit(&mut self, visited: &Visited<'_>) {
        self.symbols.visit(visited);
        if let Some(states) = &mut self.states {
            let last = self.stripe.last && visited.bytes.end == self.stripe.length;
            states.absorb(visited, last, self.digests);
        } else {
            let Range { start, end } = visited.positions;
            let count = visited.lines.len();
            let digests = &mut self.digests[start * count..end * count];
            hash_leaves(visited.data, visited.bytes.len(), digests);
        }
    }
}

/// The states of the hash function for the symbols of some lines, between stripes.
#[derive(Debug)]
pub(crate) struct BatchStates {
    source: StripedLeaves,
    recovery: StripedLeaves,
}

impl BatchStates {
    pub(crate) fn new(code: &Code, lines: usize) -> Self {
        Self {
            source: StripedLeaves::new(code.source() * lines),
            recovery: StripedLeaves::new((code.total() - code.source()) * lines),
        }
    }

    /// Whether these states are for as many symbols as such lines have.
    fn fits(&self, code: &Code, lines: usize) -> bool {
        self.source.count() == code.source() * lines
            && self.recovery.count() == (code.total() - code.source()) * lines
    }

    /// Takes in some bytes. If the symbols end with them, their hashes go into `digests`: by
    /// position, then by line.
    fn absorb(&mut self, visited: &Visited<'_>, last: bool, digests: &mut [Digest]) {
        let source = self.source.count();
        let (leaves, digests) = if visited.positions.start == 0 {
            (&mut self.source, &mut digests[..source])
        } else {
            (&mut self.recovery, &mut digests[source..])
        };
        let length = visited.bytes.len();
        let stride = match visited.lines.len() {
            1 => visited.stride,
            _ => length,
        };
        leaves.absorb(visited.data, stride, length, last.then_some(digests));
    }

    fn restart(&mut self) {
        self.source.restart();
        self.recovery.restart();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reed_solomon_simd::ReedSolomonEncoder;
    use walrus_core::hash::blake2b256;

    /// Source symbols by position, then by line, and all symbols that were seen, one stripe at a
    /// time.
    struct Symbols<'a> {
        data: &'a [u8],
        symbol: usize,
        /// Where in each symbol the stripe starts.
        start: usize,
        seen: Vec<Vec<u8>>,
    }

    impl LineSymbols for Symbols<'_> {
        fn read(
            &self,
            position: usize,
            lines: &Range<usize>,
            bytes: &Range<usize>,
            target: &mut [u8],
        ) {
            let bytes = self.start + bytes.start..self.start + bytes.end;
            for (line, target) in lines.clone().zip(target.chunks_mut(bytes.len())) {
                let symbol = &self.data[(position * lines.len() + line) * self.symbol..];
                target.copy_from_slice(&symbol[bytes.clone()]);
            }
        }

        fn visit(&mut self, visited: &Visited<'_>) {
            let start = self.start + visited.bytes.start;
            for position in visited.positions.clone() {
                for (line, bytes) in visited.by_line(position).enumerate() {
                    let seen = &mut self.seen[position * visited.lines.len() + line];
                    seen[start..start + bytes.len()].copy_from_slice(bytes);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        /// Staged or in place, whole or in stripes: the same as the library gives for one line
        /// after the other.
        #[test]
        fn lines_are_encoded_and_hashed_like_single_ones(
            source in 1_usize..20,
            recovery in 1_usize..20,
            lines in 1_usize..20,
            symbol in prop_oneof![1_usize..100, 190_usize..700].prop_map(|half| 2 * half),
            stripe in (1_usize..6).prop_map(|blocks| 128 * blocks),
        ) {
            let lines = lines.min(lines_per_batch(symbol.min(stripe)));
            let code = Code::new(source, source + recovery).unwrap();
            let total = code.total();
            let data: Vec<u8> = (0..source * lines * symbol)
                .map(|i| u8::try_from(i * 31 % 251).unwrap())
                .collect();
            // Line `l` has the symbols `data[(i * lines + l) * symbol..]`, as columns have.
            let source_symbol = |line: usize, index: usize| {
                &data[(index * lines + line) * symbol..][..symbol]
            };
            let mut expected = vec![vec![0; symbol]; total * lines];
            for line in 0..lines {
                let mut library = ReedSolomonEncoder::new(source, recovery, symbol).unwrap();
                for index in 0..source {
                    library.add_original_shard(source_symbol(line, index)).unwrap();
                    expected[index * lines + line] = source_symbol(line, index).to_vec();
                }
                let encoded = library.encode().unwrap();
                for (index, symbol) in encoded.recovery_iter().enumerate() {
                    expected[(source + index) * lines + line] = symbol.to_vec();
                }
            }

            let kernel = Kernel { transforms: &Transforms::new(code.twist_factors()), code: &code };
            let space = &mut Workspace::default();
            let mut symbols = Symbols {
                data: &data,
                symbol,
                start: 0,
                seen: vec![vec![0; symbol]; total * lines],
            };
            let mut states = (symbol > stripe).then(|| BatchStates::new(&code, lines));
            for start in (0..symbol).step_by(stripe) {
                let length = stripe.min(symbol - start);
                let last = start + length == symbol;
                symbols.start = start;
                let stripe = Stripe { length, last };
                kernel.hash(space, &(0..lines), stripe, states.as_mut(), &mut symbols);
            }
            prop_assert_eq!(&symbols.seen, &expected);
            let digests: Vec<Digest> =
                expected.iter().map(|symbol| blake2b256(&[&[0], symbol])).collect();
            prop_assert_eq!(&space.digests, &digests);
        }
    }
}
