//! Blocks, in which the codes compute, and how symbols are laid into them.
//!
//! A symbol is a sequence of field elements of two bytes. Every full 64 bytes of it are a block as
//! they are. Of what is left over, the *end* of the symbol, the first half are low bytes and the
//! second half are high bytes. The codes treat every element alone, so the ends of symbols on
//! several lines share a block.

/// 32 elements of the field: their low bytes, then their high bytes.
pub(crate) type Block = [u8; BLOCK_LEN];

/// Bytes in a block.
pub(crate) const BLOCK_LEN: usize = 64;

/// How many blocks at each position are worked on at once. With these, the work space of a code for
/// a thousand shards stays in the second-level cache.
const BLOCKS_AT_ONCE: usize = 6;

/// Which bytes of the symbols at one position a block has. Lines are counted from the first of the
/// batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// A full block of the symbol on one line, from this offset.
    Full { line: usize, offset: usize },
    /// The ends of the symbols on `count` lines.
    Ends { first: usize, count: usize },
}

/// Runs the body with the length as a constant if it is small: copies are then single instructions.
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

/// The layout of symbols of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Packing {
    /// How many bytes of a symbol fill whole blocks.
    full: usize,
    /// How many bytes are left over.
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

    /// Bytes of a symbol.
    pub(crate) fn symbol_len(self) -> usize {
        self.full + self.end
    }

    /// How many ends share a block; zero if there are none.
    fn ends_per_block(self) -> usize {
        BLOCK_LEN.checked_div(self.end).unwrap_or(0)
    }

    /// How many lines to decode together so that blocks are well filled.
    pub(crate) fn lines_per_batch(self) -> usize {
        let blocks = self.full / BLOCK_LEN;
        if blocks == 0 {
            (self.ends_per_block() * BLOCKS_AT_ONCE).max(1)
        } else {
            (2 * BLOCKS_AT_ONCE)
                .div_ceil(blocks + 1)
                .max(self.ends_per_block().min(4))
                .max(1)
        }
    }

    /// What the blocks at one position contain, for this number of lines.
    pub(crate) fn contents(self, lines: usize) -> Vec<Content> {
        let full = (0..lines).flat_map(|line| {
            (0..self.full)
                .step_by(BLOCK_LEN)
                .map(move |offset| Content::Full { line, offset })
        });
        let per_block = self.ends_per_block();
        let ends = (0..if per_block == 0 { 0 } else { lines })
            .step_by(per_block.max(1))
            .map(|first| Content::Ends {
                first,
                count: per_block.min(lines - first),
            });
        full.chain(ends).collect()
    }

    /// Fills a block; `symbol` gives the symbol on a line. Symbols may be cut short: what is
    /// missing counts as zero.
    pub(crate) fn load<'a>(
        self,
        content: Content,
        block: &mut Block,
        symbol: impl Fn(usize) -> &'a [u8],
    ) {
        match content {
            Content::Full { line, offset } => {
                let bytes = symbol(line).get(offset..).unwrap_or_default();
                if let Some(bytes) = bytes.first_chunk() {
                    *block = *bytes;
                } else {
                    *block = [0; BLOCK_LEN];
                    block[..bytes.len()].copy_from_slice(bytes);
                }
            }
            Content::Ends { first, count } => {
                *block = [0; BLOCK_LEN];
                let half = self.end / 2;
                let (low, high) = block.split_at_mut(BLOCK_LEN / 2);
                let halves = low.chunks_exact_mut(half).zip(high.chunks_exact_mut(half));
                for (line, (low, high)) in (first..first + count).zip(halves) {
                    let bytes = symbol(line).get(self.full..).unwrap_or_default();
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

    /// Fills a block from the symbols on all lines, one after the other.
    pub(crate) fn pack(self, content: Content, block: &mut Block, symbols: &[u8]) {
        let length = self.symbol_len();
        match content {
            Content::Full { line, offset } => {
                block.copy_from_slice(&symbols[line * length + offset..][..BLOCK_LEN]);
            }
            Content::Ends { first, count } => {
                *block = [0; BLOCK_LEN];
                let ends = symbols[first * length..(first + count) * length].chunks_exact(length);
                let ends = ends.map(|symbol| &symbol[self.full..]);
                let (low, high) = block.split_at_mut(BLOCK_LEN / 2);
                with_constant_half!(self.end / 2, half => {
                    let halves = low.chunks_exact_mut(half).zip(high.chunks_exact_mut(half));
                    for (end, (low, high)) in ends.zip(halves) {
                        low.copy_from_slice(&end[..half]);
                        high.copy_from_slice(&end[half..2 * half]);
                    }
                });
            }
        }
    }

    /// The reverse of [`Packing::pack`].
    pub(crate) fn unpack(self, content: Content, block: &Block, symbols: &mut [u8]) {
        let length = self.symbol_len();
        match content {
            Content::Full { line, offset } => {
                symbols[line * length + offset..][..BLOCK_LEN].copy_from_slice(block);
            }
            Content::Ends { first, count } => {
                let ends =
                    symbols[first * length..(first + count) * length].chunks_exact_mut(length);
                let ends = ends.map(|symbol| &mut symbol[self.full..]);
                let (low, high) = block.split_at(BLOCK_LEN / 2);
                with_constant_half!(self.end / 2, half => {
                    let halves = low.chunks_exact(half).zip(high.chunks_exact(half));
                    for (end, (low, high)) in ends.zip(halves) {
                        end[..half].copy_from_slice(low);
                        end[half..2 * half].copy_from_slice(high);
                    }
                });
            }
        }
    }

    /// Takes a block apart: calls `sink` with line, offset in its symbol, and bytes.
    pub(crate) fn store(
        self,
        content: Content,
        block: &Block,
        mut sink: impl FnMut(usize, usize, &[u8]),
    ) {
        match content {
            Content::Full { line, offset } => sink(line, offset, block),
            Content::Ends { first, count } => {
                let half = self.end / 2;
                let (low, high) = block.split_at(BLOCK_LEN / 2);
                let halves = low.chunks_exact(half).zip(high.chunks_exact(half));
                for (line, (low, high)) in (first..first + count).zip(halves) {
                    sink(line, self.full, low);
                    sink(line, self.full + half, high);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn unpacking_reverses_packing(
            lines in 1_usize..40, symbol in (1_usize..200).prop_map(|half| 2 * half),
        ) {
            let packing = Packing::new(symbol);
            let symbols: Vec<u8> =
                (0..lines * symbol).map(|i| u8::try_from(i * 31 % 251).unwrap()).collect();
            let mut unpacked = vec![0; symbols.len()];
            for content in packing.contents(lines) {
                let (mut block, mut loaded) = ([1; BLOCK_LEN], [2; BLOCK_LEN]);
                packing.pack(content, &mut block, &symbols);
                packing.load(content, &mut loaded, |line| &symbols[line * symbol..][..symbol]);
                prop_assert_eq!(block, loaded);
                packing.unpack(content, &block, &mut unpacked);
            }
            prop_assert_eq!(symbols, unpacked);
        }
    }
}
