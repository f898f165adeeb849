//! Eight lanes, with AVX-512: registers enough, and instructions that rotate.

use std::{
    arch::x86_64::{
        __m256i, __m512i, __m512i as Vector, _mm256_set1_epi64x, _mm512_add_epi64,
        _mm512_and_si512 as and, _mm512_castsi256_si512, _mm512_castsi512_si256,
        _mm512_extracti64x4_epi64, _mm512_inserti64x4, _mm512_or_si512 as or, _mm512_ror_epi64,
        _mm512_set1_epi64, _mm512_set1_epi64 as splat, _mm512_slli_epi64 as shift_left,
        _mm512_srli_epi64 as shift_right, _mm512_xor_si512,
    },
    mem::transmute,
};

use super::{
    super::{
        BLOCK_LEN, BLOCK_WORDS, Compress, Digest, IV, MIXES, NODE_LEN, NODE_WORDS, QUAD_LEN, SIGMA,
        State, Stretch, initial_state,
    },
    Avx512,
    avx2::{load_quad as load_four_lanes, transpose},
    padded,
};

lanes!(type: Avx512, features: "avx2,avx512f", lanes: 8);

/// The compression function. Words of the block from `USED` on are zero, and are not added.
#[target_feature(enable = "avx512f")]
fn compress<const USED: usize>(
    state: &mut [__m512i; 8],
    block: &[__m512i; BLOCK_WORDS],
    counter: u64,
    last: bool,
) {
    let mut v = [_mm512_set1_epi64(0); 16];
    for i in 0..8 {
        v[i] = state[i];
        v[i + 8] = _mm512_set1_epi64(IV[i].cast_signed());
    }
    v[12] = _mm512_xor_si512(v[12], _mm512_set1_epi64(counter.cast_signed()));
    if last {
        v[14] = _mm512_xor_si512(v[14], _mm512_set1_epi64(-1));
    }
    macro_rules! add_word {
        ($to:expr, $place:expr) => {
            if $place < USED {
                $to = _mm512_add_epi64($to, block[$place]);
            }
        };
    }
    macro_rules! mix {
        ($mix:literal, $order:ident) => {{
            const PLACES: [usize; 4] = MIXES[$mix];
            let [a, b, c, d] = PLACES;
            // What is known early is added first.
            add_word!(v[a], $order[2 * $mix]);
            v[a] = _mm512_add_epi64(v[a], v[b]);
            v[d] = _mm512_ror_epi64::<32>(_mm512_xor_si512(v[d], v[a]));
            v[c] = _mm512_add_epi64(v[c], v[d]);
            v[b] = _mm512_ror_epi64::<24>(_mm512_xor_si512(v[b], v[c]));
            add_word!(v[a], $order[2 * $mix + 1]);
            v[a] = _mm512_add_epi64(v[a], v[b]);
            v[d] = _mm512_ror_epi64::<16>(_mm512_xor_si512(v[d], v[a]));
            v[c] = _mm512_add_epi64(v[c], v[d]);
            v[b] = _mm512_ror_epi64::<63>(_mm512_xor_si512(v[b], v[c]));
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
        state[i] = _mm512_xor_si512(state[i], _mm512_xor_si512(v[i], v[i + 8]));
    }
}

/// Compresses a block that is not the last one, and puts the next one of each lane into `next`.
#[target_feature(enable = "avx2,avx512f")]
fn compress_and_load(
    state: &mut [__m512i; 8],
    block: &[__m512i; BLOCK_WORDS],
    counter: u64,
    bytes: [&[u8; BLOCK_LEN]; 8],
    next: &mut [__m512i; BLOCK_WORDS],
) {
    compress::<BLOCK_WORDS>(state, block, counter, false);
    for (quad, words) in next.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        *words = load_quad(bytes.map(|bytes| {
            bytes[quad * QUAD_LEN..]
                .first_chunk()
                .expect("a block has four of them")
        }));
    }
}

/// Four words of eight lanes.
#[target_feature(enable = "avx2,avx512f")]
#[inline]
fn load_quad([a, b, c, d, e, f, g, h]: [&[u8; QUAD_LEN]; 8]) -> [__m512i; 4] {
    let (low, high) = (load_four_lanes([a, b, c, d]), load_four_lanes([e, f, g, h]));
    let mut words = [_mm512_set1_epi64(0); 4];
    for ((words, low), high) in words.iter_mut().zip(low).zip(high) {
        *words = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high);
    }
    words
}

/// The digests of eight lanes.
#[target_feature(enable = "avx2,avx512f")]
#[inline]
fn digests(state: &[__m512i; 8]) -> [Digest; 8] {
    let (mut low, mut high) = ([_mm256_set1_epi64x(0); 4], [_mm256_set1_epi64x(0); 4]);
    for ((words, low), high) in state.iter().zip(&mut low).zip(&mut high) {
        *low = _mm512_castsi512_si256(*words);
        *high = _mm512_extracti64x4_epi64::<1>(*words);
    }
    // SAFETY: the types have the same size, and any bits are valid in both.
    unsafe { transmute::<[[__m256i; 4]; 2], [Digest; 8]>([transpose(low), transpose(high)]) }
}
