//! Codewords, worked off in batches that stay in the cache, and the hashes of their symbols.
//!
//! A batch of short symbols is *staged*: the symbols of all its words lie side by side, are packed into
//! blocks, and the recovery symbols come to lie behind them. Long symbols are worked off one word and
//! some blocks at a time, *in place*: the work space of the code holds the very bytes, first of the
//! source, then of the recovery symbols. Either way, whoever needs the symbols (to hash or to keep
//! them) sees them while they are in the cache.

use std::ops::Range;

use walrus_core::hash::{Digest, StripedLeaves, hash_leaves};

use crate::{
    code::{Block, Code},
    packing::{BLOCK_LEN, Packing},
    transform::Transforms,
};

/// Longest symbols that are staged one word at a time.
const STAGED_LEN: usize = 384;

/// A batch of several words has at most so many bytes at each position.
const BATCH_LEN: usize = 640;

/// Blocks of a word that are worked off at once in place. More would not fit into the second-level cache;
/// with fewer, the symbols come from memory, and their hash states, in more pieces.
const IN_PLACE_BLOCKS: usize = 20;

/// Most words in a batch.
pub(crate) const MAX_WORDS: usize = 16;

/// Work space for one thread, kept between uses.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    blocks: Vec<Block>,
    /// Staged symbols: by position in the word, then by word.
    cells: Vec<u8>,
    /// Hashes of symbols that are worked off in parts.
    leaves: Option<WordLeaves>,
    /// Hashes of the symbols of a batch.
    pub(crate) digests: Vec<Digest>,
    /// Hashes of the symbols of a tile, and of what is above them.
    pub(crate) tile: [Vec<Digest>; 2],
}

impl Workspace {
    /// At least `shards × width` blocks.
    pub(crate) fn blocks(&mut self, shards: usize, width: usize) -> &mut [Block] {
        at_least(&mut self.blocks, shards * width, [0; BLOCK_LEN])
    }
}

/// The first `length` items, whatever is there.
fn at_least<T: Clone>(items: &mut Vec<T>, length: usize, item: T) -> &mut [T] {
    if items.len() < length {
        items.resize(length, item);
    }
    &mut items[..length]
}

/// A code, and the kernels that compute it.
#[derive(Clone, Copy)]
pub(crate) struct Kernel<'a> {
    pub(crate) transforms: &'a Transforms,
    pub(crate) code: &'a Code,
}

/// How many words of symbols of this length are worked on together: a power of two.
pub(crate) fn words_per_batch(length: usize) -> usize {
    if is_staged(1, length) {
        let fitting = (BATCH_LEN / length.max(1)).clamp(1, MAX_WORDS);
        1 << fitting.ilog2()
    } else {
        1
    }
}

fn is_staged(words: usize, length: usize) -> bool {
    words > 1 || length <= STAGED_LEN
}

/// Stretches of all symbols of a batch at some positions of the words.
#[derive(Debug, Clone)]
pub(crate) struct Part<'a> {
    /// The positions: those of the source symbols, or of the recovery symbols.
    pub(crate) positions: Range<usize>,
    /// Which bytes of the symbols.
    pub(crate) stretch: Range<usize>,
    words: usize,
    /// Distance from position to position in the bytes.
    stride: usize,
    bytes: &'a [u8],
}

impl<'a> Part<'a> {
    /// The stretches of all words at this position, side by side.
    pub(crate) fn at(&self, position: usize) -> &'a [u8] {
        let start = (position - self.positions.start) * self.stride;
        &self.bytes[start..start + self.words * self.stretch.len()]
    }

    /// The stretches of each word at this position.
    pub(crate) fn words_at(&self, position: usize) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.at(position).chunks_exact(self.stretch.len())
    }
}

/// Encodes a batch of words with symbols of `length` bytes.
///
/// `fill(position, stretch, cells)` puts the stretches of the source symbols of all words at a
/// position side by side. `visit` sees the source symbols and then the recovery symbols; if the
/// symbols are worked off in parts, both in turns.
pub(crate) fn encode_words(
    kernel: Kernel<'_>,
    space: &mut Workspace,
    words: usize,
    length: usize,
    mut fill: impl FnMut(usize, &Range<usize>, &mut [u8]),
    mut visit: impl FnMut(Part<'_>),
) {
    if is_staged(words, length) {
        return encode_staged(kernel, space, words, length, fill, visit);
    }
    let step = IN_PLACE_BLOCKS * BLOCK_LEN;
    for start in (0..length).step_by(step) {
        let stretch = start..(start + step).min(length);
        encode_in_place(kernel, space, &stretch, &mut fill, &mut visit);
    }
}

fn encode_staged(
    Kernel { transforms, code }: Kernel<'_>,
    space: &mut Workspace,
    words: usize,
    length: usize,
    mut fill: impl FnMut(usize, &Range<usize>, &mut [u8]),
    mut visit: impl FnMut(Part<'_>),
) {
    let stride = words * length;
    let packing = Packing::new(length);
    let pieces = packing.pieces(words);
    let width = pieces.len();
    // The slack lets hashes load whole words at the end.
    let cells = at_least(&mut space.cells, code.total() * stride + 2 * BLOCK_LEN, 0);
    let blocks = at_least(
        &mut space.blocks,
        code.encode_shards() * width,
        [0; BLOCK_LEN],
    );
    let (source, recovery) = cells.split_at_mut(code.source() * stride);
    for (position, cells) in source.chunks_exact_mut(stride).enumerate() {
        fill(position, &(0..length), cells);
    }
    // The recovery symbols of zeros are zero.
    let recovery_len = (code.total() - code.source()) * stride;
    if source.iter().all(|byte| *byte == 0) {
        recovery[..recovery_len].fill(0);
    } else {
        for (cells, shard) in source
            .chunks_exact(stride)
            .zip(blocks.chunks_exact_mut(width))
        {
            for (piece, block) in pieces.iter().zip(shard) {
                packing.pack(*piece, block, cells);
            }
        }
        code.encode(transforms, width, blocks);
        let cells = recovery[..recovery_len].chunks_exact_mut(stride);
        for (cells, shard) in cells.zip(blocks.chunks_exact(width)) {
            for (piece, block) in pieces.iter().zip(shard) {
                packing.unpack(*piece, block, cells);
            }
        }
    }
    for (positions, bytes) in [
        (0..code.source(), &space.cells[..]),
        (
            code.source()..code.total(),
            &space.cells[code.source() * stride..],
        ),
    ] {
        visit(Part {
            positions,
            stretch: 0..length,
            words,
            stride,
            bytes,
        });
    }
}

/// Encodes a stretch of some blocks of a single word.
fn encode_in_place(
    Kernel { transforms, code }: Kernel<'_>,
    space: &mut Workspace,
    stretch: &Range<usize>,
    fill: &mut impl FnMut(usize, &Range<usize>, &mut [u8]),
    visit: &mut impl FnMut(Part<'_>),
) {
    let length = stretch.len();
    let width = length.div_ceil(BLOCK_LEN);
    let stride = width * BLOCK_LEN;
    // The slack lets hashes load whole words at the end.
    let blocks = at_least(
        &mut space.blocks,
        code.encode_shards() * width + 2,
        [0; BLOCK_LEN],
    );
    // Whatever the blocks hold at the moment.
    fn part<'a>(
        positions: Range<usize>,
        stretch: &Range<usize>,
        stride: usize,
        blocks: &'a [Block],
    ) -> Part<'a> {
        Part {
            positions,
            stretch: stretch.clone(),
            words: 1,
            stride,
            bytes: blocks.as_flattened(),
        }
    }
    let source = &mut blocks[..code.source() * width];
    for (position, shard) in source.chunks_exact_mut(width).enumerate() {
        fill(position, stretch, &mut shard.as_flattened_mut()[..length]);
    }
    visit(part(0..code.source(), stretch, stride, blocks));
    let end = length % BLOCK_LEN;
    if end > 0 {
        for shard in blocks[..code.source() * width].chunks_exact_mut(width) {
            let block = &mut shard[width - 1];
            block.copy_within(end / 2..end, BLOCK_LEN / 2);
            block[end / 2..BLOCK_LEN / 2].fill(0);
            block[BLOCK_LEN / 2 + end / 2..].fill(0);
        }
    }
    code.encode(transforms, width, blocks);
    if end > 0 {
        let recovery = (code.total() - code.source()) * width;
        for shard in blocks[..recovery].chunks_exact_mut(width) {
            let start = BLOCK_LEN / 2;
            shard[width - 1].copy_within(start..start + end / 2, end / 2);
        }
    }
    visit(part(code.source()..code.total(), stretch, stride, blocks));
}

/// Leaf hashes of the symbols of a batch that is worked off in parts.
#[derive(Debug)]
pub(crate) struct WordLeaves {
    source: StripedLeaves,
    recovery: StripedLeaves,
}

impl WordLeaves {
    pub(crate) fn new(code: &Code, words: usize) -> Self {
        Self {
            source: StripedLeaves::new(code.source() * words),
            recovery: StripedLeaves::new((code.total() - code.source()) * words),
        }
    }

    /// Takes in a part; if it is the end of the symbols, their hashes go into `digests`, by
    /// position, then by word.
    fn absorb(&mut self, part: &Part<'_>, last: bool, digests: &mut [Digest]) {
        let source = self.source.count();
        let (leaves, digests) = if part.positions.start == 0 {
            (&mut self.source, &mut digests[..source])
        } else {
            (&mut self.recovery, &mut digests[source..])
        };
        let length = part.stretch.len();
        let stride = if part.words == 1 { part.stride } else { length };
        leaves.absorb(part.bytes, stride, length, last.then_some(digests));
    }

    fn restart(&mut self) {
        self.source.restart();
        self.recovery.restart();
    }
}

/// A stretch of every symbol of a blob.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stripe {
    /// Its length.
    pub(crate) length: usize,
    /// Whether symbols end with it.
    pub(crate) last: bool,
}

/// [`encode_words`], and hashes the symbols: `space.digests` has the hashes afterwards if the stripe
/// is the last one, by position, then by word.
///
/// `leaves` has the hashes of the stripes before; none if the stripe is all there is.
pub(crate) fn hash_words(
    kernel: Kernel<'_>,
    space: &mut Workspace,
    words: usize,
    stripe: Stripe,
    leaves: Option<&mut WordLeaves>,
    fill: impl FnMut(usize, &Range<usize>, &mut [u8]),
    mut visit: impl FnMut(&Part<'_>),
) {
    let Stripe { length, last } = stripe;
    let count = kernel.code.total() * words;
    let mut digests = std::mem::take(&mut space.digests);
    // What is there is overwritten.
    digests.resize(count, [0; 32]);
    let mut own_leaves = None;
    let mut leaves = match leaves {
        Some(leaves) => Some(leaves),
        None if is_staged(words, length) => None,
        None => {
            let mut kept = space.leaves.take();
            kept = kept.filter(|kept| {
                kept.source.count() == kernel.code.source()
                    && kept.recovery.count() == count - kernel.code.source()
            });
            if let Some(kept) = &mut kept {
                kept.restart();
            }
            Some(own_leaves.insert(kept.unwrap_or_else(|| WordLeaves::new(kernel.code, words))))
        }
    };
    encode_words(kernel, space, words, length, fill, |part| {
        visit(&part);
        if let Some(leaves) = &mut leaves {
            leaves.absorb(&part, last && part.stretch.end == length, &mut digests);
        } else {
            let Range { start, end } = part.positions;
            hash_leaves(part.bytes, length, &mut digests[start * words..end * words]);
        }
    });
    space.digests = digests;
    if own_leaves.is_some() {
        space.leaves = own_leaves;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reed_solomon_simd::ReedSolomonEncoder;
    use walrus_core::hash::blake2b256;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        /// Staged or in place, whole or in stripes: like the library, one word after the other.
        #[test]
        fn batches_are_encoded_and_hashed_like_single_words(
            source in 1_usize..20,
            recovery in 1_usize..20,
            words in 1_usize..20,
            symbol in prop_oneof![1_usize..100, 190_usize..700].prop_map(|half| 2 * half),
            stripe in (1_usize..6).prop_map(|blocks| 128 * blocks),
        ) {
            let words = words.min(words_per_batch(symbol.min(stripe)));
            let code = Code::new(source, source + recovery).unwrap();
            let total = code.total();
            let data: Vec<u8> = (0..source * words * symbol)
                .map(|i| u8::try_from(i * 31 % 251).unwrap())
                .collect();
            // Word `w` has the symbols `data[(i * words + w) * symbol..]`, as columns have.
            let cell = |word: usize, index: usize| &data[(index * words + word) * symbol..][..symbol];
            let mut expected = vec![vec![0; symbol]; total * words];
            for word in 0..words {
                let mut library = ReedSolomonEncoder::new(source, recovery, symbol).unwrap();
                for index in 0..source {
                    library.add_original_shard(cell(word, index)).unwrap();
                    expected[index * words + word] = cell(word, index).to_vec();
                }
                let encoded = library.encode().unwrap();
                for (index, cell) in encoded.recovery_iter().enumerate() {
                    expected[(source + index) * words + word] = cell.to_vec();
                }
            }

            let kernel = Kernel { transforms: &Transforms::new(code.positions()), code: &code };
            let space = &mut Workspace::default();
            let mut actual = vec![vec![0; symbol]; total * words];
            let mut leaves = (symbol > stripe).then(|| WordLeaves::new(&code, words));
            for start in (0..symbol).step_by(stripe) {
                let length = stripe.min(symbol - start);
                let last = start + length == symbol;
                hash_words(
                    kernel,
                    space,
                    words,
                    Stripe { length, last },
                    leaves.as_mut(),
                    |index, stretch, cells| {
                        for (word, target) in cells.chunks_mut(stretch.len()).enumerate() {
                            target.copy_from_slice(&cell(word, index)[start..][stretch.clone()]);
                        }
                    },
                    |part| {
                        for index in part.positions.clone() {
                            for (word, cell) in part.words_at(index).enumerate() {
                                let at = start + part.stretch.start;
                                actual[index * words + word][at..at + cell.len()]
                                    .copy_from_slice(cell);
                            }
                        }
                    },
                );
            }
            prop_assert_eq!(&actual, &expected);
            let digests: Vec<Digest> =
                expected.iter().map(|cell| blake2b256(&[&[0], cell])).collect();
            prop_assert_eq!(&space.digests, &digests);
        }
    }
}
