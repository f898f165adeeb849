//! Decoding of lines: from some of their symbols to the source symbols that are missing.

use super::{Kernel, Workspace, at_least};
use crate::{
    block::{BLOCK_LEN, Block, Content, Packing},
    code::{DecodingPlan, SymbolBlocks},
};

/// How many blocks of each symbol are decoded at a time. Received symbols come from memory: the
/// more of each is read at a time, the better.
const BLOCKS_AT_ONCE: usize = 10;

/// Where the received symbols of lines come from, and who takes the missing ones. Lines are counted
/// from the first that is decoded; symbols have the numbers of the plan.
pub(crate) trait DecodingSymbols {
    /// A received symbol of a line. It may be cut short: what is missing counts as zero.
    fn received(&self, line: usize, number: usize) -> &[u8];

    /// Takes some bytes, from this offset on, of a missing symbol of a line.
    fn recovered(&mut self, line: usize, number: usize, offset: usize, bytes: &[u8]);
}

impl Kernel<'_> {
    /// Computes the missing source symbols of `lines` lines with symbols of `symbol` bytes.
    pub(crate) fn decode(
        self,
        space: &mut Workspace,
        plan: &DecodingPlan,
        lines: usize,
        symbol: usize,
        symbols: &mut impl DecodingSymbols,
    ) {
        let packing = Packing::new(symbol);
        for contents in packing.contents(lines).chunks(BLOCKS_AT_ONCE) {
            let width = contents.len();
            let length = self.code.decode_positions() * width;
            let work = at_least(&mut space.blocks, length, [0; BLOCK_LEN]);
            let mut blocks = Packed {
                symbols,
                packing,
                contents,
            };
            self.code
                .decode(self.transforms, plan, &mut blocks, width, work);
        }
    }
}

/// The symbols of lines, packed into blocks with these contents.
struct Packed<'a, S> {
    symbols: &'a mut S,
    packing: Packing,
    contents: &'a [Content],
}

impl<S: DecodingSymbols> SymbolBlocks for Packed<'_, S> {
    fn load(&self, number: usize, blocks: &mut [Block]) {
        for (content, block) in self.contents.iter().zip(blocks) {
            let symbol = |line| self.symbols.received(line, number);
            self.packing.load(*content, block, symbol);
        }
    }

    fn store(&mut self, number: usize, blocks: &[Block]) {
        for (content, block) in self.contents.iter().zip(blocks) {
            self.packing.store(*content, block, |line, offset, bytes| {
                self.symbols.recovered(line, number, offset, bytes);
            });
        }
    }
}
