//! The additive Fourier transforms of the codes.
//!
//! The algorithm is that of the crate `reed-solomon-simd`. On CPUs with AVX2 it is implemented
//! here: two layers at a time while the data is in registers; depth first, so that most layers find
//! it in the first-level cache; and with coefficients in a basis that makes products cheap. That
//! halves the time of the codes. On other CPUs that crate does the work.
//!
//! The data of a transform is one or more blocks (its *width*) at each of a power of two of
//! positions.

use reed_solomon_simd::engine::{DefaultEngine, Engine as _, GfElement, ShardsRefMut};

use crate::block::Block;

/// The transforms, with the twist factors of a number of positions.
pub(crate) struct Transforms {
    engine: DefaultEngine,
    #[cfg(target_arch = "x86_64")]
    avx2: Option<avx2::Avx2>,
}

impl Transforms {
    /// With the twist factors of this many positions.
    pub(crate) fn new(positions: usize) -> Self {
        Self {
            engine: DefaultEngine::new(),
            #[cfg(target_arch = "x86_64")]
            avx2: avx2::Avx2::detect(positions),
        }
    }

    /// Those of the library, whatever the CPU offers.
    #[cfg(test)]
    pub(crate) fn of_library() -> Self {
        Self {
            engine: DefaultEngine::new(),
            #[cfg(target_arch = "x86_64")]
            avx2: None,
        }
    }

    /// Turns the coefficients of polynomials into their values at as many points, from `start` on.
    /// Only the first `wanted` values are right.
    ///
    /// Coefficients come from [`Transforms::inverse`], or are sums of such. Their bytes depend on
    /// the CPU.
    pub(crate) fn forward(&self, work: &mut [Block], width: usize, start: usize, wanted: usize) {
        let size = work.len() / width;
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = &self.avx2 {
            return avx2.forward(None, work, width, start, wanted);
        }
        let shards = &mut ShardsRefMut::new(size, width, work);
        self.engine.fft(shards, 0, size, wanted, start);
    }

    /// [`Transforms::forward`] from `coefficients` to `work`, which saves copying them first.
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

    /// The reverse: turns values, which are zero after the first `used` positions, into
    /// coefficients.
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
        /// This module and the library, with SIMD and without, have the same results.
        #[test]
        fn kernels_agree(
            log in 0_u32..9, width in 1_usize..5, cosets: [u8; 2], limits: [usize; 2], seed: u8,
        ) {
            let size = 1 << log;
            let [from, to] = cosets.map(|coset| usize::from(coset % 4) * size);
            let [used, wanted] = limits.map(|limit| limit % size + 1);
            let mut data: Vec<Block> = (0..size * width)
                .map(|i| i * 13 + usize::from(seed))
                .map(|i| std::array::from_fn(|j| (i + j * 7).to_le_bytes()[0]))
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
