//! The additive Fourier transforms of the codes.
//!
//! The algorithm and its tables are those of the crate `reed-solomon-simd`. On CPUs with AVX2 the
//! transforms are computed here: two layers at a time while the data is in registers, depth first, so
//! that most layers find it in the first-level cache, and with the tables of multipliers one behind
//! the other. That halves the time of the codes. Elsewhere, the kernels of that crate do the work.

use reed_solomon_simd::engine::{DefaultEngine, Engine as _, GfElement, ShardsRefMut};

use crate::code::Block;

/// Transforms of up to a given number of shards.
pub(crate) struct Transforms {
    engine: DefaultEngine,
    #[cfg(target_arch = "x86_64")]
    avx2: Option<avx2::Avx2>,
}

impl Transforms {
    /// For positions below `shards`.
    pub(crate) fn new(shards: usize) -> Self {
        Self {
            engine: DefaultEngine::new(),
            #[cfg(target_arch = "x86_64")]
            avx2: avx2::Avx2::detect(shards),
        }
    }

    /// The kernels of the library, whatever the CPU offers.
    #[cfg(test)]
    pub(crate) fn of_library() -> Self {
        Self {
            engine: DefaultEngine::new(),
            #[cfg(target_arch = "x86_64")]
            avx2: None,
        }
    }

    /// Values at `size` points, from `start` on, of the polynomials with these coefficients. Only the
    /// first `wanted` results are right.
    ///
    /// A shard is `width` blocks; `work` has `size` shards.
    pub(crate) fn forward(&self, work: &mut [Block], width: usize, start: usize, wanted: usize) {
        let size = work.len() / width;
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = &self.avx2 {
            return avx2.forward(None, work, width, start, wanted);
        }
        let shards = &mut ShardsRefMut::new(size, width, work);
        self.engine.fft(shards, 0, size, wanted, start);
    }

    /// [`Transforms::forward`] of coefficients that are kept; it takes no copy of them first.
    pub(crate) fn forward_from(
        &self,
        coefficients: &[Block],
        work: &mut [Block],
        width: usize,
        start: usize,
        wanted: usize,
    ) {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = &self.avx2 {
            return avx2.forward(Some(coefficients), work, width, start, wanted);
        }
        work.copy_from_slice(coefficients);
        self.forward(work, width, start, wanted);
    }

    /// The reverse: coefficients from values, which are zero from `used` shards on.
    pub(crate) fn inverse(&self, work: &mut [Block], width: usize, start: usize, used: usize) {
        let size = work.len() / width;
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = &self.avx2 {
            return avx2.inverse(work, width, start, used);
        }
        let shards = &mut ShardsRefMut::new(size, width, work);
        self.engine.ifft(shards, 0, size, used, start);
    }

    /// Adds blocks to others.
    pub(crate) fn add(&self, target: &mut [Block], source: &[Block]) {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = &self.avx2 {
            return avx2.add(target, source);
        }
        let target = target.as_flattened_mut().iter_mut();
        for (target, source) in target.zip(source.as_flattened()) {
            *target ^= source;
        }
    }

    /// Multiplies all elements by that with this logarithm.
    pub(crate) fn multiply(&self, blocks: &mut [Block], log: GfElement) {
        self.engine.mul(blocks, log);
    }
}

/// One of the few modules with `unsafe` code. It pays: with the transforms of the
/// library, the codes took twice the time, a third of that of encoding a large blob.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod avx2 {
    use std::arch::x86_64::{
        __m128i, __m256i, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_set1_epi8,
        _mm256_shuffle_epi8, _mm256_srli_epi64, _mm256_xor_si256,
    };

    use reed_solomon_simd::engine::{GF_MODULUS, tables};

    use crate::code::Block;

    /// Products of an element with all values of a nibble: for each of the four nibbles the low
    /// bytes, then for each the high bytes.
    type Multiplier = [u128; 8];

    /// Exists only where AVX2 was found.
    pub(super) struct Avx2 {
        /// The twist factor of each position.
        twists: Vec<Multiplier>,
    }

    impl Avx2 {
        /// With the factors for positions below `shards`, if this CPU has AVX2.
        pub(super) fn detect(shards: usize) -> Option<Self> {
            if !is_x86_feature_detected!("avx2") {
                return None;
            }
            let (skew, multipliers) = (tables::get_skew(), tables::get_mul128());
            let twist = |log: &u16| {
                if *log == GF_MODULUS {
                    // The logarithm of zero.
                    return [0; 8];
                }
                let table = &multipliers[usize::from(*log)];
                std::array::from_fn(|i| if i < 4 { table.lo[i] } else { table.hi[i - 4] })
            };
            let twists = skew.iter().take(shards).map(twist).collect();
            Some(Self { twists })
        }

        /// Of the coefficients in `work`, or of others.
        pub(super) fn forward(
            &self,
            coefficients: Option<&[Block]>,
            work: &mut [Block],
            width: usize,
            start: usize,
            wanted: usize,
        ) {
            // SAFETY: a value of this type exists only where AVX2 was found.
            unsafe { forward(&self.twists, coefficients, work, width, start, wanted) }
        }

        #[allow(clippy::unused_self)] // it shows that there is AVX2
        pub(super) fn add(&self, target: &mut [Block], source: &[Block]) {
            // SAFETY: a value of this type exists only where AVX2 was found.
            unsafe { add(target, source) }
        }

        pub(super) fn inverse(&self, work: &mut [Block], width: usize, start: usize, used: usize) {
            // SAFETY: a value of this type exists only where AVX2 was found.
            unsafe { inverse(&self.twists, work, width, start, used) }
        }
    }

    #[target_feature(enable = "avx2")]
    fn add(target: &mut [Block], source: &[Block]) {
        for (target, source) in target.iter_mut().zip(source) {
            Elements::load(target)
                .plus(Elements::load(source))
                .store(target);
        }
    }

    /// 32 elements: their low bytes and their high bytes.
    #[derive(Clone, Copy)]
    struct Elements([__m256i; 2]);

    impl Elements {
        #[target_feature(enable = "avx2")]
        #[inline]
        fn load(block: &Block) -> Self {
            // SAFETY: the types have the same size, and any bits are valid in both.
            Self(unsafe { std::mem::transmute::<Block, [__m256i; 2]>(*block) })
        }

        #[target_feature(enable = "avx2")]
        #[inline]
        fn store(self, block: &mut Block) {
            // SAFETY: the types have the same size, and any bits are valid in both.
            *block = unsafe { std::mem::transmute::<[__m256i; 2], Block>(self.0) };
        }

        #[target_feature(enable = "avx2")]
        #[inline]
        fn plus(self, other: Self) -> Self {
            let ([low, high], [other_low, other_high]) = (self.0, other.0);
            Self([
                _mm256_xor_si256(low, other_low),
                _mm256_xor_si256(high, other_high),
            ])
        }

        /// `SMALL`: the factor is in the subfield of 256 elements, which are those with a high byte of zero;
        /// so no low byte makes a high byte.
        #[target_feature(enable = "avx2")]
        #[inline]
        fn times<const SMALL: bool>(self, by: &[__m256i; 8]) -> Self {
            let [low, high] = self.0;
            let nibble = _mm256_set1_epi8(0x0f);
            let nibbles = [
                _mm256_and_si256(low, nibble),
                _mm256_and_si256(_mm256_srli_epi64::<4>(low), nibble),
                _mm256_and_si256(high, nibble),
                _mm256_and_si256(_mm256_srli_epi64::<4>(high), nibble),
            ];
            let mut product = [
                _mm256_shuffle_epi8(by[0], nibbles[0]),
                _mm256_shuffle_epi8(by[6], nibbles[2]),
            ];
            for (i, nibble) in nibbles.into_iter().enumerate() {
                if i != 0 {
                    let part = _mm256_shuffle_epi8(by[i], nibble);
                    product[0] = _mm256_xor_si256(product[0], part);
                }
                if i == 3 || (!SMALL && i != 2) {
                    let part = _mm256_shuffle_epi8(by[i + 4], nibble);
                    product[1] = _mm256_xor_si256(product[1], part);
                }
            }
            Self(product)
        }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn spread(multiplier: &Multiplier) -> [__m256i; 8] {
        let mut spread = [_mm256_set1_epi8(0); 8];
        for (spread, part) in spread.iter_mut().zip(multiplier) {
            // SAFETY: the types have the same size, and any bits are valid in both.
            let part = unsafe { std::mem::transmute::<u128, __m128i>(*part) };
            *spread = _mm256_broadcastsi128_si256(part);
        }
        spread
    }

    /// Whether the factor is in the subfield of 256 elements.
    fn is_small(factor: &Multiplier) -> bool {
        factor[4..6] == [0; 2]
    }

    /// Calls a function with what is known of two layers as constants.
    macro_rules! two_layers {
        ($layers:ident($work:expr, $factors:expr), half: $half:expr) => {
            match ($factors.first, $half, $factors.small) {
                (true, true, true) => $layers::<true, true, true>($work, $factors),
                (true, true, false) => $layers::<true, true, false>($work, $factors),
                (true, false, true) => $layers::<true, false, true>($work, $factors),
                (true, false, false) => $layers::<true, false, false>($work, $factors),
                (false, true, true) => $layers::<false, true, true>($work, $factors),
                (false, true, false) => $layers::<false, true, false>($work, $factors),
                (false, false, true) => $layers::<false, false, true>($work, $factors),
                (false, false, false) => $layers::<false, false, false>($work, $factors),
            }
        };
    }

    /// The factors of two layers: of the outer one, and of both halves of the inner one.
    struct Factors<'a> {
        outer: &'a Multiplier,
        inner: [&'a Multiplier; 2],
        /// Whether `outer` and the first of `inner` are zero.
        first: bool,
        /// Whether all are in the subfield of 256 elements.
        small: bool,
    }

    impl<'a> Factors<'a> {
        fn new(twists: &'a [Multiplier], start: usize, distance: usize) -> Self {
            let base = start + distance - 1;
            let outer = &twists[base + distance];
            let inner = [&twists[base], &twists[base + 2 * distance]];
            Self {
                outer,
                inner,
                first: start == 0,
                small: [outer, inner[0], inner[1]].into_iter().all(is_small),
            }
        }
    }

    #[target_feature(enable = "avx2")]
    fn forward(
        twists: &[Multiplier],
        coefficients: Option<&[Block]>,
        work: &mut [Block],
        width: usize,
        start: usize,
        wanted: usize,
    ) {
        let size = work.len() / width;
        if let Some(coefficients) = coefficients
            && size < 4
        {
            work.copy_from_slice(coefficients);
        }
        if size == 2 {
            let by = spread(&twists[start]);
            let (a, b) = work.split_at_mut(width);
            for (a, b) in a.iter_mut().zip(b) {
                let (x, y) = (Elements::load(a), Elements::load(b));
                let x = x.plus(y.times::<false>(&by));
                x.store(a);
                y.plus(x).store(b);
            }
        }
        if size < 4 {
            return;
        }
        let distance = size / 4;
        let factors = Factors::new(twists, start, distance);
        match coefficients {
            None => {
                two_layers!(forward_layers(work, &factors), half: wanted <= 2 * distance);
            }
            Some(from) if factors.small => forward_layers_from::<true>(from, work, &factors),
            Some(from) => forward_layers_from::<false>(from, work, &factors),
        }
        for (i, quarter) in work.chunks_exact_mut(distance * width).enumerate() {
            let before = i * distance;
            if before < wanted {
                let wanted = (wanted - before).min(distance);
                forward(twists, None, quarter, width, start + before, wanted);
            }
        }
    }

    /// Two layers of coefficients that are kept.
    #[target_feature(enable = "avx2")]
    fn forward_layers_from<const SMALL: bool>(
        coefficients: &[Block],
        work: &mut [Block],
        factors: &Factors<'_>,
    ) {
        let outer = spread(factors.outer);
        let inner = [spread(factors.inner[0]), spread(factors.inner[1])];
        let (first, second) = coefficients.split_at(coefficients.len() / 2);
        let halves = [first, second].map(|half| half.split_at(half.len() / 2));
        let [first, second] = halves.map(|(even, odd)| even.iter().zip(odd));
        for ((first, second), [a, b, c, d]) in first.zip(second).zip(quarters(work)) {
            let (mut w, mut x) = (Elements::load(first.0), Elements::load(first.1));
            let (mut y, mut z) = (Elements::load(second.0), Elements::load(second.1));
            w = w.plus(y.times::<SMALL>(&outer));
            x = x.plus(z.times::<SMALL>(&outer));
            y = y.plus(w);
            z = z.plus(x);
            y = y.plus(z.times::<SMALL>(&inner[1]));
            z = z.plus(y);
            w = w.plus(x.times::<SMALL>(&inner[0]));
            x = x.plus(w);
            w.store(a);
            x.store(b);
            y.store(c);
            z.store(d);
        }
    }

    #[target_feature(enable = "avx2")]
    fn inverse(twists: &[Multiplier], work: &mut [Block], width: usize, start: usize, used: usize) {
        let size = work.len() / width;
        if size < 2 {
            return;
        }
        // An odd layer is the outermost one.
        let parts = if size.ilog2() % 2 == 1 { 2 } else { 4 };
        let distance = size / parts;
        for (i, part) in work.chunks_exact_mut(distance * width).enumerate() {
            let before = i * distance;
            if before < used {
                let used = (used - before).min(distance);
                inverse(twists, part, width, start + before, used);
            }
        }
        if parts == 2 {
            let by = spread(&twists[start + distance - 1]);
            let (a, b) = work.split_at_mut(distance * width);
            for (a, b) in a.iter_mut().zip(b) {
                let (x, y) = (Elements::load(a), Elements::load(b));
                let y = y.plus(x);
                y.store(b);
                x.plus(y.times::<false>(&by)).store(a);
            }
            return;
        }
        let factors = Factors::new(twists, start, distance);
        two_layers!(inverse_layers(work, &factors), half: used <= 2 * distance);
    }

    /// Two layers. `FIRST`: two of the factors are zero. `HALF`: only the first half is wanted. `SMALL`: all
    /// factors are in the subfield of 256 elements.
    #[target_feature(enable = "avx2")]
    fn forward_layers<const FIRST: bool, const HALF: bool, const SMALL: bool>(
        work: &mut [Block],
        factors: &Factors<'_>,
    ) {
        let outer = spread(factors.outer);
        let inner = [spread(factors.inner[0]), spread(factors.inner[1])];
        for [a, b, c, d] in quarters(work) {
            let (mut w, mut x) = (Elements::load(a), Elements::load(b));
            let (mut y, mut z) = (Elements::load(c), Elements::load(d));
            if !FIRST {
                w = w.plus(y.times::<SMALL>(&outer));
                x = x.plus(z.times::<SMALL>(&outer));
            }
            if !HALF {
                y = y.plus(w);
                z = z.plus(x);
                y = y.plus(z.times::<SMALL>(&inner[1]));
                z = z.plus(y);
                y.store(c);
                z.store(d);
            }
            if !FIRST {
                w = w.plus(x.times::<SMALL>(&inner[0]));
            }
            x = x.plus(w);
            w.store(a);
            x.store(b);
        }
    }

    /// Two layers. `FIRST`: two of the factors are zero. `HALF`: the second half is zero, whatever is
    /// in its memory. `SMALL` as above.
    #[target_feature(enable = "avx2")]
    fn inverse_layers<const FIRST: bool, const HALF: bool, const SMALL: bool>(
        work: &mut [Block],
        factors: &Factors<'_>,
    ) {
        let outer = spread(factors.outer);
        let inner = [spread(factors.inner[0]), spread(factors.inner[1])];
        for [a, b, c, d] in quarters(work) {
            let (mut w, mut x) = (Elements::load(a), Elements::load(b));
            x = x.plus(w);
            if !FIRST {
                w = w.plus(x.times::<SMALL>(&inner[0]));
            }
            let (mut y, mut z) = (w, x);
            if !HALF {
                (y, z) = (Elements::load(c), Elements::load(d));
                z = z.plus(y);
                y = y.plus(z.times::<SMALL>(&inner[1]));
                y = y.plus(w);
                z = z.plus(x);
            }
            if !FIRST {
                w = w.plus(y.times::<SMALL>(&outer));
                x = x.plus(z.times::<SMALL>(&outer));
            }
            w.store(a);
            x.store(b);
            y.store(c);
            z.store(d);
        }
    }

    /// The blocks at the same places of the four quarters.
    fn quarters(work: &mut [Block]) -> impl Iterator<Item = [&mut Block; 4]> {
        let quarter = work.len() / 4;
        let (ab, cd) = work.split_at_mut(2 * quarter);
        let ((a, b), (c, d)) = (ab.split_at_mut(quarter), cd.split_at_mut(quarter));
        let pairs = a.iter_mut().zip(b).zip(c.iter_mut().zip(d));
        pairs.map(|((a, b), (c, d))| [a, b, c, d])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reed_solomon_simd::engine::NoSimd;

    proptest! {
        /// Here and in the library, with SIMD and without, the results are the same.
        #[test]
        fn kernels_agree(
            log in 0_u32..9, width in 1_usize..5, start in 0_usize..4, limit: usize, seed: u8,
        ) {
            let size = 1 << log;
            let (start, limit) = (start * size, limit % size + 1);
            let mut data: Vec<Block> = (0..size * width)
                .map(|i| std::array::from_fn(|j| (i * 13 + j * 7 + usize::from(seed)).to_le_bytes()[0]))
                .collect();
            let (ours, library) = (Transforms::new(5 * size), Transforms::of_library());
            let (mut one, mut other) = (data.clone(), data.clone());
            ours.forward(&mut one, width, start, limit);
            library.forward(&mut other, width, start, limit);
            prop_assert_eq!(&one[..limit * width], &other[..limit * width]);

            let mut plain = data.clone();
            let shards = &mut ShardsRefMut::new(size, width, &mut plain);
            NoSimd::new().fft(shards, 0, size, limit, start);
            prop_assert_eq!(&one[..limit * width], &plain[..limit * width]);

            for transforms in [&ours, &library] {
                one.fill([0xaa; 64]);
                transforms.forward_from(&data, &mut one, width, start, limit);
                prop_assert_eq!(&one[..limit * width], &plain[..limit * width]);
            }

            data[limit * width..].fill([0; 64]);
            let (mut one, mut other) = (data.clone(), data);
            ours.inverse(&mut one, width, start, limit);
            library.inverse(&mut other, width, start, limit);
            prop_assert_eq!(&one, &other);

            ours.add(&mut one, &plain);
            library.add(&mut other, &plain);
            prop_assert_eq!(one, other);
        }
    }
}
