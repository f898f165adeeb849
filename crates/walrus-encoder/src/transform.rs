//! The additive Fourier transforms of the codes.
//!
//! The algorithm is that of the crate `reed-solomon-simd`. On CPUs with AVX2 the
//! transforms are computed here: two layers at a time while the data is in registers, depth first, so
//! that most layers find it in the first-level cache, and with coefficients in a basis that makes
//! products cheap. That halves the time of the codes. Elsewhere, the kernels of that crate do the work.

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
    /// A shard is `width` blocks; `work` has `size` shards. Coefficients are what [`Transforms::inverse`] leaves, and
    /// sums of these; what bytes they are depends on the kernels.
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

    /// Multiplies all values by the element with this logarithm.
    pub(crate) fn multiply(&self, blocks: &mut [Block], log: GfElement) {
        self.engine.mul(blocks, log);
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reed_solomon_simd::engine::NoSimd;

    proptest! {
        /// Here and in the library, with SIMD and without, the results are the same.
        #[test]
        fn kernels_agree(
            log in 0_u32..9, width in 1_usize..5, cosets: [u8; 2], limits: [usize; 2], seed: u8,
        ) {
            let size = 1 << log;
            let [from, to] = cosets.map(|coset| usize::from(coset % 4) * size);
            let [used, wanted] = limits.map(|limit| limit % size + 1);
            let mut data: Vec<Block> = (0..size * width)
                .map(|i| std::array::from_fn(|j| (i * 13 + j * 7 + usize::from(seed)).to_le_bytes()[0]))
                .collect();
            data[used * width..].fill([0; 64]);

            let mut plain = data.clone();
            let shards = &mut ShardsRefMut::new(size, width, &mut plain);
            NoSimd::new().ifft(shards, 0, size, used, from);
            NoSimd::new().fft(shards, 0, size, wanted, to);
            let expected = &plain[..wanted * width];

            for transforms in [Transforms::new(5 * size), Transforms::of_library()] {
                let mut work = data.clone();
                transforms.inverse(&mut work, width, from, used);
                let mut other = vec![[0xaa; 64]; size * width];
                transforms.forward_from(&work, &mut other, width, to, wanted);
                prop_assert_eq!(&other[..wanted * width], expected);
                transforms.forward(&mut work, width, to, wanted);
                prop_assert_eq!(&work[..wanted * width], expected);

                let mut sum = work.clone();
                transforms.add(&mut sum, &other);
                prop_assert!(sum[..wanted * width].iter().all(|block| *block == [0; 64]));
            }
        }
    }
}
