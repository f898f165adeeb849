//! Four lanes, with AVX2.
//!
//! There are just as many registers as words to mix, and what is not in a register when it is
//! needed, or is not computed early enough, costs more than the mixing. Compilers order
//! instructions to need few registers, mixing one column after the other; here all four are mixed
//! step by step, which takes a sixth less time. So the order, and which register has which word,
//! are written down.

use std::{
    arch::{
        asm,
        x86_64::{
            __m256i, __m256i as Vector, _mm256_and_si256 as and, _mm256_or_si256 as or,
            _mm256_permute2x128_si256, _mm256_set1_epi64x, _mm256_set1_epi64x as splat,
            _mm256_slli_epi64 as shift_left, _mm256_srli_epi64 as shift_right,
            _mm256_unpackhi_epi64, _mm256_unpacklo_epi64, _mm256_xor_si256,
        },
    },
    mem::{MaybeUninit, transmute},
};

use super::{
    super::{
        BLOCK_LEN, BLOCK_WORDS, Compress, Digest, IV, NODE_LEN, NODE_WORDS, QUAD_LEN, State,
        Stretch, initial_state,
    },
    Avx2, padded,
};

lanes!(type: Avx2, features: "avx2", lanes: 4);

/// Orders of bytes that rotate words by 24 and by 16 bits.
#[repr(C, align(32))]
struct Orders([[u8; 16]; 4]);

static ORDERS: Orders = Orders([
    [3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10],
    [3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10],
    [2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9],
    [2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9],
]);

/// The initial values, in each lane.
const IV_LANES: [[u64; 4]; 8] = {
    let mut lanes = [[0; 4]; 8];
    let mut word = 0;
    while word < lanes.len() {
        lanes[word] = [IV[word]; 4];
        word += 1;
    }
    lanes
};

/// An instruction that changes four registers by four others.
macro_rules! each {
    ($name:literal [$($to:literal)*] [$($from:literal)*]) => {
        concat!($($name, " ymm", $to, ", ymm", $to, ", ymm", $from, "\n",)*)
    };
    ($name:literal [$($to:literal)*] $by:literal) => {
        concat!($($name, " ymm", $to, ", ymm", $to, ", ", $by, "\n",)*)
    };
}

/// Rotates registers by 63 bits, with one more register.
macro_rules! rotate_63 {
    ([$r0:literal $r1:literal $r2:literal $r3:literal] $more:literal) => {
        concat!(
            rotate_63!($r0 $more),
            rotate_63!($r1 $more),
            rotate_63!($r2 $more),
            rotate_63!($r3 $more),
        )
    };
    ($register:literal $more:literal) => {
        concat!(
            "vpsrlq ymm", $more, ", ymm", $register, ", 63\n",
            "vpaddq ymm", $register, ", ymm", $register, ", ymm", $register, "\n",
            "vpor ymm", $register, ", ymm", $register, ", ymm", $more, "\n",
        )
    };
}

/// Adds a word of the block, unless it is not used.
macro_rules! add_word {
    (one $to:literal 0) => {
        add_word!($to 0)
    };
    (one $to:literal $word:literal) => {
        ""
    };
    (nine $to:literal 9) => {
        ""
    };
    (nine $to:literal 10) => {
        ""
    };
    (nine $to:literal 11) => {
        ""
    };
    (nine $to:literal 12) => {
        ""
    };
    (nine $to:literal 13) => {
        ""
    };
    (nine $to:literal 14) => {
        ""
    };
    (nine $to:literal 15) => {
        ""
    };
    ($used:ident $to:literal $word:literal) => {
        add_word!($to $word)
    };
    ($to:literal $word:literal) => {
        concat!("vpaddq ymm", $to, ", ymm", $to, ", [{block} + 32 * ", $word, "]\n")
    };
}

/// Adds a word of the block to each of four registers.
macro_rules! add_words {
    ($used:ident [$($to:literal)*] [$($word:tt)*]) => {
        concat!($(add_word!($used $to $word),)*)
    };
}

/// Mixes the columns or the diagonals: the four of them step by step.
macro_rules! mix {
    ($used:ident $a:tt $b:tt $c:tt $d:tt $x:tt $y:tt spare $more:literal) => {
        concat!(
            add_words!($used $a $x),
            each!("vpaddq" $a $b),
            each!("vpxor" $d $a),
            each!("vpshufd" $d "0xb1"),
            each!("vpaddq" $c $d),
            each!("vpxor" $b $c),
            each!("vpshufb" $b "[{orders}]"),
            add_words!($used $a $y),
            each!("vpaddq" $a $b),
            each!("vpxor" $d $a),
            each!("vpshufb" $d "[{orders} + 32]"),
            each!("vpaddq" $c $d),
            each!("vpxor" $b $c),
            "vmovdqa [{slot}], ymm", $more, "\n",
            rotate_63!($b $more),
            "vmovdqa ymm", $more, ", [{slot}]\n",
        )
    };
}

/// Puts a word of each lane into the next block. This takes none of the units that mix, and the
/// last word is stored long before the next block is read.
macro_rules! load_word {
    (nothing) => {
        ""
    };
    ($word:literal) => {
        concat!(
            load_word!($word "lane0" 0),
            load_word!($word "lane1" 8),
            load_word!($word "lane2" 16),
            load_word!($word "lane3" 24),
        )
    };
    ($word:literal $lane:literal $place:literal) => {
        concat!(
            "mov {word}, [{", $lane, "} + 8 * ", $word, "]\n",
            "mov [{next} + 32 * ", $word, " + ", $place, "], {word}\n",
        )
    };
}

/// A round, with the words of the block in this order: a line of `SIGMA`, which assembly cannot
/// read. Meanwhile, two words of the next block are loaded.
macro_rules! round {
    (
        $used:ident $first:tt $second:tt,
        $x0:tt $y0:tt $x1:tt $y1:tt $x2:tt $y2:tt $x3:tt $y3:tt
        $x4:tt $y4:tt $x5:tt $y5:tt $x6:tt $y6:tt $x7:tt $y7:tt
    ) => {
        concat!(
            mix!(
                $used [0 1 2 3] [4 5 6 7] [8 9 10 11] [12 13 14 15]
                [$x0 $x1 $x2 $x3] [$y0 $y1 $y2 $y3] spare 11
            ),
            load_word!($first),
            mix!(
                $used [0 1 2 3] [5 6 7 4] [10 11 8 9] [15 12 13 14]
                [$x4 $x5 $x6 $x7] [$y4 $y5 $y6 $y7] spare 9
            ),
            load_word!($second),
        )
    };
}

/// All rounds, in which these words of the next block are loaded.
macro_rules! rounds {
    ($used:ident) => {
        rounds!($used nothing nothing nothing nothing nothing nothing nothing nothing
            nothing nothing nothing nothing nothing nothing nothing nothing)
    };
    (
        $used:ident $w0:tt $w1:tt $w2:tt $w3:tt $w4:tt $w5:tt $w6:tt $w7:tt
        $w8:tt $w9:tt $w10:tt $w11:tt $w12:tt $w13:tt $w14:tt $w15:tt
    ) => {
        concat!(
            round!($used $w0 $w1, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15),
            round!($used $w2 $w3, 14 10 4 8 9 15 13 6 1 12 0 2 11 7 5 3),
            round!($used $w4 $w5, 11 8 12 0 5 2 15 13 10 14 3 6 7 1 9 4),
            round!($used $w6 $w7, 7 9 3 1 13 12 11 14 2 6 5 10 4 0 15 8),
            round!($used $w8 $w9, 9 0 5 7 2 4 10 15 14 1 11 12 6 8 3 13),
            round!($used $w10 $w11, 2 12 6 10 0 11 8 3 4 13 7 5 15 14 1 9),
            round!($used $w12 $w13, 12 5 1 15 14 13 4 10 0 7 6 3 9 2 8 11),
            round!($used $w14 $w15, 13 11 7 14 12 1 3 9 5 0 15 4 8 6 2 10),
            round!($used nothing nothing, 6 15 14 9 11 3 0 8 12 2 13 7 1 4 10 5),
            round!($used nothing nothing, 10 2 8 4 7 6 1 5 15 11 9 14 3 12 13 0),
            round!($used nothing nothing, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15),
            round!($used nothing nothing, 14 10 4 8 9 15 13 6 1 12 0 2 11 7 5 3),
        )
    };
}

/// Runs these rounds, with more operands if they need them.
macro_rules! compress {
    (
        $rounds:expr, $state:ident, $block:ident, $counter:ident, $last:expr
        $(, $($operands:tt)+)?
    ) => {
        // SAFETY: the types have the same size, and any bits are valid in both.
        let iv = unsafe { transmute::<[[u64; 4]; 8], [__m256i; 8]>(IV_LANES) };
        let counter = _mm256_set1_epi64x($counter.cast_signed());
        let last = _mm256_set1_epi64x(-i64::from($last));
        let [mut a0, mut a1, mut a2, mut a3, mut b0, mut b1, mut b2, mut b3] = *$state;
        let [mut c0, mut c1, mut c2, mut c3, mut d0, mut d1, mut d2, mut d3] = iv;
        d0 = _mm256_xor_si256(d0, counter);
        d2 = _mm256_xor_si256(d2, last);
        let mut slot = MaybeUninit::<__m256i>::uninit();
        // SAFETY: the instructions exist, as those of the function do. They change only the
        // registers named here, the slot, and the words of the next block if there is one; they
        // read only the slot, the words of the block, the orders, all of which are aligned as they
        // need it, and the bytes of the next block.
        unsafe {
            asm!(
                $rounds,
                inout("ymm0") a0,
                inout("ymm1") a1,
                inout("ymm2") a2,
                inout("ymm3") a3,
                inout("ymm4") b0,
                inout("ymm5") b1,
                inout("ymm6") b2,
                inout("ymm7") b3,
                inout("ymm8") c0,
                inout("ymm9") c1,
                inout("ymm10") c2,
                inout("ymm11") c3,
                inout("ymm12") d0,
                inout("ymm13") d1,
                inout("ymm14") d2,
                inout("ymm15") d3,
                block = in(reg) $block.as_ptr(),
                orders = in(reg) &raw const ORDERS,
                slot = in(reg) slot.as_mut_ptr(),
                $($($operands)+,)?
                options(nostack, preserves_flags)
            );
        }
        let low = [a0, a1, a2, a3, b0, b1, b2, b3];
        let high = [c0, c1, c2, c3, d0, d1, d2, d3];
        for ((state, low), high) in $state.iter_mut().zip(low).zip(high) {
            *state = _mm256_xor_si256(*state, _mm256_xor_si256(low, high));
        }
    };
}

/// The compression function. Words of the block from `USED` on are zero, and are not added.
#[target_feature(enable = "avx2")]
fn compress<const USED: usize>(
    state: &mut [__m256i; 8],
    block: &[__m256i; BLOCK_WORDS],
    counter: u64,
    last: bool,
) {
    match USED {
        1 => {
            compress!(rounds!(one), state, block, counter, last);
        }
        9 => {
            compress!(rounds!(nine), state, block, counter, last);
        }
        _ => {
            compress!(rounds!(all), state, block, counter, last);
        }
    }
}

/// Compresses a block that is not the last one, and meanwhile puts the next one of each lane into
/// `next`: so to load and to transpose it takes hardly any time.
#[target_feature(enable = "avx2")]
fn compress_and_load(
    state: &mut [__m256i; 8],
    block: &[__m256i; BLOCK_WORDS],
    counter: u64,
    bytes: [&[u8; BLOCK_LEN]; 4],
    next: &mut [__m256i; BLOCK_WORDS],
) {
    compress!(
        rounds!(all 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15),
        state,
        block,
        counter,
        false,
        lane0 = in(reg) bytes[0].as_ptr(),
        lane1 = in(reg) bytes[1].as_ptr(),
        lane2 = in(reg) bytes[2].as_ptr(),
        lane3 = in(reg) bytes[3].as_ptr(),
        next = in(reg) next.as_mut_ptr(),
        word = out(reg) _
    );
}

/// Turns four rows of four words into their columns.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn transpose([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
    let (ab_even, ab_odd) = (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    let (cd_even, cd_odd) = (_mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d));
    [
        _mm256_permute2x128_si256::<0x20>(ab_even, cd_even),
        _mm256_permute2x128_si256::<0x20>(ab_odd, cd_odd),
        _mm256_permute2x128_si256::<0x31>(ab_even, cd_even),
        _mm256_permute2x128_si256::<0x31>(ab_odd, cd_odd),
    ]
}

/// Four words of four lanes.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn load_quad([a, b, c, d]: [&[u8; QUAD_LEN]; 4]) -> [__m256i; 4] {
    let lanes = [*a, *b, *c, *d];
    // SAFETY: the types have the same size, and any bits are valid in both.
    transpose(unsafe { transmute::<[[u8; QUAD_LEN]; 4], [__m256i; 4]>(lanes) })
}

/// The digests of four lanes.
#[target_feature(enable = "avx2")]
#[inline]
fn digests(state: &[__m256i; 8]) -> [Digest; 4] {
    let [a, b, c, d, ..] = *state;
    // SAFETY: the types have the same size, and any bits are valid in both.
    unsafe { transmute::<[__m256i; 4], [Digest; 4]>(transpose([a, b, c, d])) }
}
