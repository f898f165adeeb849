//! The vector instructions of x86.
//!
//! This is the one module of the crate with `unsafe` code. It pays: a thousand-shard encoding is
//! three million compressions, and vectors written as arrays of words are not turned into vector
//! instructions by the compiler: they were as slow as one message at a time.

#![allow(
    clippy::many_single_char_names,
    clippy::struct_field_names,
    reason = "vectors side by side have letters, rotations their distances"
)]
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256i, __m512i, _mm256_add_epi64, _mm256_or_si256, _mm256_permute2x128_si256,
    _mm256_set1_epi64x, _mm256_setr_epi8, _mm256_shuffle_epi8, _mm256_srli_epi64,
    _mm256_unpackhi_epi64, _mm256_unpacklo_epi64, _mm256_xor_si256, _mm512_add_epi64,
    _mm512_ror_epi64, _mm512_set1_epi64, _mm512_xor_si512,
};

use super::{
    BLOCK_LEN, Block, Compress, Digest, IV, MIXES, NODE_LEN, NODE_WORDS, QUAD_LEN, SIGMA, State,
    initial_state, shift_in,
};

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

/// Defines the compression function over a vector type and its instructions. Words of the block from
/// `USED` on are zero, and are not added.
macro_rules! compress {
    (
        $name:ident, $feature:literal, $vector:ty, $lanes:literal,
        $add:ident, $xor:ident, $splat:ident, $rotations:ident,
        $rotate_32:expr, $rotate_24:expr, $rotate_16:expr, $rotate_63:expr
    ) => {
        #[target_feature(enable = $feature)]
        fn $name<const USED: usize>(
            state: &mut State<$lanes>,
            block: &Block<$lanes>,
            counter: u64,
            last: bool,
        ) {
            let load = |words: &[u64; $lanes]| {
                // SAFETY: the types have the same size, and any bits are valid in both.
                unsafe { std::mem::transmute::<[u64; $lanes], $vector>(*words) }
            };
            let store = |vector: $vector| {
                // SAFETY: the types have the same size, and any bits are valid in both.
                unsafe { std::mem::transmute::<$vector, [u64; $lanes]>(vector) }
            };
            let rotations = $rotations();
            let mut v = [$splat(0); 16];
            for i in 0..8 {
                v[i] = load(&state[i]);
                v[i + 8] = $splat(IV[i].cast_signed());
            }
            v[12] = $xor(v[12], $splat(counter.cast_signed()));
            if last {
                v[14] = $xor(v[14], $splat(-1));
            }
            macro_rules! add_word {
                ($to:expr, $place:expr) => {
                    if $place < USED {
                        $to = $add($to, load(&block[$place]));
                    }
                };
            }
            macro_rules! mix {
                ($mix:literal, $order:ident) => {{
                    const PLACES: [usize; 4] = MIXES[$mix];
                    let [a, b, c, d] = PLACES;
                    // What is known early is added first.
                    add_word!(v[a], $order[2 * $mix]);
                    v[a] = $add(v[a], v[b]);
                    v[d] = $rotate_32($xor(v[d], v[a]), rotations);
                    v[c] = $add(v[c], v[d]);
                    v[b] = $rotate_24($xor(v[b], v[c]), rotations);
                    add_word!(v[a], $order[2 * $mix + 1]);
                    v[a] = $add(v[a], v[b]);
                    v[d] = $rotate_16($xor(v[d], v[a]), rotations);
                    v[c] = $add(v[c], v[d]);
                    v[b] = $rotate_63($xor(v[b], v[c]), rotations);
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
                state[i] = store($xor(load(&state[i]), $xor(v[i], v[i + 8])));
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
    rotations_avx512,
    rotate_avx512::<32>,
    rotate_avx512::<24>,
    rotate_avx512::<16>,
    rotate_avx512::<63>
);

compress!(
    compress_avx2,
    "avx2",
    __m256i,
    4,
    _mm256_add_epi64,
    _mm256_xor_si256,
    _mm256_set1_epi64x,
    rotations_avx2,
    rotate_32,
    rotate_24,
    rotate_16,
    rotate_63
);

/// Byte orders that rotate words by whole bytes.
#[derive(Clone, Copy)]
struct Rotations {
    by_32: __m256i,
    by_24: __m256i,
    by_16: __m256i,
}

#[target_feature(enable = "avx2")]
fn rotations_avx2() -> Rotations {
    let by_32 = _mm256_setr_epi8(
        4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11, //
        4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11,
    );
    let by_24 = _mm256_setr_epi8(
        3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10, //
        3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10,
    );
    let by_16 = _mm256_setr_epi8(
        2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9, //
        2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9,
    );
    // The compiler would turn orders of bytes that it knows into two shuffles each, and there are
    // fewer units for shuffles than for anything else.
    std::hint::black_box(Rotations {
        by_32,
        by_24,
        by_16,
    })
}

#[target_feature(enable = "avx2")]
fn rotate_32(words: __m256i, rotations: Rotations) -> __m256i {
    _mm256_shuffle_epi8(words, rotations.by_32)
}

#[target_feature(enable = "avx2")]
fn rotate_24(words: __m256i, rotations: Rotations) -> __m256i {
    _mm256_shuffle_epi8(words, rotations.by_24)
}

#[target_feature(enable = "avx2")]
fn rotate_16(words: __m256i, rotations: Rotations) -> __m256i {
    _mm256_shuffle_epi8(words, rotations.by_16)
}

#[target_feature(enable = "avx2")]
fn rotate_63(words: __m256i, _: Rotations) -> __m256i {
    _mm256_or_si256(
        _mm256_srli_epi64::<63>(words),
        _mm256_add_epi64(words, words),
    )
}

#[target_feature(enable = "avx512f")]
fn rotations_avx512() {}

#[target_feature(enable = "avx512f")]
fn rotate_avx512<const BITS: i32>(words: __m512i, (): ()) -> __m512i {
    _mm512_ror_epi64::<BITS>(words)
}

/// Turns four rows of four words into their columns.
#[target_feature(enable = "avx2")]
fn transpose([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
    let (ab_even, ab_odd) = (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    let (cd_even, cd_odd) = (_mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d));
    [
        _mm256_permute2x128_si256::<0x20>(ab_even, cd_even),
        _mm256_permute2x128_si256::<0x20>(ab_odd, cd_odd),
        _mm256_permute2x128_si256::<0x31>(ab_even, cd_even),
        _mm256_permute2x128_si256::<0x31>(ab_odd, cd_odd),
    ]
}

/// Puts four words of four lanes, from `lane` on, into the block, from `word` on.
#[target_feature(enable = "avx2")]
fn load_lanes<const L: usize>(
    sources: [&[u8; QUAD_LEN]; 4],
    block: &mut Block<L>,
    word: usize,
    lane: usize,
) {
    let [a, b, c, d] = sources;
    // SAFETY: the types have the same size, and any bits are valid in both.
    let rows =
        unsafe { std::mem::transmute::<[[u8; QUAD_LEN]; 4], [__m256i; 4]>([*a, *b, *c, *d]) };
    // SAFETY: as before.
    let columns = unsafe { std::mem::transmute::<[__m256i; 4], [[u64; 4]; 4]>(transpose(rows)) };
    for (words, column) in block[word..word + 4].iter_mut().zip(&columns) {
        words[lane..lane + 4].copy_from_slice(column);
    }
}

/// The digests of four lanes, from `lane` on.
#[target_feature(enable = "avx2")]
fn digests_of_lanes<const L: usize>(state: &State<L>, lane: usize) -> [Digest; 4] {
    let mut words = [[0; 4]; 4];
    for (words, state) in words.iter_mut().zip(state) {
        words.copy_from_slice(&state[lane..lane + 4]);
    }
    // SAFETY: the types have the same size, and any bits are valid in both.
    let rows = unsafe { std::mem::transmute::<[[u64; 4]; 4], [__m256i; 4]>(words) };
    // SAFETY: as before.
    unsafe { std::mem::transmute::<[__m256i; 4], [Digest; 4]>(transpose(rows)) }
}

#[target_feature(enable = "avx2")]
fn shift_avx2<const L: usize>(block: &mut Block<L>, used: usize, first: [u8; L]) {
    shift_in(block, used, first);
}

/// Four lanes of a block, from where they lie.
#[target_feature(enable = "avx2")]
fn load_block<const L: usize>(lanes: [&[u8; BLOCK_LEN]; 4], block: &mut Block<L>, lane: usize) {
    let quads = lanes.map(|bytes| bytes.as_chunks::<QUAD_LEN>().0);
    for quad in 0..BLOCK_LEN / QUAD_LEN {
        load_lanes(quads.map(|quads| &quads[quad]), block, 4 * quad, lane);
    }
}

/// Compresses whole blocks of four messages.
#[target_feature(enable = "avx2")]
fn compress_whole_avx2(state: &mut State<4>, bytes: [&[u8]; 4], mut counter: u64) {
    let [a, b, c, d] = bytes.map(|bytes| bytes.as_chunks::<BLOCK_LEN>().0);
    let mut block = [[0; 4]; 16];
    for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
        load_block([a, b, c, d], &mut block, 0);
        counter += BLOCK_LEN as u64;
        compress_avx2::<16>(state, &block, counter, false);
    }
}

/// Compresses whole blocks of eight messages.
#[target_feature(enable = "avx2,avx512f")]
fn compress_whole_avx512(state: &mut State<8>, bytes: [&[u8]; 8], mut counter: u64) {
    let blocks = bytes.map(|bytes| bytes.as_chunks::<BLOCK_LEN>().0);
    let count = blocks.map(<[_]>::len).into_iter().min().unwrap_or(0);
    let mut block = [[0; 8]; 16];
    for i in 0..count {
        let [a, b, c, d, e, f, g, h] = blocks.map(|blocks| &blocks[i]);
        load_block([a, b, c, d], &mut block, 0);
        load_block([e, f, g, h], &mut block, 4);
        counter += BLOCK_LEN as u64;
        compress_avx512::<16>(state, &block, counter, false);
    }
}

/// Hashes pairs of nodes in four lanes.
#[target_feature(enable = "avx2")]
fn nodes_avx2(prefix: u8, left: [&Digest; 4], right: [&Digest; 4]) -> [Digest; 4] {
    let mut block = [[0; 4]; 16];
    load_lanes(left, &mut block, 0, 0);
    load_lanes(right, &mut block, 4, 0);
    shift_in(&mut block, NODE_WORDS, [prefix; 4]);
    let mut state = initial_state().map(|word| [word; 4]);
    compress_avx2::<NODE_WORDS>(&mut state, &block, NODE_LEN, true);
    digests_of_lanes(&state, 0)
}

/// Hashes pairs of nodes in eight lanes.
#[target_feature(enable = "avx2,avx512f")]
fn nodes_avx512(prefix: u8, left: [&Digest; 8], right: [&Digest; 8]) -> [Digest; 8] {
    let mut block = [[0; 8]; 16];
    for (nodes, word) in [(left, 0), (right, 4)] {
        let [a, b, c, d, e, f, g, h] = nodes;
        load_lanes([a, b, c, d], &mut block, word, 0);
        load_lanes([e, f, g, h], &mut block, word, 4);
    }
    shift_in(&mut block, NODE_WORDS, [prefix; 8]);
    let mut state = initial_state().map(|word| [word; 8]);
    compress_avx512::<NODE_WORDS>(&mut state, &block, NODE_LEN, true);
    let mut digests = [[0; QUAD_LEN]; 8];
    let (first, second) = digests.split_at_mut(4);
    first.copy_from_slice(&digests_of_lanes(&state, 0));
    second.copy_from_slice(&digests_of_lanes(&state, 4));
    digests
}

impl Compress<4> for Avx2 {
    #[inline]
    fn nodes(self, prefix: u8, left: [&Digest; 4], right: [&Digest; 4]) -> [Digest; 4] {
        // SAFETY: a value of this type exists only where AVX2 was found; the same holds below.
        unsafe { nodes_avx2(prefix, left, right) }
    }

    #[inline]
    fn compress(
        self,
        state: &mut State<4>,
        block: &Block<4>,
        used: usize,
        counter: u64,
        last: bool,
    ) {
        // SAFETY: AVX2 was found.
        unsafe {
            match used {
                0..=1 => compress_avx2::<1>(state, block, counter, last),
                2..=9 => compress_avx2::<9>(state, block, counter, last),
                _ => compress_avx2::<16>(state, block, counter, last),
            }
        }
    }

    #[inline]
    fn compress_whole(self, state: &mut State<4>, bytes: [&[u8]; 4], counter: u64) {
        // SAFETY: AVX2 was found.
        unsafe { compress_whole_avx2(state, bytes, counter) }
    }

    #[inline]
    fn load(self, sources: [&[u8; QUAD_LEN]; 4], block: &mut Block<4>, word: usize) {
        // SAFETY: AVX2 was found.
        unsafe { load_lanes(sources, block, word, 0) }
    }

    #[inline]
    fn shift(self, block: &mut Block<4>, used: usize, first: [u8; 4]) {
        // SAFETY: AVX2 was found.
        unsafe { shift_avx2(block, used, first) }
    }

    #[inline]
    fn digests(self, state: &State<4>) -> [Digest; 4] {
        // SAFETY: AVX2 was found.
        unsafe { digests_of_lanes(state, 0) }
    }
}

impl Compress<8> for Avx512 {
    #[inline]
    fn nodes(self, prefix: u8, left: [&Digest; 8], right: [&Digest; 8]) -> [Digest; 8] {
        // SAFETY: a value of this type exists only where AVX-512F and AVX2 were found; the same holds
        // below.
        unsafe { nodes_avx512(prefix, left, right) }
    }

    #[inline]
    fn compress(
        self,
        state: &mut State<8>,
        block: &Block<8>,
        used: usize,
        counter: u64,
        last: bool,
    ) {
        // SAFETY: AVX-512F and AVX2 were found.
        unsafe {
            match used {
                0..=1 => compress_avx512::<1>(state, block, counter, last),
                2..=9 => compress_avx512::<9>(state, block, counter, last),
                _ => compress_avx512::<16>(state, block, counter, last),
            }
        }
    }

    #[inline]
    fn compress_whole(self, state: &mut State<8>, bytes: [&[u8]; 8], counter: u64) {
        // SAFETY: AVX-512F and AVX2 were found.
        unsafe { compress_whole_avx512(state, bytes, counter) }
    }

    #[inline]
    fn load(self, sources: [&[u8; QUAD_LEN]; 8], block: &mut Block<8>, word: usize) {
        let [a, b, c, d, e, f, g, h] = sources;
        // SAFETY: AVX2 was found.
        unsafe {
            load_lanes([a, b, c, d], block, word, 0);
            load_lanes([e, f, g, h], block, word, 4);
        }
    }

    #[inline]
    fn shift(self, block: &mut Block<8>, used: usize, first: [u8; 8]) {
        // SAFETY: AVX2 was found.
        unsafe { shift_avx2(block, used, first) }
    }

    #[inline]
    fn digests(self, state: &State<8>) -> [Digest; 8] {
        // SAFETY: AVX2 was found.
        let halves = unsafe { [digests_of_lanes(state, 0), digests_of_lanes(state, 4)] };
        let mut digests = [[0; QUAD_LEN]; 8];
        digests
            .as_flattened_mut()
            .copy_from_slice(halves.as_flattened().as_flattened());
        digests
    }
}
