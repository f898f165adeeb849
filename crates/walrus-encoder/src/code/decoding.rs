//! Decoding, coset by coset.
//!
//! Let `f` be the polynomial of the code word, and `E` the product of all `x - e` where no value is known. Then
//! `D = E f` is known everywhere, and at a missing symbol, where `E` is zero, `f = D' / E'`. The logarithms of
//! `E`, and of `E'` where that is zero, are sums of the logarithms of `x - e`; where these are too many to look up,
//! the library's `eval_poly` computes the sums by a transform.
//!
//! The library interpolates `D` on a power of two of points, derives it, and evaluates the derivative. Here
//! the points are taken apart into the cosets of the subspace of `chunk` points. With `y(x)` the
//! polynomial that is constant on each coset, and `A_i` the polynomial of less than `chunk` coefficients
//! that has the values of `D` on the coset `i`, Lagrange's formula over the values of `y` gives, because
//! these are a subspace too and `y' = 1`, for the missing symbols of coset `k`:
//!
//! ```text
//! D'(x) = A_k'(x) + sum over i != k of A_i(x) / (y_k - y_i)
//! ```
//!
//! (where `A_k`, which is zero there, is left out). So all transforms have the size of a coset, cosets from
//! which nothing came are free, and only the coset `k` itself is derived.

use reed_solomon_simd::engine::{
    DefaultEngine, Engine as _, GF_MODULUS, GF_ORDER, GfElement, tables,
};

use super::{Block, Code, Rate};
use crate::transform::Transforms;

/// Up to so many logarithms are looked up one by one; for more, a transform over the whole field takes
/// less time.
const MAX_LOOKUPS: usize = 1 << 20;

/// What decoding needs to know of which symbols are there; the same for all words of a blob.
#[derive(Debug, Clone)]
pub(crate) struct DecodingPlan {
    /// Indices of the source symbols that decoding yields.
    pub(crate) missing: Vec<usize>,
    /// For each coset with missing symbols, how these are computed.
    passes: Vec<Pass>,
}

/// How the missing symbols of a coset are computed.
#[derive(Debug, Clone)]
struct Pass {
    /// The missing symbols.
    missing: Coset,
    /// All received symbols, the coset of the missing ones first.
    received: Vec<Coset>,
}

/// Some symbols of a coset.
#[derive(Debug, Clone)]
struct Coset {
    /// Where it is among the cosets.
    index: usize,
    /// In the order of their shards.
    symbols: Vec<Symbol>,
}

#[derive(Debug, Clone, Copy)]
struct Symbol {
    /// The shard, counted from the start of the coset.
    shard: usize,
    /// Where it is among the received or the missing symbols of the plan.
    place: usize,
    /// The logarithm of what it is multiplied by.
    factor: GfElement,
}

impl Code {
    /// Prepares decoding from the symbols with these indices, of which there must be at least as
    /// many as source symbols, all distinct and below the total.
    pub(crate) fn plan_decoding(&self, received: &[usize]) -> DecodingPlan {
        debug_assert!(received.len() >= self.source);
        let mut is_received = vec![false; self.total];
        for &index in received {
            is_received[index] = true;
        }
        let is_missing = |index: &usize| !is_received[*index];
        let missing: Vec<usize> = (0..self.source).filter(is_missing).collect();
        let factors = self.erasure_factors(received);
        let missing_cosets = self.cosets(&missing, |slot| GF_MODULUS - factors[slot]);
        let passes = missing_cosets.into_iter().map(|missing| {
            let factor = |slot: usize| {
                let steps = (slot / self.chunk) ^ missing.index;
                let divisor = if steps == 0 {
                    0
                } else {
                    self.log_of_coset(steps)
                };
                product(factors[slot], GF_MODULUS - divisor)
            };
            let mut received = self.cosets(received, factor);
            received.sort_by_key(|coset| coset.index != missing.index);
            Pass { missing, received }
        });
        DecodingPlan {
            passes: passes.collect(),
            missing,
        }
    }

    /// For each slot, the logarithm of the erasure polynomial there, or of its derivative where the
    /// symbol was not received: the sum of the logarithms of its differences from all erasures.
    fn erasure_factors(&self, received: &[usize]) -> Vec<GfElement> {
        let slots = self.decode_end();
        // Of the points of the field, those without a value, or those with one, whichever are fewer. The product of
        // all differences that are not zero is one, so the other ones make the inverse.
        let (mut listed, erased) = match self.rate {
            Rate::Low => (vec![false; slots], false),
            Rate::High => (vec![true; slots], true),
        };
        if self.rate == Rate::Low {
            listed[self.source..self.chunk].fill(true); // zeros beyond the source
        }
        for &index in received {
            listed[self.decode_slot(index)] = !erased;
        }
        let points: Vec<usize> = (0..slots).filter(|slot| listed[*slot]).collect();
        let mut logs = if points.len() * slots <= MAX_LOOKUPS {
            sums_of_logs(&points, slots)
        } else {
            let mut marked: Box<[GfElement; GF_ORDER]> =
                vec![0; GF_ORDER].try_into().expect("has this length");
            for &point in &points {
                marked[point] = 1;
            }
            DefaultEngine::eval_poly(&mut marked, slots);
            marked[..slots].to_vec()
        };
        if !erased {
            for log in &mut logs {
                *log = GF_MODULUS - *log;
            }
        }
        logs
    }

    /// Sorts symbols by cosets; `factor` tells for each slot what the symbol there is multiplied by.
    fn cosets(&self, symbols: &[usize], factor: impl Fn(usize) -> GfElement) -> Vec<Coset> {
        let slots = symbols.iter().map(|index| self.decode_slot(*index));
        let mut slots: Vec<(usize, usize)> = slots.zip(0..).collect();
        slots.sort_unstable();
        let cosets = slots.chunk_by(|(a, _), (b, _)| a / self.chunk == b / self.chunk);
        let coset = |slots: &[(usize, usize)]| Coset {
            index: slots[0].0 / self.chunk,
            symbols: slots
                .iter()
                .map(|&(slot, place)| Symbol {
                    shard: slot % self.chunk,
                    place,
                    factor: factor(slot),
                })
                .collect(),
        };
        cosets.map(coset).collect()
    }

    /// The logarithm of what the coset has in place of the zero of the first one.
    fn log_of_coset(&self, index: usize) -> GfElement {
        let tables = tables::get_exp_log();
        // The twist factors of the layer that joins cosets: the values at those of even index.
        let even = tables::get_skew()[(index & !1) * self.chunk + self.chunk - 1];
        let even = if even == GF_MODULUS {
            0 // which has no logarithm
        } else {
            tables.exp[usize::from(even)]
        };
        let odd = GfElement::from(index % 2 == 1);
        tables.log[usize::from(even ^ odd)]
    }

    /// The slot after the last one in use.
    pub(super) fn decode_end(&self) -> usize {
        self.chunk
            + match self.rate {
                Rate::Low => self.recovery(),
                Rate::High => self.source,
            }
    }

    /// The point of the symbol with this index.
    fn decode_slot(&self, index: usize) -> usize {
        match (self.rate, index.checked_sub(self.source)) {
            (Rate::Low, None) => index,
            (Rate::Low, Some(recovery)) => self.chunk + recovery,
            (Rate::High, None) => self.chunk + index,
            (Rate::High, Some(recovery)) => recovery,
        }
    }

    /// Shards of work space that [`Code::decode`] needs.
    pub(crate) fn decode_shards(&self) -> usize {
        2 * self.chunk
    }

    /// Computes the missing source symbols.
    ///
    /// `load(i, shard)` gives the `i`-th received symbol of the plan, maybe more than once;
    /// `store(i, shard)` takes the `i`-th missing symbol.
    pub(crate) fn decode(
        &self,
        transforms: &Transforms,
        plan: &DecodingPlan,
        (width, work): (usize, &mut [Block]),
        mut load: impl FnMut(usize, &mut [Block]),
        mut store: impl FnMut(usize, &[Block]),
    ) {
        let chunk = self.chunk;
        let (sum, part) = work[..self.decode_shards() * width].split_at_mut(chunk * width);
        let shard = |symbol: &Symbol| symbol.shard * width..(symbol.shard + 1) * width;
        for Pass { missing, received } in &plan.passes {
            for (i, coset) in received.iter().enumerate() {
                let target = if i == 0 { &mut *sum } else { &mut *part };
                let mut filled = 0;
                for symbol in &coset.symbols {
                    let shard = shard(symbol);
                    target[filled..shard.start].fill([0; 64]);
                    filled = shard.end;
                    load(symbol.place, &mut target[shard.clone()]);
                    transforms.multiply(&mut target[shard], symbol.factor);
                }
                target[filled..].fill([0; 64]);
                transforms.inverse(target, width, coset.index * chunk, filled / width);
                if coset.index == missing.index {
                    derive(transforms, width, target);
                }
                if i > 0 {
                    transforms.add(sum, part);
                }
            }
            let wanted = missing.symbols.last().map_or(0, |symbol| symbol.shard + 1);
            transforms.forward(sum, width, missing.index * chunk, wanted);
            for symbol in &missing.symbols {
                let shard = &mut sum[shard(symbol)];
                transforms.multiply(shard, symbol.factor);
                store(symbol.place, shard);
            }
        }
    }
}

/// The sum of a polynomial and its derivative, from its coefficients.
fn derive(transforms: &Transforms, width: usize, work: &mut [Block]) {
    for i in 1..work.len() / width {
        let span = 1 << i.trailing_zeros();
        let (before, after) = work.split_at_mut(i * width);
        transforms.add(&mut before[(i - span) * width..], &after[..span * width]);
    }
}

/// For each slot, the sum of the logarithms of its differences from these points.
fn sums_of_logs(points: &[usize], slots: usize) -> Vec<GfElement> {
    let logs = &tables::get_exp_log().log;
    let sum = |slot: usize| {
        // That of zero, which has none, stands for one here.
        let sum: u64 = points
            .iter()
            .map(|point| u64::from(logs[point ^ slot]))
            .sum();
        GfElement::try_from(sum % u64::from(GF_MODULUS)).expect("less than the modulus")
    };
    (0..slots).map(sum).collect()
}

/// The logarithm of a product, from those of its factors.
fn product(a: GfElement, b: GfElement) -> GfElement {
    let (sum, carry) = a.overflowing_add(b);
    sum + GfElement::from(carry)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{encode, words};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sums_of_logarithms_are_those_of_the_library() {
        let (points, slots) = ([0, 3, 4, 77, 500, 1023], 1200);
        let mut marked: Box<[GfElement; GF_ORDER]> = vec![0; GF_ORDER].try_into().unwrap();
        for point in points {
            marked[point] = 1;
        }
        DefaultEngine::eval_poly(&mut marked, slots);
        let library = marked[..slots].iter().map(|log| log % GF_MODULUS);
        assert!(sums_of_logs(&points, slots).into_iter().eq(library));
    }

    fn check(code: Code, received: &[usize], width: usize, seed: u64) {
        let transforms = Transforms::new(code.positions());
        let data = words(seed, code.source * width);
        let word = [data.clone(), encode(code, width, &data)].concat();
        let plan = code.plan_decoding(received);
        let mut work = vec![[0xaa; 64]; code.decode_shards() * width];
        let mut decoded = vec![Vec::new(); plan.missing.len()];
        code.decode(
            &transforms,
            &plan,
            (width, &mut work),
            |i, shard| shard.copy_from_slice(&word[received[i] * width..][..width]),
            |i, shard| decoded[i] = shard.to_vec(),
        );
        for (index, shard) in plan.missing.iter().zip(&decoded) {
            assert_eq!(shard[..], data[index * width..][..width]);
        }
    }

    /// Of such codes, there are too many logarithms to look up.
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
