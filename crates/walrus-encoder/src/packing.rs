//! How symbols are laid into the 64-byte blocks that the codes work on.
//!
//! A symbol is a row of elements of two bytes. Its full 64-byte stretches are blocks as they are;
//! of what is left, the first half are low bytes and the second half are high bytes. The codes
//! treat every element alone, so the ends of several words share a block.

use crate::{
    code::{Block, Code, DecodingPlan},
    transform::Transforms,
    words::Workspace,
};

/// Bytes in a block.
pub(crate) const BLOCK_LEN: usize = 64;

/// Most blocks of a shard that are worked on at once, so that the work space of a thousand shards
/// stays in the second-level cache.
pub(crate) const MAX_WIDTH: usize = 6;

/// Most blocks of a shard that are decoded at once: the received symbols come from memory, and the longer
/// the pieces in which they are read, the better.
const DECODING_WIDTH: usize = 10;

/// The bytes a block holds of the symbols of some words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A full stretch of the symbol of one word, from this offset.
    Full { word: usize, offset: usize },
    /// The ends of the symbols of several words.
    Ends { first: usize, count: usize },
}

/// Runs the body with the small numbers as constants, for which copies are single instructions.
macro_rules! with_constant_half {
    ($value:expr, $half:ident => $body:expr) => {
        match $value {
            1 => {
                const HALF: usize = 1;
                let $half = HALF;
                $body
            }
            2 => {
                const HALF: usize = 2;
                let $half = HALF;
                $body
            }
            3 => {
                const HALF: usize = 3;
                let $half = HALF;
                $body
            }
            4 => {
                const HALF: usize = 4;
                let $half = HALF;
                $body
            }
            $half => $body,
        }
    };
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
    pub(crate) fn pieces(self, words: usize) -> Vec<Piece> {
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

    /// Fills a block from the symbols of all words, which follow each other in `cells`.
    pub(crate) fn pack(self, piece: Piece, block: &mut Block, cells: &[u8]) {
        let symbol = self.full + self.end;
        match piece {
            Piece::Full { word, offset } => {
                block.copy_from_slice(&cells[word * symbol + offset..][..BLOCK_LEN]);
            }
            Piece::Ends { first, count } => {
                *block = [0; BLOCK_LEN];
                let ends = cells[first * symbol..(first + count) * symbol].chunks_exact(symbol);
                let ends = ends.map(|symbol| &symbol[self.full..]);
                let (low, high) = block.split_at_mut(BLOCK_LEN / 2);
                with_constant_half!(self.end / 2, half => {
                    let slots = low.chunks_exact_mut(half).zip(high.chunks_exact_mut(half));
                    for (end, (low, high)) in ends.zip(slots) {
                        low.copy_from_slice(&end[..half]);
                        high.copy_from_slice(&end[half..2 * half]);
                    }
                });
            }
        }
    }

    /// The reverse of [`Packing::pack`].
    pub(crate) fn unpack(self, piece: Piece, block: &Block, cells: &mut [u8]) {
        let symbol = self.full + self.end;
        match piece {
            Piece::Full { word, offset } => {
                cells[word * symbol + offset..][..BLOCK_LEN].copy_from_slice(block);
            }
            Piece::Ends { first, count } => {
                let ends = cells[first * symbol..(first + count) * symbol].chunks_exact_mut(symbol);
                let ends = ends.map(|symbol| &mut symbol[self.full..]);
                let (low, high) = block.split_at(BLOCK_LEN / 2);
                with_constant_half!(self.end / 2, half => {
                    let slots = low.chunks_exact(half).zip(high.chunks_exact(half));
                    for (end, (low, high)) in ends.zip(slots) {
                        end[..half].copy_from_slice(low);
                        end[half..2 * half].copy_from_slice(high);
                    }
                });
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

/// Computes the missing source symbols of several words of the code.
///
/// `symbol(word, i)` gives the `i`-th received symbol of the plan. `sink(word, i, offset, bytes)`
/// receives the `i`-th missing symbol of the plan, in pieces.
pub(crate) fn decode_words<'a>(
    (transforms, code, packing): (&Transforms, &Code, Packing),
    plan: &DecodingPlan,
    space: &mut Workspace,
    words: usize,
    symbol: impl Fn(usize, usize) -> &'a [u8],
    mut sink: impl FnMut(usize, usize, usize, &[u8]),
) {
    for pieces in packing.pieces(words).chunks(DECODING_WIDTH) {
        let width = pieces.len();
        let work = space.blocks(code.decode_shards(), width);
        let load = |i: usize, shard: &mut [Block]| {
            for (piece, block) in pieces.iter().zip(shard) {
                packing.load(*piece, block, |word| symbol(word, i));
            }
        };
        let store = |i: usize, shard: &[Block]| {
            for (piece, block) in pieces.iter().zip(shard) {
                packing.store(*piece, block, &mut |word, offset, bytes| {
                    sink(word, i, offset, bytes);
                });
            }
        };
        code.decode(transforms, plan, (width, work), load, store);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn unpacking_reverses_packing(
            words in 1_usize..40, symbol in (1_usize..200).prop_map(|half| 2 * half),
        ) {
            let packing = Packing::new(symbol);
            let cells: Vec<u8> =
                (0..words * symbol).map(|i| u8::try_from(i * 31 % 251).unwrap()).collect();
            let mut unpacked = vec![0; cells.len()];
            for piece in packing.pieces(words) {
                let (mut block, mut loaded) = ([1; BLOCK_LEN], [2; BLOCK_LEN]);
                packing.pack(piece, &mut block, &cells);
                packing.load(piece, &mut loaded, |word| &cells[word * symbol..][..symbol]);
                prop_assert_eq!(block, loaded);
                packing.unpack(piece, &block, &mut unpacked);
            }
            prop_assert_eq!(cells, unpacked);
        }
    }
}
