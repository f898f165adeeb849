//! The vector instructions of x86.
//!
//! This is the one module of the crate with `unsafe` code. It pays: a thousand-shard encoding is
//! three million compressions, and vectors written as arrays of words are not turned into vector
//! instructions by the compiler: they were as slow as one message at a time.

#![allow(
    clippy::many_single_char_names,
    reason = "the words of BLAKE2b have letters"
)]
#![allow(unsafe_code)]

use super::BLOCK_LEN;

/// Four lanes. Exists only where [`super::Lanes::available`] has found AVX2.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Avx2 {
    _found: (),
}

/// Eight lanes. Exists only where [`super::Lanes::available`] has found AVX-512F and AVX2.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Avx512 {
    _found: (),
}

impl Avx2 {
    /// Whether this CPU has it.
    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self { _found: () })
    }
}

impl Avx512 {
    /// Whether this CPU has it.
    pub(super) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx2");
        found.then_some(Self { _found: () })
    }
}

/// The first block of these bytes, completed with zeros if they are less.
#[cold]
fn padded(bytes: &[u8]) -> [u8; BLOCK_LEN] {
    let mut block = [0; BLOCK_LEN];
    let bytes = &bytes[..bytes.len().min(BLOCK_LEN)];
    block[..bytes.len()].copy_from_slice(bytes);
    block
}

/// Defines what surrounds the compression function, for the lanes of one instruction set.
///
/// The module that calls it has the vector type as `Vector`, its instructions as `splat`, `and`,
/// `or`, `shift_left` and `shift_right`, and the functions `compress`, `compress_and_load`,
/// `load_quad` and `digests`.
macro_rules! lanes {
    (type: $type:ident, features: $features:literal, lanes: $lanes:literal) => {
        /// Compresses all blocks of a stretch.
        #[target_feature(enable = $features)]
        fn compress_stretch(state: &mut State<$lanes>, stretch: &Stretch<'_, $lanes>) {
            // SAFETY: the types have the same size, and any bits are valid in both.
            let mut words = unsafe { transmute::<State<$lanes>, [Vector; 8]>(*state) };
            let first = stretch.first.map(u64::from);
            // SAFETY: as before.
            let first = unsafe { transmute::<[u64; $lanes], Vector>(first) };
            let total = stretch.length + usize::from(stretch.last);
            // Those before the last block of the messages.
            let inner = match stretch.last {
                true => total.div_ceil(BLOCK_LEN) - 1,
                false => total / BLOCK_LEN,
            };
            let [block, next] = &mut [[splat(0); BLOCK_WORDS]; 2];
            let (mut block, mut next) = (block, next);
            load(&stretch.bytes, stretch.length.min(BLOCK_LEN), block);
            let mut first = Some(first);
            let mut counter = stretch.done;
            for start in (0..inner).map(|index| (index + 1) * BLOCK_LEN - 1) {
                shift::<BLOCK_WORDS>(block, first.take());
                counter += BLOCK_LEN as u64;
                let copies;
                let whole = |bytes: &[u8]| bytes.len() >= start + BLOCK_LEN;
                let bytes = if stretch.bytes.into_iter().all(whole) {
                    stretch
                        .bytes
                        .map(|bytes| bytes[start..].first_chunk().expect("a whole block"))
                } else {
                    copies = stretch.bytes.map(|bytes| padded(&bytes[start..]));
                    copies.each_ref()
                };
                compress_and_load(&mut words, block, counter, bytes, next);
                std::mem::swap(&mut block, &mut next);
            }
            if stretch.last {
                let length = total - inner * BLOCK_LEN;
                if inner > 0 {
                    clear(block, length);
                }
                counter += length as u64;
                compress_used(&mut words, block, first, length, counter);
            }
            // SAFETY: as before.
            *state = unsafe { transmute::<[Vector; 8], State<$lanes>>(words) };
        }

        /// Puts the first bytes of each lane into a block.
        #[target_feature(enable = $features)]
        #[inline]
        fn load(bytes: &[&[u8]; $lanes], length: usize, block: &mut [Vector; BLOCK_WORDS]) {
            let end = length.next_multiple_of(QUAD_LEN);
            let enough = bytes.iter().all(|bytes| bytes.len() >= end);
            for (words, from) in block
                .as_chunks_mut()
                .0
                .iter_mut()
                .zip((0..end).step_by(QUAD_LEN))
            {
                let mut copies = [[0; QUAD_LEN]; $lanes];
                for (copy, bytes) in copies.iter_mut().zip(bytes) {
                    let bytes = &bytes[from..];
                    if enough {
                        copy.copy_from_slice(&bytes[..QUAD_LEN]);
                    } else {
                        let bytes = &bytes[..bytes.len().min(QUAD_LEN)];
                        copy[..bytes.len()].copy_from_slice(bytes);
                    }
                }
                *words = load_quad(copies.each_ref());
            }
            clear(block, length);
        }

        /// Clears what was loaded beyond the end of a stretch: it does not belong to the message.
        #[target_feature(enable = $features)]
        #[inline]
        fn clear(block: &mut [Vector; BLOCK_WORDS], length: usize) {
            if let Some((word, rest)) = block[length / 8..].split_first_mut() {
                *word = and(*word, splat((1 << (8 * (length % 8))) - 1));
                rest.fill(splat(0));
            }
        }

        /// Shifts `first` into the first `USED` words, if there is one.
        #[target_feature(enable = $features)]
        #[inline]
        fn shift<const USED: usize>(block: &mut [Vector; BLOCK_WORDS], first: Option<Vector>) {
            if let Some(first) = first {
                for word in (1..USED).rev() {
                    block[word] = or(
                        shift_left::<8>(block[word]),
                        shift_right::<56>(block[word - 1]),
                    );
                }
                block[0] = or(shift_left::<8>(block[0]), first);
            }
        }

        /// Shifts `first` in and compresses the last block, of which `length` bytes are used.
        #[target_feature(enable = $features)]
        #[inline]
        fn compress_used(
            state: &mut [Vector; 8],
            block: &mut [Vector; BLOCK_WORDS],
            first: Option<Vector>,
            length: usize,
            counter: u64,
        ) {
            match length.div_ceil(8) {
                0..=1 => {
                    shift::<1>(block, first);
                    compress::<1>(state, block, counter, true);
                }
                2..=9 => {
                    shift::<9>(block, first);
                    compress::<9>(state, block, counter, true);
                }
                _ => {
                    shift::<16>(block, first);
                    compress::<16>(state, block, counter, true);
                }
            }
        }

        /// Hashes pairs of nodes.
        #[target_feature(enable = $features)]
        fn hash_nodes(
            prefix: u8,
            left: [&Digest; $lanes],
            right: [&Digest; $lanes],
        ) -> [Digest; $lanes] {
            let mut block = [splat(0); BLOCK_WORDS];
            block[..4].copy_from_slice(&load_quad(left));
            block[4..8].copy_from_slice(&load_quad(right));
            shift::<NODE_WORDS>(&mut block, Some(splat(i64::from(prefix))));
            let mut state = initial_state().map(|word| splat(word.cast_signed()));
            compress::<NODE_WORDS>(&mut state, &block, NODE_LEN, true);
            digests(&state)
        }

        impl Compress<$lanes> for $type {
            #[inline]
            fn nodes(
                self,
                prefix: u8,
                left: [&Digest; $lanes],
                right: [&Digest; $lanes],
            ) -> [Digest; $lanes] {
                // SAFETY: a value of this type exists only where the instructions were found.
                unsafe { hash_nodes(prefix, left, right) }
            }

            #[inline]
            fn stretch(self, state: &mut State<$lanes>, stretch: &Stretch<'_, $lanes>) {
                // SAFETY: as before.
                unsafe { compress_stretch(state, stretch) }
            }

            #[inline]
            fn digests(self, state: &State<$lanes>) -> [Digest; $lanes] {
                // SAFETY: the types have the same size, and any bits are valid in both.
                let words = unsafe { transmute::<State<$lanes>, [Vector; 8]>(*state) };
                // SAFETY: a value of this type exists only where the instructions were found.
                unsafe { digests(&words) }
            }
        }
    };
}

mod avx2;
mod avx512;
