//! Decoding, coset by coset.
//!
//! Each symbol of a codeword is the value of a polynomial `f` at one *point* of the field. Let `E`
//! be the product of all `x - e`, where `e` are the points at which no value is known. Then
//! `D = E f` is known everywhere. At a missing symbol `E` is zero, and so `f = D' / E'`. The
//! logarithms of `E`, and of `E'` where `E` is zero, are sums of the logarithms of `x - e`. Where
//! these are too many to look up, the library's `eval_poly` computes the sums by a transform.
//!
//! The library interpolates `D` on a power of two of points, derives it, and evaluates the
//! derivative. Here the points are divided into the cosets of the subspace of `chunk` points. Let
//! `y(x)` be the polynomial that is constant on each coset, and `A_i` the polynomial with fewer
//! than `chunk` coefficients that has the values of `D` on coset `i`. The values of `y` are a
//! subspace too, and `y' = 1`. So Lagrange's formula over the values of `y` gives, for the missing
//! symbols of coset `k`:
//!
//! ```text
//! D'(x) = A_k'(x) + sum over i != k of A_i(x) / (y_k - y_i)
//! ```
//!
//! (without `A_k`, which is zero there). All transforms have the size of a coset, cosets from which
//! nothing was received cost nothing, and only coset `k` itself is derived.

use reed_solomon_simd::engine::{
    DefaultEngine, Engine as _, GF_MODULUS, GF_ORDER, GfElement, tables,
};

use super::{Code, Rate};
use crate::{block::Block, transform::Transforms};

/// Up to this many logarithms are looked up one by one. For more of them, a transform over the
/// whole field is faster.
const MAX_LOOKUPS: usize = 1 << 20;

/// How to compute the missing source symbols from those that were received. It is the same for all
/// lines of a blob that miss the same symbols.
#[derive(Debug, Clone)]
pub(crate) struct DecodingPlan {
    /// Positions of the source symbols that decoding yields.
    pub(crate) missing: Vec<usize>,
    /// For each coset with missing symbols, how these are computed.
    cosets: Vec<CosetPlan>,
}

/// How the missing symbols of a coset are computed.
#[derive(Debug, Clone)]
struct CosetPlan {
    /// The missing symbols.
    missing: Coset,
    /// All received symbols, the coset of the missing ones first.
    received: Vec<Coset>,
}

/// Some symbols of a coset.
#[derive(Debug, Clone)]
struct Coset {
    /// Which of the cosets.
    index: usize,
    /// In the order of their points.
    symbols: Vec<Symbol>,
}

#[derive(Debug, Clone, Copy)]
struct Symbol {
    /// Its point, counted from the first of the coset.
    offset: usize,
    /// Which of the received or of the missing symbols it is.
    number: usize,
    /// The logarithm of the factor by which it is multiplied.
    factor: GfElement,
}

impl Code {
    /// Prepares decoding from the symbols at these positions. They must be distinct, below the
    /// total, and at least as many as source symbols.
    pub(crate) fn plan_decoding(&self, received: &[usize]) -> DecodingPlan {
        debug_assert!(received.len() >= self.source);
        let mut is_received = vec![false; self.total];
        for &index in received {
            is_received[index] = true;
        }
        let is_missing = |index: &usize| !is_received[*index];
        let missing: Vec<usize> = (0..self.source).filter(is_missing).collect();
        let factors = self.erasure_factors(received);
        let missing_cosets = self.cosets(&missing, |point| GF_MODULUS - factors[point]);
        let cosets = missing_cosets.into_iter().map(|missing| {
            let factor = |point: usize| {
                let steps = (point / self.chunk) ^ missing.index;
                let divisor = if steps == 0 {
                    0
                } else {
                    self.log_of_coset(steps)
                };
                product(factors[point], GF_MODULUS - divisor)
            };
            let mut received = self.cosets(received, factor);
            received.sort_by_key(|coset| coset.index != missing.index);
            CosetPlan { missing, received }
        });
        DecodingPlan {
            cosets: cosets.collect(),
            missing,
        }
    }

    /// For each point, the logarithm of the erasure polynomial there; where no symbol was received,
    /// that of its derivative. Either is the sum of the logarithms of the differences from all
    /// erasures.
    fn erasure_factors(&self, received: &[usize]) -> Vec<GfElement> {
        let end = self.decode_end();
        // Listed are the points without a value, or those with one, whichever are fewer. The
        // product of all differences but zero is one, so those with a value give the inverse.
        let (mut listed, erased) = match self.rate {
            Rate::Low => (vec![false; end], false),
            Rate::High => (vec![true; end], true),
        };
        if self.rate == Rate::Low {
            listed[self.source..self.chunk].fill(true); // zeros beyond the source
        }
        for &index in received {
            listed[self.point(index)] = !erased;
        }
        let points: Vec<usize> = (0..end).filter(|point| listed[*point]).collect();
        let mut logs = if points.len() * end <= MAX_LOOKUPS {
            sums_of_logs(&points, end)
        } else {
            let mut marked: Box<[GfElement; GF_ORDER]> =
                vec![0; GF_ORDER].try_into().expect("has this length");
            for &point in &points {
                marked[point] = 1;
            }
            DefaultEngine::eval_poly(&mut marked, end);
            marked[..end].to_vec()
        };
        if !erased {
            for log in &mut logs {
                *log = GF_MODULUS - *log;
            }
        }
        logs
    }

    /// Sorts symbols by cosets. `factor` gives for each point the factor of the symbol there.
    fn cosets(&self, symbols: &[usize], factor: impl Fn(usize) -> GfElement) -> Vec<Coset> {
        let points = symbols.iter().map(|index| self.point(*index));
        let mut points: Vec<(usize, usize)> = points.zip(0..).collect();
        points.sort_unstable();
        let cosets = points.chunk_by(|(a, _), (b, _)| a / self.chunk == b / self.chunk);
        let coset = |points: &[(usize, usize)]| Coset {
            index: points[0].0 / self.chunk,
            symbols: points
                .iter()
                .map(|&(point, number)| Symbol {
                    offset: point % self.chunk,
                    number,
                    factor: factor(point),
                })
                .collect(),
        };
        cosets.map(coset).collect()
    }

    /// The logarithm of `y` on this coset, which on the first coset is zero.
    fn log_of_coset(&self, index: usize) -> GfElement {
        let tables = tables::get_exp_log();
        // For cosets of even index, these are the twist factors of the layer that joins cosets.
        let even = tables::get_skew()[(index & !1) * self.chunk + self.chunk - 1];
        let even = if even == GF_MODULUS {
            0 // has no logarithm
        } else {
            tables.exp[usize::from(even)]
        };
        let odd = GfElement::from(index % 2 == 1);
        tables.log[usize::from(even ^ odd)]
    }

    /// How many points are in use: the last one and all before it.
    pub(super) fn decode_end(&self) -> usize {
        self.chunk
            + match self.rate {
                Rate::Low => self.recovery(),
                Rate::High => self.source,
            }
    }

    /// The point of the symbol at this position.
    fn point(&self, index: usize) -> usize {
        match (self.rate, index.checked_sub(self.source)) {
            (Rate::Low, None) => index,
            (Rate::Low, Some(recovery)) => self.chunk + recovery,
            (Rate::High, None) => self.chunk + index,
            (Rate::High, Some(recovery)) => recovery,
        }
    }

    /// How many positions the work space of [`Code::decode`] has.
    pub(crate) fn decode_positions(&self) -> usize {
        2 * self.chunk
    }

    /// Computes the missing source symbols, in work space with `width` blocks at each position.
    pub(crate) fn decode(
        &self,
        transforms: &Transforms,
        plan: &DecodingPlan,
        symbols: &mut impl SymbolBlocks,
        width: usize,
        work: &mut [Block],
    ) {
        let chunk = self.chunk;
        let (sum, addend) = work[..self.decode_positions() * width].split_at_mut(chunk * width);
        let blocks = |symbol: &Symbol| symbol.offset * width..(symbol.offset + 1) * width;
        for CosetPlan { missing, received } in &plan.cosets {
            for (i, coset) in received.iter().enumerate() {
                let target = if i == 0 { &mut *sum } else { &mut *addend };
                let mut filled = 0;
                for symbol in &coset.symbols {
                    let blocks = blocks(symbol);
                    target[filled..blocks.start].fill([0; 64]);
                    filled = blocks.end;
                    symbols.load(symbol.number, &mut target[blocks.clone()]);
                    transforms.multiply(&mut target[blocks], symbol.factor);
                }
                target[filled..].fill([0; 64]);
                transforms.inverse(target, width, coset.index * chunk, filled / width);
                if coset.index == missing.index {
                    derive(transforms, width, target);
                }
                if i > 0 {
                    transforms.add(sum, addend);
                }
            }
            let wanted = missing.symbols.last().map_or(0, |symbol| symbol.offset + 1);
            transforms.forward(sum, width, missing.index * chunk, wanted);
            for symbol in &missing.symbols {
                let blocks = &mut sum[blocks(symbol)];
                transforms.multiply(blocks, symbol.factor);
                symbols.store(symbol.number, blocks);
            }
        }
    }
}

/// The symbols of one line or of several, as blocks: where decoding gets and puts them.
pub(crate) trait SymbolBlocks {
    /// Fills the blocks of a received symbol: the one with this number in the plan. It may be asked
    /// for again.
    fn load(&self, number: usize, blocks: &mut [Block]);

    /// Takes the blocks of a missing symbol: the one with this number in the plan.
    fn store(&mut self, number: usize, blocks: &[Block]);
}

/// Adds to a polynomial its derivative, given its coefficients.
fn derive(transforms: &Transforms, width: usize, work: &mut [Block]) {
    for i in 1..work.len() / width {
        let span = 1 << i.trailing_zeros();
        let (before, after) = work.split_at_mut(i * width);
        transforms.add(&mut before[(i - span) * width..], &after[..span * width]);
    }
}

/// For each point below `end`, the sum of the logarithms of its differences from these points.
fn sums_of_logs(points: &[usize], end: usize) -> Vec<GfElement> {
    let logs = &tables::get_exp_log().log;
    let sum = |at: usize| {
        // The table has the modulus as the logarithm of zero: that counts as a factor of one.
        let sum: u64 = points.iter().map(|point| u64::from(logs[point ^ at])).sum();
        GfElement::try_from(sum % u64::from(GF_MODULUS)).expect("less than the modulus")
    };
    (0..end).map(sum).collect()
}

/// The logarithm of a product, given those of its factors.
fn product(a: GfElement, b: GfElement) -> GfElement {
    let (sum, carry) = a.overflowing_add(b);
    sum + GfElement::from(carry)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{encode, noise};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sums_of_logarithms_are_those_of_the_library() {
        let (points, end) = ([0, 3, 4, 77, 500, 1023], 1200);
        let mut marked: Box<[GfElement; GF_ORDER]> = vec![0; GF_ORDER].try_into().unwrap();
        for point in points {
            marked[point] = 1;
        }
        DefaultEngine::eval_poly(&mut marked, end);
        let library = marked[..end].iter().map(|log| log % GF_MODULUS);
        assert!(sums_of_logs(&points, end).into_iter().eq(library));
    }

    struct Symbols<'a> {
        received: Vec<&'a [Block]>,
        decoded: Vec<Vec<Block>>,
    }

    impl SymbolBlocks for Symbols<'_> {
        fn load(&self, number: usize, blocks: &mut [Block]) {
            blocks.copy_from_slice(self.received[number]);
        }

        fn store(&mut self, number: usize, blocks: &[Block]) {
            self.decoded[number] = blocks.to_vec();
        }
    }

    fn check(code: Code, received: &[usize], width: usize, seed: u64) {
        let transforms = Transforms::new(code.twist_factors());
        let data = noise(seed, code.source * width);
        let line = [data.clone(), encode(code, width, &data)].concat();
        let plan = code.plan_decoding(received);
        let mut work = vec![[0xaa; 64]; code.decode_positions() * width];
        let mut symbols = Symbols {
            received: received
                .iter()
                .map(|position| &line[position * width..][..width])
                .collect(),
            decoded: vec![Vec::new(); plan.missing.len()],
        };
        code.decode(&transforms, &plan, &mut symbols, width, &mut work);
        for (position, decoded) in plan.missing.iter().zip(&symbols.decoded) {
            assert_eq!(decoded[..], data[position * width..][..width]);
        }
    }

    /// These codes have too many logarithms to look up one by one.
    #[test]
    fn decodes_large_codes() {
        for (source, recovery) in [(1001, 1999), (2001, 1000)] {
            let mut received: Vec<usize> = (0..source + recovery).collect();
            received.sort_by_key(|index| index * 7 % 10);
            check(
                Code::new(source, source + recovery).unwrap(),
                &received[..source],
                1,
                7,
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn decodes_from_any_sufficient_symbols(
            (source, recovery, order) in (1_usize..60, 1_usize..60).prop_flat_map(|(k, r)| {
                (Just(k), Just(r), Just((0..k + r).collect::<Vec<_>>()).prop_shuffle())
            }),
            width in 1_usize..3,
            seed: u64,
        ) {
            check(Code::new(source, source + recovery).unwrap(), &order[..source], width, seed);
        }
    }
}
