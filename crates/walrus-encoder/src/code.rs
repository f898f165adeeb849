//! The Reed-Solomon codes, in work space that callers fill and read themselves.
//!
//! The algorithm is that of the crate `reed-solomon-simd`. Its ready-made encoder is not used: it
//! works on whole symbols, which do not stay in the cache, and pads each symbol to 64 bytes, which
//! for small blobs would be nearly all of the work.
//!
//! In the work space each position of the code has `width` blocks, one after the other.

mod decoding;

use reed_solomon_simd::engine::GF_ORDER;

use crate::{block::Block, transform::Transforms};

pub(crate) use decoding::{DecodingPlan, SymbolBlocks};

/// A systematic code with `source` source symbols among `total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code {
    source: usize,
    total: usize,
    /// Size of the transforms: a power of two.
    chunk: usize,
    rate: Rate,
}

/// Which of the two constructions is used; given by the number of symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rate {
    /// Transforms have the size of the source.
    Low,
    /// Transforms have the size of the recovery part.
    High,
}

impl Code {
    /// The code with these numbers of symbols, unless the field is too small for it.
    pub(crate) fn new(source: usize, total: usize) -> Option<Self> {
        let recovery = total.checked_sub(source)?;
        if source == 0 || recovery == 0 || total > GF_ORDER {
            return None;
        }
        let (source_pow2, recovery_pow2) =
            (source.next_power_of_two(), recovery.next_power_of_two());
        if source_pow2.min(recovery_pow2) + source.max(recovery) > GF_ORDER {
            return None;
        }
        let (rate, chunk) =
            if source_pow2 < recovery_pow2 || (source_pow2 == recovery_pow2 && source > recovery) {
                (Rate::Low, source_pow2)
            } else {
                (Rate::High, recovery_pow2)
            };
        Some(Self {
            source,
            total,
            chunk,
            rate,
        })
    }

    /// Number of source symbols.
    pub(crate) fn source(&self) -> usize {
        self.source
    }

    /// Number of symbols.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    fn recovery(&self) -> usize {
        self.total - self.source
    }

    /// How many positions the work space of [`Code::encode`] has.
    pub(crate) fn encode_positions(&self) -> usize {
        let filled = match self.rate {
            Rate::Low => self.recovery(),
            Rate::High => self.source,
        };
        filled.max(self.source).next_multiple_of(self.chunk)
    }

    /// How many twist factors [`Code::encode`] and [`Code::decode`] need.
    pub(crate) fn twist_factors(&self) -> usize {
        (self.encode_positions() + self.chunk).max(self.decode_end().next_power_of_two())
    }

    /// Computes the recovery symbols. The source symbols are at the first positions of the work
    /// space; the recovery symbols come to the first positions too, in their place.
    pub(crate) fn encode(&self, transforms: &Transforms, width: usize, work: &mut [Block]) {
        let work = &mut work[..self.encode_positions() * width];
        match self.rate {
            Rate::Low => self.encode_low(transforms, width, work),
            Rate::High => self.encode_high(transforms, width, work),
        }
    }

    fn encode_low(&self, transforms: &Transforms, width: usize, work: &mut [Block]) {
        let (chunk, recovery) = (self.chunk, self.recovery());
        work[self.source * width..chunk * width].fill([0; 64]);
        transforms.inverse(&mut work[..chunk * width], width, 0, self.source);
        let (first, others) = work.split_at_mut(chunk * width);
        let others = others.chunks_exact_mut(chunk * width);
        for (start, other) in (chunk..recovery).step_by(chunk).zip(others) {
            let wanted = chunk.min(recovery - start);
            transforms.forward_from(first, other, width, start + chunk, wanted);
        }
        transforms.forward(first, width, chunk, chunk.min(recovery));
    }

    fn encode_high(&self, transforms: &Transforms, width: usize, work: &mut [Block]) {
        let chunk = self.chunk;
        work[self.source * width..].fill([0; 64]);
        let (first, others) = work.split_at_mut(chunk * width);
        transforms.inverse(first, width, chunk, chunk.min(self.source));
        let others = others.chunks_exact_mut(chunk * width);
        for (start, other) in (chunk..self.source).step_by(chunk).zip(others) {
            transforms.inverse(other, width, start + chunk, chunk.min(self.source - start));
            transforms.add(first, other);
        }
        transforms.forward(first, width, 0, self.recovery());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reed_solomon_simd::ReedSolomonEncoder;

    pub(super) fn noise(seed: u64, blocks: usize) -> Vec<Block> {
        let mut state = seed.wrapping_mul(2).wrapping_add(1);
        let mut blocks: Vec<Block> = vec![[0; 64]; blocks];
        for byte in blocks.as_flattened_mut() {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = u8::try_from(state >> 56).unwrap();
        }
        blocks
    }

    pub(super) fn encode(code: Code, width: usize, source: &[Block]) -> Vec<Block> {
        let mut work = vec![[0xaa; 64]; code.encode_positions() * width];
        work[..source.len()].copy_from_slice(source);
        code.encode(&Transforms::new(code.twist_factors()), width, &mut work);
        work.truncate(code.recovery() * width);
        work
    }

    #[test]
    fn codes_beyond_the_field_are_refused() {
        assert_eq!(Code::new(0, 5), None);
        assert_eq!(Code::new(5, 5), None);
        assert_eq!(Code::new(6, 5), None);
        assert_eq!(Code::new(21_847, 65_535), None);
        assert!(Code::new(16_384, 49_152).is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn encodes_like_the_library(
            source in 1_usize..90, recovery in 1_usize..90, width in 1_usize..4, seed: u64,
        ) {
            let code = Code::new(source, source + recovery).unwrap();
            let data = noise(seed, source * width);
            let mut library = ReedSolomonEncoder::new(source, recovery, 64 * width).unwrap();
            for symbol in data.chunks(width) {
                library.add_original_shard(symbol.as_flattened()).unwrap();
            }
            let expected: Vec<u8> =
                library.encode().unwrap().recovery_iter().flatten().copied().collect();
            let actual = encode(code, width, &data);
            prop_assert_eq!(actual.as_flattened(), &expected[..]);
        }
    }
}
