//! The compression function of BLAKE2b, on one message or on several side by side.
//!
//! Lane `l` of every vector belongs to message `l`: the function is the plain one, on vectors
//! instead of words. The instruction sets are chosen at run time. AVX-512 has registers and
//! rotations for eight lanes.

use std::sync::OnceLock;

use super::Digest;

/// Bytes that the function takes in at once.
pub(super) const BLOCK_LEN: usize = 128;

/// Words of a block.
const BLOCK_WORDS: usize = 16;

/// The chaining values of `L` messages: word by word, and in each the lanes.
pub(super) type State<const L: usize> = [[u64; L]; 8];

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
#[derive(Debug, Clone, Copy)]
pub(super) enum Lanes {
    /// Eight lanes in 512-bit registers.
    #[cfg(target_arch = "x86_64")]
    Eight(Avx512),
    /// Four lanes in 256-bit registers.
    #[cfg(target_arch = "x86_64")]
    Four(Avx2),
    /// One message after the other.
    One(Portable),
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
            available.extend(Avx512::detect().map(Self::Eight));
            // Miri, which runs the tests with AVX-512 where the CPU has none, knows no assembly.
            if !cfg!(miri) {
                available.extend(Avx2::detect().map(Self::Four));
            }
        }
        available.push(Self::One(Portable));
        available
    }

    /// How many messages are hashed side by side.
    pub(super) fn count(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Eight(_) => 8,
            #[cfg(target_arch = "x86_64")]
            Self::Four(_) => 4,
            Self::One(_) => 1,
        }
    }
}

/// Runs an expression with the instructions of this CPU and their number of lanes.
macro_rules! with_lanes {
    ($lanes:expr, $with:ident, $count:ident => $body:expr) => {
        match $lanes {
            #[cfg(target_arch = "x86_64")]
            $crate::hash::lanes::Lanes::Eight($with) => {
                const $count: usize = 8;
                $body
            }
            #[cfg(target_arch = "x86_64")]
            $crate::hash::lanes::Lanes::Four($with) => {
                const $count: usize = 4;
                $body
            }
            $crate::hash::lanes::Lanes::One($with) => {
                const $count: usize = 1;
                $body
            }
        }
    };
}
pub(super) use with_lanes;

/// Stretches of `L` messages to be compressed, all of the same length.
pub(super) struct Stretch<'a, const L: usize> {
    /// The byte before each stretch: a domain prefix, or the last byte of the stretch before.
    pub(super) first: [u8; L],
    /// The stretches. What follows them in memory may be attached: where there is enough of it, the
    /// end of a stretch is loaded without copying.
    pub(super) bytes: [&'a [u8]; L],
    /// Length of each stretch.
    pub(super) length: usize,
    /// Bytes of each message that were compressed before, a multiple of the block length.
    pub(super) done: u64,
    /// Whether the messages end here. If not, the last byte of each stretch, which must be a
    /// multiple of the block length long, is left for the next one.
    pub(super) last: bool,
}

/// What differs between instruction sets.
pub(super) trait Compress<const L: usize>: Copy {
    /// The hashes of pairs of nodes: `H(prefix ‖ left ‖ right)` in each lane.
    fn nodes(self, prefix: u8, left: [&Digest; L], right: [&Digest; L]) -> [Digest; L];

    /// Compresses all blocks of a stretch.
    fn stretch(self, state: &mut State<L>, stretch: &Stretch<'_, L>);

    /// The digests in the state.
    fn digests(self, state: &State<L>) -> [Digest; L];
}

/// Bytes that are loaded at a time.
const QUAD_LEN: usize = 32;

/// Length of a pair of nodes, with the prefix.
const NODE_LEN: u64 = 2 * QUAD_LEN as u64 + 1;

/// Words of a pair of nodes.
#[cfg(target_arch = "x86_64")]
const NODE_WORDS: usize = 2 * QUAD_LEN / 8 + 1;

/// One message at a time, on any CPU.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portable;

impl Compress<1> for Portable {
    fn nodes(self, prefix: u8, [left]: [&Digest; 1], [right]: [&Digest; 1]) -> [Digest; 1] {
        let mut block = [0; BLOCK_LEN];
        let (first, nodes) = block.split_at_mut(1);
        first[0] = prefix;
        nodes[..QUAD_LEN].copy_from_slice(left);
        nodes[QUAD_LEN..2 * QUAD_LEN].copy_from_slice(right);
        let mut state = initial_state().map(|word| [word]);
        compress_one(&mut state, &block, NODE_LEN, true);
        self.digests(&state)
    }

    fn stretch(self, state: &mut State<1>, stretch: &Stretch<'_, 1>) {
        let mut bytes = &stretch.bytes[0][..stretch.length];
        let mut first = Some(stretch.first[0]);
        let mut counter = stretch.done;
        loop {
            let mut block = [0; BLOCK_LEN];
            let begin = usize::from(first.is_some());
            let (taken, rest) = bytes.split_at(bytes.len().min(BLOCK_LEN - begin));
            if let Some(first) = first.take() {
                block[0] = first;
            }
            let end = begin + taken.len();
            block[begin..end].copy_from_slice(taken);
            // Unless the messages end here, the last byte is left for the next stretch.
            if end < BLOCK_LEN && !stretch.last {
                break;
            }
            counter += end as u64;
            let ends = stretch.last && rest.is_empty();
            compress_one(state, &block, counter, ends);
            if ends {
                break;
            }
            bytes = rest;
        }
    }

    fn digests(self, state: &State<1>) -> [Digest; 1] {
        let mut digest = [0; QUAD_LEN];
        for (bytes, word) in digest.chunks_exact_mut(8).zip(state) {
            bytes.copy_from_slice(&word[0].to_le_bytes());
        }
        [digest]
    }
}

/// The compression function, one message at a time.
fn compress_one(state: &mut State<1>, block: &[u8; BLOCK_LEN], counter: u64, last: bool) {
    let words = block.as_chunks::<8>().0;
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
            let word = |nth: usize| u64::from_le_bytes(words[order[2 * i + nth]]);
            mix(places, word(0), word(1));
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
pub(super) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86;
