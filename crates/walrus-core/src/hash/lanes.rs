//! The compression function of BLAKE2b, on one message or on several side by side.
//!
//! Lane `l` of every vector belongs to message `l`: the function is the plain one, on vectors
//! instead of words. The instruction sets are chosen at run time. AVX-512 has registers and rotations
//! for eight lanes.

use std::sync::OnceLock;

/// Bytes that the function takes in at once.
pub(super) const BLOCK_LEN: usize = 128;

/// Words of a block.
const BLOCK_WORDS: usize = 16;

/// The chaining values of `L` messages: word by word, and in each the lanes.
pub(super) type State<const L: usize> = [[u64; L]; 8];

/// A block of `L` messages each, in the same order.
type Block<const L: usize> = [[u64; L]; BLOCK_WORDS];

const IV: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// The order in which each round takes the words of the block.
const SIGMA: [[usize; BLOCK_WORDS]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

/// Chaining value of an unkeyed hash of 32 bytes: the parameters go into the first word.
pub(super) const fn initial_state() -> [u64; 8] {
    let mut state = IV;
    state[0] ^= 0x0101_0000 | 32;
    state
}

/// What this CPU offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lanes {
    /// Eight lanes in 512-bit registers.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// Four lanes in 256-bit registers.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// One message after the other.
    Portable,
}

impl Lanes {
    /// The fastest that this CPU has.
    pub(super) fn detect() -> Self {
        static DETECTED: OnceLock<Lanes> = OnceLock::new();
        *DETECTED.get_or_init(|| Self::available()[0])
    }

    /// All that this CPU has, fastest first.
    pub(super) fn available() -> Vec<Self> {
        let mut available = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                available.push(Self::Avx512);
            }
            if is_x86_feature_detected!("avx2") {
                available.push(Self::Avx2);
            }
        }
        available.push(Self::Portable);
        available
    }
}

/// Stretches of `L` messages to be compressed, all of the same length.
pub(super) struct Stretch<'a, const L: usize> {
    /// The byte before each stretch: a domain prefix, or the last byte of the stretch before.
    pub(super) first: [u8; L],
    /// The stretches.
    pub(super) bytes: [&'a [u8]; L],
    /// Bytes of each message that were compressed before, a multiple of the block length.
    pub(super) done: u64,
    /// Whether the messages end here. If not, the last byte of each stretch, which must be a
    /// multiple of the block length long, is left for the next one.
    pub(super) last: bool,
}

impl<const L: usize> Stretch<'_, L> {
    /// Compresses all blocks.
    pub(super) fn compress(
        &self,
        state: &mut State<L>,
        compress: impl Fn(&mut State<L>, &Block<L>, u64, bool),
    ) {
        let total = self.bytes[0].len() + usize::from(self.last);
        let blocks = total.div_ceil(BLOCK_LEN);
        let mut block = [[0; L]; BLOCK_WORDS];
        for index in 0..blocks {
            let end = total.min((index + 1) * BLOCK_LEN);
            self.load(index * BLOCK_LEN..end, &mut block);
            let counter = self.done + end as u64;
            compress(state, &block, counter, self.last && index + 1 == blocks);
        }
    }

    /// Loads the block at this range of `first ‖ bytes`.
    fn load(&self, range: std::ops::Range<usize>, block: &mut Block<L>) {
        let used = range.len().div_ceil(8);
        for lane in 0..L {
            let bytes = self.bytes[lane];
            let mut buffer = [0; BLOCK_LEN];
            let whole = range
                .start
                .checked_sub(1)
                .and_then(|start| bytes[start..].first_chunk());
            let source: &[u8; BLOCK_LEN] =
                if let Some(whole) = whole.filter(|_| range.len() == BLOCK_LEN) {
                    whole
                } else {
                    let (target, from) = if range.start == 0 {
                        buffer[0] = self.first[lane];
                        (&mut buffer[1..range.len()], 0)
                    } else {
                        (&mut buffer[..range.len()], range.start - 1)
                    };
                    target.copy_from_slice(&bytes[from..from + target.len()]);
                    &buffer
                };
            for (words, bytes) in block.iter_mut().zip(source.as_chunks::<8>().0).take(used) {
                words[lane] = u64::from_le_bytes(*bytes);
            }
        }
        block[used..].fill([0; L]);
    }
}

/// The compression function, one message at a time.
pub(super) fn compress_one(state: &mut State<1>, block: &Block<1>, counter: u64, last: bool) {
    let mut v: [u64; 16] = std::array::from_fn(|i| if i < 8 { state[i][0] } else { IV[i - 8] });
    v[12] ^= counter;
    if last {
        v[14] = !v[14];
    }
    let mut mix = |[a, b, c, d]: [usize; 4], x: u64, y: u64| {
        v[a] = v[a].wrapping_add(v[b]).wrapping_add(x);
        v[d] = (v[d] ^ v[a]).rotate_right(32);
        v[c] = v[c].wrapping_add(v[d]);
        v[b] = (v[b] ^ v[c]).rotate_right(24);
        v[a] = v[a].wrapping_add(v[b]).wrapping_add(y);
        v[d] = (v[d] ^ v[a]).rotate_right(16);
        v[c] = v[c].wrapping_add(v[d]);
        v[b] = (v[b] ^ v[c]).rotate_right(63);
    };
    for round in 0..12 {
        let order = &SIGMA[round % 10];
        for (i, places) in MIXES.into_iter().enumerate() {
            mix(places, block[order[2 * i]][0], block[order[2 * i + 1]][0]);
        }
    }
    for i in 0..8 {
        state[i][0] ^= v[i] ^ v[i + 8];
    }
}

/// The words that a round mixes: the columns, then the diagonals.
const MIXES: [[usize; 4]; 8] = [
    [0, 4, 8, 12],
    [1, 5, 9, 13],
    [2, 6, 10, 14],
    [3, 7, 11, 15],
    [0, 5, 10, 15],
    [1, 6, 11, 12],
    [2, 7, 8, 13],
    [3, 4, 9, 14],
];

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{compress_eight, compress_four};

/// The vector instructions of x86.
///
/// This is the one module of the crate with `unsafe` code. It pays: a thousand-shard encoding is
/// three million of these compressions, and vectors written as arrays of words are not turned into
/// vector instructions by the compiler: they were as slow as one message at a time.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod x86 {
    use std::arch::x86_64::{
        __m256i, __m512i, _mm256_add_epi64, _mm256_or_si256, _mm256_set1_epi64x, _mm256_setr_epi8,
        _mm256_shuffle_epi8, _mm256_shuffle_epi32, _mm256_srli_epi64, _mm256_xor_si256,
        _mm512_add_epi64, _mm512_ror_epi64, _mm512_set1_epi64, _mm512_xor_si512,
    };

    use super::{Block, IV, MIXES, SIGMA, State};

    /// Defines the compression function over a vector type and its instructions.
    macro_rules! compress {
        (
            $name:ident, $feature:literal, $vector:ty, $lanes:literal,
            $add:ident, $xor:ident, $splat:ident,
            $rotate_32:expr, $rotate_24:expr, $rotate_16:expr, $rotate_63:expr
        ) => {
            #[target_feature(enable = $feature)]
            fn $name(state: &mut State<$lanes>, block: &Block<$lanes>, counter: u64, last: bool) {
                let load = |words: &[u64; $lanes]| {
                    // SAFETY: the types have the same size, and any bits are valid in both.
                    unsafe { std::mem::transmute::<[u64; $lanes], $vector>(*words) }
                };
                let store = |vector: $vector| {
                    // SAFETY: the types have the same size, and any bits are valid in both.
                    unsafe { std::mem::transmute::<$vector, [u64; $lanes]>(vector) }
                };
                let block: [$vector; 16] = std::array::from_fn(|i| load(&block[i]));
                let before: [$vector; 8] = std::array::from_fn(|i| load(&state[i]));
                let mut v: [$vector; 16] = std::array::from_fn(|i| {
                    if i < 8 {
                        before[i]
                    } else {
                        $splat(IV[i - 8].cast_signed())
                    }
                });
                v[12] = $xor(v[12], $splat(counter.cast_signed()));
                if last {
                    v[14] = $xor(v[14], $splat(-1));
                }
                macro_rules! mix {
                    ($mix:literal, $order:ident) => {{
                        const PLACES: [usize; 4] = MIXES[$mix];
                        let [a, b, c, d] = PLACES;
                        v[a] = $add($add(v[a], v[b]), block[$order[2 * $mix]]);
                        v[d] = $rotate_32($xor(v[d], v[a]));
                        v[c] = $add(v[c], v[d]);
                        v[b] = $rotate_24($xor(v[b], v[c]));
                        v[a] = $add($add(v[a], v[b]), block[$order[2 * $mix + 1]]);
                        v[d] = $rotate_16($xor(v[d], v[a]));
                        v[c] = $add(v[c], v[d]);
                        v[b] = $rotate_63($xor(v[b], v[c]));
                    }};
                }
                macro_rules! round {
                    ($round:literal) => {{
                        const ORDER: [usize; 16] = SIGMA[$round % 10];
                        mix!(0, ORDER);
                        mix!(1, ORDER);
                        mix!(2, ORDER);
                        mix!(3, ORDER);
                        mix!(4, ORDER);
                        mix!(5, ORDER);
                        mix!(6, ORDER);
                        mix!(7, ORDER);
                    }};
                }
                round!(0);
                round!(1);
                round!(2);
                round!(3);
                round!(4);
                round!(5);
                round!(6);
                round!(7);
                round!(8);
                round!(9);
                round!(10);
                round!(11);
                for i in 0..8 {
                    state[i] = store($xor(before[i], $xor(v[i], v[i + 8])));
                }
            }
        };
    }

    compress!(
        compress_avx512,
        "avx512f",
        __m512i,
        8,
        _mm512_add_epi64,
        _mm512_xor_si512,
        _mm512_set1_epi64,
        _mm512_ror_epi64::<32>,
        _mm512_ror_epi64::<24>,
        _mm512_ror_epi64::<16>,
        _mm512_ror_epi64::<63>
    );

    compress!(
        compress_avx2,
        "avx2",
        __m256i,
        4,
        _mm256_add_epi64,
        _mm256_xor_si256,
        _mm256_set1_epi64x,
        rotate_32,
        rotate_24,
        rotate_16,
        rotate_63
    );

    #[target_feature(enable = "avx2")]
    fn rotate_32(words: __m256i) -> __m256i {
        _mm256_shuffle_epi32::<0b10_11_00_01>(words)
    }

    #[target_feature(enable = "avx2")]
    fn rotate_24(words: __m256i) -> __m256i {
        let bytes = _mm256_setr_epi8(
            3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10, //
            3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10,
        );
        _mm256_shuffle_epi8(words, bytes)
    }

    #[target_feature(enable = "avx2")]
    fn rotate_16(words: __m256i) -> __m256i {
        let bytes = _mm256_setr_epi8(
            2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9, //
            2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9,
        );
        _mm256_shuffle_epi8(words, bytes)
    }

    #[target_feature(enable = "avx2")]
    fn rotate_63(words: __m256i) -> __m256i {
        _mm256_or_si256(
            _mm256_srli_epi64::<63>(words),
            _mm256_add_epi64(words, words),
        )
    }

    /// Compresses eight blocks. Only for who has seen [`super::Lanes::Avx512`].
    pub(in super::super) fn compress_eight(
        state: &mut State<8>,
        block: &Block<8>,
        counter: u64,
        last: bool,
    ) {
        debug_assert!(is_x86_feature_detected!("avx512f"));
        // SAFETY: `Lanes::Avx512` only exists where `Lanes::available` has found AVX-512F, and all
        // callers are behind a match on it.
        unsafe { compress_avx512(state, block, counter, last) }
    }

    /// Compresses four blocks. Only for who has seen [`super::Lanes::Avx2`].
    pub(in super::super) fn compress_four(
        state: &mut State<4>,
        block: &Block<4>,
        counter: u64,
        last: bool,
    ) {
        debug_assert!(is_x86_feature_detected!("avx2"));
        // SAFETY: `Lanes::Avx2` only exists where `Lanes::available` has found AVX2, and all callers
        // are behind a match on it.
        unsafe { compress_avx2(state, block, counter, last) }
    }
}
