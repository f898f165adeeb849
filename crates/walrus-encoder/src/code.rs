//! The Reed-Solomon codes, on work space that callers fill and read themselves.
//!
//! The algorithm is that of the crate `reed-solomon-simd`; its ready-made
//! encoder is not used, because it works on whole symbols, which do not stay in the cache, and pads
//! each symbol to 64 bytes, which for small blobs is nearly all of the work.
//!
//! A *shard* here is one position of the code; in the work space, each has `width` blocks of 64
//! bytes, one after the other.

use reed_solomon_simd::engine::{DefaultEngine, Engine as _, GF_MODULUS, GF_ORDER, GfElement};

use crate::transform::Transforms;

/// 32 elements of the field: their low bytes, then their high bytes.
pub(crate) type Block = [u8; 64];

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

    /// Shards of work space that [`Code::encode`] needs.
    pub(crate) fn encode_shards(&self) -> usize {
        let filled = match self.rate {
            Rate::Low => self.recovery(),
            Rate::High => self.source,
        };
        filled.max(self.source).next_multiple_of(self.chunk)
    }

    /// Positions whose twist factors [`Code::encode`] and [`Code::decode`] need.
    pub(crate) fn positions(&self) -> usize {
        (self.encode_shards() + self.chunk).max(self.decode_shards())
    }

    /// Computes recovery symbols. Takes the source symbols in the first shards, and leaves the
    /// recovery symbols there.
    pub(crate) fn encode(&self, transforms: &Transforms, width: usize, work: &mut [Block]) {
        let work = &mut work[..self.encode_shards() * width];
        match self.rate {
            Rate::Low => self.encode_low(transforms, width, work),
            Rate::High => self.encode_high(transforms, width, work),
        }
    }

    fn encode_low(&self, transforms: &Transforms, width: usize, work: &mut [Block]) {
        let (chunk, recovery) = (self.chunk, self.recovery());
        work[self.source * width..chunk * width].fill([0; 64]);
        transforms.inverse(&mut work[..chunk * width], width, 0, self.source);
        for start in (chunk..recovery).step_by(chunk) {
            work.copy_within(..chunk * width, start * width);
        }
        for (start, part) in (0..recovery)
            .step_by(chunk)
            .zip(work.chunks_exact_mut(chunk * width))
        {
            transforms.forward(part, width, start + chunk, chunk.min(recovery - start));
        }
    }

    fn encode_high(&self, transforms: &Transforms, width: usize, work: &mut [Block]) {
        let chunk = self.chunk;
        work[self.source * width..].fill([0; 64]);
        let (first, others) = work.split_at_mut(chunk * width);
        transforms.inverse(first, width, chunk, chunk.min(self.source));
        for (start, part) in (chunk..self.source)
            .step_by(chunk)
            .zip(others.chunks_exact_mut(chunk * width))
        {
            transforms.inverse(part, width, start + chunk, chunk.min(self.source - start));
            transforms.add(first, part);
        }
        transforms.forward(first, width, 0, self.recovery());
    }

    /// Prepares decoding from the symbols with these indices, of which there must be at least as
    /// many as source symbols, all distinct and below the total.
    pub(crate) fn plan_decoding(&self, received: &[usize]) -> DecodingPlan {
        debug_assert!(received.len() >= self.source);
        let mut erasures: Box<[GfElement; GF_ORDER]> =
            vec![0; GF_ORDER].try_into().expect("has this length");
        let end = self.decode_end();
        match self.rate {
            Rate::Low => {
                erasures[..self.source].fill(1);
                erasures[self.chunk..end].fill(1);
                erasures[end..].fill(1);
            }
            Rate::High => {
                erasures[..self.chunk].fill(1);
                erasures[self.chunk..end].fill(1);
            }
        }
        for &index in received {
            erasures[self.decode_slot(index)] = 0;
        }
        let evaluated = match self.rate {
            Rate::Low => GF_ORDER,
            Rate::High => end,
        };
        DefaultEngine::eval_poly(&mut erasures, evaluated);
        let mut is_received = vec![false; self.total];
        for &index in received {
            is_received[index] = true;
        }
        let missing = (0..self.source)
            .filter(|index| !is_received[*index])
            .collect();
        let factors = (0..self.total)
            .map(|index| erasures[self.decode_slot(index)])
            .collect();
        DecodingPlan {
            received: received.to_vec(),
            missing,
            factors,
        }
    }

    /// Shards of work space that [`Code::decode`] needs.
    pub(crate) fn decode_shards(&self) -> usize {
        self.decode_end().next_power_of_two()
    }

    /// The shard after the last one in use.
    fn decode_end(&self) -> usize {
        self.chunk
            + match self.rate {
                Rate::Low => self.recovery(),
                Rate::High => self.source,
            }
    }

    /// The shard of the symbol with this index while decoding.
    pub(crate) fn decode_slot(&self, index: usize) -> usize {
        match (self.rate, index.checked_sub(self.source)) {
            (Rate::Low, None) => index,
            (Rate::Low, Some(recovery)) => self.chunk + recovery,
            (Rate::High, None) => self.chunk + index,
            (Rate::High, Some(recovery)) => recovery,
        }
    }

    /// Computes the missing source symbols. Takes the received symbols in their slots and zeros in
    /// all other shards; leaves the missing source symbols in theirs, and garbage elsewhere.
    pub(crate) fn decode(
        &self,
        transforms: &Transforms,
        plan: &DecodingPlan,
        width: usize,
        work: &mut [Block],
    ) {
        let count = self.decode_shards();
        let work = &mut work[..count * width];
        let shard = |index: usize| {
            let slot = self.decode_slot(index);
            slot * width..(slot + 1) * width
        };
        for &index in &plan.received {
            transforms.multiply(&mut work[shard(index)], plan.factors[index]);
        }
        transforms.inverse(work, width, 0, self.decode_end());
        // The formal derivative.
        for i in 1..count {
            let span = 1 << i.trailing_zeros();
            let (before, after) = work.split_at_mut(i * width);
            transforms.add(&mut before[(i - span) * width..], &after[..span * width]);
        }
        // Of the results, only those at missing symbols are wanted.
        let wanted = plan
            .missing
            .iter()
            .map(|index| self.decode_slot(*index) + 1);
        transforms.forward(work, width, 0, wanted.max().unwrap_or(0));
        for &index in &plan.missing {
            let inverse = GF_MODULUS - plan.factors[index];
            transforms.multiply(&mut work[shard(index)], inverse);
        }
    }
}

/// What decoding needs to know of which symbols are there; the same for all words of a blob.
#[derive(Debug, Clone)]
pub(crate) struct DecodingPlan {
    /// Indices of the symbols that decoding uses.
    pub(crate) received: Vec<usize>,
    /// Indices of the source symbols that decoding yields.
    pub(crate) missing: Vec<usize>,
    /// For each symbol, the logarithm of the erasure polynomial at its point.
    factors: Vec<GfElement>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reed_solomon_simd::ReedSolomonEncoder;

    fn words(seed: u64, blocks: usize) -> Vec<Block> {
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

    fn encode(code: Code, width: usize, source: &[Block]) -> Vec<Block> {
        let mut work = vec![[0xaa; 64]; code.encode_shards() * width];
        work[..source.len()].copy_from_slice(source);
        code.encode(&Transforms::new(code.positions()), width, &mut work);
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
        fn encodes_like_the_library(source in 1_usize..90, recovery in 1_usize..90, width in 1_usize..4, seed: u64) {
            let code = Code::new(source, source + recovery).unwrap();
            let data = words(seed, source * width);
            let mut library = ReedSolomonEncoder::new(source, recovery, 64 * width).unwrap();
            for shard in data.chunks(width) {
                library.add_original_shard(shard.as_flattened()).unwrap();
            }
            let expected: Vec<u8> =
                library.encode().unwrap().recovery_iter().flatten().copied().collect();
            let actual = encode(code, width, &data);
            prop_assert_eq!(actual.as_flattened(), &expected[..]);
        }

        #[test]
        fn decodes_from_any_sufficient_symbols(
            (source, recovery, order) in (1_usize..60, 1_usize..60).prop_flat_map(|(k, r)| {
                (Just(k), Just(r), Just((0..k + r).collect::<Vec<_>>()).prop_shuffle())
            }),
            seed: u64,
        ) {
            let code = Code::new(source, source + recovery).unwrap();
            let transforms = Transforms::new(code.positions());
            let data = words(seed, source);
            let word = [data.clone(), encode(code, 1, &data)].concat();
            let plan = code.plan_decoding(&order[..source]);
            let mut work = vec![[0; 64]; code.decode_shards()];
            for &index in &plan.received {
                work[code.decode_slot(index)] = word[index];
            }
            code.decode(&transforms, &plan, 1, &mut work);
            for &index in &plan.missing {
                prop_assert_eq!(work[code.decode_slot(index)], data[index]);
            }
        }
    }
}
