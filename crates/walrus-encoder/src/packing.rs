//! How symbols are laid into the 64-byte blocks that the codes work on.
//!
//! A symbol is a row of elements of two bytes. Its full 64-byte stretches are blocks as they are;
//! of what is left, the first half are low bytes and the second half are high bytes. The codes
//! treat every element alone, so the ends of several words share a block.

use reed_solomon_simd::engine::DefaultEngine;

use crate::code::{Block, Code, DecodingPlan};

/// Bytes in a block.
const BLOCK_LEN: usize = 64;

/// Most blocks of a shard that are worked on at once, so that the work space of a thousand shards
/// stays in the second-level cache.
const MAX_WIDTH: usize = 6;

/// The bytes a block holds of the symbols of some words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// A full stretch of the symbol of one word, from this offset.
    Full { word: usize, offset: usize },
    /// The ends of the symbols of several words.
    Ends { first: usize, count: usize },
}

/// Lays out symbols of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Packing {
    /// Length of the part of a symbol that fills whole blocks.
    full: usize,
    /// Length of the rest.
    end: usize,
}

impl Packing {
    pub(crate) fn new(symbol_len: usize) -> Self {
        let end = symbol_len % BLOCK_LEN;
        Self {
            full: symbol_len - end,
            end,
        }
    }

    /// How many ends share a block; zero if there are none.
    fn ends_per_block(self) -> usize {
        BLOCK_LEN.checked_div(self.end).unwrap_or(0)
    }

    /// How many words should be worked on together so that blocks and batches are well filled.
    pub(crate) fn words_per_batch(self) -> usize {
        let blocks = self.full / BLOCK_LEN;
        if blocks == 0 {
            (self.ends_per_block() * MAX_WIDTH).max(1)
        } else {
            (2 * MAX_WIDTH)
                .div_ceil(blocks + 1)
                .max(self.ends_per_block().min(4))
                .max(1)
        }
    }

    /// The blocks that the symbols of `words` words fill.
    fn pieces(self, words: usize) -> Vec<Piece> {
        let full = (0..words).flat_map(|word| {
            (0..self.full)
                .step_by(BLOCK_LEN)
                .map(move |offset| Piece::Full { word, offset })
        });
        let per_block = self.ends_per_block();
        let ends = (0..if per_block == 0 { 0 } else { words })
            .step_by(per_block.max(1))
            .map(|first| Piece::Ends {
                first,
                count: per_block.min(words - first),
            });
        full.chain(ends).collect()
    }

    /// Fills a block. Symbols may be cut short at their end; what is missing counts as zero.
    fn load<'a>(self, piece: Piece, block: &mut Block, symbol: impl Fn(usize) -> &'a [u8]) {
        match piece {
            Piece::Full { word, offset } => {
                let bytes = symbol(word).get(offset..).unwrap_or_default();
                if let Some(bytes) = bytes.first_chunk() {
                    *block = *bytes;
                } else {
                    *block = [0; BLOCK_LEN];
                    block[..bytes.len()].copy_from_slice(bytes);
                }
            }
            Piece::Ends { first, count } => {
                *block = [0; BLOCK_LEN];
                let half = self.end / 2;
                let (low, high) = block.split_at_mut(BLOCK_LEN / 2);
                let slots = low.chunks_exact_mut(half).zip(high.chunks_exact_mut(half));
                for (word, (low, high)) in (first..first + count).zip(slots) {
                    let bytes = symbol(word).get(self.full..).unwrap_or_default();
                    if let Some((first, second)) = bytes.split_at_checked(half) {
                        low.copy_from_slice(first);
                        high[..second.len()].copy_from_slice(second);
                    } else {
                        low[..bytes.len()].copy_from_slice(bytes);
                    }
                }
            }
        }
    }

    /// Reads a block: calls `sink` with word, offset in its symbol, and bytes.
    fn store(self, piece: Piece, block: &Block, sink: &mut impl FnMut(usize, usize, &[u8])) {
        match piece {
            Piece::Full { word, offset } => sink(word, offset, block),
            Piece::Ends { first, count } => {
                let half = self.end / 2;
                let (low, high) = block.split_at(BLOCK_LEN / 2);
                let slots = low.chunks_exact(half).zip(high.chunks_exact(half));
                for (word, (low, high)) in (first..first + count).zip(slots) {
                    sink(word, self.full, low);
                    sink(word, self.full + half, high);
                }
            }
        }
    }
}

/// Work space for one thread, kept between uses.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    blocks: Vec<Block>,
    /// The cells of the last tile.
    pub(crate) tile: [Vec<u8>; 2],
}

impl Workspace {
    /// At least `shards × width` blocks.
    fn take(&mut self, shards: usize, width: usize) -> &mut [Block] {
        let length = shards * width;
        if self.blocks.len() < length {
            self.blocks.resize(length, [0; BLOCK_LEN]);
        }
        &mut self.blocks[..length]
    }
}

/// Computes the recovery symbols of several words of the code.
///
/// `source(word, index)` gives the source symbols, which may be cut short where they end in zeros.
/// `sink(word, index, offset, bytes)` receives the symbols with indices from the number of source
/// symbols on, in pieces.
pub(crate) fn encode_words<'a>(
    (engine, code, packing): (&DefaultEngine, &Code, Packing),
    space: &mut Workspace,
    words: usize,
    source: impl Fn(usize, usize) -> &'a [u8],
    mut sink: impl FnMut(usize, usize, usize, &[u8]),
) {
    for pieces in packing.pieces(words).chunks(MAX_WIDTH) {
        let width = pieces.len();
        let work = space.take(code.encode_shards(), width);
        for (index, shard) in work.chunks_exact_mut(width).take(code.source()).enumerate() {
            for (piece, block) in pieces.iter().zip(shard) {
                packing.load(*piece, block, |word| source(word, index));
            }
        }
        code.encode(engine, width, work);
        for (index, shard) in (code.source()..code.total()).zip(work.chunks_exact(width)) {
            for (piece, block) in pieces.iter().zip(shard) {
                packing.store(*piece, block, &mut |word, offset, bytes| {
                    sink(word, index, offset, bytes);
                });
            }
        }
    }
}

/// Computes the missing source symbols of several words of the code.
///
/// `symbol(word, i)` gives the `i`-th received symbol of the plan. `sink(word, i, offset, bytes)`
/// receives the `i`-th missing symbol of the plan, in pieces.
pub(crate) fn decode_words<'a>(
    (engine, code, packing): (&DefaultEngine, &Code, Packing),
    plan: &DecodingPlan,
    space: &mut Workspace,
    words: usize,
    symbol: impl Fn(usize, usize) -> &'a [u8],
    mut sink: impl FnMut(usize, usize, usize, &[u8]),
) {
    for pieces in packing.pieces(words).chunks(MAX_WIDTH.div_ceil(2)) {
        let width = pieces.len();
        let work = space.take(code.decode_shards(), width);
        work.fill([0; BLOCK_LEN]);
        for (i, &index) in plan.received.iter().enumerate() {
            let shard = &mut work[code.decode_slot(index) * width..][..width];
            for (piece, block) in pieces.iter().zip(shard) {
                packing.load(*piece, block, |word| symbol(word, i));
            }
        }
        code.decode(engine, plan, width, work);
        for (i, &index) in plan.missing.iter().enumerate() {
            let shard = &work[code.decode_slot(index) * width..][..width];
            for (piece, block) in pieces.iter().zip(shard) {
                packing.store(*piece, block, &mut |word, offset, bytes| {
                    sink(word, i, offset, bytes);
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reed_solomon_simd::ReedSolomonEncoder;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn packed_words_encode_like_single_ones(
            source in 1_usize..20,
            recovery in 1_usize..20,
            words in 1_usize..40,
            symbol in (1_usize..100).prop_map(|half| 2 * half),
            cut in 0_usize..300,
        ) {
            let code = Code::new(source, source + recovery).unwrap();
            let mut data: Vec<u8> = (0..source * words * symbol)
                .map(|i| u8::try_from(i * 31 % 251).unwrap())
                .collect();
            let present = data.len().saturating_sub(cut);
            data[present..].fill(0);
            // Word `w` has the symbols `data[(i * words + w) * symbol..]`, as columns have.
            let at = |word: usize, index: usize| (index * words + word) * symbol;
            let short = |word: usize, index: usize| {
                let start = at(word, index).min(present);
                &data[start..(at(word, index) + symbol).min(present).max(start)]
            };
            let mut actual = vec![0; words * recovery * symbol];
            encode_words(
                (&DefaultEngine::new(), &code, Packing::new(symbol)),
                &mut Workspace::default(),
                words,
                short,
                |word, index, offset, bytes| {
                    let start = (word * recovery + index - source) * symbol + offset;
                    actual[start..start + bytes.len()].copy_from_slice(bytes);
                },
            );
            let mut library = ReedSolomonEncoder::new(source, recovery, symbol).unwrap();
            for (word, actual) in actual.chunks(recovery * symbol).enumerate() {
                for index in 0..source {
                    library.add_original_shard(&data[at(word, index)..][..symbol]).unwrap();
                }
                let expected: Vec<u8> =
                    library.encode().unwrap().recovery_iter().flatten().copied().collect();
                prop_assert_eq!(actual, &expected[..]);
            }
        }
    }
}
